//! Where the bytes of an archive lie: over the slide, by what they are, by the size of families.

use super::drawing::{Anchor, Area, Drawing, Paint, Rgb};
use super::map::{Map, SMALL};
use super::scale::{Colors, ticks};
use crate::archive::Archive;
use crate::error::Result;
use crate::report::numbers::{human_bytes, round_bytes, thousands};
use crate::report::picture::thumbnail;
use crate::report::sizes::Sizes;

/// Width of the plot.
pub const ROOM: f64 = 896.0;
/// Least distance to the edge of a sheet.
const MARGIN: f64 = 32.0;
/// Size of the headings of its parts.
const HEADING: f64 = 16.0;
/// Bars of the histogram.
const BINS: usize = 28;
/// Colours of parts that even colour-blind people tell apart. Source: Okabe and Ito, "Color Universal Design" (2008).
const PARTS: [Rgb; 5] = [[0, 114, 178], [230, 159, 0], [0, 158, 115], [204, 121, 167], [86, 180, 233]];

/// Draws an archive as a sheet with a heading. `names` is whether the name of the slide may be on it.
///
/// # Errors
/// Damaged tiles of the small levels.
pub fn sheet(archive: &Archive, sizes: &Sizes<'_>, names: bool) -> Result<Drawing> {
    let mut sheet = Drawing { width: ROOM + 2.0 * MARGIN, ..Drawing::default() };
    let top = heading(&mut sheet, archive, names);
    sheet.height = draw(&mut sheet, archive, sizes, (MARGIN, top))? + MARGIN;
    Ok(sheet)
}

/// As [`sheet`], without heading and margins, for a page that has them.
///
/// # Errors
/// As [`sheet`].
pub fn figure(archive: &Archive, sizes: &Sizes<'_>) -> Result<Drawing> {
    let mut sheet = Drawing { width: ROOM, ..Drawing::default() };
    sheet.height = draw(&mut sheet, archive, sizes, (0.0, 0.0))?;
    Ok(sheet)
}

/// Draws map, split and histogram below one another; returns where they end.
fn draw(sheet: &mut Drawing, archive: &Archive, sizes: &Sizes<'_>, (x, y): (f64, f64)) -> Result<f64> {
    const BETWEEN: f64 = 28.0;
    sheet.description = "Where the bytes lie".into();
    let y = y + draw_map(sheet, archive, sizes, (x, y))? + BETWEEN;
    let y = y + draw_parts(sheet, archive, sizes, (x, y)) + BETWEEN;
    Ok(y + draw_histogram(sheet, sizes, (x, y)))
}

/// The first two lines; returns where the next part begins.
fn heading(sheet: &mut Drawing, archive: &Archive, names: bool) -> f64 {
    let (geometry, meta) = (archive.geometry(), archive.meta());
    let title = if names { meta.source.name.as_str() } else { "Where the bytes lie" };
    // A browser's font may be a little wider than ours.
    sheet.fitted(MARGIN, MARGIN + 18.0, 22.0, Paint::Ink, title, 0.95 * ROOM);
    let mut facts = vec![
        format!("{} × {} px", thousands(geometry.width().into()), thousands(geometry.height().into())),
        format!(
            "{} of {} families",
            thousands(archive.families().len() as u64),
            thousands(geometry.family_count())
        ),
        human_bytes(archive.file_bytes()),
    ];
    if let Some((x, y)) = meta.microns_per_pixel {
        facts.insert(1, format!("{x:.4} × {y:.4} µm per px"));
    }
    sheet.text(MARGIN, MARGIN + 40.0, 13.0, Paint::Muted, facts.join("  ·  "));
    MARGIN + 62.0
}

fn draw_map(sheet: &mut Drawing, archive: &Archive, sizes: &Sizes<'_>, (left, y): (f64, f64)) -> Result<f64> {
    let largest = sizes.families.iter().map(|family| family.entry.bytes).max().unwrap_or_default();
    let title = |bytes: u32, repeats: bool| {
        let note = if repeats { ", stored once with an equal one" } else { "" };
        format!("{}{note}", human_bytes(bytes.into()))
    };
    let cells = sizes.families.iter().map(|family| {
        let (id, bytes) = (family.entry.id, family.entry.bytes);
        (id, f64::from(bytes), format!("family {id}: {}", title(bytes, family.repeats)))
    });
    let map = Map {
        geometry: archive.geometry(),
        microns_per_pixel: archive.meta().microns_per_pixel,
        caption: "Bytes per family",
        cells: cells.collect(),
        range: (0.0, f64::from(largest)),
        colors: Colors::Viridis,
        label: &round_bytes,
        // Two pixels a point.
        slide: thumbnail(archive, 2 * ROOM as u32)?,
    };
    Ok(map.draw(sheet, left, y, ROOM))
}

/// The split of the bytes as one bar; returns its height with its legend.
fn draw_parts(sheet: &mut Drawing, archive: &Archive, sizes: &Sizes<'_>, (left, y): (f64, f64)) -> f64 {
    const COLUMNS: usize = 3;
    let total = archive.file_bytes() as f64;
    sheet.text(left, y + HEADING, HEADING, Paint::Ink, "What the bytes are");
    let (top, mut sum, mut rows) = (y + 30.0, 0.0, 0);
    let parts = sizes.parts(archive).into_iter().filter(|(_, bytes)| *bytes > 0);
    for (i, ((name, bytes), rgb)) in parts.zip(PARTS).enumerate() {
        let at = |bytes: f64| left + (bytes / total * ROOM).round();
        let (from, to) = (at(sum), at(sum + bytes as f64));
        sum += bytes as f64;
        sheet.fill(Area::new(from, top, (to - from).max(0.5), 24.0), Paint::Fixed(rgb));
        rows = i / COLUMNS + 1;
        let x = left + (i % COLUMNS) as f64 * ROOM / COLUMNS as f64;
        let line = top + 46.0 + (rows - 1) as f64 * 22.0;
        sheet.fill(Area::new(x, line - 10.0, 12.0, 12.0), Paint::Fixed(rgb));
        let chroma = name == "residuals" && archive.meta().coding.chroma_residual;
        let name = if chroma { "residuals with chroma" } else { name };
        let percent = 100.0 * bytes as f64 / total;
        let text = format!("{name}: {} ({percent:.1}%)", human_bytes(bytes));
        sheet.text(x + 18.0, line, 14.0, Paint::Ink, text);
    }
    36.0 + 24.0 + rows as f64 * 22.0
}

/// How many families have which size; returns its height. One family has no distribution.
fn draw_histogram(sheet: &mut Drawing, sizes: &Sizes<'_>, (left, y): (f64, f64)) -> f64 {
    const HEIGHT: f64 = 150.0;
    let mut bytes: Vec<u32> = sizes.families.iter().map(|family| family.entry.bytes).collect();
    bytes.sort_unstable();
    let [_, .., largest] = bytes[..] else { return 0.0 };
    let median = bytes[bytes.len() / 2];
    sheet.text(left, y + HEADING, HEADING, Paint::Ink, "How large families are");
    let note = format!("median {}, largest {}", human_bytes(median.into()), human_bytes(largest.into()));
    sheet.anchored(left + ROOM, y + HEADING, 13.0, Anchor::End, Paint::Muted, note);
    let mut counts = [0u64; BINS];
    for &size in &bytes {
        let bin = u64::from(size) * BINS as u64 / (u64::from(largest) + 1);
        counts[bin as usize] += 1;
    }
    let most = counts.into_iter().max().unwrap_or(1) as f64;
    let chart = Area::new(left + 60.0, y + 54.0, ROOM - 84.0, HEIGHT);
    let base = chart.y + HEIGHT;
    for tick in ticks(0.0, most, 4).into_iter().filter(|tick| tick.fract() == 0.0) {
        let line = (base - tick / most * HEIGHT).round();
        sheet.fill(Area::new(chart.x, line, chart.width, 1.0), Paint::Rule);
        sheet.anchored(chart.x - 8.0, line + 4.0, SMALL, Anchor::End, Paint::Muted, thousands(tick as u64));
    }
    let edge = |bin: usize| chart.x + (bin as f64 / BINS as f64 * chart.width).round();
    for (bin, &count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let tall = (count as f64 / most * HEIGHT).round().max(1.0);
        let area = Area::new(edge(bin), base - tall, edge(bin + 1) - edge(bin) - 1.0, tall);
        sheet.fill(area, Paint::Fixed(PARTS[0]));
    }
    sheet.fill(Area::new(chart.x, base, chart.width, 1.0), Paint::Muted);
    for tick in ticks(0.0, largest.into(), 6) {
        let x = chart.x + tick / f64::from(largest).max(1.0) * chart.width;
        sheet.fill(Area::new(x.round(), base, 1.0, 5.0), Paint::Muted);
        sheet.anchored(x, base + 19.0, SMALL, Anchor::Middle, Paint::Muted, round_bytes(tick));
    }
    sheet.text(left, chart.y - 14.0, SMALL, Paint::Muted, "families");
    sheet.anchored(left + ROOM, base + 37.0, SMALL, Anchor::End, Paint::Muted, "bytes per family");
    54.0 + HEIGHT + 40.0
}
