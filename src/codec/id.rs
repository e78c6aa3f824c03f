//! The codecs that archives name.

/// The codec of a payload or stored tile, as archives record it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum CodecId {
    /// A JPEG of 8 bits a sample, gray or YCbCr.
    Jpeg = 1,
    /// A VP8 key frame, as in a lossy WebP file. Gray or 4:2:0.
    Webp = 2,
    /// The coefficients of a JPEG as a JPEG XL codestream.
    JpegXl = 3,
    /// A JPEG file, repacked by Lepton.
    Lepton = 4,
    /// The coefficients of a JPEG, gray or 4:2:0, in context-adaptive arithmetic codes.
    Context = 5,
    /// A codestream of JPEG 2000 as the source has it, and what its components are. Of original tiles alone.
    Jpeg2000 = 6,
}

impl CodecId {
    /// The codec with this number in archives.
    pub fn from_u16(value: u16) -> Option<Self> {
        use CodecId::{Context, Jpeg, Jpeg2000, JpegXl, Lepton, Webp};
        let all = [Jpeg, Webp, JpegXl, Lepton, Context, Jpeg2000];
        all.into_iter().find(|&codec| codec as u16 == value)
    }

    /// The name for people and JSON.
    pub fn name(self) -> &'static str {
        match self {
            CodecId::Jpeg => "jpeg",
            CodecId::Webp => "webp",
            CodecId::JpegXl => "jpegxl",
            CodecId::Lepton => "lepton",
            CodecId::Context => "context",
            CodecId::Jpeg2000 => "jpeg2000",
        }
    }
}
