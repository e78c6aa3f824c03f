//! `origami inspect`: what a pack or bundle holds.

use std::collections::HashSet;
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use origami::archive::{Archive, PayloadEntry};
use serde_json::json;

use super::human_bytes;

/// Reads header, indexes and payload tables; checks what it reads, not what it does not (see verify).
#[derive(Args)]
pub struct InspectArgs {
    /// A .bundle or .pack
    file: PathBuf,
    /// JSON instead of text
    #[arg(long)]
    json: bool,
    /// List every family and tile as well
    #[arg(long)]
    list: bool,
}

struct Parts {
    baseline: u64,
    residual: u64,
    originals: u64,
    heads: u64,
    small: u64,
    shared: u64,
}

pub fn run(args: InspectArgs) -> Result<()> {
    let archive = Archive::open(&args.file)?;
    let mut parts = Parts { baseline: 0, residual: 0, originals: 0, heads: 0, small: 0, shared: 0 };
    let mut seen = HashSet::new();
    let mut families = Vec::new();
    for entry in archive.families() {
        let head = archive.read_head(entry)?;
        // A tile that repeats an earlier one of its family has no bytes of its own.
        let own = |p: &PayloadEntry| if p.repeats { 0 } else { u64::from(p.bytes) };
        let payloads: Vec<_> = head.iter().map(|p| (p.kind, p.codec, own(p))).collect();
        if seen.insert(entry.offset) {
            parts.heads += u64::from(entry.bytes) - payloads.iter().map(|p| p.2).sum::<u64>();
            for &(kind, _, bytes) in &payloads {
                match kind {
                    origami::image::family::PayloadKind::Baseline => parts.baseline += bytes,
                    origami::image::family::PayloadKind::Residual => parts.residual += bytes,
                    origami::image::family::PayloadKind::Original(_) => parts.originals += bytes,
                }
            }
        } else {
            parts.shared += u64::from(entry.bytes);
        }
        families.push((entry, payloads));
    }
    for entry in archive.tiles() {
        if seen.insert(entry.offset) {
            parts.small += u64::from(entry.bytes);
        } else {
            parts.shared += u64::from(entry.bytes);
        }
    }
    let (geometry, meta) = (archive.geometry(), archive.meta());
    let raw = 3 * u64::from(geometry.width()) * u64::from(geometry.height());
    if args.json {
        let mut value = json!({
            "file": args.file, "kind": archive.kind().name(), "file_bytes": archive.file_bytes(),
            "identity": format!("{:016x}", archive.identity()),
            "width": geometry.width(), "height": geometry.height(), "tile": geometry.tile(), "overlap": 0,
            "levels": geometry.top_level() + 1,
            "families": archive.families().len(), "families_of_slide": geometry.family_count(), "small_tiles": archive.tiles().len(),
            "bytes": {
                "directory": archive.directory_bytes(), "baseline": parts.baseline, "residual": parts.residual, "originals": parts.originals,
                "family_heads": parts.heads, "small_levels": parts.small, "icc_profile": archive.icc_bytes(), "shared": parts.shared,
            },
            "bits_per_pixel": archive.file_bytes() as f64 * 24.0 / raw as f64,
            "of_raw_rgb": archive.file_bytes() as f64 / raw as f64,
            "meta": meta,
        });
        if args.list {
            value["family_list"] = families
                .iter()
                .map(|(e, payloads)| {
                    let payloads: Vec<_> =
                        payloads.iter().map(|(kind, codec, bytes)| json!({"kind": kind.name(), "codec": codec.name(), "bytes": bytes})).collect();
                    json!({"x": e.id.x(), "y": e.id.y(), "offset": e.offset, "bytes": e.bytes, "payloads": payloads})
                })
                .collect();
            value["tile_list"] = archive
                .tiles()
                .iter()
                .map(|e| json!({"level": e.id.level, "x": e.id.x, "y": e.id.y, "offset": e.offset, "bytes": e.bytes, "codec": e.codec.name()}))
                .collect();
        }
        say!("{}", serde_json::to_string_pretty(&value)?);
        return Ok(());
    }
    let row = |name: &str, text: String| say!("{name:<18}{text}");
    let part = |name: &str, bytes: u64| {
        row(
            name,
            format!(
                "{:>10}  {:5.1}%",
                human_bytes(bytes),
                100.0 * bytes as f64 / archive.file_bytes() as f64
            ),
        );
    };
    row("file", format!("{} ({}, {:016x})", args.file.display(), archive.kind().name(), archive.identity()));
    row(
        "slide",
        format!(
            "{}x{}, {} levels, tiles of {}",
            geometry.width(),
            geometry.height(),
            geometry.top_level() + 1,
            geometry.tile()
        ),
    );
    row("source", format!("{} ({})", meta.source.name, meta.source.format));
    if let Some((x, y)) = meta.microns_per_pixel {
        row("microns per pixel", format!("{x:.4} x {y:.4}"));
    }
    if let Some(power) = meta.objective_power {
        row("objective", format!("{power}x"));
    }
    let (e, c) = (&meta.encode, &meta.coding);
    if c.originals {
        row("L0", "the source's own tiles, exactly".into());
    } else {
        row(
            "baseline",
            format!("quality {}, {}", e.base_quality, serde_json::to_string(&e.subsamp)?.trim_matches('"')),
        );
        row("residual", format!("quality {}, {}% of L0", e.residual_quality, c.l0_scale_pct));
    }
    row("filters", format!("up {}, down {}", c.upsample_filter.name(), c.downsample_filter.name()));
    let on = [
        (e.optl2, format!("optL2 (max delta {})", e.max_delta)),
        (e.sharpen > 0.0, format!("sharpen {}", e.sharpen)),
    ];
    let on: Vec<_> = on.into_iter().filter(|(on, _)| *on).map(|(_, text)| text).collect();
    row("extras", if on.is_empty() { "none".into() } else { on.join(", ") });
    row("families", format!("{} of {}", archive.families().len(), geometry.family_count()));
    row("small tiles", archive.tiles().len().to_string());
    part("total", archive.file_bytes());
    if c.originals {
        part("  L0 tiles", parts.originals);
        part("  L2 tiles", parts.baseline);
    } else {
        part("  residuals", parts.residual);
        part("  baselines", parts.baseline);
    }
    part("  small levels", parts.small);
    part("  directory", archive.directory_bytes() + parts.heads);
    part("  ICC profile", archive.icc_bytes().into());
    row("shared", format!("{:>10}  (equal parts, stored once)", human_bytes(parts.shared)));
    row(
        "rate",
        format!(
            "{:.3} bits per pixel, 1/{:.0} of raw RGB",
            archive.file_bytes() as f64 * 24.0 / raw as f64,
            raw as f64 / archive.file_bytes() as f64
        ),
    );
    if args.list {
        for (e, payloads) in &families {
            let text: Vec<_> = payloads
                .iter()
                .map(|(kind, codec, bytes)| format!("{} {} {bytes}", kind.name(), codec.name()))
                .collect();
            say!(
                "family {:<9} at {:>10}  {:>8} bytes: {}",
                e.id.to_string(),
                e.offset,
                e.bytes,
                text.join(", ")
            );
        }
        for e in archive.tiles() {
            say!("tile {:<11} at {:>10}  {:>8} bytes", e.id.to_string(), e.offset, e.bytes);
        }
    }
    Ok(())
}
