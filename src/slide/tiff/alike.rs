//! Whether a smaller resolution shows what the slide shows.
//!
//! A page may have the size of a level and be something else. What differs is left out: the slide's own pixels are right, if slower.

use super::layout::Layout;
use super::pixel_tags::Color;

/// Pixels of a level at the edges of a tile that may be those of its neighbour.
const EDGE: u32 = 2;

/// Why a page does not show the pixels of the slide's page; `None` where it does.
pub(super) fn difference(full: &Layout, level: &Layout) -> Option<String> {
    let numbers = |layout: &Layout| layout.numbers.map(|numbers| (numbers.kind, numbers.bits));
    let pixel = |layout: &Layout| match layout.color {
        Color::Direct { pixel, .. } => Some(pixel),
        Color::Palette(_) => None,
    };
    if full.channels() != level.channels() || pixel(full) != pixel(level) || numbers(full) != numbers(level) {
        return Some("its pixels are of another kind than those of the slide".into());
    }
    lost(full, level).map(|(x, y)| {
        format!("its pixel at {x}, {y} lies in a part that holds no byte, and the slide has pixels there")
    })
}

/// The first pixel of a part that the level leaves out, and in which the slide has something.
fn lost(full: &Layout, level: &Layout) -> Option<(u32, u32)> {
    if level.absent() == 0 {
        return None;
    }
    // A strip without coding is read in parts of another height than it is stored in.
    let lefts = || (0..level.width).step_by(level.chunk_width as usize);
    let tops = (0..level.height).step_by(level.strip_rows as usize);
    let mut parts = tops.flat_map(|y| lefts().map(move |x| (x, y))).filter(|&(x, y)| !level.holds(x, y));
    parts.find(|&(x, y)| {
        let columns = inner(x, level.chunk_width, level.width, full.width);
        let rows = inner(y, level.strip_rows, level.height, full.height);
        let at = |(first, last): (u32, u32), side: u32| {
            (first / side..=last / side).map(move |n| n.saturating_mul(side).max(first))
        };
        at(rows, full.strip_rows).any(|y| at(columns, full.chunk_width).any(|x| full.holds(x, y)))
    })
}

/// The first and the last pixel of the slide that lie well inside a part of the level which begins at `first`.
fn inner(first: u32, side: u32, of_level: u32, of_full: u32) -> (u32, u32) {
    let end = first.saturating_add(side).min(of_level);
    let edge = EDGE.min((end - first - 1) / 2);
    let scaled = |at: u32| (u64::from(at) * u64::from(of_full) / u64::from(of_level)) as u32;
    (scaled(first + edge), scaled(end - 1 - edge).min(of_full - 1))
}
