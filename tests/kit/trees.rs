//! Deep Zoom trees written by hand, whatever their tiling, and read back strictly.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use origami::codec::{decode_foreign, decode_png};
use origami::image::geometry::{Geometry, TileId};
use origami::image::plane::Plane;
use origami::image::ycc::Sampling;
use origami::pyramid::dzi::Descriptor;
use origami::pyramid::tree::{Missing, Tree};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::compare::planes;
use super::files::contents;
use super::image::Image;
use super::jpeg::baseline;

/// How a tree is tiled and what its files are called.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    pub tile: u32,
    pub overlap: u32,
    pub format: &'static str,
}

/// Writes `dir/NAME.dzi` and all its levels; `code` makes the bytes of one tile, overlap included.
pub fn write_tree(
    dir: &Path,
    name: &str,
    image: &Image,
    layout: Layout,
    code: &dyn Fn(TileId, &Image) -> Vec<u8>,
) -> PathBuf {
    let (width, height) = (image.width as u32, image.height as u32);
    let geometry = Geometry::new(width, height, layout.tile).unwrap();
    let mut now = image.clone();
    for level in (0..=geometry.top_level()).rev() {
        let (w, h) = geometry.level_size(level);
        assert_eq!((now.width as u32, now.height as u32), (w, h));
        let folder = dir.join(format!("{name}_files")).join(level.to_string());
        fs::create_dir_all(&folder).unwrap();
        let (cols, rows) = geometry.tiles(level);
        for (x, y) in (0..rows).flat_map(|y| (0..cols).map(move |x| (x, y))) {
            let start = |i: u32| (i * layout.tile).saturating_sub(if i > 0 { layout.overlap } else { 0 });
            let end = |i: u32, n: u32| ((i + 1) * layout.tile + layout.overlap).min(n);
            let (x0, y0, x1, y1) = (start(x), start(y), end(x, w), end(y, h));
            let part = now.cut(x0 as usize, y0 as usize, (x1 - x0) as usize, (y1 - y0) as usize);
            let bytes = code(TileId { level, x, y }, &part);
            fs::write(folder.join(format!("{x}_{y}.{}", layout.format)), bytes).unwrap();
        }
        now = now.halved();
    }
    let Layout { tile, overlap, format } = layout;
    let descriptor = Descriptor { width, height, tile, overlap, format: format.into() };
    let dzi = dir.join(format!("{name}.dzi"));
    fs::write(&dzi, descriptor.to_xml()).unwrap();
    dzi
}

/// Opens a decoded tree and fails unless it has exactly the tiles that its descriptor promises, each of its size.
pub fn assert_whole(case: &str, dzi: &Path) -> Tree {
    let tree = Tree::open(dzi, Missing::Refuse).unwrap_or_else(|e| panic!("{case}: {e}"));
    assert_eq!(tree.descriptor().overlap, 0, "{case}: overlap");
    let geometry = *tree.geometry();
    let mut want = BTreeSet::new();
    for level in 0..=geometry.top_level() {
        let (cols, rows) = geometry.tiles(level);
        for id in (0..rows).flat_map(|y| (0..cols).map(move |x| TileId { level, x, y })) {
            let path = tree.tile_file(id).unwrap();
            let bytes = fs::read(&path).unwrap_or_else(|e| panic!("{case}: {}: {e}", path.display()));
            let rect = geometry.tile_rect(id).unwrap();
            let size = image_size(&bytes);
            assert_eq!(size, (rect.width as usize, rect.height as usize), "{case}: size of tile {id}");
            want.insert(path);
        }
    }
    let files = dzi.with_file_name(format!("{}_files", dzi.file_stem().unwrap().to_string_lossy()));
    let got: BTreeSet<PathBuf> = contents(&files).into_iter().map(|(path, _)| files.join(path)).collect();
    assert_eq!(got, want, "{case}: files of the tree");
    tree
}

fn image_size(bytes: &[u8]) -> (usize, usize) {
    if bytes.starts_with(b"\x89PNG") {
        let pixels = decode_png(bytes, usize::MAX).unwrap();
        return (pixels.width, pixels.height);
    }
    let image = decode_foreign(bytes, None).unwrap();
    (image.luma.width(), image.luma.height())
}

/// Y, Cb and Cr of a whole level at full size, without overlap; gray tiles have a chroma of 128.
pub fn level_planes(tree: &Tree, level: u32) -> [Plane; 3] {
    let geometry = tree.geometry();
    let (w, h) = geometry.level_size(level);
    let mut whole = [0, 128, 128].map(|v| Plane::filled(w as usize, h as usize, v));
    let (cols, rows) = geometry.tiles(level);
    for id in (0..rows).flat_map(|y| (0..cols).map(move |x| TileId { level, x, y })) {
        let rect = geometry.tile_rect(id).unwrap();
        let tile = tree.tile_pixels(id).unwrap().into_ycc();
        for (to, from) in whole.iter_mut().zip(planes(&tile)) {
            to.paste(rect.x as usize, rect.y as usize, from.view());
        }
    }
    whole
}

/// The luma of a whole level, without overlap.
pub fn level_luma(tree: &Tree, level: u32) -> Plane {
    let [luma, _, _] = level_planes(tree, level);
    luma
}

/// Writes a tree of another layout than Deep Zoom into `dir`, which holds nothing else: tiles of 4:2:0 at quality 95, and the descriptor.
/// Of Google Maps that is what libvips leaves beside the tiles. Returns the tiles with the names of their files.
pub fn write_other_tree(
    dir: &Path,
    layout: origami::pyramid::tree::Layout,
    image: &Image,
    tile: u32,
) -> Vec<(TileId, PathBuf)> {
    let (width, height) = (image.width as u32, image.height as u32);
    let geometry = Geometry::new(width, height, tile).unwrap();
    let (mut now, mut written) = (image.clone(), Vec::new());
    // None of these layouts has levels below that of a single tile.
    for level in (0..=geometry.top_level()).rev() {
        let (columns, rows) = geometry.tiles(level);
        for (x, y) in (0..rows).flat_map(|y| (0..columns).map(move |x| (x, y))) {
            let id = TileId { level, x, y };
            let rect = geometry.tile_rect(id).unwrap();
            let [left, top, w, h] = [rect.x, rect.y, rect.width, rect.height].map(|n| n as usize);
            let mut part = now.cut(left, top, w, h);
            if layout.is_padded() {
                part = part.padded(tile as usize, tile as usize);
            }
            let path = dir.join(format!("{}.jpg", layout.stem(&geometry, id)));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, baseline(&part, Sampling::S420)).unwrap();
            written.push((id, path));
        }
        if (columns, rows) == (1, 1) {
            break;
        }
        now = now.halved();
    }
    if let Some((name, text)) = other_descriptor(layout, width, height, tile) {
        fs::write(dir.join(name), text).unwrap();
    }
    written
}

/// The file that says the size of a tree in another layout, and its text.
fn other_descriptor(
    layout: origami::pyramid::tree::Layout,
    width: u32,
    height: u32,
    tile: u32,
) -> Option<(&'static str, String)> {
    use origami::pyramid::tree::Layout::{DeepZoom, Google, Iiif, Zoomify};
    let property =
        |name: &str, value: u32| format!("<property><name>{name}</name><value>{value}</value></property>");
    match layout {
        Zoomify => Some((
            "ImageProperties.xml",
            format!(r#"<IMAGE_PROPERTIES WIDTH="{width}" HEIGHT="{height}" TILESIZE="{tile}" />"#),
        )),
        Iiif { version } => Some((
            "info.json",
            format!(
                r#"{{"@context": "http://iiif.io/api/image/{version}/context.json", "width": {width}, "height": {height},
                "tiles": [{{"width": {tile}, "scaleFactors": [1, 2, 4]}}]}}"#
            ),
        )),
        Google => Some((
            "vips-properties.xml",
            format!("<image>{}{}</image>", property("width", width), property("height", height)),
        )),
        DeepZoom => None,
    }
}

/// Puts a Deep Zoom tree into a zip file, without compression: an `.szi`. The tree on disk goes.
pub fn zip_tree(dzi: &Path, szi: &Path) {
    let (dir, mut zip) = (dzi.parent().unwrap(), ZipWriter::new(fs::File::create(szi).unwrap()));
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, bytes) in contents(dir) {
        zip.start_file(format!("slide/{name}"), stored).unwrap();
        zip.write_all(&bytes).unwrap();
    }
    zip.finish().unwrap();
    fs::remove_dir_all(dir).unwrap();
}
