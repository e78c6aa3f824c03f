//! Sheets of slides of every shape: nothing leaves the sheet, no text lies on another, and the numbers are those of the archive.

use std::path::Path;

use super::drawing::{Anchor, Area, Drawing, Shape};
use super::{bytes, font, png, svg};
use crate::archive::{Archive, BundleWriter, FamilyRecord, Meta, Payload, SourceKind, SourceMeta};
use crate::codec::CodecId;
use crate::image::family::{PayloadKind, Proof};
use crate::image::geometry::Geometry;
use crate::lossless::tile_size;
use crate::params::EncodeParams;
use crate::report::numbers::round_bytes;
use crate::report::picture::Picture;
use crate::report::sizes::Sizes;

/// A bundle whose families have `bytes` of residual each, by their number; the first `count` families are in it.
fn bundle(dir: &Path, geometry: Geometry, count: usize, bytes: impl Fn(usize) -> usize) -> Archive {
    let mut writer = BundleWriter::create(dir, geometry).unwrap();
    for (i, id) in geometry.all_families().take(count).enumerate() {
        // No two are equal, so that none is stored in place of another.
        let residual: Vec<u8> = (0..bytes(i)).map(|k| ((k * 31) ^ (i >> (8 * (k % 4)))) as u8).collect();
        let payloads = vec![Payload { kind: PayloadKind::Residual, codec: CodecId::Jpeg, bytes: residual }];
        writer
            .add_family(id, &FamilyRecord { proof: Proof { luma: i as u128, chroma: 0 }, payloads })
            .unwrap();
    }
    for id in geometry.stored_tiles() {
        let (width, height) = tile_size(&geometry, id).unwrap();
        writer.add_tile(id, CodecId::Jpeg, &Picture::white(width, height).jpeg().unwrap()).unwrap();
    }
    let params = EncodeParams::default();
    let meta = Meta {
        tool: "origami".into(),
        content: String::new(),
        coding: params.coding(),
        encode: params,
        source: SourceMeta {
            name: "a name that is so long that it does not fit the sheet in one line ".repeat(3),
            kind: SourceKind::Slide,
            format: "aperio".into(),
            overlap: 0,
            identity: None,
            origin: None,
            lossy: None,
            tile_metadata: None,
        },
        microns_per_pixel: Some((0.2513, 0.2513)),
        objective_power: None,
        scanner: None,
        associated: Vec::new(),
        complete: count as u64 == geometry.family_count(),
    };
    let written = writer.finish(&meta, None, false, None).unwrap();
    Archive::open(&written.path).unwrap()
}

/// Where a text lies: a little more than its letters, as another font may be wider.
fn text_area(x: f64, y: f64, size: f64, anchor: Anchor, text: &str) -> Area {
    let width = 1.05 * font::width(text, size);
    let left = match anchor {
        Anchor::Start => x,
        Anchor::Middle => x - width / 2.0,
        Anchor::End => x - width,
    };
    Area::new(left, y - 0.8 * size, width, size)
}

fn overlap(a: &Area, b: &Area) -> bool {
    a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height
}

/// Checks that all shapes lie on the sheet, and that no text lies on another one, on a picture or on a map.
fn check_layout(case: &str, sheet: &Drawing) {
    let (mut texts, mut pictures): (Vec<(&str, Area)>, Vec<Area>) = Default::default();
    for shape in &sheet.shapes {
        match shape {
            Shape::Text { x, y, size, anchor, text, .. } => {
                texts.push((text, text_area(*x, *y, *size, *anchor, text)));
            }
            Shape::Image(area, _) => pictures.push(*area),
            Shape::Cells(cells) => pictures.extend(cells.iter().map(|cell| cell.area)),
            _ => {}
        }
    }
    for area in texts.iter().map(|(_, area)| area).chain(&pictures) {
        let inside = area.x >= 0.0 && area.x + area.width <= sheet.width;
        assert!(
            inside && area.y >= 0.0 && area.y + area.height <= sheet.height,
            "{case}: {area:?} is outside"
        );
    }
    for (i, (text, area)) in texts.iter().enumerate() {
        let below = texts[i + 1..].iter().find(|(_, other)| overlap(area, other));
        assert!(below.is_none(), "{case}: {text:?} and {below:?}");
        assert!(!pictures.iter().any(|picture| overlap(area, picture)), "{case}: {text:?} lies on a picture");
    }
}

#[test]
fn slides_of_every_shape_have_their_place() {
    let cases = [
        (2220, 2967, 256, 9),
        (90_000, 14_000, 256, 1232),
        (15_000, 80_000, 256, 700),
        (3, 2000, 256, 2),
        (40_000, 5, 256, 40),
        (600, 500, 256, 1),
        (1, 1, 256, 0),
        (80_800, 80_800, 64, 99_856),
    ];
    for (width, height, tile, count) in cases {
        let dir = tempfile::tempdir().unwrap();
        let geometry = Geometry::new(width, height, tile).unwrap();
        let archive = bundle(dir.path(), geometry, count, |i| 20 + i % 50);
        let sizes = Sizes::read(&archive).unwrap();
        let case = format!("{width}x{height}");
        let sheet = bytes::sheet(&archive, &sizes, true).unwrap();
        check_layout(&case, &sheet);
        check_layout(&case, &bytes::figure(&archive, &sizes).unwrap());
        let cells = sheet.shapes.iter().map(|shape| match shape {
            Shape::Cells(cells) => cells.len(),
            _ => 0,
        });
        assert_eq!(cells.sum::<usize>(), count, "{case}");
        assert!(png::encode(&sheet).unwrap().starts_with(b"\x89PNG"), "{case}");
    }
}

#[test]
fn the_svg_has_a_cell_a_family_and_the_largest_family_at_the_end_of_the_legend() {
    let dir = tempfile::tempdir().unwrap();
    let geometry = Geometry::new(5000, 3000, 256).unwrap();
    let archive = bundle(dir.path(), geometry, 14, |i| 1000 * (i + 1));
    let sizes = Sizes::read(&archive).unwrap();
    let text = svg::document(&bytes::sheet(&archive, &sizes, true).unwrap()).unwrap();
    let svg = roxmltree::Document::parse(&text).unwrap();
    let group = svg.descendants().find(|node| node.attribute("class") == Some("cells")).unwrap();
    let cells: Vec<_> = group.children().filter(|node| node.has_tag_name("rect")).collect();
    assert_eq!(cells.len(), 14);
    let largest = archive.families().iter().map(|entry| entry.bytes).max().unwrap();
    let texts: Vec<_> =
        svg.descendants().filter(|node| node.has_tag_name("text")).filter_map(|node| node.text()).collect();
    assert!(texts.contains(&round_bytes(largest.into()).as_str()), "{texts:?}");
    assert!(texts.contains(&"not here"), "one of 15 families is missing: {texts:?}");
    let brightest: Vec<_> = cells.iter().filter(|cell| cell.attribute("fill") == Some("#fde725")).collect();
    assert_eq!(brightest.len(), 1);
    let title = brightest[0].children().find_map(|node| node.text().filter(|_| node.has_tag_name("title")));
    let id = archive.families().iter().find(|entry| entry.bytes == largest).unwrap().id;
    assert!(title.is_some_and(|title| title.starts_with(&format!("family {id}: "))), "{title:?}");
    // The parts of the bar add up to the file.
    assert_eq!(sizes.parts(&archive).iter().map(|(_, bytes)| bytes).sum::<u64>(), archive.file_bytes());
}

#[test]
fn a_sheet_without_names_has_none() {
    let dir = tempfile::tempdir().unwrap();
    let archive = bundle(dir.path(), Geometry::new(600, 500, 256).unwrap(), 1, |_| 100);
    let sizes = Sizes::read(&archive).unwrap();
    let of = |names| svg::document(&bytes::sheet(&archive, &sizes, names).unwrap()).unwrap();
    assert!(of(true).contains("a name that is so long"));
    assert!(!of(false).contains("a name"));
    assert!(!of(true).contains(dir.path().to_str().unwrap()));
}

#[test]
fn a_picture_is_the_drawing() {
    let mut sheet = Drawing { width: 20.0, height: 10.0, ..Drawing::default() };
    sheet.fill(Area::new(5.0, 2.0, 10.0, 6.0), super::drawing::Paint::Fixed([200, 100, 0]));
    let made = crate::codec::decode_png(&png::encode(&sheet).unwrap(), 800).unwrap();
    let mut want = Picture::white(40, 20);
    for (i, pixel) in want.rgb.chunks_exact_mut(3).enumerate() {
        if (10..30).contains(&(i % 40)) && (4..16).contains(&(i / 40)) {
            pixel.copy_from_slice(&[200, 100, 0]);
        }
    }
    assert_eq!(made.data, want.rgb);
}
