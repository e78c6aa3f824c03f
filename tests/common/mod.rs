//! What the library's tests share: synthetic slides, trees written by hand, one call each for encode, decode and verify.
//!
//! Everything is made in code from a seed. Nothing here uses the command line, so these tests also run without the
//! `cli` feature.
#![allow(dead_code, reason = "each test binary uses a part of this")]

pub mod image;
pub mod jpeg;
pub mod rng;
pub mod trees;

use std::path::{Path, PathBuf};

use origami::archive::{Archive, Kind};
use origami::backend::CpuBackend;
use origami::backend::scheduler::Scheduler;
use origami::coding::EncodeParams;
use origami::decode::{DecodeOptions, DecodeReport, Input, decode};
use origami::encode::{EncodeOptions, EncodeReport, encode};
use origami::error::Result;
use origami::geometry::Geometry;
use origami::plane::Plane;
use origami::pyramid::slide::{OpenOptions, OpenSlideUse, Slide};
use origami::pyramid::source::Source;
use origami::pyramid::tree::{Missing, Tree};
use origami::tile::OutputFormat;
use origami::verify::{Verified, verify};

/// A tree as a source of families.
pub fn tree_source(path: &Path) -> Source {
    Source::Tree(Box::new(Tree::open(path, Missing::Refuse).unwrap_or_else(|e| panic!("{e}"))))
}

/// A slide as a source of families, read by the built-in readers.
pub fn slide_source(path: &Path, tile: u32) -> Source {
    let slide = open_slide(path);
    let geometry = Geometry::new(slide.info.width, slide.info.height, tile).unwrap();
    Source::Slide(Box::new(slide), geometry)
}

/// A slide, opened by the built-in readers.
pub fn open_slide(path: &Path) -> Slide {
    let options = OpenOptions { openslide: OpenSlideUse::Never, ..OpenOptions::default() };
    Slide::open(path, &options).unwrap_or_else(|e| panic!("{e}"))
}

/// Encodes on two threads.
pub fn encode_to(
    mut source: Source,
    out: &Path,
    params: &EncodeParams,
    options: &EncodeOptions,
) -> Result<EncodeReport> {
    let (backend, scheduler) = (CpuBackend::new(), Scheduler::new(2)?);
    encode(&mut source, out, params, options, &backend, &scheduler, &|_| {})
}

/// Opens an archive and proves every family of it.
pub fn verify_deep(path: &Path) -> Result<(Archive, Verified)> {
    let archive = Archive::open(path)?;
    let verified = verify(&archive, true, &CpuBackend::new(), &Scheduler::new(2)?)?;
    assert_eq!(verified.proved, archive.families().len() as u64, "{}: families proved", path.display());
    Ok((archive, verified))
}

/// Decodes a bundle on two threads.
pub fn decode_to(bundle: &Path, out: &Path, options: &DecodeOptions) -> Result<DecodeReport> {
    let input = Input::file(bundle, Kind::Bundle)?;
    decode(&input, None, out, options, &CpuBackend::new(), &Scheduler::new(2)?, &|_, _| {})
}

/// Options that show the planes without another lossy step.
pub fn as_png(grayscale: bool) -> DecodeOptions {
    DecodeOptions { format: OutputFormat::Png, grayscale, ..DecodeOptions::default() }
}

/// Fails with the case and the first sample that differs.
#[track_caller]
pub fn assert_same(case: &str, want: &Plane, got: &Plane) {
    assert_eq!((got.width(), got.height()), (want.width(), want.height()), "{case}: size");
    for y in 0..want.height() {
        if let Some(x) = (0..want.width()).find(|&x| want.row(y)[x] != got.row(y)[x]) {
            panic!("{case}: at x {x}, y {y}: got {}, want {}", got.row(y)[x], want.row(y)[x]);
        }
    }
}

/// The real slide: in `ORIGAMI_TEST_DATA`, or where `scripts/setup.sh` puts it. `None` prints why a test is skipped.
pub fn real_slide(test: &str) -> Option<PathBuf> {
    const NAME: &str = "CMU-1-Small-Region.svs";
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target"), PathBuf::from);
    let data = std::env::var_os("ORIGAMI_TEST_DATA").map(PathBuf::from);
    let places = data.map(|d| d.join("dev").join(NAME)).into_iter().chain([target.join("demo").join(NAME)]);
    let found = places.into_iter().find(|path| path.is_file());
    if found.is_none() {
        println!("SKIPPED: {test}: no {NAME}; set ORIGAMI_TEST_DATA or run scripts/setup.sh");
    }
    found
}
