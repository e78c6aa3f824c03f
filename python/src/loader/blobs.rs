//! Encoded images one after the other in a file: the raw layer of a cache.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::stream::Reader;
use crate::errors::{Error, Result};

/// Most bytes of one image.
const MAX_BYTES: u64 = 1 << 30;

/// A file of images, and where each lies in it.
pub struct BlobFile {
    path: PathBuf,
    file: File,
    /// First byte and length of each.
    table: Vec<(u64, u64)>,
    /// The length of the longest one.
    pub longest: usize,
}

impl BlobFile {
    /// Opens a file and checks the table against its length.
    ///
    /// # Errors
    /// A file that cannot be read; an image that does not lie in it, or is longer than 1 GiB.
    pub fn open(path: &Path, table: Vec<(u64, u64)>) -> Result<Self> {
        let failed = |e| Error::io(path, e);
        let file = File::open(path).map_err(failed)?;
        let bytes = file.metadata().map_err(failed)?.len();
        let fits = |&(offset, length): &(u64, u64)| {
            length <= MAX_BYTES && offset.checked_add(length).is_some_and(|end| end <= bytes)
        };
        if let Some(number) = table.iter().position(|entry| !fits(entry)) {
            let problem = format!("image {number} does not lie in its {bytes} bytes; build the cache again");
            return Err(Error::input(path, problem));
        }
        let longest = table.iter().map(|&(_, length)| length).max().unwrap_or(0) as usize;
        Ok(Self { path: path.into(), file, table, longest })
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
        self.file.read_exact_at(out, offset).map_err(|e| Error::io(&self.path, e))
    }

    /// An image as it is stored.
    ///
    /// # Errors
    /// No such image; a file that cannot be read.
    pub fn image(&self, sample: i64) -> Result<Vec<u8>> {
        let mut bytes = vec![0; self.entry(sample)?.1];
        self.read_into(sample, &mut bytes)?;
        Ok(bytes)
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
        let (_, length) = self.0.entry(sample)?;
        if let Some(rest) = out.get_mut(length..) {
            rest.fill(0);
        }
        self.0.read_into(sample, out)
    }
}
