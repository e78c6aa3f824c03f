use std::path::PathBuf;

use origami::archive::{self, Kind};
use origami::backend::{self, GpuError, NoAdapter};
use origami::codec;
use origami::error::{Error, Refusal};
use origami::image::geometry::{Geometry, TileId};
use origami::image::ycc::Sampling;
use origami::kernels::taps::Filter;
use origami::params::EncodeParams;
use origami::pyramid::{self, MissingTiles};
use origami::slide::SlideError;

use super::*;

/// What the terminal shows of an error. The library's own text must be another one, without flags.
fn shown(error: impl std::error::Error + Send + Sync + 'static) -> String {
    let own = error.to_string();
    assert!(!own.contains("--"), "{own}");
    let shown = describe(&error.into());
    assert_ne!(shown, own);
    shown
}

fn call(refusal: Refusal) -> String {
    shown(Error::Refused { path: "a".into(), refusal })
}

fn tree(refusal: pyramid::Refusal) -> String {
    shown(Error::Pyramid(pyramid::Error::Refused { path: "a".into(), refusal }))
}

#[test]
fn a_cause_is_told_once() {
    let missing = archive::Archive::open(std::path::Path::new("/nowhere.bundle")).err().unwrap();
    let cause = std::io::Error::from_raw_os_error(2).to_string();
    assert_eq!(describe(&missing.into()).matches(&cause).count(), 1);
    let error = anyhow::Error::new(std::io::Error::from_raw_os_error(2)).context("cannot begin");
    assert_eq!(describe(&error), format!("cannot begin: {cause}"));
}

#[test]
fn a_parameter_is_named_by_its_flag() {
    let params = EncodeParams { l0_scale_pct: 0, ..EncodeParams::default() };
    let error = params.validate().err().unwrap();
    assert_eq!(shown(error), "--l0-scale 0: a percentage of 1 to 100");
    let error = backend::Error::TooManyThreads(5000);
    assert_eq!(shown(error), "--threads 5000: at most 1024, or 0 for one per core");
}

#[test]
fn what_a_decode_refuses_has_its_flags() {
    let kind = |kind| call(Refusal::OtherKind(kind));
    assert_eq!(kind(Kind::Pack), "a: it is a pack; give it with --pack-file");
    assert_eq!(kind(Kind::Bundle), "a: it is a bundle; give it with --bundle");
    assert_eq!(call(Refusal::NoPacks), "a: no .pack files here; encode with --pack, or decode with --bundle");
    assert_eq!(
        call(Refusal::OtherEncode { first: "b".into() }),
        "a: it belongs to another encode than b; remove it, or encode again with --pack"
    );
    assert_eq!(
        call(Refusal::MissingPacks { have: 3, all: 4 }),
        "a: 3 packs of the slide's 4 families; restore the others, or give --max-parents 3"
    );
    assert_eq!(
        call(Refusal::NoSmallLevels),
        "a: a pack has no small levels; give --pyramid P for them, or decode the bundle"
    );
    assert_eq!(
        call(Refusal::TileSize { given: 128, recorded: 256 }),
        "a: --tile 128 contradicts the archive, whose tiles are 256; leave the flag out"
    );
    assert_eq!(
        call(Refusal::UpsampleFilter { given: Filter::Bicubic, recorded: Filter::Lanczos3 }),
        "a: --upsample-filter bicubic contradicts the archive, which records lanczos3; leave the flag out"
    );
    let tile = TileId { level: 3, x: 1, y: 2 };
    assert_eq!(
        shown(Error::TileNotStored { path: "a".into(), tile }),
        "a: tile 3/1_2: it is not in the archive; give --pyramid P"
    );
}

#[test]
fn what_an_encode_refuses_has_its_flags() {
    assert_eq!(
        call(Refusal::ForeignManifest),
        "a: it is there and no manifest of an encode; move it, or choose another --out"
    );
    assert_eq!(
        shown(Error::Archive(archive::Error::AnotherEncode("a".into()))),
        "a: another encode is writing here; wait for it or choose another --out"
    );
    assert_eq!(
        tree(pyramid::Refusal::Exists),
        "a: it is there already; remove it, choose another --out, or give --overwrite"
    );
    assert_eq!(
        tree(pyramid::Refusal::Foreign),
        "a: it is no part of an earlier result, and would be deleted with it; move it away, or choose another --out"
    );
    assert_eq!(
        tree(pyramid::Refusal::AnotherRun { name: "b".into() }),
        "a: another run is writing b here; wait for it or choose another --out"
    );
    assert_eq!(
        tree(pyramid::Refusal::NotADescriptor),
        "a: not a Deep Zoom descriptor; give a slide or an image with --slide or --image"
    );
    let files: PathBuf = "a_files".into();
    let missing = MissingTiles { count: 2, all: 30, files, first: vec!["6/0_0.jpg".into()] };
    assert_eq!(
        tree(pyramid::Refusal::MissingTiles(missing)),
        "a: 2 tile(s) missing in a_files: 6/0_0.jpg, ...; restore them, or encode with --missing background"
    );
    let error = codec::Error::Sampling { encoder: "WebP", sampling: Sampling::S444, coded: "420" };
    assert_eq!(shown(Error::Codec(error)), "WebP: chroma sampling S444; use --subsamp 420");
}

#[test]
fn what_a_lossless_encode_refuses_has_its_flags() {
    assert_eq!(
        tree(pyramid::Refusal::NotJpeg { format: "png".into() }),
        "a: its tiles are png, and --preset lossless repacks JPEG tiles; use --preset archive"
    );
    assert_eq!(
        tree(pyramid::Refusal::Overlap { overlap: 1, grid_px: 16 }),
        "a: its tiles overlap by 1, which archives do not, and --preset lossless can cut off only a multiple of 16; make the \
         tree again without overlap, or use --preset archive"
    );
    assert_eq!(
        tree(pyramid::Refusal::LosslessBackground),
        "a: --preset lossless stores the tiles that there are, and --missing background makes up others; leave one of \
         them out"
    );
    let missing =
        MissingTiles { count: 1, all: 30, files: "a_files".into(), first: vec!["6/0_0.jpg".into()] };
    assert_eq!(
        tree(pyramid::Refusal::MissingL2(missing)),
        "a: 1 tile(s) missing in a_files: 6/0_0.jpg; --preset lossless stores L2 as it is: restore them"
    );
    assert_eq!(
        tree(pyramid::Refusal::OtherTileSize { own: 256, given: 64 }),
        "a: --preset lossless stores its tiles of 256; leave --tile 64 out"
    );
    assert_eq!(
        tree(pyramid::Refusal::NoJpegTiles { reason: "it is one image without tiles".into() }),
        "a: --preset lossless stores JPEG and JPEG 2000 tiles of the source's own, and it is one image without tiles; give a tree of \
         JPEG tiles, or use --preset archive"
    );
    let error = SlideError::NotSequential { path: "a".into(), place: "tile (0, 0)".into() };
    assert_eq!(
        shown(Error::Pyramid(pyramid::Error::Slide(error))),
        "a: tile (0, 0): a JPEG that is not sequential at 8 bits, which --preset lossless does not take; use --preset \
         archive"
    );
}

#[test]
fn words_are_found_below_contexts_and_families() {
    let adapter = || NoAdapter::NoGpuNamed { wanted: "b".into() };
    let error = anyhow::Error::new(GpuError::from(adapter()));
    assert_eq!(
        describe(&error),
        "--gpu-adapter b: this machine has no adapter; `origami doctor` says what to do"
    );
    let unknown = NoAdapter::Unknown { wanted: "b".into(), found: "[0] llvmpipe".into() };
    assert_eq!(
        shown(GpuError::from(unknown)),
        "--gpu-adapter b: no adapter has this index or name; this machine has [0] llvmpipe"
    );
    let family = Geometry::new(2048, 2048, 256).unwrap().family(0, 1).unwrap();
    let software = NoAdapter::SoftwareOnly { name: "llvmpipe".into() };
    let source = Box::new(Error::Backend(GpuError::from(software).into()));
    assert_eq!(
        shown(Error::Family { family, source }),
        "family 0_1: only a software adapter is here; --backend gpu --gpu-adapter llvmpipe takes it"
    );
}

#[cfg(feature = "serve")]
#[test]
fn what_a_server_refuses_has_its_flags() {
    use origami::evals;
    use origami::serve::StartError;
    let header = "a\nb".to_string();
    for (error, expected) in [
        (
            StartError::NoRoot("a".into()),
            "a: no such file or directory; `origami serve DIR` or --slides-root DIR says where slides are",
        ),
        (
            StartError::Root("a.svs".into()),
            "a.svs: not a directory, a bundle or a .dzi; if it is a slide, `origami encode a.svs` makes its bundle",
        ),
        (StartError::NoConnections, "--max-connections 0: at least one"),
        (StartError::NoFamilies, "--max-inflight-families 0: at least one"),
        (StartError::Sharpen(17.0), "--sharpen 17: a strength is 1/512 to 16, or 0 for none"),
        (StartError::OriginHeader(header.clone()), r#"--cors "a\nb": not a value that a header can have"#),
        (
            StartError::CacheControlHeader(header),
            r#"--cache-control "a\nb": not a value that a header can have"#,
        ),
        (StartError::Origin("a".into()), "--cors a: give * or one origin, as https://viewer.example.org"),
        (
            StartError::EmbedOrigin("*".into()),
            "--embed-origin *: give the origin of a page, as https://course.example.org",
        ),
        (StartError::Dicomweb, "--dicomweb: its frames are JPEG; leave --output-format out"),
        (
            StartError::DiskCache { dir: "a".into(), problem: "cannot be made: b".into() },
            "a: cannot be made: b; --cache-dir must be a directory that can be written",
        ),
        (
            StartError::DiskCacheInUse("a".into()),
            "a: another server keeps its tiles here; give each its own --cache-dir",
        ),
    ] {
        assert_eq!(shown(error), expected);
    }
    assert_eq!(
        describe(&StartError::NoDiskCache.into()),
        "--cache-dir: this build has no RocksDB, which keeps the tiles on disk; build with \
         `cargo build --release --features rocksdb`, or leave the flag out"
    );
    assert_eq!(
        shown(evals::StartError::Runs("a".into())),
        "a: no directory of this name; --runs is where evaluation runs are, and `origami encode IMAGE --out RUNS/NAME --manifest \
         --debug-images` makes one"
    );
}
