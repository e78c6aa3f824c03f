//! Trees whose files are not what their descriptor says.

mod layouts;

use std::fs;
use std::path::{Path, PathBuf};

use super::{Missing, Tree};
use crate::codec::{ImageEncoder, JpegEncoder, encode_png};
use crate::image::geometry::{Geometry, TileId};
use crate::image::plane::Plane;
use crate::image::ycc::Ycc;
use crate::kernels::taps::Filter;
use crate::params::EncodeParams;
use crate::pyramid::TileMetadata;
use crate::pyramid::dzi::Descriptor;
use crate::pyramid::levels::LevelBuilder;

pub(super) const WIDTH: u32 = 150;
pub(super) const HEIGHT: u32 = 130;

/// Pixels of the slide, RGB.
pub(super) fn slide() -> Vec<u8> {
    (0..HEIGHT * WIDTH)
        .flat_map(|i| {
            let (x, y) = (i % WIDTH, i / WIDTH);
            [(x + y) as u8, (2 * x) as u8 ^ (y / 9) as u8, 255 - y as u8]
        })
        .collect()
}

pub(super) fn png(pixels: &[u8], width: usize, height: usize) -> Vec<u8> {
    encode_png(pixels, 3, width, height).unwrap()
}

pub(super) fn jpeg(pixels: &[u8], width: usize, height: usize) -> Vec<u8> {
    let rgb = Plane::from_vec(3 * width, height, pixels.to_vec());
    JpegEncoder::new().unwrap().encode(Ycc::from_rgb(rgb.view()).view(), 95.into()).unwrap()
}

type Coder = fn(&[u8], usize, usize) -> Vec<u8>;

/// Calls `take` with every tile of 32 pixels of every level.
pub(super) fn each_tile(code: Coder, take: &mut dyn FnMut(TileId, Vec<u8>)) {
    let geometry = Geometry::new(WIDTH, HEIGHT, 32).unwrap();
    let mut levels = LevelBuilder::new(&geometry, geometry.top_level(), 3, true);
    for row in slide().chunks_exact(3 * WIDTH as usize) {
        let mut put = |id, pixels: &[u8], width, height| {
            take(id, code(pixels, width, height));
            Ok(())
        };
        levels.push_row(row, &mut put).unwrap();
    }
}

/// Writes a tree without overlap whose descriptor says `format` and whose files end in `extension`.
fn write(dir: &Path, format: &str, extension: &str, code: Coder) -> PathBuf {
    let files = dir.join("slide_files");
    each_tile(code, &mut |id, bytes| {
        let folder = files.join(id.level.to_string());
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(format!("{}_{}.{extension}", id.x, id.y)), bytes).unwrap();
    });
    let descriptor = Descriptor { width: WIDTH, height: HEIGHT, tile: 32, overlap: 0, format: format.into() };
    fs::write(dir.join("slide.dzi"), descriptor.to_xml()).unwrap();
    dir.join("slide.dzi")
}

fn said(result: crate::pyramid::Result<Tree>) -> String {
    result.err().expect("a refusal").to_string()
}

/// The full size of a tree, tile by tile.
pub(super) fn assert_is_the_slide(tree: &Tree) {
    let geometry = *tree.geometry();
    let (columns, rows) = geometry.tiles(geometry.top_level());
    let whole = slide();
    for (x, y) in (0..rows).flat_map(|y| (0..columns).map(move |x| (x, y))) {
        let id = TileId { level: geometry.top_level(), x, y };
        let rect = geometry.tile_rect(id).unwrap();
        let rgb = tree.tile_pixels(id).unwrap().into_ycc().to_rgb();
        for row in 0..rect.height {
            let at = 3 * ((rect.y + row) * WIDTH + rect.x) as usize;
            for (got, want) in rgb.row(row as usize).iter().zip(&whole[at..]) {
                assert!(got.abs_diff(*want) <= 24, "tile {id}: {got} where {want} belongs");
            }
        }
    }
}

#[test]
fn files_of_another_extension_than_the_descriptor_names_are_read_and_told() {
    let cases: [(&str, &str, Coder); 5] = [
        ("jpeg", "jpg", jpeg),
        ("jpg", "JPG", jpeg),
        ("jpg", "jpeg", jpeg),
        ("png", "jpg", jpeg),
        ("jpg", "png", png),
    ];
    for (format, extension, code) in cases {
        for missing in [Missing::Refuse, Missing::Background] {
            let dir = tempfile::tempdir().unwrap();
            let tree = Tree::open(&write(dir.path(), format, extension, code), missing).unwrap();
            assert_is_the_slide(&tree);
            let warnings = tree.warnings();
            assert!(warnings.len() == 1 && warnings[0].contains(&format!(".{extension}")), "{warnings:?}");
            assert_eq!(tree.absent().count, 0);
        }
    }
}

#[test]
fn a_file_is_read_by_its_content_and_verify_names_it() {
    let dir = tempfile::tempdir().unwrap();
    let tree = Tree::open(&write(dir.path(), "png", "png", jpeg), Missing::Refuse).unwrap();
    assert_is_the_slide(&tree);
    let error = tree.check_tile(TileId { level: 0, x: 0, y: 0 }).unwrap_err().to_string();
    assert!(error.contains("no png"), "{error}");
}

#[test]
fn a_tree_without_tiles_at_full_size_is_no_white_slide() {
    let dir = tempfile::tempdir().unwrap();
    let dzi = write(dir.path(), "jpg", "gif", jpeg);
    for missing in [Missing::Refuse, Missing::Background] {
        let refused = said(Tree::open(&dzi, missing));
        assert!(refused.contains("none of the 25 tiles") && !refused.contains("background"), "{refused}");
    }
    let dzi = write(dir.path(), "jpg", "jpg", jpeg);
    for x in 0..4 {
        for y in 0..4 {
            fs::remove_file(dir.path().join(format!("slide_files/8/{x}_{y}.jpg"))).unwrap();
        }
    }
    let refused = said(Tree::open(&dzi, Missing::Refuse));
    assert!(refused.contains("16 of") && refused.contains("would be white"), "{refused}");
    let warnings = Tree::open(&dzi, Missing::Background).unwrap().warnings();
    assert!(warnings[0].contains("16 of 31 tiles are missing"), "{warnings:?}");
}

#[test]
fn levels_without_tiles_are_made_from_finer_ones() {
    let dir = tempfile::tempdir().unwrap();
    let dzi = write(dir.path(), "png", "png", png);
    let whole = Tree::open(&dzi, Missing::Refuse).unwrap();
    assert!(whole.warnings().is_empty());
    let params = EncodeParams { base_quality: 100, ..EncodeParams::default() };
    // Levels 0 to 5 are stored, 6 and 7 are regenerated, 8 is the slide.
    let stored = |tree: &Tree| {
        let tiles = tree.geometry().stored_tiles().map(|id| tree.stored_tile(id, &params).unwrap());
        tiles.collect::<Vec<_>>()
    };
    let want = stored(&whole);
    for absent in [0..=0, 0..=3, 0..=5, 0..=7] {
        let dir = tempfile::tempdir().unwrap();
        let dzi = write(dir.path(), "png", "png", png);
        for level in absent.clone() {
            fs::remove_dir_all(dir.path().join(format!("slide_files/{level}"))).unwrap();
        }
        for tree in [Tree::open(&dzi, Missing::Refuse), Tree::open_small_levels(&dzi)] {
            let tree = tree.unwrap();
            assert_eq!(tree.absent_levels().len(), absent.clone().count(), "{absent:?}");
            assert!(tree.warnings()[0].contains("made from finer"), "{:?}", tree.warnings());
            assert!(stored(&tree) == want, "{absent:?}: tiles that were made");
        }
    }
    // A level that lacks between others was lost, and is not made up.
    fs::remove_dir_all(dir.path().join("slide_files/3")).unwrap();
    assert!(said(Tree::open(&dzi, Missing::Refuse)).contains("3/0_0.png"));
}

#[test]
fn lossless_families_of_a_tree_of_one_level_get_an_l2_of_pixels() {
    let dir = tempfile::tempdir().unwrap();
    let dzi = write(dir.path(), "jpg", "jpg", jpeg);
    for level in 0..8 {
        fs::remove_dir_all(dir.path().join(format!("slide_files/{level}"))).unwrap();
    }
    let tree = Tree::open(&dzi, Missing::Refuse).unwrap();
    tree.check_originals(TileMetadata::Refuse).unwrap();
    let family = tree.geometry().family(1, 1).unwrap();
    let originals = tree.originals(family, TileMetadata::Refuse).unwrap();
    let crate::pyramid::loaded::L2Source::Pixels(loaded) = originals.l2 else { panic!("L2 is not there") };
    let (want, got) = (tree.family(family, Filter::Lanczos3).unwrap(), loaded.family);
    assert_eq!(want.image.into_ycc(), got.image.into_ycc());
}

#[test]
fn resource_forks_and_capital_letters_hide_no_descriptor() {
    let dir = tempfile::tempdir().unwrap();
    let dzi = write(dir.path(), "jpg", "jpg", jpeg);
    fs::write(dir.path().join("._slide.dzi"), [0, 5, 22, 7]).unwrap();
    fs::write(dir.path().join("slide_files/8/._0_0.jpg"), [0, 5, 22, 7]).unwrap();
    assert_eq!(Tree::open(dir.path(), Missing::Refuse).unwrap().path(), dzi);
    fs::rename(&dzi, dir.path().join("slide.DZI")).unwrap();
    assert_is_the_slide(&Tree::open(dir.path(), Missing::Refuse).unwrap());
}

#[test]
fn a_descriptor_that_contradicts_the_tiles_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let dzi = write(dir.path(), "jpg", "jpg", jpeg);
    let with = |width: u32, height: u32, tile: u32, overlap: u32| {
        let descriptor = Descriptor { width, height, tile, overlap, format: "jpg".into() };
        fs::write(&dzi, descriptor.to_xml()).unwrap();
        let tree = Tree::open(&dzi, Missing::Refuse)?;
        let top = tree.geometry().top_level();
        tree.tile_pixels(TileId { level: top, x: 0, y: 0 })?;
        tree.tile_pixels(TileId { level: top, x: 3, y: 3 }).map(drop)
    };
    let refused = |width, height, tile, overlap| with(width, height, tile, overlap).unwrap_err().to_string();
    assert!(with(WIDTH, HEIGHT, 32, 0).is_ok());
    assert!(refused(150, 128, 32, 0).contains("lies outside of 150x128"));
    assert!(refused(300, 130, 32, 0).contains("lies outside of 300x130"));
    assert!(refused(100, 100, 32, 0).contains("has no level"));
    assert!(refused(WIDTH, HEIGHT, 32, 1).contains("32x32"));
    assert!(refused(WIDTH, HEIGHT, 40, 0).contains("lies outside"));
}

#[test]
fn small_tiles_lose_their_metadata_and_keep_their_coefficients() {
    let dir = tempfile::tempdir().unwrap();
    let dzi = write(dir.path(), "jpg", "jpg", |pixels, width, height| {
        let plain = jpeg(pixels, width, height);
        [&plain[..2], b"\xFF\xFE\x00\x06name", &plain[2..]].concat()
    });
    let tree = Tree::open(&dzi, Missing::Refuse).unwrap();
    for id in tree.geometry().stored_tiles() {
        let stored = tree.stored_tile(id, &EncodeParams::default()).unwrap().1;
        let file = tree.tile_bytes(id).unwrap();
        assert_eq!(stored, [&file[..2], &file[10..]].concat(), "tile {id}");
    }
    let family = tree.geometry().family(0, 0).unwrap();
    assert!(tree.originals(family, TileMetadata::Refuse).is_err());
    let kept = tree.originals(family, TileMetadata::Keep).unwrap().tiles;
    let stripped = tree.originals(family, TileMetadata::Strip).unwrap().tiles;
    for ((id, kept), (_, stripped)) in kept.iter().zip(&stripped) {
        assert_eq!(kept.bytes, tree.tile_bytes(*id).unwrap());
        assert_eq!(stripped.bytes, [&kept.bytes[..2], &kept.bytes[10..]].concat());
    }
}

#[test]
fn an_overlap_on_the_block_grid_is_cut_off_and_another_is_refused() {
    for (overlap, ok) in [(16, true), (8, true), (1, false), (4, false)] {
        let dir = tempfile::tempdir().unwrap();
        let files = dir.path().join("slide_files");
        let geometry = Geometry::new(WIDTH, HEIGHT, 32).unwrap();
        let (mut now, mut w, mut h) = (slide(), WIDTH as usize, HEIGHT as usize);
        for level in (0..=geometry.top_level()).rev() {
            let (columns, rows) = geometry.tiles(level);
            fs::create_dir_all(files.join(level.to_string())).unwrap();
            for (x, y) in (0..rows).flat_map(|y| (0..columns).map(move |x| (x as usize, y as usize))) {
                let start = |i: usize| (32 * i).saturating_sub(if i > 0 { overlap } else { 0 });
                let size = |i: usize, n: usize| (32 * (i + 1) + overlap).min(n) - start(i);
                let (tw, th) = (size(x, w), size(y, h));
                let part = crate::pyramid::levels::crop(&now, w, 3, start(x), start(y), tw, th);
                fs::write(files.join(format!("{level}/{x}_{y}.jpg")), jpeg(&part, tw, th)).unwrap();
            }
            (now, w, h) = crate::pyramid::levels::halve(&now, w, h, 3);
        }
        let overlap = overlap as u32;
        let descriptor = Descriptor { width: WIDTH, height: HEIGHT, tile: 32, overlap, format: "jpg".into() };
        fs::write(dir.path().join("slide.dzi"), descriptor.to_xml()).unwrap();
        let tree = Tree::open(dir.path(), Missing::Refuse).unwrap();
        let checked = tree.check_originals(TileMetadata::Refuse);
        assert_eq!(checked.is_ok(), ok, "{overlap}: {checked:?}");
        if !ok {
            assert!(checked.unwrap_err().to_string().contains("a multiple of 8"));
            continue;
        }
        let whole = Ycc::from_rgb(Plane::from_vec(3 * WIDTH as usize, HEIGHT as usize, slide()).view());
        let family = tree.originals(geometry.family(0, 0).unwrap(), TileMetadata::Refuse).unwrap();
        for (id, bytes) in family.tiles {
            let rect = geometry.tile_rect(id).unwrap();
            let size = (rect.width as usize, rect.height as usize);
            let got = crate::codec::decode_foreign(&bytes.bytes, Some(size)).unwrap();
            for y in 0..size.1 {
                let want = &whole.luma.row(rect.y as usize + y)[rect.x as usize..];
                for (got, want) in got.luma.row(y).iter().zip(want) {
                    assert!(got.abs_diff(*want) <= 24, "{overlap}, tile {id}");
                }
            }
        }
    }
}
