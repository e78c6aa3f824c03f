//! The errors of codecs. They name no file: the caller adds where the image is.

use crate::image::ycc::Sampling;

/// The result of codec calls.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Any error of a codec.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Bytes that cannot be decoded, or an image that cannot be encoded.
    #[error("{what}: {problem}")]
    Image {
        /// The image or codec.
        what: String,
        /// The fault.
        problem: String,
    },
    /// An image that may be whole, and that the decoder cannot decode.
    #[error("{0}, which this program does not decode")]
    Unsupported(String),
    /// A chroma sampling that an encoder does not code.
    #[error("{encoder}: chroma sampling {sampling:?}; it codes {coded}")]
    Sampling {
        /// The encoder.
        encoder: &'static str,
        /// The image's sampling.
        sampling: Sampling,
        /// The samplings that the encoder codes: "444 or 420", "420".
        coded: &'static str,
    },
    /// A payload of a codec that this build lacks. Codecs and cargo features have the same names.
    #[error("it is coded as {0}, which this build cannot read; build with --features {0}")]
    NotReadable(&'static str),
    /// An encoder that this build lacks. Encoders and cargo features have the same names.
    #[error("this build has no encoder {0}; build with --features {0}")]
    NoEncoder(&'static str),
    /// The libjxl library is missing at run time.
    #[error("the encoder jpegxl needs the libjxl library: {0}")]
    NoLibjxl(String),
    /// An entropy coder that this build lacks.
    #[error("the entropy coder {0} needs Lepton, which this build lacks; build with --features lepton")]
    NoEntropy(&'static str),
}

impl Error {
    /// Something that the decoder lacks.
    pub(super) fn unsupported(what: impl Into<String>) -> Self {
        Self::Unsupported(what.into())
    }
}
