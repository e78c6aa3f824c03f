//! Tiles of one huge JPEG: the restart intervals of a row of tiles are put together to a JPEG of their own, which libjpeg-turbo's
//! lossless transform cuts. Coefficients do not change.

use super::super::error::SlideError;
use super::super::jpeg::header::Header;
use super::super::positional::PositionalFile;
use super::page::Page;
use crate::codec::cut_jpeg_parts;
use std::ops::Range;

/// Side of the tiles: a multiple of every MCU.
pub const TILE_PX: u32 = 256;
/// Bytes of the JPEG's header that are read.
const MAX_HEADER_BYTES: u64 = 1 << 20;
/// Widest and highest JPEG that libjpeg takes.
const MAX_JPEG_PX: u64 = 65_500;
/// Bytes of a row of tiles, coded.
const MAX_STRIP_BYTES: u64 = 1 << 30;

/// The JPEG of a page, and how it is divided.
#[derive(Debug)]
pub struct Strips {
    pub width: u32,
    pub height: u32,
    pub channels: u8,
    /// Its header, from the start to the end of the scan header.
    header: Vec<u8>,
    /// Where height and width lie in the header.
    size_at: usize,
    mcu_height: u32,
    /// Restart intervals beside each other in a row of MCUs.
    columns: u32,
    /// Width of one of them in pixels.
    interval_px: u32,
    /// How many of them are taken together: a multiple of the tiles' width, or all.
    group: u32,
    /// Where the intervals begin in the file, and where the last one ends.
    starts: Vec<u64>,
}

impl Strips {
    /// Reads the header of the page's JPEG and checks that its restart intervals divide it.
    ///
    /// # Errors
    /// A damaged file; a JPEG that cannot be cut, with the reason.
    pub fn read(file: &PositionalFile, page: &Page) -> Result<Self, SlideError> {
        let corrupt =
            |problem: String| SlideError::corrupt(file.path(), "NDPI", "JPEG of the first page", problem);
        let refused = |what: &str| {
            SlideError::unsupported(
                file.path(),
                "NDPI",
                what,
                "install OpenSlide to open it; use the preset archive",
            )
        };
        let end = page.offset.checked_add(page.bytes).filter(|&end| end <= file.len());
        let end = end.ok_or_else(|| corrupt("it ends behind the end of the file".into()))?;
        let Some(&first) = page.starts.first() else {
            return Err(refused("a JPEG without restart intervals"));
        };
        if first > MAX_HEADER_BYTES.min(page.bytes) {
            return Err(corrupt(format!("a header of {first} bytes")));
        }
        let mut header = vec![0; first as usize];
        let failed = |source| SlideError::io(file.path(), "cannot read it", source);
        file.read_exact_at(page.offset, &mut header).map_err(failed)?;
        let parsed = Header::parse(&header[..]).map_err(corrupt)?;
        if parsed.sof > 1 || parsed.precision != 8 || !matches!(parsed.components.len(), 1 | 3) {
            return Err(refused("a JPEG that is not sequential at 8 bits with 1 or 3 components"));
        }
        let (size_at, interval) =
            places(&header).ok_or_else(|| refused("a JPEG without restart intervals"))?;
        let factor = |of: fn(&super::super::jpeg::header::Component) -> u8| {
            8 * u32::from(parsed.components.iter().map(of).max().unwrap_or(1).max(1))
        };
        let gray = parsed.components.len() == 1;
        let (mcu_width, mcu_height) =
            if gray { (8, 8) } else { (factor(|c| c.horizontal), factor(|c| c.vertical)) };
        let across = page.width.div_ceil(mcu_width);
        if interval == 0 || !across.is_multiple_of(interval) {
            return Err(refused("restart intervals that do not divide the rows of the JPEG"));
        }
        let (columns, rows) = (across / interval, page.height.div_ceil(mcu_height));
        if page.starts.len() as u64 != u64::from(columns) * u64::from(rows) {
            let (found, of) = (page.starts.len(), u64::from(columns) * u64::from(rows));
            return Err(corrupt(format!("{found} restart intervals where it should have {of}")));
        }
        let interval_px = interval.saturating_mul(mcu_width);
        let group = if interval_px.is_multiple_of(TILE_PX) { 1 } else { columns };
        let group_px = u64::from(interval_px) * u64::from(group);
        if group_px.min(u64::from(page.width)) > MAX_JPEG_PX {
            return Err(refused("restart intervals that are too wide to be cut"));
        }
        let mut starts: Vec<u64> =
            page.starts.iter().map(|start| page.offset.saturating_add(*start)).collect();
        starts.push(end);
        if starts.windows(2).any(|pair| pair[0].saturating_add(2) > pair[1]) {
            return Err(corrupt("restart intervals that do not follow one another".into()));
        }
        let channels = parsed.components.len() as u8;
        let (width, height) = (page.width, page.height);
        Ok(Self { width, height, channels, header, size_at, mcu_height, columns, interval_px, group, starts })
    }

    /// Width in pixels of the groups into which a row of tiles is divided; the last one may be narrower.
    pub fn group_px(&self) -> u32 {
        self.interval_px.saturating_mul(self.group)
    }

    /// All tiles of a row of tiles in one group, from the left.
    pub fn tiles(&self, file: &PositionalFile, row: u32, group: u32) -> Result<Vec<Vec<u8>>, SlideError> {
        let (left, top) = (group.saturating_mul(self.group_px()), row.saturating_mul(TILE_PX));
        let width = self.group_px().min(self.width.saturating_sub(left)) as usize;
        let height = TILE_PX.min(self.height.saturating_sub(top)) as usize;
        let corrupt = |e: crate::codec::Error| {
            SlideError::corrupt(file.path(), "NDPI", format!("rows from pixel {top}"), e.to_string())
        };
        let jpeg = self.jpeg(file, top / self.mcu_height, group * self.group, (width, height))?;
        let side = TILE_PX as usize;
        let parts: Vec<_> = (0..width).step_by(side).map(|x| [x, 0, side.min(width - x), height]).collect();
        cut_jpeg_parts(&jpeg, &parts).map_err(corrupt)
    }

    /// Where the intervals of a row of tiles in one group lie in the file.
    pub fn ranges(&self, row: u32, group: u32) -> impl Iterator<Item = Range<u64>> + '_ {
        let (top, column) = (row.saturating_mul(TILE_PX), group.saturating_mul(self.group));
        let height = TILE_PX.min(self.height.saturating_sub(top));
        let rows = top / self.mcu_height..(top / self.mcu_height) + height.div_ceil(self.mcu_height);
        let columns = column..column.saturating_add(self.group).min(self.columns);
        let of_row = move |row: u32| {
            let at = |column: u32| row as usize * self.columns as usize + column as usize;
            Some(*self.starts.get(at(columns.start))?..*self.starts.get(at(columns.end))?)
        };
        rows.filter_map(of_row)
    }

    /// A JPEG of the intervals from a row of MCUs and a column of intervals on.
    fn jpeg(
        &self,
        file: &PositionalFile,
        mcu_row: u32,
        column: u32,
        (width, height): (usize, usize),
    ) -> Result<Vec<u8>, SlideError> {
        let mut jpeg = self.header.clone();
        let size = [(height as u16).to_be_bytes(), (width as u16).to_be_bytes()].concat();
        if let Some(to) = jpeg.get_mut(self.size_at..self.size_at + 4) {
            to.copy_from_slice(&size);
        }
        let rows = mcu_row..mcu_row + (height as u32).div_ceil(self.mcu_height);
        let columns = column..(column + self.group).min(self.columns);
        let all = rows.flat_map(|row| columns.clone().map(move |column| (row, column)));
        for (n, (row, column)) in all.enumerate() {
            let at = row as usize * self.columns as usize + column as usize;
            let (Some(&start), Some(&end)) = (self.starts.get(at), self.starts.get(at + 1)) else { break };
            if n > 0 {
                jpeg.extend([0xFF, 0xD0 + ((n - 1) % 8) as u8]);
            }
            // Each interval ends with a marker: RSTn, or the end of the image.
            let length = end - start - 2;
            if jpeg.len() as u64 + length > MAX_STRIP_BYTES {
                let problem = "restart intervals of more than 1 GiB in a row of tiles";
                return Err(SlideError::corrupt(file.path(), "NDPI", "JPEG of the first page", problem));
            }
            let from = jpeg.len();
            jpeg.resize(from + length as usize, 0);
            let failed = |source| SlideError::io(file.path(), "cannot read it", source);
            file.read_exact_at(start, jpeg.get_mut(from..).unwrap_or_default()).map_err(failed)?;
        }
        jpeg.extend([0xFF, 0xD9]);
        Ok(jpeg)
    }
}

/// Where height and width lie in a header, and its restart interval in MCUs.
fn places(header: &[u8]) -> Option<(usize, u32)> {
    let (mut at, mut size_at, mut interval) = (2, None, 0);
    while let (Some(0xFF), Some(&marker)) = (header.get(at), header.get(at + 1)) {
        let length = usize::from(u16::from_be_bytes(*header.get(at + 2..)?.first_chunk()?));
        match marker {
            0xC0 | 0xC1 => size_at = Some(at + 5),
            0xDD => interval = u32::from(u16::from_be_bytes(*header.get(at + 4..)?.first_chunk()?)),
            0xDA => break,
            _ => {}
        }
        at += 2 + length.max(2);
    }
    Some((size_at.filter(|_| interval > 0)?, interval))
}
