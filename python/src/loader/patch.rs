//! One sample: around one centre, a patch at each magnification, resampled where no level of the slide has it.

use std::collections::BTreeMap;
use std::sync::Arc;

use origami::image::geometry::Rect;
use origami::kernels::taps::Filter;

use super::pool::{Held, Pool};
use super::scale::{Part, scaled};
use super::stream::Reader;
use crate::errors::{Error, Result};
use origami::pixels::{Layout, Patch, Reading, Source};

/// How a patch of one magnification is read of one slide.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View {
    /// The level to read.
    pub level: usize,
    /// The side to read, in pixels of the level.
    pub side: u32,
}

/// Where a sample lies.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// The slide's number.
    pub slide: usize,
    /// Its centre, in pixels of the full resolution.
    pub centre: (f64, f64),
}

/// Where the samples of a data set lie, and how they are read.
pub struct Samples {
    /// The place of each.
    pub places: Vec<Place>,
    /// For each slide, the view of each magnification.
    pub views: Vec<Vec<View>>,
    /// For each magnification, the side of its patches in pixels.
    pub sides: Vec<u32>,
}

/// Reads the samples of a data set: for each magnification a patch in RGB.
pub struct PatchReader {
    /// The slides.
    pub pool: Arc<Pool>,
    /// Where the samples lie.
    pub samples: Arc<Samples>,
    /// Whether neighbours are not expected: see [`Reading`].
    pub alone: bool,
    /// Where the channels of a patch lie.
    pub layout: Layout,
}

impl Reader for PatchReader {
    fn output_bytes(&self) -> Vec<usize> {
        self.samples.sides.iter().map(|&side| 3 * side as usize * side as usize).collect()
    }

    fn read(&self, sample: i64, out: &mut [&mut [u8]]) -> Result<()> {
        let Samples { places, views, sides } = &*self.samples;
        let none = || Error::Argument(format!("there is no sample {sample}: there are {}", places.len()));
        let place = usize::try_from(sample).ok().and_then(|at| places.get(at)).ok_or_else(none)?;
        let views = views.get(place.slide).ok_or_else(none)?;
        for ((&view, &side), out) in views.iter().zip(sides).zip(out) {
            let read = self.read_view(*place, view, side, out);
            self.pool.explained(place.slide, read)?;
        }
        Ok(())
    }

    fn is_far(&self) -> bool {
        self.pool.is_far()
    }

    fn fetch(&self, samples: &[i64]) -> Result<Held> {
        let Samples { places, views, .. } = &*self.samples;
        let mut of_slide: BTreeMap<usize, Vec<Place>> = BTreeMap::new();
        for place in samples.iter().filter_map(|&sample| places.get(usize::try_from(sample).ok()?)) {
            of_slide.entry(place.slide).or_default().push(*place);
        }
        let slides: Vec<usize> = of_slide.keys().copied().collect();
        self.pool.fetch(&slides, |slide, source| {
            let views = views.get(slide).into_iter().flatten();
            let places = &of_slide[&slide];
            let of_view = |&view: &View| {
                places.iter().filter_map(move |&place| Some((view.level, view.region(source, place)?)))
            };
            views.flat_map(of_view).collect()
        })
    }
}

impl View {
    /// The left upper corner of the patch around a centre, in pixels of the level.
    fn corner(self, slide: &dyn Source, place: Place) -> (i64, i64) {
        let scale = slide.downsample(self.level);
        let corner = |centre: f64| (centre / scale - f64::from(self.side) / 2.0).round() as i64;
        (corner(place.centre.0), corner(place.centre.1))
    }

    /// What of the patch lies inside the level.
    fn region(self, slide: &dyn Source, place: Place) -> Option<Rect> {
        let ((x, y), side) = (self.corner(slide, place), self.side as usize);
        let size = slide.levels().get(self.level).copied().unwrap_or_default();
        Patch { x, y, width: side, height: side, layout: Layout::Planes, data: &mut [] }.inside(size)
    }
}

/// Colour of what lies beyond a slide.
const GLASS: u8 = 255;

impl PatchReader {
    /// Reads the patch of a place, of `out_side` pixels a side, into `out`: RGB, `3 * out_side^2` bytes.
    fn read_view(&self, place: Place, view: View, out_side: u32, out: &mut [u8]) -> Result<()> {
        let slide = self.pool.get(place.slide)?;
        let ((x, y), side) = (view.corner(&*slide, place), view.side as usize);
        let how = Reading { alone: self.alone, goes_on: &|| true };
        if view.side == out_side {
            let mut patch = Patch { x, y, width: side, height: side, layout: self.layout, data: out };
            let size = slide.levels().get(view.level).copied().unwrap_or_default();
            if patch.inside(size).is_none_or(|inside| (inside.width, inside.height) != (out_side, out_side)) {
                patch.data.fill(GLASS);
            }
            return Ok(slide.read(view.level, &mut patch, how)?);
        }
        let mut rgb = vec![GLASS; 3 * side * side];
        let layout = Layout::Interleaved;
        let mut patch = Patch { x, y, width: side, height: side, layout, data: &mut rgb };
        slide.read(view.level, &mut patch, how)?;
        let part = Part { x: 0, y: 0, width: side, height: side };
        let size = (out_side as usize, out_side as usize);
        scaled(&rgb, side, part, size, Filter::Lanczos3, self.layout, out);
        Ok(())
    }
}
