//! A directory of packs without a bundle.

use std::path::Path;

use anyhow::Result;
use origami::decode::Input;
use origami::report::settings;
use serde_json::json;

use super::answer::{Answer, row, scan_rows};
use crate::cli::print::human_bytes;

/// How many families of the slide are here, and what the first pack records: packs of one encode record the same.
pub fn inspect(dir: &Path) -> Result<Answer> {
    let packs = Input::packs(dir)?;
    let (geometry, meta, families) = (packs.geometry(), packs.meta(), packs.families());
    let mut file_bytes = 0;
    for &id in &families {
        file_bytes += std::fs::metadata(packs.path(id))?.len();
    }
    let (width, height, tile) = (geometry.width(), geometry.height(), geometry.tile());
    let levels = geometry.top_level() + 1;
    let mut text = vec![
        row("directory", format!("{} (packs)", dir.display())),
        row("slide", format!("{width}x{height}, {levels} levels, tiles of {tile}")),
        row("source", format!("{} ({})", meta.source.name, meta.source.format)),
    ];
    text.extend(scan_rows(meta.microns_per_pixel, meta.objective_power, meta.scanner.as_deref()));
    text.push(row("written by", &meta.tool));
    text.extend(settings::rows(meta).iter().map(|(label, setting)| row(label, setting)));
    text.push(row("families", format!("{} of {}", families.len(), geometry.family_count())));
    text.push(row("total", format!("{:>10}", human_bytes(file_bytes))));
    let value = json!({
        "file": dir, "kind": "packs", "file_bytes": file_bytes,
        "width": width, "height": height, "tile": tile, "levels": levels,
        "families": families.len(), "families_of_slide": geometry.family_count(),
        "preset": settings::preset(&meta.encode), "meta": meta,
    });
    Ok(Answer { text, value })
}
