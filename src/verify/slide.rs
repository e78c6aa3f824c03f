//! Checks a slide: every pixel of all its resolutions can be read.

use crate::backend::scheduler::{Scheduler, family_bytes};
use crate::error::diagnosis::{Diagnose, FaultKind};
use crate::error::{Error, Result};
use crate::image::geometry::{FamilyId, Geometry};
use crate::image::spare;
use crate::pyramid::regions::region_jobs;
use crate::slide::{Access, RandomAccess, Region, Slide, SlideError};

/// A region is a family of tiles of this size, as `encode` reads them.
const TILE_PX: u32 = 256;

/// How many regions the full resolution of a slide of this size has; 0 for one that is too large for a tree.
pub fn region_count(width: u32, height: u32) -> u64 {
    Geometry::new(width, height, TILE_PX).map_or(0, |geometry| geometry.family_count())
}

/// What was checked of the full resolution.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VerifiedSlide {
    /// Regions that could be read.
    pub regions: u64,
    /// Pixels in them.
    pub pixels: u64,
}

/// Reads all pixels once, of the full resolution and then of the smaller ones that the file has. Calls `progress` with the number of regions
/// of the full one tried, and `fault` for each region that cannot be read, row by row.
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
    smaller(slide, scheduler, fault)?;
    Ok(done)
}

/// Reads all smaller resolutions.
fn smaller(slide: &Slide, scheduler: &Scheduler, fault: &mut dyn FnMut(Error)) -> Result<()> {
    let Access::Random(pixels) = &slide.access else { return Ok(()) };
    let (pixels, channels) = (&**pixels, slide.info.channels);
    for (level, &size) in slide.info.levels.iter().enumerate().skip(1) {
        let geometry = Geometry::new(size.0, size.1, TILE_PX)?;
        let families = (0..).map_while(|number| geometry.family_at(number));
        scheduler.pipelined(
            0,
            family_bytes(&geometry),
            families.map(Ok::<_, Error>),
            |id| {
                let read = read_level(pixels, level, &geometry, id, channels);
                std::future::ready(Ok(read.map_err(|fault| fault.of_level(size))))
            },
            |read| {
                if let Err(e) = read {
                    fault(e.into());
                }
                Ok(())
            },
        )?;
    }
    Ok(())
}

fn read_level(
    pixels: &dyn RandomAccess,
    level: usize,
    geometry: &Geometry,
    id: FamilyId,
    channels: u8,
) -> std::result::Result<(), SlideError> {
    let rect = geometry.family_rect(id);
    let mut samples = spare::samples(rect.width as usize * rect.height as usize * usize::from(channels));
    let region = Region { x: rect.x, y: rect.y, width: rect.width, height: rect.height };
    let read = pixels.read_level(level, region, &mut samples);
    spare::give(samples);
    read
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slide::OpenOptions;

    /// A TIFF of 300 x 300 pixels with a smaller resolution, whose strip has so many bytes.
    fn tiff(smaller_bytes: u32) -> Vec<u8> {
        let mut out = b"II*\0\x08\0\0\0".to_vec();
        for (side, bytes, next) in [(300, 90_000, 122u32), (150, smaller_bytes, 0)] {
            out.extend(9u16.to_le_bytes());
            let tags: [(u16, u32); 9] = [
                (256, side),
                (257, side),
                (258, 8),
                (259, 1),
                (262, 1),
                (273, 236),
                (277, 1),
                (278, side),
                (279, bytes),
            ];
            for (tag, value) in tags {
                out.extend([tag, 4].map(u16::to_le_bytes).concat());
                out.extend([1, value].map(u32::to_le_bytes).concat());
            }
            out.extend(next.to_le_bytes());
        }
        out.resize(236 + 90_000, 7);
        out
    }

    #[test]
    fn damage_of_a_smaller_resolution_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tif");
        let faults = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            let mut slide = Slide::open(&path, &OpenOptions::default()).unwrap();
            assert_eq!(slide.info.levels, [(300, 300), (150, 150)]);
            let (mut faults, scheduler) = (Vec::new(), Scheduler::new(1).unwrap());
            let mut tell = |fault: Error| faults.push(fault.to_string());
            let done = verify_slide(&mut slide, &scheduler, &|_| (), &mut tell).unwrap();
            assert_eq!((done.regions, done.pixels), (1, 90_000));
            faults
        };
        assert_eq!(faults(&tiff(22_500)), [""; 0]);
        let found = faults(&tiff(100));
        assert!(
            found.len() == 1 && found[0].contains("resolution of 150x150 pixels, strip at pixel row 0"),
            "{found:?}"
        );
    }
}
