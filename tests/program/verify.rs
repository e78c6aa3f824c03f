//! `origami verify`: every fault of archives, trees and slides is found, named, and shown by the exit code.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::kit::image::Image;
use crate::kit::jpeg;
use crate::kit::program::{Ran, arg, origami};
use crate::kit::slides::{Small, write_png};
use crate::kit::trees::{Layout, write_tree};
#[cfg(feature = "lepton")]
use crate::tiff::JpegTiff;
use origami::image::ycc::Sampling;

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|e| panic!("{e}: {ran:?}"))
}

#[test]
fn an_archive_is_whole_or_damaged_by_the_exit_code() {
    let s = Small::new();
    let dir = s.bundle.parent().unwrap();
    let whole = origami(&["verify", "--deep", arg(dir)]).ok();
    assert_eq!(whole.stdout.lines().count(), 6, "four packs, a bundle, a summary: {whole:?}");
    assert!(whole.stdout.ends_with("5 whole\n"), "{whole:?}");
    let mut bytes = fs::read(&s.bundle).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    fs::write(&s.bundle, bytes).unwrap();
    let ran = origami(&["verify", arg(dir)]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.stdout.ends_with("4 whole, 1 failed\n"), "{ran:?}");
    assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
    assert!(ran.stderr.contains("residuals.bundle: byte "), "{ran:?}");
}

#[test]
fn what_is_not_there_does_not_keep_the_rest_from_being_checked() {
    let s = Small::new();
    let absent = s.path("absent.bundle");
    origami(&["verify", arg(&absent)]).fails(&["absent.bundle"]);
    let ran = origami(&["verify", arg(&absent), arg(&s.bundle), arg(&s.dzi), "--json"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let results = json(&ran)["results"].clone();
    assert_eq!(results[0]["error"]["kind"], "failed", "{ran:?}");
    assert_eq!((&results[1]["whole"], &results[2]["whole"]), (&true.into(), &true.into()), "{ran:?}");
    fs::create_dir(s.path("empty")).unwrap();
    origami(&["verify", arg(&s.path("empty"))]).fails(&["empty", "no slides, trees or bundles"]);
    origami(&["verify"]).refused(&["FILES"]);
}

#[test]
fn a_directory_stands_for_everything_below_it() {
    let s = Small::new();
    write_png(&s.path("image.png"), 40, 30, 1);
    origami(&["decode", "-q", "--bundle", arg(&s.bundle), "--out", arg(&s.path("decoded/deep"))]).ok();
    let found = json(&origami(&["verify", arg(s.dir.path()), "--json"]).ok());
    let of = |kind: &str| {
        let results = found["results"].as_array().unwrap();
        results.iter().filter(|result| result["kind"] == kind && result["whole"] == true).count()
    };
    // Images beside slides are thumbnails and the like: they are checked where they are named.
    assert_eq!([of("tree"), of("bundle"), of("pack"), of("slide")], [2, 1, 4, 0], "{found:#}");
    let one = json(&origami(&["verify", arg(&s.path("image.png")), "--json"]).ok());
    assert_eq!((&one["kind"], &one["pixels"]), (&"slide".into(), &(40 * 30).into()), "{one:#}");
    for tree in [s.dzi.clone(), s.dzi.with_file_name("baseline_pyramid_files"), s.path("tree")] {
        let one = json(&origami(&["verify", arg(&tree), "--json"]).ok());
        assert_eq!((&one["kind"], &one["whole"]), (&"tree".into(), &true.into()), "{one:#}");
    }
}

#[test]
fn every_fault_of_a_tree_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let image = Image::tissue(150, 130, 1);
    let layout = Layout { tile: 32, overlap: 1, format: "jpg" };
    let dzi = write_tree(dir.path(), "tree", &image, layout, &|_, part| jpeg::baseline(part, Sampling::S420));
    let tiles = json(&origami(&["verify", arg(&dzi), "--json"]).ok())["tiles"].as_u64().unwrap();
    let tile = |name: &str| dir.path().join("tree_files").join(name);
    fs::remove_file(tile("8/0_0.jpg")).unwrap();
    fs::remove_file(tile("8/4_4.jpg")).unwrap();
    fs::remove_dir_all(tile("1")).unwrap();
    let whole = fs::read(tile("8/1_1.jpg")).unwrap();
    fs::write(tile("8/1_1.jpg"), &whole[..whole.len() / 2]).unwrap();
    fs::write(tile("8/2_1.jpg"), image.cut(0, 0, 34, 34).png()).unwrap();
    fs::copy(tile("8/0_1.jpg"), tile("8/2_2.jpg")).unwrap();
    fs::write(tile("3/0_0.jpg"), "").unwrap();
    let ran = origami(&["verify", arg(&dzi), "--json"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    let found = json(&ran);
    assert_eq!(found["tiles"].as_u64(), Some(tiles - 7), "{found:#}");
    let says = [
        "1 tile(s) missing in ",
        "3/0_0.jpg: tile 3/0_0: ",
        "2 tile(s) missing in ",
        "8/1_1.jpg: tile 8/1_1: ",
        "8/2_1.jpg: tile 8/2_1: ",
        "8/2_2.jpg: tile 8/2_2: the tile is 33x34",
    ];
    let faults = found["faults"].as_array().unwrap();
    assert_eq!(faults.len(), says.len(), "{found:#}");
    for (fault, text) in faults.iter().zip(says) {
        assert!(fault["message"].as_str().unwrap().contains(text), "no {text:?} in {fault:#}");
        assert_eq!(fault["kind"], "damaged", "{fault:#}");
        assert!(ran.stderr.contains(text), "no {text:?} in {ran:?}");
    }
}

#[test]
fn of_many_faults_the_first_are_named_and_all_are_counted() {
    let s = Small::new();
    let level = s.path("tree/baseline_pyramid_files/8");
    let tiles =
        fs::read_dir(&level).unwrap().map(|entry| fs::write(entry.unwrap().path(), "x").unwrap()).count();
    assert!(tiles > 20);
    let ran = origami(&["verify", arg(&s.dzi), "--json"]);
    let found = json(&ran);
    assert_eq!(found["fault_count"].as_u64(), Some(tiles as u64), "{found:#}");
    assert_eq!(found["faults"].as_array().unwrap().len(), 20, "{found:#}");
    assert_eq!(ran.stderr.lines().count(), 21, "{ran:?}");
    let last = format!("baseline_pyramid.dzi: and {} more\n", tiles - 20);
    assert!(ran.stderr.ends_with(&last), "{ran:?}");
}

#[test]
fn an_image_that_ends_early_is_damaged() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.png");
    write_png(&path, 90, 1200, 1);
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let ran = origami(&["verify", arg(&path)]);
    assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.lines().count()), (Some(3), "", 1), "{ran:?}");
    assert!(ran.stderr.contains("a.png: damaged PNG, row "), "{ran:?}");
}

#[cfg(feature = "lepton")]
#[test]
fn every_region_of_a_slide_that_cannot_be_read_is_named() {
    const TILE: u32 = 256;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("slide.tif");
    let tile = jpeg::baseline(&Image::tissue(TILE as usize, TILE as usize, 1), Sampling::S420);
    // Twelve tiles across and four down: three regions of 1024 pixels.
    let slide = |bad: &[usize]| {
        let mut tiles = vec![tile.clone(); 48];
        for &i in bad {
            tiles[i].truncate(tile.len() / 2);
        }
        let slide = JpegTiff { width: 12 * TILE, height: 4 * TILE, tile: TILE, photometric: 6, tiles };
        fs::write(&path, slide.bytes()).unwrap();
        origami(&["verify", "--json", "--openslide", "never", arg(&path)])
    };
    let whole = json(&slide(&[]).ok());
    assert_eq!(whole["pixels"].as_u64(), Some(48 * u64::from(TILE * TILE)), "{whole:#}");
    let ran = slide(&[1, 22]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    let found = json(&ran);
    assert_eq!(found["pixels"].as_u64(), Some(16 * u64::from(TILE * TILE)), "{found:#}");
    let places: Vec<_> = found["faults"].as_array().unwrap().iter().map(|fault| &fault["at"]).collect();
    assert_eq!(places, ["tile at column 1, row 0", "tile at column 10, row 1"], "{found:#}");
}

#[test]
fn flags_of_the_gpu_are_about_deep() {
    let s = Small::new();
    let bundle: &Path = &s.bundle;
    origami(&["verify", arg(bundle), "--backend", "cpu"]).refused(&["--deep"]);
}

#[test]
fn progress_counts_what_each_kind_consists_of() {
    let s = Small::new();
    let png = s.path("image.png");
    write_png(&png, 40, 30, 1);
    for (path, unit) in [(&s.bundle, "families"), (&s.dzi, "tiles"), (&png, "regions")] {
        let ran = origami(&["verify", arg(path), "--progress", "json"]).ok();
        let last: Value = serde_json::from_str(ran.stderr.lines().last().unwrap()).unwrap();
        assert_eq!(last[unit], last["of"], "{ran:?}");
        assert!(last["of"].as_u64().unwrap() > 0, "{ran:?}");
        assert_eq!(last["progress"], arg(path), "{ran:?}");
    }
}
