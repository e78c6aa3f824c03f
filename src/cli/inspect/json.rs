//! An archive as JSON.

use origami::archive::{Archive, TileEntry};
use origami::report::settings::preset;
use origami::report::sizes::{FamilySizes, PayloadSize, Sizes, total};
use serde_json::{Value, json};

/// The archive, with every family and tile if `list` is set.
pub fn object(archive: &Archive, sizes: &Sizes<'_>, list: bool) -> Value {
    let (geometry, meta) = (archive.geometry(), archive.meta());
    let raw_bytes = 3.0 * f64::from(geometry.width()) * f64::from(geometry.height());
    let file_bytes = archive.file_bytes() as f64;
    let params = &meta.encode;
    let mut value = json!({
        "file": archive.path(), "kind": archive.kind().name(), "file_bytes": archive.file_bytes(),
        "identity": format!("{:016x}", archive.identity()),
        "width": geometry.width(), "height": geometry.height(), "tile": geometry.tile(), "overlap": 0,
        "levels": geometry.top_level() + 1,
        "families": archive.families().len(), "families_of_slide": geometry.family_count(),
        "small_tiles": archive.tiles().len(),
        "preset": preset(params), "encoder": params.encoder.name(),
        "residual_encoder": params.residual_encoder().name(), "entropy": params.entropy.name(),
        "chroma_residual_quality": params.chroma_residual_quality,
        "bytes": {
            "directory": archive.directory_bytes(), "baseline": total(&sizes.baselines),
            "residual": total(&sizes.residuals), "originals": total(&sizes.originals),
            "family_heads": sizes.heads, "small_levels": total(&sizes.small_levels),
            "icc_profile": archive.icc_bytes(), "shared": sizes.shared,
        },
        "bytes_by_codec": {
            "baseline": sizes.baselines, "residual": sizes.residuals, "originals": sizes.originals,
            "small_levels": sizes.small_levels,
        },
        "bits_per_pixel": file_bytes * 24.0 / raw_bytes,
        "of_raw_rgb": file_bytes / raw_bytes,
        "meta": meta,
    });
    if list {
        value["family_list"] = sizes.families.iter().map(family).collect();
        value["tile_list"] = archive.tiles().iter().map(tile).collect();
    }
    value
}

fn family(FamilySizes { entry, payloads, .. }: &FamilySizes<'_>) -> Value {
    let payload = |p: &PayloadSize| json!({"kind": p.kind.name(), "codec": p.codec.name(), "bytes": p.bytes});
    let payloads: Vec<_> = payloads.iter().map(payload).collect();
    json!({
        "x": entry.id.x(), "y": entry.id.y(), "offset": entry.offset, "bytes": entry.bytes, "payloads": payloads,
    })
}

fn tile(entry: &TileEntry) -> Value {
    json!({
        "level": entry.id.level, "x": entry.id.x, "y": entry.id.y, "offset": entry.offset, "bytes": entry.bytes,
        "codec": entry.codec.name(),
    })
}
