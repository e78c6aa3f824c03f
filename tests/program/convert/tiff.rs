//! To TIFF and OME-TIFF.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::json;

use super::bigtiff::{ICC, SUB_IFDS, SUBSAMPLING, TILE_WIDTH, page, pages, tiles};
use super::dicom::{attribute, frames};
use super::{compare_planes, compared, convert, lossless};
use crate::kit::image::Image;
use crate::kit::jpeg::{baseline, frame, progressive, rgb_coded};
use crate::kit::program::{arg, decoded, origami};
use crate::kit::slides::{encode_tree, tree};
use crate::kit::trees::{Layout, write_tree};
use origami::codec::{JpegDecoder, decode_foreign};
use origami::image::geometry::{Geometry, TileId};
use origami::image::ycc::Sampling;
use origami::params::EncodeParams;
use origami::slide::{OpenOptions, Slide};
/// Holds a TIFF of a bundle to what `decode` writes: inner tiles have the same bytes, padded ones the same samples.
pub fn assert_tiles(case: &str, bundle: &Path, tiff: &Path) {
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
            for tile in frames(&out.join("level-0.dcm")) {
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
fn what_is_known_of_a_slide_is_in_its_tiff() {
    let dir = tempfile::tempdir().unwrap();
    let image = Image::tissue(300, 200, 8);
    let layout = Layout { tile: 64, overlap: 0, format: "jpg" };
    let dzi = write_tree(dir.path(), "a", &image, layout, &|_, part| baseline(part, Sampling::S420));
    let sidecar = r#"{"generator": "origami 0.1.0", "source": "b & <c>.svs", "format": "tiff",
        "microns_per_pixel": [0.2528, 0.25], "objective_power": 40.0, "scanner": "Leica Biosystems <GT> 450"}"#;
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
        let text_of =
            |tag: u16| pages[0][&tag].iter().map(|&byte| char::from(byte as u8)).collect::<String>();
        let text = text_of(270);
        assert_eq!(slide.info.scanner.as_deref(), Some("Leica Biosystems <GT> 450"), "{to}");
        assert_eq!((&*text_of(271), &*text_of(272)), ("Leica Biosystems\0", "<GT> 450\0"), "{to}");
        if to == "ome-tiff" {
            let microscope = "<Instrument ID=\"Instrument:0\"><Microscope Manufacturer=\"Leica Biosystems\" \
                              Model=\"&lt;GT&gt; 450\"/><Objective ";
            assert!(text.contains(microscope), "{text}");
            assert!(text.contains("<InstrumentRef ID=\"Instrument:0\"/><ObjectiveSettings "), "{text}");
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

/// What was read from a slide comes back, whichever part of its name is known.
#[test]
fn the_scanner_comes_back_from_every_format() {
    let dir = tempfile::tempdir().unwrap();
    let image = Image::tissue(100, 70, 8);
    let layout = Layout { tile: 64, overlap: 0, format: "jpg" };
    let dzi = write_tree(dir.path(), "a", &image, layout, &|_, part| baseline(part, Sampling::S420));
    for (number, scanner) in
        [Some("Aperio"), Some("C13210"), Some("M\u{fc}ller \"5\" & S\u{f6}hne"), None].into_iter().enumerate()
    {
        let sidecar =
            json!({"generator": "origami 0.1.0", "microns_per_pixel": [0.25, 0.25], "scanner": scanner});
        fs::write(dir.path().join("a.json"), sidecar.to_string()).unwrap();
        for (to, name) in [("tiff", "a.tiff"), ("ome-tiff", "a.ome.tiff"), ("dicom", "a.dicom")] {
            let out = dir.path().join(format!("{number}-{name}"));
            convert(&dzi, to, &out, &[]).ok();
            let file = if to == "dicom" { out.join("level-0.dcm") } else { out };
            let slide = Slide::open(&file, &OpenOptions::default()).unwrap();
            assert_eq!(slide.info.scanner.as_deref(), scanner, "{to}");
            if to == "ome-tiff" {
                let bytes = fs::read(&file).unwrap();
                let text = String::from_utf8_lossy(&bytes);
                for part in ["<Instrument ", "<Microscope ", "<InstrumentRef "] {
                    assert_eq!(text.contains(part), scanner.is_some(), "{scanner:?}: {part}");
                }
                assert!(!text.contains("<ObjectiveSettings "), "{scanner:?}");
            }
        }
    }
}

/// Bio-Formats converts colours twice where the tag says that chroma is not halved across.
#[test]
fn an_ome_tiff_leaves_it_to_its_jpegs_that_chroma_is_not_halved_across() {
    for (sampling, want) in [
        (Sampling::S420, Some(vec![2, 2])),
        (Sampling::S422, Some(vec![2, 1])),
        (Sampling::S444, None),
        (Sampling::S440, None),
        (Sampling::Gray, None),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let image = Image::tissue(150, 100, 8);
        let layout = Layout { tile: 64, overlap: 0, format: "jpg" };
        let dzi = write_tree(dir.path(), "a", &image, layout, &|_, part| match sampling {
            Sampling::Gray => baseline(&part.to_gray(), sampling),
            _ => baseline(part, sampling),
        });
        for (to, name) in [("tiff", "a.tiff"), ("ome-tiff", "a.ome.tiff")] {
            let out = dir.path().join(name);
            convert(&dzi, to, &out, &[]).ok();
            let bytes = fs::read(&out).unwrap();
            let mut all = pages(&bytes);
            let below = all[0].get(&SUB_IFDS).cloned().unwrap_or_default();
            all.extend(below.into_iter().map(|at| page(&bytes, at).0));
            assert_eq!(all.len(), 3, "{to} {sampling:?}");
            let (across, down) = sampling.factors();
            let plain = (sampling != Sampling::Gray).then(|| vec![across as u64, down as u64]);
            let want = if to == "tiff" { &plain } else { &want };
            for of in all {
                assert_eq!(of.get(&SUBSAMPLING), want.as_ref(), "{to} {sampling:?}");
            }
            assert!(compared(&dzi, &out) > 45.0, "{to} {sampling:?}");
        }
    }
}
