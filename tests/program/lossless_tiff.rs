//! `--preset lossless` of tiled-JPEG TIFF and SVS: every L0 tile decodes to exactly what the slide's own tile decodes to.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::kit::compare::{assert_same, psnr};
use crate::kit::data::real_slide;
use crate::kit::files::{contents, nothing_written};
use crate::kit::image::Image;
use crate::kit::jpeg::{baseline, progressive, rgb_coded};
use crate::kit::program::{Ran, arg, origami};
use crate::kit::trees::{assert_whole, level_planes};
use crate::tiff::JpegTiff;
use origami::codec::{JpegColor, JpegDecoder, decode_foreign};
use origami::image::geometry::Geometry;
use origami::image::ycc::{Sampling, Ycc};

/// A slide of such an image, padded by its last column and row, and its tiles before they were abbreviated.
fn slide(image: &Image, tile: u32, photometric: u16, code: &dyn Fn(&Image) -> Vec<u8>) -> JpegTiff {
    let (width, height) = (image.width as u32, image.height as u32);
    let mut tiles = Vec::new();
    for (top, left) in (0..height)
        .step_by(tile as usize)
        .flat_map(|y| (0..width).step_by(tile as usize).map(move |x| (y, x)))
    {
        let side = tile as usize;
        let data = (0..side * side).flat_map(|i| {
            let x = (left as usize + i % side).min(image.width - 1);
            let y = (top as usize + i / side).min(image.height - 1);
            image.data[(y * image.width + x) * image.channels..][..image.channels].to_vec()
        });
        tiles.push(code(&Image {
            width: side,
            height: side,
            channels: image.channels,
            data: data.collect(),
        }));
    }
    JpegTiff { width, height, tile, photometric, tiles }
}

fn encode(slide: &Path, out: &Path, extra: &[&str]) -> Ran {
    let args = ["encode", "-q", "--slide", arg(slide), "--out", arg(out), "--preset", "lossless"];
    origami(&[&args[..], extra].concat())
}

fn l0(out: &Path, geometry: &Geometry, flags: &[&str]) -> BTreeMap<String, Vec<u8>> {
    let (bundle, to) = (out.join("residual_packs/residuals.bundle"), tempfile::tempdir().unwrap());
    let said = origami(&["verify", "--deep", arg(&bundle)]).ok().stdout;
    assert!(said.contains("proved"), "{said}");
    origami(&[&["decode", "-q", "--bundle", arg(&bundle), "--out", arg(to.path())], flags].concat()).ok();
    assert_whole("decoded", &to.path().join("decoded_pyramid.dzi"));
    let level = to.path().join("decoded_pyramid_files").join(geometry.top_level().to_string());
    contents(&level).into_iter().collect()
}

fn compare(case: &str, want: &Ycc, got: &Ycc) {
    let (w, h) = (got.luma.width(), got.luma.height());
    assert_eq!(want.sampling, got.sampling, "{case}");
    let want = want.view().part(0, 0, w, h);
    assert_same(&format!("{case}: luma"), &want.luma.to_plane(), &got.luma);
    for (want, got) in want.chroma.iter().flatten().zip(got.chroma.iter().flatten()) {
        assert_same(&format!("{case}: chroma"), &want.to_plane(), got);
    }
}

#[test]
fn tiles_of_tiffs_keep_their_coefficients_at_their_own_size() {
    let dir = tempfile::tempdir().unwrap();
    type Coder = fn(&Image) -> Vec<u8>;
    let cases: [(&str, u32, u16, Coder); 5] = [
        ("ycc420", 48, 6, |part| baseline(part, Sampling::S420)),
        ("ycc422", 64, 6, |part| baseline(part, Sampling::S422)),
        ("ycc444", 240, 6, |part| baseline(part, Sampling::S444)),
        ("rgb", 64, 2, rgb_coded),
        ("gray", 64, 1, |part| baseline(&part.to_gray(), Sampling::Gray)),
    ];
    for (name, tile, photometric, code) in cases {
        let image = Image::tissue(331, 277, 6);
        let made = slide(&image, tile, photometric, &code);
        let (path, out) = (dir.path().join(format!("{name}.svs")), dir.path().join(name));
        fs::write(&path, made.bytes()).unwrap();
        let own = tile.to_string();
        let extra = ["--tile", &own];
        encode(&path, &out, if name == "rgb" { &[] } else { &extra[..] }).ok();
        let geometry = Geometry::new(331, 277, tile).unwrap();
        let (columns, rows) = geometry.tiles(geometry.top_level());
        let tiles = l0(&out, &geometry, &[]);
        assert_eq!(tiles.len() as u32, columns * rows);
        for (y, x) in (0..rows).flat_map(|y| (0..columns).map(move |x| (y, x))) {
            let got = &tiles[&format!("{x}_{y}.jpg")];
            let want = &made.tiles[(y * columns + x) as usize];
            let case = format!("{name} {x}_{y}");
            compare(&case, &decode_foreign(want, None).unwrap(), &decode_foreign(got, None).unwrap());
            if photometric == 2 {
                let header = JpegDecoder::open(got).unwrap().header();
                assert_eq!(header.color, JpegColor::Rgb, "{case}");
                assert!(got.windows(5).any(|bytes| bytes == b"Adobe"), "{case}: its colours are not said");
            }
        }
        // L1 and what is above show the same picture.
        let decoded = dir.path().join(format!("{name}-png"));
        let bundle = out.join("residual_packs/residuals.bundle");
        origami(&[
            "decode",
            "-q",
            "--bundle",
            arg(&bundle),
            "--out",
            arg(&decoded),
            "--output-format",
            "png",
        ])
        .ok();
        let tree = assert_whole(name, &decoded.join("decoded_pyramid.dzi"));
        let mut half = image.clone();
        for down in 1..4 {
            half = half.halved();
            let [luma, ..] = level_planes(&tree, geometry.top_level() - down);
            assert!(
                psnr(&half.luma(), &luma) > 28.0,
                "{name}, {down} down: {} dB",
                psnr(&half.luma(), &luma)
            );
        }
    }
}

#[test]
fn slides_whose_tiles_cannot_be_taken_are_refused_before_anything_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let image = Image::tissue(150, 130, 6);
    let code = |part: &Image| baseline(part, Sampling::S420);
    let out = dir.path().join("out");
    let refused = |name: &str, bytes: Vec<u8>, extra: &[&str], says: &[&str]| {
        let path = dir.path().join(name);
        fs::write(&path, bytes).unwrap();
        // A flag that the slide contradicts, or a slide that cannot be taken.
        let code = if extra.is_empty() { 1 } else { 2 };
        encode(&path, &out, extra).ends(code, says);
        assert!(!out.exists(), "{name}: something was written");
    };
    let good = slide(&image, 64, 6, &code);
    let webp = ["--encoder", "webp", "--subsamp", "420"];
    refused("webp.svs", good.bytes(), &webp, &["--encoder webp", "turbojpeg"]);
    refused("jpegxl.svs", good.bytes(), &["--encoder", "jpegxl"], &["--encoder jpegxl", "turbojpeg"]);
    refused("tile.svs", good.bytes(), &["--tile", "256"], &["tiles of 64", "leave --tile 256 out"]);
    let progressive = |part: &Image| progressive(part, Sampling::S420);
    refused("progressive.tif", slide(&image, 64, 6, &progressive).bytes(), &[], &["sequential"]);
    let inverted = JpegTiff { photometric: 0, ..slide(&image.to_gray(), 64, 1, &code) };
    let mut bytes = inverted.bytes();
    // Three samples were assumed: this is one.
    let at = bytes.windows(4).rposition(|tag| tag == [21, 1, 3, 0]).unwrap();
    bytes[at + 8] = 1;
    refused("inverted.tif", bytes, &[], &["inverted.tif"]);
    let jpeg = dir.path().join("one.jpg");
    fs::write(&jpeg, code(&image)).unwrap();
    encode(&jpeg, &out, &[]).fails(&["one image without tiles", "--preset archive"]);
    // Flags of what is coded anew, L2 and above, are taken.
    let path = dir.path().join("tile.svs");
    encode(&path, &out, &["--baseq", "80", "--subsamp", "420"]).ok();
    let broken = dir.path().join("broken.svs");
    let mut bytes = good.bytes();
    let scan = bytes.windows(2).rposition(|two| two == [0xFF, 0xDA]).unwrap();
    bytes[scan + 20..scan + 24].fill(0xFF);
    fs::write(&broken, bytes).unwrap();
    let out = dir.path().join("none");
    encode(&broken, &out, &[]).damaged(&["tile at column 2, row 2"]);
    nothing_written(&out);
}

#[test]
fn a_real_slide_comes_back() {
    let Some(slide) = real_slide("a_real_slide_comes_back") else { return };
    let out = tempfile::tempdir().unwrap();
    encode(&slide, out.path(), &[]).ok();
    let bundle = out.path().join("residual_packs/residuals.bundle");
    let said = origami(&["verify", "--deep", arg(&bundle)]).ok().stdout;
    assert!(said.contains("whole"), "{said}");
    let to = out.path().join("decoded");
    origami(&["decode", "-q", "--bundle", arg(&bundle), "--out", arg(&to), "--output-format", "png"]).ok();
    let said = origami(&["compare", arg(&slide), arg(&to), "--json", "--openslide", "never"]).ok().stdout;
    let value: serde_json::Value = serde_json::from_str(&said).unwrap();
    // What is left is how chroma is raised; luma in YCbCr comes back through RGB on one side.
    let db = value["y_psnr"].as_f64().unwrap_or(f64::INFINITY);
    assert!(db > 50.0, "{said}");
}
