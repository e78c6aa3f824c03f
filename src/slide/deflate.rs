//! Deflate without a zlib header (RFC 1951), as DICOM has it, within a limit.

use super::fault::Fault;
use flate2::{Decompress, FlushDecompress, Status};

/// Bytes by which the result grows.
const STEP_BYTES: usize = 1 << 16;

/// A stream that is decompressed piece by piece.
pub(super) struct Inflater {
    stream: Decompress,
    has_ended: bool,
}

impl Inflater {
    /// The beginning of a stream.
    pub fn new() -> Self {
        Self { stream: Decompress::new(false), has_ended: false }
    }

    /// Whether the stream has come to its end.
    pub fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Appends to `out` what the next bytes of the stream are, until it has `most_bytes`. Returns how many of them were used: all of them,
    /// unless `out` has its bytes or the stream has ended.
    pub fn push(&mut self, stored: &[u8], out: &mut Vec<u8>, most_bytes: usize) -> Result<usize, Fault> {
        let mut used = 0;
        while !self.has_ended && out.len() < most_bytes {
            let (filled, before) = (out.len(), (self.stream.total_in(), self.stream.total_out()));
            let step = STEP_BYTES.min(most_bytes - filled);
            if out.capacity() - filled < step {
                // Twice as much, and no more than it may have.
                out.reserve_exact(filled.max(step).min(most_bytes - filled));
            }
            out.resize(filled + step, 0);
            let (input, free) =
                (stored.get(used..).unwrap_or_default(), out.get_mut(filled..).unwrap_or_default());
            let status = self.stream.decompress(input, free, FlushDecompress::None);
            let (taken, written) = (self.stream.total_in() - before.0, self.stream.total_out() - before.1);
            out.truncate(filled + written as usize);
            used += taken as usize;
            self.has_ended =
                status.map_err(|_| Fault::from("deflate: its codes are damaged"))? == Status::StreamEnd;
            if (taken, written) == (0, 0) {
                break;
            }
        }
        Ok(used)
    }
}

/// The error of a stream that is longer than it may be.
pub(super) fn too_long(limit_bytes: usize) -> Fault {
    Fault::unsupported(format!("deflate of more than {limit_bytes} bytes"))
}

/// The error of a stream that is cut off.
pub(super) fn cut_off() -> Fault {
    "its deflate stream breaks off before its end".into()
}

/// Decompresses a whole stream of at most `limit_bytes` bytes.
pub(super) fn inflate(stored: &[u8], limit_bytes: usize) -> Result<Vec<u8>, Fault> {
    let (mut stream, mut out) = (Inflater::new(), Vec::new());
    // One byte more than allowed shows that there are more.
    stream.push(stored, &mut out, limit_bytes.saturating_add(1))?;
    match stream.has_ended() {
        _ if out.len() > limit_bytes => Err(too_long(limit_bytes)),
        true => Ok(out),
        false => Err(cut_off()),
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
