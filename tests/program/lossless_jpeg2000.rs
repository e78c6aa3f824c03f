//! `--preset lossless` of JPEG 2000: the codestreams are in the bundle as the slide has them, and tiles come out as JPEG and PNG.

use std::fs;
use std::path::{Path, PathBuf};

use crate::kit::data::test_data;
use crate::kit::files::nothing_written;
use crate::kit::program::{Ran, arg, origami};
use origami::archive::Archive;
use origami::codec::CodecId;
use origami::image::family::PayloadKind;
use origami::image::geometry::TileId;

const SIDE: u32 = 64;

/// A codestream of 64 x 64 pixels whose samples are all 128, with a comment.
fn codestream(components: u8, comment: &str) -> Vec<u8> {
    let mut out = b"\xFF\x4F\xFF\x51\0".to_vec();
    out.extend([38 + 3 * components, 0, 0]);
    for size in [SIDE, SIDE, 0, 0, SIDE, SIDE, 0, 0] {
        out.extend(size.to_be_bytes());
    }
    out.extend([0, components]);
    out.extend(b"\x07\x01\x01".repeat(components.into()));
    out.extend(b"\xFF\x52\0\x0C\0\0\0\x01\0\0\x04\x04\0\x01\xFF\x5C\0\x04\x20\x40");
    out.extend(b"\xFF\x64");
    out.extend((comment.len() as u16 + 4).to_be_bytes());
    out.extend(b"\0\x01");
    out.extend(comment.bytes());
    // A tile part of one empty packet for each component.
    out.extend(b"\xFF\x90\0\x0A\0\0\0\0\0");
    out.extend([14 + components, 0, 1, 0xFF, 0x93]);
    out.extend([0].repeat(components.into()));
    out.extend(b"\xFF\xD9");
    out
}

/// A little-endian TIFF of RGB in tiles.
fn tiff(width: u32, height: u32, compression: u32, tiles: &[Vec<u8>]) -> Vec<u8> {
    let mut out = b"II*\0\0\0\0\0".to_vec();
    let mut offsets = Vec::new();
    for tile in tiles {
        offsets.push(out.len() as u32);
        out.extend(tile);
    }
    let mut list = |values: Vec<u32>| {
        let at = out.len() as u32;
        out.extend(values.into_iter().flat_map(u32::to_le_bytes));
        at
    };
    let n = tiles.len() as u32;
    let counts = list(tiles.iter().map(|tile| tile.len() as u32).collect());
    let (offsets, bits) = (list(offsets), list(vec![8 | 8 << 16, 8]));
    let entries = [
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, 3, bits),
        (259, 4, 1, compression),
        (262, 4, 1, 2),
        (277, 4, 1, 3),
        (322, 4, 1, SIDE),
        (323, 4, 1, SIDE),
        (324, 4, n, offsets),
        (325, 4, n, counts),
    ];
    let at = (out.len() as u32).to_le_bytes();
    out[4..8].copy_from_slice(&at);
    out.extend((entries.len() as u16).to_le_bytes());
    for (tag, kind, count, value) in entries {
        out.extend(u16::to_le_bytes(tag));
        out.extend(u16::to_le_bytes(kind));
        out.extend(u32::to_le_bytes(count));
        out.extend(u32::to_le_bytes(value));
    }
    out.extend([0; 4]);
    out
}

fn encode(slide: &Path, out: &Path, extra: &[&str]) -> Ran {
    let args = ["encode", "-q", "--slide", arg(slide), "--out", arg(out), "--preset", "lossless"];
    origami(&[&args[..], extra].concat())
}

fn bundle(out: &Path) -> PathBuf {
    out.join("residual_packs/residuals.bundle")
}

/// The stored payload of a tile of L0.
fn payload(archive: &Archive, x: u32, y: u32) -> (CodecId, Vec<u8>) {
    let geometry = archive.geometry();
    let tile = TileId { level: geometry.top_level(), x, y };
    let entry = archive.find(geometry.family_of(tile).unwrap()).unwrap();
    let payload = archive.read_payloads(entry, &[PayloadKind::original(tile)]).unwrap().swap_remove(0);
    (payload.codec, payload.bytes)
}

#[test]
fn codestreams_are_stored_as_they_are_and_come_out_as_images() {
    let dir = tempfile::tempdir().unwrap();
    let tiles: Vec<_> = (0..6).map(|i| codestream(3, &format!("Kakadu-{i}"))).collect();
    // YCbCr of Aperio, RGB of Aperio, the number that is registered. 128 in all components is gray in both.
    for (compression, first) in [(33003, 0x13), (33005, 0x03), (34712, 0x03)] {
        let path = dir.path().join(format!("{compression}.svs"));
        fs::write(&path, tiff(150, 100, compression, &tiles)).unwrap();
        let out = dir.path().join(compression.to_string());
        encode(&path, &out, &[]).ok();
        let bundle = bundle(&out);
        let archive = Archive::open(&bundle).unwrap();
        for (i, want) in tiles.iter().enumerate() {
            let (codec, bytes) = payload(&archive, i as u32 % 3, i as u32 / 3);
            assert_eq!((codec, bytes[0]), (CodecId::Jpeg2000, first), "{compression}");
            assert!(bytes[1..] == *want, "{compression}: tile {i} is not the slide's");
        }
        let said = origami(&["verify", "--deep", arg(&bundle)]).ok().stdout;
        assert!(said.contains("proved"), "{said}");
        assert!(origami(&["inspect", arg(&bundle)]).ok().stdout.contains("jpeg2000"));
        // A TIFF has them as well, beside levels of JPEG.
        let converted = dir.path().join(format!("{compression}.tiff"));
        origami(&["convert", "-q", arg(&bundle), "--to", "tiff", "--out", arg(&converted)]).ok();
        let bytes = fs::read(&converted).unwrap();
        for (i, want) in tiles.iter().enumerate() {
            assert!(
                bytes.windows(want.len()).any(|part| part == want),
                "{compression}: tile {i} is not in the TIFF"
            );
        }
        let args = ["compare", arg(&path), arg(&converted), "--json", "--openslide", "never"];
        let value: serde_json::Value = serde_json::from_str(&origami(&args).ok().stdout).unwrap();
        assert_eq!(value["identical"], true, "{compression}: {value}");
        for (format, extension, magic) in
            [("jpeg", "jpg", &b"\xFF\xD8"[..]), ("png", "png", b"\x89PNG"), ("webp", "webp", b"RIFF")]
        {
            let to = dir.path().join(format!("{compression}-{format}"));
            let args = ["decode", "-q", "--bundle", arg(&bundle), "--out", arg(&to)];
            origami(&[&args[..], &["--output-format", format]].concat()).ok();
            let tile = to.join(format!("decoded_pyramid_files/8/2_1.{extension}"));
            assert!(fs::read(tile).unwrap().starts_with(magic));
            if format == "webp" {
                continue; // `compare` takes no such trees.
            }
            let said = origami(&["compare", arg(&path), arg(&to), "--json", "--openslide", "never"]).ok();
            let value: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
            match format {
                "png" => assert_eq!(value["identical"], true, "{value}"),
                _ => assert!(value["y_psnr"].as_f64().unwrap_or(f64::INFINITY) > 40.0, "{format}: {value}"),
            }
        }
    }
}

#[test]
fn comments_are_refused_kept_or_stripped() {
    let dir = tempfile::tempdir().unwrap();
    let tiles: Vec<_> = (0..4).map(|_| codestream(3, "Jane Doe")).collect();
    let path = dir.path().join("named.svs");
    fs::write(&path, tiff(128, 128, 33005, &tiles)).unwrap();
    let out = dir.path().join("refused");
    encode(&path, &out, &[]).fails(&["comment(s) in its codestream (14 bytes)", "--keep-metadata"]);
    nothing_written(&out);
    for (flag, has) in [("--keep-metadata", true), ("--strip-metadata", false)] {
        let out = dir.path().join(flag);
        encode(&path, &out, &[flag]).ok();
        let (_, bytes) = payload(&Archive::open(&bundle(&out)).unwrap(), 1, 1);
        assert_eq!(bytes.windows(8).any(|text| text == b"Jane Doe"), has, "{flag}");
        let said = origami(&["inspect", "--private", arg(&bundle(&out))]).ok().stdout;
        assert_eq!(said.contains("Jane Doe"), has, "{said}");
    }
}

#[test]
fn what_cannot_be_kept_is_refused_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let tiles: Vec<_> = (0..4).map(|_| codestream(3, "Kakadu-1")).collect();
    let path = dir.path().join("slide.svs");
    fs::write(&path, tiff(128, 128, 33005, &tiles)).unwrap();
    let out = dir.path().join("out");
    let refused = encode(&path, &out, &["--tile", "256"]);
    refused.ends(2, &["stores its tiles of 64", "leave --tile 256 out"]);
    let mut broken = tiff(128, 128, 33005, &tiles);
    // The marker before the coded data (SOD).
    let at = broken.windows(2).position(|pair| pair == [0xFF, 0x93]).unwrap();
    broken[at + 1] = 0;
    let path = dir.path().join("broken.svs");
    fs::write(&path, broken).unwrap();
    assert!(encode(&path, &out, &[]).code != Some(0), "a damaged tile must not go into a bundle");
    nothing_written(&out);
}

#[test]
fn a_real_picture_comes_back() {
    let Some(data) = test_data("lossless_jpeg2000") else { return };
    let slide = data.join("cases/tiff-jpeg2000.tif");
    let dir = tempfile::tempdir().unwrap();
    let ran = encode(&slide, dir.path(), &[]);
    if ran.code != Some(0) {
        // Strips, or tiles that are no squares.
        ran.fails(&["a pyramid has square tiles", "--preset archive"]);
        return;
    }
    let to = dir.path().join("decoded");
    let bundle = bundle(dir.path());
    origami(&["decode", "-q", "--bundle", arg(&bundle), "--out", arg(&to), "--output-format", "png"]).ok();
    let said = origami(&["compare", arg(&slide), arg(&to), "--json", "--openslide", "never"]).ok().stdout;
    let value: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(value["identical"], true, "{value}");
}
