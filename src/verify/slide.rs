//! Checks a slide: every pixel of its full resolution can be read.

use crate::backend::scheduler::{Scheduler, family_bytes};
use crate::error::diagnosis::{Diagnose, FaultKind};
use crate::error::{Error, Result};
use crate::image::geometry::Geometry;
use crate::pyramid::regions::region_jobs;
use crate::slide::Slide;

/// A region is a family of tiles of this size, as `encode` reads them.
const TILE_PX: u32 = 256;

/// How many regions a slide of this size has; 0 for one that is too large for a tree.
pub fn region_count(width: u32, height: u32) -> u64 {
    Geometry::new(width, height, TILE_PX).map_or(0, |geometry| geometry.family_count())
}

/// What was checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VerifiedSlide {
    /// Regions that could be read.
    pub regions: u64,
    /// Pixels in them.
    pub pixels: u64,
}

/// Reads all pixels once. Calls `progress` with the number of regions tried, and `fault` for each region that cannot be read, row by row.
/// Rows that are stored one after the
/// other, as in a PNG, end at the first fault, because nothing below it can be read.
///
/// # Errors
/// A slide that is too large for a tree; an interrupted run.
pub fn verify_slide(
    slide: &mut Slide,
    scheduler: &Scheduler,
    progress: &dyn Fn(u64),
    fault: &mut dyn FnMut(Error),
) -> Result<VerifiedSlide> {
    let geometry = Geometry::new(slide.info.width, slide.info.height, TILE_PX)?;
    let mut done = VerifiedSlide::default();
    let mut tried = 0;
    let jobs = region_jobs(slide, geometry, 0..usize::MAX);
    let last = scheduler.pipelined(
        0,
        family_bytes(&geometry),
        jobs.map(|job| job.map_err(Error::from)),
        |(_, job)| async move {
            let read = job.run().await;
            Ok(read.map(|region| u64::from(region.rect.width) * u64::from(region.rect.height)))
        },
        |pixels| {
            match pixels {
                Ok(pixels) => {
                    done.regions += 1;
                    done.pixels += pixels;
                }
                Err(e) => fault(e.into()),
            }
            tried += 1;
            progress(tried);
            Ok(())
        },
    );
    match last {
        Err(e) if e.diagnosis().kind == FaultKind::Interrupted => return Err(e),
        Err(e) => fault(e),
        Ok(()) => {}
    }
    Ok(done)
}
