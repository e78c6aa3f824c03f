//! What was asked for and cannot be, and what a source holds and is not read, is said.

use std::fs;

use serde_json::Value;

use crate::kit::image::Image;
use crate::kit::jpeg::baseline;
use crate::kit::program::{arg, origami};
use crate::kit::slides::{Small, write_png};
use crate::kit::trees::{Layout, write_tree};
use origami::image::ycc::Sampling;

#[test]
fn a_choice_of_planes_of_what_is_no_slide_is_refused() {
    let s = Small::new();
    let (bundle, tree, out, picture) = (arg(&s.bundle), arg(&s.dzi), s.path("new"), s.path("x.png"));
    for (flag, value, what) in [
        ("--channel", "1", "channel"),
        ("--z", "2", "focal plane"),
        ("--time", "0", "point in time"),
        ("--window", "0,9", "window"),
    ] {
        for (input, is) in [(bundle, "it is a bundle"), (tree, "it is a tree")] {
            let mut commands = vec![
                vec!["crop", input, "0,0,20,20", "-o", arg(&picture)],
                vec!["convert", input, "--to", "tiff", "--out", arg(&out)],
                vec!["inspect", input],
                vec!["inspect", input, "--private"],
                vec!["verify", input],
                vec!["compare", input, input],
            ];
            if input == tree {
                commands.push(vec!["encode", input, "--out", arg(&out)]);
                commands.push(vec!["encode", input, "--estimate"]);
                #[cfg(feature = "jobs")]
                commands.push(vec!["jobs", "submit", input, "--dry-run"]);
            }
            for command in commands {
                let says = format!("there is no {what} to choose: {is}");
                origami(&[&command[..], &[flag, value]].concat()).ends(2, &[&says]);
            }
        }
        let pack = s.pack();
        origami(&["inspect", arg(&pack), flag, value]).ends(2, &["it is a pack"]);
    }
    assert!(!out.exists() && !picture.exists());
}

#[test]
fn what_is_left_of_an_earlier_encode_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let (a, b, out) = (at("a.png"), at("b.png"), at("out"));
    write_png(&a, 150, 130, 1);
    write_png(&b, 150, 130, 2);
    let (page, manifest) = (out.join("page.html"), out.join("manifest.json"));
    let encode = |image, more: &[&str]| {
        let all = ["encode", "--tile", "32", "--out", arg(&out), "--overwrite", image];
        origami(&[&all[..], more].concat()).ok()
    };
    let first = encode(arg(&a), &["--manifest", "--report", arg(&page), "--pack"]);
    assert!(!first.stderr.contains("earlier"), "{first:?}");
    fs::write(out.join("other.html"), "<!doctype html>").unwrap();
    let second = encode(arg(&b), &[]);
    for left in [
        "4 pack(s) of an earlier encode",
        "manifest.json: it is of an earlier encode",
        "page.html: it is of an earlier",
    ] {
        assert!(second.stderr.contains(left), "{second:?}");
    }
    assert_eq!(second.stderr.lines().count(), 3, "{second:?}");
    assert!(page.exists() && manifest.exists(), "an encode touches nothing but its bundle");
    let json: Value = serde_json::from_str(&encode(arg(&b), &["--json"]).stdout).unwrap();
    assert_eq!(json["warnings"].as_array().unwrap().len(), 3, "{json}");
    let third = encode(arg(&b), &["--manifest", "--report", arg(&page), "--pack"]);
    assert!(third.stderr.is_empty(), "{third:?}");
    // A file of another program is none of an encode.
    fs::remove_file(&page).unwrap();
    fs::write(&manifest, "{}").unwrap();
    assert!(encode(arg(&b), &["--pack"]).stderr.is_empty());
}

#[test]
fn a_colour_profile_that_only_tiles_hold_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let layout = Layout { tile: 64, overlap: 0, format: "jpg" };
    let profiled = |part: &Image| {
        let jpeg = baseline(part, Sampling::S420);
        let mut segment = b"\xff\xe2\0\0ICC_PROFILE\0\x01\x01".to_vec();
        segment.resize(segment.len() + 132, 7);
        segment[3] = segment.len() as u8 - 2;
        [&jpeg[..2], &segment, &jpeg[2..]].concat()
    };
    let image = Image::tissue(150, 130, 3);
    let dzi = write_tree(dir.path(), "t", &image, layout, &|_, part| profiled(part));
    let bare = write_tree(dir.path(), "b", &image, layout, &|_, part| baseline(part, Sampling::S420));
    let (out, picture) = (dir.path().join("out"), dir.path().join("x.png"));
    let said = "its tiles hold a colour profile of 132 bytes";
    for (tree, is_told) in [(&dzi, true), (&bare, false)] {
        let tree = arg(tree);
        for command in [
            &["encode", "--pyramid", tree, "--out", arg(&out)][..],
            &["crop", tree, "0,0,9,9", "-o", arg(&picture), "--overwrite"],
            &["convert", tree, "--to", "tiff", "--out", arg(&picture), "--overwrite"],
        ] {
            let ran = origami(command).ok();
            assert_eq!(ran.stderr.contains(said), is_told, "{ran:?}");
        }
        let ran = origami(&["inspect", tree]).ok();
        assert_eq!(ran.stdout.contains(said), is_told, "{ran:?}");
    }
}

#[test]
fn tiles_of_sixteen_bits_are_rounded_and_named() {
    let dir = tempfile::tempdir().unwrap();
    let layout = Layout { tile: 64, overlap: 0, format: "png" };
    // 386 is nearer to 2 than to 1.
    let wide = |part: &Image| {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, part.width as u32, part.height as u32);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Sixteen);
        let data = [1, 130].repeat(part.width * part.height * 3);
        encoder.write_header().unwrap().write_image_data(&data).unwrap();
        bytes
    };
    let dzi = write_tree(dir.path(), "t", &Image::tissue(70, 50, 3), layout, &|_, part| wide(part));
    let raw = dir.path().join("x.raw");
    let ran = origami(&["crop", arg(&dzi), "0,0,9,9", "-o", arg(&raw)]).ok();
    let said = "its tiles have 16 bits a sample; 0 to 65535 were read as black to white";
    assert!(ran.stderr.contains(said), "{ran:?}");
    assert_eq!(fs::read(raw).unwrap(), [2; 243]);
    assert!(origami(&["inspect", arg(&dzi)]).ok().stdout.contains(said));
}
