//! What a Lepton file says of itself, held to its own size before the library believes it.
//!
//! The library takes the lengths in the compressed header as they come and asks for that much memory; here they are compared with what
//! is there. Layout: the `LeptonHeader` of lepton_jpeg.

use std::io::Read;

use flate2::read::ZlibDecoder;

/// Bytes of the fixed header, at whose end the length of the compressed one stands.
const FIXED: usize = 28;
/// Bytes of one entry of the table of segments.
const SEGMENT: usize = 16;
/// Bytes of the mark of a file that ended early, after its name.
const EARLY_EOF: usize = 28;

/// Whether every length in the header is that of something in it, and none of it is longer than `max_bytes`.
pub fn is_sound(packed: &[u8], max_bytes: usize) -> bool {
    let Some(length) = packed.get(FIXED - 4..FIXED) else { return false };
    let length = u32::from_le_bytes([length[0], length[1], length[2], length[3]]) as usize;
    let Some(compressed) = packed.get(FIXED..FIXED.saturating_add(length)) else { return false };
    let mut header = Vec::new();
    let mut inflated = ZlibDecoder::new(compressed).take(max_bytes as u64 + 1);
    inflated.read_to_end(&mut header).is_ok() && header.len() <= max_bytes && parts_fit(&header)
}

/// Walks over the marked parts.
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
            b"EEE" => Some(EARLY_EOF),
            [b'H', b'H', segments] => Some(usize::from(*segments) * SEGMENT),
            _ => None,
        };
        match bytes.and_then(|bytes| after.get(bytes..)) {
            Some(next) => rest = next,
            None => return false,
        }
    }
    rest.is_empty()
}
