//! Every kind of Deep Zoom tree and slide goes through encode, verify and decode.

use std::fs;
use std::path::Path;

use crate::kit::compare::{assert_same, planes, psnr};
use crate::kit::image::Image;
use crate::kit::jpeg;
use crate::kit::pipeline::{as_png, decode_to, encode_to, slide_source, tree_source, verify_deep};
use crate::kit::trees::{Layout, assert_whole, level_planes, write_tree};
use origami::codec::JpegDecoder;
use origami::decode::DecodeOptions;
use origami::encode::EncodeOptions;
use origami::image::geometry::TileId;
use origami::image::plane::Plane;
use origami::image::ycc::Sampling;
use origami::kernels::resample::upsample_to_444;
use origami::kernels::taps::Filter;
use origami::kernels::taps::TapCache;
use origami::params::{EncodeParams, Subsamp};
use origami::pyramid::source::Source;
use origami::pyramid::tree::{Missing, Tree};

type Coder = dyn Fn(TileId, &Image) -> Vec<u8>;

/// Largest loss, in dB, that smooth data may suffer.
const CLOSE_DB: f64 = 30.0;

/// Encodes, proves, decodes to PNG and to JPEG, and compares the full size with the slide.
fn check_source(case: &str, source: impl Fn() -> Source, image: &Image, params: &EncodeParams) {
    let out = tempfile::tempdir().unwrap();
    let report = encode_to(source(), out.path(), params, &EncodeOptions::default())
        .unwrap_or_else(|e| panic!("{case}: {e}"));
    let (archive, verified) = verify_deep(&report.bundle).unwrap_or_else(|e| panic!("{case}: {e}"));
    let geometry = *archive.geometry();
    assert_eq!(verified.families, geometry.family_count(), "{case}: families");
    assert_eq!(verified.tiles, geometry.stored_tile_count(), "{case}: tiles of small levels");
    assert_eq!((geometry.width(), geometry.height()), (image.width as u32, image.height as u32), "{case}");
    for (name, options) in [("png", as_png(false)), ("jpeg", DecodeOptions::default())] {
        let case = format!("{case}, decoded to {name}");
        let report = decode_to(&report.bundle, &out.path().join(name), &options)
            .unwrap_or_else(|e| panic!("{case}: {e}"));
        let tree = assert_whole(&case, &report.dzi);
        assert_eq!(tree.geometry(), &geometry, "{case}: geometry");
        // The smallest levels are few pixels of many means; the two largest must show the slide.
        let top = geometry.top_level();
        for (level, want) in [(top, image.clone()), (top.saturating_sub(1), image.halved())] {
            if level < top || want == *image {
                let got = level_planes(&tree, level);
                let want = want.planes();
                let want = planes(&want);
                for (plane, (got, want)) in ["Y", "Cb", "Cr"].iter().zip(got.iter().zip(want)) {
                    let db = psnr(got, want);
                    assert!(db > CLOSE_DB, "{case}: {plane} of level {level} is {db:.2} dB from the slide");
                }
            }
        }
    }
}

fn check_tree(case: &str, image: &Image, layout: Layout, code: &Coder) {
    let dir = tempfile::tempdir().unwrap();
    let dzi = write_tree(dir.path(), "slide", image, layout, code);
    for subsamp in [Subsamp::S444, Subsamp::S420] {
        let params = EncodeParams { subsamp, ..EncodeParams::default() };
        let case = format!("{case}, {layout:?}, {subsamp:?}");
        check_source(&case, || tree_source(&dzi), image, &params);
    }
}

fn as_jpeg(sampling: Sampling) -> impl Fn(TileId, &Image) -> Vec<u8> {
    move |_, part| jpeg::baseline(part, sampling)
}

fn png(_: TileId, part: &Image) -> Vec<u8> {
    part.png()
}

#[test]
fn every_tile_size_and_overlap_is_read() {
    for (tile, overlap, width, height) in [
        (1, 0, 9, 7),
        (1, 1, 9, 7),
        (3, 0, 41, 29),
        (3, 2, 41, 29),
        (5, 5, 43, 31),
        (16, 1, 131, 75),
        (16, 2, 131, 75),
        (16, 5, 131, 75),
        (254, 1, 1101, 517),
        (255, 0, 1021, 300),
        (256, 0, 1025, 513),
        (256, 2, 511, 1030),
        (510, 1, 521, 2043),
    ] {
        let image = Image::smooth(width, height);
        check_tree("png", &image, Layout { tile, overlap, format: "png" }, &png);
        let layout = Layout { tile, overlap, format: "jpg" };
        check_tree("jpg 4:2:0", &image, layout, &as_jpeg(Sampling::S420));
    }
}

/// Y, Cb and Cr of the whole slide as `encode` reads it, chroma at full size.
fn families_as_planes(tree: &Tree) -> [Plane; 3] {
    let geometry = *tree.geometry();
    let mut whole =
        [0, 128, 128].map(|v| Plane::filled(geometry.width() as usize, geometry.height() as usize, v));
    for id in geometry.all_families() {
        let rect = geometry.family_rect(id);
        let image = upsample_to_444(
            tree.family(id, Filter::Lanczos3).unwrap().image.into_ycc(),
            Filter::Lanczos3,
            &TapCache::default(),
        );
        for (to, from) in whole.iter_mut().zip(planes(&image)) {
            to.paste(rect.x as usize, rect.y as usize, from.view());
        }
    }
    whole
}

#[test]
fn overlap_is_cut_off_to_the_sample() {
    for (tile, overlap) in [(3, 2), (5, 5), (16, 0), (16, 1), (16, 2), (30, 5), (31, 1), (31, 2)] {
        let layout = Layout { tile, overlap, format: "png" };
        let exact = Image::tissue(133, 101, 5);
        let dir = tempfile::tempdir().unwrap();
        let dzi = write_tree(dir.path(), "slide", &exact, layout, &png);
        let tree = Tree::open(&dzi, Missing::Refuse).unwrap();
        let want = exact.planes();
        let want = planes(&want);
        for (plane, (want, got)) in
            ["Y", "Cb", "Cr"].iter().zip(want.into_iter().zip(&families_as_planes(&tree)))
        {
            assert_same(&format!("{layout:?} {plane}"), want, got);
        }
        // JPEG loses a little; a shift by one sample would lose far more (chroma: about 32 dB).
        let image = Image::waves(133, 101, 12.0);
        for sampling in [Sampling::S444, Sampling::S422, Sampling::S420, Sampling::S440] {
            if tile < 16 {
                continue;
            }
            let layout = Layout { format: "jpg", ..layout };
            let dzi = write_tree(dir.path(), "jpeg", &image, layout, &as_jpeg(sampling));
            let tree = Tree::open(&dzi, Missing::Refuse).unwrap();
            let want = image.planes();
            let want = planes(&want);
            for (plane, (want, got)) in
                ["Y", "Cb", "Cr"].iter().zip(want.into_iter().zip(&families_as_planes(&tree)))
            {
                let db = psnr(want, got);
                println!("{layout:?} {sampling:?} {plane}: {db:.2} dB");
                assert!(db > 41.0, "{layout:?} {sampling:?} {plane}: {db:.2} dB from the slide");
            }
        }
    }
}

#[test]
fn every_format_and_sampling_is_read() {
    let image = Image::smooth(133, 101);
    for (tile, overlap) in [(32, 0), (30, 2), (31, 0), (31, 1)] {
        let layout = |format| Layout { tile, overlap, format };
        for sampling in
            [Sampling::S444, Sampling::S422, Sampling::S420, Sampling::S440, Sampling::S411, Sampling::S441]
        {
            check_tree(&format!("{sampling:?}"), &image, layout("jpeg"), &as_jpeg(sampling));
        }
        check_tree("gray jpeg", &image.to_gray(), layout("jpg"), &as_jpeg(Sampling::Gray));
        check_tree("gray png", &image.to_gray(), layout("png"), &png);
        check_tree("RGB-coded", &image, layout("jpg"), &|_, part| jpeg::rgb_coded(part));
        for sampling in [Sampling::S444, Sampling::S420] {
            check_tree("progressive", &image, layout("jpg"), &move |_, part| {
                jpeg::progressive(part, sampling)
            });
        }
    }
}

#[test]
fn tiles_of_one_tree_may_differ_in_colour_and_sampling() {
    // Gray in its pixels, so that a gray tile and a colour tile of the same place show the same.
    let gray = Image::smooth(133, 101).to_gray();
    let image = Image { channels: 3, data: gray.data.iter().flat_map(|&v| [v; 3]).collect(), ..gray.clone() };
    let all = [Sampling::Gray, Sampling::S444, Sampling::S422, Sampling::S420, Sampling::S440];
    for overlap in [0, 1] {
        let layout = Layout { tile: 16, overlap, format: "jpg" };
        check_tree("gray mixed with 4:2:0", &image, layout, &|id, part| match (id.x + id.y) % 2 {
            0 => jpeg::baseline(&part.to_gray(), Sampling::Gray),
            _ => jpeg::baseline(part, Sampling::S420),
        });
        check_tree("everything mixed", &image, layout, &move |id, part| match all
            [(id.x * 3 + id.y) as usize % all.len()]
        {
            Sampling::Gray => jpeg::baseline(&part.to_gray(), Sampling::Gray),
            Sampling::S440 => jpeg::rgb_coded(part),
            sampling => jpeg::baseline(part, sampling),
        });
        let layout = Layout { format: "png", ..layout };
        check_tree("gray mixed with RGB", &image, layout, &|id, part| match id.x % 2 {
            0 => part.to_gray().png(),
            _ => part.png(),
        });
    }
}

#[test]
fn progressive_and_rgb_fixtures_are_what_they_say() {
    let image = Image::smooth(33, 17);
    let rgb = jpeg::rgb_coded(&image);
    assert_eq!(JpegDecoder::open(&rgb).unwrap().header().color, origami::codec::JpegColor::Rgb);
    let progressive = jpeg::progressive(&image, Sampling::S420);
    let header = JpegDecoder::open(&progressive).unwrap().header();
    assert_eq!((header.baseline, header.sampling), (false, Some(Sampling::S420)));
}

#[test]
fn the_smallest_and_thinnest_slides_go_through() {
    let sizes =
        [(1, 1), (2, 1), (1, 2), (2, 2), (3, 1), (3, 3), (4, 4), (5, 7), (1, 3000), (3000, 1), (255, 256)];
    for (width, height) in sizes {
        let image = Image::smooth(width, height);
        for tile in [1, 8, 256] {
            // Thousands of files would show nothing that hundreds do not.
            if width.div_ceil(tile as usize) * height.div_ceil(tile as usize) > 300 {
                continue;
            }
            let case = format!("{width}x{height}");
            check_tree(&case, &image, Layout { tile, overlap: 0, format: "png" }, &png);
            let layout = Layout { tile, overlap: 0, format: "jpg" };
            check_tree(&case, &image, layout, &as_jpeg(Sampling::S420));
            check_tree(&case, &image.to_gray(), Layout { tile, overlap: 1, format: "png" }, &png);
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("slide.png");
            for image in [image.clone(), image.to_gray()] {
                fs::write(&path, image.png()).unwrap();
                let case = format!("{case} slide, {} channels, tile {tile}", image.channels);
                check_source(&case, || slide_source(&path, tile), &image, &EncodeParams::default());
            }
        }
    }
}

#[test]
fn missing_tiles_are_refused_by_name_or_taken_as_white() {
    let image = Image::smooth(133, 101);
    for (format, code) in [("png", &png as &Coder), ("jpg", &as_jpeg(Sampling::S420))] {
        let dir = tempfile::tempdir().unwrap();
        let dzi = write_tree(dir.path(), "slide", &image, Layout { tile: 16, overlap: 0, format }, code);
        let gone = [TileId { level: 8, x: 5, y: 2 }, TileId { level: 3, x: 0, y: 0 }];
        for id in gone {
            fs::remove_file(dir.path().join(format!("slide_files/{id}.{format}"))).unwrap();
        }
        let error = Tree::open(&dzi, Missing::Refuse).err().unwrap().to_string();
        for id in gone {
            assert!(error.contains(&format!("{id}.{format}")), "{error}");
        }
        assert!(error.contains("2 tile(s)"), "{error}");
        let tree = Tree::open(&dzi, Missing::Background).unwrap();
        assert_eq!(tree.absent().count, 2);
        let out = dir.path().join("out");
        let source = Source::Tree(Box::new(tree));
        let report = encode_to(source, &out, &EncodeParams::default(), &EncodeOptions::default()).unwrap();
        verify_deep(&report.bundle).unwrap();
        let decoded = decode_to(&report.bundle, &out, &as_png(false)).unwrap();
        let tree = assert_whole(format, &decoded.dzi);
        let white = tree.tile_pixels(gone[0]).unwrap().into_ycc().luma;
        let inside = white.view().part(4, 4, 8, 8).to_plane();
        assert!(inside.data().iter().all(|&v| v > 235), "{format}: tile {}: {:?}", gone[0], inside.data());
        let near = tree.tile_pixels(TileId { x: 3, ..gone[0] }).unwrap().into_ycc().luma;
        assert!(psnr(&near, &image.cut(48, 32, 16, 16).luma()) > CLOSE_DB, "{format}: a tile that was there");
    }
}

#[test]
fn missing_tiles_of_levels_that_are_not_read_do_not_matter() {
    let image = Image::smooth(133, 101);
    let dir = tempfile::tempdir().unwrap();
    let dzi = write_tree(dir.path(), "slide", &image, Layout { tile: 16, overlap: 0, format: "png" }, &png);
    for level in [7, 6] {
        fs::remove_dir_all(dir.path().join(format!("slide_files/{level}"))).unwrap();
    }
    check_source("without L1 and L2", || tree_source(&dzi), &image, &EncodeParams::default());
}

#[test]
fn a_tree_is_found_by_its_descriptor_its_directory_and_its_files() {
    let image = Image::smooth(40, 30);
    let dir = tempfile::tempdir().unwrap();
    let layout = Layout { tile: 16, overlap: 0, format: "png" };
    let dzi = write_tree(dir.path(), "a", &image, layout, &png);
    let files = dir.path().join("a_files");
    for path in [dzi.as_path(), dir.path(), files.as_path()] {
        assert_eq!(Tree::open(path, Missing::Refuse).unwrap().path(), dzi, "{}", path.display());
    }
    let second = write_tree(dir.path(), "b", &image, layout, &png);
    let error = Tree::open(dir.path(), Missing::Refuse).err().unwrap().to_string();
    assert!(error.contains("2 .dzi files") && error.contains("a.dzi"), "{error}");
    assert_eq!(Tree::open(&second, Missing::Refuse).unwrap().path(), second);
    assert_eq!(Tree::open(&dir.path().join("b_files"), Missing::Refuse).unwrap().path(), second);
    let usual = write_tree(dir.path(), "baseline_pyramid", &image, layout, &png);
    assert_eq!(Tree::open(dir.path(), Missing::Refuse).unwrap().path(), usual);
    assert!(Tree::open(Path::new("/nowhere/slide.dzi"), Missing::Refuse).is_err());
}
