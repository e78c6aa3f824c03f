//! Zip files without compression (SZI): any thread reads any entry at its offset, and entries far away are fetched ahead.
//!
//! Knows no tiles.

use std::collections::HashMap;
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rawzip::{
    CompressionMethod, ErrorKind, MAX_CENTRAL_DIRECTORY_RECORD_SIZE, ReaderAt, ZipArchive,
    ZipArchiveEntryWayfinder, ZipFileHeaderRecord, ZipLocator,
};

use crate::store::{self, Arrival, ReadAt};

/// Bytes at the end of a zip that are fetched by one request, where it lies far away: the directory of some 10,000 tiles.
const END_BYTES: u64 = 1 << 20;
/// Bytes before the name of an entry where its data lie.
const HEADER_BYTES: u64 = 30;
/// Most bytes of further fields, such as times, that are expected between the name of an entry and its data. With more of them the
/// last bytes of an entry are not fetched ahead, but when they are read.
const EXTRA_BYTES: u64 = 64;

/// A zip file, on a disk or at an address.
pub struct Zip {
    path: PathBuf,
    modified: Option<SystemTime>,
    archive: ZipArchive<Bytes>,
    entries: HashMap<String, Entry>,
}

/// A file in it.
struct Entry {
    at: ZipArchiveEntryWayfinder,
    /// Where its header and data are expected.
    range: Range<u64>,
    problem: Option<&'static str>,
}

impl Zip {
    /// Reads the directory of the file at `path`.
    ///
    /// # Errors
    /// `InvalidData`: no zip file, a damaged one, or one that has a name twice; the error of the system.
    pub fn open(path: &Path, file: Box<dyn ReadAt>) -> io::Result<Self> {
        let size = file.size()?;
        // The directory of a zip is at its end.
        let end = size.saturating_sub(END_BYTES)..size;
        drop(file.will_read(std::slice::from_ref(&end)));
        let modified = file.modified();
        let mut buf = vec![0; MAX_CENTRAL_DIRECTORY_RECORD_SIZE];
        let located = ZipLocator::new().locate_in_reader(Bytes { file, size }, &mut buf, size);
        let archive = located.map_err(|(_, e)| of_zip(e))?;
        let mut entries = HashMap::new();
        let mut directory = archive.entries(&mut buf);
        while let Some(record) = directory.next_entry().map_err(of_zip)? {
            // Names of other programs' files may be in any encoding. Those of a tree are not.
            let Ok(name) = std::str::from_utf8(record.file_path().as_bytes()) else { continue };
            if entries.insert(name.to_string(), Entry::of(&record)).is_some() {
                return Err(damaged(format!("it has {name} twice; pack the tree again")));
            }
        }
        Ok(Self { path: path.into(), modified, archive, entries })
    }

    /// The names of all entries, in any order; those of directories end in a slash.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// Where an entry lies, for messages: its name behind that of the zip.
    pub fn place(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// When the zip file was last changed.
    pub fn modified(&self) -> Option<SystemTime> {
        self.modified
    }

    /// The length of an entry.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn size(&self, name: &str) -> io::Result<u64> {
        Ok(self.entry(name)?.at.uncompressed_size_hint())
    }

    /// The bytes of an entry of at most `most`, after a check of their length and CRC.
    ///
    /// # Errors
    /// `NotFound`; `FileTooLarge`; `Unsupported`: compressed or encrypted; `InvalidData`: damaged; the error of the system.
    pub fn read(&self, name: &str, most: u64) -> io::Result<Vec<u8>> {
        let entry = self.entry(name)?;
        if let Some(problem) = entry.problem {
            return Err(io::Error::new(io::ErrorKind::Unsupported, problem));
        }
        let size = entry.at.uncompressed_size_hint();
        if size > most {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let found = self.archive.get_entry(entry.at).map_err(of_zip)?;
        let mut bytes = store::zeroed(size)?;
        found.verifying_reader(found.reader()).read_exact(&mut bytes).map_err(|e| match e.downcast() {
            Ok(e) => of_zip(e),
            Err(e) => e,
        })?;
        Ok(bytes)
    }

    /// Says which entries will be read soon.
    pub fn will_read(&self, names: impl Iterator<Item = String>) -> Arrival {
        let found = names.filter_map(|name| self.entries.get(&name));
        let ranges: Vec<_> = found.map(|entry| entry.range.clone()).collect();
        self.archive.get_ref().file.will_read(&ranges)
    }

    fn entry(&self, name: &str) -> io::Result<&Entry> {
        self.entries.get(name).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Entry {
    fn of(record: &ZipFileHeaderRecord) -> Self {
        let start = record.local_header_offset();
        let header = HEADER_BYTES + record.file_path().len() as u64 + EXTRA_BYTES;
        let end = start.saturating_add(header).saturating_add(record.compressed_size_hint());
        let problem = if record.flags().is_encrypted() {
            Some("it is encrypted; pack the tree again without a password")
        } else if record.compression_method() != CompressionMethod::STORE {
            Some(
                "it is compressed, and files in an .szi are stored as they are; pack the tree again without compression",
            )
        } else {
            None
        };
        Self { at: record.wayfinder(), range: start..end, problem }
    }
}

/// The bytes of the zip file.
struct Bytes {
    file: Box<dyn ReadAt>,
    size: u64,
}

impl ReaderAt for Bytes {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let left = usize::try_from(self.size.saturating_sub(offset)).unwrap_or(usize::MAX);
        let count = left.min(buf.len());
        self.file.read_exact_at(buf.get_mut(..count).unwrap_or_default(), offset)?;
        Ok(count)
    }
}

fn of_zip(error: rawzip::Error) -> io::Error {
    match error.into_kind() {
        ErrorKind::IO(e) => e,
        kind => damaged(kind.to_string()),
    }
}

fn damaged(problem: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem)
}
