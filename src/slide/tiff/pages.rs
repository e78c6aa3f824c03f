//! The pages of a TIFF: its chain of directories, and the directories below each (SubIFDs).
//!
//! A circle in the chain is read once, and the number of pages is bounded. Which page is the slide is decided in `contents`.

use super::super::error::SlideError;
use super::super::positional::PositionalFile;
use super::directory::{Directory, Header};
use super::tag;
use std::collections::HashSet;

/// Pages of one chain: a hyperstack of 40 channels, 40 focal planes and 40 points in time has 64,000.
const MAX_PAGES: usize = 65_536;
/// Directories below one page; a pyramid has one for each halving of a side.
const MAX_BELOW: usize = 64;

/// One page.
#[derive(Debug)]
pub(super) struct Page<'f> {
    pub directory: Directory<'f>,
    /// Its place in the chain from 0; for a page below another, that of the other one.
    pub number: usize,
    pub width: u32,
    pub height: u32,
    pub tiled: bool,
    /// NewSubfileType: bit 0 a reduced copy of another page, bit 2 a mask.
    pub subfile: u64,
    /// ImageDescription.
    pub description: String,
    pub samples: u64,
    pub bits: u64,
    /// The pages that its SubIFDs point to.
    pub below: Vec<Page<'f>>,
}

/// All pages of a file.
#[derive(Debug)]
pub(super) struct Pages<'f> {
    /// Those of the chain; at least one.
    pub list: Vec<Page<'f>>,
    pub warnings: Vec<String>,
}

impl<'f> Pages<'f> {
    /// Reads every directory of the file. A broken page beside a good first one is left out, with a warning.
    pub fn read(file: &'f PositionalFile) -> Result<Self, SlideError> {
        let header = Header::read(file)?;
        let mut pages = Self { list: Vec::new(), warnings: Vec::new() };
        let mut seen = HashSet::new();
        let (mut at, mut number) = (header.first, 0);
        while at != 0 || number == 0 {
            if !seen.insert(at) {
                pages.warnings.push("its list of pages runs in a circle; each page was read once".into());
                break;
            }
            if number == MAX_PAGES {
                let problem = format!("more than {MAX_PAGES} pages");
                return Err(SlideError::corrupt(
                    file.path(),
                    "TIFF",
                    format!("directory at byte {at}"),
                    problem,
                ));
            }
            let directory = Directory::read(file, header, at)?;
            at = directory.next;
            match Page::read(directory, number) {
                Ok(mut page) => {
                    page.read_below(file, header, &mut seen)?;
                    pages.list.push(page);
                }
                Err(error) if number == 0 => return Err(error),
                Err(_) => pages.warnings.push(format!("page {number} has no valid size and was left out")),
            }
            number += 1;
        }
        Ok(pages)
    }
}

impl<'f> Page<'f> {
    fn read(directory: Directory<'f>, number: usize) -> Result<Self, SlideError> {
        let side = |tag| {
            let size = directory.number(tag)?.ok_or_else(|| directory.corrupt(tag, "missing"))?;
            let side = u32::try_from(size).ok().filter(|&side| side > 0);
            side.ok_or_else(|| directory.corrupt(tag, format!("a size of {size} pixels")))
        };
        let (width, height) = (side(tag::IMAGE_WIDTH)?, side(tag::IMAGE_LENGTH)?);
        let or = |tag, default| directory.number(tag).ok().flatten().unwrap_or(default);
        Ok(Self {
            number,
            width,
            height,
            tiled: directory.has(tag::TILE_WIDTH) || directory.has(tag::TILE_OFFSETS),
            // The older tag has 2 for a reduced copy.
            subfile: or(tag::NEW_SUBFILE_TYPE, u64::from(or(tag::SUBFILE_TYPE, 1) == 2)),
            description: directory.text(tag::IMAGE_DESCRIPTION),
            samples: or(tag::SAMPLES_PER_PIXEL, 1),
            bits: or(tag::BITS_PER_SAMPLE, 1),
            below: Vec::new(),
            directory,
        })
    }

    fn read_below(
        &mut self,
        file: &'f PositionalFile,
        header: Header,
        seen: &mut HashSet<u64>,
    ) -> Result<(), SlideError> {
        let offsets = self.directory.numbers(tag::SUB_IFDS)?.unwrap_or_default();
        for at in offsets.into_iter().take(MAX_BELOW) {
            if seen.insert(at) {
                self.below.push(Self::read(Directory::read(file, header, at)?, self.number)?);
            }
        }
        Ok(())
    }

    pub fn area(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    pub fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    /// Whether it has one sample a pixel that is no index into a palette.
    pub fn is_gray(&self) -> bool {
        self.samples == 1 && !matches!(self.directory.number(tag::PHOTOMETRIC), Ok(Some(3)))
    }

    /// Whether both have pixels of the same kind and number.
    pub fn is_like(&self, other: &Self) -> bool {
        (self.size(), self.samples, self.bits) == (other.size(), other.samples, other.bits)
    }
}
