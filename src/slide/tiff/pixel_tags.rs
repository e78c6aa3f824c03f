//! The tags that describe pixels, read one by one: sizes, bits per sample, compression, predictor, colour.
//!
//! A value that the reader does not support is an error here. The tags' agreement with each other is checked in `layout`.

use super::super::error::SlideError;
use super::super::positional::PositionalFile;
use super::super::samples::Pixel;
use super::directory::Directory;
use super::numbers::Kind;
use super::tag;

const ADVICE: &str = "convert it to 8-bit RGB with JPEG, deflate or LZW compression";

/// How chunks are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Lzw,
    Deflate,
    PackBits,
    Zstd,
    Jpeg,
    Jpeg2000,
    #[cfg(feature = "webp")]
    WebP,
}

impl Compression {
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "uncompressed",
            Self::Lzw => "LZW",
            Self::Deflate => "deflate",
            Self::PackBits => "PackBits",
            Self::Zstd => "Zstandard",
            Self::Jpeg => "JPEG",
            Self::Jpeg2000 => "JPEG 2000",
            #[cfg(feature = "webp")]
            Self::WebP => "WebP",
        }
    }

    /// Whether chunks are files of their own, which know their samples.
    pub fn is_file(self) -> bool {
        !matches!(self, Self::None | Self::Lzw | Self::Deflate | Self::PackBits | Self::Zstd)
    }
}

/// What the samples of a pixel mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Color {
    /// Samples that are the colour itself. `invert` where 0 is white.
    Direct { pixel: Pixel, invert: bool },
    /// Indices into these colours.
    Palette(Vec<[u8; 3]>),
}

/// The tags of one directory.
pub(super) struct PixelTags<'a> {
    pub file: &'a PositionalFile,
    pub directory: &'a Directory<'a>,
}

impl PixelTags<'_> {
    pub fn unsupported(&self, what: impl Into<String>) -> SlideError {
        SlideError::unsupported(self.file.path(), "TIFF", what, ADVICE)
    }

    pub fn required(&self, tag: u16) -> Result<u64, SlideError> {
        self.directory.number(tag)?.ok_or_else(|| self.directory.corrupt(tag, "missing"))
    }

    /// A size of 1 to 2^32 - 1 pixels.
    pub fn side(&self, tag: u16) -> Result<u32, SlideError> {
        let size = self.required(tag)?;
        let side = u32::try_from(size).ok().filter(|&side| side > 0);
        side.ok_or_else(|| self.directory.corrupt(tag, format!("a size of {size} pixels")))
    }

    /// A number of 1 to 65535.
    pub fn small_number(&self, tag: u16, default: u64) -> Result<usize, SlideError> {
        let value = self.directory.number(tag)?.unwrap_or(default);
        let small = u16::try_from(value).ok().filter(|&value| value > 0);
        small.map(usize::from).ok_or_else(|| self.directory.corrupt(tag, format!("a value of {value}")))
    }

    /// Bits per sample: 1, 2, 4, or 8 to 16, the same for all samples.
    pub fn bits(&self) -> Result<u32, SlideError> {
        let all = self.directory.numbers(tag::BITS_PER_SAMPLE)?.unwrap_or_else(|| vec![1]);
        let first = all.first().copied().unwrap_or(1);
        match (self.kind()?, first) {
            (Kind::Signed, 8 | 16 | 32) | (Kind::Float, 32 | 64) | (Kind::Unsigned, 32) => {
                self.is_plain_gray(&all)?;
                return Ok(first as u32);
            }
            (Kind::Signed, _) => return Err(self.unsupported(format!("signed samples of {first} bits"))),
            (Kind::Float, _) => {
                return Err(self.unsupported(format!("floating-point samples of {first} bits")));
            }
            (Kind::Unsigned, _) => {}
        }
        match first {
            1 | 2 | 4 | 8..=16 if all.iter().all(|&bits| bits == first) => Ok(first as u32),
            _ if all.iter().any(|&bits| bits != first) => {
                Err(self.unsupported(format!("samples of different depths ({all:?} bits)")))
            }
            _ => Err(self.unsupported(format!("samples of {first} bits"))),
        }
    }

    /// How samples are to be read: 1 is unsigned, 2 signed, 3 floating point, 4 untyped and read as unsigned.
    pub fn kind(&self) -> Result<Kind, SlideError> {
        let formats = self.directory.numbers(tag::SAMPLE_FORMAT)?.unwrap_or_default();
        let first = formats.first().copied().unwrap_or(1);
        match first {
            _ if formats.iter().any(|&format| format != first) => {
                Err(self.unsupported("samples of different formats"))
            }
            1 | 4 => Ok(Kind::Unsigned),
            2 => Ok(Kind::Signed),
            3 => Ok(Kind::Float),
            _ => Err(self.unsupported("complex samples")),
        }
    }

    /// Refuses numbers other than plain gray in pixels of several samples, or in files of their own.
    fn is_plain_gray(&self, bits: &[u64]) -> Result<(), SlideError> {
        let gray = matches!(self.directory.number(tag::PHOTOMETRIC)?, Some(0 | 1));
        let kind = match self.kind()? {
            Kind::Unsigned => "",
            Kind::Signed => "signed ",
            Kind::Float => "floating-point ",
        };
        let first = bits.first().copied().unwrap_or(1);
        let what = match () {
            () if bits.len() > 1 || !gray => "in pixels that are not gray",
            () if self.compression()?.is_file() => "in files of their own",
            () => return Ok(()),
        };
        Err(self.unsupported(format!("{kind}samples of {first} bits {what}")))
    }

    /// Whether the bits of each byte are stored in reverse (FillOrder 2).
    pub fn reversed_bits(&self, compression: Compression) -> Result<bool, SlideError> {
        match self.directory.number(tag::FILL_ORDER)?.unwrap_or(1) {
            // As in libtiff, it does not apply to formats of files of their own.
            2 => Ok(!compression.is_file()),
            _ => Ok(false),
        }
    }

    pub fn compression(&self) -> Result<Compression, SlideError> {
        let name = match self.directory.number(tag::COMPRESSION)?.unwrap_or(1) {
            1 => return Ok(Compression::None),
            5 => return Ok(Compression::Lzw),
            7 => return Ok(Compression::Jpeg),
            8 | 32946 => return Ok(Compression::Deflate),
            32773 => return Ok(Compression::PackBits),
            // Aperio's YCbCr and RGB, Leica's, and the number that is registered.
            33003..=33005 | 34712 => return Ok(Compression::Jpeg2000),
            // The number that libtiff writes, and the one from before it.
            50000 | 34926 => return Ok(Compression::Zstd),
            #[cfg(feature = "webp")]
            50001 | 34927 => return Ok(Compression::WebP),
            2..=4 => "fax compression".to_string(),
            6 => "old-style JPEG compression (6)".into(),
            #[cfg(not(feature = "webp"))]
            50001 | 34927 => "WebP compression".into(),
            34887 => "LERC compression".into(),
            34925 => "LZMA compression".into(),
            34892 => "lossy raw compression (34892)".into(),
            34933 => "PNG compression".into(),
            22610 | 34934 => "JPEG XR compression".into(),
            50002 | 52546 => "JPEG XL compression".into(),
            other => format!("compression {other}"),
        };
        Err(SlideError::lacks_codec(self.file.path(), "TIFF", name, ADVICE))
    }

    /// Whether samples are stored as differences (predictor 2).
    pub fn predictor(&self, compression: Compression, bits: u32) -> Result<bool, SlideError> {
        let value = self.directory.number(tag::PREDICTOR)?.unwrap_or(1);
        // Files of their own have no samples to predict.
        if value == 1 || compression.is_file() {
            return Ok(false);
        }
        // Readers differ in whether it applies without compression and to PackBits.
        let applies = !matches!(compression, Compression::None | Compression::PackBits);
        let is_float = self.kind()? == Kind::Float;
        match value {
            2 if applies && !is_float && matches!(bits, 8 | 16 | 32) => Ok(true),
            3 if applies && is_float => Ok(true),
            _ => {
                Err(self
                    .unsupported(format!("predictor {value} on {bits}-bit samples, {}", compression.name())))
            }
        }
    }
}
