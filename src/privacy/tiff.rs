//! Text and metadata in the directories of a TIFF or BigTIFF, which SVS, NDPI and many other slides are.
//!
//! Sources: TIFF 6.0, BigTIFF, the tags of Exif, XMP and IPTC, and those that OpenSlide documents of Hamamatsu.

use super::held::{Held, fields};
use crate::store::ReadAt;

/// Directories that are looked at; slides have some 15.
const MAX_DIRECTORIES: usize = 1000;
/// Entries of a directory that are looked at.
const MAX_ENTRIES: u64 = 4096;
/// Bytes of a text that are read.
const MAX_TEXT_BYTES: u64 = 4 << 20;

/// Tags that describe the picture, its maker or a person.
const TAGS: [(u16, &str); 24] = [
    (269, "DocumentName"),
    (270, "ImageDescription"),
    (271, "Make"),
    (272, "Model"),
    (285, "PageName"),
    (305, "Software"),
    (306, "DateTime"),
    (315, "Artist"),
    (316, "HostComputer"),
    (700, "XMP"),
    (32932, "Wang annotation"),
    (33432, "Copyright"),
    (33723, "IPTC"),
    (34377, "Photoshop"),
    (34665, "EXIF"),
    (34853, "GPS"),
    (37510, "UserComment"),
    (50838, "ImageJ metadata"),
    (50839, "ImageJ metadata"),
    (65427, "NDPI reference"),
    (65442, "NDPI serial number"),
    (65449, "NDPI scanner properties"),
    (65468, "NDPI barcode"),
    (65480, "NDPI barcode"),
];

/// What the file's directories hold; what cannot be read ends the list.
pub fn of_tiff(file: &dyn ReadAt) -> Vec<Held> {
    let mut held = Vec::new();
    if let Some(mut walk) = Walk::new(file) {
        walk.all(&mut held);
    }
    held
}

struct Walk<'a> {
    file: &'a dyn ReadAt,
    big_endian: bool,
    big: bool,
    next: u64,
}

impl<'a> Walk<'a> {
    fn new(file: &'a dyn ReadAt) -> Option<Self> {
        let mut head = [0; 16];
        file.read_exact_at(&mut head, 0).ok()?;
        let mut walk = Self { file, big_endian: head.starts_with(b"MM"), big: false, next: 0 };
        walk.big = walk.number(&head[2..4]) == 43;
        walk.next = if walk.big { walk.number(&head[8..16]) } else { walk.number(&head[4..8]) };
        Some(walk)
    }

    fn number(&self, bytes: &[u8]) -> u64 {
        let push = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        match self.big_endian {
            true => bytes.iter().fold(0, push),
            false => bytes.iter().rev().fold(0, push),
        }
    }

    fn bytes(&self, offset: u64, length: u64) -> Option<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(length).ok()?];
        self.file.read_exact_at(&mut bytes, offset).ok()?;
        Some(bytes)
    }

    fn all(&mut self, held: &mut Vec<Held>) {
        for page in 0..MAX_DIRECTORIES {
            if self.next == 0 || self.directory(page, held).is_none() {
                return;
            }
        }
    }

    /// Reads a directory and finds the next one.
    fn directory(&mut self, page: usize, held: &mut Vec<Held>) -> Option<()> {
        let (count_bytes, entry_bytes, word) = if self.big { (8, 20, 8) } else { (2, 12, 4) };
        let count = self.number(&self.bytes(self.next, count_bytes)?).min(MAX_ENTRIES);
        let table = self.next.checked_add(count_bytes)?;
        for raw in self.bytes(table, count * entry_bytes)?.chunks_exact(entry_bytes as usize) {
            let tag = self.number(&raw[..2]) as u16;
            let Some((_, name)) = TAGS.iter().find(|(known, _)| *known == tag) else { continue };
            let length = self.number(&raw[4..4 + word]).saturating_mul(size(self.number(&raw[2..4])));
            let value = match length <= word as u64 {
                true => raw[4 + word..].get(..length as usize).map(<[u8]>::to_vec),
                false => self.bytes(self.number(&raw[4 + word..]), length.min(MAX_TEXT_BYTES)),
            };
            let place = format!("page {page}, tag {tag}");
            held.extend(named(name, &place, self.number(&raw[2..4]), length, &value.unwrap_or_default()));
        }
        let after = table.checked_add(count * entry_bytes)?;
        self.next = self.number(&self.bytes(after, word as u64)?);
        Some(())
    }
}

/// The value of a tag, and the identifying fields in it.
fn named(name: &str, place: &str, kind: u64, length: u64, value: &[u8]) -> Vec<Held> {
    let text = String::from_utf8_lossy(value);
    let text = text.trim_end_matches('\0');
    match kind {
        2 if !text.contains(['|', '\n', '\r']) => vec![Held::text(name, place, text)],
        2 => std::iter::once(Held::new(name, place, length)).chain(fields(name, place, text)).collect(),
        _ => vec![Held::new(name, place, length)],
    }
}

/// Bytes of a value of a TIFF type.
fn size(kind: u64) -> u64 {
    match kind {
        3 | 8 => 2,
        4 | 9 | 11 | 13 => 4,
        5 | 10 | 12 | 16..=18 => 8,
        _ => 1,
    }
}
