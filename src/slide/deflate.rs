//! Deflate without a zlib header (RFC 1951), as DICOM has it, within a limit.

use super::fault::Fault;
use flate2::{Decompress, FlushDecompress, Status};

/// Bytes by which the result grows.
const STEP_BYTES: usize = 1 << 16;

/// Decompresses a whole stream of at most `limit_bytes` bytes.
pub(super) fn inflate(stored: &[u8], limit_bytes: usize) -> Result<Vec<u8>, Fault> {
    let mut stream = Decompress::new(false);
    let (mut out, mut filled) = (Vec::new(), 0);
    loop {
        if filled == out.len() {
            // One byte more than allowed shows that there are more.
            let room = STEP_BYTES.max(filled).min(limit_bytes.saturating_add(1) - filled);
            out.resize(filled + room, 0);
        }
        let input = stored.get(stream.total_in() as usize..).unwrap_or_default();
        let (before, free) = (stream.total_in(), out.get_mut(filled..).unwrap_or_default());
        let status = stream.decompress(input, free, FlushDecompress::None);
        let status = status.map_err(|_| Fault::from("deflate: its codes are damaged"))?;
        let written = stream.total_out() as usize - filled;
        filled += written;
        if filled > limit_bytes {
            return Err(Fault::unsupported(format!("deflate of more than {limit_bytes} bytes")));
        }
        match status {
            Status::StreamEnd => {
                out.truncate(filled);
                return Ok(out);
            }
            _ if written == 0 && stream.total_in() == before => {
                return Err("its deflate stream breaks off before its end".into());
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::DeflateEncoder};
    use std::io::Write;

    #[test]
    fn streams_come_back_within_the_limit_or_are_errors() {
        let data: Vec<u8> = (0..200_000u32).map(|i| (i.wrapping_mul(i) >> 7) as u8).collect();
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&data).unwrap();
        let stored = encoder.finish().unwrap();
        assert!(inflate(&stored, data.len()).unwrap() == data);
        let padded = [&stored[..], &[0]].concat();
        assert!(inflate(&padded, usize::MAX - 1).unwrap() == data);
        assert!(matches!(inflate(&stored, data.len() - 1), Err(Fault::Unsupported(_))));
        assert!(matches!(inflate(&stored[..stored.len() / 2], data.len()), Err(Fault::Damaged(_))));
        assert!(matches!(inflate(&[0xFF; 9], 100), Err(Fault::Damaged(_))));
        assert!(inflate(&[], 100).is_err());
    }
}
