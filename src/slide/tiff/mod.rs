//! TIFF, BigTIFF and Aperio SVS files as slides, without OpenSlide: any region, from many threads.
//!
//! The first directory is the slide; the directories after it, smaller copies and associated images, are ignored. Strips
//! and tiles are decoded on demand and kept in a cache of bounded size. Supported are samples of 1 to 16 bits; gray, RGB
//! and palette, with or without opacity; interleaved or planar; uncompressed, LZW, deflate, PackBits or JPEG. Scanners'
//! private layouts are deliberately not supported.
//!
//! The `tiff` crate (0.11), with which the tests write files, does not serve here. It decodes through `&mut`, so only one
//! thread at a time. It multiplies sizes from the file unchecked and asserts on some of them. It has no palettes. It follows
//! the photometric tag where JPEG tiles have another colour space, which turns real slides green. Decompression is by
//! `flate2`, `weezl` and libjpeg-turbo.

mod chunk;
mod directory;
mod jpeg;
mod jpeg_tiles;
mod layout;
mod metadata;
mod pixel_tags;
mod regions;
mod tag;
mod unpack;

use super::access::{Access, Slide};
use super::error::SlideError;
use super::info::SlideInfo;
use super::options::OpenOptions;
use super::positional::PositionalFile;
use directory::Directory;
use layout::Layout;
use regions::TiffRegions;
use std::path::Path;

/// Opens a TIFF file and checks its first directory.
pub(super) fn open(path: &Path, options: &OpenOptions) -> Result<Slide, SlideError> {
    let file = PositionalFile::open(path)?;
    let directory = Directory::read_first(&file)?;
    if directory.has(tag::NDPI_FORMAT) {
        let advice = "install OpenSlide to open it";
        return Err(SlideError::unsupported(path, "TIFF", "Hamamatsu's private layout (NDPI)", advice));
    }
    let layout = Layout::read(&file, &directory, options.max_memory_bytes)?;
    let info = SlideInfo {
        width: layout.width,
        height: layout.height,
        channels: layout.channels(),
        format: "tiff".into(),
        microns_per_pixel: metadata::microns_per_pixel(&directory),
        objective_power: metadata::objective_power(&directory),
        icc_profile: metadata::icc_profile(&directory),
        levels: Vec::new(),
        tile: layout.tile_size(),
        associated: Vec::new(),
        warnings: Vec::new(),
    };
    let access = Access::Random(Box::new(TiffRegions::new(file, layout, options.max_memory_bytes)));
    Ok(Slide { path: path.to_path_buf(), info, access, associated: None })
}

/// The colour profile of the first directory, for the OpenSlide reader: OpenSlide 3 does not give profiles.
#[cfg(feature = "openslide")]
pub(super) fn icc_profile(path: &Path) -> Option<Vec<u8>> {
    let file = PositionalFile::open(path).ok()?;
    let directory = Directory::read_first(&file).ok()?;
    metadata::icc_profile(&directory)
}
