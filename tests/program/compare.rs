//! `origami compare`: slides, images, trees and bundles on either side.

use std::fs;

use serde_json::Value;

use crate::kit::data::test_data;
use crate::kit::image::Image;
use crate::kit::jpeg::baseline;
use crate::kit::program::{Ran, arg, origami};
use crate::kit::slides::{Small, write_png};
use crate::kit::trees::{Layout, write_tree};
use origami::image::ycc::Sampling;

fn compared(args: &[&str]) -> Value {
    let ran: Ran = origami(&[&["compare", "--json"], args].concat()).ok();
    serde_json::from_str(&ran.stdout).unwrap_or_else(|e| panic!("{e}: {ran:?}"))
}

#[test]
fn a_bundle_stands_for_the_tree_that_decode_writes_as_png() {
    // Higher than a band of rows, and with tiles of which a band is no multiple.
    for tile in ["32", "60"] {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        write_png(&at("slide.png"), 150, 1130, 1);
        let slide = at("slide.png");
        origami(&["encode", "-q", "--image", arg(&slide), "--tile", tile, "--out", arg(&at("slide"))]).ok();
        let bundle = at("slide/residual_packs/residuals.bundle");
        let (decoded, format) = (at("decoded"), ["--output-format", "png"]);
        origami(&[&["decode", "-q", "--bundle", arg(&bundle), "--out", arg(&decoded)], &format[..]].concat())
            .ok();
        let (a, b) = (compared(&[arg(&slide), arg(&bundle)]), compared(&[arg(&slide), arg(&decoded)]));
        assert!(a["y_psnr"].as_f64().unwrap() > 20.0, "{a:#}");
        for key in ["y_psnr", "ssim", "rgb_psnr", "delta_e_2000"] {
            assert_eq!(a[key], b[key], "tile {tile}, {key}: the bundle and its tree");
        }
        let same = compared(&[arg(&decoded), arg(&bundle)]);
        assert_eq!((&same["y_psnr"], &same["ssim"]), (&Value::Null, &1.0.into()), "{same:#}");
        assert_eq!(same["identical"], true, "{same:#}");
        // The directory of a slide without a tree is its bundle, on either side.
        assert_eq!(compared(&[arg(&slide), arg(&at("slide"))])["y_psnr"], a["y_psnr"]);
        assert_eq!(compared(&[arg(&at("slide")), arg(&slide)])["y_psnr"], a["y_psnr"]);
    }
}

#[test]
fn gray_and_tiny_slides_are_compared() {
    let dir = tempfile::tempdir().unwrap();
    for (width, height) in [(1, 1), (2, 2), (3, 1), (33, 70)] {
        let (slide, out) = (dir.path().join("slide.png"), dir.path().join(format!("{width}x{height}")));
        let gray = vec![77; width * height];
        fs::write(&slide, origami::codec::encode_png(&gray, 1, width, height).unwrap()).unwrap();
        origami(&["encode", "-q", "--image", arg(&slide), "--tile", "16", "--out", arg(&out)]).ok();
        let found = compared(&[arg(&slide), arg(&out)]);
        assert!(found["y_psnr"].as_f64().is_none_or(|db| db > 40.0), "{width}x{height}: {found:#}");
    }
}

#[cfg(feature = "lepton")]
#[test]
fn a_lossless_bundle_and_its_pngs_show_the_pixels_that_libjpeg_shows() {
    let image = Image::tissue(150, 130, 3);
    for sampling in [Sampling::S420, Sampling::S422, Sampling::S444, Sampling::S440] {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout { tile: 32, overlap: 0, format: "jpg" };
        let dzi = write_tree(dir.path(), "slide", &image, layout, &|_, part| baseline(part, sampling));
        let (out, decoded) = (dir.path().join("out"), dir.path().join("png"));
        origami(&["encode", "-q", "--preset", "lossless", arg(&dzi), "--out", arg(&out)]).ok();
        let to = ["--out", arg(&decoded), "--output-format", "png"];
        origami(&[&["decode", "-q", arg(&out)], &to[..]].concat()).ok();
        for other in [&out, &decoded, &dzi] {
            let found = compared(&[arg(&dzi), arg(other)]);
            assert_eq!((&found["identical"], &found["rgb_psnr"]), (&true.into(), &Value::Null), "{found:#}");
        }
        let said = origami(&["compare", arg(&dzi), arg(&decoded)]).ok().stdout;
        assert!(said.contains("identical"), "{said}");
    }
}

#[cfg(feature = "lepton")]
#[test]
fn a_slide_of_420_tiles_is_identical_to_its_lossless_bundle() {
    let Some(data) = test_data("a slide of 4:2:0 tiles") else { return };
    let slide = data.join("cases/quad-tile.jpg.tiff");
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    origami(&["encode", "-q", "--preset", "lossless", arg(&slide), "--out", arg(&out)]).ok();
    origami(&["decode", "-q", arg(&out), "--output-format", "png", "--out", arg(&out)]).ok();
    for other in ["residual_packs/residuals.bundle", "decoded_pyramid.dzi"] {
        let found = compared(&[arg(&slide), arg(&out.join(other))]);
        assert_eq!(found["identical"], true, "{other}: {found:#}");
    }
}

#[cfg(feature = "lepton")]
#[test]
fn a_lossless_bundle_is_the_tree_that_it_was_made_of() {
    let s = Small::new();
    let out = s.path("lossless");
    origami(&["encode", "-q", "--preset", "lossless", "--pyramid", arg(&s.dzi), "--out", arg(&out)]).ok();
    let found = compared(&[arg(&s.dzi), arg(&out)]);
    let keys = ["y_psnr", "rgb_psnr", "delta_e_2000"].map(|key| found[key].as_f64());
    assert_eq!(keys, [None, None, Some(0.0)], "{found:#}");
}

#[test]
fn what_cannot_be_compared_is_refused_by_name() {
    let s = Small::new();
    write_png(&s.path("other.png"), 90, 130, 1);
    origami(&["compare", arg(&s.bundle), arg(&s.path("other.png"))])
        .fails(&["residuals.bundle is 150x130", "other.png is 90x130"]);
    origami(&["compare", arg(&s.dzi), arg(&s.pack())]).refused(&["0_0.pack", "the slide's bundle"]);
    let part = s.path("part");
    origami(&["encode", "-q", "--pyramid", arg(&s.dzi), "--out", arg(&part), "--max-parents", "2"]).ok();
    origami(&["compare", arg(&s.dzi), arg(&part)]).fails(&["2 of the slide's 4 families"]);
}

#[test]
fn a_picture_of_a_bundle_is_drawn_and_nothing_is_said_with_quiet() {
    let s = Small::new();
    let picture = s.path("p.png");
    let region = ["--picture", arg(&picture), "--region", "10,20,40,30", "--quiet"];
    let ran = origami(&[&["compare", arg(&s.dzi), arg(&s.bundle)], &region[..]].concat()).ok();
    assert!(ran.stdout.is_empty() && ran.stderr.is_empty(), "{ran:?}");
    let drawn = origami::codec::decode_png(&fs::read(&picture).unwrap(), 1 << 20).unwrap();
    assert_eq!((drawn.width, drawn.height), (3 * 40 + 2 * 8, 30));
}
