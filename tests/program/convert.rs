//! `convert`: what is written has the tiles that `decode` writes, in containers that our own readers and a parser of this file read.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::kit::compare::{assert_same, planes};
use crate::kit::files::{contents, listing, no_leftovers};
use crate::kit::image::Image;
use crate::kit::jpeg::{baseline, frame, progressive, rgb_coded};
use crate::kit::program::{Ran, arg, decoded, origami, program};
use crate::kit::rng::Rng;
use crate::kit::slides::{Small, encode_tree, tree, write_png};
use crate::kit::trees::{Layout, write_tree};
use origami::codec::{JpegDecoder, decode_foreign};
use origami::image::geometry::{Geometry, TileId};
use origami::image::ycc::{Sampling, Ycc};
use origami::params::EncodeParams;
use origami::pyramid::tree::{Missing, Tree};
use origami::slide::{OpenOptions, Slide};

const TILE_WIDTH: u16 = 322;
const TILE_OFFSETS: u16 = 324;
const TILE_BYTE_COUNTS: u16 = 325;
const SUB_IFDS: u16 = 330;
const SUBSAMPLING: u16 = 530;
const ICC: u16 = 34675;

/// The tags of a directory of a BigTIFF, each with its numbers or bytes.
type Page = BTreeMap<u16, Vec<u64>>;

fn number(bytes: &[u8], at: u64, length: usize) -> u64 {
    let mut value = [0; 8];
    value[..length].copy_from_slice(&bytes[at as usize..][..length]);
    u64::from_le_bytes(value)
}

/// The directory at an offset, and where the next one is.
fn page(bytes: &[u8], at: u64) -> (Page, u64) {
    let count = number(bytes, at, 8);
    let mut tags = Page::new();
    for entry in (0..count).map(|i| at + 8 + 20 * i) {
        let (tag, kind) = (number(bytes, entry, 2) as u16, number(bytes, entry + 2, 2));
        assert!(tags.keys().next_back().is_none_or(|last| *last < tag), "tags are in ascending order");
        let length = [0, 1, 1, 2, 4, 8, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 8][kind as usize];
        let many = number(bytes, entry + 4, 8);
        let inline = many * length as u64 <= 8;
        let start = if inline { entry + 12 } else { number(bytes, entry + 12, 8) };
        tags.insert(tag, (0..many).map(|i| number(bytes, start + i * length as u64, length)).collect());
    }
    (tags, number(bytes, at + 8 + 20 * count, 8))
}

/// All directories in the chain of a BigTIFF.
fn pages(bytes: &[u8]) -> Vec<Page> {
    assert_eq!(bytes[..8], *b"II+\0\x08\0\0\0");
    let (mut at, mut found) = (number(bytes, 8, 8), Vec::new());
    while at > 0 {
        let (tags, next) = page(bytes, at);
        found.push(tags);
        at = next;
    }
    found
}

/// The tiles of a directory.
fn tiles<'a>(bytes: &'a [u8], page: &Page) -> Vec<&'a [u8]> {
    let places = page[&TILE_OFFSETS].iter().zip(&page[&TILE_BYTE_COUNTS]);
    places.map(|(&at, &length)| &bytes[at as usize..][..length as usize]).collect()
}

fn convert(input: &Path, to: &str, out: &Path, extra: &[&str]) -> Ran {
    origami(&[&["convert", arg(input), "--to", to, "--out", arg(out)], extra].concat())
}

fn compare_planes(case: &str, want: &Ycc, padded: &Ycc) {
    assert_eq!(want.sampling, padded.sampling, "{case}");
    for (want, padded) in planes(want).into_iter().zip(planes(padded)) {
        let got = padded.view().part(0, 0, want.width(), want.height()).to_plane();
        assert_same(case, want, &got);
    }
}

/// Holds a TIFF of a bundle to what `decode` writes: inner tiles have the same bytes, padded ones the same samples.
fn assert_tiles(case: &str, bundle: &Path, tiff: &Path) {
    let bytes = fs::read(tiff).unwrap();
    let want: BTreeMap<_, _> = decoded(bundle, &["--icc", "none"]).into_iter().collect();
    let pages = pages(&bytes);
    let side = pages[0][&TILE_WIDTH][0] as u32;
    let size = (pages[0][&256][0] as u32, pages[0][&257][0] as u32);
    let geometry = Geometry::new(size.0, size.1, side).unwrap();
    for (down, page) in pages.iter().enumerate() {
        let level = geometry.top_level() - down as u32;
        let (columns, rows) = geometry.tiles(level);
        let found = tiles(&bytes, page);
        assert_eq!(found.len() as u32, columns * rows, "{case}: level {level}");
        let is_last = down + 1 == pages.len();
        assert_eq!((columns, rows) == (1, 1), is_last, "{case}: levels end with the first of one tile");
        for (number, tile) in found.into_iter().enumerate() {
            let (x, y) = (number as u32 % columns, number as u32 / columns);
            let case = format!("{case}: {level}/{x}_{y}");
            let want = &want[&format!("{level}/{x}_{y}.jpg")];
            let rect = geometry.tile_rect(TileId { level, x, y }).unwrap();
            if (rect.width, rect.height) == (side, side) {
                assert!(want == tile, "{case}: other bytes");
            } else {
                let padded = decode_foreign(tile, Some((side as usize, side as usize))).unwrap();
                compare_planes(&case, &decode_foreign(want, None).unwrap(), &padded);
            }
            let header = JpegDecoder::open(tile).unwrap().header();
            let factors = header.sampling.unwrap().factors();
            if let Some(tag) = page.get(&SUBSAMPLING) {
                assert_eq!(tag[..], [factors.0 as u64, factors.1 as u64], "{case}");
            }
        }
    }
}

/// A lossless bundle of a slide or tree.
fn lossless(source: &Path, out: &Path) -> PathBuf {
    let kind = if source.extension().is_some_and(|e| e == "dzi") { "--pyramid" } else { "--slide" };
    origami(&["encode", "-q", kind, arg(source), "--out", arg(out), "--preset", "lossless"]).ok();
    out.join("residual_packs/residuals.bundle")
}

#[test]
fn a_tiff_of_a_bundle_has_the_tiles_that_decode_writes() {
    for (width, height, tile) in [(150, 130, 32), (333, 70, 64), (1, 1, 16), (5, 3, 16), (97, 64, 48)] {
        let case = format!("{width}x{height} in tiles of {tile}");
        let dir = tempfile::tempdir().unwrap();
        let dzi = tree(&dir.path().join("tree"), width, height, tile, 1);
        let bundle = encode_tree(&dzi, &dir.path().join("out"), &EncodeParams::default());
        let tiff = dir.path().join("a.tiff");
        let said = convert(&bundle, "tiff", &tiff, &[]).ok();
        assert!(said.stderr.is_empty(), "{case}: {said:?}");
        assert_tiles(&case, &bundle, &tiff);
        let profile =
            pages(&fs::read(&tiff).unwrap())[0][&ICC].iter().map(|&byte| byte as u8).collect::<Vec<_>>();
        assert_eq!(profile, b"not a real profile, but bytes are bytes", "{case}");
        if width < 3 && height < 3 {
            continue;
        }
        // And back: the tiles of the TIFF are stored by a lossless encode and decode to the same.
        let again = lossless(&tiff, &dir.path().join("again"));
        let want: BTreeMap<_, _> = decoded(&bundle, &["--icc", "none"]).into_iter().collect();
        let geometry = Geometry::new(width as u32, height as u32, tile).unwrap();
        let finest = format!("{}/", geometry.top_level());
        for (name, got) in decoded(&again, &[]).into_iter().filter(|(name, _)| name.starts_with(&finest)) {
            let planes = |jpeg| decode_foreign(jpeg, None).unwrap();
            let want = &want[&name];
            let (a, b) = (planes(want), planes(&got));
            assert!(a == b, "{case}: {name}");
            let is_whole = (a.luma.width(), a.luma.height()) == (tile as usize, tile as usize);
            assert!(!is_whole || *want == got, "{case}: {name}: other bytes");
        }
    }
}

#[test]
fn a_lossless_bundle_gives_the_slides_own_tiles() {
    type Coder = fn(&Image) -> Vec<u8>;
    let cases: [(&str, Coder); 5] = [
        ("420", |part| baseline(part, Sampling::S420)),
        ("422", |part| baseline(part, Sampling::S422)),
        ("444", |part| baseline(part, Sampling::S444)),
        ("rgb", rgb_coded),
        ("gray", |part| baseline(&part.to_gray(), Sampling::Gray)),
    ];
    for (name, code) in cases {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout { tile: 64, overlap: 0, format: "jpg" };
        let image = Image::tissue(331, 277, 6);
        let dzi = write_tree(dir.path(), "slide", &image, layout, &|_, part| code(part));
        let bundle = lossless(&dzi, &dir.path().join("out"));
        let tiff = dir.path().join("a.tiff");
        convert(&bundle, "tiff", &tiff, &[]).ok();
        let bytes = fs::read(&tiff).unwrap();
        let pages = pages(&bytes);
        let photometric = match name {
            "rgb" => 2,
            "gray" => 1,
            _ => 6,
        };
        assert_eq!(pages[0][&262][..], [photometric], "{name}");
        let found = tiles(&bytes, &pages[0]);
        // Six columns and five rows, of which the last ones are padded.
        for (number, tile) in found.iter().enumerate() {
            let (x, y) = (number % 6, number / 6);
            let own = fs::read(dir.path().join(format!("slide_files/9/{x}_{y}.jpg"))).unwrap();
            if x < 5 && y < 4 {
                assert!(own == *tile, "{name}: {x}_{y}: other bytes");
            } else {
                let padded = decode_foreign(tile, Some((64, 64))).unwrap();
                if name != "rgb" {
                    compare_planes(
                        &format!("{name}: {x}_{y}"),
                        &decode_foreign(&own, None).unwrap(),
                        &padded,
                    );
                }
            }
        }
        // The tree itself gives the same levels as far as it has JPEG files.
        let direct = dir.path().join("direct.tiff");
        convert(&dzi, "tiff", &direct, &[]).ok();
        let direct_bytes = fs::read(&direct).unwrap();
        let direct_pages = self::pages(&direct_bytes);
        assert!(tiles(&direct_bytes, &direct_pages[0]) == found, "{name}: of the tree");
    }
}

#[test]
fn progressive_tiles_become_sequential_and_those_of_other_kinds_are_coded_again() {
    let dir = tempfile::tempdir().unwrap();
    let image = Image::tissue(200, 130, 3);
    let layout = Layout { tile: 64, overlap: 0, format: "jpg" };
    let mixed = write_tree(dir.path(), "mixed", &image, layout, &|id, part| match (id.x + id.y) % 3 {
        0 => progressive(part, Sampling::S420),
        1 => baseline(part, Sampling::S420),
        _ => baseline(&part.to_gray(), Sampling::Gray),
    });
    let tiff = dir.path().join("mixed.tiff");
    let said = convert(&mixed, "tiff", &tiff, &[]).ok();
    assert!(said.stderr.contains("5 of 17 tiles were decoded and coded again"), "{said:?}");
    let bytes = fs::read(&tiff).unwrap();
    for page in pages(&bytes) {
        assert_eq!((page[&277][..].to_vec(), page[&SUBSAMPLING][..].to_vec()), (vec![3], vec![2, 2]));
        for tile in tiles(&bytes, &page) {
            let header = JpegDecoder::open(tile).unwrap().header();
            assert_eq!((header.sampling, header.baseline, header.width), (Some(Sampling::S420), true, 64));
        }
    }
    let compared = compared(&mixed, &tiff);
    assert!(compared > 35.0, "{compared} dB");
}

/// Y-PSNR in dB of two images of one size.
fn compared(a: &Path, b: &Path) -> f64 {
    let said = origami(&["compare", arg(a), arg(b), "--json", "--openslide", "never"]).ok().stdout;
    let value: Value = serde_json::from_str(&said).unwrap();
    value["y_psnr"].as_f64().unwrap_or(f64::INFINITY)
}

#[test]
fn tiles_that_tiff_does_not_take_are_cut_anew() {
    let dir = tempfile::tempdir().unwrap();
    for (tile, overlap) in [(63, 0), (254, 1), (40, 0)] {
        let image = Image::tissue(601, 270, 4);
        let layout = Layout { tile, overlap, format: "jpg" };
        let name = format!("t{tile}");
        let dzi = write_tree(dir.path(), &name, &image, layout, &|_, part| baseline(part, Sampling::S420));
        let bundle = dir.path().join(&name);
        origami(&["encode", "-q", "--pyramid", arg(&dzi), "--out", arg(&bundle), "--preset", "archive"]).ok();
        let bundle = bundle.join("residual_packs/residuals.bundle");
        for source in [&dzi, &bundle] {
            let tiff = source.with_extension("tiff");
            let said = convert(source, "tiff", &tiff, &[]).ok();
            assert!(said.stderr.contains(&format!("tiles of {tile} were cut anew")), "{said:?}");
            let bytes = fs::read(&tiff).unwrap();
            let pages = pages(&bytes);
            let sizes: Vec<_> = pages.iter().map(|page| (page[&256][0], page[&257][0])).collect();
            assert_eq!(sizes, [(601, 270), (301, 135), (151, 68)]);
            assert!(pages.iter().all(|page| page[&TILE_WIDTH][..] == [256]));
            let compared = compared(source, &tiff);
            assert!(compared > 32.0, "{tile}: {compared} dB");
        }
    }
}

#[test]
fn trees_of_any_overlap_become_deep_zoom_without() {
    let dir = tempfile::tempdir().unwrap();
    let image = Image::tissue(300, 200, 8);
    for (tile, overlap, format) in [(64, 16, "jpg"), (63, 1, "jpeg"), (50, 0, "png")] {
        let layout = Layout { tile, overlap, format };
        let code = |part: &Image| if format == "png" { part.png() } else { baseline(part, Sampling::S420) };
        let dzi = write_tree(dir.path(), &format!("o{overlap}"), &image, layout, &|_, part| code(part));
        let (tree, zip) = (dir.path().join("new/a.dzi"), dir.path().join("new/a.szi"));
        let said = convert(&dzi, "dzi", &tree, &["--overwrite", "--json"]).ok().stdout;
        // All tiles with an overlap that ends inside a block are coded again, and said to be.
        let object: Value = serde_json::from_str(&said).unwrap();
        let again = object["coded_anew"].as_u64().unwrap();
        assert_eq!(again > 20, overlap == 1, "{overlap}: {again} of {}", object["tiles"]);
        convert(&dzi, "szi", &zip, &["--overwrite"]).ok();
        for made in [&tree, &zip] {
            let opened = Tree::open(made, Missing::Refuse).unwrap();
            assert_eq!((opened.descriptor().overlap, opened.descriptor().tile), (0, tile));
            let compared = compared(&dzi, made);
            // A tree whose overlap ends between blocks keeps its coefficients.
            let least = if overlap == 16 { 45.0 } else { 33.0 };
            assert!(compared > least, "{overlap}: {compared} dB");
        }
        assert_eq!(compared(&tree, &zip), f64::INFINITY);
    }
}

/// The sampling of the one component of a gray JPEG has no meaning, but readers of TIFF want 1x1. That of 4:4:4 may be 2x1 for each.
#[test]
fn unusual_factors_of_usual_samplings_become_the_usual_ones() {
    let dir = tempfile::tempdir().unwrap();
    let image = Image::tissue(150, 100, 8);
    let layout = Layout { tile: 64, overlap: 0, format: "jpg" };
    let code = |_: TileId, part: &Image| {
        let mut jpeg = baseline(&part.to_gray(), Sampling::Gray);
        let frame = jpeg.windows(2).position(|marker| marker == [0xFF, 0xC0]).unwrap();
        assert_eq!(jpeg[frame + 11], 0x11);
        jpeg[frame + 11] = 0x22;
        jpeg
    };
    let dzi = write_tree(dir.path(), "g", &image, layout, &code);
    for to in ["tiff", "dicom"] {
        let out = dir.path().join(format!("g.{to}"));
        if to == "dicom" {
            let given = dir.path().join("given.json");
            fs::write(&given, r#"{"PixelSpacing": [1, 1]}"#).unwrap();
            convert(&dzi, to, &out, &["--attributes", arg(&given)]).ok();
            for tile in dicom_frames(&out.join("level-0.dcm")) {
                assert_eq!(frame(&tile).2, [(1, 1)]);
            }
            assert_eq!(attribute(&out.join("level-0.dcm"), "PhotometricInterpretation"), "MONOCHROME2");
            continue;
        }
        convert(&dzi, to, &out, &[]).ok();
        let bytes = fs::read(&out).unwrap();
        for page in pages(&bytes) {
            assert_eq!(page[&277][..], [1]);
            tiles(&bytes, &page).iter().for_each(|tile| assert_eq!(frame(tile).2, [(1, 1)]));
        }
        assert_eq!(compared(&dzi, &out), f64::INFINITY);
    }
    // Cut anew, a gray slide stays gray.
    let layout = Layout { tile: 100, overlap: 0, format: "jpg" };
    let dzi =
        write_tree(dir.path(), "h", &image, layout, &|_, part| baseline(&part.to_gray(), Sampling::Gray));
    let out = dir.path().join("h.tiff");
    convert(&dzi, "tiff", &out, &[]).ok();
    assert!(pages(&fs::read(&out).unwrap()).iter().all(|page| page[&277][..] == [1]));
}

#[test]
fn a_name_that_would_stand_for_another_file_is_refused_before_the_work() {
    let s = Small::new();
    let tree = s.path("t.dzi");
    convert(&s.bundle, "dzi", &tree, &[]).ok();
    let before = contents(&s.path("t_files"));
    // The tree would be t.dzi, and be replaced.
    convert(&tree, "dzi", &s.path("t.DZI"), &["--overwrite"]).refused(&[".dzi"]);
    convert(&tree, "dzi", &tree, &["--overwrite"]).refused(&["replace what it is made of"]);
    assert!(contents(&s.path("t_files")) == before);
    fs::create_dir(s.path("folder")).unwrap();
    convert(&tree, "tiff", &s.path("folder"), &["--overwrite"]).refused(&["names a directory"]);
    convert(&tree, "tiff", Path::new(&format!("{}/", arg(&s.path("new")))), &[])
        .refused(&["names a directory"]);
    assert!(!s.path("new").exists());
}

#[test]
fn deep_zoom_of_a_bundle_has_the_bytes_that_decode_writes() {
    let s = Small::new();
    let (dzi, szi) = (s.path("x/a.dzi"), s.path("x/a.szi"));
    convert(&s.bundle, "dzi", &dzi, &[]).ok();
    let said = convert(&s.bundle, "szi", &szi, &["--json"]).ok().stdout;
    let object: Value = serde_json::from_str(&said).unwrap();
    let want = decoded(&s.bundle, &["--icc", "none"]);
    assert_eq!(object["tiles"], want.len());
    let found = contents(&s.path("x/a_files"));
    let named = |name: &str| name.replace(".jpg", ".jpeg");
    assert!(found == want.iter().map(|(name, bytes)| (named(name), bytes.clone())).collect::<Vec<_>>());
    // Another reader of zip files.
    let mut zip = zip::ZipArchive::new(fs::File::open(&szi).unwrap()).unwrap();
    for (name, bytes) in want {
        let mut entry = zip.by_name(&format!("a/a_files/{}", named(&name))).unwrap();
        assert_eq!(entry.compression(), zip::CompressionMethod::Stored);
        let mut read = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut read).unwrap();
        assert!(read == bytes, "{name}");
    }
    for name in ["a/a.dzi", "a/scan-properties.xml", "a/a.icc"] {
        assert!(zip.by_name(name).unwrap().size() > 0, "{name}");
    }
}

#[test]
fn what_is_known_of_a_slide_is_in_its_tiff() {
    let dir = tempfile::tempdir().unwrap();
    let image = Image::tissue(300, 200, 8);
    let layout = Layout { tile: 64, overlap: 0, format: "jpg" };
    let dzi = write_tree(dir.path(), "a", &image, layout, &|_, part| baseline(part, Sampling::S420));
    let sidecar = r#"{"generator": "origami 0.1.0", "source": "b & <c>.svs", "format": "tiff",
        "microns_per_pixel": [0.2528, 0.25], "objective_power": 40.0}"#;
    fs::write(dir.path().join("a.json"), sidecar).unwrap();
    for (to, name) in [("tiff", "a.tiff"), ("ome-tiff", "a.ome.tiff")] {
        let out = dir.path().join(name);
        convert(&dzi, to, &out, &[]).ok();
        let slide = Slide::open(&out, &OpenOptions::default()).unwrap();
        assert_eq!(slide.info.levels, [(300, 200), (150, 100), (75, 50), (38, 25)], "{to}");
        let (x, y) = slide.info.microns_per_pixel.unwrap();
        assert!((x - 0.2528).abs() < 1e-6 && (y - 0.25).abs() < 1e-6, "{to}: {x} x {y}");
        let bytes = fs::read(&out).unwrap();
        let pages = pages(&bytes);
        let text: String = pages[0][&270].iter().map(|&byte| char::from(byte as u8)).collect();
        if to == "ome-tiff" {
            assert_eq!(slide.info.objective_power, Some(40.0));
            assert_eq!((pages.len(), pages[0][&SUB_IFDS].len()), (1, 3));
            assert!(text.contains("Name=\"b &amp; &lt;c&gt;.svs\""), "{text}");
            let sizes = pages[0][&SUB_IFDS].iter().map(|&at| page(&bytes, at).0[&256][0]);
            assert_eq!(sizes.collect::<Vec<_>>(), [150, 75, 38]);
        } else {
            assert!(text.contains("objective = 40\n") || text.contains("objective = 40\0"), "{text}");
            assert_eq!(pages.len(), 4);
        }
        // At the edges chroma may be raised from what a viewer of the tree does not see.
        let compared = compared(&dzi, &out);
        assert!(compared > 50.0, "{to}: {compared} dB");
    }
}

#[test]
fn slides_and_images_are_converted_too() {
    let dir = tempfile::tempdir().unwrap();
    for (width, height) in [(600, 400), (1, 1), (2, 3)] {
        let png = dir.path().join("slide.png");
        write_png(&png, width, height, 2);
        for to in ["tiff", "ome-tiff", "szi"] {
            let said = origami(&["convert", arg(&png), "--to", to, "--overwrite", "--json"]).ok().stdout;
            let object: Value = serde_json::from_str(&said).unwrap();
            let out = PathBuf::from(object["out"].as_str().unwrap());
            assert_eq!(out, dir.path().join(format!("slide.{}", to.replace('-', "."))));
            let compared = compared(&png, &out);
            assert!(compared > 30.0, "{width}x{height} as {to}: {compared} dB");
        }
    }
    let gray = dir.path().join("gray.png");
    fs::write(&gray, Image::tissue(300, 200, 5).to_gray().png()).unwrap();
    let tiff = dir.path().join("gray.tiff");
    convert(&gray, "tiff", &tiff, &[]).ok();
    assert_eq!(pages(&fs::read(&tiff).unwrap())[0][&277][..], [1]);
    assert!(compared(&gray, &tiff) > 33.0);
}

#[test]
fn what_cannot_be_converted_is_refused_and_what_is_there_stays() {
    let s = Small::new();
    let out = s.path("a.tiff");
    fs::write(&out, "theirs").unwrap();
    convert(&s.bundle, "tiff", &out, &[]).fails(&["a.tiff", "it is there already", "--overwrite"]);
    assert_eq!(fs::read(&out).unwrap(), b"theirs");
    convert(&s.bundle, "tiff", &out, &["--overwrite"]).ok();
    assert_tiles("replaced", &s.bundle, &out);
    convert(&s.pack(), "tiff", &s.path("b.tiff"), &[]).ends(2, &["0_0.pack", "give the bundle"]);
    convert(&s.bundle, "szi", &s.path("b.zip"), &[]).ends(2, &["b.zip", ".szi"]);
    convert(&s.bundle, "tiff", &s.path("b.tiff"), &["--associated", "label"])
        .ends(2, &["label", "it has: none"]);
    convert(&s.path("gone.bundle"), "tiff", &s.path("b.tiff"), &[]).fails(&["gone.bundle", "cannot open"]);
    let part = s.path("part");
    origami(&["encode", "-q", "--pyramid", arg(&s.dzi), "--out", arg(&part), "--max-parents", "1"]).ok();
    let bundle = part.join("residual_packs/residuals.bundle");
    convert(&bundle, "tiff", &s.path("b.tiff"), &[])
        .fails(&["1 of the slide's 4 families", "encode the whole"]);
    let made = fs::read(&out).unwrap();
    convert(&out, "tiff", &out, &["--overwrite"]).ends(2, &["a.tiff", "what it is made of"]);
    assert!(fs::read(&out).unwrap() == made);
    let mut bytes = fs::read(&s.bundle).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let damaged = s.path("damaged.bundle");
    fs::write(&damaged, bytes).unwrap();
    for (to, name) in [("tiff", "b.tiff"), ("szi", "b.szi"), ("dzi", "b.dzi")] {
        convert(&damaged, to, &s.path(name), &[]).damaged(&["damaged.bundle"]);
    }
    let left: Vec<_> = listing(s.dir.path())
        .into_iter()
        .filter(|name| name.starts_with('b') || name.contains(".part"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_conversion_killed_at_any_moment_leaves_a_whole_file_or_none() {
    let dir = tempfile::tempdir().unwrap();
    let png = dir.path().join("slide.png");
    write_png(&png, 1500, 1300, 5);
    let enc = dir.path().join("enc");
    origami(&["encode", "-q", "--image", arg(&png), "--tile", "64", "--out", arg(&enc)]).ok();
    let bundle = enc.join("residual_packs/residuals.bundle");
    for (to, name) in [("tiff", "a.tiff"), ("szi", "a.szi")] {
        let out = dir.path().join(to).join(name);
        let started = Instant::now();
        convert(&bundle, to, &out, &[]).ok();
        let length = started.elapsed();
        let good = fs::read(&out).unwrap();
        let (mut random, mut killed) = (Rng(7), 0);
        for round in 0..10 {
            fs::remove_file(&out).ok();
            let args = ["convert", arg(&bundle), "--to", to, "--out", arg(&out)];
            let mut child = program().args(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            let share = if round % 2 == 0 { random.unit() } else { 0.9 + random.unit() / 8.0 };
            std::thread::sleep(Duration::from_secs_f64(length.as_secs_f64() * share));
            child.kill().unwrap();
            killed += usize::from(child.wait().unwrap().code().is_none());
            assert!(!out.exists() || fs::read(&out).unwrap() == good, "{to}: not whole after kill {round}");
        }
        convert(&bundle, to, &out, &["--overwrite"]).ok();
        assert!(fs::read(&out).unwrap() == good, "{to}: the rerun gives other bytes");
        no_leftovers(out.parent().unwrap());
        assert!(killed >= 2, "{killed} of 10 came in time");
    }
}

/// The frames of an instance, as its basic offset table has them.
fn dicom_frames(path: &Path) -> Vec<Vec<u8>> {
    let object = dicom_object::open_file(path).unwrap();
    let pixels = object.element(dicom_dictionary_std::tags::PIXEL_DATA).unwrap();
    pixels.fragments().unwrap().to_vec()
}

/// The values of an attribute as a text.
fn attribute(path: &Path, name: &str) -> String {
    let object = dicom_object::open_file(path).unwrap();
    object
        .element_by_name(name)
        .unwrap_or_else(|e| panic!("{name}: {e}"))
        .to_str()
        .unwrap()
        .trim()
        .to_string()
}

const GIVEN: &str = r#"{
    "PatientName": "Müller^Jane", "PatientID": "4711", "AccessionNumber": "S24-1", "StudyDate": "20240131",
    "ContainerIdentifier": "S24-1-A1", "SpecimenIdentifier": "S24-1-A", "Manufacturer": "Maker", "ManufacturerModelName": "M1",
    "DeviceSerialNumber": 17, "SoftwareVersions": ["1.0", "2.0"], "PixelSpacing": [0.0005, 0.00025], "SliceThickness": 0.004,
    "AcquisitionDateTime": "20240131101500", "ContentDate": "20240131", "ContentTime": "101500", "FocusMethod": "MANUAL",
    "ExtendedDepthOfField": "NO", "BurnedInAnnotation": "NO", "SpecimenLabelInImage": "NO", "VolumetricProperties": "VOLUME",
    "ImageOrientationSlide": [0, -1, 0, -1, 0, 0],
    "IlluminationTypeCodeSequence": {"CodeValue": "111744", "CodingSchemeDesignator": "DCM", "CodeMeaning": "Brightfield illumination"},
    "IlluminationColorCodeSequence": [{"CodeValue": "414298005", "CodingSchemeDesignator": "SCT", "CodeMeaning": "Full Spectrum"}]
}"#;

#[test]
fn dicom_of_a_bundle_has_the_tiles_that_decode_writes_and_what_it_is_given() {
    let dir = tempfile::tempdir().unwrap();
    let given = dir.path().join("given.json");
    fs::write(&given, GIVEN).unwrap();
    for (width, height, tile) in [(333, 270, 64), (97, 64, 48), (5, 3, 16)] {
        let case = format!("{width}x{height} in tiles of {tile}");
        let work = dir.path().join(format!("{width}"));
        let bundle = encode_tree(
            &tree(&work.join("tree"), width, height, tile, 1),
            &work.join("out"),
            &EncodeParams::default(),
        );
        let out = work.join("slide.dicom");
        convert(&bundle, "dicom", &out, &["--attributes", arg(&given), "--strict"]).ok();
        let want: BTreeMap<_, _> = decoded(&bundle, &["--icc", "none"]).into_iter().collect();
        let geometry = Geometry::new(width as u32, height as u32, tile).unwrap();
        let levels = fs::read_dir(&out).unwrap().count() as u32;
        for down in 0..levels {
            let (level, file) = (geometry.top_level() - down, out.join(format!("level-{down}.dcm")));
            let (columns, rows) = geometry.tiles(level);
            let frames = dicom_frames(&file);
            assert_eq!(frames.len() as u32, columns * rows, "{case}: level {level}");
            assert_eq!((columns, rows) == (1, 1), down + 1 == levels, "{case}: the last level is one frame");
            let (across, tall) = geometry.level_size(level);
            assert_eq!(attribute(&file, "TotalPixelMatrixColumns"), across.to_string(), "{case}");
            assert_eq!(attribute(&file, "TotalPixelMatrixRows"), tall.to_string(), "{case}");
            for (number, frame) in frames.iter().enumerate() {
                let (x, y) = (number as u32 % columns, number as u32 / columns);
                let case = format!("{case}: {level}/{x}_{y}");
                let tile_of = &want[&format!("{level}/{x}_{y}.jpg")];
                let rect = geometry.tile_rect(TileId { level, x, y }).unwrap();
                if (rect.width, rect.height) == (tile, tile) {
                    // A frame of an odd number of bytes has a zero behind it.
                    assert!(
                        frame.starts_with(tile_of) && frame.len() - tile_of.len() < 2,
                        "{case}: other bytes"
                    );
                } else {
                    let side = tile as usize;
                    let padded = decode_foreign(frame, Some((side, side))).unwrap();
                    compare_planes(&case, &decode_foreign(tile_of, None).unwrap(), &padded);
                }
            }
        }
        let finest = out.join("level-0.dcm");
        for (name, value) in [
            ("PatientName", "Müller^Jane"),
            ("DeviceSerialNumber", "17"),
            ("SoftwareVersions", "1.0\\2.0"),
            ("StudyDate", "20240131"),
            ("PatientSex", ""),
            ("FocusMethod", "MANUAL"),
            ("PhotometricInterpretation", "YBR_FULL_422"),
        ] {
            assert_eq!(attribute(&finest, name), value, "{case}: {name}");
        }
        // Our own reader sees one slide of that size and scale, and gives the tiles back.
        let slide = Slide::open(&finest, &OpenOptions::default()).unwrap();
        assert_eq!((slide.info.width as usize, slide.info.height as usize), (width, height), "{case}");
        assert_eq!(slide.info.microns_per_pixel, Some((0.25, 0.5)), "{case}");
        // The same again is the same bytes; another quality has other UIDs.
        let again = work.join("again.dicom");
        convert(&bundle, "dicom", &again, &["--attributes", arg(&given)]).ok();
        assert_eq!(contents(&out), contents(&again), "{case}");
    }
}

#[test]
fn what_dicom_demands_and_nobody_knows_is_told_or_refused() {
    let dir = tempfile::tempdir().unwrap();
    let png = dir.path().join("a.png");
    write_png(&png, 70, 50, 3);
    let out = dir.path().join("a.dicom");
    convert(&png, "dicom", &out, &[]).fails(&["a.png", "how large its pixels are", "PixelSpacing"]);
    assert!(!out.exists());
    let given = dir.path().join("given.json");
    let with = |text: &str, extra: &[&str]| {
        fs::write(&given, text).unwrap();
        convert(&png, "dicom", &out, &[&["--attributes", arg(&given)], extra].concat())
    };
    for (text, says) in [
        ("[]", "no JSON object"),
        ("{", "no JSON"),
        (r#"{"PatientNam": "x"}"#, "no such keyword"),
        (r#"{"Rows": 5, "PixelSpacing": [1, 1]}"#, "computed from the pixels"),
        (r#"{"StudyDate": "31.1.2024"}"#, "YYYYMMDD"),
        (r#"{"StudyInstanceUID": "one"}"#, "no UID"),
        (r#"{"PixelSpacing": [1]}"#, "two lengths in millimetres"),
        (r#"{"PixelData": "AA"}"#, "cannot be given"),
        (r#"{"SpecimenDescriptionSequence": []}"#, "a sequence or binary data"),
        (r#"{"IlluminationTypeCodeSequence": {"CodeValue": "1"}}"#, "CodingSchemeDesignator"),
        (r#"{"PatientID": {"a": 1}}"#, "a text, a number or a list"),
    ] {
        with(text, &[]).fails(&["given.json", says]);
        assert!(!out.exists(), "{text}");
    }
    with(r#"{"PixelSpacing": [0.0005, 0.0005]}"#, &["--strict"]).fails(&[
        "a.png",
        "Manufacturer",
        "allow placeholders",
    ]);
    assert!(!out.exists());
    let said = with(r#"{"PixelSpacing": [0.0005, 0.0005], "Manufacturer": "Maker"}"#, &["--json"]).ok();
    let json: Value = serde_json::from_str(&said.stdout).unwrap();
    let placeholders = json["placeholders"].as_object().unwrap();
    assert_eq!(placeholders["ManufacturerModelName"], "UNKNOWN");
    assert_eq!(placeholders["ICCProfile"], "sRGB");
    assert!(!placeholders.contains_key("Manufacturer"));
    convert(&png, "tiff", &dir.path().join("a.tiff"), &["--strict"]).refused(&["--to dicom"]);
    no_leftovers(dir.path());
}
