//! Scanned slides: of every reader, and large ones whose decoded parts are kept.

use super::{holds, limit_mib, load, start, takes_no_more, tiles_of};
use crate::kit::dicom::write_dicom;
use crate::kit::image::Image;
use crate::kit::jpeg::baseline;
use crate::kit::program::{arg, origami, program};
use crate::mixed::{APERIO, write_ndpi};
use crate::tiffs::{ome, write_pages, write_tiff, write_tiled};
use origami::image::geometry::Geometry;
use origami::image::ycc::Sampling;
use origami::slide::openslide_library;

const SIZE: (u32, u32) = (2048, 1536);

/// Decoded parts of such a slide are far less than what the program and its threads leave of the sum, so no part of the sum is added for them.
#[test]
fn scanned_slides_of_every_reader() {
    let (width, height) = (SIZE.0 as usize, SIZE.1 as usize);
    let geometry = Geometry::new(SIZE.0, SIZE.1, 256).unwrap();
    let image = Image::cells(width, height, 3);
    let root = || tempfile::tempdir().unwrap();
    let serves = |kind: &str, root: &tempfile::TempDir, paths: &[&str]| {
        takes_no_more(kind, root.path(), &geometry, &[], paths);
    };

    let plain = root();
    write_tiff(&plain.path().join("one.tif"), &image, None);
    serves("TIFF", &plain, &[]);

    let tiled = root();
    let jpeg = baseline(&image.cut(0, 0, 256, 256), Sampling::S420);
    let levels = [SIZE, (SIZE.0 / 4, SIZE.1 / 4)];
    write_tiled(&tiled.path().join("one.svs"), 256, &levels, Some(&jpeg), APERIO);
    serves("SVS", &tiled, &[]);
    let rectangles = [
        "/api/slides/one/region?x=0&y=0&w=2048&h=1024&format=png&scale=0.5",
        "/api/slides/one/region?x=300&y=300&w=1024&h=1024&format=raw",
    ];
    serves("rectangles of an SVS", &tiled, &rectangles);

    let series = root();
    let dir = series.path().join("one");
    std::fs::create_dir(&dir).unwrap();
    write_dicom(&dir.join("1.dcm"), &image, "1.2.3.4", 1);
    write_dicom(&dir.join("2.dcm"), &image.halved(), "1.2.3.4", 2);
    serves("DICOM", &series, &[]);

    let channels = root();
    let pages: Vec<_> = (4..7).map(|seed| Image::cells(width, height, seed).to_gray()).collect();
    write_pages(&channels.path().join("one.tif"), &pages, &ome(&["DAPI", "FITC", "Cy5"], 1));
    let blended: Vec<_> =
        tiles_of("one", &geometry).iter().map(|tile| format!("{tile}?channel=0,1,2")).collect();
    let server = start(&mut program(), channels.path(), &[]);
    load(&server, &blended);
    holds("channels", &server, limit_mib(256, 0));

    match openslide_library() {
        Ok(_) => {
            let hamamatsu = root();
            write_ndpi(&hamamatsu.path().join("one.ndpi"), &image);
            serves("NDPI, by OpenSlide", &hamamatsu, &[]);
        }
        Err(reason) => println!("SKIPPED: an NDPI: {reason}"),
    }
}

/// Addresses of one tile of a level in each stored tile of 1024 pixels.
fn each_chunk(slide: &str, top: u32, (columns, rows): (u32, u32)) -> Vec<String> {
    let places = (0..rows).flat_map(|y| (0..columns).map(move |x| (4 * x, 4 * y)));
    places.map(|(x, y)| format!("/tiles/{slide}/{top}/{x}_{y}.jpg")).collect()
}

/// A slide so wide that two rows of its stored tiles are the 256 MiB that its reader keeps of the full resolution, and those of its second
/// level some more: beyond what a server of bundles may take, within what the page adds for a scanned slide.
#[test]
fn decoded_parts_of_a_large_slide() {
    const COLUMNS: u32 = 43;
    let root = tempfile::tempdir().unwrap();
    let (width, height) = (1024 * COLUMNS, 2048);
    let levels = [(width, height), (width / 2, height / 2)];
    write_tiled(&root.path().join("one.tif"), 1024, &levels, None, "");
    let top = Geometry::new(width, height, 256).unwrap().top_level();
    let server = start(&mut program(), root.path(), &[]);
    let mut paths = each_chunk("one", top, (COLUMNS, 2));
    paths.extend(each_chunk("one", top - 1, (COLUMNS / 2, 1)));
    load(&server, &paths);
    let taken = holds("a large scanned slide", &server, limit_mib(256, 1));
    let without = limit_mib(256, 0);
    assert!(
        taken > without,
        "{taken} MiB: no more than the {without} MiB of other slides, so nothing is shown"
    );
}

/// Decoded parts are kept of eight slides at a time, however many are asked for.
#[test]
fn decoded_parts_of_many_slides() {
    const SLIDES: usize = 16;
    /// All of a slide: six stored tiles of 12 MiB.
    const EACH_MIB: u64 = 72;
    let root = tempfile::tempdir().unwrap();
    let (width, height) = (3 * 2048, 2 * 2048);
    let name = |number: usize| format!("s{number:02}");
    write_tiled(&root.path().join("s00.tif"), 2048, &[(width, height)], None, "");
    for number in 1..SLIDES {
        let link = root.path().join(name(number) + ".tif");
        std::fs::hard_link(root.path().join("s00.tif"), link).unwrap();
    }
    let top = Geometry::new(width, height, 256).unwrap().top_level();
    let server = start(&mut program(), root.path(), &[]);
    // One after the other: a reader that is closed lives until its requests end.
    for path in (0..SLIDES).flat_map(|number| each_stored_tile(&name(number), top)) {
        assert_eq!(server.get(&path).status, 200, "{path}");
    }
    holds("many scanned slides", &server, limit_mib(256, SLIDES));
    // Eight, and the one that takes the place of another.
    holds("many scanned slides, by what is kept of each", &server, limit_mib(256, 0) + 9 * EACH_MIB);
}

fn each_stored_tile(slide: &str, top: u32) -> Vec<String> {
    let places = (0..2).flat_map(|y| (0..3).map(move |x| (8 * x, 8 * y)));
    places.map(|(x, y)| format!("/tiles/{slide}/{top}/{x}_{y}.jpg")).collect()
}

/// A bundle beside the slide that it was made of is a scanned slide as well.
#[test]
fn the_slide_beside_its_bundle() {
    let (root, size) = (tempfile::tempdir().unwrap(), (1536, 1024));
    let (slide, out) = (root.path().join("one.tif"), root.path().join("one"));
    write_tiff(&slide, &Image::cells(size.0, size.1, 3), None);
    origami(&["encode", "-q", arg(&slide), "--out", arg(&out), "--backend", "cpu"]).ok();
    let geometry = Geometry::new(size.0 as u32, size.1 as u32, 256).unwrap();
    let tiles = tiles_of("one", &geometry);
    let originals = tiles.iter().map(|tile| tile.replace("/tiles/one/", "/original/one_files/"));
    let both: Vec<_> = originals.chain(tiles.iter().cloned()).collect();
    let server = start(&mut program(), root.path(), &[]);
    assert_eq!(server.get(&both[0]).status, 200, "the slide is the original of its bundle");
    load(&server, &both);
    holds("a bundle beside its slide", &server, limit_mib(256, 0));
}
