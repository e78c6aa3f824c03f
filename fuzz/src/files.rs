//! Files: slides, trees and documents, each in a folder of the process.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use origami::convert::Attributes;
use origami::evals::{EvalsOptions, EvalsServer};
use origami::kernels::taps::Filter;
use origami::params::EncodeParams;
use origami::privacy;
use origami::pyramid::identity::Identity;
use origami::pyramid::tree::{Missing, Tree};
use origami::slide::{Access, OpenOptions, OpenSlideUse, Region, Slide};
use origami::store::Location;
use origami::tour::{self, Strictness};

/// The folder, in memory where the system has such a place.
pub fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let shm = Path::new("/dev/shm");
        let parent = if shm.is_dir() { shm.to_path_buf() } else { std::env::temp_dir() };
        let made = tempfile::Builder::new().prefix("origami-fuzz-").tempdir_in(parent).expect("a folder");
        made.keep()
    })
}

/// Writes a file of the folder.
pub fn file(name: &str, data: &[u8]) -> PathBuf {
    let path = folder().join(name);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).expect("a folder");
    }
    fs::write(&path, data).expect("a file");
    path
}

/// Opens a tree and reads what an encode reads.
fn tree(path: &Path) {
    for missing in [Missing::Refuse, Missing::Background] {
        let Ok(tree) = Tree::open(path, missing) else { continue };
        let geometry = *tree.geometry();
        drop((Identity::of_tree(&tree), privacy::of_tree(&tree)));
        if geometry.family_count() > 16 || geometry.stored_tile_count() > 64 || geometry.tile() > 128 {
            continue;
        }
        for id in geometry.all_families() {
            drop(tree.family(id, Filter::Lanczos3));
        }
        for id in geometry.stored_tiles() {
            drop((tree.stored_tile(id, &EncodeParams::default()), tree.tile_pixels(id)));
        }
    }
}

/// A tile that trees find where they look for one.
const TILE: &[u8] = include_bytes!("../seeds/jpeg/tile.jpg");

/// The tile, and the folders of the trees.
fn tiles() -> &'static Path {
    static DONE: OnceLock<()> = OnceLock::new();
    DONE.get_or_init(|| {
        for name in ["dzi/a_files/4/0_0.jpg", "dzi/a_files/0/0_0.jpg", "zoomify/TileGroup0/0-0-0.jpg"] {
            file(name, &TILE[4..]);
        }
        file("iiif/full/16,/0/default.jpg", &TILE[4..]);
    });
    folder()
}

pub fn dzi(data: &[u8]) {
    tiles();
    tree(&file("dzi/a.dzi", data));
}

pub fn zoomify(data: &[u8]) {
    tiles();
    tree(&file("zoomify/ImageProperties.xml", data));
}

pub fn iiif_info(data: &[u8]) {
    tiles();
    tree(&file("iiif/info.json", data));
}

pub fn sidecar(data: &[u8]) {
    const DZI: &[u8] = include_bytes!("../seeds/dzi/plain.dzi");
    tiles();
    file("dzi/a.json", data);
    tree(&file("dzi/a.dzi", DZI));
}

pub fn szi(data: &[u8]) {
    tree(&file("a.szi", data));
}

/// Opens a slide and reads what every command reads of one.
fn slide(name: &str, data: &[u8]) {
    let path = file(name, data);
    let options =
        OpenOptions { openslide: OpenSlideUse::Never, max_memory_bytes: 64 << 20, ..OpenOptions::default() };
    drop(privacy::of_slide(&path, &options));
    let Ok(mut slide) = Slide::open(&path, &options) else { return };
    drop(Identity::of_slide(&slide));
    for name in slide.info.associated.clone().iter().take(8) {
        drop(slide.associated_image(name));
    }
    if let Ok(tiles) = slide.stored_tiles() {
        drop(tiles.tile(0, 0));
    }
    let (width, height) = (slide.info.width.min(64), slide.info.height.min(64));
    let channels = usize::from(slide.info.channels);
    let mut out = vec![0; width as usize * height as usize * channels];
    match &mut slide.access {
        Access::Random(pixels) => {
            drop(pixels.read(0, 0, width, height, &mut out));
            let (x, y) = (slide.info.width - width, slide.info.height - height);
            drop(pixels.read(x, y, width, height, &mut out));
            for (level, size) in slide.info.levels.iter().enumerate().take(4) {
                let region = Region { x: 0, y: 0, width: size.0.min(width), height: size.1.min(height) };
                let bytes = region.width as usize * region.height as usize * channels;
                drop(pixels.read_level(level, region, &mut out[..bytes]));
            }
        }
        Access::Sequential(rows) => {
            let mut row = vec![0; slide.info.width as usize * channels];
            for _ in 0..height {
                if rows.read_rows(1, &mut row).is_err() {
                    return;
                }
            }
        }
    }
}

pub fn tiff(data: &[u8]) {
    slide("a.tif", data);
}

pub fn dicom(data: &[u8]) {
    slide("a.dcm", data);
}

pub fn jpeg_slide(data: &[u8]) {
    slide("a.jpg", data);
}

/// A gray TIFF of three pages of 4x4 pixels, whose first description the bytes are.
pub fn ome(data: &[u8]) {
    const PAGES: u32 = 3;
    const PIXELS_AT: u32 = 8;
    const PAGE_BYTES: u32 = 2 + 9 * 12 + 4;
    const DIRECTORIES_AT: u32 = PIXELS_AT + 16 * PAGES;
    let text_at = DIRECTORIES_AT + PAGES * PAGE_BYTES;
    let mut tiff = b"II*\0".to_vec();
    tiff.extend(DIRECTORIES_AT.to_le_bytes());
    tiff.extend((0..16 * PAGES).map(|pixel| pixel as u8 * 5));
    for page in 0..PAGES {
        let length = if page == 0 { data.len() as u32 } else { 0 };
        let entries: [(u16, u16, u32, u32); 9] = [
            (256, 4, 1, 4),
            (257, 4, 1, 4),
            (258, 3, 1, 8),
            (259, 3, 1, 1),
            (262, 3, 1, 1),
            (270, 2, length, text_at),
            (273, 4, 1, PIXELS_AT + 16 * page),
            (278, 4, 1, 4),
            (279, 4, 1, 16),
        ];
        tiff.extend((entries.len() as u16).to_le_bytes());
        for (tag, kind, count, value) in entries {
            tiff.extend(tag.to_le_bytes());
            tiff.extend(kind.to_le_bytes());
            tiff.extend(count.to_le_bytes());
            tiff.extend(value.to_le_bytes());
        }
        let next = if page + 1 < PAGES { DIRECTORIES_AT + (page + 1) * PAGE_BYTES } else { 0 };
        tiff.extend(next.to_le_bytes());
    }
    tiff.extend(data);
    slide("a.ome.tif", &tiff);
}

/// The file of attributes beside a slide, NAME.dicom.json.
pub fn attributes(data: &[u8]) {
    if let Ok(attributes) = Attributes::read(&file("a.dicom.json", data)) {
        assert!(attributes.iter().all(|(_, attribute)| !attribute.name.is_empty()));
    }
}

pub fn tour(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for strictness in [Strictness::Strict, Strictness::Lenient] {
        drop(tour::read(Path::new("tours/tour.json"), text, strictness));
    }
    drop(Location::parse(Path::new(text)));
}

pub fn manifest(data: &[u8]) {
    file("runs/one/manifest.json", data);
    let options = EvalsOptions { runs: folder().join("runs"), max_connections: 1 };
    if let Ok(server) = EvalsServer::new(&options) {
        assert!(server.runs() <= 1);
    }
}
