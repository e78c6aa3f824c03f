//! BT.601 full range between RGB and YCbCr, in libjpeg's integers (16 fraction bits).
//!
//! Input from PNG, OpenSlide and other RGB sources and output as PNG or WebP are converted; JPEG stays in
//! YCbCr. Source: JFIF 1.02 section "Colour space". Constants and rounding are those of libjpeg's jccolor.c
//! and jdcolor.c, so RGB from here equals RGB from a JPEG library.

use std::borrow::Cow;

use super::level::vectorised;
use crate::image::family::Pixels;
use crate::image::plane::{Plane, PlaneRef};
use crate::image::ycc::{Sampling, Ycc, YccRef};

/// Fraction bits of the coefficients.
pub(crate) const BITS: i32 = 16;
const HALF: i32 = 1 << (BITS - 1);

/// `round(value * 65536)`.
pub(crate) const fn fix(value: f64) -> i32 {
    (value * 65536.0 + 0.5) as i32
}

vectorised! {
    /// Interleaved RGB to three rows. `rgb` holds three bytes a sample of `luma`.
    pub fn rgb_to_ycc(rgb: &[u8], luma: &mut [u8], cb: &mut [u8], cr: &mut [u8]) {
        for (((px, y), cb), cr) in rgb.chunks_exact(3).zip(luma).zip(cb).zip(cr) {
            let (r, g, b) = (i32::from(px[0]), i32::from(px[1]), i32::from(px[2]));
            *y = ((fix(0.299) * r + fix(0.587) * g + fix(0.114) * b + HALF) >> BITS) as u8;
            // The rounding term is one less than a half, as in libjpeg, so that the largest value is 255.
            *cb = ((-fix(0.16874) * r - fix(0.33126) * g + fix(0.5) * b + (128 << BITS) + HALF - 1) >> BITS) as u8;
            *cr = ((fix(0.5) * r - fix(0.41869) * g - fix(0.08131) * b + (128 << BITS) + HALF - 1) >> BITS) as u8;
        }
    }
}

/// Red, green and blue of a pixel.
#[inline(always)]
fn rgb_of(y: u8, cb: u8, cr: u8) -> [u8; 3] {
    let (y, cb, cr) = (i32::from(y), i32::from(cb) - 128, i32::from(cr) - 128);
    [
        (y + ((fix(1.402) * cr + HALF) >> BITS)).clamp(0, 255) as u8,
        (y + ((-fix(0.34414) * cb - fix(0.71414) * cr + HALF) >> BITS)).clamp(0, 255) as u8,
        (y + ((fix(1.772) * cb + HALF) >> BITS)).clamp(0, 255) as u8,
    ]
}

vectorised! {
    /// Three rows to interleaved RGB. `rgb` holds three bytes a sample of `luma`.
    pub fn ycc_to_rgb(luma: &[u8], cb: &[u8], cr: &[u8], rgb: &mut [u8]) {
        for (((px, &y), &cb), &cr) in rgb.chunks_exact_mut(3).zip(luma).zip(cb).zip(cr) {
            px.copy_from_slice(&rgb_of(y, cb, cr));
        }
    }
}

vectorised! {
    /// As [`ycc_to_rgb`], to three rows.
    pub fn ycc_to_rgb_rows(luma: &[u8], cb: &[u8], cr: &[u8], red: &mut [u8], green: &mut [u8], blue: &mut [u8]) {
        let pixels = luma.iter().zip(cb).zip(cr);
        for ((((&y, &cb), &cr), (red, green)), blue) in pixels.zip(red.iter_mut().zip(green)).zip(blue) {
            [*red, *green, *blue] = rgb_of(y, cb, cr);
        }
    }
}

vectorised! {
    /// Interleaved RGB to three rows. `rgb` holds three bytes a sample of `red`.
    pub fn rgb_to_rows(rgb: &[u8], red: &mut [u8], green: &mut [u8], blue: &mut [u8]) {
        for (((px, red), green), blue) in rgb.as_chunks::<3>().0.iter().zip(red).zip(green).zip(blue) {
            [*red, *green, *blue] = *px;
        }
    }
}

impl Ycc {
    /// Interleaved RGB, three samples of `rgb` a pixel, as 4:4:4 planes.
    pub fn from_rgb(rgb: PlaneRef<'_>) -> Self {
        let (width, height) = (rgb.width / 3, rgb.height);
        let [mut luma, mut cb, mut cr] = [(); 3].map(|()| Plane::spare(width, height));
        for y in 0..height {
            rgb_to_ycc(rgb.row(y), luma.row_mut(y), cb.row_mut(y), cr.row_mut(y));
        }
        Self { luma, chroma: Some([cb, cr]), sampling: Sampling::S444 }
    }

    /// A gray or 4:4:4 image as interleaved RGB, three samples a pixel.
    pub fn to_rgb(&self) -> Plane {
        let mut rgb = Plane::default();
        self.view().to_rgb(&mut rgb);
        rgb
    }
}

impl YccRef<'_> {
    /// Writes a gray or 4:4:4 image to `rgb` as interleaved RGB, three samples a pixel. Reuses its memory.
    pub fn to_rgb(&self, rgb: &mut Plane) {
        rgb.lay_out(3 * self.luma.width, self.luma.height);
        for y in 0..self.luma.height {
            let (luma, out) = (self.luma.row(y), rgb.row_mut(y));
            match self.chroma {
                Some([cb, cr]) => ycc_to_rgb(luma, cb.row(y), cr.row(y), out),
                None => out.chunks_exact_mut(3).zip(luma).for_each(|(px, &v)| px.fill(v)),
            }
        }
    }
}

impl Pixels {
    /// The planes. RGB is converted to 4:4:4, anew at every call.
    pub fn ycc(&self) -> Cow<'_, Ycc> {
        match self {
            Pixels::Ycc(planes) => Cow::Borrowed(planes),
            Pixels::Rgb(rgb) => Cow::Owned(Ycc::from_rgb(rgb.view())),
        }
    }

    /// As [`Self::ycc`], owned.
    pub fn into_ycc(self) -> Ycc {
        match self {
            Pixels::Ycc(planes) => planes,
            Pixels::Rgb(rgb) => Ycc::from_rgb(rgb.view()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_the_channels_of_interleaved_pixels() {
        let sample = |seed: usize| (0..777).map(move |i: usize| (i * seed % 251) as u8).collect::<Vec<_>>();
        let (y, cb, cr) = (sample(7), sample(31), sample(113));
        let mut rgb = vec![0; 3 * y.len()];
        ycc_to_rgb(&y, &cb, &cr, &mut rgb);
        let mut rows = [(); 3].map(|()| vec![0; y.len()]);
        let [red, green, blue] = &mut rows;
        ycc_to_rgb_rows(&y, &cb, &cr, red, green, blue);
        let mut taken = [(); 3].map(|()| vec![0; y.len()]);
        let [red, green, blue] = &mut taken;
        rgb_to_rows(&rgb, red, green, blue);
        for (channel, row) in rows.iter().enumerate() {
            assert!(row.iter().eq(rgb.iter().skip(channel).step_by(3)), "channel {channel}");
        }
        assert_eq!(rows, taken);
    }

    #[test]
    fn both_ways_are_within_rounding_of_the_definition() {
        for r in (0..256).step_by(5) {
            for g in (0..256).step_by(3) {
                for b in (0..256).step_by(5) {
                    let rgb = [r as u8, g as u8, b as u8];
                    let (mut y, mut cb, mut cr) = ([0u8], [0u8], [0u8]);
                    rgb_to_ycc(&rgb, &mut y, &mut cb, &mut cr);
                    let (rf, gf, bf) = (f64::from(r), f64::from(g), f64::from(b));
                    let fy = 0.299 * rf + 0.587 * gf + 0.114 * bf;
                    assert!((f64::from(y[0]) - fy).abs() <= 0.502);
                    assert!((f64::from(cb[0]) - (128.0 + (bf - fy) / 1.772)).abs() <= 0.51);
                    assert!((f64::from(cr[0]) - (128.0 + (rf - fy) / 1.402)).abs() <= 0.51);
                    let mut back = [0u8; 3];
                    ycc_to_rgb(&y, &cb, &cr, &mut back);
                    for i in 0..3 {
                        assert!(back[i].abs_diff(rgb[i]) <= 2, "{rgb:?} came back as {back:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn gray_is_exact_both_ways() {
        for v in 0..=255u8 {
            let (mut y, mut cb, mut cr, mut back) = ([0u8], [0u8], [0u8], [0u8; 3]);
            rgb_to_ycc(&[v; 3], &mut y, &mut cb, &mut cr);
            assert_eq!((y[0], cb[0], cr[0]), (v, 128, 128));
            ycc_to_rgb(&y, &cb, &cr, &mut back);
            assert_eq!(back, [v; 3]);
        }
    }
}
