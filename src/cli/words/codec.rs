//! Faults of codecs.

use origami::codec::Error;

pub fn error(error: &Error) -> Option<String> {
    match error {
        Error::Sampling { encoder, sampling, coded } => {
            Some(format!("{encoder}: chroma sampling {sampling:?}; use --subsamp {coded}"))
        }
        Error::NoEncoder(name) => {
            Some(format!("--encoder {name}: this build has no {name}; build with --features {name}"))
        }
        Error::NoLibjxl(why) => Some(format!("--encoder jpegxl needs the libjxl library: {why}")),
        Error::NoEntropy(name) => Some(format!(
            "--entropy {name}: this build has no lepton; build with --features lepton, or give --entropy huffman"
        )),
        _ => None,
    }
}
