//! Reads the pixels of families from a slide, one region a family.

use super::ahead::Ahead;
use super::error::Result;
use super::levels::{crop, halve, halve_into};
use super::loaded::{Job, L2Pixels, LoadedFamily};
use crate::image::family::{Pixels, SourceFamily};
use crate::image::geometry::{FamilyId, Geometry, Rect};
use crate::image::plane::Plane;
use crate::image::spare;
use crate::image::spec::FAMILY_FACTOR;
use crate::image::ycc::Ycc;
use crate::slide::{Access, RandomAccess, Region, Sequential, Slide};
use crate::store::Arrival;

/// Pixels of one family at full resolution.
pub struct FamilyRegion {
    /// Interleaved samples, rows tightly packed.
    pub samples: Vec<u8>,
    /// Where they lie in the slide.
    pub rect: Rect,
    /// 1 gray, 3 RGB.
    pub channels: usize,
}

/// Reads the region of one family.
pub type RegionJob<'a> = Job<'a, FamilyRegion>;

/// One job for each of these `families`, whose ascending numbers count row by row. A sequential slide is read one row of families ahead,
/// on the thread that advances the iterator, and from its first row on.
pub fn region_jobs<'a>(
    slide: &'a mut Slide,
    geometry: Geometry,
    families: impl Iterator<Item = usize> + Send + 'a,
) -> Box<dyn Iterator<Item = Result<(FamilyId, RegionJob<'a>)>> + 'a> {
    let channels = usize::from(slide.info.channels);
    match &mut slide.access {
        Access::Random(pixels) => {
            let pixels: &'a dyn RandomAccess = &**pixels;
            let ahead = announced(pixels, geometry, families);
            Box::new(ahead.map(move |(id, arrival)| {
                Ok((id, Job::new(arrival, move || read_region(pixels, &geometry, id, channels))))
            }))
        }
        Access::Sequential(rows) => {
            let rows: &'a mut dyn Sequential = &mut **rows;
            let stride = geometry.width() as usize * channels;
            let (mut band, mut read) = (Vec::new(), 0);
            Box::new(numbered(geometry, families).map(move |id| {
                let rect = geometry.family_rect(id);
                while read < rect.y + rect.height {
                    // All rows of families but the last are as high.
                    let height = (geometry.tile() * FAMILY_FACTOR).min(rect.y + rect.height - read);
                    band.resize(height as usize * stride, 0);
                    rows.read_rows(height, &mut band)?;
                    read += height;
                }
                // Cropped here and not in the job, so that only one row of families is in memory.
                let (x, width, height) = (rect.x as usize, rect.width as usize, rect.height as usize);
                let samples = crop(&band, geometry.width() as usize, channels, x, 0, width, height);
                Ok((id, Job::new(Arrival::default(), move || Ok(FamilyRegion { samples, rect, channels }))))
            }))
        }
    }
}

/// Families by their numbers, up to the first that is beyond the last.
pub(super) fn numbered<I: Iterator<Item = usize> + Send>(
    geometry: Geometry,
    families: I,
) -> impl Iterator<Item = FamilyId> + Send + use<I> {
    families.map_while(move |number| geometry.family_at(number))
}

/// These families, by their numbers, each with what there is to wait for.
pub(super) fn announced(
    pixels: &dyn RandomAccess,
    geometry: Geometry,
    families: impl Iterator<Item = usize> + Send,
) -> impl Iterator<Item = (FamilyId, Arrival)> {
    Ahead::new(numbered(geometry, families), move |id| {
        let Rect { x, y, width, height } = geometry.family_rect(id);
        pixels.will_read(Region { x, y, width, height })
    })
}

/// Reads the region of a family from a slide with random access.
pub(super) fn read_region(
    pixels: &dyn RandomAccess,
    geometry: &Geometry,
    id: FamilyId,
    channels: usize,
) -> Result<FamilyRegion> {
    let rect = geometry.family_rect(id);
    let len = rect.width as usize * rect.height as usize * channels;
    let mut samples = spare::samples(len);
    pixels.read(rect.x, rect.y, rect.width, rect.height, &mut samples)?;
    Ok(FamilyRegion { samples, rect, channels })
}

impl FamilyRegion {
    /// The family of these pixels, with its pixels at L2 size.
    pub(super) fn into_family(self, geometry: &Geometry, id: FamilyId) -> LoadedFamily {
        let Self { samples, rect, channels } = self;
        let (width, height) = (rect.width as usize, rect.height as usize);
        let mut half = spare::samples(width.div_ceil(2) * height.div_ceil(2) * channels);
        let (w, h) = halve_into(&samples, width, height, channels, &mut half);
        let (quarter, w, h) = halve(&half, w, h, channels);
        spare::give(half);
        let image = match channels {
            1 => Pixels::Ycc(Ycc::gray(Plane::from_vec(width, height, samples))),
            _ => Pixels::Rgb(Plane::from_vec(3 * width, height, samples)),
        };
        let tile = geometry.tile() as usize;
        let family = SourceFamily { id, tile, image, tile_bytes: Vec::new() };
        LoadedFamily { family, l2_pixels: Some(L2Pixels { samples: quarter, width: w, height: h }) }
    }
}
