//! Encoded images one after the other in a file: the raw layer of a cache.

use std::borrow::Cow;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use origami::image::ycc::Ycc;

use super::image::Decoded;
use super::scale::Part;
use super::stream::Reader;
use super::{image, yuv};
use crate::errors::{Error, Result};
use origami::pixels::Rgb;

/// Most bytes of one image.
const MAX_BYTES: u64 = 1 << 30;

/// Where images lie.
enum Place {
    File(File),
    Memory(Vec<u8>),
}

/// Images one after the other, in a file or in memory, and where each lies.
pub struct BlobFile {
    path: PathBuf,
    place: Place,
    /// First byte and length of each.
    table: Vec<(u64, u64)>,
    /// Width and height of each, where they are planes as of `yuv` and no files.
    planes: Option<Vec<(usize, usize)>>,
    /// The length of the longest one.
    pub longest: usize,
}

/// Width and height of each image, where images are stored as planes.
pub type Sizes = Option<Vec<(usize, usize)>>;

impl BlobFile {
    /// Opens a file and checks the table against its length.
    ///
    /// # Errors
    /// A file that cannot be read; an image that does not lie in it, or is longer than 1 GiB; another number of sizes.
    pub fn open(path: &Path, table: Vec<(u64, u64)>, planes: Sizes) -> Result<Self> {
        let failed = |e| Error::io(path, e);
        let file = File::open(path).map_err(failed)?;
        let bytes = file.metadata().map_err(failed)?.len();
        Self::new(path.into(), Place::File(file), bytes, table, planes)
    }

    /// Images in memory.
    ///
    /// # Errors
    /// As of [`Self::open`].
    pub fn of_memory(data: Vec<u8>, table: Vec<(u64, u64)>, planes: Sizes) -> Result<Self> {
        let bytes = data.len() as u64;
        Self::new("batch".into(), Place::Memory(data), bytes, table, planes)
    }

    fn new(path: PathBuf, place: Place, bytes: u64, table: Vec<(u64, u64)>, planes: Sizes) -> Result<Self> {
        let fits = |&(offset, length): &(u64, u64)| {
            length <= MAX_BYTES && offset.checked_add(length).is_some_and(|end| end <= bytes)
        };
        if let Some(number) = table.iter().position(|entry| !fits(entry)) {
            let problem = format!("image {number} does not lie in its {bytes} bytes; build the cache again");
            return Err(Error::input(&path, problem));
        }
        if planes.as_ref().is_some_and(|planes| planes.len() != table.len()) {
            return Err(Error::Argument(format!("sizes of other than its {} images", table.len())));
        }
        let longest = table.iter().map(|&(_, length)| length).max().unwrap_or(0) as usize;
        Ok(Self { path, place, table, planes, longest })
    }

    /// First byte and length of an image.
    fn entry(&self, sample: i64) -> Result<(u64, usize)> {
        let entry = usize::try_from(sample).ok().and_then(|at| self.table.get(at));
        let none = || Error::Argument(format!("there is no sample {sample}: there are {}", self.table.len()));
        // At most MAX_BYTES.
        entry.map(|&(offset, length)| (offset, length as usize)).ok_or_else(none)
    }

    /// Reads an image into the beginning of `out`.
    fn read_into(&self, sample: i64, out: &mut [u8]) -> Result<()> {
        let (offset, length) = self.entry(sample)?;
        let short = || Error::Argument(format!("a buffer of {} bytes for an image of {length}", out.len()));
        let error = short();
        let out = out.get_mut(..length).ok_or(error)?;
        match &self.place {
            Place::File(file) => file.read_exact_at(out, offset).map_err(|e| Error::io(&self.path, e)),
            Place::Memory(bytes) => {
                // The table was checked against its length.
                out.copy_from_slice(&bytes[offset as usize..][..length]);
                Ok(())
            }
        }
    }

    /// An image as it is stored.
    fn stored(&self, sample: i64) -> Result<Cow<'_, [u8]>> {
        let (offset, length) = self.entry(sample)?;
        if let Place::Memory(bytes) = &self.place {
            return Ok(Cow::Borrowed(&bytes[offset as usize..][..length]));
        }
        let mut bytes = vec![0; length];
        self.read_into(sample, &mut bytes)?;
        Ok(Cow::Owned(bytes))
    }

    /// The size of an image that is stored as planes.
    fn planes_of(&self, sample: i64) -> Option<(usize, usize)> {
        self.planes.as_ref()?.get(usize::try_from(sample).ok()?).copied()
    }

    /// An image in RGB.
    ///
    /// # Errors
    /// No such image; a file that cannot be read; damaged bytes.
    pub fn rgb(&self, sample: i64) -> Result<Rgb> {
        self.rgb_around(sample, Part::whole).map(|decoded| decoded.rgb)
    }

    /// As [`Self::rgb`], of at least the part that `part` makes of its size.
    ///
    /// # Errors
    /// As of [`Self::rgb`].
    pub fn rgb_around(&self, sample: i64, part: impl FnOnce((usize, usize)) -> Part) -> Result<Decoded> {
        let bytes = self.stored(sample)?;
        match self.planes_of(sample) {
            Some(size) => yuv::load(&bytes, size).map(|planes| yuv::to_rgb(planes).into()),
            None => image::decode_around(&bytes, part),
        }
        .map_err(|problem| self.wrong(sample, problem))
    }

    /// An image as planes of Y, U and V in 4:2:0.
    ///
    /// # Errors
    /// As of [`Self::rgb`].
    pub fn yuv(&self, sample: i64) -> Result<Ycc> {
        let bytes = self.stored(sample)?;
        match self.planes_of(sample) {
            Some(size) => yuv::load(&bytes, size),
            None => yuv::decode(&bytes),
        }
        .map_err(|problem| self.wrong(sample, problem))
    }

    /// What is wrong with an image.
    pub fn wrong(&self, sample: i64, problem: impl std::fmt::Display) -> Error {
        Error::input(&self.path, format!("image {sample}: {problem}"))
    }
}

/// Reads images as they are. What follows a shorter one in its buffer is zero.
pub struct RawReader(pub Arc<BlobFile>);

impl Reader for RawReader {
    fn output_bytes(&self) -> Vec<usize> {
        vec![self.0.longest]
    }

    fn read(&self, sample: i64, out: &mut [&mut [u8]]) -> Result<()> {
        let Some(out) = out.first_mut() else { return Ok(()) };
        self.0.read_into(sample, out)
    }
}
