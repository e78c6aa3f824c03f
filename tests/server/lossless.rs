//! `--preset lossless`: every L0 tile comes back byte for byte, from `decode` and from the server.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::kit::compare::psnr;
use crate::kit::files::{contents, no_leftovers, nothing_written};
use crate::kit::image::Image;
use crate::kit::jpeg::{baseline, progressive, restarts, rgb_coded};
use crate::kit::program::{arg, inspected, origami};
use crate::kit::trees::{Layout, assert_whole, level_planes, write_tree};
use crate::running::{Running, wait_until};
use origami::image::geometry::{Geometry, TileId};
use origami::image::ycc::Sampling;

type Files = BTreeMap<String, Vec<u8>>;

/// Tile files below a `_files` directory, by `level/x_y.jpg`.
fn files(dir: &Path) -> Files {
    contents(dir).into_iter().collect()
}

fn jpeg_tree(dir: &Path, image: &Image, tile: u32, code: &dyn Fn(TileId, &Image) -> Vec<u8>) -> PathBuf {
    let layout = Layout { tile, overlap: 0, format: "jpg" };
    write_tree(dir, "baseline_pyramid", image, layout, code)
}

/// Encodes a tree in `root/name/` there and proves the bundle.
fn encode(root: &Path, name: &str, extra: &[&str]) -> PathBuf {
    let dir = root.join(name);
    let args = ["encode", "-q", "--pyramid", arg(&dir), "--out", arg(&dir), "--preset", "lossless", "--pack"];
    // Some of the tiles have metadata, which must come back as well.
    let args = [&args[..], &["--keep-metadata"]].concat();
    origami(&[&args, extra].concat()).ok();
    let packs = dir.join("residual_packs");
    let said = origami(&["verify", "--deep", arg(&packs)]).ok().stdout;
    let (files, summary): (Vec<_>, Vec<_>) = said.lines().partition(|line| line.contains(": "));
    assert!(files.iter().all(|line| line.contains("whole") && line.contains("proved")), "{said}");
    assert_eq!(summary, [format!("{} whole", files.len())]);
    packs.join("residuals.bundle")
}

/// The tiles of `decode`, after a look at the whole tree.
fn decoded_tree(bundle: &Path, flags: &[&str]) -> Files {
    let out = tempfile::tempdir().unwrap();
    origami(&[&["decode", "-q", "--bundle", arg(bundle), "--out", arg(out.path())], flags].concat()).ok();
    if !flags.contains(&"webp") {
        assert_whole("decoded", &out.path().join("decoded_pyramid.dzi"));
    }
    files(&out.path().join("decoded_pyramid_files"))
}

/// All levels but L1 are what the tree has, and the server sends what `decode` writes, first and cached.
fn comes_back(root: &Path, name: &str, size: (u32, u32), tile: u32) {
    let source = files(&root.join(name).join("baseline_pyramid_files"));
    let bundle = encode(root, name, &[]);
    let back = decoded_tree(&bundle, &[]);
    assert_eq!(back.keys().collect::<Vec<_>>(), source.keys().collect::<Vec<_>>());
    let l1 = format!("{}/", Geometry::new(size.0, size.1, tile).unwrap().top_level() - 1);
    for (path, want) in &source {
        assert!(path.starts_with(&l1) || back[path] == *want, "{name}: {path} is not the source's file");
    }
    let packs = tempfile::tempdir().unwrap();
    let args = ["decode", "-q", "--packs", arg(bundle.parent().unwrap()), "--out", arg(packs.path())];
    origami(&[&args[..], &["--pyramid", arg(&root.join(name))]].concat()).ok();
    assert!(files(&packs.path().join("decoded_pyramid_files")) == back, "{name}: the packs decode otherwise");
    let server = Running::start(root, &["--no-prefetch"]);
    for (path, want) in &back {
        for _ in 0..2 {
            let reply = server.get(&format!("/tiles/{name}/{path}"));
            assert_eq!((reply.status, reply.header("content-type")), (200, "image/jpeg"), "{path}");
            assert!(reply.body == *want, "{name}: {path} is not what decode writes");
        }
    }
    assert_eq!(server.figure("origami_families_reconstructed_total"), 0.0, "single tiles need no family");
}

#[test]
fn every_tile_of_l0_comes_back_from_decode_and_server_byte_for_byte() {
    let root = tempfile::tempdir().unwrap();
    for (name, width, height, tile, sampling) in [
        ("s420", 700, 530, 64, Sampling::S420),
        ("s444", 331, 270, 64, Sampling::S444),
        ("s422", 257, 301, 62, Sampling::S422),
        ("odd", 229, 200, 33, Sampling::S420),
        ("large", 601, 420, 254, Sampling::S420),
        ("usual", 530, 300, 256, Sampling::S420),
        ("gray", 300, 300, 64, Sampling::Gray),
        ("tiny", 5, 3, 64, Sampling::S444),
    ] {
        let image = Image::tissue(width, height, 3);
        let image = if sampling == Sampling::Gray { image.to_gray() } else { image };
        jpeg_tree(&root.path().join(name), &image, tile, &|_, part| baseline(part, sampling));
        comes_back(root.path(), name, (width as u32, height as u32), tile);
        let value = inspected(&root.path().join(name).join("residual_packs/residuals.bundle"));
        assert_eq!(value["meta"]["coding"]["originals"], true);
        assert!(value["bytes"]["originals"].as_u64() > Some(0) && value["bytes"]["residual"] == 0);
    }
}

/// A segment between the first marker and the rest.
fn with_segment(mut jpeg: Vec<u8>, marker: u8, bytes: &[u8]) -> Vec<u8> {
    let mut segment = vec![0xFF, marker];
    segment.extend((bytes.len() as u16 + 2).to_be_bytes());
    segment.extend(bytes);
    jpeg.splice(2..2, segment);
    jpeg
}

/// Every odd kind of JPEG in turn.
fn odd_kinds(id: TileId, part: &Image) -> Vec<u8> {
    let plain = || baseline(part, Sampling::S420);
    match (id.x + 3 * id.y + id.level) % 9 {
        0 => plain(),
        1 => progressive(part, Sampling::S420),
        2 => restarts(part, Sampling::S422),
        3 => with_segment(
            plain(),
            0xE1,
            b"Exif\0\0II*\0 and so on: nobody reads it, and it must be there again",
        ),
        4 => [plain(), b"bytes after the end".to_vec()].concat(),
        5 => baseline(&part.to_gray(), Sampling::Gray),
        6 => rgb_coded(part),
        7 => with_segment(progressive(part, Sampling::S444), 0xFE, b"a remark"),
        _ => [baseline(part, Sampling::S440), vec![0; 3000]].concat(),
    }
}

#[test]
fn jpegs_of_every_kind_come_back_byte_for_byte_and_look_the_same() {
    let root = tempfile::tempdir().unwrap();
    let image = Image::smooth(450, 390);
    let dzi = jpeg_tree(&root.path().join("odd"), &image, 32, &odd_kinds);
    comes_back(root.path(), "odd", (450, 390), 32);
    let out = root.path().join("decoded");
    let bundle = root.path().join("odd/residual_packs/residuals.bundle");
    origami(&["decode", "-q", "--bundle", arg(&bundle), "--out", arg(&out), "--output-format", "png"]).ok();
    let tree = assert_whole("png", &out.join("decoded_pyramid.dzi"));
    let source = assert_whole("source", &dzi);
    // Colours too are right at every level; gray tiles are gray on both sides. L1 of the source came from other pixels.
    for (level, least) in [(9, 45.0), (7, 45.0)] {
        for (want, got) in level_planes(&source, level).iter().zip(&level_planes(&tree, level)) {
            assert!(psnr(want, got) > least, "level {level}: {} dB", psnr(want, got));
        }
    }
    let [luma, ..] = level_planes(&tree, 8);
    assert!(psnr(&image.halved().luma(), &luma) > 38.0, "L1: {} dB", psnr(&image.halved().luma(), &luma));
}

#[test]
fn l1_is_made_of_l0_with_its_chroma() {
    let root = tempfile::tempdir().unwrap();
    for (name, sampling) in [("a", Sampling::S420), ("b", Sampling::S444)] {
        let image = Image::smooth(400, 300);
        jpeg_tree(&root.path().join(name), &image, 64, &|_, part| baseline(part, sampling));
        let bundle = encode(root.path(), name, &[]);
        let out = root.path().join(format!("{name}-out"));
        origami(&["decode", "-q", "--bundle", arg(&bundle), "--out", arg(&out), "--output-format", "png"])
            .ok();
        let tree = assert_whole(name, &out.join("decoded_pyramid.dzi"));
        let half = image.halved().planes();
        let want = [&half.luma, &half.chroma.as_ref().unwrap()[0], &half.chroma.as_ref().unwrap()[1]];
        for (want, got) in want.into_iter().zip(&level_planes(&tree, 8)) {
            assert!(psnr(want, got) > 40.0, "{name}: {} dB", psnr(want, got));
        }
    }
}

#[test]
fn other_outputs_are_the_same_from_decode_and_server() {
    let root = tempfile::tempdir().unwrap();
    jpeg_tree(&root.path().join("one"), &Image::tissue(300, 270, 4), 32, &odd_kinds);
    let bundle = encode(root.path(), "one", &[]);
    let cases: [(&[&str], &[&str]); 4] = [
        (&["--output-format", "webp"], &["--output-format", "webp"]),
        (&["--grayscale"], &["--grayscale-only"]),
        (&["--tile-subsamp", "444", "--quality", "80"], &["--tile-subsamp", "444", "--tile-quality", "80"]),
        // Nothing is sharpened that is given back as it was.
        (&[], &["--sharpen", "0.8"]),
    ];
    for (decode, serve) in cases {
        let server = Running::start(root.path(), serve);
        for (path, want) in decoded_tree(&bundle, decode) {
            assert!(server.get(&format!("/tiles/one/{path}")).body == want, "{serve:?}: {path}");
        }
        if decode.contains(&"webp") {
            continue;
        }
        for path in [
            "/iiif/3/one/10,20,200,180/100,/90/default.png",
            "/iiif/3/one/full/max/0/gray.jpg",
            "/thumbnails/one?width=64",
        ] {
            assert_eq!(server.get(path).status, 200, "{path}");
        }
    }
}

#[test]
fn a_family_is_made_ahead_where_that_is_asked_for() {
    let root = tempfile::tempdir().unwrap();
    jpeg_tree(&root.path().join("one"), &Image::tissue(600, 500, 4), 64, &odd_kinds);
    let bundle = encode(root.path(), "one", &[]);
    let tiles = decoded_tree(&bundle, &[]);
    let server = Running::start(root.path(), &["--prewarm-on-l2"]);
    assert_eq!(server.get("/tiles/one/8/1_1.jpg").status, 200);
    wait_until("nothing is made ahead", || server.figure("origami_families_reconstructed_total") >= 1.0);
    let hot = "origami_tiles_total{level=\"L0\",outcome=\"hot\"}";
    for path in ["10/4_4.jpg", "10/7_6.jpg", "9/3_2.jpg"] {
        assert!(server.get(&format!("/tiles/one/{path}")).body == tiles[path], "{path}");
    }
    assert_eq!(server.figure(hot), 2.0);
}

#[test]
fn equal_tiles_are_stored_once() {
    let root = tempfile::tempdir().unwrap();
    // Glass, and tissue on a part of it.
    let mut image = Image { width: 520, height: 260, channels: 3, data: vec![250; 3 * 520 * 260] };
    let tissue = Image::tissue(40, 40, 8);
    for y in 0..40 {
        let at = 3 * ((y + 20) * image.width + 20);
        image.data[at..at + 120].copy_from_slice(&tissue.data[3 * 40 * y..][..120]);
    }
    jpeg_tree(&root.path().join("glass"), &image, 32, &|_, part| baseline(part, Sampling::S420));
    comes_back(root.path(), "glass", (520, 260), 32);
    let value = inspected(&root.path().join("glass/residual_packs/residuals.bundle"));
    assert!(value["bytes"]["shared"].as_u64() > Some(0), "blank families");
    let first = value["family_list"].as_array().unwrap().iter().find(|f| f["x"] == 0 && f["y"] == 0).unwrap();
    let without = first["payloads"].as_array().unwrap().iter().filter(|p| p["bytes"] == 0).count();
    assert!(without > 8, "blank tiles beside tissue: {first}");
}

#[test]
fn damage_is_named_and_stays_where_it_is() {
    let root = tempfile::tempdir().unwrap();
    jpeg_tree(&root.path().join("one"), &Image::tissue(256, 256, 4), 64, &|_, part| {
        baseline(part, Sampling::S420)
    });
    let bundle = encode(root.path(), "one", &[]);
    let good = fs::read(&bundle).unwrap();
    let tiles = decoded_tree(&bundle, &[]);
    let out = root.path().join("out");
    for at in (0..good.len()).step_by(997) {
        let mut bad = good.clone();
        bad[at] ^= 0x20;
        fs::write(&bundle, &bad).unwrap();
        origami(&["verify", arg(&bundle)]).damaged(&["residuals.bundle: byte "]);
        origami(&["decode", "-q", "--bundle", arg(&bundle), "--out", arg(&out)])
            .damaged(&["residuals.bundle: byte "]);
        nothing_written(&out);
    }
    // The last byte is one of the last tile, and no other tile of L0 is the worse for it.
    let mut bad = good.clone();
    *bad.last_mut().unwrap() ^= 1;
    fs::write(&bundle, &bad).unwrap();
    origami(&["verify", arg(&bundle)]).damaged(&["checksum of the tile 3_3 of family 0_0"]);
    fs::rename(root.path().join("one/baseline_pyramid.dzi"), root.path().join("kept.dzi")).unwrap();
    let server = Running::start(root.path(), &[]);
    assert_eq!(server.get("/tiles/one/8/3_3.jpg").status, 500);
    assert_eq!(server.get("/tiles/one/7/1_1.jpg").status, 500, "made of it");
    assert!(server.get("/tiles/one/8/2_3.jpg").body == tiles["8/2_3.jpg"]);
    assert!(server.get("/tiles/one/7/0_1.jpg").body == tiles["7/0_1.jpg"]);
    assert!(server.get("/tiles/one/6/0_0.jpg").body == tiles["6/0_0.jpg"]);
}

#[test]
fn what_has_no_tiles_to_keep_is_refused_before_anything_is_written() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    let image = Image::tissue(200, 150, 2);
    let tree = |name: &str, overlap: u32, format: &'static str| {
        let code = |_: TileId, part: &Image| {
            if format == "png" { part.png() } else { baseline(part, Sampling::S420) }
        };
        write_tree(&at(name), "baseline_pyramid", &image, Layout { tile: 32, overlap, format }, &code)
    };
    tree("png", 0, "png");
    tree("overlap", 1, "jpg");
    tree("good", 0, "jpg");
    tree("broken", 0, "jpg");
    fs::write(at("broken/baseline_pyramid_files/8/1_1.jpg"), b"no JPEG").unwrap();
    tree("no-l2", 0, "jpg");
    fs::remove_file(at("no-l2/baseline_pyramid_files/6/1_0.jpg")).unwrap();
    tree("no-l0", 0, "jpg");
    fs::remove_file(at("no-l0/baseline_pyramid_files/8/2_2.jpg")).unwrap();
    fs::write(at("image.png"), image.png()).unwrap();
    fs::write(at("image.jpg"), baseline(&image, Sampling::S420)).unwrap();
    let out = at("out");
    let run = |flag: &str, from: &str, extra: &[&str]| {
        let from = at(from);
        let args = ["encode", "-q", flag, arg(&from), "--out", arg(&out), "--preset", "lossless"];
        origami(&[&args[..], extra].concat())
    };
    run("--pyramid", "png", &[]).fails(&["png", "JPEG tiles", "--preset archive"]);
    run("--pyramid", "overlap", &[]).fails(&["overlap by 1", "--preset archive"]);
    run("--pyramid", "no-l2", &[]).damaged(&["6/1_0.jpg", "restore"]);
    run("--pyramid", "no-l0", &[]).damaged(&["8/2_2.jpg", "restore"]);
    run("--pyramid", "no-l0", &["--missing", "background"]).refused(&["--missing background", "leave one"]);
    run("--pyramid", "good", &["--tile", "64"]).refused(&["--tile 64"]);
    run("--image", "image.png", &[]).fails(&["image.png", "one image without tiles", "--preset archive"]);
    run("--slide", "image.jpg", &["--openslide", "never"]).fails(&["one image without tiles"]);
    for extra in [
        &["--l0q", "40"][..],
        &["--quality", "40"],
        &["--resq", "40"],
        &["--chroma-resq", "40"],
        &["--entropy", "adaptive"],
        &["--entropy", "context"],
        &["--baseq", "90"],
        &["--subsamp", "420"],
        &["--encoder", "turbojpeg"],
        &["--optl2"],
        &["--sharpen", "0.5"],
        &["--l0-scale", "50"],
        &["--l0-sharpen", "0.5"],
        &["--residual-encoder", "turbojpeg"],
        &["--target-psnr", "40"],
        &["--target-size", "1M"],
        &["--manifest"],
        &["--debug-images"],
    ] {
        run("--pyramid", "good", extra).refused(&[extra[0], "--preset lossless", "leave one of them out"]);
    }
    assert!(!out.exists(), "something was written");
    run("--pyramid", "broken", &[]).damaged(&["8/1_1"]);
    nothing_written(&out);
    run("--pyramid", "good", &["--entropy", "huffman", "--max-parents", "1"]).ok();
    no_leftovers(&out);
    let value = inspected(&out.join("residual_packs/residuals.bundle"));
    assert_eq!(value["family_list"][0]["payloads"][5]["codec"], "jpeg");
    assert_eq!(value["families"], 1);
}
