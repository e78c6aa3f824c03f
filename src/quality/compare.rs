//! Compares two images at full size: PSNR, SSIM, Delta E, and where they differ most.

use super::metrics::{DeltaE, SquaredError, SsimRows};
use super::rows::{BAND_PX, Band, RowSource};
use crate::backend::scheduler::Scheduler;
use crate::error::{Error, Result};

/// Side in pixels of the cells among which the one with the largest error is found.
pub const CELL_PX: u32 = BAND_PX;
/// Rows of colour that one job compares.
const COLOUR_ROWS: usize = 16;

/// The result of a comparison.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// Whether every pixel is the same.
    pub identical: bool,
    /// PSNR of luma in dB; infinite for equal images.
    pub y_psnr: f64,
    /// PSNR over all RGB samples in dB; `None` where colour was not compared.
    pub rgb_psnr: Option<f64>,
    /// Mean SSIM of luma; `None` for images smaller than its window.
    pub ssim: Option<f64>,
    /// Mean Delta E 2000; `None` where colour was not compared.
    pub delta_e: Option<f64>,
    /// 95th percentile of Delta E 2000; `None` where colour was not compared.
    pub delta_e_p95: Option<f64>,
    /// Left upper corner of the cell of [`CELL_PX`] with the largest sum of luma differences; (0, 0) in an image without a whole cell.
    pub worst_px: (u32, u32),
}

/// Compares `tree` with `reference`, with colour or luma alone. Calls `progress` with the number of rows compared. Memory grows with
/// the width of the images, not with their height.
///
/// ```no_run
/// use std::path::Path;
///
/// use origami::backend::scheduler::Scheduler;
/// use origami::quality::compare::compare;
/// use origami::quality::rows::RowSource;
/// use origami::slide::OpenOptions;
///
/// let mut slide = RowSource::slide(Path::new("slide.svs"), &OpenOptions::default())?;
/// let mut bundle = RowSource::bundle(Path::new("out/residual_packs/residuals.bundle"))?;
/// let found = compare(&mut slide, &mut bundle, true, &Scheduler::new(0)?, &|_| {})?;
/// println!("Y-PSNR {:.2} dB, worst at {:?}", found.y_psnr, found.worst_px);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Images of different sizes; those of reading.
pub fn compare(
    reference: &mut RowSource,
    tree: &mut RowSource,
    colour: bool,
    scheduler: &Scheduler,
    progress: &dyn Fn(u64),
) -> Result<Comparison> {
    let (width, height) = reference.size();
    if tree.size() != (width, height) {
        let paths = [reference.path().to_path_buf(), tree.path().to_path_buf()];
        return Err(Error::OtherSize { paths, sizes_px: [(width, height), tree.size()] });
    }
    let row = width as usize;
    let (mut luma, mut rgb, mut delta_e) = (SquaredError::new(), SquaredError::new(), DeltaE::new());
    let mut ssim = SsimRows::new(row);
    let (mut worst, mut identical) = ((0, (0, 0)), true);
    for top in (0..height).step_by(BAND_PX as usize) {
        let rows = BAND_PX.min(height - top);
        let (a, b) = (reference.band(top, rows, scheduler)?, tree.band(top, rows, scheduler)?);
        identical &= a.rgb == b.rgb;
        luma.add(&a.luma, &b.luma);
        for (a, b) in a.luma.chunks_exact(row).zip(b.luma.chunks_exact(row)) {
            ssim.push(a, b);
        }
        if rows == CELL_PX {
            worst = worst.max(worst_cell(&a, &b, width, top));
        }
        if colour {
            rgb.add(&a.rgb, &b.rgb);
            add_delta_e(&mut delta_e, &a, &b, 3 * row * COLOUR_ROWS, scheduler)?;
        }
        progress(u64::from(top + rows));
    }
    Ok(Comparison {
        identical,
        y_psnr: luma.psnr().unwrap_or(f64::INFINITY),
        rgb_psnr: rgb.psnr(),
        ssim: ssim.finish().mean(),
        delta_e: delta_e.mean(),
        delta_e_p95: delta_e.percentile(0.95),
        worst_px: worst.1,
    })
}

/// The largest sum of luma differences of a band's whole cells, and the corner of its cell.
fn worst_cell(a: &Band, b: &Band, width: u32, top: u32) -> (u64, (u32, u32)) {
    let cell = CELL_PX as usize;
    let error = |left: u32| -> u64 {
        let row = |y: usize| {
            let at = y * width as usize + left as usize;
            a.luma[at..][..cell].iter().zip(&b.luma[at..][..cell])
        };
        (0..cell).flat_map(row).map(|(&a, &b)| u64::from(a.abs_diff(b))).sum()
    };
    let corners = (0..width / CELL_PX).map(|i| i * CELL_PX);
    corners.map(|left| (error(left), (left, top))).max().unwrap_or_default()
}

/// Delta E is slow to compute, so parts of `part` samples go to all threads.
fn add_delta_e(sum: &mut DeltaE, a: &Band, b: &Band, part: usize, scheduler: &Scheduler) -> Result<()> {
    scheduler.ordered(
        1,
        a.rgb.chunks(part).zip(b.rgb.chunks(part)).map(Ok::<_, Error>),
        |(a, b)| {
            let mut delta_e = DeltaE::new();
            delta_e.add(a, b);
            Ok(delta_e)
        },
        |delta_e| {
            sum.merge(&delta_e);
            Ok(())
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_cell_is_the_whole_one_with_the_largest_difference() {
        let (width, top) = (2 * CELL_PX + 7, 3 * CELL_PX);
        let n = (width * BAND_PX) as usize;
        let plain = || Band { luma: vec![100; n], rgb: Vec::new() };
        let (a, mut b) = (plain(), plain());
        assert_eq!(worst_cell(&a, &b, width, top), (0, (CELL_PX, top)));
        b.luma[5] = 90;
        b.luma[(width + CELL_PX) as usize] = 120;
        // The columns beyond the last whole cell do not count.
        b.luma[width as usize - 1] = 255;
        assert_eq!(worst_cell(&a, &b, width, top), (20, (CELL_PX, top)));
    }
}
