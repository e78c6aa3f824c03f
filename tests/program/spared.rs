//! No result takes the place of what it is made of, and none deletes what the program did not write.

use std::fs;
use std::path::Path;

use crate::kit::dicom::write_dicom;
use crate::kit::files::{contents, copy_all, no_leftovers};
use crate::kit::image::Image;
use crate::kit::program::{Ran, arg, origami, program};
use crate::kit::slides::{Small, write_png};
use crate::kit::trees::write_other_tree;
use origami::pyramid::tree::Layout;

const MADE_OF: &str = "the result would replace what it is made of";
const FOREIGN: &str = "it is no part of an earlier result";

/// A command that must be refused and leave all below `dir` as it was.
#[track_caller]
fn refused(dir: &Path, args: &[&str], code: i32, says: &[&str]) {
    let before = contents(dir);
    let ran: Ran = program().args(args).current_dir(dir).output().unwrap().into();
    ran.ends(code, says);
    assert!(contents(dir) == before, "{args:?}");
    no_leftovers(dir);
}

/// A folder with slides, notes and attributes.
fn folder(dir: &Path) {
    fs::create_dir_all(dir).unwrap();
    write_png(&dir.join("slide.png"), 150, 130, 1);
    write_png(&dir.join("other.png"), 90, 70, 2);
    fs::write(dir.join("notes.txt"), "mine").unwrap();
    fs::write(dir.join("given.json"), r#"{"PixelSpacing": [0.0005, 0.0005]}"#).unwrap();
}

#[test]
fn dicom_does_not_replace_a_directory_that_holds_its_input() {
    let s = Small::new();
    let at = |name: &str| s.path(name);
    folder(&at("dd"));
    let to = ["--to", "dicom", "--overwrite", "--out"];
    let convert = |input: &str, out: &str| {
        refused(s.dir.path(), &[&["convert", input], &to[..], &[out]].concat(), 2, &[MADE_OF]);
    };
    // The slide's directory, one above it, by other names of the same, and without a name of its own.
    convert("dd/slide.png", "dd");
    convert("dd/slide.png", arg(&at("tree/../dd")));
    convert("dd/slide.png", arg(s.dir.path()));
    // A bundle and a tree, by the directory and by the file.
    convert("out", "out");
    convert("out/residual_packs/residuals.bundle", "out/residual_packs");
    convert("tree", "tree");
    convert("tree/baseline_pyramid.dzi", "tree/baseline_pyramid_files");
    convert("tree/baseline_pyramid.dzi", "tree/baseline_pyramid_files/7");
    let zoomify = at("zoomify");
    fs::create_dir(&zoomify).unwrap();
    write_other_tree(&zoomify, Layout::Zoomify, &Image::tissue(300, 200, 1), 256);
    convert("zoomify", "zoomify/TileGroup0");
    // A series of files that are called as those that would be written.
    fs::create_dir(at("series")).unwrap();
    let image = Image::tissue(300, 200, 3);
    write_dicom(&at("series/level-0.dcm"), &image, "1.2.3", 1);
    write_dicom(&at("series/level-1.dcm"), &image.halved(), "1.2.3", 2);
    convert("series", "series");
    convert("series/level-1.dcm", "series");
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(at("dd"), at("link")).unwrap();
        convert("dd/slide.png", "link");
        convert("link/slide.png", "dd");
    }
    for out in [".", "dd/.."] {
        refused(s.dir.path(), &[&["convert", "dd/slide.png"], &to[..], &[out]].concat(), 2, &["--out"]);
    }
}

#[test]
fn dicom_replaces_only_directories_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    folder(&dir.path().join("dd"));
    let given = ["--attributes", "dd/given.json", "--overwrite"];
    let convert = |out| [&["convert", "dd/slide.png", "--to", "dicom", "--out", out], &given[..]].concat();
    fs::create_dir(dir.path().join("others")).unwrap();
    fs::write(dir.path().join("others/a.svs"), "mine").unwrap();
    fs::write(dir.path().join("others/b.svs"), "mine").unwrap();
    refused(dir.path(), &convert("others"), 1, &["others/a.svs", FOREIGN, "--out"]);
    let run = |out| Ran::from(program().args(convert(out)).current_dir(dir.path()).output().unwrap());
    run("new").ok();
    let whole = contents(&dir.path().join("new"));
    fs::write(dir.path().join("new/notes.txt"), "mine").unwrap();
    refused(dir.path(), &convert("new"), 1, &["new/notes.txt", FOREIGN]);
    fs::remove_file(dir.path().join("new/notes.txt")).unwrap();
    run("new").ok();
    assert!(contents(&dir.path().join("new")) == whole);
    fs::create_dir(dir.path().join("empty")).unwrap();
    run("empty").ok();
    no_leftovers(dir.path());
}

#[test]
fn a_tree_is_replaced_only_where_nothing_else_would_go_with_it() {
    let s = Small::new();
    let dir = s.dir.path();
    write_png(&s.path("slide.png"), 150, 130, 1);
    let bundle = "out/residual_packs/residuals.bundle";
    for (command, files) in [
        (&["pyramid", "slide.png", "--tile", "32", "--out", "p"][..], "p/baseline_pyramid_files"),
        (&["decode", bundle, "--out", "d"][..], "d/decoded_pyramid_files"),
        (&["convert", bundle, "--to", "dzi", "--out", "c/a.dzi"][..], "c/a_files"),
    ] {
        let command = [command, &["--overwrite"]].concat();
        let run = || Ran::from(program().args(&command).current_dir(dir).output().unwrap());
        run().ok();
        let files = s.path(files);
        let whole = contents(files.parent().unwrap());
        for name in ["notes.txt", "7/notes.txt", "other/0_0.jpg"] {
            let foreign = files.join(name);
            fs::create_dir_all(foreign.parent().unwrap()).unwrap();
            fs::write(&foreign, "mine").unwrap();
            refused(dir, &command, 1, &["_files/", FOREIGN, "--out"]);
            fs::remove_file(foreign).unwrap();
        }
        fs::remove_dir(files.join("other")).unwrap();
        run().ok();
        assert!(contents(files.parent().unwrap()) == whole);
    }
    // Files of other programs under the names of a sidecar and a profile.
    let convert = ["convert", bundle, "--to", "dzi", "--out", "n/a.dzi", "--overwrite"];
    fs::create_dir(s.path("n")).unwrap();
    for name in ["n/a.json", "n/a.icc"] {
        fs::write(s.path(name), r#"{"marks": []}"#).unwrap();
        refused(dir, &convert, 1, &[name, FOREIGN]);
        fs::remove_file(s.path(name)).unwrap();
    }
}

#[test]
fn a_tree_does_not_replace_one_that_holds_its_input() {
    let s = Small::new();
    let dir = s.dir.path();
    let refused = |args: &[&str]| refused(dir, args, 2, &[MADE_OF]);
    let inside = s.path("tree/baseline_pyramid_files/7/0_0.jpg");
    refused(&["pyramid", arg(&inside), "--out", "tree", "--overwrite", "--tile", "32"]);
    refused(&["convert", arg(&inside), "--to", "dzi", "--out", "tree/baseline_pyramid.dzi", "--overwrite"]);
    copy_all(&s.path("tree"), &s.path("t"));
    for (from, to) in
        [("baseline_pyramid.dzi", "decoded_pyramid.dzi"), ("baseline_pyramid_files", "decoded_pyramid_files")]
    {
        fs::rename(s.path("t").join(from), s.path("t").join(to)).unwrap();
    }
    let packs = ["decode", "--packs", "out/residual_packs", "--overwrite"];
    refused(&[&packs[..], &["--pyramid", "t/decoded_pyramid.dzi", "--out", "t"]].concat());
    refused(&[&packs[..], &["--pyramid", "t", "--out", "t"]].concat());
    fs::copy(&s.bundle, s.path("t/decoded_pyramid_files/a.bundle")).unwrap();
    refused(&["decode", "t/decoded_pyramid_files/a.bundle", "--out", "t", "--overwrite"]);
}

#[cfg(unix)]
#[test]
fn a_picture_does_not_replace_what_it_shows() {
    let s = Small::new();
    let dir = s.dir.path();
    folder(dir);
    fs::hard_link(s.path("slide.png"), s.path("same.png")).unwrap();
    std::os::unix::fs::symlink("slide.png", s.path("link.png")).unwrap();
    fs::copy(&s.bundle, s.path("bundle.png")).unwrap();
    let tile = "tree/baseline_pyramid_files/7/0_0.jpg";
    for (input, out) in [
        ("slide.png", "slide.png"),
        ("slide.png", "tree/../slide.png"),
        ("slide.png", "same.png"),
        ("link.png", "slide.png"),
        ("slide.png", "link.png"),
        ("tree/baseline_pyramid.dzi", tile),
        ("tree", tile),
        ("tree", "tree/baseline_pyramid.dzi"),
        ("tree", "tree/baseline_pyramid.json"),
        ("out", "out/residual_packs/residuals.bundle"),
    ] {
        let crop = ["crop", input, "0,0,10,10", "-o", out, "--format", "png", "--overwrite"];
        refused(dir, &crop, 2, &[out, MADE_OF]);
    }
    refused(dir, &["compare", "slide.png", "tree", "--picture", "slide.png", "--overwrite"], 2, &[MADE_OF]);
    refused(dir, &["compare", "tree", "slide.png", "--picture", "same.png", "--overwrite"], 2, &[MADE_OF]);
    refused(dir, &["compare", "slide.png", "tree", "--picture", "slide.png"], 2, &[MADE_OF]);
    refused(
        dir,
        &["compare", "slide.png", "tree", "--picture", "other.png"],
        1,
        &["other.png", "--overwrite"],
    );
    refused(dir, &["inspect", "bundle.png", "--plot", "bundle.png", "--overwrite"], 2, &[MADE_OF]);
    refused(dir, &["inspect", "bundle.png", "--plot", "other.png"], 1, &["other.png", "--overwrite"]);
    fs::copy(s.path("slide.png"), s.path("slide.html")).unwrap();
    let encode = ["encode", "--image", "slide.html", "--out", "new", "--report"];
    refused(dir, &[&encode[..], &["slide.html"]].concat(), 2, &[MADE_OF]);
    refused(
        dir,
        &["encode", "slide.png", "--out", "new", "--report", "slide.html"],
        1,
        &["slide.html", "--overwrite"],
    );
    // Beside those that it writes, and of the same name.
    fs::create_dir_all(s.path("run/images")).unwrap();
    for name in ["original.png", "0_0_original.png"] {
        fs::copy(s.path("slide.png"), s.path("run/images").join(name)).unwrap();
    }
    let pictures = |image| ["encode", "--image", image, "--tile", "32", "--out", "run", "--debug-images"];
    refused(dir, &pictures("run/images/0_0_original.png"), 2, &[MADE_OF]);
    let ran = program().args(pictures("run/images/original.png")).current_dir(dir).output().unwrap();
    Ran::from(ran).ok();
    // What is not there, or is another file, is written.
    for args in [
        &["compare", "slide.png", "tree", "--picture", "other.png", "--overwrite"][..],
        &["inspect", "bundle.png", "--plot", "other.png", "--overwrite"],
        &["crop", "tree", "0,0,10,10", "-o", "other.png", "--overwrite"],
        &["crop", "tree", "0,0,10,10", "-o", "tree/crop.png"],
        &["crop", "tree", "0,0,10,10", "-o", "tree/crop.png", "--overwrite"],
    ] {
        Ran::from(program().args(args).current_dir(dir).output().unwrap()).ok();
    }
}

#[cfg(feature = "tour")]
#[test]
fn a_still_does_not_replace_the_slide_of_its_tour() {
    let dir = tempfile::tempdir().unwrap();
    folder(dir.path());
    let tour = r#"{"slide": "slide.png", "camera": [{"time": 0}, {"time": 1, "center": [10, 10], "downsample": 1}]}"#;
    fs::write(dir.path().join("tour.json"), tour).unwrap();
    fs::write(dir.path().join("tour.png"), tour).unwrap();
    let still = |tour, out| ["tour", "still", tour, "--at", "0", "--out", out];
    refused(dir.path(), &still("tour.json", "slide.png"), 2, &[MADE_OF]);
    refused(dir.path(), &still("tour.png", "tour.png"), 2, &[MADE_OF]);
}

#[test]
fn packs_without_a_bundle_are_not_replaced_without_a_word() {
    let s = Small::new();
    fs::remove_file(&s.bundle).unwrap();
    write_png(&s.path("slide.png"), 150, 130, 5);
    let encode = ["encode", "slide.png", "--tile", "32", "--out", "out", "--pack"];
    refused(s.dir.path(), &encode, 1, &["residual_packs", "packs of an earlier encode", "--overwrite"]);
    let all = [&encode[..], &["--overwrite"]].concat();
    Ran::from(program().args(all).current_dir(s.dir.path()).output().unwrap()).ok();
}

#[test]
fn bench_slide_replaces_a_file_only_on_request_however_it_is_named() {
    let dir = tempfile::tempdir().unwrap();
    folder(dir.path());
    for file in [&["slide.png"][..], &["--out", "slide.png"]] {
        let bench = [&["bench", "slide", "--size", "20x20"], file].concat();
        refused(dir.path(), &bench, 1, &["slide.png", "--overwrite"]);
    }
    let slide = dir.path().join("slide.png");
    origami(&["bench", "slide", "--size", "20x20", "--out", arg(&slide), "--overwrite"]).ok();
}
