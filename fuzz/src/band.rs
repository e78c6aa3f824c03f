//! Families of a part of a slide: the file between two workers.

use libfuzzer_sys::fuzzer_mutate;
use origami::archive::BandReader;
use origami::image::geometry::Geometry;
use xxhash_rust::xxh3::xxh3_64;

use crate::archive::{number, put, seal_record};
use crate::files::file;

const HEADER_BYTES: usize = 24;
const ENTRY_BYTES: usize = 48;

/// The slide of the seeds: width, height, tile.
pub const SLIDE: (u32, u32, u32) = (117, 90, 16);

pub fn run(data: &[u8]) {
    let path = file("a.band", data);
    let Ok(mut reader) = BandReader::open(&path) else { return };
    let Ok(geometry) = Geometry::new(SLIDE.0, SLIDE.1, SLIDE.2) else { return };
    while let Ok(Some(_)) = reader.next(&geometry) {}
}

/// Mutates the file, mostly in its length, and makes the checksums right.
pub fn mutate(data: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
    let size = match seed % 3 {
        0 => fuzzer_mutate(data, size, max_size),
        _ => {
            let mut whole = data[..size].to_vec();
            fuzzer_mutate(&mut whole, size, size);
            data[..size].copy_from_slice(&whole);
            size
        }
    };
    seal(&mut data[..size]);
    size
}

/// Makes every checksum right that can be.
fn seal(data: &mut [u8]) -> Option<()> {
    put(data, 0, b"ORIB\x01\0\0\0");
    let check = xxh3_64(data.get(..HEADER_BYTES - 8)?);
    put(data, HEADER_BYTES - 8, &check.to_le_bytes());
    let mut at = HEADER_BYTES;
    while at + ENTRY_BYTES <= data.len() {
        let record = at + ENTRY_BYTES;
        let rest = record.checked_add(number(data, at + 8, 4))?;
        let end = rest.checked_add(number(data, at + 24, 4))?;
        if let Some(check) = seal_record(data, record, rest, number(data, at + 12, 2)) {
            put(data, at + 16, &check.to_le_bytes());
        }
        if let Some(bytes) = data.get(rest..end) {
            let check = xxh3_64(bytes);
            put(data, at + 32, &check.to_le_bytes());
        }
        let check = xxh3_64(&data[at..at + ENTRY_BYTES - 8]);
        put(data, at + ENTRY_BYTES - 8, &check.to_le_bytes());
        at = end;
    }
    Some(())
}
