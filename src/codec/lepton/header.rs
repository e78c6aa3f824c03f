//! A check of the lengths in a Lepton file's header, before the library reads it.
//!
//! The library allocates by these lengths without a check; here they are compared with the size of the header. Layout: the
//! `LeptonHeader` of lepton_jpeg.

use std::io::Read;

use flate2::read::ZlibDecoder;

/// Bytes of the fixed header; the last four are the length of the compressed one.
const FIXED_BYTES: usize = 28;
/// Bytes of one entry of the table of segments.
const SEGMENT_BYTES: usize = 16;
/// Bytes of the record of a truncated file, after its mark.
const EARLY_EOF_BYTES: usize = 28;

/// Whether every part of the header lies inside it, and the unpacked header has `max_bytes` at most.
pub fn is_sound(packed: &[u8], max_bytes: usize) -> bool {
    let Some(length) = packed.get(FIXED_BYTES - 4..FIXED_BYTES) else { return false };
    let length = u32::from_le_bytes([length[0], length[1], length[2], length[3]]) as usize;
    let Some(compressed) = packed.get(FIXED_BYTES..FIXED_BYTES.saturating_add(length)) else { return false };
    let mut header = Vec::new();
    let mut inflated = ZlibDecoder::new(compressed).take(max_bytes as u64 + 1);
    inflated.read_to_end(&mut header).is_ok() && header.len() <= max_bytes && parts_fit(&header)
}

/// Whether the marked parts fill the header exactly.
fn parts_fit(mut rest: &[u8]) -> bool {
    while let Some((mark, after)) = rest.split_first_chunk::<3>() {
        let counted = |unit: usize| {
            let count = after.first_chunk::<4>().map(|bytes| u32::from_le_bytes(*bytes) as usize);
            count.and_then(|count| count.checked_mul(unit)).and_then(|bytes| bytes.checked_add(4))
        };
        let bytes = match mark {
            b"HDR" | b"FRS" | b"GRB" | b"PGR" => counted(1),
            b"CRS" => counted(4),
            b"P0D" => Some(1),
            b"EEE" => Some(EARLY_EOF_BYTES),
            [b'H', b'H', segments] => Some(usize::from(*segments) * SEGMENT_BYTES),
            _ => None,
        };
        match bytes.and_then(|bytes| after.get(bytes..)) {
            Some(next) => rest = next,
            None => return false,
        }
    }
    rest.is_empty()
}
