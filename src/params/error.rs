//! Parameters that are out of range or contradict each other.

use super::subsamp::Subsamp;
use crate::codec::{self, EncoderKind, Entropy};
use crate::image::spec;

/// The result of checks of parameters.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A parameter of an encode. `Display` gives its name in prose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Parameter {
    /// Quality of the L2 baseline.
    BaseQuality,
    /// Quality of the residual.
    ResidualQuality,
    /// Quality of the residual of Cb and Cr.
    ChromaResidualQuality,
    /// Side of the coded residual in percent of L0.
    L0Scale,
    /// Sharpening of L2.
    Sharpen,
    /// Sharpening of the residual.
    L0Sharpen,
    /// Entropy coder.
    Entropy(Entropy),
    /// Entropy coder of the residual, where it is chosen apart from that of the baseline.
    ResidualEntropy,
    /// Encoder of the residual.
    ResidualEncoder,
    /// Optimised L2 luma.
    Optl2,
    /// Chroma sampling of the baseline.
    Subsamp(Subsamp),
}

impl std::fmt::Display for Parameter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Parameter::BaseQuality => "the baseline quality",
            Parameter::ResidualQuality => "the residual quality",
            Parameter::ChromaResidualQuality => "the chroma residual quality",
            Parameter::L0Scale => "the scale of the residual",
            Parameter::Sharpen => "the sharpening of L2",
            Parameter::L0Sharpen => "the sharpening of the residual",
            Parameter::Entropy(entropy) => return write!(f, "the entropy coder {}", entropy.name()),
            Parameter::ResidualEntropy => "an entropy coder of its own for the residual",
            Parameter::ResidualEncoder => "an encoder of its own for the residual",
            Parameter::Optl2 => "optL2",
            Parameter::Subsamp(subsamp) => return write!(f, "chroma sampling {}", subsamp.name()),
        })
    }
}

/// Any fault of parameters.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A quality out of range.
    #[error("{parameter} is {quality}: a JPEG quality is 1 to 100")]
    Quality {
        /// Which.
        parameter: Parameter,
        /// The value.
        quality: u8,
    },
    /// A scale out of range.
    #[error("the scale of the residual is {percent}: it is a percentage of 1 to 100")]
    L0Scale {
        /// The value.
        percent: u32,
    },
    /// A sharpening out of range.
    #[error("{parameter} is {value}: a strength is 1/512 to {max}, or 0 for none", max = spec::MAX_SHARPEN)]
    Strength {
        /// Which.
        parameter: Parameter,
        /// The value.
        value: f64,
    },
    /// An archive records a sharpening that no encoder gives it.
    #[error("a recorded sharpening of {0} is out of range")]
    RecordedSharpening(f64),
    /// A WebP baseline in 4:4:4.
    #[error("WebP has chroma of half size only: choose the chroma sampling 420 or 420opt for it")]
    WebpBaseline444,
    /// A WebP residual whose chroma has a quality of its own.
    #[error(
        "WebP has one quality for all planes: the chroma residual must have quality {residual_quality} as well"
    )]
    WebpChromaQuality {
        /// Quality of the luma residual.
        residual_quality: u8,
    },
    /// A sharpened L2 is to be stored, and no sharpening is given.
    #[error("the sharpened L2 is to be stored, but no sharpening is given")]
    SaveSharpenedWithoutSharpen,
    /// An encoder that writes no JPEG, for families that are stored as JPEG files.
    #[error("a lossless archive stores JPEG files, L2 included: {encoder} does not write them", encoder = .0.name())]
    LosslessEncoder(EncoderKind),
    /// A parameter of the prediction, for families without one.
    #[error("{0} concerns the prediction of L0, and a lossless archive stores L0 as it is")]
    NotWithLossless(Parameter),
    /// A codec that is not there.
    #[error(transparent)]
    Codec(#[from] codec::Error),
}
