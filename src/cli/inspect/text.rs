//! An archive as text.

use origami::archive::{Archive, SourceKind, SourceMeta};
use origami::report::settings;
use origami::report::sizes::{ByCodec, PayloadSize, Sizes};

use super::answer::{row, scan_rows};
use crate::cli::print::human_bytes;

/// What the archive records, and how its bytes are distributed.
pub fn rows(archive: &Archive, sizes: &Sizes<'_>) -> Vec<String> {
    let (geometry, meta) = (archive.geometry(), archive.meta());
    let (path, kind, identity) = (archive.path().display(), archive.kind().name(), archive.identity());
    let (width, height, tile) = (geometry.width(), geometry.height(), geometry.tile());
    let mut rows = vec![
        row("file", format!("{path} ({kind}, {identity:016x})")),
        row("slide", format!("{width}x{height}, {} levels, tiles of {tile}", geometry.top_level() + 1)),
        row("source", format!("{} ({})", meta.source.name, meta.source.format)),
    ];
    rows.extend(scan_rows(meta.microns_per_pixel, meta.objective_power, meta.scanner.as_deref()));
    rows.push(row("source kind", source_kind(&meta.source)));
    rows.push(row("written by", &meta.tool));
    rows.push(row("content", &meta.content));
    rows.extend(settings::rows(meta).iter().map(|(label, text)| row(label, text)));
    rows.push(row("payloads", payloads(sizes)));
    rows.push(row("complete", if meta.complete { "yes" } else { "no: the encoder left families out" }));
    rows.push(row("families", format!("{} of {}", archive.families().len(), geometry.family_count())));
    rows.push(row("small tiles", archive.tiles().len()));
    rows.extend(size_rows(archive, sizes));
    rows
}

fn source_kind(source: &SourceMeta) -> String {
    let kind = match source.kind {
        SourceKind::Deepzoom => "Deep Zoom tree",
        SourceKind::Slide => "slide or image",
    };
    let lossy = match source.lossy {
        Some(true) => ", lossy",
        Some(false) => ", lossless",
        None => "",
    };
    let overlap = if source.overlap > 0 { format!(", overlap {}", source.overlap) } else { String::new() };
    format!("{kind}{lossy}{overlap}")
}

/// The codecs of each kind of payload, the one with most bytes first.
fn payloads(sizes: &Sizes<'_>) -> String {
    let kinds = [
        ("baselines", &sizes.baselines),
        ("residuals", &sizes.residuals),
        ("L0 tiles", &sizes.originals),
        ("small levels", &sizes.small_levels),
    ];
    let present = kinds.into_iter().filter(|(_, part)| !part.is_empty());
    let texts: Vec<_> = present.map(|(kind, part)| format!("{kind} {}", codecs(part))).collect();
    texts.join("; ")
}

fn codecs(part: &ByCodec) -> String {
    let mut all: Vec<_> = part.iter().collect();
    all.sort_by_key(|(_, bytes)| std::cmp::Reverse(**bytes));
    let names: Vec<_> = all.into_iter().map(|(name, _)| *name).collect();
    names.join(" and ")
}

fn size_rows(archive: &Archive, sizes: &Sizes<'_>) -> Vec<String> {
    let file_bytes = archive.file_bytes();
    let part = |label: &str, bytes: u64| {
        let percent = 100.0 * bytes as f64 / file_bytes as f64;
        row(label, format!("{:>10}  {percent:5.1}%", human_bytes(bytes)))
    };
    let mut rows = vec![part("total", file_bytes)];
    rows.extend(sizes.parts(archive).into_iter().map(|(label, bytes)| part(&format!("  {label}"), bytes)));
    rows.push(row("shared", format!("{:>10}  (equal parts, stored once)", human_bytes(sizes.shared))));
    let geometry = archive.geometry();
    let raw_bytes = 3.0 * f64::from(geometry.width()) * f64::from(geometry.height());
    let (bits, factor) = (file_bytes as f64 * 24.0 / raw_bytes, raw_bytes / file_bytes as f64);
    rows.push(row("rate", format!("{bits:.3} bits per pixel, 1/{factor:.0} of raw RGB")));
    rows
}

/// Every family and tile.
pub fn list(archive: &Archive, sizes: &Sizes<'_>) -> Vec<String> {
    let family = sizes.families.iter().map(|family| {
        let payload = |p: &PayloadSize| format!("{} {} {}", p.kind.name(), p.codec.name(), p.bytes);
        let payloads: Vec<_> = family.payloads.iter().map(payload).collect();
        let e = family.entry;
        let (id, payloads) = (e.id.to_string(), payloads.join(", "));
        format!("family {id:<9} at {:>10}  {:>8} bytes: {payloads}", e.offset, e.bytes)
    });
    let tile = archive
        .tiles()
        .iter()
        .map(|e| format!("tile {:<11} at {:>10}  {:>8} bytes", e.id.to_string(), e.offset, e.bytes));
    family.chain(tile).collect()
}
