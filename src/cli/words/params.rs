//! Faults of parameters.

use origami::image::spec;
use origami::params::{Error, Parameter};

use super::codec;

pub fn error(error: &Error) -> Option<String> {
    Some(match error {
        Error::Quality { parameter, quality } => {
            format!("{} {quality}: a JPEG quality is 1 to 100", flag(*parameter))
        }
        Error::L0Scale { percent } => format!("--l0-scale {percent}: a percentage of 1 to 100"),
        Error::Strength { parameter, value } => format!(
            "{} {value}: a strength is 1/512 to {}, or 0 for none",
            flag(*parameter),
            spec::MAX_SHARPEN
        ),
        Error::WebpBaseline444 => {
            "--encoder webp: WebP has chroma of half size only; give --subsamp 420 or 420opt".into()
        }
        Error::WebpChromaQuality { residual_quality } => format!(
            "--chroma-resq: WebP has one quality for all planes; give {residual_quality} as well, or another \
             --residual-encoder"
        ),
        Error::SaveSharpenedWithoutSharpen => {
            "--save-sharpened stores the sharpened L2; give --sharpen S as well".into()
        }
        Error::LosslessEncoder(encoder) => format!(
            "--encoder {}: --preset lossless stores JPEG files, and L2 as one too; use turbojpeg, trellis, mozjpeg or jpegli",
            encoder.name()
        ),
        Error::NotWithLossless(parameter) => format!(
            "{} is about predicting L0 from L2, and --preset lossless stores L0 as it is; leave one of them out",
            flag(*parameter)
        ),
        Error::Codec(e) => return codec::error(e),
        _ => return None,
    })
}

/// The flag of a parameter, with its value where only that value is concerned.
fn flag(parameter: Parameter) -> String {
    match parameter {
        Parameter::BaseQuality => "--baseq".into(),
        Parameter::ResidualQuality => "--l0q".into(),
        Parameter::ChromaResidualQuality => "--chroma-resq".into(),
        Parameter::L0Scale => "--l0-scale".into(),
        Parameter::Sharpen => "--sharpen".into(),
        Parameter::L0Sharpen => "--l0-sharpen".into(),
        Parameter::Entropy(entropy) => format!("--entropy {}", entropy.name()),
        Parameter::ResidualEntropy => "--residual-entropy".into(),
        Parameter::ResidualEncoder => "--residual-encoder".into(),
        Parameter::Optl2 => "--optl2".into(),
        Parameter::Subsamp(subsamp) => format!("--subsamp {}", subsamp.name()),
        other => other.to_string(),
    }
}
