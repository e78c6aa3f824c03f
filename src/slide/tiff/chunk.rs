//! One chunk of a TIFF: read, decompressed, and converted to 8-bit gray or RGB.
//!
//! A chunk of zero bytes, which scanners write for empty glass, decodes to white; one of a channel, to black. This module deliberately does not know
//! caches or regions. Sizes come from a checked [`Layout`], which keeps them within the memory limit.

use super::super::error::SlideError;
use super::super::fault::Fault;
use super::super::positional::PositionalFile;
use super::super::region::allocate;
use super::directory::bytes_at;
use super::layout::{ChunkCoord, Layout};
use super::pixel_tags::Compression;
use super::{decompress, files, jpeg, unpack};
use std::ops::Range;

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
    if layout.compression == Compression::Jpeg && !layout.planar {
        let Some(bytes) = reader.stored(0)? else {
            out.fill(layout.blank);
            return Ok(out);
        };
        jpeg::decode(layout, coord, &bytes, limit_bytes, &mut out).map_err(|fault| reader.failed(fault))?;
        return Ok(out);
    }
    match reader.planes(limit_bytes)? {
        Some(planes) => unpack::unpack(layout, planes, &mut out),
        None => out.fill(layout.blank),
    }
    Ok(out)
}

/// Calls `see` with the colour samples of a chunk of more than 8 bits, as stored; with none of a chunk that was left out.
pub(super) fn values(
    file: &PositionalFile,
    layout: &Layout,
    coord: ChunkCoord,
    limit_bytes: u64,
    see: &mut dyn FnMut(u16),
) -> Result<(), SlideError> {
    if let Some(planes) = (ChunkReader { file, layout, coord }).planes(limit_bytes)? {
        unpack::values(layout, planes, (layout.columns_in(coord.column), layout.rows_in(coord.row)), see);
    }
    Ok(())
}

/// Calls `see` with the numbers of a chunk as stored, where its samples are numbers that become codes.
pub(super) fn numbers(
    file: &PositionalFile,
    layout: &Layout,
    coord: ChunkCoord,
    limit_bytes: u64,
    see: &mut dyn FnMut(f64),
) -> Result<(), SlideError> {
    if let Some(planes) = (ChunkReader { file, layout, coord }).planes(limit_bytes)? {
        unpack::numbers(layout, planes, (layout.columns_in(coord.column), layout.rows_in(coord.row)), see);
    }
    Ok(())
}

/// The stored bytes of a chunk that is a file of its own.
pub(super) fn stored_file(
    file: &PositionalFile,
    layout: &Layout,
    coord: ChunkCoord,
) -> Result<Vec<u8>, SlideError> {
    let reader = ChunkReader { file, layout, coord };
    reader.stored(0)?.ok_or_else(|| reader.corrupt("its scanner left it out"))
}

/// The error of a chunk with this fault.
pub(super) fn failed(file: &PositionalFile, layout: &Layout, coord: ChunkCoord, fault: Fault) -> SlideError {
    ChunkReader { file, layout, coord }.failed(fault)
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

/// The bytes of a chunk in the planes that are needed; none where the file's list is wrong, which reading it reports.
pub(super) fn ranges(file: &PositionalFile, layout: &Layout, coord: ChunkCoord) -> Vec<Range<u64>> {
    let reader = ChunkReader { file, layout, coord };
    if layout.compression == Compression::None && !layout.tiled {
        return layout.wanted_planes().iter().flat_map(|&plane| reader.raw_ranges(plane)).collect();
    }
    let entry = |&plane: &usize| reader.entry(reader.index(plane)).ok();
    let entries = layout.wanted_planes().iter().filter_map(entry);
    entries.map(|(offset, count)| offset..offset.saturating_add(count)).collect()
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

    fn failed(&self, fault: Fault) -> SlideError {
        let advice = "convert it to 8-bit RGB with JPEG, deflate or LZW compression";
        fault.at(self.file.path(), "TIFF", &self.name(), advice)
    }

    fn corrupt(&self, problem: impl Into<String>) -> SlideError {
        SlideError::corrupt(self.file.path(), "TIFF", self.name(), problem)
    }

    /// The decompressed planes that are needed; `None` for a chunk that was left out.
    fn planes(&self, limit_bytes: u64) -> Result<Option<Vec<Vec<u8>>>, SlideError> {
        let wanted = self.layout.wanted_planes();
        let mut planes = Vec::with_capacity(wanted.len());
        for &plane in wanted {
            planes.extend(self.plane(plane, limit_bytes)?);
        }
        match planes.len() {
            0 => Ok(None),
            count if count == wanted.len() => Ok(Some(planes)),
            _ => Err(self.corrupt("some of its planes hold no byte")),
        }
    }

    /// The stored bytes of the chunk in a plane; `None` for a chunk of zero bytes.
    fn stored(&self, plane: usize) -> Result<Option<Vec<u8>>, SlideError> {
        let layout = self.layout;
        let (offset, count) = self.entry(self.index(plane))?;
        if count == 0 {
            return Ok(None);
        }
        let mut bytes = bytes_at(self.file, &self.name(), offset, count)?;
        if layout.reversed_bits {
            bytes.iter_mut().for_each(|byte| *byte = byte.reverse_bits());
        }
        Ok(Some(bytes))
    }

    /// The chunk's number in the file's list. `Layout::read` checked the grid against the number of offsets, so it is valid; `entry`
    /// checks it again.
    fn index(&self, plane: usize) -> u64 {
        let layout = self.layout;
        let in_plane = u64::from(self.coord.row) * u64::from(layout.across) + u64::from(self.coord.column);
        plane as u64 * u64::from(layout.across) * u64::from(layout.down) + in_plane
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
        let mut samples = allocate(self.file.path(), "a chunk", total, limit_bytes, ADVICE)?;
        if layout.compression.is_file() {
            self.file(&stored, limit_bytes, &mut samples).map_err(|fault| self.failed(fault))?;
            return Ok(Some(samples));
        }
        // Only the rows inside the image must be stored: the last strip is often shorter.
        let rows = if layout.tiled { layout.chunk_height } else { layout.rows_in(self.coord.row) };
        let wanted = row_bytes.saturating_mul(u64::from(rows));
        if wanted > (stored.len() as u64).saturating_mul(MAX_EXPANSION) {
            return Err(self.corrupt(format!("{} bytes cannot hold {wanted}", stored.len())));
        }
        // `total` was allocated, so it fits a usize, and `wanted` is at most `total`.
        let target = samples.get_mut(..wanted as usize).unwrap_or_default();
        let written = decompress::decompress(layout.compression, &stored, target)
            .map_err(|fault| self.failed(fault))?;
        if (written as u64) < wanted {
            return Err(self.corrupt(format!("it ends after {written} of {wanted} bytes")));
        }
        Ok(Some(samples))
    }

    /// Decodes a chunk that is a file of its own.
    fn file(&self, stored: &[u8], limit_bytes: u64, out: &mut [u8]) -> Result<(), Fault> {
        match self.layout.compression {
            Compression::Jpeg2000 => files::jpeg2000(self.layout, self.coord, stored, limit_bytes, out),
            #[cfg(feature = "webp")]
            Compression::WebP => files::webp(self.layout, self.coord, stored, out),
            _ => jpeg::decode_samples(self.layout, self.coord, stored, limit_bytes, 1, out),
        }
    }

    /// Where the rows of an uncompressed chunk lie: in one strip or several.
    fn raw_ranges(&self, plane: usize) -> impl Iterator<Item = Range<u64>> {
        let layout = self.layout;
        let (strip_rows, row_bytes) = (u64::from(layout.strip_rows), layout.raw_row_bytes());
        let strips = u64::from(layout.height.div_ceil(layout.strip_rows));
        let top = u64::from(self.coord.row) * u64::from(layout.chunk_height);
        let end = top + u64::from(layout.rows_in(self.coord.row));
        (top / strip_rows..end.div_ceil(strip_rows)).filter_map(move |strip| {
            let (offset, _) = self.entry(plane as u64 * strips + strip).ok()?;
            // The strip has rows of the chunk, so neither subtraction goes below 0.
            let first = strip * strip_rows;
            let (from, to) = (top.max(first) - first, end.min(first + strip_rows) - first);
            let at = |row: u64| offset.saturating_add(row.saturating_mul(row_bytes));
            Some(at(from)..at(to))
        })
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
            if layout.reversed_bits {
                part.iter_mut().for_each(|byte| *byte = byte.reverse_bits());
            }
            (row, rest) = (row + rows, after);
        }
        Ok(())
    }
}
