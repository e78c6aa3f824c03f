//! Images that are read in rows and seen turned or mirrored: read whole, turned, and given out in rows again.

use super::access::{Access, Sequential, Slide};
use super::error::SlideError;
use super::orientation::Orientation;
use super::region::{Extent, allocate};
use std::path::PathBuf;

const ADVICE: &str = "allow more memory, or save the image without an orientation";

/// The slide as it is to be seen by the value of its orientation tag. Turned pixels are held in memory, within `limit_bytes`.
pub(super) fn oriented(mut slide: Slide, tag: Option<u64>, limit_bytes: u64) -> Result<Slide, SlideError> {
    let Some(value) = tag else { return Ok(slide) };
    let Some(orientation) = Orientation::from_tag(value) else {
        let note = format!("its orientation {value} is none of 1 to 8, so it was read as it is stored");
        slide.info.warnings.push(note);
        return Ok(slide);
    };
    let Access::Sequential(rows) = &mut slide.access else { return Ok(slide) };
    if orientation.is_plain() {
        return Ok(slide);
    }
    let info = &mut slide.info;
    let bytes = (u64::from(info.width) * u64::from(info.height)).saturating_mul(u64::from(info.channels));
    let hold = || allocate(&slide.path, "an image that is stored turned", bytes, limit_bytes / 2, ADVICE);
    let (mut stored, mut pixels) = (hold()?, hold()?);
    rows.read_rows(info.height, &mut stored)?;
    (info.width, info.height) = orientation.pair((info.width, info.height));
    orientation.turn(&stored, info.width as usize, usize::from(info.channels), &mut pixels);
    info.microns_per_pixel = info.microns_per_pixel.map(|microns| orientation.pair(microns));
    info.levels = vec![(info.width, info.height)];
    let extent = Extent { width: info.width, height: info.height, channels: info.channels };
    let rows = HeldRows { path: slide.path.clone(), extent, pixels, next_row: 0 };
    slide.access = Access::Sequential(Box::new(rows));
    Ok(slide)
}

struct HeldRows {
    path: PathBuf,
    extent: Extent,
    pixels: Vec<u8>,
    next_row: u32,
}

impl Sequential for HeldRows {
    fn read_rows(&mut self, rows: u32, out: &mut [u8]) -> Result<(), SlideError> {
        self.extent.check_rows(&self.path, self.next_row, rows, out.len())?;
        // All pixels are in memory, so an offset of one fits a usize.
        let start = u64::from(self.next_row) * self.extent.row_bytes();
        let held = self.pixels.get(start as usize..).and_then(|rest| rest.get(..out.len()));
        out.copy_from_slice(held.ok_or_else(|| {
            SlideError::corrupt(&self.path, "image", format!("row {}", self.next_row), "the row is missing")
        })?);
        self.next_row += rows;
        Ok(())
    }
}
