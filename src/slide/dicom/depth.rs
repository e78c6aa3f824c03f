//! Which values of samples in 16 bits become black and white: what the caller chose, what the file declares, else what is measured.

use super::super::error::SlideError;
use super::super::window::{Histogram, Window};
use super::elements::{ADVICE, FORMAT};
use super::header::Header;
use super::level::Level;
use super::pixels;
use std::path::Path;

/// Frames that are measured at most.
const MAX_FRAMES: u64 = 64;

/// Where a window comes from that the file gives.
const DECLARED: &str = "the window that the file gives";

/// Sets the window of all levels, the chosen one where there is one. Says which one it is; `None` where samples have 8 bits.
pub(super) fn set_windows(
    levels: &mut [Level],
    chosen: Option<(u32, u32)>,
    path: &Path,
    limit_bytes: u64,
) -> Result<Option<String>, SlideError> {
    let Some((format, header)) = levels.first().map(|level| (level.image.format, &level.image.header)) else {
        return Ok(None);
    };
    if levels.iter().all(|level| level.palette.is_some()) {
        // A palette has a colour for each value.
        return Ok(None);
    }
    let full = Window::of_bits(format.bits);
    let (window, why) = match (chosen, declared(header, full)) {
        (Some(chosen), _) => {
            (Window::chosen(path, chosen, if format.is_deep { format.bits } else { 8 })?, "chosen")
        }
        _ if !format.is_deep => return Ok(None),
        (None, Some(window)) => (window, DECLARED),
        (None, None) if format.bits < 16 => (full, "the bits that the file declares"),
        (None, None) if format.channels() == 3 => {
            let histogram = measured(levels, limit_bytes)?;
            (histogram.of_colors(full), if histogram.is_dark(full) { "measured" } else { "the full range" })
        }
        (None, None) => (measured(levels, limit_bytes)?.of_channel(full), "measured"),
    };
    let curve = header.window_function.as_deref().filter(|_| why == DECLARED);
    let curve = curve.filter(|function| !matches!(*function, "LINEAR" | "LINEAR_EXACT"));
    let note = window.note(format.bits, why);
    let note = match curve {
        Some(function) => format!("{note}; the curve of that window ({function}) was not applied"),
        None => note,
    };
    levels.iter_mut().for_each(|level| level.window = window);
    Ok(Some(note))
}

/// The window of a file (PS3.3 section C.11.2.1.2), within the values that its samples can have.
fn declared(header: &Header, full: Window) -> Option<Window> {
    let (center, width) = (header.window.0?, header.window.1?);
    let (slope, intercept) = (header.rescale.0.unwrap_or(1.0), header.rescale.1.unwrap_or(0.0));
    let stored = |shown: f64| ((shown - intercept) / slope).round().clamp(0.0, full.high.into()) as u16;
    let (middle, half) = match header.window_function.as_deref() {
        Some("LINEAR_EXACT") => (center, width / 2.0),
        _ => (center - 0.5, (width - 1.0) / 2.0),
    };
    let (low, high) = (stored(middle - half), stored(middle + half));
    (low < high).then_some(Window { low, high, ..full })
}

/// The coarsest level's values, by some of its frames where there are many.
fn measured(levels: &[Level], limit_bytes: u64) -> Result<Histogram, SlideError> {
    let mut histogram = Histogram::new();
    let Some(level) = levels.last() else { return Ok(histogram) };
    let across = u64::from(level.image.across());
    let tiles = across * u64::from(level.image.down());
    for number in (0..tiles).step_by(tiles.div_ceil(MAX_FRAMES).max(1) as usize) {
        let (column, row) = ((number % across) as u32, (number / across) as u32);
        let Some((frames, frame, _)) = level.frame(column, row) else { continue };
        let stored = frames.read(frame, limit_bytes)?;
        let values = pixels::deep(&level.image.format, stored, limit_bytes).map_err(|fault| {
            let place = format!("frame {}, tile at column {column}, row {row}", u64::from(frame) + 1);
            fault.at(frames.file().path(), FORMAT, &place, ADVICE)
        })?;
        let inside =
            |at: u32, side: u32, of: u32| of.saturating_sub(at.saturating_mul(side)).min(side) as usize;
        let format = &level.image.format;
        let samples = usize::from(format.channels());
        let columns = samples * inside(column, format.width, level.image.width);
        let rows = inside(row, format.height, level.image.height);
        for line in values.chunks(samples * format.width as usize).take(rows) {
            line.iter().take(columns).for_each(|&value| histogram.add(value));
        }
    }
    Ok(histogram)
}
