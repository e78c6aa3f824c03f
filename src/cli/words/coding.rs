//! Faults of codecs, of families and of output tiles.

use origami::{codec, output, residual};

use super::{backend, params};

pub fn codec(error: &codec::Error) -> Option<String> {
    match error {
        codec::Error::Sampling { encoder, sampling, coded } => {
            Some(format!("{encoder}: chroma sampling {sampling:?}; use --subsamp {coded}"))
        }
        codec::Error::NoEncoder(name) => {
            Some(format!("--encoder {name}: this build has no {name}; build with --features {name}"))
        }
        codec::Error::NoLibjxl(why) => Some(format!("--encoder jpegxl needs the libjxl library: {why}")),
        codec::Error::NoEntropy(name) => Some(format!(
            "--entropy {name}: this build has no lepton; build with --features lepton, or give --entropy huffman"
        )),
        _ => None,
    }
}

pub fn residual(error: &residual::Error) -> Option<String> {
    match error {
        residual::Error::Backend(e) => backend::error(e),
        residual::Error::Codec(e) => codec(e),
        residual::Error::Params(e) => params::error(e),
        residual::Error::Lossless => Some(
            "--preset lossless predicts nothing; it is for encode, from the JPEG tiles of a tree or a slide"
                .into(),
        ),
        _ => None,
    }
}

pub fn output(error: &output::Error) -> Option<String> {
    match error {
        output::Error::Codec(e) => codec(e),
        output::Error::Quality(quality) => Some(format!("--quality {quality}: 1 to 100")),
        output::Error::NoWebp => {
            Some("--output-format webp: this build has no WebP; build with --features webp".into())
        }
        _ => None,
    }
}
