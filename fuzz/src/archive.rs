//! Archives: opened, verified, every entry read and decoded.

use std::io;
use std::path::Path;
use std::sync::OnceLock;

use libfuzzer_sys::fuzzer_mutate;
use origami::archive::{Archive, Kind};
use origami::backend::CpuBackend;
use origami::backend::scheduler::Scheduler;
use origami::codec::{decode_foreign, unpacked};
use origami::image::geometry::Rect;
use origami::lossless::{OriginalFamily, tile_size};
use origami::privacy;
use origami::report::sizes::Sizes;
use origami::residual::FamilyDecoder;
use origami::store::ReadAt;
use origami::verify::verify;
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

/// Families, tiles and pixels of a side beyond which an input is opened and not decoded: they cost time and show nothing more.
pub const MOST: (u64, u64, u32) = (16, 64, 128);
/// The longest file of [`sparse`].
const LONGEST: u64 = 1 << 42;

pub fn run(data: &[u8]) {
    from_store(Box::new(data.to_vec()));
}

/// A file that goes on with zeros: a sparse one takes no place on a disk.
struct Sparse {
    start: Vec<u8>,
    size: u64,
}

impl ReadAt for Sparse {
    fn size(&self) -> io::Result<u64> {
        Ok(self.size)
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        if offset.checked_add(buf.len() as u64).is_none_or(|end| end > self.size) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        buf.fill(0);
        let start = usize::try_from(offset).ok().and_then(|at| self.start.get(at..)).unwrap_or_default();
        let bytes = start.len().min(buf.len());
        buf[..bytes].copy_from_slice(&start[..bytes]);
        Ok(())
    }
}

/// An archive that is as long as it says: directory, records and tiles may be larger than the bytes are.
pub fn sparse(data: &[u8]) {
    let mut start = data.to_vec();
    let size = (number(data, 8, 8) as u64 % LONGEST).max(start.len() as u64);
    seal(&mut start, size);
    from_store(Box::new(Sparse { start, size }));
}

fn from_store(store: Box<dyn ReadAt>) {
    static SCHEDULER: OnceLock<Scheduler> = OnceLock::new();
    let Ok(archive) = Archive::from_store(Path::new("fuzzed"), store) else { return };
    let geometry = *archive.geometry();
    let (families, tiles, side) = MOST;
    if geometry.family_count() > families || geometry.stored_tile_count() > tiles || geometry.tile() > side {
        return;
    }
    let scheduler = SCHEDULER.get_or_init(|| Scheduler::new(1).expect("a scheduler"));
    drop(verify(&archive, true, &CpuBackend::new(), scheduler, &|_| ()));
    drop(privacy::of_archive(&archive));
    drop(Sizes::read(&archive));
    for entry in archive.families() {
        let Ok(record) = archive.read_family(entry) else { continue };
        let (coding, id) = (&archive.meta().coding, entry.id);
        let decoder = FamilyDecoder { geometry: &geometry, coding, id, record: &record };
        if let Ok(mut family) = decoder.decode() {
            let rect = geometry.family_rect(id);
            let part = Rect { x: 0, y: rect.height / 2, width: rect.width.div_ceil(2), height: 1 };
            if let Ok(done) = decoder.decode_part(part, &mut family) {
                drop(decoder.decode_rest(done, &mut family));
            }
        }
        if let Ok(family) = OriginalFamily::unpack(&geometry, id, record) {
            drop(family.check(&geometry, id));
        }
    }
    for entry in archive.tiles() {
        let (Ok(bytes), Ok((width, height))) = (archive.read_tile(entry), tile_size(&geometry, entry.id))
        else {
            continue;
        };
        if let Ok((_, bytes)) = unpacked(entry.codec, bytes, width, height) {
            drop(decode_foreign(&bytes, Some((width, height))));
        }
    }
    assert_eq!(archive.kind() == Kind::Pack, archive.families().len() == 1 && archive.tiles().is_empty());
}

/// Mutates the whole, or a part that keeps its length, and makes the checksums right.
pub fn mutate(data: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
    let size = match seed % 4 {
        0 => fuzzer_mutate(data, size, max_size),
        _ => {
            let blobs = blobs(&data[..size]);
            // The directory is as likely as all blobs.
            let (from, to) = match blobs.get(seed as usize / 4 % (2 * blobs.len()).max(1)) {
                Some(&blob) => blob,
                None => (0, size),
            };
            let mut part = data[from..to].to_vec();
            let length = part.len();
            if length > 0 {
                fuzzer_mutate(&mut part, length, length);
                data[from..to].copy_from_slice(&part);
            }
            size
        }
    };
    seal(&mut data[..size], size as u64);
    size
}

pub fn number(data: &[u8], at: usize, bytes: usize) -> usize {
    let bytes = data.get(at..at + bytes).unwrap_or_default();
    bytes.iter().rev().fold(0, |sum: u64, &byte| sum << 8 | u64::from(byte)) as usize
}

pub fn put(data: &mut [u8], at: usize, value: &[u8]) {
    if let Some(place) = data.get_mut(at..at + value.len()) {
        place.copy_from_slice(value);
    }
}

/// Where the index of families, that of tiles and the metadata begin, and where the directory ends, if it lies inside.
fn directory(data: &[u8]) -> Option<[usize; 4]> {
    let families_end = 80usize.checked_add(32usize.checked_mul(number(data, 28, 4))?)?;
    let tiles_end = families_end.checked_add(24usize.checked_mul(number(data, 32, 4))?)?;
    let end = tiles_end.checked_add(number(data, 36, 4))?;
    (end <= data.len()).then_some([80, families_end, tiles_end, end])
}

/// A part of the data, if it lies inside.
fn inside(data: &[u8], from: usize, length: usize) -> Option<(usize, usize)> {
    let to = from.checked_add(length).filter(|&to| to <= data.len())?;
    Some((from, to))
}

/// Places of records, tiles and the colour profile.
fn blobs(data: &[u8]) -> Vec<(usize, usize)> {
    let Some([families, tiles, meta, _]) = directory(data) else { return Vec::new() };
    let records = (families..tiles).step_by(32).map(|at| (number(data, at + 8, 8), number(data, at + 16, 4)));
    let small = (tiles..meta).step_by(24).map(|at| (number(data, at, 8), number(data, at + 8, 4)));
    let icc = (number(data, 40, 8), number(data, 48, 4));
    records.chain(small).chain([icc]).filter_map(|(from, length)| inside(data, from, length)).collect()
}

/// Makes the checksums of a record's payloads right, and returns that of its head.
pub fn seal_record(data: &mut [u8], from: usize, to: usize, payloads: usize) -> Option<u64> {
    let head = from.checked_add(32 + 16 * payloads).filter(|&head| head <= to && to <= data.len())?;
    let mut payload = head;
    for row in (from + 32..head).step_by(16) {
        let own = number(data, row + 4, 4);
        let Some((start, stop)) = inside(&data[..to], payload, own) else { break };
        let is_repeated = own == 0 && number(data, row, 2) >= 16;
        if !is_repeated {
            let check = xxh3_64(&data[start..stop]);
            put(data, row + 8, &check.to_le_bytes());
        }
        payload = stop;
    }
    Some(xxh3_64(&data[from..head]))
}

/// Makes every checksum right that can be, of a file of this length.
fn seal(data: &mut [u8], length: u64) {
    put(data, 8, &length.to_le_bytes());
    seal_directory(data);
    if let Some(header) = data.get(..72) {
        let check = xxh3_64(header);
        put(data, 72, &check.to_le_bytes());
    }
}

/// Makes the checksums of directory, records and tiles right, if the directory lies inside.
fn seal_directory(data: &mut [u8]) -> Option<()> {
    let [families, tiles, meta, end] = directory(data)?;
    let mut content = Vec::new();
    for at in (families..tiles).step_by(32) {
        if let Some((from, to)) = inside(data, number(data, at + 8, 8), number(data, at + 16, 4))
            && let Some(check) = seal_record(data, from, to, number(data, at + 20, 2))
        {
            put(data, at + 24, &check.to_le_bytes());
        }
        content.extend_from_slice(&data[at..at + 8]);
        content.extend_from_slice(&data[at + 24..at + 32]);
    }
    for at in (tiles..meta).step_by(24) {
        if let Some((from, to)) = inside(data, number(data, at, 8), number(data, at + 8, 4)) {
            let check = xxh3_64(&data[from..to]);
            put(data, at + 16, &check.to_le_bytes());
        }
        content.extend_from_slice(&data[at + 16..at + 24]);
    }
    if let (icc @ 1.., offset) = (number(data, 48, 4), number(data, 40, 8))
        && let Some((from, to)) = inside(data, offset, icc)
    {
        let check = xxh3_64(&data[from..to]);
        put(data, 56, &check.to_le_bytes());
    }
    let name = b"\"content\":\"";
    if number(data, 6, 2) == 2
        && let Some(at) = data[meta..end].windows(name.len()).position(|window| window == name)
        && let Some((from, to)) = inside(&data[..end], meta + at + name.len(), 32)
    {
        let text = format!("{:032x}", xxh3_128(&content));
        data[from..to].copy_from_slice(text.as_bytes());
    }
    let check = xxh3_64(&data[80..end]);
    put(data, 64, &check.to_le_bytes());
    Some(())
}
