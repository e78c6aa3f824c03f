//! A Deep Zoom tree.

use std::path::Path;

use anyhow::Result;
use origami::pyramid::tree::{Layout, Missing, Tree};
use serde::Serialize;
use serde_json::{Value, json};

use super::answer::{Answer, row, scan_rows};
use crate::cli::print::human_bytes;

/// The tiles of one level: how many there should be, how many there are, and their bytes.
#[derive(Serialize)]
struct Level {
    level: u32,
    width: u32,
    height: u32,
    tiles: u64,
    present: u64,
    missing: u64,
    bytes: u64,
}

/// The descriptor, the sidecar, and what each level has.
pub fn inspect(path: &Path) -> Result<Answer> {
    let tree = Tree::open(path, Missing::Background)?;
    let levels = levels(&tree)?;
    Ok(Answer { text: text(&tree, &levels), value: object(&tree, &levels) })
}

fn levels(tree: &Tree) -> Result<Vec<Level>> {
    let geometry = tree.geometry();
    let empty = |level| {
        let ((width, height), (columns, rows)) = (geometry.level_size(level), geometry.tiles(level));
        let tiles = u64::from(columns) * u64::from(rows);
        Level { level, width, height, tiles, present: 0, missing: tiles, bytes: 0 }
    };
    let mut levels: Vec<_> = (0..=geometry.top_level()).map(empty).collect();
    tree.each_tile_file(|id, file| {
        let level = &mut levels[id.level as usize];
        level.present += 1;
        level.missing -= 1;
        level.bytes += file.bytes;
    })?;
    Ok(levels)
}

fn sum(levels: &[Level], of: fn(&Level) -> u64) -> u64 {
    levels.iter().map(of).sum()
}

fn text(tree: &Tree, levels: &[Level]) -> Vec<String> {
    let (descriptor, metadata) = (tree.descriptor(), tree.metadata());
    let (width, height, tile) = (descriptor.width, descriptor.height, descriptor.tile);
    let (tiles, present) = (sum(levels, |level| level.tiles), sum(levels, |level| level.present));
    let bytes = human_bytes(sum(levels, |level| level.bytes));
    let layout = match tree.layout() {
        Layout::DeepZoom => String::new(),
        other => format!(", {}", other.name()),
    };
    let mut text = vec![
        row("file", format!("{} (tree, {bytes})", tree.path().display())),
        row("slide", format!("{width}x{height}, {} levels, tiles of {tile}", levels.len())),
        row("format", format!("{}, overlap {}{layout}", descriptor.format, descriptor.overlap)),
        row("tiles", format!("{present} of {tiles}{}", missing(tiles - present))),
    ];
    if metadata.generator.is_empty() {
        text.push(row("sidecar", "none"));
    } else {
        text.push(row("source", format!("{} ({})", metadata.source, metadata.format)));
        text.extend(scan_rows(
            metadata.microns_per_pixel,
            metadata.objective_power,
            metadata.scanner.as_deref(),
        ));
        text.push(row("written by", &metadata.generator));
    }
    text.extend(tree.warnings().iter().map(|said| row("warning", said)));
    let icc = tree.icc_profile().map_or("none".into(), |profile| human_bytes(profile.len() as u64));
    text.push(row("ICC profile", icc));
    text.extend(levels.iter().rev().map(|level| {
        let size = format!("{}x{}", level.width, level.height);
        let (present, bytes, note) = (level.present, human_bytes(level.bytes), missing(level.missing));
        row(&format!("level {}", level.level), format!("{size:<16}{present:>8} tiles {bytes:>10}{note}"))
    }));
    text
}

fn object(tree: &Tree, levels: &[Level]) -> Value {
    let (descriptor, metadata) = (tree.descriptor(), tree.metadata());
    json!({
        "file": tree.path(), "kind": "tree", "file_bytes": sum(levels, |level| level.bytes),
        "width": descriptor.width, "height": descriptor.height, "tile": descriptor.tile,
        "overlap": descriptor.overlap, "format": descriptor.format,
        "tiles": sum(levels, |level| level.tiles), "present": sum(levels, |level| level.present),
        "missing": sum(levels, |level| level.missing), "levels": levels, "layout": tree.layout().name(), "warnings": tree.warnings(),
        "sidecar": (!metadata.generator.is_empty()).then_some(metadata),
        "icc_profile_bytes": tree.icc_profile().map_or(0, <[u8]>::len),
    })
}

fn missing(count: u64) -> String {
    if count > 0 { format!(", {count} missing") } else { String::new() }
}
