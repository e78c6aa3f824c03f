//! Inputs from which mutations begin, made of files of this tree: payloads of its bundles, parts of a slide, slides in TIFF, requests.
//!
//! What no code here makes is in `fuzz/seeds`. `FUZZ_SEEDS=FOLDER` has the program write these, each to `FOLDER/TARGET/NAME`, and end.

use std::fs;
use std::path::{Path, PathBuf};

use origami::archive::{Archive, BandWriter};
use origami::codec::CodecId;
use origami::image::family::PayloadKind;
use origami::lossless::tile_size;

use crate::{band, requests, tiffs};

/// Families of a bundle whose payloads are taken.
const FAMILIES: usize = 2;

/// Bundles and packs.
fn archives() -> Vec<PathBuf> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests");
    let mut found: Vec<PathBuf> = ["golden", "versions/0.2.0/bundles"]
        .iter()
        .flat_map(|folder| fs::read_dir(tests.join(folder)).expect("bundles"))
        .map(|entry| entry.expect("a file").path())
        .filter(|path| path.extension().is_some_and(|end| end == "bundle" || end == "pack"))
        .collect();
    found.sort();
    assert!(found.len() > 10, "{found:?}");
    found
}

/// The target of a codec's payloads.
fn target_of(codec: CodecId) -> &'static str {
    match codec {
        CodecId::Jpeg => "jpeg",
        CodecId::Webp => "vp8",
        CodecId::JpegXl => "jpegxl",
        CodecId::Lepton => "lepton",
        CodecId::Context => "context",
        CodecId::Jpeg2000 => "jpeg2000",
    }
}

/// A payload behind the four bytes that say its size; of one that a target takes.
fn sized(width: u32, height: u32, bytes: &[u8]) -> Option<Vec<u8>> {
    let (width, height) = (u8::try_from(width - 1).ok()?, u8::try_from(height - 1).ok()?);
    Some([&[width, height, 0, height / 2][..], bytes].concat())
}

/// Payloads and tiles of a bundle: codec, name, seed.
fn payloads(archive: &Archive) -> Vec<(CodecId, String, Vec<u8>)> {
    let (geometry, mut out) = (archive.geometry(), Vec::new());
    for entry in archive.families().iter().take(FAMILIES) {
        let rect = geometry.family_rect(entry.id);
        for payload in archive.read_family(entry).expect("a family").payloads {
            let (width, height) = match payload.kind {
                PayloadKind::Baseline => (rect.width.div_ceil(4), rect.height.div_ceil(4)),
                PayloadKind::Residual => (rect.width, rect.height),
                PayloadKind::Original(_) => (geometry.tile(), geometry.tile()),
            };
            if let Some(seed) = sized(width, height, &payload.bytes) {
                out.push((payload.codec, format!("{}-{}", entry.id, payload.kind.number()), seed));
            }
        }
    }
    for entry in archive.tiles().iter().take(FAMILIES) {
        let (width, height) = tile_size(geometry, entry.id).expect("a tile");
        let bytes = archive.read_tile(entry).expect("a tile");
        if let Some(seed) = sized(width as u32, height as u32, &bytes) {
            out.push((entry.codec, format!("{}-{}-{}", entry.id.level, entry.id.x, entry.id.y), seed));
        }
    }
    out
}

/// The families of a bundle as a worker hands them to another.
fn part_of(archive: &Archive, path: &Path) {
    let mut writer = BandWriter::create(path, archive.families().len() as u32).expect("a file");
    for entry in archive.families() {
        let record = archive.read_family(entry).expect("a family");
        writer.add(entry.id, &record, b"what comes with it").expect("a family");
    }
    writer.finish().expect("a file");
}

/// A codestream of JPEG 2000 that is a square, its side and its components.
pub fn codestream() -> (Vec<u8>, u32, u64) {
    const STREAM: &[u8] = include_bytes!("../seeds/jpeg2000/square");
    // The size and the kind of its colours come first; the marker segment SIZ has the number of components.
    (STREAM[5..].to_vec(), u32::from(STREAM[0]) + 1, u64::from(STREAM[5 + 41]))
}

/// Writes all.
pub fn write(folder: &Path) {
    let place = |target: &str, name: &str| {
        let folder = folder.join(target);
        fs::create_dir_all(&folder).expect("a folder");
        folder.join(name)
    };
    for path in archives() {
        let archive = Archive::open(&path).expect("a bundle");
        let name = path.file_stem().expect("a name").to_string_lossy();
        fs::copy(&path, place("archive", &name)).expect("a seed");
        let geometry = archive.geometry();
        if (geometry.width(), geometry.height(), geometry.tile()) == band::SLIDE {
            part_of(&archive, &place("band", &name));
        }
        for (codec, part, seed) in payloads(&archive) {
            fs::write(place(target_of(codec), &format!("{name}-{part}")), seed).expect("a seed");
        }
    }
    for (name, seed) in tiffs::all() {
        fs::write(place("tiff", name), seed).expect("a seed");
    }
    for (target, is_signed) in [("http", false), ("signed", true)] {
        for (name, seed) in requests::all(is_signed) {
            fs::write(place(target, &name), seed).expect("a seed");
        }
    }
}
