//! Tells whether two files, or a file and what was made of it, are the same slide.
//!
//! An identity is a text that archives record. It depends on the bytes of the slide alone: not on its name, its directory or
//! its times, so that an encode on another machine writes the same archive.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use xxhash_rust::xxh3::Xxh3;

use super::tree::Tree;
use crate::image::geometry::TileId;
use crate::pyramid::error::{Error, Result};
use crate::slide::{Selection, Slide, files_of_slide};
use crate::store::{self, ReadAt};

/// Files up to this size are hashed whole. Of larger ones the ends and [`BLOCKS`] blocks between them are: a slide of 4 GB on a
/// network disk must not be read twice to be recognised.
const WHOLE_BYTES: u64 = 4 << 20;
/// Bytes at each end of a large file. Scanners write directories and metadata there.
const END_BYTES: u64 = 1 << 20;
/// Blocks between the ends of a large file, at equal distances.
const BLOCKS: u64 = 64;
/// Bytes of a block.
const BLOCK_BYTES: u64 = 16 << 10;

/// The identity of a slide or tree, and what else its files tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The identity: `file-LENGTH-HASH` or `tree-TILES-HASH`; where planes or a window were chosen, these as well: `-c0,2-z1-t0-w100,900`.
    pub text: String,
    /// Bytes of the slide's file, or of all tiles of the tree.
    pub bytes: u64,
    /// When a file of it was last changed.
    pub modified: Option<SystemTime>,
    /// Another one once a file of it was written to or replaced, even with the same bytes: see [`ReadAt::stamp`].
    pub stamp: u64,
}

impl Identity {
    /// The identity of a slide or image: its length and a hash of its bytes (of a sample of them, if it has more than 4 MiB), and of
    /// a MIRAX slide the names and lengths of its data files. Of a DICOM series it is that of all its files, whichever is given.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn of_file(path: &Path) -> Result<Self> {
        let files = files_of_slide(path);
        if files.len() > 1 {
            return Self::of_series(&files);
        }
        let mut hash = Xxh3::new();
        let file = hash_file(path, &mut hash)?;
        let length = file.size().map_err(Error::io("read", path))?;
        let mut all = Files::default();
        all.add(length, &*file);
        for data in mirax_files(path)? {
            let file = store::open(&data).map_err(Error::io("read", &data))?;
            let length = file.size().map_err(Error::io("read", &data))?;
            hash.update(data.file_name().unwrap_or_default().as_encoded_bytes());
            hash.update(&length.to_le_bytes());
            all.add(length, &*file);
        }
        Ok(all.identity("file", length, &hash))
    }

    /// The identity of an open slide: that of its file, and of the planes and the window that were chosen.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn of_slide(slide: &Slide) -> Result<Self> {
        Self::of_view(&slide.path, &slide.selection)
    }

    /// The identity of a slide's file, and of the planes and the window that were chosen of it.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn of_view(path: &Path, selection: &Selection) -> Result<Self> {
        let Selection { channels, z, time, window, colors, windows } = selection;
        let mut identity = Self::of_file(path)?;
        if !channels.is_empty() {
            let numbers: Vec<_> = channels.iter().map(u32::to_string).collect();
            identity.text += &format!("-c{}", numbers.join(","));
        }
        for (letter, chosen) in [("z", z), ("t", time)] {
            identity.text += &chosen.map_or_else(String::new, |number| format!("-{letter}{number}"));
        }
        if let Some((low, high)) = window {
            identity.text += &format!("-w{low},{high}");
        }
        for (number, [red, green, blue]) in colors {
            identity.text += &format!("-k{number},{red},{green},{blue}");
        }
        for (number, (low, high)) in windows {
            identity.text += &format!("-v{number},{low},{high}");
        }
        Ok(identity)
    }

    /// Bytes of the slide's file, by a recorded identity. `None` for that of a tree.
    pub fn recorded_bytes(text: &str) -> Option<u64> {
        text.strip_prefix("file-")?.split('-').next()?.parse().ok()
    }

    /// The parts of a recorded identity: that of the file, and the planes and the window that were chosen. `None` for a text that is
    /// none.
    pub fn split(text: &str) -> Option<(&str, Selection)> {
        let mut parts = text.split('-');
        let file: usize = parts.by_ref().take(3).map(|part| part.len() + 1).sum();
        let mut chosen = Selection::default();
        for part in parts {
            let (letter, numbers) = part.split_at_checked(1)?;
            let numbers =
                numbers.split(',').map(|number| number.parse().ok()).collect::<Option<Vec<u32>>>()?;
            match (letter, &numbers[..]) {
                ("c", _) => chosen.channels = numbers,
                ("z", &[z]) => chosen.z = Some(z),
                ("t", &[time]) => chosen.time = Some(time),
                ("w", &[low, high]) => chosen.window = Some((low, high)),
                ("k", &[number, red, green, blue]) => {
                    let part = |value: u32| u8::try_from(value).ok();
                    chosen.colors.push((number, [part(red)?, part(green)?, part(blue)?]));
                }
                ("v", &[number, low, high]) => chosen.windows.push((number, (low, high))),
                _ => return None,
            }
        }
        Some((text.get(..file.checked_sub(1)?)?, chosen))
    }

    /// The identity of several files, whose names and order do not matter.
    fn of_series(files: &[PathBuf]) -> Result<Self> {
        let (mut all, mut digests) = (Files::default(), Vec::new());
        for path in files {
            let mut hash = Xxh3::new();
            let file = hash_file(path, &mut hash)?;
            all.add(file.size().map_err(Error::io("read", path))?, &*file);
            digests.push(hash.digest128());
        }
        digests.sort_unstable();
        let mut hash = Xxh3::new();
        digests.iter().for_each(|digest| hash.update(&digest.to_le_bytes()));
        let length = all.bytes;
        Ok(all.identity("file", length, &hash))
    }

    /// The identity of a tree: its descriptor, metadata, colour profile, and address and length of every tile.
    ///
    /// # Errors
    /// A tile that exists and whose size cannot be read.
    pub fn of_tree(tree: &Tree) -> Result<Self> {
        let mut hash = Xxh3::new();
        hash.update(tree.record());
        hash.update(&serde_json::to_vec(tree.metadata()).map_err(Error::Sidecar)?);
        hash.update(tree.icc_profile().unwrap_or_default());
        let (mut all, mut tiles, mut changes) = (Files::default(), 0, Xxh3::new());
        tree.each_tile_file(|TileId { level, x, y }, kind| {
            for number in [level, x, y] {
                hash.update(&number.to_le_bytes());
            }
            hash.update(&kind.bytes.to_le_bytes());
            all.bytes += kind.bytes;
            all.modified = all.modified.max(kind.modified);
            let since = kind.modified.and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok());
            changes.update(&since.unwrap_or_default().as_nanos().to_le_bytes());
            tiles += 1;
        })?;
        // A tree that is one file has no times of its tiles. One without a descriptor has no file to open.
        changes.update(&store::open(tree.path()).map_or(0, |file| file.stamp()).to_le_bytes());
        all.stamp = changes.digest();
        Ok(all.identity("tree", tiles, &hash))
    }
}

/// Adds the bytes of a file, or a sample of them, to a hash.
fn hash_file(path: &Path, hash: &mut Xxh3) -> Result<Box<dyn ReadAt>> {
    let file = store::open(path).map_err(Error::io("open", path))?;
    let parts = parts(file.size().map_err(Error::io("read", path))?);
    drop(file.will_read(&parts.iter().map(|&(offset, length)| offset..offset + length).collect::<Vec<_>>()));
    for (offset, length) in parts {
        let mut bytes = vec![0; length as usize];
        file.read_exact_at(&mut bytes, offset).map_err(Error::io("read", path))?;
        hash.update(&bytes);
    }
    Ok(file)
}

/// Bytes, last change and stamp of several files, in any order.
#[derive(Default)]
struct Files {
    bytes: u64,
    modified: Option<SystemTime>,
    stamp: u64,
}

impl Files {
    fn add(&mut self, bytes: u64, file: &dyn ReadAt) {
        self.bytes += bytes;
        self.modified = self.modified.max(file.modified());
        self.stamp = self.stamp.wrapping_add(file.stamp());
    }

    fn identity(self, kind: &str, count: u64, hash: &Xxh3) -> Identity {
        let text = format!("{kind}-{count}-{:032x}", hash.digest128());
        Identity { text, bytes: self.bytes, modified: self.modified, stamp: self.stamp }
    }
}

/// Offset and length of the parts of a file that are hashed.
fn parts(length: u64) -> Vec<(u64, u64)> {
    if length <= WHOLE_BYTES {
        return vec![(0, length)];
    }
    let between = length - 2 * END_BYTES - BLOCK_BYTES;
    let blocks = (0..BLOCKS).map(|k| (END_BYTES + between * k / (BLOCKS - 1), BLOCK_BYTES));
    let ends = [(0, END_BYTES), (length - END_BYTES, END_BYTES)];
    ends.into_iter().chain(blocks).collect()
}

/// The data files of a MIRAX slide, which lie in a directory of its name; none for other formats.
fn mirax_files(path: &Path) -> Result<Vec<PathBuf>> {
    let dir = path.with_extension("");
    let is_mirax = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("mrxs"));
    if !is_mirax || !(store::is_address(&dir) || dir.is_dir()) {
        return Ok(Vec::new());
    }
    let mut files = store::files_in(&dir).map_err(Error::io("list", &dir))?;
    let is_data = |e: &std::ffi::OsStr| e.eq_ignore_ascii_case("dat") || e.eq_ignore_ascii_case("ini");
    files.retain(|file| file.extension().is_some_and(is_data));
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn identity(path: &Path, bytes: &[u8]) -> String {
        fs::write(path, bytes).unwrap();
        Identity::of_file(path).unwrap().text
    }

    #[test]
    fn a_file_is_known_by_its_bytes_and_not_by_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let (one, two) = (dir.path().join("one"), dir.path().join("two"));
        let mut bytes: Vec<u8> =
            (0..9_000_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let first = identity(&one, &bytes);
        assert_eq!(identity(&two, &bytes), first);
        assert!(first.starts_with("file-9000000-"), "{first}");
        for at in [0, 1_000_000, 4_500_000, 8_999_999] {
            // A block of the sample lies within every 110,000 bytes between the ends.
            let range = at..(at + 120_000).min(bytes.len());
            bytes[range.clone()].iter_mut().for_each(|b| *b ^= 1);
            assert_ne!(identity(&two, &bytes), first, "byte {at}");
            bytes[range].iter_mut().for_each(|b| *b ^= 1);
        }
        assert_ne!(identity(&two, &bytes[1..]), first);
        assert_ne!(identity(&one, b"a"), identity(&two, b"b"));
        assert_eq!(identity(&one, b""), identity(&two, b""));
    }

    #[test]
    fn a_mirax_slide_is_known_by_its_data_as_well() {
        let dir = tempfile::tempdir().unwrap();
        let slide = dir.path().join("s.mrxs");
        let bare = identity(&slide, b"thumbnail");
        fs::create_dir(dir.path().join("s")).unwrap();
        fs::write(dir.path().join("s/Data0000.dat"), [0; 100]).unwrap();
        let with_data = Identity::of_file(&slide).unwrap();
        assert_ne!(with_data.text, bare);
        assert_eq!(with_data.bytes, 109);
        fs::create_dir(dir.path().join("s/residual_packs")).unwrap();
        assert_eq!(Identity::of_file(&slide).unwrap(), with_data, "our own output is no part of the slide");
    }

    /// The first elements of a whole-slide image, and some bytes more.
    fn dicom(series: &str, more: &[u8]) -> Vec<u8> {
        let element = |tag: [u8; 4], text: &str| {
            [&tag[..], b"UI", &(text.len() as u16).to_le_bytes(), text.as_bytes()].concat()
        };
        let class = element([8, 0, 0x16, 0], "1.2.840.10008.5.1.4.1.1.77.1.6");
        let syntax = element([2, 0, 0x10, 0], "1.2.840.10008.1.2.1\0");
        [&[0; 128], &b"DICM"[..], &syntax, &class, &element([0x20, 0, 0x0E, 0], series), more].concat()
    }

    #[test]
    fn a_dicom_series_is_known_by_all_its_files_whichever_is_given() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let alone = identity(&path("b.dcm"), &dicom("1.23", b"fine"));
        fs::write(path("a"), dicom("1.23", b"coarse")).unwrap();
        fs::write(path("other.dcm"), dicom("1.99", b"")).unwrap();
        let both = Identity::of_file(&path("b.dcm")).unwrap();
        assert_ne!(both.text, alone);
        assert_eq!(Identity::of_file(&path("a")).unwrap(), both);
        assert_eq!(both.bytes, 2 * dicom("1.23", b"").len() as u64 + 10);
        fs::write(path("a"), dicom("1.23", b"course")).unwrap();
        assert_ne!(Identity::of_file(&path("b.dcm")).unwrap().text, both.text);
    }

    #[test]
    fn what_was_chosen_of_a_slide_is_part_of_its_identity() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.png");
        fs::write(&path, crate::codec::encode_png(&[7; 4], 1, 2, 2).unwrap()).unwrap();
        let mut slide = Slide::open(&path, &crate::slide::OpenOptions::default()).unwrap();
        let file = Identity::of_file(&path).unwrap().text;
        assert_eq!(Identity::of_slide(&slide).unwrap().text, file);
        slide.selection = Selection {
            channels: vec![0, 2],
            z: Some(1),
            time: None,
            window: Some((5, 900)),
            colors: vec![(0, [255, 128, 0]), (2, [0, 0, 255])],
            windows: vec![(2, (100, 4000))],
        };
        let text = Identity::of_slide(&slide).unwrap().text;
        assert_eq!(text, format!("{file}-c0,2-z1-w5,900-k0,255,128,0-k2,0,0,255-v2,100,4000"));
        assert_eq!(Identity::split(&text), Some((file.as_str(), slide.selection)));
        assert_eq!(Identity::split(&file), Some((file.as_str(), Selection::default())));
        for wrong in ["-x1", "-c", "-ca", "-z1,2", "-w5", "-k0,1,2", "-k0,1,2,256", "-v0,1", "-", "-\u{e9}1"]
        {
            assert_eq!(Identity::split(&format!("{file}{wrong}")), None, "{wrong}");
        }
    }
}
