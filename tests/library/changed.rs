//! A source that is written to while it is encoded, and encodes that end between the bundle and what is written after it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::kit::pipeline::{encode_to, slide_source, tree_source};
use crate::kit::slides::{tree, write_png};
use origami::archive::{Archive, BUNDLE_NAME, PACK_DIR};
use origami::backend::CpuBackend;
use origami::backend::scheduler::Scheduler;
use origami::encode::{EncodeOptions, encode};
use origami::error::Result;
use origami::params::EncodeParams;
use origami::pyramid::source::Source;

/// Encodes, and calls `meanwhile` after the first family.
fn encode_while(mut source: Source, out: &Path, meanwhile: impl Fn()) -> Result<()> {
    let (params, options) = (EncodeParams::default(), EncodeOptions::default());
    let (backend, scheduler) = (CpuBackend::new(), Scheduler::new(1)?);
    let progress = |done| {
        if done == 1 {
            meanwhile()
        }
    };
    encode(&mut source, out, &params, &options, &backend, &scheduler, &progress).map(drop)
}

/// Gives a file another time.
fn touch(path: &Path) {
    File::options().write(true).open(path).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
}

/// Puts a copy in the place of a file, with its time.
fn replace(path: &Path) {
    let (copy, time) = (path.with_extension("copy"), fs::metadata(path).unwrap().modified().unwrap());
    fs::copy(path, &copy).unwrap();
    File::options().write(true).open(&copy).unwrap().set_modified(time).unwrap();
    fs::rename(copy, path).unwrap();
}

#[test]
fn a_source_that_changes_meanwhile_is_not_encoded() {
    let dir = tempfile::tempdir().unwrap();
    let png = dir.path().join("slide.png");
    write_png(&png, 150, 130, 1);
    let dzi = tree(&dir.path().join("tree"), 150, 130, 32, 1);
    let tile = dzi.with_file_name("baseline_pyramid_files/8/0_0.jpg");
    let slide = || slide_source(&png, 32);
    let of_tree = || tree_source(&dzi);
    type Case<'a> = (&'a dyn Fn() -> Source, &'a dyn Fn());
    let cases: [Case<'_>; 4] = [
        (&slide, &|| touch(&png)),
        (&slide, &|| replace(&png)),
        (&of_tree, &|| touch(&tile)),
        (&of_tree, &|| replace(&dzi)),
    ];
    for (case, (source, change)) in cases.into_iter().enumerate() {
        let out = dir.path().join(format!("out{case}"));
        let error = encode_while(source(), &out, change).unwrap_err().to_string();
        assert!(error.contains("it was changed while it was read"), "{case}: {error}");
        assert_eq!(fs::read_dir(out.join(PACK_DIR)).unwrap().count(), 0, "{case}");
        encode_while(source(), &out, || ()).unwrap();
    }
}

/// An encode that ends after its bundle leaves no pack and no manifest of the one before.
#[test]
fn packs_of_an_earlier_encode_go_before_the_bundle_of_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let (png, out) = (dir.path().join("slide.png"), dir.path().join("out"));
    write_png(&png, 150, 130, 1);
    let options = EncodeOptions { packs: true, manifest: true, ..EncodeOptions::default() };
    let encode = |quality| {
        let params = EncodeParams { residual_quality: quality, ..EncodeParams::default() };
        encode_to(slide_source(&png, 32), &out, &params, &options)
    };
    encode(30).unwrap();
    let packs = out.join(PACK_DIR);
    let content = |path: PathBuf| Archive::open(&path).unwrap().meta().content.clone();
    let first = content(packs.join(BUNDLE_NAME));
    // The second pack cannot be written: a full disk, or the end of the process.
    fs::create_dir(packs.join(".1_0.pack.part")).unwrap();
    encode(60).unwrap_err();
    let second = content(packs.join(BUNDLE_NAME));
    assert_ne!(second, first);
    let left = fs::read_dir(&packs).unwrap().map(|entry| entry.unwrap().path());
    let left: Vec<_> = left.filter(|path| path.extension().is_some_and(|e| e == "pack")).collect();
    assert!(left.iter().all(|pack| content(pack.clone()) == second), "{left:?}");
    assert!(!out.join("manifest.json").exists());
}
