//! Red, green and blue where luma does not stand for them.
//!
//! Luma is a tenth blue and a third red. On stained tissue the channels rise and fall together, and luma tells how good a picture is.
//! On fluorescence it does not: a picture in blue on black has an eighth of its contrast in luma, whose error is then small
//! whatever blue looks like. Such families are found by the contrast of their source, and their channels are measured.

use crate::backend::Backend;
use crate::error::{Error, Result};
use crate::image::family::{DecodedFamily, Pixels, Want};
use crate::image::plane::Plane;
use crate::image::ycc::Ycc;
use crate::kernels::color::ycc_to_rgb;
use crate::kernels::resample::upsample_to_444;
use crate::kernels::taps::{Filter, TapCache};
use crate::params::Coding;
use crate::quality::metrics::SquaredError;
use crate::residual::EncodedFamily;
use serde::Serialize;

/// Luma does not stand for a channel whose standard deviation is so many times that of luma. Stained tissue reaches 1.2, photographs
/// 1.4; pure green is at 1.7, red at 3.3, blue at 8.8.
const CONTRAST: f64 = 1.5;
/// Least standard deviation of such a channel: below is noise, whose channels are independent.
const LEAST_DEVIATION: f64 = 4.0;
/// Rows between two that are looked at.
const ROW_STEP: usize = 8;
/// A channel is far below luma from so many dB on.
pub(super) const FAR_DB: f64 = 3.0;
const NAMES: [&str; 3] = ["red", "green", "blue"];

/// The errors of families whose luma does not stand for a channel.
#[derive(Clone, Copy, Debug, Default)]
pub struct Channels {
    families: u64,
    luma: SquaredError,
    rgb: [SquaredError; 3],
}

/// The worst channel of the families whose luma does not stand for it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ChannelLoss {
    /// `red`, `green` or `blue`.
    pub channel: &'static str,
    /// Its PSNR in dB over these families.
    pub psnr: f64,
    /// PSNR of luma over the same families in dB.
    pub y_psnr: f64,
    /// How many families these are.
    pub families: u64,
}

impl Channels {
    /// The errors of a family; none of one whose luma stands for its channels.
    ///
    /// # Errors
    /// Those of the backend, which reconstructs the family.
    pub async fn measure(family: &EncodedFamily, backend: &dyn Backend, coding: &Coding) -> Result<Self> {
        let mut found = Self::default();
        if luma_stands_for(&family.source.image) {
            return Ok(found);
        }
        let original = rgb_of(&family.source.image);
        let decoded = DecodedFamily {
            baseline: family.baseline.clone(),
            residual: family.residual.clone(),
            width: original.width() / 3,
            height: original.height(),
        };
        let made = backend.reconstruct(coding, &decoded, Want::Rgb).await;
        let made = rgb_of(&made.map_err(Error::in_family(family.id))?.l0);
        let luma = family.source.image.ycc();
        for y in 0..original.height() {
            found.luma.add(luma.luma.row(y), family.corrected.luma.row(y));
            for (channel, sum) in found.rgb.iter_mut().enumerate() {
                sum.add(&samples(original.row(y), channel), &samples(made.row(y), channel));
            }
        }
        found.families = 1;
        Ok(found)
    }

    /// Adds those of other families.
    pub fn merge(&mut self, other: &Self) {
        self.families += other.families;
        self.luma.merge(&other.luma);
        self.rgb.iter_mut().zip(&other.rgb).for_each(|(sum, other)| sum.merge(other));
    }

    /// The worst channel; `None` where nothing was measured, or without any error.
    pub fn worst(&self) -> Option<ChannelLoss> {
        let y_psnr = self.luma.psnr()?;
        let of = |(channel, error): (&'static str, &SquaredError)| Some((channel, error.psnr()?));
        let all = NAMES.into_iter().zip(&self.rgb).filter_map(of);
        let (channel, psnr) = all.min_by(|a, b| a.1.total_cmp(&b.1))?;
        Some(ChannelLoss { channel, psnr, y_psnr, families: self.families })
    }

    /// The worst channel, if it is far below luma.
    pub fn far_below_luma(&self) -> Option<ChannelLoss> {
        self.worst().filter(|loss| loss.psnr + FAR_DB <= loss.y_psnr)
    }
}

fn samples(row: &[u8], channel: usize) -> Vec<u8> {
    row.iter().skip(channel).step_by(3).copied().collect()
}

fn rgb_of(pixels: &Pixels) -> Plane {
    match pixels {
        Pixels::Rgb(rgb) => rgb.clone(),
        Pixels::Ycc(planes) => {
            upsample_to_444(planes.clone(), Filter::Lanczos3, &TapCache::default()).to_rgb()
        }
    }
}

/// Whether no channel has much more contrast than luma.
pub(crate) fn luma_stands_for(pixels: &Pixels) -> bool {
    let mut spread = Spread::default();
    match pixels {
        Pixels::Rgb(rgb) => (0..rgb.height()).step_by(ROW_STEP).for_each(|y| spread.add(rgb.row(y))),
        Pixels::Ycc(planes) => spread.add_planes(planes),
    }
    spread.luma_stands()
}

/// Thousandths of red, green and blue in luma.
const LUMA: [u64; 3] = [299, 587, 114];
/// Pixels that are converted at a time.
const STEP: usize = 64;

/// What a sum counts in, per red, green, blue and luma: luma is summed in thousandths, so that its sums are integers as well.
const UNITS: [f64; 4] = [1.0, 1.0, 1.0, 1000.0];

/// Sums of samples and of their squares: red, green, blue, luma, each in its [`UNITS`].
#[derive(Default)]
struct Spread {
    count: u64,
    sums: [u64; 4],
    squares: [u64; 4],
}

impl Spread {
    fn add(&mut self, rgb: &[u8]) {
        for pixel in rgb.as_chunks::<3>().0 {
            let [r, g, b] = pixel.map(u64::from);
            let luma = LUMA[0] * r + LUMA[1] * g + LUMA[2] * b;
            for (i, value) in [r, g, b, luma].into_iter().enumerate() {
                self.sums[i] += value;
                self.squares[i] += value * value;
            }
        }
        self.count += (rgb.len() / 3) as u64;
    }

    /// Adds the pixels at which planes have chroma.
    fn add_planes(&mut self, planes: &Ycc) {
        // Luma stands for every channel of gray, whose deviations are left at 0.
        let Some([cb, cr]) = &planes.chroma else { return };
        let (fx, fy) = planes.sampling.factors();
        let (mut luma, mut rgb) = ([0; STEP], [0; 3 * STEP]);
        for y in (0..cb.height()).step_by((ROW_STEP / fy).max(1)) {
            let of_luma = planes.luma.row(y * fy).chunks(fx * STEP);
            for ((of_luma, cb), cr) in of_luma.zip(cb.row(y).chunks(STEP)).zip(cr.row(y).chunks(STEP)) {
                luma.iter_mut().zip(of_luma.iter().step_by(fx)).for_each(|(to, &sample)| *to = sample);
                let rgb = &mut rgb[..3 * cb.len()];
                ycc_to_rgb(&luma[..cb.len()], cb, cr, rgb);
                self.add(rgb);
            }
        }
    }

    fn luma_stands(&self) -> bool {
        let count = self.count.max(1) as f64;
        let deviation = |i: usize| {
            let mean = self.sums[i] as f64 / count / UNITS[i];
            (self.squares[i] as f64 / count / (UNITS[i] * UNITS[i]) - mean * mean).max(0.0).sqrt()
        };
        (0..3).all(|i| deviation(i) < LEAST_DEVIATION || deviation(i) < CONTRAST * deviation(3))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::ycc::Sampling;

    /// An image of 64x64 pixels whose channels are functions of a texture of 0 to 255.
    fn image(channels: impl Fn(u8) -> [u8; 3]) -> Pixels {
        let texture =
            |i: u32| ((i % 64) * 3 + (i / 64) * 5) as u8 ^ (i.wrapping_mul(2_654_435_761) >> 28) as u8;
        let data = (0..64 * 64).flat_map(|i| channels(texture(i))).collect();
        Pixels::Rgb(Plane::from_vec(3 * 64, 64, data))
    }

    #[test]
    fn luma_stands_for_stained_tissue_and_not_for_one_colour_on_black() {
        let tissue = image(|v| [200 + v / 8, 120 + v / 2, 170 + v / 4]);
        let gray = image(|v| [v; 3]);
        let noise = image(|v| [240 + (v & 3), 240 + (v >> 2 & 3), 240 + (v >> 4 & 3)]);
        for (name, image) in [("tissue", tissue), ("gray", gray), ("glass", noise)] {
            assert!(luma_stands_for(&image), "{name}");
        }
        for channel in 0..3 {
            let mut one = image(|v| {
                let mut rgb = [0; 3];
                rgb[channel] = v;
                rgb
            });
            assert!(!luma_stands_for(&one), "{}", NAMES[channel]);
            // Subsampled planes tell the same.
            let planes = one.ycc().into_owned();
            let half = |plane: &Plane| {
                let rows =
                    (0..32).flat_map(|y| plane.row(2 * y).iter().step_by(2).copied().collect::<Vec<_>>());
                Plane::from_vec(32, 32, rows.collect())
            };
            let chroma = planes.chroma.as_ref().map(|planes| planes.each_ref().map(half));
            one = Pixels::Ycc(Ycc { luma: planes.luma, chroma, sampling: Sampling::S420 });
            assert!(!luma_stands_for(&one), "{} in 4:2:0", NAMES[channel]);
        }
        assert!(luma_stands_for(&Pixels::Ycc(Ycc::gray(Plane::filled(9, 9, 3)))));
    }

    #[test]
    fn the_worst_channel_is_named_where_it_is_far_below_luma() {
        let mut channels = Channels { families: 2, ..Channels::default() };
        assert_eq!(channels.far_below_luma(), None);
        channels.luma.add(&[0, 0], &[1, 1]);
        let errors: [&[u8]; 3] = [&[1, 1], &[1, 1], &[8, 8]];
        channels.rgb.iter_mut().zip(errors).for_each(|(sum, error)| sum.add(&[0, 0], error));
        let loss = channels.far_below_luma().unwrap();
        assert_eq!((loss.channel, loss.families), ("blue", 2));
        assert!((loss.y_psnr - loss.psnr - 18.06).abs() < 0.01, "{loss:?}");
        channels.rgb[2] = channels.rgb[0];
        assert_eq!(channels.far_below_luma(), None);
    }
}
