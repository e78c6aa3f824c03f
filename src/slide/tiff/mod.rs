//! TIFF, BigTIFF and Aperio SVS files as slides, without OpenSlide: any region, from many threads.
//!
//! `pages` reads all directories, `contents` says which page is the slide, which are its smaller resolutions and which are
//! images beside it; `planes` which pages are its channels and focal planes, and `pictures` makes readers of those that are
//! chosen. Strips and tiles are decoded on demand and kept in caches of bounded size. Supported are samples of 1 to 16 bits, and gray ones that are signed, of 32 bits or floating point; gray, RGB, CMYK and palette, with or without opacity; interleaved or planar; uncompressed, LZW, deflate, PackBits,
//! Zstandard, JPEG, JPEG 2000 or WebP. Scanners' private layouts are deliberately not supported.
//!
//! The `tiff` crate (0.11), with which the tests write files, does not serve here. It decodes through `&mut`, so only one
//! thread at a time. It multiplies sizes from the file unchecked and asserts on some of them. It has no palettes. It follows
//! the photometric tag where JPEG tiles have another colour space, which turns real slides green. Decompression is by
//! `flate2`, `weezl`, `ruzstd`, `hayro-jpeg2000`, libwebp and libjpeg-turbo.

mod alike;
mod chunk;
mod colors;
mod contents;
mod decompress;
mod directory;
mod files;
mod holds;
mod imagej;
mod jpeg;
mod layout;
mod levels;
mod meaning;
mod metadata;
mod numbers;
mod ome;
mod ome_images;
mod pages;
mod pictures;
mod pixel_tags;
mod planes;
mod qptiff;
mod range;
mod reader;
mod shown;
mod stack;
mod stored_tiles;
pub(super) mod tag;
mod unpack;
mod xml;

use super::access::{Access, Slide};
use super::error::SlideError;
use super::icc;
use super::info::SlideInfo;
use super::options::{OpenOptions, Selection};
use super::positional::PositionalFile;
use contents::Contents;
use levels::{Beside, TiffSlide};
use metadata::Scan;
use pages::{Page, Pages};
use pictures::{Pictures, Wanted};
use reader::Readers;
use std::path::Path;
use std::sync::Arc;

/// How TIFF and BigTIFF begin, in both byte orders.
pub(super) const MARKS: [&[u8]; 4] = [b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"];

/// Opens a TIFF file: finds the slide among its pages and checks their tags.
pub(super) fn open(path: &Path, options: &OpenOptions) -> Result<Slide, SlideError> {
    let file = Arc::new(PositionalFile::open(path)?);
    let pages = Pages::read(&file)?;
    refuse_private_layouts(path, &pages)?;
    let contents = Contents::of(&file, &pages)?;
    let readers = Readers::new(&file, options);
    let mut warnings = contents.warnings.clone();
    let (full, first) = (contents.slide(), pages.list.first().unwrap_or(contents.slide()));
    let stack = planes::stack(&file, &contents, first)?;
    let chosen = stack.choose(path, &options.selection)?;
    let wanted = Wanted { selection: &options.selection, significant_bits: stack.significant_bits };
    let (pictures, layouts, mut notes) = Pictures::new(path, &readers, &chosen, &contents.full, &wanted)?;
    let mut tile = None;
    for layout in layouts.iter().take(1) {
        notes.extend(meaning::check(&file, full, layout)?);
        tile = layout.tile_size();
    }
    let orientation = meaning::orientation(&full.directory, &mut notes);
    warnings.append(&mut notes);
    let mut levels = vec![pictures.full(layouts)];
    for pages in &contents.levels {
        let turned = |page: &&Page<'_>| !meaning::is_turned_as(&page.directory, orientation);
        let smaller = match (levels.first(), pages.iter().any(turned)) {
            (Some(full), false) => pictures.smaller(pages, full),
            _ => Err("it is turned or mirrored in another way than the slide (Orientation)".into()),
        };
        match smaller {
            Ok(picture) => levels.push(picture),
            Err(why) => {
                let size = pages.first().map_or((0, 0), |page| page.size());
                warnings.push(format!(
                    "a smaller resolution of {}x{} pixels was left out ({why})",
                    size.0, size.1
                ));
            }
        }
    }
    let slide = TiffSlide { path: path.to_path_buf(), levels, orientation };
    let (width, height) = orientation.pair(full.size());
    let scan = Scan::of(full, first);
    let channels = slide.extent(0).map_or(3, |extent| extent.channels);
    let beside = Beside::new(&file, &contents, options.max_memory_bytes);
    // A profile is about the colours of a page, not about channels that were blended.
    let is_page = chosen.bands.iter().all(|band| band.channel.is_none());
    let profile = metadata::icc_profile(&full.directory).filter(|_| is_page);
    let info = SlideInfo {
        width,
        height,
        channels,
        format: "tiff".into(),
        microns_per_pixel: scan.microns_per_pixel.map(|microns| orientation.pair(microns)),
        objective_power: scan.objective_power,
        scanner: metadata::scanner(full, first),
        icc_profile: icc::checked(profile, channels, &mut warnings),
        levels: slide.sizes(),
        tile: tile.map(|size| orientation.pair(size)),
        associated: beside.names(),
        warnings,
    };
    // Optional tags, pages and images were left out above where they could not be read.
    file.all_read()?;
    let access = Access::Random(Box::new(slide));
    Ok(Slide {
        path: path.to_path_buf(),
        info,
        access,
        associated: Some(Box::new(beside)),
        selection: Selection::default(),
    })
}

/// Refuses files that begin as TIFF and keep their pixels in a way of their own.
fn refuse_private_layouts(path: &Path, pages: &Pages<'_>) -> Result<(), SlideError> {
    let of = |page: &Page<'_>| {
        let says = |text| page.description.contains(text);
        match () {
            () if page.directory.has(tag::NDPI_FORMAT) => Some("Hamamatsu's private layout (NDPI)"),
            () if says("www.leica-microsystems.com/scn") => Some("Leica's private layout (SCN)"),
            () if says("OverlapsXY") => Some("Trestle's private layout, whose tiles overlap,"),
            () if page.directory.text(tag::XMP).contains("<iScan") => {
                Some("Ventana's private layout (BIF), whose tiles overlap,")
            }
            () => None,
        }
    };
    let Some(name) = pages.list.iter().find_map(of) else { return Ok(()) };
    Err(SlideError::unsupported(path, "TIFF", name, "OpenSlide reads it: install it, or allow its use"))
}

/// The colour profile of the slide's page, for the OpenSlide reader: OpenSlide 3 does not give profiles.
#[cfg(feature = "openslide")]
pub(super) fn icc_profile(path: &Path) -> Result<Option<Vec<u8>>, SlideError> {
    let file = PositionalFile::open(path)?;
    // None of a file that is no TIFF.
    let profile = Pages::read(&file).ok().and_then(|pages| {
        let contents = Contents::of(&file, &pages).ok()?;
        metadata::icc_profile(&contents.slide().directory)
    });
    file.all_read()?;
    Ok(profile)
}
