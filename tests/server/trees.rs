//! Trees in other layouts than Deep Zoom: served by their directories and files, with the tiles as they are stored.

use std::fs;
use std::path::Path;

use crate::folders::{api, is_served, names};
use crate::kit::image::Image;
use crate::kit::jpeg::baseline;
use crate::kit::program::{arg, origami};
use crate::kit::trees::{Layout as Tiling, write_other_tree, write_tree, zip_tree};
use crate::running::{Running, wait_until};
use origami::codec::{decode_foreign, decode_png, foreign_pixels};
use origami::image::family::Pixels;
use origami::image::geometry::TileId;
use origami::image::ycc::Sampling;
use origami::pyramid::tree::Layout;

const LAYOUTS: [(&str, Layout); 4] = [
    ("zoomify", Layout::Zoomify),
    ("iiif-2", Layout::Iiif { version: 2 }),
    ("in/iiif-3", Layout::Iiif { version: 3 }),
    ("in/google", Layout::Google),
];

/// A Deep Zoom tree in a zip file.
fn szi(path: &Path, image: &Image) {
    let dir = tempfile::tempdir().unwrap();
    let tiling = Tiling { tile: 64, overlap: 0, format: "jpg" };
    let dzi =
        write_tree(&dir.path().join("x"), "scan", image, tiling, &|_, part| baseline(part, Sampling::S420));
    zip_tree(&dzi, path);
}

fn address(name: &str, TileId { level, x, y }: TileId) -> String {
    format!("/tiles/{}/{level}/{x}_{y}.jpg", name.replace('/', "%2F"))
}

#[test]
fn trees_of_every_layout_are_served_with_their_own_tiles() {
    let root = tempfile::tempdir().unwrap();
    let image = Image::cells(700, 520, 4);
    let written = LAYOUTS.map(|(name, layout)| write_other_tree(&root.path().join(name), layout, &image, 64));
    szi(&root.path().join("in/zip.szi"), &image);
    // What cannot be read is named, and hides nothing.
    fs::create_dir(root.path().join("bad")).unwrap();
    fs::write(root.path().join("bad/ImageProperties.xml"), "<IMAGE_PROPERTIES WIDTH='9'/>").unwrap();
    fs::write(root.path().join("cut.szi"), "PK\x03\x04").unwrap();
    let server = Running::start(root.path(), &[]);
    assert_eq!(names(&server), ["iiif-2", "in/google", "in/iiif-3", "in/zip", "zoomify"]);
    let skipped = api(&server, "/api/slides")["skipped"].clone();
    let of = |n: usize, key: &str| skipped[n][key].as_str().unwrap().to_string();
    assert_eq!((of(0, "path"), of(1, "path")), ("bad/ImageProperties.xml".into(), "cut.szi".into()));
    assert!(of(0, "reason").contains("HEIGHT") && of(1, "reason").contains("zip"), "{skipped}");
    for name in names(&server) {
        is_served(&server, &name.replace('/', "%2F"), &image, 64, 27.0);
    }
    for ((name, layout), written) in LAYOUTS.iter().zip(&written) {
        let mut same = 0;
        for (id, path) in written {
            let sent = server.get(&address(name, *id)).body;
            let is_same = sent == fs::read(path).unwrap();
            // Of Google Maps, tiles at the edges have a margin, which is not sent.
            let at_edge = *layout == Layout::Google && sent.len() != fs::read(path).unwrap().len();
            assert!(is_same || at_edge, "{name} {id}");
            same += u64::from(is_same);
        }
        assert!(same as usize == written.len() || (*layout == Layout::Google && same > 90), "{name}: {same}");
    }
    assert_eq!(api(&server, "/api/slides/zoomify")["warning"], serde_json::Value::Null);
}

#[test]
fn a_tree_of_any_layout_is_served_alone() {
    let root = tempfile::tempdir().unwrap();
    let image = Image::cells(300, 200, 4);
    for (name, layout) in LAYOUTS {
        let dir = root.path().join(name);
        write_other_tree(&dir, layout, &image, 64);
        let own = Path::new(name).file_name().unwrap().to_str().unwrap();
        let server = Running::start(&dir, &[]);
        assert_eq!(names(&server), [own]);
        is_served(&server, own, &image, 64, 27.0);
    }
    let file = root.path().join("zip.szi");
    szi(&file, &image);
    assert_eq!(names(&Running::start(&file, &[])), ["zip"]);
    let descriptor = root.path().join("zoomify/ImageProperties.xml");
    assert_eq!(names(&Running::start(&descriptor, &[])), ["zoomify"]);
    // Without its size it ends with its tiles, and the server says so.
    fs::remove_file(root.path().join("in/google/vips-properties.xml")).unwrap();
    let padded = api(&Running::start(&root.path().join("in/google"), &[]), "/api/slides/google");
    assert_eq!((&padded["width"], &padded["height"]), (&320.into(), &256.into()));
    assert!(padded["warning"].as_str().unwrap().contains("padding"), "{padded}");
}

#[test]
fn a_tree_is_the_original_of_the_bundle_that_was_made_of_it() {
    let (root, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let image = Image::cells(700, 520, 4);
    let written = write_other_tree(&root.path().join("case"), Layout::Zoomify, &image, 64);
    szi(&root.path().join("zip.szi"), &image);
    origami(&["encode", "--quiet", arg(&root.path().join("case"))]).ok();
    origami(&["encode", "--quiet", arg(&root.path().join("zip.szi")), "--out", arg(out.path())]).ok();
    let bundle = out.path().join("residual_packs/residuals.bundle");
    fs::copy(&bundle, root.path().join("zip.bundle")).unwrap();
    // Of another tree of the same name it is not.
    szi(&root.path().join("other.szi"), &Image::cells(300, 520, 4));
    fs::copy(&bundle, root.path().join("other.bundle")).unwrap();
    let server = Running::start(root.path(), &[]);
    assert_eq!(names(&server), ["case", "other.bundle", "other.szi", "zip"]);
    for name in ["case", "zip"] {
        let described = api(&server, &format!("/api/slides/{name}"));
        assert_eq!(described["has_original"], true, "{described}");
    }
    let (id, path) = &written[0];
    let TileId { level, x, y } = *id;
    let original = server.get(&format!("/original/case_files/{level}/{x}_{y}.jpg"));
    assert_eq!(original.body, fs::read(path).unwrap());
}

#[test]
fn tiles_that_are_written_anew_are_sent_anew() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("x");
    let written = write_other_tree(&dir, Layout::Zoomify, &Image::cells(300, 200, 4), 64);
    let server = Running::start(root.path(), &[]);
    let (id, path) = &written[0];
    let tag = || server.get(&address("x", *id)).header("etag").to_string();
    let before = tag();
    let new = path.with_extension("new");
    fs::write(&new, baseline(&Image::tissue(64, 64, 9), Sampling::S420)).unwrap();
    fs::rename(new, path).unwrap();
    wait_until("a tile that was written anew is not sent", || tag() != before);
    assert_eq!(server.get(&address("x", *id)).body, fs::read(path).unwrap());
}

#[test]
fn an_iiif_region_has_the_pixels_that_viewers_show_of_the_tiles() {
    let root = tempfile::tempdir().unwrap();
    let image = Image::cells(300, 200, 4);
    let tiling = Tiling { tile: 64, overlap: 0, format: "jpg" };
    write_tree(root.path(), "x", &image, tiling, &|_, part| baseline(part, Sampling::S420));
    let server = Running::start(&root.path().join("x.dzi"), &[]);
    // What libjpeg gives of a tile of L0: chroma raised by its own filter.
    let shown = |x: u32, y: u32| {
        let tile = fs::read(root.path().join(format!("x_files/9/{x}_{y}.jpg"))).unwrap();
        match foreign_pixels(&tile, None).unwrap() {
            Pixels::Rgb(rgb) => rgb.view().to_plane(),
            Pixels::Ycc(_) => panic!("a gray tile"),
        }
    };
    let region = |region: &str, pixels: usize| {
        let reply = server.get(&format!("/iiif/3/x/{region}/max/0/default.png"));
        assert_eq!(reply.status, 200, "{region}: {}", reply.text());
        decode_png(&reply.body, pixels).unwrap().data
    };
    assert_eq!(region("64,64,64,64", 4096), shown(1, 1).data());
    // Half of one tile and half of the next.
    let (left, right) = (shown(0, 2), shown(1, 2));
    let rows = (0..64).flat_map(|y| [&left.row(y)[96..], &right.row(y)[..96]].concat());
    assert_eq!(region("32,128,64,64", 4096), rows.collect::<Vec<_>>());
    // A turn moves pixels and changes none.
    let turned = server.get("/iiif/3/x/64,64,64,64/max/180/default.png");
    let turned = decode_png(&turned.body, 4096).unwrap().data;
    let back: Vec<u8> = turned.chunks_exact(3).rev().flatten().copied().collect();
    assert_eq!(back, shown(1, 1).data());
    // Gray is luma as stored.
    let tile = fs::read(root.path().join("x_files/9/1_1.jpg")).unwrap();
    let gray = server.get("/iiif/3/x/64,64,64,64/max/0/gray.png");
    let luma = decode_foreign(&tile, None).unwrap().luma;
    assert_eq!(decode_png(&gray.body, 4096).unwrap().data, luma.data());
}
