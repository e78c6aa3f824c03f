//! libwebp: VP8 with planes in and out for archives, and WebP files of RGB for output tiles (`--output-format webp`).
//!
//! A payload in an archive is one byte with the number of components, 1 or 3, and a VP8 key frame (RFC 6386). The frame is the content
//! of a lossy WebP file without the RIFF around it. RIFF would promise other colours: WebP takes VP8's samples for studio range, here
//! they are the planes as they are, 0 to 255. VP8 is always 4:2:0; the chroma of a gray image is neutral, and ignored on decoding.
//!
//! VP8's decoder is defined in integers, loop filter included, so every machine decodes to the same samples. WebP's chroma upsampling
//! and conversion to RGB are not part of that definition and not used. The encoder works in floats: its bytes may differ between
//! machines.
#![allow(unsafe_code)]

mod decoder;
mod encoder;
mod error;
mod file;
#[cfg(test)]
mod tests;

pub use decoder::Decoder;
pub use encoder::Encoder;
pub use file::encode_webp;
