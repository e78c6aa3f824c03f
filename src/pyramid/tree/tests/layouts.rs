//! Other layouts than Deep Zoom, and trees in a zip.

use std::fs;
use std::path::Path;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::super::layout::first_level;
use super::super::{Layout, Missing, Tree, is_tree_file, other_tree};
use super::{Coder, HEIGHT, WIDTH, assert_is_the_slide, each_tile, jpeg, said};
use crate::image::geometry::{Geometry, TileId};
use crate::params::EncodeParams;
use crate::pyramid::TileMetadata;
use crate::pyramid::dzi::Descriptor;

/// Writes a tree in another layout, with tiles of 32 pixels.
fn write_other(dir: &Path, layout: Layout, code: Coder) {
    let geometry = Geometry::new(WIDTH, HEIGHT, 32).unwrap();
    each_tile(code, &mut |id, bytes| {
        if id.level >= first_level(&geometry) {
            let path = dir.join(format!("{}.jpg", layout.stem(&geometry, id)));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
    });
}

/// A tile of 32 pixels a side, white beyond the slide.
fn padded(pixels: &[u8], width: usize, height: usize) -> Vec<u8> {
    let mut full = vec![255; 3 * 32 * 32];
    for y in 0..height {
        full[3 * 32 * y..][..3 * width].copy_from_slice(&pixels[3 * width * y..][..3 * width]);
    }
    jpeg(&full, 32, 32)
}

const PROPERTIES: &str = r#"<?xml version="1.0"?><image xmlns="x"><properties><property><name>width</name>
<value type="gint">150</value></property><property><name>height</name><value type="gint">130</value></property>
</properties></image>"#;

#[test]
fn zoomify_iiif_and_google_maps_are_read_by_descriptor_and_by_directory() {
    let info = |version: u32| {
        format!(
            r#"{{"@context": "http://iiif.io/api/image/{version}/context.json", "protocol": "http://iiif.io/api/image",
            "width": {WIDTH}, "height": {HEIGHT}, "tiles": [{{"width": 32, "scaleFactors": [1, 2, 4]}}]}}"#
        )
    };
    let zoomify =
        format!(r#"<IMAGE_PROPERTIES WIDTH="{WIDTH}" HEIGHT="{HEIGHT}" NUMTILES="34" TILESIZE="32" />"#);
    let cases: [(Layout, &str, String, Coder); 4] = [
        (Layout::Zoomify, "ImageProperties.xml", zoomify, jpeg),
        (Layout::Iiif { version: 2 }, "info.json", info(2), jpeg),
        (Layout::Iiif { version: 3 }, "info.json", info(3), jpeg),
        (Layout::Google, "vips-properties.xml", PROPERTIES.into(), padded),
    ];
    for (layout, name, text, code) in cases {
        let dir = tempfile::tempdir().unwrap();
        write_other(dir.path(), layout, code);
        fs::write(dir.path().join(name), text).unwrap();
        let found = other_tree(dir.path()).unwrap();
        assert_eq!(is_tree_file(&dir.path().join(name)), layout != Layout::Google);
        for path in [dir.path(), &found] {
            let tree = Tree::open(path, Missing::Refuse).unwrap_or_else(|e| panic!("{layout:?}: {e}"));
            assert_eq!(
                (tree.layout(), tree.geometry().width(), tree.geometry().height()),
                (layout, WIDTH, HEIGHT)
            );
            assert_is_the_slide(&tree);
            assert!(tree.warnings().is_empty(), "{:?}", tree.warnings());
            let params = EncodeParams::default();
            for id in tree.geometry().stored_tiles() {
                tree.stored_tile(id, &params).unwrap();
            }
            tree.check_originals(TileMetadata::Refuse).unwrap();
            let mut count = 0;
            tree.each_tile_file(|_, file| count += u64::from(file.bytes > 0)).unwrap();
            assert_eq!(count, 25 + 9 + 4 + 1, "{layout:?}: files");
        }
        // Without one of its tiles it is refused by the name that the tile has in this layout.
        let id = TileId { level: 8, x: 2, y: 1 };
        let name = format!("{}.jpg", layout.stem(&Geometry::new(WIDTH, HEIGHT, 32).unwrap(), id));
        fs::remove_file(dir.path().join(&name)).unwrap();
        assert!(said(Tree::open(dir.path(), Missing::Refuse)).contains(&name));
    }
}

#[test]
fn a_google_maps_tree_without_its_size_ends_with_its_tiles() {
    let dir = tempfile::tempdir().unwrap();
    write_other(dir.path(), Layout::Google, padded);
    let tree = Tree::open(dir.path(), Missing::Refuse).unwrap();
    assert_eq!((tree.geometry().width(), tree.geometry().height()), (160, 160));
    assert!(tree.warnings()[0].contains("padding"), "{:?}", tree.warnings());
}

/// The files of a tree in a zip.
fn szi(path: &Path) {
    use std::io::Write;
    let mut zip = ZipWriter::new(fs::File::create(path).unwrap());
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let mut put = |name: &str, bytes: &[u8]| {
        zip.start_file(name, options).unwrap();
        zip.write_all(bytes).unwrap();
    };
    each_tile(jpeg, &mut |id, bytes| put(&format!("s/s_files/{}/{}_{}.jpg", id.level, id.x, id.y), &bytes));
    let descriptor = Descriptor { width: WIDTH, height: HEIGHT, tile: 32, overlap: 0, format: "jpg".into() };
    put("s/s.dzi", descriptor.to_xml().as_bytes());
    put("s/._s.dzi", b"\0\x05");
    put("s/scan-properties.xml", b"<x/>");
    zip.finish().unwrap();
}

#[test]
fn a_tree_in_a_zip_is_read_and_a_damaged_one_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("slide.szi");
    szi(&path);
    assert!(is_tree_file(&path));
    let tree = Tree::open(&path, Missing::Refuse).unwrap();
    assert_is_the_slide(&tree);
    assert_eq!(tree.tile_file(TileId { level: 8, x: 0, y: 0 }), None);
    assert!(tree.directories().is_empty());
    let left = tree.files_named(&["scan-properties.xml", "vips-properties.xml"]);
    assert_eq!(left, [(path.join("s/scan-properties.xml"), 4)]);
    let family = tree.geometry().family(0, 0).unwrap();
    tree.originals(family, TileMetadata::Refuse).unwrap();
    let whole = fs::read(&path).unwrap();
    // A byte of a tile: the checksum of the zip or the tile itself tells.
    let mut damaged = whole.clone();
    let at = whole.windows(2).position(|pair| pair == [0xFF, 0xDA]).unwrap() + 20;
    damaged[at] ^= 0xFF;
    fs::write(&path, damaged).unwrap();
    let id = TileId { level: 8, x: 0, y: 0 };
    assert!(Tree::open(&path, Missing::Refuse).unwrap().tile_pixels(id).is_err());
    for end in [0, 10, whole.len() / 2, whole.len() - 1] {
        fs::write(&path, &whole[..end]).unwrap();
        assert!(said(Tree::open(&path, Missing::Refuse)).contains("slide.szi"));
    }
    // Two tiles of one name: which of them is the tile?
    let (mut twice, name) = (whole.clone(), b"s/s_files/8/1_0.jpg");
    let places: Vec<_> = (0..twice.len()).filter(|&at| twice[at..].starts_with(name)).collect();
    assert_eq!(places.len(), 2, "in the header and in the directory");
    places.into_iter().for_each(|at| twice[at + "s/s_files/8/".len()] = b'0');
    fs::write(&path, twice).unwrap();
    let problem = said(Tree::open(&path, Missing::Refuse));
    assert!(problem.contains("slide.szi") && problem.contains("s/s_files/8/0_0.jpg twice"), "{problem}");
    // The directory's entry of the descriptor: 46 bytes and its name, the method at 10.
    let at = (0..whole.len()).rfind(|&at| whole[at..].starts_with(b"s/s.dzi")).unwrap() - 46;
    let mut compressed = whole.clone();
    compressed[at + 10] = 8;
    fs::write(&path, compressed).unwrap();
    assert!(said(Tree::open(&path, Missing::Refuse)).contains("compressed"));
}
