//! An archive as text.

use origami::archive::{Archive, SourceKind, SourceMeta};

use origami::report::settings;
use origami::report::sizes::{ByCodec, PayloadSize, Sizes};

use crate::cli::print::{human_bytes, say};

/// Prints the archive, with every family and tile if `list` is set.
pub fn print(archive: &Archive, sizes: &Sizes<'_>, list: bool) {
    print_record(archive, sizes);
    print_sizes(archive, sizes);
    if list {
        print_list(archive, sizes);
    }
}

fn row(label: &str, text: &str) {
    say!("{label:<18}{text}");
}

fn print_record(archive: &Archive, sizes: &Sizes<'_>) {
    let (geometry, meta) = (archive.geometry(), archive.meta());
    let (path, kind, identity) = (archive.path().display(), archive.kind().name(), archive.identity());
    row("file", &format!("{path} ({kind}, {identity:016x})"));
    let (width, height, tile) = (geometry.width(), geometry.height(), geometry.tile());
    row("slide", &format!("{width}x{height}, {} levels, tiles of {tile}", geometry.top_level() + 1));
    row("source", &format!("{} ({})", meta.source.name, meta.source.format));
    if let Some((x, y)) = meta.microns_per_pixel {
        row("microns per pixel", &format!("{x:.4} x {y:.4}"));
    }
    if let Some(power) = meta.objective_power {
        row("objective", &format!("{power}x"));
    }
    row("source kind", &source_kind(&meta.source));
    row("written by", &meta.tool);
    row("content", &meta.content);
    for (label, text) in settings::rows(meta) {
        row(label, &text);
    }
    row("payloads", &payloads(sizes));
    row("complete", if meta.complete { "yes" } else { "no: the encoder left families out" });
    row("families", &format!("{} of {}", archive.families().len(), geometry.family_count()));
    row("small tiles", &archive.tiles().len().to_string());
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

fn print_sizes(archive: &Archive, sizes: &Sizes<'_>) {
    let file_bytes = archive.file_bytes();
    let part = |label: &str, bytes: u64| {
        let percent = 100.0 * bytes as f64 / file_bytes as f64;
        row(label, &format!("{:>10}  {percent:5.1}%", human_bytes(bytes)));
    };
    part("total", file_bytes);
    for (label, bytes) in sizes.parts(archive) {
        part(&format!("  {label}"), bytes);
    }
    row("shared", &format!("{:>10}  (equal parts, stored once)", human_bytes(sizes.shared)));
    let geometry = archive.geometry();
    let raw_bytes = 3.0 * f64::from(geometry.width()) * f64::from(geometry.height());
    let (bits, factor) = (file_bytes as f64 * 24.0 / raw_bytes, raw_bytes / file_bytes as f64);
    row("rate", &format!("{bits:.3} bits per pixel, 1/{factor:.0} of raw RGB"));
}

fn print_list(archive: &Archive, sizes: &Sizes<'_>) {
    for family in &sizes.families {
        let payload = |p: &PayloadSize| format!("{} {} {}", p.kind.name(), p.codec.name(), p.bytes);
        let payloads: Vec<_> = family.payloads.iter().map(payload).collect();
        let e = family.entry;
        let (id, payloads) = (e.id.to_string(), payloads.join(", "));
        say!("family {id:<9} at {:>10}  {:>8} bytes: {payloads}", e.offset, e.bytes);
    }
    for e in archive.tiles() {
        say!("tile {:<11} at {:>10}  {:>8} bytes", e.id.to_string(), e.offset, e.bytes);
    }
}
