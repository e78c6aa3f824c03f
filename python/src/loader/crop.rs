//! Which part of an image a crop takes.
//!
//! A part depends on the seed of the crop, the epoch and the sample alone: not on threads, batches or ranks. The random parts are those
//! of torchvision's `RandomResizedCrop`.

use super::order::Random;
use super::scale::Part;
use super::yuv;
use crate::errors::{Error, Result};

/// Tries of torchvision before it takes the middle.
const TRIES: usize = 10;

/// How a part of an image is chosen.
#[derive(Clone, Copy, Debug)]
pub enum Choice {
    /// The middle, of the size of the output; black where the image is smaller.
    Centre,
    /// The image scaled so that its shorter side has so many pixels, and the middle of that.
    ResizeCentre(u32),
    /// torchvision's: a random area and ratio, ten tries, then the middle.
    Random(Range),
    /// A ratio, a long edge and a corner from their valid ranges: no tries.
    Direct(Range),
}

/// The ranges of a random part.
#[derive(Clone, Copy, Debug)]
pub struct Range {
    /// Part of the area of the image.
    pub scale: (f64, f64),
    /// Width through height.
    pub ratio: (f64, f64),
    /// Decides the parts, with epoch and sample.
    pub seed: u64,
}

/// One output of a sample.
#[derive(Clone, Copy, Debug)]
pub struct Crop {
    /// Side in pixels.
    pub side: usize,
    /// The part of the image.
    pub choice: Choice,
    /// What the output is.
    pub form: Form,
}

/// What an output is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// RGB.
    Rgb,
    /// Planes of Y, U and V in 4:2:0, as of `yuv`. Its side is even.
    Yuv420,
}

impl Form {
    /// Bytes of an output of this size.
    pub fn bytes(self, width: usize, height: usize) -> usize {
        match self {
            Form::Rgb => 3 * width * height,
            Form::Yuv420 => yuv::bytes_of(width, height),
        }
    }
}

/// Width and height of an image, or of a part of one.
type Size = (usize, usize);

impl Crop {
    /// The range of a random part.
    fn range(&self) -> Option<Range> {
        match self.choice {
            Choice::Random(range) | Choice::Direct(range) => Some(range),
            Choice::Centre | Choice::ResizeCentre(_) => None,
        }
    }

    /// The size of the part that is taken of an image, and whether it is its middle.
    fn size_of(&self, image: Size, random: &mut Random) -> (Size, bool) {
        match self.choice {
            Choice::Random(range) => match tried(image, range, random) {
                Some(size) => (size, false),
                None => (fallback(image, range.ratio), true),
            },
            Choice::Direct(range) => (direct(image, range, random), false),
            Choice::Centre | Choice::ResizeCentre(_) => (image, true),
        }
    }
}

/// A crop of an image before its place is known.
struct Unplaced {
    seed: Option<u64>,
    size: Size,
    in_the_middle: bool,
    /// Where it lies between the edges, 0 to 1.
    unit: (f64, f64),
}

/// The parts of one image for each crop. Crops with equal seeds have equal centres: the centre is random where the largest of them fits,
/// and the image's own where one of them is the middle.
pub fn parts(crops: &[Crop], image: Size, epoch: u64, sample: u64) -> Vec<Part> {
    let unplaced = crops.iter().map(|crop| {
        let seed = crop.range().map(|range| range.seed);
        let mut random = Random::new(&[seed.unwrap_or(0), epoch, sample]);
        let (size, in_the_middle) = crop.size_of(image, &mut random);
        let mut place = Random::new(&[seed.unwrap_or(0), epoch, sample, 1]);
        Unplaced { seed, size, in_the_middle, unit: (place.unit(), place.unit()) }
    });
    let unplaced: Vec<_> = unplaced.collect();
    unplaced.iter().map(|crop| placed(crop, &unplaced, image)).collect()
}

fn placed(crop: &Unplaced, all: &[Unplaced], image: Size) -> Part {
    let (width, height) = crop.size;
    let yoked = || all.iter().filter(|other| other.seed == crop.seed);
    if crop.seed.is_none() || yoked().any(|other| other.in_the_middle) {
        return Part { x: (image.0 - width) / 2, y: (image.1 - height) / 2, width, height };
    }
    let corner = |whole: usize, side: &dyn Fn(&Unplaced) -> usize, unit: f64| {
        let largest = yoked().map(side).max().unwrap_or(1);
        // One of the whole places, all equally likely, as torchvision draws them; a smaller crop lies in the middle of the largest.
        (unit * (whole - largest + 1) as f64) as usize + (largest - side(crop)) / 2
    };
    let x = corner(image.0, &|crop| crop.size.0, crop.unit.0);
    let y = corner(image.1, &|crop| crop.size.1, crop.unit.1);
    Part { x, y, width, height }
}

fn between((low, high): (f64, f64), random: &mut Random) -> f64 {
    low + (high - low) * random.unit()
}

/// Ten tries of a random area and ratio: the first that fits.
fn tried(image: Size, Range { scale, ratio, .. }: Range, random: &mut Random) -> Option<Size> {
    let area = image.0 as f64 * image.1 as f64;
    (0..TRIES).find_map(|_| {
        let target = area * between(scale, random);
        let aspect = between((ratio.0.ln(), ratio.1.ln()), random).exp();
        let size = ((target * aspect).sqrt().round_ties_even(), (target / aspect).sqrt().round_ties_even());
        let fits = |side: f64, whole: usize| side > 0.0 && side <= whole as f64;
        (fits(size.0, image.0) && fits(size.1, image.1)).then_some((size.0 as usize, size.1 as usize))
    })
}

/// The largest middle of a ratio in the range.
fn fallback((width, height): Size, (low, high): (f64, f64)) -> Size {
    let own = width as f64 / height as f64;
    let side = |value: f64, whole: usize| (value.round_ties_even() as usize).clamp(1, whole);
    if own < low {
        (width, side(width as f64 / low, height))
    } else if own > high {
        (side(height as f64 * high, width), height)
    } else {
        (width, height)
    }
}

/// A ratio from its range, then the area from the part of its range in which that ratio fits into the image.
fn direct(image: Size, Range { scale, ratio, .. }: Range, random: &mut Random) -> Size {
    let (width, height) = (image.0 as f64, image.1 as f64);
    let aspect = between((ratio.0.ln(), ratio.1.ln()), random).exp();
    // Width is sqrt(area * aspect), height is sqrt(area / aspect).
    let most = (width * width / aspect).min(height * height * aspect).min(scale.1 * width * height);
    let least = (scale.0 * width * height).min(most);
    // Uniform in the long edge: that is the root of the area times a constant.
    let root = between((least.sqrt(), most.sqrt()), random);
    let side = |value: f64, whole: usize| (value.round_ties_even() as usize).clamp(1, whole);
    (side(root * aspect.sqrt(), image.0), side(root / aspect.sqrt(), image.1))
}

/// Checks the ranges of crops.
///
/// # Errors
/// Sides, ranges or a shorter side that cannot be.
pub fn check(crops: &[Crop]) -> Result<()> {
    let sides = 1..=8192;
    for crop in crops {
        let shorter =
            if let Choice::ResizeCentre(shorter) = crop.choice { shorter as usize } else { crop.side };
        if !sides.contains(&crop.side) || !sides.contains(&shorter) {
            return Err(Error::Argument(format!(
                "a crop of {} from {shorter} pixels: they are 1 to 8192",
                crop.side
            )));
        }
        if crop.form == Form::Yuv420 && !crop.side.is_multiple_of(2) {
            return Err(Error::Argument(format!("a crop of {} in YUV: its side is even", crop.side)));
        }
        if let Some(Range { scale, ratio, .. }) = crop.range() {
            let good = 0.0 < scale.0
                && scale.0 <= scale.1
                && scale.1 <= 1.0
                && 0.0 < ratio.0
                && ratio.0 <= ratio.1
                && ratio.1.is_finite();
            if !good {
                return Err(Error::Argument(format!(
                    "scale {scale:?}, ratio {ratio:?}: ranges from low to high, of scale in 0 to 1"
                )));
            }
        }
    }
    Ok(())
}
