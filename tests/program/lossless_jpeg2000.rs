//! `--preset lossless` of JPEG 2000: the codestreams are in the bundle as the slide has them, and tiles come out as JPEG and PNG.

use std::fs;
use std::path::{Path, PathBuf};

use crate::kit::data::test_data;
use crate::kit::files::nothing_written;
use crate::kit::jpeg2000::{codestream, tiff};
use crate::kit::program::{Ran, arg, origami};
use origami::archive::Archive;
use origami::codec::CodecId;
use origami::image::family::PayloadKind;
use origami::image::geometry::TileId;

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
