//! Marks when the files of a slide change: those of the same slide stay, those of another one are asked for.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::kit::image::Image;
use crate::kit::jpeg::baseline;
use crate::kit::pipeline::{decode_to, encode_to, open_slide, slide_source};
use crate::kit::program::arg;
use crate::kit::slides::encode_tree;
use crate::kit::trees::{Layout, write_tree};
use crate::running::{Running, send};
use crate::tiffs::write_tiff;
use origami::backend::scheduler::Scheduler;
use origami::decode::DecodeOptions;
use origami::encode::EncodeOptions;
use origami::image::geometry::TileId;
use origami::image::ycc::Sampling;
use origami::params::EncodeParams;
use origami::pyramid::build::{BuildOptions, build};
use origami::pyramid::write::Existing;

const MARKS: &str = "/api/slides/one/annotations";

/// Slides by name, their marks, and a folder to make files in. The slide `one` takes one form after the other.
struct Place {
    slides: tempfile::TempDir,
    marks: tempfile::TempDir,
    work: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let dir = || tempfile::tempdir().unwrap();
        Self { slides: dir(), marks: dir(), work: dir() }
    }

    fn work(&self, name: &str) -> PathBuf {
        self.work.path().join(name)
    }

    /// Puts a file in place of the slide; `ending` follows `one` in its name.
    fn put(&self, file: &Path, ending: &str) {
        self.fill(&[(file, ending)]);
    }

    fn fill(&self, files: &[(&Path, &str)]) {
        for old in fs::read_dir(self.slides.path()).unwrap() {
            let old = old.unwrap().path();
            let removed = if old.is_dir() { fs::remove_dir_all(&old) } else { fs::remove_file(&old) };
            removed.unwrap();
        }
        for (from, ending) in files {
            let status = std::process::Command::new("cp")
                .arg("-r")
                .arg(from)
                .arg(self.slides.path().join(format!("one{ending}")))
                .status();
            assert!(status.unwrap().success());
        }
    }

    /// Puts a Deep Zoom tree in place of the slide, with its sidecar where it has one.
    fn put_tree(&self, dzi: &Path) {
        let named = |ending: &str| PathBuf::from(format!("{}{ending}", dzi.with_extension("").display()));
        let (tiles, sidecar) = (named("_files"), named(".json"));
        let mut files = vec![(dzi, ".dzi"), (tiles.as_path(), "_files")];
        if sidecar.exists() {
            files.push((sidecar.as_path(), ".json"));
        }
        self.fill(&files);
    }

    fn serve(&self) -> Running {
        Running::start(self.slides.path(), &["--annotations", arg(self.marks.path()), "--annotations-open"])
    }

    /// How many marks are shown of the slide as it is now, and how many of another slide are asked for.
    fn shown(&self) -> (usize, Value) {
        let reply = self.serve().get(MARKS);
        assert_eq!(reply.status, 200, "{}", reply.text());
        let marks: Value = serde_json::from_slice(&reply.body).unwrap();
        (marks["features"].as_array().unwrap().len(), marks["origami"]["other"]["marks"].clone())
    }

    /// The status of a change of marks.
    fn change(&self, body: &Value) -> u16 {
        let headers = [("Content-Type", "application/json")];
        send(&self.serve().address, "PATCH", MARKS, &headers, body.to_string().as_bytes()).status
    }

    fn mark(&self, id: &str) -> u16 {
        let point = json!({"type": "Feature", "geometry": {"type": "Point", "coordinates": [1, 2]}});
        self.change(&json!({"changes": [{"id": id, "feature": point}]}))
    }

    /// A scanned slide; other pictures with other seeds.
    fn scan(&self, seed: u64) -> PathBuf {
        let path = self.work(&format!("{seed}.tif"));
        write_tiff(&path, &Image::cells(150, 130, seed), None);
        path
    }

    /// The tree that `origami pyramid` makes of a slide.
    fn pyramid(&self, slide: &Path) -> PathBuf {
        let options = BuildOptions {
            tile: 32,
            quality: 90,
            sampling: Sampling::S420,
            png: false,
            existing: Existing::Replace,
        };
        let out = self.work("pyramid");
        fs::create_dir_all(&out).unwrap();
        build(&mut open_slide(slide), &out, &options, &Scheduler::new(1).unwrap(), &|_| ()).unwrap()
    }

    /// A tree that another program wrote: nothing is known of what it was made of.
    fn foreign_tree(&self, seed: u64) -> PathBuf {
        let layout = Layout { tile: 32, overlap: 0, format: "jpg" };
        let code = |_: TileId, part: &Image| baseline(part, Sampling::S420);
        let dir = self.work(&format!("foreign-{seed}"));
        fs::create_dir_all(&dir).unwrap();
        write_tree(&dir, "tree", &Image::cells(150, 130, seed), layout, &code)
    }

    fn encoded(&self, slide: &Path, residual_quality: u8) -> PathBuf {
        let params = EncodeParams { residual_quality, ..EncodeParams::default() };
        let out = self.work(&format!("encoded-{residual_quality}"));
        encode_to(slide_source(slide, 32), &out, &params, &EncodeOptions::default()).unwrap().bundle
    }

    fn encoded_tree(&self, dzi: &Path, out: &str) -> PathBuf {
        encode_tree(dzi, &self.work(out), &EncodeParams::default())
    }
}

const KEPT: (usize, Value) = (1, Value::Null);

fn asked() -> (usize, Value) {
    (0, json!(1))
}

#[test]
fn a_slide_keeps_its_marks_in_every_form_that_it_takes() {
    let place = Place::new();
    let scan = place.scan(3);
    place.put(&scan, ".tif");
    assert_eq!(place.mark("a"), 200);
    // Encoded, and encoded again.
    let bundle = place.encoded(&scan, 60);
    place.put(&bundle, ".bundle");
    assert_eq!(place.shown(), KEPT);
    place.put(&place.encoded(&scan, 30), ".bundle");
    assert_eq!(place.shown(), KEPT);
    // A tree that was made of it, and a bundle of that tree alone.
    let tree = place.pyramid(&scan);
    place.put_tree(&tree);
    assert_eq!(place.shown(), KEPT);
    let of_tree = place.encoded_tree(&tree, "of-tree");
    place.put(&of_tree, ".bundle");
    assert_eq!(place.shown(), KEPT);
    // What it was learns what it is now: the bundle's own contents are known once a mark is changed on it.
    assert_eq!(place.change(&json!({"changes": [{"id": "a", "revision": 1, "feature": null}]})), 200);
    assert_eq!(place.mark("b"), 200);
    let decoded = decode_to(&of_tree, &place.work("decoded"), &DecodeOptions::default()).unwrap().dzi;
    place.put_tree(&decoded);
    assert_eq!(place.shown(), KEPT);
    place.put(&scan, ".tif");
    assert_eq!(place.shown(), KEPT);
}

#[test]
fn another_slide_of_the_same_size_asks_whatever_form_it_has() {
    let place = Place::new();
    let (scan, other) = (place.scan(3), place.scan(4));
    place.put(&place.encoded(&scan, 60), ".bundle");
    assert_eq!(place.mark("a"), 200);
    place.put(&other, ".tif");
    assert_eq!(place.shown(), asked());
    assert_eq!(place.mark("b"), 409);
    place.put(&place.encoded(&other, 30), ".bundle");
    assert_eq!(place.shown(), asked());
    let tree = place.pyramid(&other);
    place.put(&place.encoded_tree(&tree, "of-tree"), ".bundle");
    assert_eq!(place.shown(), asked());
    // A tree of which nobody knows what it was made of, alone and in a bundle.
    let foreign = place.foreign_tree(4);
    place.put_tree(&foreign);
    assert_eq!(place.shown(), asked());
    place.put(&place.encoded_tree(&foreign, "of-foreign"), ".bundle");
    assert_eq!(place.shown(), asked());
    assert_eq!(place.mark("b"), 409);
    // Whose they are has been said.
    assert_eq!(place.change(&json!({"adopt": true})), 200);
    assert_eq!(place.shown(), KEPT);
    place.put(&scan, ".tif");
    assert_eq!(place.shown(), asked());
}

#[test]
fn where_nothing_is_known_of_a_slide_its_size_decides_until_more_is_known() {
    let place = Place::new();
    let foreign = place.foreign_tree(3);
    place.put_tree(&foreign);
    assert_eq!(place.mark("a"), 200);
    place.put_tree(&place.foreign_tree(4));
    assert_eq!(place.shown(), KEPT);
    place.put(&place.encoded_tree(&foreign, "of-foreign"), ".bundle");
    assert_eq!(place.shown(), asked());
    assert_eq!(place.change(&json!({"adopt": true})), 200);
    assert_eq!(place.shown(), KEPT);
    place.put(&place.encoded_tree(&place.foreign_tree(4), "of-another"), ".bundle");
    assert_eq!(place.shown(), asked());
}

#[test]
fn nobody_is_asked_about_no_marks() {
    let place = Place::new();
    place.put(&place.scan(3), ".tif");
    assert_eq!(place.mark("a"), 200);
    assert_eq!(place.change(&json!({"changes": [{"id": "a", "revision": 1, "feature": null}]})), 200);
    place.put(&place.scan(4), ".tif");
    assert_eq!(place.shown(), (0, Value::Null));
    assert_eq!(place.mark("b"), 200);
    assert_eq!(place.shown(), KEPT);
}

#[test]
fn what_identifies_a_slide_is_told_to_who_asks() {
    let place = Place::new();
    let scan = place.scan(3);
    let sources = |query: &str| {
        let reply = place.serve().get(&format!("/api/slides/one{query}"));
        let slide: Value = serde_json::from_slice(&reply.body).unwrap();
        slide["sources"].clone()
    };
    place.put(&scan, ".tif");
    assert_eq!(sources(""), Value::Null);
    let of_scan = sources("?sources=1");
    assert!(of_scan[0].as_str().unwrap().starts_with("file-") && of_scan[1].is_null(), "{of_scan}");
    place.put(&place.encoded_tree(&place.pyramid(&scan), "of-tree"), ".bundle");
    let of_bundle = sources("?sources=1");
    let kinds: Vec<_> =
        of_bundle.as_array().unwrap().iter().map(|text| text.as_str().unwrap().split('-').next()).collect();
    assert_eq!(kinds, [Some("tree"), Some("file"), Some("content")]);
    assert_eq!(of_bundle[1], of_scan[0]);
    place.put_tree(&place.foreign_tree(3));
    assert_eq!(sources("?sources=1"), json!([]));
}
