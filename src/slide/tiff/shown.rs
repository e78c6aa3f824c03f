//! The window of an image beside the slide, by the rule of slides. It is found when the image is asked for.

use super::super::error::SlideError;
use super::super::window::Histogram;
use super::chunk;
use super::reader::{PageReader, spread};
use std::sync::Arc;

/// A reader of the page through the window of its values; `None` where it has the right one.
pub(super) fn windowed(page: &PageReader, limit_bytes: u64) -> Result<Option<PageReader>, SlideError> {
    let mut layout = page.layout.clone();
    if layout.numbers.is_none() && (layout.bits <= 8 || layout.declared || layout.is_inks()) {
        return Ok(None);
    }
    if let Some(mut numbers) = layout.numbers {
        let mut seen = false;
        spread(&layout, |coord| {
            chunk::numbers(&page.file, &layout, coord, limit_bytes, &mut |value| {
                if value.is_finite() {
                    numbers.include(value, !seen);
                    seen = true;
                }
            })
        })?;
        layout.numbers = Some(numbers);
    }
    let mut histogram = Histogram::new();
    spread(&layout, |coord| {
        chunk::values(&page.file, &layout, coord, limit_bytes, &mut |value| histogram.add(value))
    })?;
    let full = layout.window;
    layout.window =
        if layout.channels() == 3 { histogram.of_colors(full) } else { histogram.of_channel(full) };
    Ok(Some(PageReader::alone(Arc::clone(&page.file), layout, limit_bytes)))
}
