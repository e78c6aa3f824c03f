//! Bounds checks of regions and buffers, done before a reader touches a pixel; allocation within a limit.
//!
//! It deliberately does not know where pixels come from.

use super::error::SlideError;
use std::path::Path;

/// Size of a slide in pixels, and its number of 8-bit channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    pub width: u32,
    pub height: u32,
    pub channels: u8,
}

/// A rectangle of pixels of one resolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region {
    /// Left edge, in pixels.
    pub x: u32,
    /// Top edge, in pixels.
    pub y: u32,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

impl Extent {
    /// Bytes of one row. At most 3 * 2^32, so it never overflows a `u64`.
    pub fn row_bytes(self) -> u64 {
        u64::from(self.width) * u64::from(self.channels)
    }

    /// Checks that the region lies inside the slide and that `buffer_bytes` is exactly its size.
    pub fn check(self, path: &Path, region: Region, buffer_bytes: usize) -> Result<(), SlideError> {
        let Region { x, y, width, height } = region;
        let inside = u64::from(x) + u64::from(width) <= u64::from(self.width)
            && u64::from(y) + u64::from(height) <= u64::from(self.height);
        if !inside {
            return Err(SlideError::OutOfBounds {
                path: path.to_path_buf(),
                x,
                y,
                width,
                height,
                slide_width: self.width,
                slide_height: self.height,
            });
        }
        let expected = u128::from(width) * u128::from(height) * u128::from(self.channels);
        if expected != buffer_bytes as u128 {
            return Err(SlideError::BufferSize {
                path: path.to_path_buf(),
                expected_bytes: u64::try_from(expected).unwrap_or(u64::MAX),
                found_bytes: buffer_bytes as u64,
            });
        }
        Ok(())
    }

    /// As [`Self::check`], for `rows` full rows from row `y`.
    pub fn check_rows(self, path: &Path, y: u32, rows: u32, buffer_bytes: usize) -> Result<(), SlideError> {
        self.check(path, Region { x: 0, y, width: self.width, height: rows }, buffer_bytes)
    }
}

/// A zeroed buffer of `bytes`, or an error when that is over `limit_bytes` or the system lacks the memory.
/// `what` and `advice` go into the error.
pub(super) fn allocate(
    path: &Path,
    what: &str,
    bytes: u64,
    limit_bytes: u64,
    advice: &'static str,
) -> Result<Vec<u8>, SlideError> {
    let refuse = || SlideError::too_large(path, what, bytes, limit_bytes, advice);
    if bytes > limit_bytes {
        return Err(refuse());
    }
    let length = usize::try_from(bytes).map_err(|_| refuse())?;
    let mut buffer = Vec::new();
    buffer.try_reserve_exact(length).map_err(|_| refuse())?;
    buffer.resize(length, 0);
    Ok(buffer)
}
