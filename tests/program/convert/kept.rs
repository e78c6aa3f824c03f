//! What is kept on the way out and back, and what `convert` says is not.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tiff::encoder::TiffEncoder;
use tiff::encoder::colortype::{Gray8, RGB8};
use tiff::tags::Tag;

use super::bigtiff::pages;
use super::{convert, lossless};
use crate::kit::files::{listing, no_leftovers};
use crate::kit::image::Image;
use crate::kit::jpeg::{baseline, rgb_coded};
use crate::kit::program::{arg, decoded, origami};
use crate::kit::slides::write_png;
use crate::kit::trees::{Layout, write_tree};
use origami::codec::{decode_foreign, decode_png};
use origami::image::ycc::Sampling;

/// Bundle, TIFF, bundle: the second one decodes to the slide's own tiles, as the first does.
#[test]
fn a_lossless_bundle_comes_back_from_its_tiff() {
    type Coder = fn(&Image) -> Vec<u8>;
    let cases: [(&str, Coder); 4] = [
        ("420", |part| baseline(part, Sampling::S420)),
        ("444", |part| baseline(part, Sampling::S444)),
        ("rgb", rgb_coded),
        ("gray", |part| baseline(&part.to_gray(), Sampling::Gray)),
    ];
    for (name, code) in cases {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout { tile: 64, overlap: 0, format: "jpg" };
        let dzi = write_tree(dir.path(), "slide", &Image::tissue(331, 277, 6), layout, &|_, part| code(part));
        let (first, tiff) = (lossless(&dzi, &dir.path().join("first")), dir.path().join("a.tiff"));
        convert(&first, "tiff", &tiff, &[]).ok();
        let again = lossless(&tiff, &dir.path().join("again"));
        let finest: Vec<_> =
            decoded(&again, &[]).into_iter().filter(|(tile, _)| tile.starts_with("9/")).collect();
        assert_eq!(finest.len(), 30, "{name}");
        for (tile, got) in finest {
            let own = fs::read(dir.path().join("slide_files").join(&tile)).unwrap();
            // Six columns and five rows, of which the last ones were padded in the TIFF.
            let is_padded = tile.starts_with("9/5_") || tile.ends_with("_4.jpg");
            if is_padded && name != "rgb" {
                let planes = |jpeg: &[u8]| decode_foreign(jpeg, None).unwrap();
                assert!(planes(&own) == planes(&got), "{name}: {tile}: other pixels");
            } else if !is_padded {
                assert!(own == got, "{name}: {tile}: other bytes");
            }
        }
    }
}

/// A TIFF of a slide and its label; the pixels of the label.
fn labelled(path: &Path) -> Vec<u8> {
    let (slide, label) = (Image::tissue(200, 150, 3), Image::cells(60, 40, 5));
    let mut encoder = TiffEncoder::new(fs::File::create(path).unwrap()).unwrap();
    encoder.write_image::<RGB8>(200, 150, &slide.data).unwrap();
    let mut page = encoder.new_image::<RGB8>(60, 40).unwrap();
    page.encoder().write_tag(Tag::ImageDescription, "label").unwrap();
    page.write_data(&label.data).unwrap();
    label.data
}

#[test]
fn an_associated_image_is_written_where_it_is_asked_for_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let slide = at("slide.tif");
    let label = labelled(&slide);
    let (kept, openslide) = (at("kept"), ["--openslide", "never"]);
    let encode = ["encode", "-q", "--slide", arg(&slide), "--out", arg(&kept), "--keep-associated", "label"];
    origami(&[&encode[..], &openslide].concat()).ok();
    let bundle = kept.join("residual_packs/residuals.bundle");
    let given = at("given.json");
    fs::write(&given, r#"{"PixelSpacing": [0.0005, 0.0005]}"#).unwrap();
    for (source, flags, name) in [(&slide, &openslide[..], "slide"), (&bundle, &[][..], "bundle")] {
        for (to, extension) in
            [("tiff", "tiff"), ("ome-tiff", "ome.tiff"), ("szi", "szi"), ("dicom", "dicom")]
        {
            let (case, png) = (format!("{name} to {to}"), at(&format!("{name}-{to}_label.png")));
            let out = at(&format!("{name}-{to}.{extension}"));
            let attributes = if to == "dicom" { vec!["--attributes", arg(&given)] } else { Vec::new() };
            let with = |more: &[&str]| convert(source, to, &out, &[flags, &attributes, more].concat());
            with(&[]).ok();
            assert!(!png.exists(), "{case}: nobody asked for the label");
            with(&["--associated", "label"]).fails(&["it is there already"]);
            let said = with(&["--associated", "label", "--overwrite", "--json"]).ok().stdout;
            let said: Value = serde_json::from_str(&said).unwrap();
            assert_eq!(said["associated"], json!([arg(&png)]), "{case}");
            let got = decode_png(&fs::read(&png).unwrap(), 60 * 40).unwrap();
            assert_eq!((got.width, got.height), (60, 40), "{case}");
            assert!(got.data == label, "{case}: other pixels");
        }
    }
    // Nothing of it is in what was written for those who did not ask.
    let labels = listing(dir.path()).into_iter().filter(|name| name.ends_with("_label.png"));
    assert_eq!(labels.count(), 8);
    no_leftovers(dir.path());
}

#[test]
fn channels_become_one_picture_and_convert_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let slide = dir.path().join("channels.tif");
    let mut encoder = TiffEncoder::new(fs::File::create(&slide).unwrap()).unwrap();
    for value in [200, 120, 40] {
        encoder.write_image::<Gray8>(80, 60, &[value; 4800]).unwrap();
    }
    drop(encoder);
    let run = |to: &str, channels: &str, more: &[&str]| {
        let out = dir.path().join(format!("out.{to}"));
        let flags = ["--openslide", "never", "--channel", channels, "--overwrite"];
        (convert(&slide, to, &out, &[&flags[..], more].concat()).ok(), out)
    };
    for (channels, says) in [("0,2", "the colours of channels 0, 2"), ("1", "made of channel 1")] {
        for to in ["tiff", "ome-tiff"] {
            let (said, _) = run(to, channels, &[]);
            assert!(said.stderr.contains(says) && said.stderr.contains("not kept"), "{to}: {said:?}");
        }
    }
    let (said, out) = run("ome-tiff", "0,2", &["--json"]);
    let object: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(object["channels"], json!([0, 2]));
    let page = pages(&fs::read(&out).unwrap()).remove(0);
    let text: String = page[&270].iter().map(|&byte| char::from(byte as u8)).collect();
    assert!(text.contains("<Channel ID=\"Channel:0:0\" SamplesPerPixel=\"3\"/>"), "{text}");
    assert_eq!(text.matches("<Channel").count(), 1, "{text}");
    // A slide without a choice has nothing to say.
    let png = dir.path().join("plain.png");
    write_png(&png, 80, 60, 2);
    let said = convert(&png, "ome-tiff", &dir.path().join("plain.ome.tiff"), &[]).ok();
    assert!(said.stderr.is_empty(), "{said:?}");
    let json = convert(&png, "ome-tiff", &out, &["--overwrite", "--json"]).ok().stdout;
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap()["channels"], json!([]));
}
