//! Reads header and directory of an archive, and checks them.
//!
//! Memory is asked for as entries turn out to be good: a small file may claim a directory of gigabytes.

use std::borrow::Cow;
use std::path::Path;

use xxhash_rust::xxh3::Xxh3;

use super::content::content;
use super::entries::{FamilyEntry, TileEntry};
use super::error::{Error, Remedy, Result};
use super::index::{check_families, in_data, parse_families, parse_tiles};
use super::layout::{FAMILY_ENTRY_BYTES, Fault, HEADER_BYTES, Header, Kind, TILE_ENTRY_BYTES};
use super::limits::MAX_ICC_BYTES;
use super::meta::Meta;
use crate::image::geometry::Geometry;
use crate::store::{ReadAt, zeroed};

/// Bytes of the first read at open: header, indexes and JSON of most slides.
const FIRST_READ_BYTES: u64 = 16 << 10;
/// Largest directory that is read at once, and so checked against its checksum before its entries are looked at.
const WHOLE_BYTES: u64 = 4 << 20;
/// Entries of a larger one that are read at a time.
const PIECE_ENTRIES: u64 = 1 << 16;

/// Header and directory of an archive. All of it has been checked.
pub struct Directory {
    pub header: Header,
    pub geometry: Geometry,
    pub meta: Meta,
    pub families: Vec<FamilyEntry>,
    pub tiles: Vec<TileEntry>,
}

/// The bytes from the start of a file on, as far as they were read at once, and the way to the others.
struct Bytes<'a> {
    path: &'a Path,
    store: &'a dyn ReadAt,
    start: Vec<u8>,
    /// Over the directory, as it is read.
    hash: Xxh3,
}

impl Bytes<'_> {
    /// Reads on from the start until `end`.
    fn extend_start(&mut self, end: u64) -> Result<()> {
        let have = self.start.len();
        if end <= have as u64 {
            return Ok(());
        }
        self.start.extend(zeroed(end - have as u64).map_err(Error::io("read", self.path))?);
        let rest = self.start.get_mut(have..).unwrap_or_default();
        self.store.read_exact_at(rest, have as u64).map_err(Error::io("read", self.path))
    }

    /// The next part of the directory.
    fn next(&mut self, from: u64, bytes: u64) -> Result<Cow<'_, [u8]>> {
        let known = usize::try_from(from).ok().and_then(|from| self.start.get(from..from + bytes as usize));
        let part = match known {
            Some(part) => Cow::Borrowed(part),
            None => {
                let mut part = zeroed(bytes).map_err(Error::io("read", self.path))?;
                self.store.read_exact_at(&mut part, from).map_err(Error::io("read", self.path))?;
                Cow::Owned(part)
            }
        };
        self.hash.update(&part);
        Ok(part)
    }
}

impl Directory {
    /// Reads it from the start of a store; `path` is its name in errors.
    ///
    /// # Errors
    /// Anything wrong with header, indexes or JSON, with the offset.
    pub fn read(path: &Path, store: &dyn ReadAt) -> Result<Self> {
        let at = |fault: Fault| fault.in_file(path);
        let size = store.size().map_err(Error::io("read", path))?;
        let mut bytes = Bytes { path, store, start: Vec::new(), hash: Xxh3::new() };
        bytes.extend_start(size.min(FIRST_READ_BYTES))?;
        let Some(fixed) = bytes.start.first_chunk::<HEADER_BYTES>() else {
            let (expected, found) =
                (format!("{HEADER_BYTES} bytes"), format!("{size}: not a pack or bundle"));
            return Err(at(Fault::new(0, "header", expected, found).with(Remedy::GiveAnArchive)));
        };
        let header = Header::parse(fixed, size).map_err(at)?;
        let geometry = geometry_of(&header).map_err(at)?;
        let end = header.data_start();
        if bytes.start.len() as u64 >= end || end <= WHOLE_BYTES {
            bytes.extend_start(end)?;
            let directory = bytes.start.get(HEADER_BYTES..end as usize).unwrap_or_default();
            Fault::check(HEADER_BYTES as u64, "the directory", directory, header.directory_check)
                .map_err(at)?;
        }
        let (mut families, mut tiles, mut from) = (Vec::new(), Vec::new(), HEADER_BYTES as u64);
        for part in parts(header.families, FAMILY_ENTRY_BYTES) {
            let piece = bytes.next(from, part)?;
            parse_families(&header, &geometry, &mut families, &piece).map_err(at)?;
            from += part;
        }
        check_families(&header, &families).map_err(at)?;
        let mut ids = geometry.stored_tiles();
        for part in parts(header.tiles, TILE_ENTRY_BYTES) {
            let piece = bytes.next(from, part)?;
            parse_tiles(&header, &geometry, &mut ids, &mut tiles, &piece).map_err(at)?;
            from += part;
        }
        let json = bytes.next(from, header.meta_bytes.into())?;
        let meta = serde_json::from_slice(&json)
            .map_err(|e| at(Fault::new(from, "metadata", "the JSON of docs/format.md", e)));
        drop(json);
        let found = bytes.hash.digest();
        Fault::check_hash(HEADER_BYTES as u64, "the directory", found, header.directory_check).map_err(at)?;
        let new = Self { header, geometry, meta: meta?, families, tiles };
        new.check(from).map_err(at)?;
        Ok(new)
    }

    /// Checks what the metadata, which begin at `meta_at`, say.
    fn check(&self, meta_at: u64) -> Result<(), Fault> {
        let Self { header, geometry, meta, families, tiles } = self;
        let wrong = |what: &str, expected: &str, found: String| Fault::new(meta_at, what, expected, found);
        meta.coding.sharpen().map_err(|e| wrong("metadata", "a possible coding", e.to_string()))?;
        if !meta.coding.is_consistent() {
            let found = "originals and what is for residuals";
            return Err(wrong("metadata", "originals alone", found.into()));
        }
        if !(1..=100).contains(&meta.coding.l0_scale_pct) {
            return Err(wrong("l0_scale_pct", "1 to 100", meta.coding.l0_scale_pct.to_string()));
        }
        if header.kind == Kind::Bundle {
            if meta.complete && u64::from(header.families) != geometry.family_count() {
                let want = geometry.family_count();
                return Err(Fault::new(28, "number of families", want, header.families));
            }
            // Caches know a slide by it, so another slide must not claim it. A pack does not have what it is computed from.
            let want = content(
                families.iter().map(|entry| (entry.id, entry.check)),
                tiles.iter().map(|entry| entry.check),
            );
            if meta.content != want {
                return Err(wrong("content in the metadata", &want, format!("{:?}", meta.content)));
            }
        }
        if header.icc_bytes > 0 {
            let place = (header.icc_offset, header.icc_bytes);
            in_data(header, 40, "the ICC profile", place, MAX_ICC_BYTES.into())?;
        }
        Ok(())
    }
}

/// Slide and tile size, if the numbers of entries agree with it.
fn geometry_of(header: &Header) -> Result<Geometry, Fault> {
    let geometry = Geometry::new(header.width, header.height, header.tile)
        .map_err(|e| Fault::new(16, "slide and tile size", "a possible one", e))?;
    if u64::from(header.families) > geometry.family_count() {
        let want = format!("at most {}", geometry.family_count());
        return Err(Fault::new(28, "number of families", want, header.families));
    }
    let tiles = if header.kind == Kind::Pack { 0 } else { geometry.stored_tile_count() };
    if u64::from(header.tiles) != tiles {
        return Err(Fault::new(32, "number of tiles in the small levels", tiles, header.tiles));
    }
    Ok(geometry)
}

/// The lengths in bytes of the pieces of an index.
fn parts(entries: u32, entry_bytes: usize) -> impl Iterator<Item = u64> {
    let piece = PIECE_ENTRIES;
    (0..u64::from(entries))
        .step_by(piece as usize)
        .map(move |from| (u64::from(entries) - from).min(piece) * entry_bytes as u64)
}
