//! The pages of a TIFF: its chain of directories, and the directories below each (SubIFDs).
//!
//! A circle in the chain is read once. Pages may lie over one another in a file, and many may share one description: their number,
//! their tags and the bytes of their descriptions are bounded in sum. Which page is the slide is decided in `contents`.

use super::super::error::SlideError;
use super::super::positional::PositionalFile;
use super::directory::{Directory, Header};
use super::tag;
use std::collections::HashSet;

/// Pages of a file: a hyperstack of 40 channels, 40 focal planes and 40 points in time has 64,000.
const MAX_PAGES: usize = 65_536;
/// Tags of all pages; most have some twenty.
const MAX_TAGS: usize = 2 << 20;
/// Bytes of all descriptions, XMP included: OME-XML that lists as many planes has 8 MiB.
const MAX_TEXT_BYTES: u64 = 64 << 20;
/// Directories below one page; a pyramid has one for each halving of a side.
const MAX_BELOW: usize = 64;

/// One page.
#[derive(Debug)]
pub(super) struct Page<'f> {
    pub directory: Directory<'f>,
    /// Byte offset of its directory.
    pub at: u64,
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
        let mut reading = Reading { file, header, seen: HashSet::new(), tags: 0, text_bytes: 0 };
        let (mut at, mut number) = (header.first, 0);
        while at != 0 || number == 0 {
            if !reading.seen.insert(at) {
                pages.warnings.push("its list of pages runs in a circle; each page was read once".into());
                break;
            }
            let directory = reading.directory(at)?;
            let next = directory.next;
            match Page::read(directory, at, number) {
                Ok(mut page) => {
                    reading.below(&mut page)?;
                    pages.list.push(page);
                }
                Err(error) if number == 0 => return Err(error),
                Err(_) => pages.warnings.push(format!("page {number} has no valid size and was left out")),
            }
            (at, number) = (next, number + 1);
        }
        Ok(pages)
    }
}

/// What was read of a file's pages.
struct Reading<'f> {
    file: &'f PositionalFile,
    header: Header,
    /// Byte offsets of the directories.
    seen: HashSet<u64>,
    tags: usize,
    text_bytes: u64,
}

impl<'f> Reading<'f> {
    /// Reads the directory at byte `at`, which is in `seen`, and counts what the pages up to it hold.
    fn directory(&mut self, at: u64) -> Result<Directory<'f>, SlideError> {
        let directory = Directory::read(self.file, self.header, at)?;
        self.tags += directory.len();
        let texts = [tag::IMAGE_DESCRIPTION, tag::XMP].map(|tag| directory.value_bytes(tag));
        self.text_bytes = texts.into_iter().fold(self.text_bytes, u64::saturating_add);
        let limit = match () {
            () if self.seen.len() > MAX_PAGES => format!("{MAX_PAGES} pages"),
            () if self.tags > MAX_TAGS => format!("{MAX_TAGS} tags"),
            () if self.text_bytes > MAX_TEXT_BYTES => format!("{MAX_TEXT_BYTES} bytes of descriptions"),
            () => return Ok(directory),
        };
        let place = format!("directory at byte {at}");
        Err(SlideError::corrupt(self.file.path(), "TIFF", place, format!("the file has more than {limit}")))
    }

    /// Reads the pages below a page.
    fn below(&mut self, page: &mut Page<'f>) -> Result<(), SlideError> {
        let offsets = page.directory.numbers(tag::SUB_IFDS)?.unwrap_or_default();
        for at in offsets.into_iter().take(MAX_BELOW) {
            if self.seen.insert(at) {
                page.below.push(Page::read(self.directory(at)?, at, page.number)?);
            }
        }
        Ok(())
    }
}

impl<'f> Page<'f> {
    fn read(directory: Directory<'f>, at: u64, number: usize) -> Result<Self, SlideError> {
        let side = |tag| {
            let size = directory.number(tag)?.ok_or_else(|| directory.corrupt(tag, "missing"))?;
            let side = u32::try_from(size).ok().filter(|&side| side > 0);
            side.ok_or_else(|| directory.corrupt(tag, format!("a size of {size} pixels")))
        };
        let (width, height) = (side(tag::IMAGE_WIDTH)?, side(tag::IMAGE_LENGTH)?);
        let or = |tag, default| directory.number(tag).ok().flatten().unwrap_or(default);
        Ok(Self {
            at,
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
