//! An open TIFF as a slide: its resolutions, each of one page or of several channels that are blended, turned as the file
//! says.

use super::super::access::{AssociatedImages, AssociatedSize, RandomAccess, RgbImage, StoredTiles};
use super::super::blend::Sum;
use super::super::error::SlideError;
use super::super::orientation::Orientation;
use super::super::positional::PositionalFile;
use super::super::region::{Extent, Region, allocate};
use super::super::window::Levels;
use super::contents::Contents;
use super::directory::{Directory, Header};
use super::layout::{ChunkCoord, Layout};
use super::pages::Page;
use super::reader::PageReader;
use super::{meaning, shown, stored_tiles};
use crate::codec::Foreign;
use crate::store::Arrival;
use std::path::PathBuf;
use std::sync::Arc;

/// The pixels of one resolution.
pub(super) enum Picture {
    /// Those of one page.
    Page(Box<PageReader>),
    /// Gray pages of one size, each in its colour; the colours are added.
    Blend(Vec<Part>),
}

/// A gray page that is shown with others.
pub(super) struct Part {
    pub page: PageReader,
    pub color: [u8; 3],
    /// What becomes of its levels; `None` for nothing.
    pub levels: Option<Levels>,
}

impl Picture {
    /// The layouts of its pages.
    pub fn layouts(&self) -> impl Iterator<Item = &Layout> {
        let (alone, channels) = match self {
            Self::Page(page) => (Some(&page.layout), &[][..]),
            Self::Blend(channels) => (None, &channels[..]),
        };
        alone.into_iter().chain(channels.iter().map(|part| &part.page.layout))
    }

    /// The size as stored, and the channels of the result.
    fn extent(&self) -> Extent {
        match self {
            Self::Page(page) => page.extent,
            Self::Blend(channels) => {
                let (width, height) =
                    channels.first().map_or((0, 0), |part| (part.page.extent.width, part.page.extent.height));
                Extent { width, height, channels: 3 }
            }
        }
    }

    fn will_read(&self, region: Region) -> Arrival {
        match self {
            Self::Page(page) => page.will_read(region),
            Self::Blend(channels) => channels.iter().map(|part| part.page.will_read(region)).collect(),
        }
    }

    fn read(&self, region: Region, out: &mut [u8]) -> Result<(), SlideError> {
        match self {
            Self::Page(page) => page.read(region, out),
            Self::Blend(channels) => {
                let mut sum = Sum::new(out.len());
                let mut gray = vec![0; out.len() / 3];
                for Part { page, color, levels } in channels {
                    page.read(region, &mut gray)?;
                    if let Some(levels) = levels {
                        levels.apply(&mut gray);
                    }
                    sum.add_gray(&gray, *color);
                }
                sum.finish(out);
                Ok(())
            }
        }
    }
}

/// An open TIFF.
pub(super) struct TiffSlide {
    pub path: PathBuf,
    /// The resolutions, the full one first; at least one.
    pub levels: Vec<Picture>,
    pub orientation: Orientation,
}

impl TiffSlide {
    /// The size of a resolution as it is seen, and its channels.
    pub fn extent(&self, level: usize) -> Option<Extent> {
        let Extent { width, height, channels } = self.levels.get(level)?.extent();
        let (width, height) = self.orientation.pair((width, height));
        Some(Extent { width, height, channels })
    }

    /// The sizes of all resolutions as they are seen.
    pub fn sizes(&self) -> Vec<(u32, u32)> {
        let extents = (0..self.levels.len()).filter_map(|level| self.extent(level));
        extents.map(|extent| (extent.width, extent.height)).collect()
    }

    /// The page of the full resolution, where it is one page.
    fn page(&self) -> Result<&PageReader, String> {
        match self.levels.first() {
            Some(Picture::Page(page)) => Ok(page),
            _ => Err("its pixels are put together from several channels".into()),
        }
    }
}

impl RandomAccess for TiffSlide {
    fn will_read(&self, region: Region) -> Arrival {
        let finest = self.levels.first().zip(self.extent(0));
        finest.map_or_else(Arrival::default, |(picture, extent)| {
            picture.will_read(self.orientation.stored(region, extent.width, extent.height))
        })
    }

    fn stored_tiles(&self) -> Result<&dyn StoredTiles, String> {
        if !self.orientation.is_plain() {
            return Err(
                "its tiles are stored turned or mirrored (Orientation), and coded tiles are seen as stored"
                    .into(),
            );
        }
        stored_tiles::refusal(&self.page()?.layout).map_or(Ok(self), Err)
    }

    fn read(&self, x: u32, y: u32, width: u32, height: u32, out: &mut [u8]) -> Result<(), SlideError> {
        self.read_level(0, Region { x, y, width, height }, out)
    }

    fn read_level(&self, level: usize, region: Region, out: &mut [u8]) -> Result<(), SlideError> {
        let no_level = || SlideError::NoLevel { path: self.path.clone(), level };
        let (picture, extent) = self.levels.get(level).zip(self.extent(level)).ok_or_else(no_level)?;
        extent.check(&self.path, region, out.len())?;
        if region.width == 0 || region.height == 0 {
            return Ok(());
        }
        if self.orientation.is_plain() {
            return picture.read(region, out);
        }
        let mut stored = vec![0; out.len()];
        picture.read(self.orientation.stored(region, extent.width, extent.height), &mut stored)?;
        self.orientation.turn(&stored, region.width as usize, usize::from(extent.channels), out);
        Ok(())
    }
}

impl StoredTiles for TiffSlide {
    fn side_px(&self) -> u32 {
        self.page().map_or(0, |page| page.layout.chunk_width)
    }

    fn tile(&self, column: u32, row: u32) -> Result<Foreign, SlideError> {
        let page = self.page().map_err(|reason| {
            SlideError::unsupported(&self.path, "TIFF", reason, "read its pixels instead")
        })?;
        stored_tiles::read(&page.file, &page.layout, ChunkCoord { column, row })
    }
}

/// The images beside a slide. Their lists of tiles or strips are read when an image is asked for.
pub(super) struct Beside {
    file: Arc<PositionalFile>,
    /// Names, and byte offsets of the directories.
    images: Vec<(String, u64)>,
    limit_bytes: u64,
}

impl Beside {
    /// Those images that can be read.
    pub fn new(file: &Arc<PositionalFile>, contents: &Contents<'_, '_>, limit_bytes: u64) -> Self {
        let can_be_read =
            |(_, page): &&(String, &Page<'_>)| Layout::read(file, &page.directory, limit_bytes).is_ok();
        let images = contents.beside.iter().filter(can_be_read).map(|(name, page)| (name.clone(), page.at));
        Self { images: images.collect(), file: Arc::clone(file), limit_bytes }
    }

    /// Their names.
    pub fn names(&self) -> Vec<String> {
        self.images.iter().map(|(name, ..)| name.clone()).collect()
    }

    /// An image, of which no pixel is read yet.
    fn page(&self, name: &str) -> Result<(PageReader, Orientation), SlideError> {
        let missing = || SlideError::NoAssociatedImage {
            path: self.file.path().to_path_buf(),
            name: name.into(),
            known: self.names().join(", "),
        };
        let (_, at) = self.images.iter().find(|(known, _)| known == name).ok_or_else(missing)?;
        let directory = Directory::read(&self.file, Header::read(&self.file)?, *at)?;
        let layout = Layout::read(&self.file, &directory, self.limit_bytes)?;
        let orientation = meaning::orientation(&directory, &mut Vec::new());
        Ok((PageReader::alone(Arc::clone(&self.file), layout, self.limit_bytes), orientation))
    }
}

impl AssociatedImages for Beside {
    fn size(&self, name: &str) -> Result<AssociatedSize, SlideError> {
        let (page, orientation) = self.page(name)?;
        let Extent { width, height, channels } = page.extent;
        let pixels = u64::from(width) * u64::from(height);
        // One that is turned is there twice for a moment.
        let turned = if orientation.is_plain() { 0 } else { pixels * u64::from(channels) };
        let (width, height) = orientation.pair((width, height));
        Ok(AssociatedSize { width, height, part_bytes: page.layout.memory().saturating_add(turned) })
    }

    fn image(&self, name: &str) -> Result<RgbImage, SlideError> {
        let (page, orientation) = self.page(name)?;
        let Extent { width, height, channels } = page.extent;
        let bytes = (u64::from(width) * u64::from(height)).saturating_mul(u64::from(channels));
        let what = format!("the associated image {name:?}");
        let hold = || allocate(self.file.path(), &what, bytes, self.limit_bytes / 4, "allow more memory");
        let mut pixels = hold()?;
        let windowed = shown::windowed(&page, self.limit_bytes)?;
        windowed.as_ref().unwrap_or(&page).read(Region { x: 0, y: 0, width, height }, &mut pixels)?;
        let (width, height) = orientation.pair((width, height));
        if !orientation.is_plain() {
            let mut turned = hold()?;
            orientation.turn(&pixels, width as usize, usize::from(channels), &mut turned);
            pixels = turned;
        }
        let rgb = if channels == 3 { pixels } else { pixels.iter().flat_map(|&gray| [gray; 3]).collect() };
        Ok(RgbImage { width, height, rgb })
    }
}
