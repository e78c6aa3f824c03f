//! Colour profiles of slides in what is sent and decoded.

use std::collections::HashSet;
use std::fs;
use std::sync::OnceLock;

use moxcms::ColorProfile;
use serde_json::Value;

use crate::kit::compare::psnr;
use crate::kit::files::contents;
use crate::kit::image::Image;
use crate::kit::jpeg::segments;
use crate::kit::program::{arg, origami};
use crate::kit::slides::tree;
use crate::running::{Reply, Running};
use crate::tiffs::write_tiff;
use origami::archive::{BUNDLE_NAME, PACK_DIR};
use origami::codec::{decode_foreign, decode_png};
use origami::image::ycc::Ycc;

const MARK: &[u8] = b"ICC_PROFILE\0\x01\x01";

fn p3() -> Vec<u8> {
    // It has the time of its making in it.
    static ICC: OnceLock<Vec<u8>> = OnceLock::new();
    ICC.get_or_init(|| ColorProfile::new_display_p3().encode().unwrap()).clone()
}

/// The same profile in more bytes than are embedded by default.
fn large_p3() -> Vec<u8> {
    let mut icc = p3();
    icc.resize(5000, 0);
    icc[..4].copy_from_slice(&5000u32.to_be_bytes());
    icc
}

/// The profile in a JPEG.
fn profile(jpeg: &[u8]) -> Option<Vec<u8>> {
    let (segments, _) = segments(jpeg);
    segments
        .into_iter()
        // After marker and length.
        .find_map(|(kind, whole)| Some(whole[4..].strip_prefix(MARK).filter(|_| kind == 0xe2)?.to_vec()))
}

/// The image in sRGB, if it is in Display P3.
fn in_srgb(image: &Image) -> Image {
    let layout = moxcms::Layout::Rgb;
    let (from, to) = (ColorProfile::new_display_p3(), ColorProfile::new_srgb());
    let transform = from.create_transform_8bit(layout, &to, layout, Default::default()).unwrap();
    let mut data = vec![0; image.data.len()];
    transform.transform(&image.data, &mut data).unwrap();
    Image { data, ..*image }
}

/// How like the image the colours of a JPEG are: the least PSNR of its planes.
fn likeness(image: &Image, jpeg: &[u8]) -> f64 {
    let want = image.planes();
    let got: Ycc = decode_foreign(jpeg, Some((image.width, image.height))).unwrap();
    let chroma = match (&want.chroma, &got.chroma) {
        (Some(want), Some(got)) => psnr(&want[0], &got[0]).min(psnr(&want[1], &got[1])),
        _ => 0.0,
    };
    chroma.min(psnr(&want.luma, &got.luma))
}

fn described(server: &Running, name: &str) -> Value {
    serde_json::from_str(&server.get(&format!("/api/slides/{name}")).text()).unwrap()
}

/// Slow waves of saturated colours, 600x400, as a scanned slide and as a bundle of it, with a small and with a large profile.
fn root() -> (tempfile::TempDir, Image) {
    let root = tempfile::tempdir().unwrap();
    let image = Image::smooth(600, 400);
    for (name, icc) in [("small", p3()), ("large", large_p3())] {
        let slide = root.path().join(format!("{name}.tif"));
        write_tiff(&slide, &image, Some(&icc));
        origami(&[
            "encode",
            "--quiet",
            arg(&slide),
            "--out",
            arg(&root.path().join(format!("{name}-bundle"))),
        ])
        .ok();
    }
    (root, image)
}

const NAMES: [&str; 4] = ["small", "small-bundle", "large", "large-bundle"];

#[test]
fn tiles_and_images_carry_the_colours_of_the_slide() {
    let (root, image) = root();
    let mut tags = HashSet::new();
    for mode in [None, Some("embed"), Some("srgb"), Some("none")] {
        let mut flags = vec!["--tile-subsamp", "444", "--tile-quality", "98"];
        flags.extend(mode.iter().flat_map(|mode| ["--icc", mode]));
        let server = Running::start(root.path(), &flags);
        for name in NAMES {
            let (icc, small) = if name.starts_with("small") { (p3(), true) } else { (large_p3(), false) };
            let mode = mode.unwrap_or(if small { "embed" } else { "srgb" });
            let seen = if mode == "srgb" { in_srgb(&image) } else { image.clone() };
            let told = described(&server, name)["icc"].clone();
            assert_eq!((&told["bytes"], &told["tiles"]), (&icc.len().into(), &mode.into()), "{name}");
            assert!(told["name"].as_str().unwrap().contains("P3"), "{told}");
            let check = |path: String, want: &Image, least: f64| -> Reply {
                let reply = server.get(&path);
                assert_eq!(reply.status, 200, "{path}");
                assert_eq!(profile(&reply.body), (mode == "embed").then(|| icc.clone()), "{mode} {path}");
                let like = likeness(want, &reply.body);
                assert!(like > least, "{mode} {path}: {like} dB");
                reply
            };
            let tile = check(format!("/dzi/{name}_files/10/0_0.jpg"), &seen.cut(0, 0, 256, 256), 36.0);
            tags.insert((name, mode, tile.header("etag").to_string()));
            check(format!("/dzi/{name}_files/9/1_0.jpg"), &seen.halved().cut(256, 0, 44, 200), 34.0);
            check(format!("/dzi/{name}_files/8/0_0.jpg"), &seen.halved().halved(), 33.0);
            check(format!("/iiif/3/{name}/full/300,/0/default.jpg"), &seen.halved(), 33.0);
            check(format!("/thumbnails/{name}?width=150"), &seen.halved().halved(), 33.0);
            let png = server.get(&format!("/iiif/3/{name}/0,0,64,64/max/0/default.png"));
            let reader = png::Decoder::new(std::io::Cursor::new(&png.body)).read_info().unwrap();
            // A PNG has room for every profile, but tiles that are in sRGB make no other image.
            assert_eq!(
                reader.info().icc_profile.as_deref(),
                (mode == "embed").then_some(icc.as_slice()),
                "{name}"
            );
            assert!(decode_png(&png.body, 64 * 64).unwrap().channels == 3);
        }
    }
    let different: HashSet<_> = tags.iter().map(|(_, _, tag)| tag).collect();
    // Three modes of four slides; the default is one of them, under a tag of its own or the same.
    assert!(different.len() >= 12, "entity tags differ by mode: {tags:?}");
}

#[test]
fn decoded_tiles_carry_them_too_and_are_those_that_are_served() {
    let (root, image) = root();
    for (name, mode) in [("small", None), ("large", None), ("small", Some("srgb")), ("large", Some("none"))] {
        let flags: Vec<&str> = mode.iter().flat_map(|mode| ["--icc", mode]).collect();
        let bundle = root.path().join(format!("{name}-bundle")).join(PACK_DIR).join(BUNDLE_NAME);
        let out = tempfile::tempdir().unwrap();
        let decode = ["decode", "--quiet", "--bundle", arg(&bundle), "--out", arg(out.path())];
        origami(&[&decode[..], &flags].concat()).ok();
        let converted = mode == Some("srgb") || (name, mode) == ("large", None);
        let embedded = (name, mode) == ("small", None);
        // A tree in sRGB has no other profile beside it.
        assert_eq!(out.path().join("decoded_pyramid.icc").is_file(), !converted, "{name} {mode:?}");
        let server = Running::start(root.path(), &flags);
        for (tile, bytes) in contents(&out.path().join("decoded_pyramid_files")) {
            let served = server.get(&format!("/tiles/{name}-bundle/{tile}"));
            assert!(served.body == bytes, "{name} {mode:?} {tile} is served otherwise");
            assert_eq!(profile(&bytes).is_some(), embedded, "{name} {mode:?} {tile}");
        }
        let seen = if converted { in_srgb(&image) } else { image.clone() };
        let first = fs::read(out.path().join("decoded_pyramid_files/10/0_0.jpg")).unwrap();
        let luma = decode_foreign(&first, Some((256, 256))).unwrap().luma;
        assert!(psnr(&seen.cut(0, 0, 256, 256).luma(), &luma) > 38.0, "{name} {mode:?}");
    }
    let png = tempfile::tempdir().unwrap();
    let bundle = root.path().join("large-bundle").join(PACK_DIR).join(BUNDLE_NAME);
    origami(&["decode", "--quiet", arg(&bundle), "--out", arg(png.path()), "--output-format", "png"]).ok();
    let tile = fs::read(png.path().join("decoded_pyramid_files/10/0_0.png")).unwrap();
    let reader = png::Decoder::new(std::io::Cursor::new(&tile)).read_info().unwrap();
    assert_eq!(reader.info().icc_profile.as_deref(), Some(large_p3().as_slice()));
}

#[test]
fn what_is_no_profile_is_named_and_sent_to_nobody() {
    let root = tempfile::tempdir().unwrap();
    // Its profile is a text.
    tree(&root.path().join("text"), 100, 80, 64, 1);
    write_tiff(&root.path().join("none.tif"), &Image::smooth(100, 80), None);
    let mut cmyk = p3();
    cmyk[16..20].copy_from_slice(b"CMYK");
    write_tiff(&root.path().join("cmyk.tif"), &Image::smooth(100, 80), Some(&cmyk));
    let server = Running::start(root.path(), &["--icc", "embed"]);
    let told = |name: &str| described(&server, name)["icc"].clone();
    assert!(told("text")["problem"].as_str().unwrap().contains("not an ICC profile"));
    assert_eq!(told("none"), Value::Null);
    // The reader of the slide may refuse it, or leave the profile out.
    if server.get("/dzi/cmyk.dzi").status == 200 {
        assert!(told("cmyk").is_null() || told("cmyk")["problem"].is_string(), "{}", told("cmyk"));
    }
    for name in ["text", "none"] {
        assert_eq!(profile(&server.get(&format!("/tiles/{name}/7/0_0.jpg")).body), None);
    }
}
