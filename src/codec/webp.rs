//! libwebp: VP8 with planes in and out for archives, and WebP files of RGB for output tiles (`--output-format webp`).
//!
//! In an archive a payload is one byte with the number of components, 1 or 3, and a VP8 key frame (RFC 6386). The frame is what
//! a lossy WebP holds, without the RIFF around it, which would promise other colours: VP8 calls its samples studio range, here
//! they are the planes as they are, 0 to 255. VP8 is always 4:2:0; of a gray image its chroma is neutral and is not looked at.
//!
//! VP8's decoder is defined in integers, loop filter included, so that what comes out is the same on every machine; WebP's
//! chroma upsampling and conversion to RGB, which are not in that definition, take no part. The encoder works in floats: its
//! bytes are not promised to be the same on every machine.
#![allow(unsafe_code)]

mod decoder;
mod encoder;
#[cfg(test)]
mod tests;

use crate::codec::error::{Error, Result};

pub use decoder::Decoder;
pub use encoder::Encoder;

/// Largest side that VP8 codes.
const MAX_SIDE: usize = 16_383;

fn failed(problem: impl ToString) -> Error {
    Error::Image { what: "WebP".into(), problem: problem.to_string() }
}

/// Codes interleaved RGB at `quality` 1 to 100; 4:2:0, as every lossy WebP.
///
/// # Errors
/// Sides over 16,383 pixels, lack of memory.
pub fn encode_webp(rgb: &[u8], width: usize, height: usize, quality: u8) -> Result<Vec<u8>> {
    let encoder = webp::Encoder::from_rgb(rgb, width as u32, height as u32);
    let bytes = encoder
        .encode_simple(false, f32::from(quality))
        .map_err(|e| failed(format!("a tile of {width}x{height}: {e:?}")))?;
    Ok(bytes.to_vec())
}
