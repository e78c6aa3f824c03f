//! Which pixels the files in chunks can hold: JPEG, JPEG 2000, WebP.
//!
//! It deliberately does not look into those files; a chunk that holds something else is an error when it is read.

use super::super::error::SlideError;
use super::pixel_tags::{Color, Compression, PixelTags};

/// The samples of a pixel in chunks that are files of their own.
pub(super) struct Samples {
    pub bits: u32,
    pub count: usize,
    /// Each in a plane of its own.
    pub planar: bool,
    pub ycbcr: bool,
}

/// Refuses what the files in the chunks cannot hold here, by name.
pub(super) fn check_file(
    tags: &PixelTags<'_>,
    compression: Compression,
    samples: Samples,
    color: &Color,
) -> Result<(), SlideError> {
    let Samples { bits, count, planar, ycbcr } = samples;
    let name = compression.name();
    let refuse = |what: String| Err(tags.unsupported(format!("{name} compression of {what}")));
    let is_jpeg_2000 = compression == Compression::Jpeg2000;
    if bits != 8 && !(is_jpeg_2000 && bits == 16 && !ycbcr) {
        return refuse(format!("{bits}-bit samples"));
    }
    if planar && ycbcr {
        return refuse("YCbCr in separate planes".into());
    }
    let fits = match compression {
        Compression::Jpeg => planar || matches!(count, 1 | 3),
        Compression::Jpeg2000 => !ycbcr || count == 3,
        _ => !planar && matches!(count, 3 | 4),
    };
    match (fits, color) {
        (true, Color::Direct { .. }) => Ok(()),
        _ => refuse(format!("pixels of {count} samples of this kind")),
    }
}
