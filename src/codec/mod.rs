//! Image codecs: planes to bytes and back.
//!
//! One file or folder per codec, each the only owner of its foreign library. Nothing here knows of families or archives.
//!
//! | file | what it holds |
//! |---|---|
//! | `id`, `kind`, `image_codec` | the names of codecs and encoders, and the traits that they implement |
//! | `dispatch` | from a name to the implementation |
//! | `coefficients` | the default encoder and the decoder of JPEG payloads: transform, quantiser, Huffman codes |
//! | `turbo` | libjpeg-turbo: the decoder of all other JPEGs and of what is unusual, the encoder of tiles |
//! | `mozjpeg`, `jpegli` | other encoders of JPEG; `jpeg` has what JPEG encoders share |
//! | `jpegxl`, `lepton`, `context` | the coefficients of a JPEG in fewer bytes; `entropy` chooses between them |
//! | `webp`, `png` | codecs without JPEG in them |
//! | `foreign`, `jpeg2000` | JPEGs and codestreams of JPEG 2000 that this program did not write |

pub mod coefficients;
mod context;
mod dispatch;
mod entropy;
mod error;
mod foreign;
mod id;
mod image_codec;
mod jpeg;
pub mod jpeg2000;
#[cfg(feature = "jpegli")]
mod jpegli;
#[cfg(feature = "jpegxl")]
mod jpegxl;
mod kind;
#[cfg(feature = "lepton")]
mod lepton;
#[cfg(feature = "mozjpeg")]
mod mozjpeg;
mod png;
#[cfg(test)]
mod testing;
mod turbo;
#[cfg(feature = "webp")]
mod webp;

pub use self::coefficients::Coefficients;
pub use self::coefficients::entry::EntryPoints;
pub use self::dispatch::{decoder, encode_and_decode, jpeg_in, unpacked};
pub use self::entropy::{BaselineCoder, Entropy, ResidualCoder};
pub use self::error::{Error, Result};
pub use self::foreign::{Foreign, decode_foreign, foreign_header, foreign_pixels};
pub use self::id::CodecId;
pub use self::image_codec::{ImageDecoder, ImageEncoder, Quality, Shape};
pub use self::jpeg::frame::Frame as JpegFrame;
pub use self::jpeg::segments::{Extra, ExtraKind, extras, icc_bytes, without_extras};
#[cfg(feature = "jpegxl")]
pub use self::jpegxl::state as libjxl_state;
pub use self::kind::{EncoderKind, ImageRole};
pub use self::png::{PngHeader, decode_png, encode_png, png_header};
#[cfg(test)]
pub use self::turbo::encode_deep as encode_deep_jpeg;
pub use self::turbo::{
    Color as JpegColor, Decoder as JpegDecoder, Encoder as JpegEncoder, Header as JpegHeader,
    Opened as OpenedJpeg, Simd as JpegSimd, crop as crop_jpeg, cut as cut_jpeg, cut_all as cut_jpeg_parts,
    decode_deep as decode_deep_jpeg, pad as pad_jpeg, sampling_factors, simd as jpeg_simd,
    version as jpeg_version,
};
#[cfg(feature = "webp")]
pub use self::webp::encode_webp;
