//! One call each for what a test does with the library: open, encode, verify, decode. On the CPU.

use std::path::Path;

use origami::archive::{Archive, Kind};
use origami::backend::CpuBackend;
use origami::backend::scheduler::Scheduler;
use origami::codec::{EncoderKind, ImageRole};
use origami::decode::{DecodeOptions, DecodeReport, Input, decode};
use origami::encode::{EncodeOptions, EncodeReport, encode};
use origami::error::Result;
use origami::image::geometry::Geometry;
use origami::output::render::Output;
use origami::output::tile::OutputFormat;
use origami::params::EncodeParams;
use origami::pyramid::source::Source;
use origami::pyramid::tree::{Missing, Tree};
use origami::slide::{OpenOptions, OpenSlideUse, Slide};
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
    let verified = verify(&archive, true, &CpuBackend::new(), &Scheduler::new(2)?, &|_| ())?;
    assert_eq!(verified.proved, archive.families().len() as u64, "{}: families proved", path.display());
    Ok((archive, verified))
}

/// Opens and verifies an archive in memory, under the name `forged`.
pub fn verify_bytes(bytes: &[u8], deep: bool, scheduler: &Scheduler) -> Result<Verified> {
    let archive = Archive::from_store(Path::new("forged"), Box::new(bytes.to_vec()))?;
    verify(&archive, deep, &CpuBackend::new(), scheduler, &|_| ())
}

/// Decodes a bundle on two threads.
pub fn decode_to(bundle: &Path, out: &Path, options: &DecodeOptions) -> Result<DecodeReport> {
    let input = Input::file(bundle, Kind::Bundle)?;
    decode(&input, None, out, options, &CpuBackend::new(), &Scheduler::new(2)?, &|_, _| {})
}

/// Options that show the planes without another lossy step.
pub fn as_png(grayscale: bool) -> DecodeOptions {
    let output = Output { format: OutputFormat::Png, grayscale, ..Output::default() };
    DecodeOptions { output, ..DecodeOptions::default() }
}

/// Encoders that this build has and that find the libraries they need. Prints those that it leaves out, which
/// `ORIGAMI_REQUIRE_LIBJXL=1` turns into a failure.
pub fn ready_encoders() -> Vec<EncoderKind> {
    let ready = |kind: &EncoderKind| match kind.encoder(ImageRole::Baseline) {
        Ok(_) => true,
        Err(why) => {
            println!("SKIPPED: {why}");
            assert!(!kind.is_built() || *kind == EncoderKind::Jpegxl, "{why}");
            let required = std::env::var_os("ORIGAMI_REQUIRE_LIBJXL").is_some_and(|v| v == "1");
            assert!(!kind.is_built() || !required, "{why}");
            false
        }
    };
    EncoderKind::ALL.into_iter().filter(ready).collect()
}
