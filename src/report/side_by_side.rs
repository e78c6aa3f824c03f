//! A picture of a part of two images and their difference, for people.

use crate::backend::scheduler::Scheduler;
use crate::error::Result;
use crate::quality::rows::{BAND_PX, RowSource};
use crate::report::picture::Picture;

/// Columns of white between the parts.
const GAP_PX: usize = 8;
/// Factor on the difference.
const GAIN: i32 = 4;

/// Puts a region (x, y, width, height) of the reference, the same of the tree, and four times their difference around gray side by
/// side. Both images are read from the top, so a sequential slide must be freshly opened.
///
/// # Errors
/// Those of reading.
///
/// # Panics
/// If the region does not lie inside both images.
pub fn side_by_side(
    reference: &mut RowSource,
    tree: &mut RowSource,
    [x, y, w, h]: [u32; 4],
    scheduler: &Scheduler,
) -> Result<Picture> {
    let (image_width, image_height) = reference.size();
    let part = w as usize;
    let width = 3 * part + 2 * GAP_PX;
    let mut rgb = vec![255u8; 3 * width * h as usize];
    for top in (0..y + h).step_by(BAND_PX as usize) {
        let rows = BAND_PX.min(image_height - top);
        let (a, b) = (reference.band(top, rows, scheduler)?, tree.band(top, rows, scheduler)?);
        for row in top.max(y)..(top + rows).min(y + h) {
            let from = 3 * ((row - top) as usize * image_width as usize + x as usize);
            let line = &mut rgb[3 * width * (row - y) as usize..][..3 * width];
            for i in 0..3 * part {
                let (p, q) = (a.rgb[from + i], b.rgb[from + i]);
                line[i] = p;
                line[3 * (part + GAP_PX) + i] = q;
                line[3 * 2 * (part + GAP_PX) + i] =
                    (128 + GAIN * (i32::from(q) - i32::from(p))).clamp(0, 255) as u8;
            }
        }
    }
    Ok(Picture { width, height: h as usize, rgb })
}
