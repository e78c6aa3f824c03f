//! Planes to JPEG by `mozjpeg-rs`: trellis quantisation, Huffman tables made for each image, and, for residuals, a flat table.
//!
//! What comes out is baseline JPEG like any other: nothing but the encoder knows that it was made here.

use mozjpeg_rs::{Encoder as Mozjpeg, QuantTableIdx, Subsampling};

use super::{CodecId, ImageEncoder, Quality, Sampling, Use, YccRef};
use crate::error::{Error, Result};
use crate::plane::PlaneRef;

/// Largest side that JPEG codes.
const MAX_SIDE: usize = 65_500;
/// Step of the flat table at quality 50. It gives a residual the luma error that the photographic table gives it there (measured on
/// stained tissue, see `benches/RESULTS.md`), so that a quality means the same whatever the encoder.
const FLAT_STEP: u32 = 22;

/// An encoder for one use.
pub struct Encoder {
    of: Use,
}

impl Encoder {
    /// For baselines or for residuals.
    pub fn new(of: Use) -> Self {
        Self { of }
    }

    fn configured(&self, quality: Quality, sampling: Sampling) -> Result<Mozjpeg> {
        let subsampling = match sampling {
            Sampling::Gray => Subsampling::Gray,
            Sampling::S444 => Subsampling::S444,
            Sampling::S420 => Subsampling::S420,
            other => return Err(failed(format!("chroma sampling {other:?}; use --subsamp 444 or 420"))),
        };
        let encoder = Mozjpeg::baseline_optimized()
            .quality(quality.luma)
            .subsampling(subsampling)
            .force_baseline(true)
            // The table of the JPEG standard, as with the other encoders.
            .quant_tables(QuantTableIdx::JpegAnnexK)
            .overshoot_deringing(false);
        Ok(match self.of {
            Use::Baseline => encoder,
            Use::Residual => encoder
                .custom_luma_qtable([flat_step(quality.luma); 64])
                .custom_chroma_qtable([flat_step(quality.chroma); 64]),
        })
    }
}

/// One step for all frequencies: what the prediction missed is noise, which has no shape that a photographic table could know.
/// Scaled with quality as libjpeg scales its tables.
fn flat_step(quality: u8) -> u16 {
    let quality = u32::from(quality.clamp(1, 100));
    let percent = if quality < 50 { 5000 / quality } else { 200 - 2 * quality };
    ((FLAT_STEP * percent + 50) / 100).clamp(1, 255) as u16
}

fn failed(problem: impl ToString) -> Error {
    Error::Codec { what: "mozjpeg".into(), problem: problem.to_string() }
}

impl ImageEncoder for Encoder {
    fn codec(&self) -> CodecId {
        CodecId::Jpeg
    }

    fn encode(&mut self, image: YccRef<'_>, quality: Quality) -> Result<Vec<u8>> {
        let (width, height) = (image.luma.width, image.luma.height);
        if width == 0 || height == 0 || width > MAX_SIDE || height > MAX_SIDE {
            return Err(failed(format!(
                "an image of {width}x{height}: JPEG codes 1 to {MAX_SIDE} pixels a side"
            )));
        }
        let encoder = self.configured(quality, image.sampling)?;
        let (w, h) = (width as u32, height as u32);
        let packed = |plane: PlaneRef<'_>| match plane.packed() {
            Some(samples) => samples.to_vec(),
            None => plane.to_plane().data().to_vec(),
        };
        let luma = packed(image.luma);
        match image.chroma {
            None => encoder.encode_gray(&luma, w, h),
            Some([cb, cr]) => {
                let (cb, cr, stride) = (packed(cb), packed(cr), cb.width);
                encoder.encode_ycbcr_planar_strided(&luma, width, &cb, stride, &cr, stride, w, h)
            }
        }
        .map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{ImageDecoder, JpegDecoder, Shape, Ycc};
    use crate::plane::Plane;

    fn noise(width: usize, height: usize, seed: u32) -> Plane {
        let mut state = seed;
        let sample = |i: usize| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (96 + (i % width) / 8 + (state >> 27) as usize).min(255) as u8
        };
        Plane::from_vec(width, height, (0..width * height).map(sample).collect())
    }

    fn image(width: usize, height: usize, sampling: Sampling) -> Ycc {
        let (cw, ch) = sampling.chroma_size(width, height);
        let chroma = (sampling != Sampling::Gray).then(|| [noise(cw, ch, 2), noise(cw, ch, 3)]);
        Ycc { luma: noise(width, height, 1), chroma, sampling }
    }

    #[test]
    fn every_sampling_and_size_comes_back_close_and_in_shape() {
        for sampling in [Sampling::Gray, Sampling::S444, Sampling::S420] {
            for (width, height) in [(1, 1), (8, 8), (17, 9), (64, 40), (255, 131)] {
                let image = image(width, height, sampling);
                let bytes = Encoder::new(Use::Baseline).encode(image.view(), 95.into()).unwrap();
                assert!(JpegDecoder::open(&bytes).unwrap().header().baseline);
                let shape = Shape { width, height, sampling: Some(sampling) };
                let back = JpegDecoder.decode(&bytes, shape).unwrap();
                let planes = |image: &Ycc| {
                    let chroma = image.chroma.clone().into_iter().flatten();
                    std::iter::once(image.luma.clone()).chain(chroma).collect::<Vec<_>>()
                };
                for (a, b) in planes(&image).iter().zip(planes(&back)) {
                    for y in 0..a.height() {
                        for (&a, &b) in a.row(y).iter().zip(b.row(y)) {
                            assert!(
                                a.abs_diff(b) < 40,
                                "{sampling:?} {width}x{height}: {a} came back as {b}"
                            );
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_residual_has_one_step_for_all_frequencies() {
        let image = image(64, 64, Sampling::Gray);
        let bytes = Encoder::new(Use::Residual).encode(image.view(), 50.into()).unwrap();
        // DQT: marker, length, precision and number, 64 steps.
        let at = bytes.windows(2).position(|w| w == [0xFF, 0xDB]).unwrap();
        assert_eq!(bytes[at + 4], 0);
        assert!(bytes[at + 5..at + 69].iter().all(|&step| u32::from(step) == FLAT_STEP));
        assert_eq!((flat_step(100), flat_step(75), flat_step(25), flat_step(1)), (1, 11, 44, 255));
    }

    #[test]
    fn what_jpeg_cannot_code_is_refused() {
        let error = |image: &Ycc| {
            Encoder::new(Use::Baseline).encode(image.view(), 90.into()).err().unwrap().to_string()
        };
        assert!(error(&Ycc::gray(Plane::new(65_501, 1))).contains("65500"));
        assert!(error(&image(16, 16, Sampling::S422)).contains("--subsamp"));
    }
}
