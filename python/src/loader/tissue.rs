//! Where a slide has tissue: a mask at a coarse resolution, by Otsu's threshold.
//!
//! Otsu, "A threshold selection method from gray-level histograms" (1979): the threshold that separates the values into two classes of
//! the largest variance between them. The value is the saturation of HSV, in which stained tissue differs from glass, or the darkness,
//! which also finds tissue without colour.

use origami::pixels::{Layout, Patch, ReadError, Reading, Source};

/// What is compared with the threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feature {
    /// Saturation of HSV.
    Saturation,
    /// 255 minus luma (BT.601).
    Darkness,
}

impl Feature {
    /// Its value, 0 to 255.
    fn of(self, rgb: [u32; 3]) -> u8 {
        let [red, green, blue] = rgb;
        let value = match self {
            Feature::Saturation => {
                let (most, least) = (red.max(green).max(blue), red.min(green).min(blue));
                (255 * (most - least) + most / 2).checked_div(most).unwrap_or(0)
            }
            Feature::Darkness => 255 - (299 * red + 587 * green + 114 * blue + 500) / 1000,
        };
        value.min(255) as u8
    }

    /// Glass has less than this whatever the threshold: a slide without tissue has no two classes.
    fn least(self) -> u8 {
        match self {
            Feature::Saturation => 12,
            Feature::Darkness => 20,
        }
    }
}

/// A mask of a slide.
pub struct Mask {
    /// Pixels across.
    pub width: usize,
    /// Pixels down.
    pub height: usize,
    /// Row by row: whether it is tissue.
    pub tissue: Vec<bool>,
    /// Pixels of the full resolution along a side of one of the mask.
    pub downsample: f64,
}

/// Rows of the slide's level that are read at once, in pixels.
const BAND_PX: usize = 4 << 20;

/// The level of which a mask is made: the coarsest that is fine enough.
pub fn level(slide: &dyn Source, downsample: f64) -> usize {
    let fine = |&level: &usize| slide.downsample(level) <= downsample;
    (0..slide.levels().len()).rev().find(fine).unwrap_or(0)
}

/// The mask of a slide with about `downsample` pixels of the full resolution along a side of one of its own: made of [`level`],
/// whose pixels are averaged.
///
/// # Errors
/// Damaged data; that of a read which `goes_on` ended.
pub fn mask(
    slide: &dyn Source,
    feature: Feature,
    downsample: f64,
    goes_on: &dyn Fn() -> bool,
) -> Result<Mask, ReadError> {
    let level = level(slide, downsample);
    let scale = slide.downsample(level);
    let block = ((downsample / scale).round() as usize).max(1);
    let (width, height) = slide.levels().get(level).copied().unwrap_or_default();
    let (width, height) = (width as usize, height as usize);
    let rows = (BAND_PX / width.max(1) / block).max(1) * block;
    let mut values = Vec::new();
    for top in (0..height).step_by(rows) {
        let height = rows.min(height - top);
        let mut rgb = vec![255; 3 * width * height];
        let layout = Layout::Interleaved;
        let mut band = Patch { x: 0, y: top as i64, width, height, layout, data: &mut rgb };
        slide.read(level, &mut band, Reading { alone: false, goes_on })?;
        for y in (0..height).step_by(block) {
            let across = (0..width).step_by(block);
            values.extend(across.map(|x| {
                feature.of(mean(&rgb, width, (x, y), (block.min(width - x), block.min(height - y))))
            }));
        }
    }
    let threshold = otsu(&values).max(feature.least());
    let tissue = values.into_iter().map(|value| value > threshold).collect();
    Ok(Mask {
        width: width.div_ceil(block),
        height: height.div_ceil(block),
        tissue,
        downsample: scale * block as f64,
    })
}

/// The mean colour of a block of interleaved RGB whose rows are `width` pixels long.
fn mean(rgb: &[u8], width: usize, (x, y): (usize, usize), (across, down): (usize, usize)) -> [u32; 3] {
    let mut sums = [0u64; 3];
    for row in y..y + down {
        for pixel in rgb[3 * (row * width + x)..][..3 * across].chunks_exact(3) {
            sums.iter_mut().zip(pixel).for_each(|(sum, &value)| *sum += u64::from(value));
        }
    }
    let count = (across * down) as u64;
    sums.map(|sum| ((sum + count / 2) / count) as u32)
}

/// Otsu's threshold: the values above it are one class. 255 for no values.
fn otsu(values: &[u8]) -> u8 {
    let mut counts = [0u64; 256];
    values.iter().for_each(|&value| counts[usize::from(value)] += 1);
    let moment = |(value, &count): (usize, &u64)| value as f64 * count as f64;
    let (all, sum) = (values.len() as f64, counts.iter().enumerate().map(moment).sum::<f64>());
    let (mut below, mut sum_below, mut best) = (0.0, 0.0, (0.0, 255));
    for (value, count) in counts.iter().enumerate() {
        below += *count as f64;
        sum_below += moment((value, count));
        let above = all - below;
        if below == 0.0 || above == 0.0 {
            continue;
        }
        let apart = sum_below / below - (sum - sum_below) / above;
        let between = below * above * apart * apart;
        if between > best.0 {
            best = (between, value);
        }
    }
    best.1 as u8
}
