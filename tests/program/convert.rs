//! `convert`: what is written has the tiles that `decode` writes, in containers that our own readers and parsers of this folder read.

mod bigtiff;
mod dicom;
mod kept;
mod tiff;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use self::bigtiff::pages;
use self::tiff::assert_tiles;
use crate::kit::compare::{assert_same, planes};
use crate::kit::files::{contents, listing, no_leftovers};
use crate::kit::image::Image;
use crate::kit::jpeg::baseline;
use crate::kit::program::{Ran, arg, decoded, origami, program};
use crate::kit::rng::Rng;
use crate::kit::slides::{Small, write_png};
use crate::kit::trees::{Layout, write_tree};
use origami::image::ycc::{Sampling, Ycc};
use origami::pyramid::tree::{Missing, Tree};

fn convert(input: &Path, to: &str, out: &Path, extra: &[&str]) -> Ran {
    origami(&[&["convert", arg(input), "--to", to, "--out", arg(out)], extra].concat())
}

fn compare_planes(case: &str, want: &Ycc, padded: &Ycc) {
    assert_eq!(want.sampling, padded.sampling, "{case}");
    for (want, padded) in planes(want).into_iter().zip(planes(padded)) {
        let got = padded.view().part(0, 0, want.width(), want.height()).to_plane();
        assert_same(case, want, &got);
    }
}

/// A lossless bundle of a slide or tree.
fn lossless(source: &Path, out: &Path) -> PathBuf {
    let kind = if source.extension().is_some_and(|e| e == "dzi") { "--pyramid" } else { "--slide" };
    origami(&["encode", "-q", kind, arg(source), "--out", arg(out), "--preset", "lossless"]).ok();
    out.join("residual_packs/residuals.bundle")
}

/// Y-PSNR in dB of two images of one size.
fn compared(a: &Path, b: &Path) -> f64 {
    let said = origami(&["compare", arg(a), arg(b), "--json", "--openslide", "never"]).ok().stdout;
    let value: Value = serde_json::from_str(&said).unwrap();
    value["y_psnr"].as_f64().unwrap_or(f64::INFINITY)
}

#[test]
fn trees_of_any_overlap_become_deep_zoom_without() {
    let dir = tempfile::tempdir().unwrap();
    let image = Image::tissue(300, 200, 8);
    for (tile, overlap, format) in [(64, 16, "jpg"), (63, 1, "jpeg"), (50, 0, "png")] {
        let layout = Layout { tile, overlap, format };
        let code = |part: &Image| if format == "png" { part.png() } else { baseline(part, Sampling::S420) };
        let dzi = write_tree(dir.path(), &format!("o{overlap}"), &image, layout, &|_, part| code(part));
        let (tree, zip) = (dir.path().join("new/a.dzi"), dir.path().join("new/a.szi"));
        let said = convert(&dzi, "dzi", &tree, &["--overwrite", "--json"]).ok().stdout;
        // All tiles with an overlap that ends inside a block are coded again, and said to be.
        let object: Value = serde_json::from_str(&said).unwrap();
        let again = object["coded_anew"].as_u64().unwrap();
        assert_eq!(again > 20, overlap == 1, "{overlap}: {again} of {}", object["tiles"]);
        convert(&dzi, "szi", &zip, &["--overwrite"]).ok();
        for made in [&tree, &zip] {
            let opened = Tree::open(made, Missing::Refuse).unwrap();
            assert_eq!((opened.descriptor().overlap, opened.descriptor().tile), (0, tile));
            let compared = compared(&dzi, made);
            // A tree whose overlap ends between blocks keeps its coefficients.
            let least = if overlap == 16 { 45.0 } else { 33.0 };
            assert!(compared > least, "{overlap}: {compared} dB");
        }
        assert_eq!(compared(&tree, &zip), f64::INFINITY);
    }
}

#[test]
fn a_name_that_would_stand_for_another_file_is_refused_before_the_work() {
    let s = Small::new();
    let tree = s.path("t.dzi");
    convert(&s.bundle, "dzi", &tree, &[]).ok();
    let before = contents(&s.path("t_files"));
    // The tree would be t.dzi, and be replaced.
    convert(&tree, "dzi", &s.path("t.DZI"), &["--overwrite"]).refused(&[".dzi"]);
    convert(&tree, "dzi", &tree, &["--overwrite"]).refused(&["replace what it is made of"]);
    assert!(contents(&s.path("t_files")) == before);
    fs::create_dir(s.path("folder")).unwrap();
    convert(&tree, "tiff", &s.path("folder"), &["--overwrite"]).refused(&["names a directory"]);
    convert(&tree, "tiff", Path::new(&format!("{}/", arg(&s.path("new")))), &[])
        .refused(&["names a directory"]);
    assert!(!s.path("new").exists());
}

#[test]
fn deep_zoom_of_a_bundle_has_the_bytes_that_decode_writes() {
    let s = Small::new();
    let (dzi, szi) = (s.path("x/a.dzi"), s.path("x/a.szi"));
    convert(&s.bundle, "dzi", &dzi, &[]).ok();
    let said = convert(&s.bundle, "szi", &szi, &["--json"]).ok().stdout;
    let object: Value = serde_json::from_str(&said).unwrap();
    let want = decoded(&s.bundle, &["--icc", "none"]);
    assert_eq!(object["tiles"], want.len());
    let found = contents(&s.path("x/a_files"));
    let named = |name: &str| name.replace(".jpg", ".jpeg");
    assert!(found == want.iter().map(|(name, bytes)| (named(name), bytes.clone())).collect::<Vec<_>>());
    // Another reader of zip files.
    let mut zip = zip::ZipArchive::new(fs::File::open(&szi).unwrap()).unwrap();
    for (name, bytes) in want {
        let mut entry = zip.by_name(&format!("a/a_files/{}", named(&name))).unwrap();
        assert_eq!(entry.compression(), zip::CompressionMethod::Stored);
        let mut read = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut read).unwrap();
        assert!(read == bytes, "{name}");
    }
    for name in ["a/a.dzi", "a/scan-properties.xml", "a/a.icc"] {
        assert!(zip.by_name(name).unwrap().size() > 0, "{name}");
    }
}

#[test]
fn slides_and_images_are_converted_too() {
    let dir = tempfile::tempdir().unwrap();
    for (width, height) in [(600, 400), (1, 1), (2, 3)] {
        let png = dir.path().join("slide.png");
        write_png(&png, width, height, 2);
        for to in ["tiff", "ome-tiff", "szi"] {
            let said = origami(&["convert", arg(&png), "--to", to, "--overwrite", "--json"]).ok().stdout;
            let object: Value = serde_json::from_str(&said).unwrap();
            let out = PathBuf::from(object["out"].as_str().unwrap());
            assert_eq!(out, dir.path().join(format!("slide.{}", to.replace('-', "."))));
            let compared = compared(&png, &out);
            assert!(compared > 30.0, "{width}x{height} as {to}: {compared} dB");
        }
    }
    let gray = dir.path().join("gray.png");
    fs::write(&gray, Image::tissue(300, 200, 5).to_gray().png()).unwrap();
    let tiff = dir.path().join("gray.tiff");
    convert(&gray, "tiff", &tiff, &[]).ok();
    assert_eq!(pages(&fs::read(&tiff).unwrap())[0][&277][..], [1]);
    assert!(compared(&gray, &tiff) > 33.0);
}

/// What stands beside the tiles of a tree comes back from a zip of it.
#[test]
fn an_szi_keeps_scale_objective_and_profile() {
    let s = Small::new();
    let dzi = s.path("x/a.dzi");
    convert(&s.bundle, "dzi", &dzi, &[]).ok();
    let sidecar = fs::read_to_string(s.path("x/a.json")).unwrap();
    let mut sidecar: Value = serde_json::from_str(&sidecar).unwrap();
    sidecar["microns_per_pixel"] = serde_json::json!([0.25, 0.5]);
    sidecar["objective_power"] = 40.0.into();
    sidecar["scanner"] = "Leica GT450".into();
    fs::write(s.path("x/a.json"), sidecar.to_string()).unwrap();
    let (szi, back) = (s.path("y/b.szi"), s.path("z/c.dzi"));
    convert(&dzi, "szi", &szi, &[]).ok();
    convert(&szi, "dzi", &back, &[]).ok();
    let [from, zipped, back] = [&dzi, &szi, &back].map(|path| Tree::open(path, Missing::Refuse).unwrap());
    assert!(from.icc_profile().is_some_and(|profile| !profile.is_empty()));
    for tree in [&zipped, &back] {
        assert_eq!(tree.icc_profile(), from.icc_profile());
        assert_eq!(tree.metadata().microns_per_pixel, Some((0.25, 0.5)));
        assert_eq!(tree.metadata().objective_power, Some(40.0));
        assert_eq!(tree.metadata().scanner.as_deref(), Some("Leica GT450"));
        assert_eq!(tree.metadata().source, from.metadata().source);
    }
}

#[test]
fn what_cannot_be_converted_is_refused_and_what_is_there_stays() {
    let s = Small::new();
    let out = s.path("a.tiff");
    fs::write(&out, "theirs").unwrap();
    convert(&s.bundle, "tiff", &out, &[]).fails(&["a.tiff", "it is there already", "--overwrite"]);
    assert_eq!(fs::read(&out).unwrap(), b"theirs");
    convert(&s.bundle, "tiff", &out, &["--overwrite"]).ok();
    assert_tiles("replaced", &s.bundle, &out);
    convert(&s.pack(), "tiff", &s.path("b.tiff"), &[]).ends(2, &["0_0.pack", "give the bundle"]);
    convert(&s.bundle, "szi", &s.path("b.zip"), &[]).ends(2, &["b.zip", ".szi"]);
    convert(&s.bundle, "tiff", &s.path("b.tiff"), &["--associated", "label"])
        .ends(2, &["label", "it has: none"]);
    convert(&s.path("gone.bundle"), "tiff", &s.path("b.tiff"), &[]).fails(&["gone.bundle", "cannot open"]);
    let part = s.path("part");
    origami(&["encode", "-q", "--pyramid", arg(&s.dzi), "--out", arg(&part), "--max-parents", "1"]).ok();
    let bundle = part.join("residual_packs/residuals.bundle");
    convert(&bundle, "tiff", &s.path("b.tiff"), &[])
        .fails(&["1 of the slide's 4 families", "encode the whole"]);
    let made = fs::read(&out).unwrap();
    convert(&out, "tiff", &out, &["--overwrite"]).ends(2, &["a.tiff", "what it is made of"]);
    assert!(fs::read(&out).unwrap() == made);
    let mut bytes = fs::read(&s.bundle).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let damaged = s.path("damaged.bundle");
    fs::write(&damaged, bytes).unwrap();
    for (to, name) in [("tiff", "b.tiff"), ("szi", "b.szi"), ("dzi", "b.dzi")] {
        convert(&damaged, to, &s.path(name), &[]).damaged(&["damaged.bundle"]);
    }
    let left: Vec<_> = listing(s.dir.path())
        .into_iter()
        .filter(|name| name.starts_with('b') || name.contains(".part"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_conversion_killed_at_any_moment_leaves_a_whole_file_or_none() {
    let dir = tempfile::tempdir().unwrap();
    let png = dir.path().join("slide.png");
    write_png(&png, 1500, 1300, 5);
    let enc = dir.path().join("enc");
    origami(&["encode", "-q", "--image", arg(&png), "--tile", "64", "--out", arg(&enc)]).ok();
    let bundle = enc.join("residual_packs/residuals.bundle");
    for (to, name) in [("tiff", "a.tiff"), ("szi", "a.szi")] {
        let out = dir.path().join(to).join(name);
        let started = Instant::now();
        convert(&bundle, to, &out, &[]).ok();
        let length = started.elapsed();
        let good = fs::read(&out).unwrap();
        let (mut random, mut killed) = (Rng(7), 0);
        for round in 0..10 {
            fs::remove_file(&out).ok();
            let args = ["convert", arg(&bundle), "--to", to, "--out", arg(&out)];
            let mut child = program().args(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            let share = if round % 2 == 0 { random.unit() } else { 0.9 + random.unit() / 8.0 };
            std::thread::sleep(Duration::from_secs_f64(length.as_secs_f64() * share));
            child.kill().unwrap();
            killed += usize::from(child.wait().unwrap().code().is_none());
            assert!(!out.exists() || fs::read(&out).unwrap() == good, "{to}: not whole after kill {round}");
        }
        convert(&bundle, to, &out, &["--overwrite"]).ok();
        assert!(fs::read(&out).unwrap() == good, "{to}: the rerun gives other bytes");
        no_leftovers(out.parent().unwrap());
        assert!(killed >= 2, "{killed} of 10 came in time");
    }
}
