//! The encoders that users choose from, and the role of the image that an encoder codes.

/// An encoder, as `--encoder` and archives name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EncoderKind {
    /// libjpeg-turbo.
    Turbojpeg,
    /// JPEG with quantisation that weighs error against bits.
    Trellis,
    /// mozjpeg.
    Mozjpeg,
    /// jpegli.
    Jpegli,
    /// libjxl.
    Jpegxl,
    /// libwebp.
    Webp,
}

impl EncoderKind {
    /// Every encoder, whether this build has it or not.
    pub const ALL: [Self; 6] =
        [Self::Turbojpeg, Self::Trellis, Self::Mozjpeg, Self::Jpegli, Self::Jpegxl, Self::Webp];

    /// Whether this build has the encoder.
    pub fn is_built(self) -> bool {
        match self {
            EncoderKind::Turbojpeg | EncoderKind::Trellis => true,
            EncoderKind::Mozjpeg => cfg!(feature = "mozjpeg"),
            EncoderKind::Jpegli => cfg!(feature = "jpegli"),
            EncoderKind::Jpegxl => cfg!(feature = "jpegxl"),
            EncoderKind::Webp => cfg!(feature = "webp"),
        }
    }

    /// The name on the command line and in archives; also that of the cargo feature.
    pub fn name(self) -> &'static str {
        match self {
            EncoderKind::Turbojpeg => "turbojpeg",
            EncoderKind::Trellis => "trellis",
            EncoderKind::Mozjpeg => "mozjpeg",
            EncoderKind::Jpegli => "jpegli",
            EncoderKind::Jpegxl => "jpegxl",
            EncoderKind::Webp => "webp",
        }
    }
}

#[cfg(feature = "cli")]
impl clap::ValueEnum for EncoderKind {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(self.name().into())
    }
}

/// The kind of image that an encoder gets. Some encoders code residuals in another way than pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageRole {
    /// A picture: the L2 baseline, a tile.
    Baseline,
    /// The difference between L0 and its prediction, around 128.
    Residual,
}
