//! The window of an image beside the slide, by the rule of slides. It is found when the image is asked for.

use super::super::error::SlideError;
use super::super::window::Histogram;
use super::chunk;
use super::layout::{ChunkCoord, Layout};
use super::reader::PageReader;
use std::sync::Arc;

/// Chunks that are measured at most.
const MAX_CHUNKS: u64 = 64;

/// A reader of the page through the window of its values; `None` where it has the right one.
pub(super) fn windowed(page: &PageReader, limit_bytes: u64) -> Result<Option<PageReader>, SlideError> {
    let mut layout = page.layout.clone();
    if layout.numbers.is_none() && (layout.bits <= 8 || layout.declared || layout.is_inks()) {
        return Ok(None);
    }
    if let Some(mut numbers) = layout.numbers {
        let mut seen = false;
        for coord in some(&layout) {
            chunk::numbers(&page.file, &layout, coord, limit_bytes, &mut |value| {
                if value.is_finite() {
                    numbers.include(value, !seen);
                    seen = true;
                }
            })?;
        }
        layout.numbers = Some(numbers);
    }
    let mut histogram = Histogram::new();
    for coord in some(&layout) {
        chunk::values(&page.file, &layout, coord, limit_bytes, &mut |value| histogram.add(value))?;
    }
    let full = layout.window;
    layout.window =
        if layout.channels() == 3 { histogram.of_colors(full) } else { histogram.of_channel(full) };
    Ok(Some(PageReader::new(Arc::clone(&page.file), layout, limit_bytes, limit_bytes / 4)))
}

/// Some chunks of a page, spread over it.
fn some(layout: &Layout) -> impl Iterator<Item = ChunkCoord> + use<> {
    let across = u64::from(layout.across);
    let all = across * u64::from(layout.down);
    let step = all.div_ceil(MAX_CHUNKS).max(1) as usize;
    (0..all)
        .step_by(step)
        .map(move |at| ChunkCoord { column: (at % across) as u32, row: (at / across) as u32 })
}
