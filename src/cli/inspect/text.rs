//! An archive as text.

use origami::archive::{Archive, SourceMeta};

use super::settings;
use super::sizes::{ByCodec, PayloadSize, Sizes, total};
use crate::cli::print::{human_bytes, say};

/// Prints the archive, with every family and tile if `list` is set.
pub fn print(archive: &Archive, sizes: &Sizes<'_>, list: bool) {
    print_record(archive);
    print_sizes(archive, sizes);
    if list {
        print_list(archive, sizes);
    }
}

fn row(label: &str, text: &str) {
    say!("{label:<18}{text}");
}

fn print_record(archive: &Archive) {
    let (geometry, meta) = (archive.geometry(), archive.meta());
    let (path, kind, identity) = (archive.path().display(), archive.kind().name(), archive.identity());
    row("file", &format!("{path} ({kind}, {identity:016x})"));
    row("content", &meta.content);
    row("written by", &meta.tool);
    let (width, height, tile) = (geometry.width(), geometry.height(), geometry.tile());
    row("slide", &format!("{width}x{height}, {} levels, tiles of {tile}", geometry.top_level() + 1));
    row("source", &source(&meta.source));
    if let Some((x, y)) = meta.microns_per_pixel {
        row("microns per pixel", &format!("{x:.4} x {y:.4}"));
    }
    if let Some(power) = meta.objective_power {
        row("objective", &format!("{power}x"));
    }
    for (label, text) in settings::rows(meta) {
        row(label, &text);
    }
    let (families, all) = (archive.families().len(), geometry.family_count());
    let left_out = if meta.complete { "" } else { ", others left out by the encoder" };
    row("families", &format!("{families} of {all}{left_out}"));
    row("small tiles", &archive.tiles().len().to_string());
}

fn source(source: &SourceMeta) -> String {
    let mut text = format!("{} ({}", source.name, source.format);
    if source.overlap > 0 {
        text += &format!(", overlap {}", source.overlap);
    }
    if source.lossy == Some(true) {
        text += ", lossy";
    }
    text + ")"
}

fn print_sizes(archive: &Archive, sizes: &Sizes<'_>) {
    let file_bytes = archive.file_bytes();
    let part = |label: &str, bytes: u64, codecs: String| {
        let percent = 100.0 * bytes as f64 / file_bytes as f64;
        row(label, &format!("{:>10}  {percent:5.1}%{codecs}", human_bytes(bytes)));
    };
    let coded = |label: &str, bytes: &ByCodec| part(label, total(bytes), codecs(bytes));
    part("total", file_bytes, String::new());
    if archive.meta().coding.originals {
        coded("  L0 tiles", &sizes.originals);
        coded("  L2 tiles", &sizes.baselines);
    } else {
        coded("  residuals", &sizes.residuals);
        coded("  baselines", &sizes.baselines);
    }
    coded("  small levels", &sizes.small_levels);
    part("  directory", archive.directory_bytes() + sizes.heads, String::new());
    part("  ICC profile", archive.icc_bytes().into(), String::new());
    row("shared", &format!("{:>10}  (equal parts, stored once)", human_bytes(sizes.shared)));
    let geometry = archive.geometry();
    let raw_bytes = 3.0 * f64::from(geometry.width()) * f64::from(geometry.height());
    let (bits, factor) = (file_bytes as f64 * 24.0 / raw_bytes, raw_bytes / file_bytes as f64);
    row("rate", &format!("{bits:.3} bits per pixel, 1/{factor:.0} of raw RGB"));
}

/// The codecs of a part, the one with most bytes first.
fn codecs(part: &ByCodec) -> String {
    let mut all: Vec<_> = part.iter().collect();
    all.sort_by_key(|(_, bytes)| std::cmp::Reverse(**bytes));
    let names: Vec<_> = all.into_iter().map(|(name, _)| *name).collect();
    if names.is_empty() { String::new() } else { format!("  {}", names.join(", ")) }
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
