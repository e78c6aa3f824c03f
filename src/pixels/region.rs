//! A rectangle of the full resolution at any scale: how large its image is, which level it is read from, and its resampling.
//!
//! The scale is a ratio of whole numbers on each axis: the sides of the image over those of the rectangle, whose edges coincide. Pixels
//! beyond the rectangle have no part in it, but for those that a pixel of the level at its edge stands for.

use std::fmt;

use super::scale::Ratio;
use super::{Layout, Patch, Rgb};
use crate::image::geometry::Rect;
use crate::image::plane::Plane;
use crate::kernels::resample::{Scratch, resample};
use crate::kernels::taps::{Filter, Taps};

/// Pixels by which a level of a slide may differ from a power of two of the full resolution: some scanners round down.
const MAX_ROUNDING_PX: u32 = 2;
/// The last level that can be asked for.
const MAX_LEVEL: u32 = 31;

/// How large the image of a rectangle is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scale {
    /// Pixels of the image for one of the full resolution. Sides are rounded to the nearest pixel.
    Ratio(Ratio),
    /// Micrometres per pixel of the image, of a slide that says its own. Sides are rounded to the nearest pixel.
    Microns(f64),
    /// Each level has half of the pixels a side of the one before, from 0, the full resolution. Sides are rounded up, as those of
    /// levels are.
    Level(u32),
}

/// Most pixels of an image, and of what it is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Of a side of the image.
    pub side_px: u32,
    /// Of the image.
    pub area_px: u64,
    /// Of the part of a level that is read for it.
    pub read_px: u64,
}

/// Why a rectangle has no image.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RegionError {
    /// It is not inside of the slide, or empty.
    #[error("the rectangle {rect} does not lie in the slide, which is {width}x{height}: {problem}")]
    Outside {
        /// The rectangle.
        rect: Place,
        /// Pixels of the slide across.
        width: u32,
        /// Pixels of the slide down.
        height: u32,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Not a size of pixels.
    #[error("{0} is no number of microns per pixel; give one above 0")]
    NoMicrons(f64),
    /// The slide does not say its own.
    #[error("the slide does not say its microns per pixel; give a scale or a level")]
    UnknownMicrons,
    /// A level that no slide has.
    #[error("there is no level {0}; levels are 0, the full resolution, to {last}", last = MAX_LEVEL)]
    Level(u32),
    /// An image over the limits.
    #[error(
        "the image would be {width}x{height}; it may have {side} pixels a side and {area} in all: ask for less, or for a coarser scale",
        side = limits.side_px, area = limits.area_px
    )]
    TooLarge {
        /// Its width.
        width: u32,
        /// Its height.
        height: u32,
        /// What it may be.
        limits: Limits,
    },
    /// Too much to read.
    #[error(
        "{pixels} pixels would be read for it, at most {most} are: the slide has no level near this scale; ask for less, or for a finer scale"
    )]
    TooMuch {
        /// Pixels of the level nearest to the scale.
        pixels: u64,
        /// How many are read.
        most: u64,
    },
}

/// A rectangle as it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Left edge.
    pub x: u64,
    /// Top edge.
    pub y: u64,
    /// Pixels across.
    pub width: u64,
    /// Pixels down.
    pub height: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},{},{},{}", self.x, self.y, self.width, self.height)
    }
}

/// A rectangle of the full resolution, and the size of its image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    rect: Rect,
    size: (u32, u32),
}

impl Region {
    /// A rectangle of a slide of `full` pixels, which has `microns` per pixel across and down.
    ///
    /// # Errors
    /// A rectangle that does not lie inside; a scale that makes no sense; an image that would be too large.
    pub fn new(
        (full, microns): ((u32, u32), Option<(f64, f64)>),
        place: Place,
        scale: Scale,
        limits: Limits,
    ) -> Result<Self, RegionError> {
        let rect = inside(place, full)?;
        let size = match scale {
            Scale::Ratio(ratio) => (ratio.of(rect.width), ratio.of(rect.height)),
            Scale::Microns(asked) if !(asked.is_finite() && asked > 0.0) => {
                return Err(RegionError::NoMicrons(asked));
            }
            Scale::Microns(asked) => {
                let own = microns.ok_or(RegionError::UnknownMicrons)?;
                // Numbers that are too large become the largest, which is over the limits.
                let side = |length: u32, own: f64| (f64::from(length) * own / asked).round().max(1.0) as u32;
                (side(rect.width, own.0), side(rect.height, own.1))
            }
            Scale::Level(level) if level > MAX_LEVEL => return Err(RegionError::Level(level)),
            Scale::Level(level) => (rect.width.div_ceil(1 << level), rect.height.div_ceil(1 << level)),
        };
        let area = u64::from(size.0) * u64::from(size.1);
        if size.0.max(size.1) > limits.side_px || area > limits.area_px {
            return Err(RegionError::TooLarge { width: size.0, height: size.1, limits });
        }
        Ok(Self { rect, size })
    }

    /// Width and height of the image.
    pub fn size(&self) -> (u32, u32) {
        self.size
    }

    /// What of the slide it shows.
    pub fn rect(&self) -> Rect {
        self.rect
    }

    /// Where it is read: at the coarsest of the levels that has as many pixels as the image.
    ///
    /// # Errors
    /// A slide that has no level near the scale, so that too much would be read.
    pub fn plan(&self, levels: &[(u32, u32)], limits: Limits) -> Result<Plan, RegionError> {
        let full = levels.first().copied().unwrap_or_default();
        let ratios = |own: (u32, u32)| (ratio(full.0, own.0), ratio(full.1, own.1));
        let has_enough = |&(_, &own): &(usize, &(u32, u32))| {
            let (across, down) = ratios(own);
            (f64::from(self.rect.width) / across).ceil() >= f64::from(self.size.0)
                && (f64::from(self.rect.height) / down).ceil() >= f64::from(self.size.1)
        };
        let found = levels.iter().enumerate().rev().find(has_enough);
        let (level, own) = found.map_or((0, full), |(level, &own)| (level, own));
        let (across, down) = ratios(own);
        let rect = self.rect;
        let (x, width, columns) = span((rect.x, rect.width, full.0), (own.0, across), self.size.0);
        let (y, height, rows) = span((rect.y, rect.height, full.1), (own.1, down), self.size.1);
        let plan = Plan { level, rect: Rect { x, y, width, height }, columns, rows, size: self.size };
        // An image that has another shape than what is read of it may need more for what is scaled across.
        match plan.pixels().max(plan.across()) {
            pixels if pixels > limits.read_px => Err(RegionError::TooMuch { pixels, most: limits.read_px }),
            _ => Ok(plan),
        }
    }
}

/// A rectangle inside a slide of `full` pixels.
fn inside(place: Place, (width, height): (u32, u32)) -> Result<Rect, RegionError> {
    let outside = |problem| RegionError::Outside { rect: place, width, height, problem };
    let span = |start: u64, length: u64, whole: u32| {
        let end = start.checked_add(length).filter(|&end| end <= whole.into());
        // Both are at most `whole`.
        end.map(|_| (start as u32, length as u32))
    };
    if place.width == 0 || place.height == 0 {
        return Err(outside("its width and height must be at least 1"));
    }
    let (x, width_px) =
        span(place.x, place.width, width).ok_or_else(|| outside("it reaches beyond its right edge"))?;
    let (y, height_px) =
        span(place.y, place.height, height).ok_or_else(|| outside("it reaches beyond its lower edge"))?;
    Ok(Rect { x, y, width: width_px, height: height_px })
}

/// Pixels of the full resolution for one of a level: a power of two where the level is one, else the ratio of both.
fn ratio(full: u32, own: u32) -> f64 {
    let plain = f64::from(full) / f64::from(own.max(1));
    let power = plain.log2().round().clamp(0.0, f64::from(MAX_LEVEL)) as u32;
    let near = full.div_ceil(1 << power).abs_diff(own) <= MAX_ROUNDING_PX.min(own / 16);
    if near { f64::from(1u32 << power) } else { plain }
}

/// One axis of a read: first pixel and number of pixels of a level of `own` pixels, and where the `out` samples of the image lie among
/// them.
fn span((start, length, full): (u32, u32, u32), (own, ratio): (u32, f64), out: u32) -> (u32, u32, Window) {
    let end = start + length;
    let (from, to) = (f64::from(start) / ratio, f64::from(end) / ratio);
    // The last pixel of a level may stand for fewer than the others.
    let to = if end == full && to.ceil() == f64::from(own) { f64::from(own) } else { to };
    let first = (from.floor() as u32).min(own - 1);
    let last = (to.ceil() as u32).min(own).max(first + 1);
    let window = Window { start: from - f64::from(first), step: (to - from) / f64::from(out) };
    (first, last - first, window)
}

/// The samples of an image on one axis, in pixels of what is read.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Window {
    start: f64,
    step: f64,
}

impl Window {
    /// The table of an axis of which `length` pixels are read; `None` where these are the samples.
    fn taps(self, length: u32, out: u32) -> Option<Taps> {
        let is_same = self.start == 0.0 && self.step == 1.0 && length == out;
        let window = (self.start, self.step);
        (!is_same).then(|| Taps::window(Filter::Bicubic, length as usize, window, out as usize))
    }
}

/// How a region is read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// Number of the level, from 0, the full resolution.
    pub level: usize,
    /// The part of it that is read.
    pub rect: Rect,
    columns: Window,
    rows: Window,
    size: (u32, u32),
}

impl Plan {
    /// Pixels that are read.
    pub fn pixels(&self) -> u64 {
        u64::from(self.rect.width) * u64::from(self.rect.height)
    }

    /// Bytes that a read holds at its peak, besides what the source needs for a part: the planes of both images, and the rows of one
    /// that are scaled across.
    pub fn peak_bytes(&self) -> u64 {
        let made = u64::from(self.size.0) * u64::from(self.size.1);
        3 * self.pixels() + 2 * self.across() + 6 * made
    }

    /// Pixels of the rows that are scaled across and not yet down.
    fn across(&self) -> u64 {
        u64::from(self.size.0) * u64::from(self.rect.height)
    }

    /// The pixels of the image. `fill` reads the patch that it is given from [`Self::level`], as [`Source::read`](super::Source::read)
    /// does.
    ///
    /// # Errors
    /// Those of `fill`.
    pub fn read<E>(&self, fill: impl FnOnce(&mut Patch<'_>) -> Result<(), E>) -> Result<Rgb, E> {
        let Rect { x, y, width, height } = self.rect;
        let (w, h) = (width as usize, height as usize);
        let (columns, rows) = (self.columns.taps(width, self.size.0), self.rows.taps(height, self.size.1));
        let is_read = columns.is_none() && rows.is_none();
        let layout = if is_read { Layout::Interleaved } else { Layout::Planes };
        let mut data = vec![0; 3 * w * h];
        let mut patch = Patch { x: x.into(), y: y.into(), width: w, height: h, layout, data: &mut data };
        fill(&mut patch)?;
        if is_read {
            return Ok(Rgb { width: w, height: h, data });
        }
        let same = |length| Taps::upsample(Filter::Bicubic, length, 1, length);
        let (columns, rows) = (columns.unwrap_or_else(|| same(w)), rows.unwrap_or_else(|| same(h)));
        Ok(resampled(data, (w, h), &columns, &rows))
    }
}

/// Scales three planes, which lie one after the other.
fn resampled(mut data: Vec<u8>, (width, height): (usize, usize), columns: &Taps, rows: &Taps) -> Rgb {
    let (blue, green) = (data.split_off(2 * width * height), data.split_off(width * height));
    let mut scratch = Scratch::default();
    let scaled = [data, green, blue].map(|samples| {
        let mut out = Plane::default();
        resample(Plane::from_vec(width, height, samples).view(), columns, rows, &mut out, &mut scratch);
        out
    });
    drop(scratch);
    let [red, green, blue] = &scaled;
    let (width, height) = (columns.out_len(), rows.out_len());
    let mut data = Vec::with_capacity(3 * width * height);
    for y in 0..height {
        for ((&red, &green), &blue) in red.row(y).iter().zip(green.row(y)).zip(blue.row(y)) {
            data.extend([red, green, blue]);
        }
    }
    Rgb { width, height, data }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { side_px: 8192, area_px: 1 << 24, read_px: 1 << 26 };
    /// Levels of a pyramid of 10,001 x 8,000 pixels.
    const PYRAMID: [(u32, u32); 4] = [(10_001, 8000), (5001, 4000), (2501, 2000), (1251, 1000)];

    fn region(place: (u64, u64, u64, u64), scale: Scale) -> Result<Region, RegionError> {
        let (x, y, width, height) = place;
        Region::new((PYRAMID[0], Some((0.25, 0.5))), Place { x, y, width, height }, scale, LIMITS)
    }

    fn ratio(text: &str) -> Scale {
        Scale::Ratio(Ratio::parse(text).unwrap())
    }

    /// The level, the part of it, and whether it is taken as it is.
    fn planned(place: (u64, u64, u64, u64), scale: Scale, levels: &[(u32, u32)]) -> (usize, [u32; 4], bool) {
        let region = region(place, scale).unwrap();
        let plan = region.plan(levels, LIMITS).unwrap();
        let Rect { x, y, width, height } = plan.rect;
        let is_same = plan.columns.taps(width, region.size.0).is_none()
            && plan.rows.taps(height, region.size.1).is_none();
        (plan.level, [x, y, width, height], is_same)
    }

    #[test]
    fn the_size_of_an_image_is_that_of_its_scale() {
        let size = |place, scale| region(place, scale).unwrap().size();
        let place = (3, 5, 101, 51);
        assert_eq!(size(place, Scale::Level(0)), (101, 51));
        assert_eq!(size(place, Scale::Level(1)), (51, 26));
        assert_eq!(size(place, Scale::Level(31)), (1, 1));
        assert_eq!(size(place, ratio("1/3")), (34, 17));
        assert_eq!(size(place, ratio("2.5")), (253, 128));
        assert_eq!(size(place, Scale::Microns(0.5)), (51, 51));
    }

    #[test]
    fn a_rectangle_is_read_from_the_coarsest_level_that_has_its_pixels() {
        assert_eq!(planned((64, 64, 512, 256), Scale::Level(0), &PYRAMID), (0, [64, 64, 512, 256], true));
        assert_eq!(planned((64, 64, 512, 256), Scale::Level(2), &PYRAMID), (2, [16, 16, 128, 64], true));
        assert_eq!(planned((64, 64, 512, 256), ratio("0.25"), &PYRAMID), (2, [16, 16, 128, 64], true));
        assert_eq!(planned((64, 64, 512, 256), ratio("0.26"), &PYRAMID), (1, [32, 32, 256, 128], false));
        // Of a level that is not stored, the one above.
        assert_eq!(planned((0, 0, 8192, 4096), Scale::Level(5), &PYRAMID), (3, [0, 0, 1024, 512], false));
        // Off the grid the pixels at its edge are read whole.
        assert_eq!(planned((63, 65, 512, 256), Scale::Level(2), &PYRAMID), (2, [15, 16, 129, 65], false));
        assert_eq!(planned((7, 7, 3, 3), Scale::Level(3), &PYRAMID), (3, [0, 0, 2, 2], false));
        assert_eq!(planned((7, 7, 3, 3), ratio("4"), &PYRAMID), (0, [7, 7, 3, 3], false));
        // The last pixel of a level stands for fewer.
        assert_eq!(planned((0, 0, 10_001, 8000), Scale::Level(3), &PYRAMID), (3, [0, 0, 1251, 1000], true));
        assert_eq!(planned((10_000, 0, 1, 8), Scale::Level(3), &PYRAMID), (3, [1250, 0, 1, 1], true));
    }

    #[test]
    fn levels_of_a_scanner_may_be_rounded_down_or_lie_anywhere() {
        let scan = [(10_001, 8000), (2500, 2000), (1000, 800)];
        assert_eq!(planned((64, 64, 512, 256), Scale::Level(2), &scan), (1, [16, 16, 128, 64], true));
        assert_eq!(planned((10_000, 0, 1, 8), Scale::Level(2), &scan), (1, [2499, 0, 1, 2], false));
        assert_eq!(planned((0, 0, 4000, 4000), ratio("0.1"), &scan), (2, [0, 0, 400, 400], false));
        assert_eq!(planned((0, 0, 10_001, 8000), ratio("0.05"), &scan), (2, [0, 0, 1000, 800], false));
    }

    #[test]
    fn what_has_no_image_is_refused_with_the_limits() {
        for (place, scale, says) in [
            ((0, 0, 0, 1), Scale::Level(0), "at least 1"),
            ((10_001, 0, 1, 1), Scale::Level(0), "10001x8000: it reaches beyond its right edge"),
            ((0, u64::MAX, 1, u64::MAX), Scale::Level(0), "lower edge"),
            ((0, 0, 8193, 1), Scale::Level(0), "8192 pixels a side"),
            ((0, 0, 8192, 2049), Scale::Level(0), "16777216 in all"),
            ((0, 0, 1, 1), Scale::Level(32), "to 31"),
            ((0, 0, 1, 1), Scale::Microns(0.0), "above 0"),
            ((0, 0, 1, 1), Scale::Microns(f64::INFINITY), "above 0"),
            ((0, 0, 9, 9), Scale::Microns(1e-300), "8192 pixels a side"),
        ] {
            let text = region(place, scale).unwrap_err().to_string();
            assert!(text.contains(says), "{place:?} {scale:?}: {text}");
        }
        let all = region((0, 0, 10_001, 8000), Scale::Level(4)).unwrap();
        let text = all.plan(&PYRAMID[..1], LIMITS).unwrap_err().to_string();
        assert!(text.contains("80008000 pixels") && text.contains("at most 67108864"), "{text}");
        let place = Place { x: 0, y: 0, width: 1, height: 1 };
        let unknown = Region::new(((9, 9), None), place, Scale::Microns(1.0), LIMITS);
        assert_eq!(unknown, Err(RegionError::UnknownMicrons));
    }

    #[test]
    fn memory_is_bounded_also_where_pixels_are_far_from_square() {
        let place = |width, height| Place { x: 0, y: 0, width, height };
        let square = Region::new(((8192, 8192), None), place(8192, 8192), Scale::Level(1), LIMITS).unwrap();
        let plan = square.plan(&[(8192, 8192)], LIMITS).unwrap();
        assert_eq!(plan.peak_bytes(), 352 << 20);
        let long = (16, 4_000_000);
        let microns = Some((512.0, 1.0 / 2048.0));
        let region = Region::new((long, microns), place(16, 4_000_000), Scale::Microns(1.0), LIMITS).unwrap();
        assert_eq!(region.size(), (8192, 1953));
        let text = region.plan(&[long], LIMITS).unwrap_err().to_string();
        assert!(text.contains("at most 67108864"), "{text}");
    }
}
