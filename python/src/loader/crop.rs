//! Images decoded and cropped in one step: which part of an image is taken, and its pixels.
//!
//! A part depends on the seed of the crop, the epoch and the sample alone: not on threads, batches or ranks. The random parts are those
//! of torchvision's `RandomResizedCrop`.

use std::sync::Arc;

use origami::codec::{decode_png, foreign_pixels};
use origami::kernels::taps::Filter;

use super::blobs::BlobFile;
use super::order::Random;
use super::scale::{Layout, Part, scaled};
use super::stream::Reader;
use crate::errors::{Error, Result};
use crate::pixels::Rgb;

/// Most pixels of an image.
const MAX_PX: usize = 1 << 28;
/// The first bytes of a PNG.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
/// Tries of torchvision before it takes the middle.
const TRIES: usize = 10;

/// Decodes a JPEG or PNG to RGB, as libjpeg and Pillow show it.
///
/// # Errors
/// Damaged bytes, another format, more than 2^28 pixels.
pub fn decode(bytes: &[u8]) -> Result<Rgb, String> {
    if bytes.starts_with(PNG) {
        let png = decode_png(bytes, MAX_PX).map_err(|e| e.to_string())?;
        return Ok(Rgb::of_samples(png.width, png.height, png.channels, png.data));
    }
    size(bytes)?;
    foreign_pixels(bytes, None).map(Rgb::of_pixels).map_err(|e| e.to_string())
}

/// Width and height of a JPEG or PNG, by its header.
///
/// # Errors
/// As of [`decode`].
pub fn size(bytes: &[u8]) -> Result<(usize, usize), String> {
    let (width, height) = if bytes.starts_with(PNG) {
        // The first chunk is IHDR: length, name, width, height.
        let number =
            |at: usize| bytes.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes);
        match (number(16), number(20)) {
            (Some(width), Some(height)) => (width as usize, height as usize),
            _ => return Err("the PNG ends in its header".into()),
        }
    } else {
        let opened = origami::codec::JpegDecoder::open(bytes)
            .map_err(|e| format!("it is no PNG, and as a JPEG: {e}"))?;
        (opened.header().width, opened.header().height)
    };
    match width.checked_mul(height) {
        Some(pixels) if (1..=MAX_PX).contains(&pixels) => Ok((width, height)),
        _ => Err(format!("it is {width}x{height}; at most {MAX_PX} pixels are read")),
    }
}

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

/// Decodes images and takes crops of each; an image is decoded once.
pub struct CropReader {
    /// The images.
    pub blobs: Arc<BlobFile>,
    /// The outputs.
    pub crops: Vec<Crop>,
    /// Where channels lie in them.
    pub layout: Layout,
    /// Decides random parts, with their seeds.
    pub epoch: u64,
}

impl Reader for CropReader {
    fn output_bytes(&self) -> Vec<usize> {
        self.crops.iter().map(|crop| 3 * crop.side * crop.side).collect()
    }

    fn read(&self, sample: i64, out: &mut [&mut [u8]]) -> Result<()> {
        let bytes = self.blobs.image(sample)?;
        let image = decode(&bytes).map_err(|problem| self.blobs.wrong(sample, problem))?;
        let parts = parts(&self.crops, (image.width, image.height), self.epoch, sample.cast_unsigned());
        for ((crop, part), out) in self.crops.iter().zip(parts).zip(out) {
            match crop.choice {
                Choice::Centre => middle(&image, crop.side, self.layout, out),
                Choice::ResizeCentre(shorter) => {
                    resized_middle(&image, shorter as usize, crop.side, self.layout, out)
                        .map_err(|problem| self.blobs.wrong(sample, problem))?
                }
                Choice::Random(_) | Choice::Direct(_) => {
                    scaled(
                        &image.data,
                        image.width,
                        part,
                        (crop.side, crop.side),
                        Filter::Bilinear,
                        self.layout,
                        out,
                    );
                }
            }
        }
        Ok(())
    }
}

/// torchvision's `CenterCrop`: the middle of an image, with black around a smaller one.
fn middle(image: &Rgb, side: usize, layout: Layout, out: &mut [u8]) {
    // As torchvision rounds: half to even, and what is added around a smaller image first.
    let edge = |whole: usize| match whole < side {
        true => (0, (side - whole) / 2),
        false => (((whole - side) as f64 / 2.0).round_ties_even() as usize, 0),
    };
    let ((from_x, to_x), (from_y, to_y)) = (edge(image.width), edge(image.height));
    let (width, height) = (image.width.min(side), image.height.min(side));
    out.fill(0);
    for y in 0..height {
        let row = &image.data[3 * ((from_y + y) * image.width + from_x)..][..3 * width];
        match layout {
            Layout::Interleaved => out[3 * ((to_y + y) * side + to_x)..][..3 * width].copy_from_slice(row),
            Layout::Planes => {
                for channel in 0..3 {
                    let to = out[(channel * side + to_y + y) * side + to_x..][..width].iter_mut();
                    to.zip(row.iter().skip(channel).step_by(3)).for_each(|(to, from)| *to = *from);
                }
            }
        }
    }
}

/// torchvision's `Resize` of the shorter side, then its `CenterCrop`.
fn resized_middle(
    image: &Rgb,
    shorter: usize,
    side: usize,
    layout: Layout,
    out: &mut [u8],
) -> Result<(), String> {
    let whole = Part { x: 0, y: 0, width: image.width, height: image.height };
    // A side of an image is below 2^28, and the shorter one at most 8192.
    let longer = |long: usize, short: usize| shorter * long / short;
    let (width, height) = match image.width <= image.height {
        true => (shorter, longer(image.height, image.width)),
        false => (longer(image.width, image.height), shorter),
    };
    if width * height > MAX_PX {
        return Err(format!("{}x{} would be resized to {width}x{height}", image.width, image.height));
    }
    let mut data = vec![0; 3 * width * height];
    scaled(
        &image.data,
        image.width,
        whole,
        (width, height),
        Filter::Bilinear,
        Layout::Interleaved,
        &mut data,
    );
    middle(&Rgb { width, height, data }, side, layout, out);
    Ok(())
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
