//! RGB to WebP files.

use super::error::failed;
use crate::codec::error::Result;

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
