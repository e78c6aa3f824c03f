//! The format, pinned: hashes of what today's code writes and decodes, and a bundle and a pack that it must read.
//!
//! An encode's metadata names the version of the program, so the bytes of a whole new file change with every release.
//! A fresh encode is therefore pinned by its geometry, its coding, its records, its small tiles and the order and
//! relative place of all of them; the files in `tests/golden/` are pinned byte for byte. A change here is a change of the format: look
//! at it, then run with ORIGAMI_BLESS=1 and commit the difference with its reason.
//!
//! Reasons so far: residuals of JPEG have restart markers, which changed the bytes of `fresh.txt` and of no plane. `slide.bundle` and
//! its pack are from before that and stay, for the reader; `slide_stripes.bundle` and its pack are the same slide since. `trellis` came
//! with our own trellis. `slide_context.bundle` is from before context-coded residuals had cells.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::kit::compare::planes;
use crate::kit::image::Image;
use crate::kit::jpeg;
use crate::kit::pipeline::{as_png, decode_to, encode_to, tree_source, verify_deep};
use crate::kit::trees::{self, Layout, write_tree};
use origami::archive::{Archive, Kind};
use origami::backend::{Backend, CpuBackend};
use origami::codec::{CodecId, EncoderKind, decoder};
use origami::decode::Input;
use origami::encode::EncodeOptions;
use origami::image::family::{PayloadKind, Want};
use origami::image::ycc::Sampling;
use origami::kernels::taps::Filter;
use origami::params::{EncodeParams, Subsamp};
use origami::residual::FamilyDecoder;
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

const ADVICE: &str = "the format has changed. If that is meant, run `ORIGAMI_BLESS=1 cargo test --test library golden::` and commit \
                      tests/golden/ with the reason";

fn golden_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn bless() -> bool {
    std::env::var_os("ORIGAMI_BLESS").is_some_and(|v| v == "1")
}

/// Compares hashes with `tests/golden/NAME`, lines of `hash  what`; with ORIGAMI_BLESS=1 writes them.
fn check_hashes(name: &str, found: &BTreeMap<String, u128>) {
    let path = golden_dir().join(name);
    if bless() {
        let lines: String = found.iter().map(|(what, hash)| format!("{hash:032x}  {what}\n")).collect();
        fs::create_dir_all(golden_dir()).unwrap();
        fs::write(&path, lines).unwrap();
        return;
    }
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let want: BTreeMap<String, u128> = text
        .lines()
        .map(|line| line.split_once("  ").unwrap())
        .map(|(hash, what)| (what.to_string(), u128::from_str_radix(hash, 16).unwrap()))
        .collect();
    assert_eq!(want.keys().collect::<Vec<_>>(), found.keys().collect::<Vec<_>>(), "{}", path.display());
    for (what, want) in &want {
        let got = found[what];
        assert!(got == *want, "{what}: hash {got:032x}, want {want:032x}: {ADVICE}");
    }
}

/// Names, whether the slide is gray, and the parameters.
fn parameter_sets() -> Vec<(&'static str, bool, EncodeParams)> {
    let plain = EncodeParams::default();
    vec![
        ("defaults", false, plain.clone()),
        ("gray", true, plain.clone()),
        (
            "420opt optl2 bicubic",
            false,
            EncodeParams {
                subsamp: Subsamp::S420Opt,
                optl2: true,
                upsample_filter: Filter::Bicubic,
                downsample_filter: Filter::Bicubic,
                ..plain.clone()
            },
        ),
        (
            "420 sharpen scale 50 bilinear",
            false,
            EncodeParams {
                subsamp: Subsamp::S420,
                sharpen: 0.7,
                l0_scale_pct: 50,
                l0_sharpen: 0.4,
                upsample_filter: Filter::Bilinear,
                downsample_filter: Filter::Lanczos3,
                ..plain.clone()
            },
        ),
        (
            "save-sharpened scale 33 baseq 80 l0q 20",
            false,
            EncodeParams {
                base_quality: 80,
                residual_quality: 20,
                sharpen: 1.5,
                save_sharpened: true,
                l0_scale_pct: 33,
                ..plain.clone()
            },
        ),
        (
            "trellis 420 chroma 70",
            false,
            EncodeParams {
                encoder: EncoderKind::Trellis,
                subsamp: Subsamp::S420,
                base_quality: 60,
                chroma_residual_quality: Some(70),
                ..plain
            },
        ),
    ]
}

/// Writes the tree and encodes it; returns the bundle. Four families, partial and odd at the right and at the bottom.
fn encode_golden(dir: &Path, gray: bool, params: &EncodeParams) -> PathBuf {
    let image = Image::tissue(117, 90, 11);
    let image = if gray { image.to_gray() } else { image };
    let layout = Layout { tile: 16, overlap: 0, format: "jpg" };
    let code = |_, part: &Image| jpeg::baseline(part, Sampling::S420);
    let dzi = write_tree(dir, "golden", &image, layout, &code);
    let options = EncodeOptions { packs: true, ..EncodeOptions::default() };
    encode_to(tree_source(&dzi), dir, params, &options).unwrap().bundle
}

/// Everything of an archive but the name and version of the program that wrote it.
fn hash_contents(archive: &Archive) -> u128 {
    let mut state = Xxh3::new();
    let mut put = |bytes: &[u8]| {
        state.update(&(bytes.len() as u64).to_le_bytes());
        state.update(bytes);
    };
    let start = archive.directory_bytes();
    let geometry = archive.geometry();
    for number in [geometry.width(), geometry.height(), geometry.tile()] {
        put(&number.to_le_bytes());
    }
    let meta = archive.meta();
    put(archive.kind().name().as_bytes());
    put(&serde_json::to_vec(&(&meta.coding, &meta.encode, &meta.source, meta.complete)).unwrap());
    for entry in archive.tiles() {
        put(format!("{} {} {}", entry.id, entry.offset - start, entry.codec.name()).as_bytes());
        put(&archive.read_tile(entry).unwrap());
    }
    for entry in archive.families() {
        put(format!("{} {} {}", entry.id, entry.offset - start, entry.bytes).as_bytes());
        let record = archive.read_family(entry).unwrap();
        put(&record.proof.luma.to_le_bytes());
        put(&record.proof.chroma.to_le_bytes());
        for payload in &record.payloads {
            put(format!("{} {}", payload.kind.name(), payload.codec.name()).as_bytes());
            put(&payload.bytes);
        }
    }
    state.digest128()
}

/// All planes of all families in one output sampling.
fn hash_planes(archive: &Archive, sampling: Sampling) -> u128 {
    let (backend, coding) = (CpuBackend::new(), &archive.meta().coding);
    let mut state = Xxh3::new();
    for entry in archive.families() {
        let record = archive.read_family(entry).unwrap();
        let decoded = FamilyDecoder { geometry: archive.geometry(), coding, id: entry.id, record: &record }
            .decode()
            .unwrap();
        let want = Want::Planes(sampling);
        let made = pollster::block_on(backend.reconstruct(coding, &decoded, want)).unwrap();
        for image in [made.l0.ycc(), made.l1.ycc()] {
            for plane in planes(&image) {
                (0..plane.height()).for_each(|y| state.update(plane.row(y)));
            }
        }
    }
    state.digest128()
}

#[test]
fn encoding_and_decoding_make_the_pinned_bytes() {
    let mut found = BTreeMap::new();
    for (name, gray, params) in parameter_sets() {
        let dir = tempfile::tempdir().unwrap();
        let bundle = encode_golden(dir.path(), gray, &params);
        let (archive, _) = verify_deep(&bundle).unwrap();
        found.insert(format!("{name}: bundle"), hash_contents(&archive));
        let pack = Archive::open(&bundle.with_file_name("1_0.pack")).unwrap();
        found.insert(format!("{name}: pack 1_0"), hash_contents(&pack));
        for sampling in [Sampling::Gray, Sampling::S420, Sampling::S444] {
            found.insert(format!("{name}: planes {sampling:?}"), hash_planes(&archive, sampling));
        }
    }
    check_hashes("fresh.txt", &found);
}

#[test]
fn committed_files_decode_to_the_pinned_planes_and_are_encoded_again() {
    let (name, gray, params) = parameter_sets().remove(2);
    let dir = tempfile::tempdir().unwrap();
    let fresh = encode_golden(dir.path(), gray, &params);
    let pack = fresh.with_file_name("1_0.pack");
    let mut found = BTreeMap::new();
    for (file, fresh) in [
        ("slide.bundle", None),
        ("slide_1_0.pack", None),
        ("slide_stripes.bundle", Some(&fresh)),
        ("slide_stripes_1_0.pack", Some(&pack)),
    ] {
        let path = golden_dir().join(file);
        if let (Some(fresh), true) = (fresh, bless()) {
            fs::create_dir_all(golden_dir()).unwrap();
            fs::copy(fresh, &path).unwrap();
        }
        let bytes = fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        assert!(bytes.len() < 40_000, "{file}: {} bytes; a golden file stays small", bytes.len());
        let (archive, _) = verify_deep(&path).unwrap_or_else(|e| panic!("{e}: {ADVICE}"));
        found.insert(format!("{file}: file"), xxh3_128(&bytes));
        found.insert(format!("{file}: planes"), hash_planes(&archive, Sampling::S444));
        let Some(fresh) = fresh else { continue };
        let again = hash_contents(&Archive::open(fresh).unwrap());
        let stored = hash_contents(&archive);
        assert!(again == stored, "{file} ({name}): a fresh encode differs from it: {ADVICE}");
    }
    let of = |file: &str| found[&format!("{file}: planes")];
    assert!(of("slide.bundle") == of("slide_stripes.bundle"), "restart markers change no sample");
    check_hashes("committed.txt", &found);

    let report = decode_to(&golden_dir().join("slide.bundle"), dir.path(), &as_png(true)).unwrap();
    trees::assert_whole("slide.bundle", &report.dzi);
    assert!(Input::file(&golden_dir().join("slide_1_0.pack"), Kind::Pack).is_ok());
}

/// Written before residuals had cells: their context-coded ones are in stripes.
#[test]
fn a_bundle_from_before_cells_is_read() {
    let path = golden_dir().join("slide_context.bundle");
    let (archive, verified) = verify_deep(&path).unwrap_or_else(|e| panic!("{e}: {ADVICE}"));
    assert_eq!(verified.proved, 1);
    let record = archive.read_family(&archive.families()[0]).unwrap();
    let residual = record.payload(PayloadKind::Residual).unwrap();
    assert_eq!((residual.codec, residual.bytes[0]), (CodecId::Context, 0x12));
    assert_eq!(format!("{:032x}", hash_planes(&archive, Sampling::S444)), "10c9dad277dd813ecafe1aee93b5215b");
}

/// Bundles of codecs whose encoders give other bytes elsewhere: what is pinned is that they decode to their proofs, everywhere, also
/// where the encoder is missing.
#[test]
fn committed_bundles_of_every_codec_decode_to_their_proofs() {
    for (file, encoder, codec, subsamp) in [
        ("slide_webp.bundle", EncoderKind::Webp, CodecId::Webp, Subsamp::S420),
        ("slide_jpegxl.bundle", EncoderKind::Jpegxl, CodecId::JpegXl, Subsamp::S444),
        ("slide_jpegxl_420.bundle", EncoderKind::Jpegxl, CodecId::JpegXl, Subsamp::S420),
    ] {
        let path = golden_dir().join(file);
        if bless() {
            let dir = tempfile::tempdir().unwrap();
            let params = EncodeParams { encoder, subsamp, ..EncodeParams::default() };
            fs::copy(encode_golden(dir.path(), false, &params), &path).unwrap();
        }
        let archive = Archive::open(&path).unwrap_or_else(|e| panic!("{e}: {ADVICE}"));
        for entry in archive.families() {
            let payloads = archive.read_head(entry).unwrap();
            assert!(payloads.iter().all(|payload| payload.codec == codec), "{file}: {payloads:?}");
        }
        if let Err(why) = decoder(codec) {
            let said = verify_deep(&path).err().expect("a codec that is missing").to_string();
            assert!(said.contains(&why.to_string()) && said.contains("--features"), "{said}");
            println!("SKIPPED: {file}: {why}");
            continue;
        }
        let (_, verified) = verify_deep(&path).unwrap_or_else(|e| panic!("{e}: {ADVICE}"));
        assert_eq!(verified.proved, 4, "{file}");
    }
}
