//! One chunk of a TIFF: read, decompressed, and converted to 8-bit gray or RGB.
//!
//! A chunk of zero bytes, which scanners write for empty glass, decodes to white. This module deliberately does not know
//! caches or regions. Sizes come from a checked [`Layout`], which keeps them within the memory limit.

use super::super::error::SlideError;
use super::super::positional::PositionalFile;
use super::super::region::allocate;
use super::directory::bytes_at;
use super::layout::{ChunkCoord, Layout};
use super::pixel_tags::Compression;
use super::{jpeg, unpack};
use flate2::{Decompress, FlushDecompress};

const ADVICE: &str = "allow more memory";
/// No LZW or deflate stream expands by a larger factor.
const MAX_EXPANSION: u64 = 4096;

/// Decodes a chunk to `chunk_width * chunk_height * channels` bytes; pixels outside the image are undefined.
pub(super) fn decode(
    file: &PositionalFile,
    layout: &Layout,
    coord: ChunkCoord,
    limit_bytes: u64,
) -> Result<Vec<u8>, SlideError> {
    let mut out = allocate(file.path(), "a decoded chunk", layout.chunk_bytes(), limit_bytes, ADVICE)?;
    let reader = ChunkReader { file, layout, coord };
    if layout.compression == Compression::Jpeg {
        let Some(bytes) = reader.stored(0)? else {
            out.fill(255);
            return Ok(out);
        };
        jpeg::decode(layout, coord, &bytes, limit_bytes, &mut out)
            .map_err(|problem| reader.corrupt(problem))?;
        return Ok(out);
    }
    let mut planes = Vec::with_capacity(layout.planes());
    for plane in 0..layout.planes() {
        match reader.plane(plane, limit_bytes)? {
            Some(samples) => planes.push(samples),
            None => {
                out.fill(255);
                return Ok(out);
            }
        }
    }
    unpack::unpack(layout, &mut planes, &mut out);
    Ok(out)
}

/// The stored bytes of a JPEG chunk.
pub(super) fn stored_jpeg(
    file: &PositionalFile,
    layout: &Layout,
    coord: ChunkCoord,
) -> Result<Vec<u8>, SlideError> {
    let reader = ChunkReader { file, layout, coord };
    reader.stored(0)?.ok_or_else(|| reader.corrupt("its scanner left it out"))
}

/// The error of a chunk whose JPEG is not sequential at 8 bits.
pub(super) fn not_sequential(file: &PositionalFile, layout: &Layout, coord: ChunkCoord) -> SlideError {
    let place = ChunkReader { file, layout, coord }.name();
    SlideError::NotSequential { path: file.path().to_path_buf(), place }
}

/// An error that names a chunk.
pub(super) fn corrupt(
    file: &PositionalFile,
    layout: &Layout,
    coord: ChunkCoord,
    problem: String,
) -> SlideError {
    ChunkReader { file, layout, coord }.corrupt(problem)
}

/// Reads one chunk and names it in error messages.
struct ChunkReader<'a> {
    file: &'a PositionalFile,
    layout: &'a Layout,
    coord: ChunkCoord,
}

impl ChunkReader<'_> {
    fn name(&self) -> String {
        if self.layout.tiled {
            format!("tile at column {}, row {}", self.coord.column, self.coord.row)
        } else {
            let top = u64::from(self.coord.row) * u64::from(self.layout.chunk_height);
            format!("strip at pixel row {top}")
        }
    }

    fn corrupt(&self, problem: impl Into<String>) -> SlideError {
        SlideError::corrupt(self.file.path(), "TIFF", self.name(), problem)
    }

    /// The stored bytes of the chunk in a plane; `None` for a chunk of zero bytes.
    fn stored(&self, plane: usize) -> Result<Option<Vec<u8>>, SlideError> {
        let layout = self.layout;
        // `Layout::read` checked the grid against the number of offsets, so the index is valid; `entry` checks it again.
        let in_plane = u64::from(self.coord.row) * u64::from(layout.across) + u64::from(self.coord.column);
        let index = plane as u64 * u64::from(layout.across) * u64::from(layout.down) + in_plane;
        let (offset, count) = self.entry(index)?;
        if count == 0 {
            return Ok(None);
        }
        bytes_at(self.file, &self.name(), offset, count).map(Some)
    }

    /// Offset and size of the stored chunk `index`.
    fn entry(&self, index: u64) -> Result<(u64, u64), SlideError> {
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        let entry = self.layout.offsets.get(index).zip(self.layout.byte_counts.get(index));
        entry
            .map(|(&offset, &count)| (offset, count))
            .ok_or_else(|| self.corrupt("it is not in the file's list"))
    }

    /// The decompressed rows of a plane: `chunk_height` rows of `raw_row_bytes`.
    fn plane(&self, plane: usize, limit_bytes: u64) -> Result<Option<Vec<u8>>, SlideError> {
        let layout = self.layout;
        let row_bytes = layout.raw_row_bytes();
        let total = row_bytes.saturating_mul(u64::from(layout.chunk_height));
        if layout.compression == Compression::None && !layout.tiled {
            let mut samples = allocate(self.file.path(), "rows of a strip", total, limit_bytes, ADVICE)?;
            self.raw_rows(plane, row_bytes as usize, &mut samples)?;
            return Ok(Some(samples));
        }
        let Some(stored) = self.stored(plane)? else { return Ok(None) };
        // Only the rows inside the image must be stored: the last strip is often shorter.
        let rows = if layout.tiled { layout.chunk_height } else { layout.rows_in(self.coord.row) };
        let wanted = row_bytes.saturating_mul(u64::from(rows));
        if wanted > (stored.len() as u64).saturating_mul(MAX_EXPANSION) {
            return Err(self.corrupt(format!("{} bytes cannot hold {wanted}", stored.len())));
        }
        let mut samples = allocate(self.file.path(), "a chunk", total, limit_bytes, ADVICE)?;
        // `total` was allocated, so it fits a usize, and `wanted` is at most `total`.
        let target = samples.get_mut(..wanted as usize).unwrap_or_default();
        let written = match layout.compression {
            Compression::None => copy(&stored, target),
            Compression::PackBits => unpack_bits(&stored, target),
            Compression::Lzw => unpack_lzw(&stored, target).map_err(|problem| self.corrupt(problem))?,
            Compression::Deflate => {
                unpack_deflate(&stored, target).map_err(|problem| self.corrupt(problem))?
            }
            Compression::Jpeg => 0,
        };
        if (written as u64) < wanted {
            return Err(self.corrupt(format!("it ends after {written} of {wanted} bytes")));
        }
        Ok(Some(samples))
    }

    /// Uncompressed rows, which may lie in several strips.
    fn raw_rows(&self, plane: usize, row_bytes: usize, out: &mut [u8]) -> Result<(), SlideError> {
        let layout = self.layout;
        let strips = u64::from(layout.height.div_ceil(layout.strip_rows));
        let top = u64::from(self.coord.row) * u64::from(layout.chunk_height);
        let end = top + u64::from(layout.rows_in(self.coord.row));
        let strip_rows = u64::from(layout.strip_rows);
        let (mut row, mut rest) = (top, out);
        while row < end {
            let rows = (strip_rows - row % strip_rows).min(end - row);
            let (offset, count) = self.entry(plane as u64 * strips + row / strip_rows)?;
            let length = rows.saturating_mul(row_bytes as u64);
            let inner = (row % strip_rows).saturating_mul(row_bytes as u64);
            let (start, last) = (offset.checked_add(inner), inner.saturating_add(length));
            let inside =
                start.and_then(|start| start.checked_add(length)).is_some_and(|end| end <= self.file.len());
            let (Some(start), true, true) = (start, inside, last <= count) else {
                return Err(self.corrupt(format!(
                    "{count} bytes at byte {offset}, where rows up to byte {last} are expected"
                )));
            };
            let (part, after) = rest.split_at_mut_checked(length as usize).unwrap_or_default();
            let failed =
                |source| SlideError::io(self.file.path(), format!("cannot read {}", self.name()), source);
            self.file.read_exact_at(start, part).map_err(failed)?;
            (row, rest) = (row + rows, after);
        }
        Ok(())
    }
}

fn copy(stored: &[u8], out: &mut [u8]) -> usize {
    for (to, from) in out.iter_mut().zip(stored) {
        *to = *from;
    }
    stored.len().min(out.len())
}

/// PackBits: TIFF 6.0, section 9. Returns the number of bytes written.
fn unpack_bits(stored: &[u8], out: &mut [u8]) -> usize {
    let (mut input, mut written) = (stored, 0);
    while let Some((&head, rest)) = input.split_first() {
        let Some(free) = out.get_mut(written..).filter(|free| !free.is_empty()) else { break };
        match head {
            0..=127 => {
                let run = rest.get(..usize::from(head) + 1).unwrap_or(rest);
                written += copy(run, free);
                input = rest.get(run.len()..).unwrap_or_default();
            }
            128 => input = rest,
            129..=255 => {
                let Some((&value, rest)) = rest.split_first() else { break };
                let length = (257 - usize::from(head)).min(free.len());
                free.iter_mut().take(length).for_each(|byte| *byte = value);
                written += length;
                input = rest;
            }
        }
    }
    written
}

fn unpack_lzw(stored: &[u8], out: &mut [u8]) -> Result<usize, String> {
    // The LZW of files from before TIFF 5 has reversed bits, so the clear code 256 gives these first two bytes.
    if let [0, second, ..] = stored
        && second & 1 == 1
    {
        return Err("LZW as it was before TIFF 5; save the file again with a newer program".into());
    }
    let mut decoder = weezl::decode::Decoder::with_tiff_size_switch(weezl::BitOrder::Msb, 8);
    let (mut input, mut written) = (stored, 0);
    while let Some(free) = out.get_mut(written..).filter(|free| !free.is_empty()) {
        let result = decoder.decode_bytes(input, free);
        input = input.get(result.consumed_in..).unwrap_or_default();
        written += result.consumed_out;
        match result.status {
            Ok(weezl::LzwStatus::Ok) if result.consumed_in > 0 || result.consumed_out > 0 => {}
            Ok(_) => break,
            Err(error) => return Err(format!("LZW after {written} bytes: {error}")),
        }
    }
    Ok(written)
}

fn unpack_deflate(stored: &[u8], out: &mut [u8]) -> Result<usize, String> {
    let mut stream = Decompress::new(true);
    let (mut input, mut written) = (stored, 0);
    while let Some(free) = out.get_mut(written..).filter(|free| !free.is_empty()) {
        let (before_in, before_out) = (stream.total_in(), stream.total_out());
        let status = stream.decompress(input, free, FlushDecompress::None);
        let consumed = (stream.total_in() - before_in) as usize;
        let produced = (stream.total_out() - before_out) as usize;
        input = input.get(consumed..).unwrap_or_default();
        written += produced;
        match status {
            Ok(flate2::Status::StreamEnd) => break,
            Ok(_) if consumed > 0 || produced > 0 => {}
            Ok(_) => break,
            Err(error) => return Err(format!("deflate after {written} bytes: {error}")),
        }
    }
    Ok(written)
}
