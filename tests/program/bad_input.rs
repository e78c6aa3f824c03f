//! Trees that are wrong: each gives one line that names the file and what to do, and nothing stands under a final name.

use std::fs;
use std::path::{Path, PathBuf};

use crate::kit::files::{no_leftovers, nothing_written};
use crate::kit::image::Image;
use crate::kit::jpeg::of_quality;
use crate::kit::program::{Ran, arg, origami};
use crate::kit::slides::{Small, tree, write_png};
use origami::codec::{ImageEncoder, JpegEncoder};
use origami::image::plane::Plane;
use origami::image::ycc::{Sampling, Ycc};

fn jpeg(width: usize, height: usize) -> Vec<u8> {
    of_quality(80, &Image::cells(width, height, 1), Sampling::S420)
}

/// Encodes the tree with one file changed (`None` removes it), then puts it back. A failure must leave nothing.
fn encode_with(s: &Small, file: &Path, bytes: Option<&[u8]>, extra: &[&str]) -> Ran {
    let good = fs::read(file).unwrap();
    match bytes {
        Some(bytes) => fs::write(file, bytes).unwrap(),
        None => fs::remove_file(file).unwrap(),
    }
    let out = s.path("never");
    let ran =
        origami(&[&["encode", "--pyramid", arg(&s.dzi), "--out", arg(&out), "--manifest"], extra].concat());
    if ran.code == Some(0) {
        fs::remove_dir_all(&out).unwrap();
    } else {
        nothing_written(&out);
    }
    fs::write(file, good).unwrap();
    ran
}

fn tile(s: &Small, name: &str) -> PathBuf {
    s.dzi.with_file_name("baseline_pyramid_files").join(name)
}

#[test]
fn a_tile_that_is_not_what_it_should_be_is_named() {
    let s = Small::new();
    // L0, a partial one at the edge, and a small level.
    for name in ["8/0_0.jpg", "8/4_4.jpg", "5/0_0.jpg", "0/0_0.jpg"] {
        let path = tile(&s, name);
        let good = fs::read(&path).unwrap();
        for cut in [1, 2, 3, 20, good.len() / 2, good.len() - 2, good.len() - 1] {
            encode_with(&s, &path, Some(&good[..cut]), &[]).damaged(&[name, "tile "]);
        }
        encode_with(&s, &path, Some(b""), &[]).damaged(&[name, "the file is empty"]);
        encode_with(&s, &path, Some(b"<html>404 Not Found</html>"), &[]).damaged(&[name, "tile "]);
        encode_with(&s, &path, Some(&jpeg(33, 31)), &[]).damaged(&[
            name,
            "the tile is 33x31",
            "baseline_pyramid.dzi",
        ]);
        encode_with(&s, &path, Some(b"\x89PNG\r\n\x1a\n"), &[]).damaged(&[name]);
        if name.starts_with("0/") {
            // Writers leave out levels from 0 on: these are made.
            encode_with(&s, &path, None, &[]).ok();
            continue;
        }
        encode_with(&s, &path, None, &[]).damaged(&[name, "1 tile(s) missing", "--missing background"]);
        encode_with(&s, &path, None, &["--missing", "background"]).ok();
    }
    // Gray among colour is a tile like another.
    let gray = Ycc::gray(Plane::filled(32, 32, 7));
    let gray = JpegEncoder::new().unwrap().encode(gray.view(), 80.into()).unwrap();
    encode_with(&s, &tile(&s, "8/1_1.jpg"), Some(&gray), &[]).ok();
}

#[test]
fn any_flipped_byte_of_a_tile_is_a_tile_or_an_error_that_names_it() {
    let s = Small::new();
    let path = tile(&s, "8/1_2.jpg");
    let good = fs::read(&path).unwrap();
    let (mut refused, mut taken) = (0, 0);
    for at in (0..good.len()).step_by(9) {
        let mut bad = good.clone();
        bad[at] ^= 0x55;
        let ran = encode_with(&s, &path, Some(&bad), &["-q"]);
        if ran.code == Some(0) {
            taken += 1;
        } else {
            ran.damaged(&["8/1_2.jpg"]);
            refused += 1;
        }
    }
    println!("{refused} refused, {taken} decoded to something");
}

#[test]
fn missing_tiles_are_counted_and_the_first_named() {
    let s = Small::new();
    for x in 0..4 {
        fs::remove_file(tile(&s, &format!("8/{x}_1.jpg"))).unwrap();
    }
    fs::remove_dir_all(tile(&s, "3")).unwrap();
    let out = s.path("never");
    let encode = ["encode", "--pyramid", arg(&s.dzi), "--out", arg(&out)];
    origami(&encode).damaged(&["5 tile(s) missing", "3/0_0.jpg", "8/0_1.jpg", "8/3_1.jpg", "restore them"]);
    nothing_written(&out);
    origami(&[&encode[..], &["--missing", "background"]].concat()).ok();
}

#[test]
fn a_descriptor_that_lies_is_refused() {
    let s = Small::new();
    let dzi = |format: &str, overlap: &str, tile: &str, width: &str, height: &str| {
        let text = format!(
            "<Image Format=\"{format}\" Overlap=\"{overlap}\" TileSize=\"{tile}\"><Size Width=\"{width}\" Height=\"{height}\"/></Image>"
        );
        encode_with(&s, &s.dzi, Some(text.as_bytes()), &[])
    };
    let name = "baseline_pyramid";
    dzi("jpg", "0", "32", "150", "130").ok();
    dzi("jpg", "0", "32", "151", "130").damaged(&[name, "makes it 23x32"]);
    dzi("jpg", "0", "32", "150", "129").damaged(&[name]);
    dzi("jpg", "0", "32", "75", "65").damaged(&[name, "no level 8"]);
    dzi("jpg", "0", "32", "300", "260").damaged(&[name, "none of the 90 tiles"]);
    dzi("jpg", "0", "31", "150", "130").damaged(&[name]);
    dzi("jpg", "0", "64", "150", "130").damaged(&[name]);
    dzi("jpg", "1", "32", "150", "130").damaged(&[name]);
    dzi("jpg", "33", "32", "150", "130").damaged(&[name, "Overlap=33"]);
    // Files of another extension are read as they are found, and told.
    assert!(dzi("png", "0", "32", "150", "130").ok().stderr.contains("its tiles end in .jpg"));
    dzi("webp", "0", "32", "150", "130").fails(&[name, "jpg, jpeg or png"]);
    dzi("../../jpg", "0", "32", "150", "130").fails(&[name]);
    for (tile, width, height) in [
        ("0", "150", "130"),
        ("5000", "150", "130"),
        ("4294967296", "150", "130"),
        ("32", "0", "130"),
        ("32", "-5", "130"),
        ("32", "1e3", "130"),
        ("32", "1073741825", "1"),
        ("256", "4294967295", "4294967295"),
    ] {
        dzi("jpg", "0", tile, width, height).damaged(&["baseline_pyramid.dzi"]);
    }
    // As many tiles as an archive indexes: refused without listing a billion of them.
    dzi("jpg", "0", "256", "1000000000", "60000").damaged(&["lies outside of 1000000000x60000"]);
    for text in [&b""[..], b"<Image", b"<a>&b;</a>"] {
        encode_with(&s, &s.dzi, Some(text), &[]).damaged(&["baseline_pyramid.dzi"]);
    }
    for text in [&b"\xff\xfe\0"[..], b"no XML", b"<Collection/>", &[b' '; 2 << 20]] {
        encode_with(&s, &s.dzi, Some(text), &[]).fails(&["baseline_pyramid.dzi"]);
    }
    let bomb = "<!DOCTYPE a [<!ENTITY b \"bbbbbbbb\"><!ENTITY c \"&b;&b;&b;&b;\">]><Image>&c;</Image>";
    encode_with(&s, &s.dzi, Some(bomb.as_bytes()), &[]).damaged(&["baseline_pyramid.dzi"]);
    let deep = "<a>".repeat(200_000);
    encode_with(&s, &s.dzi, Some(deep.as_bytes()), &[]).damaged(&["baseline_pyramid.dzi"]);
}

#[test]
fn a_sidecar_that_lies_is_refused() {
    let s = Small::new();
    let sidecar = s.dzi.with_extension("json");
    let ours = |fields: &str| format!("{{\"generator\":\"origami 9\",{fields}}}");
    for fields in ["\"microns_per_pixel\":[1]", "\"microns_per_pixel\":\"x\"", "\"source\":{}"] {
        encode_with(&s, &sidecar, Some(ours(fields).as_bytes()), &[]).damaged(&["baseline_pyramid.json"]);
    }
    // Another program's file of that name is not about this tree.
    for text in ["", "[1]", "{\"microns_per_pixel\":\"x\"}", "{\"generator\":\"scanner\",\"source\":1}"] {
        encode_with(&s, &sidecar, Some(text.as_bytes()), &[]).ok();
    }
    for icc in ["../secret", "/etc/hostname", ".."] {
        let text = ours(&format!("\"icc_profile\":\"{icc}\""));
        encode_with(&s, &sidecar, Some(text.as_bytes()), &[])
            .damaged(&["baseline_pyramid.json", "beside this"]);
    }
    let absent = ours("\"icc_profile\":\"absent.icc\"");
    encode_with(&s, &sidecar, Some(absent.as_bytes()), &[]).fails(&["absent.icc"]);
}

#[test]
fn paths_that_hold_no_tree_are_refused() {
    let s = Small::new();
    let (empty, two, out) = (s.path("empty"), s.path("two"), s.path("never"));
    fs::create_dir(&empty).unwrap();
    fs::create_dir(&two).unwrap();
    fs::write(two.join("a.dzi"), "").unwrap();
    fs::write(two.join("b.dzi"), "").unwrap();
    let image = s.path("a.png");
    write_png(&image, 9, 9, 1);
    let encode = |path: &Path| origami(&["encode", "--pyramid", arg(path), "--out", arg(&out)]);
    encode(&empty).fails(&["empty", "no .dzi here"]);
    encode(&two).fails(&["two", "2 .dzi files", "a.dzi"]);
    encode(&s.path("absent")).fails(&["absent"]);
    encode(&image).fails(&["a.png", "--slide"]);
    encode(&s.bundle).fails(&["residuals.bundle", "not a Deep Zoom descriptor"]);
    for (flag, path) in
        [("--image", &empty), ("--slide", &empty), ("--image", &s.bundle), ("--slide", &s.dzi)]
    {
        origami(&["encode", flag, arg(path), "--out", arg(&out)]).fails(&[arg(path)]);
        // A directory without slides, or a thing that is no slide.
        let code = if path.is_dir() { 1 } else { 2 };
        origami(&["pyramid", arg(path), "--out", arg(&out)]).ends(code, &[arg(path)]);
    }
    nothing_written(&out);
    // A tree of another slide for the small levels.
    let other = tree(&s.path("other"), 151, 130, 32, 1);
    origami(&["decode", "--pack-file", arg(&s.pack()), "--pyramid", arg(&other), "--out", arg(&out)])
        .fails(&["not the same slide"]);
    nothing_written(&out);
}

#[test]
fn directories_that_cannot_be_written_are_named() {
    let s = Small::new();
    let image = s.path("a.png");
    write_png(&image, 150, 130, 1);
    // Below a file; and where the system lets no program create anything.
    for out in
        [s.bundle.join("x"), s.dzi.clone(), PathBuf::from("/proc/origami"), PathBuf::from("/dev/full/x")]
    {
        let out = arg(&out);
        origami(&["encode", "--pyramid", arg(&s.dzi), "--out", out]).fails(&["cannot create", out]);
        origami(&["pyramid", arg(&image), "--out", out]).fails(&["cannot create", out]);
        origami(&["decode", "--bundle", arg(&s.bundle), "--out", out]).fails(&["cannot create", out]);
    }
    // A directory where the file belongs.
    let out = s.path("taken");
    fs::create_dir_all(out.join("residual_packs/residuals.bundle/x")).unwrap();
    origami(&["encode", "--pyramid", arg(&s.dzi), "--out", arg(&out)]).fails(&["residuals.bundle"]);
    no_leftovers(&out);
}
