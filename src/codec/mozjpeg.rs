//! Planes to JPEG by `mozjpeg-rs`: trellis quantisation, Huffman tables made for each image, and, for residuals, a flat table.
//!
//! The result is baseline JPEG like any other. libjpeg-turbo adds the restart markers: mozjpeg-rs 0.9.2 counts symbols for its Huffman
//! tables as if there were no markers, so that codes may be missing, and then writes a damaged file without an error.

use mozjpeg_rs::{Encoder as Mozjpeg, QuantTableIdx, Subsampling};

use super::id::CodecId;
use super::image_codec::{ImageEncoder, Quality};
use super::jpeg::{MAX_SIDE, flat_step, restart_rows};
use super::kind::ImageRole;
use super::turbo::with_restarts;
use crate::codec::error::{Error, Result};
use crate::image::plane::PlaneRef;
use crate::image::ycc::{Sampling, YccRef};

/// Planes to JPEG, for images of one role.
pub struct Encoder {
    role: ImageRole,
    /// Rows of a stripe; 0 for none.
    stripe: usize,
}

impl Encoder {
    /// A new encoder.
    pub fn new(role: ImageRole) -> Self {
        Self { role, stripe: 0 }
    }

    fn configured(&self, quality: Quality, sampling: Sampling) -> Result<Mozjpeg> {
        let subsampling = match sampling {
            Sampling::Gray => Subsampling::Gray,
            Sampling::S444 => Subsampling::S444,
            Sampling::S420 => Subsampling::S420,
            sampling => return Err(Error::Sampling { encoder: "mozjpeg", sampling, coded: "444 or 420" }),
        };
        let encoder = Mozjpeg::baseline_optimized()
            .quality(quality.luma)
            .subsampling(subsampling)
            .force_baseline(true)
            // The table of the JPEG standard, as with the other encoders.
            .quant_tables(QuantTableIdx::JpegAnnexK)
            .overshoot_deringing(false);
        Ok(match self.role {
            ImageRole::Baseline => encoder,
            ImageRole::Residual => encoder
                .custom_luma_qtable([flat_step(quality.luma).into(); 64])
                .custom_chroma_qtable([flat_step(quality.chroma).into(); 64]),
        })
    }
}

fn failed(problem: impl ToString) -> Error {
    Error::Image { what: "mozjpeg".into(), problem: problem.to_string() }
}

impl ImageEncoder for Encoder {
    fn codec(&self) -> CodecId {
        CodecId::Jpeg
    }

    fn set_stripes(&mut self, rows: usize) {
        self.stripe = rows;
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
        let jpeg = match image.chroma {
            None => encoder.encode_gray(&luma, w, h),
            Some([cb, cr]) => {
                let (cb, cr, stride) = (packed(cb), packed(cr), cb.width);
                encoder.encode_ycbcr_planar_strided(&luma, width, &cb, stride, &cr, stride, w, h)
            }
        }
        .map_err(failed)?;
        match restart_rows(width, height, image.sampling, self.stripe) {
            Some(rows) => with_restarts(&jpeg, rows),
            None => Ok(jpeg),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::JpegDecoder;
    use crate::codec::testing::{assert_close, image, refusal};
    use crate::image::plane::Plane;
    use crate::image::ycc::Ycc;

    #[test]
    fn every_sampling_and_size_comes_back_close_and_in_shape() {
        assert_close(|| Box::new(Encoder::new(ImageRole::Baseline)), 95, 40);
        let bytes =
            Encoder::new(ImageRole::Baseline).encode(image(17, 9, Sampling::S420).view(), 95.into()).unwrap();
        assert!(JpegDecoder::open(&bytes).unwrap().header().baseline);
    }

    #[test]
    fn a_residual_has_one_step_for_all_frequencies() {
        let image = image(64, 64, Sampling::Gray);
        let bytes = Encoder::new(ImageRole::Residual).encode(image.view(), 50.into()).unwrap();
        // DQT: marker, length, precision and number, 64 steps.
        let at = bytes.windows(2).position(|w| w == [0xFF, 0xDB]).unwrap();
        assert_eq!(bytes[at + 4], 0);
        assert!(bytes[at + 5..at + 69].iter().all(|&step| step == flat_step(50)));
    }

    #[test]
    fn what_jpeg_cannot_code_is_refused() {
        let encode = |image: &Ycc| Encoder::new(ImageRole::Baseline).encode(image.view(), 90.into());
        assert!(refusal(encode(&Ycc::gray(Plane::new(65_501, 1)))).contains("65500"));
        assert!(refusal(encode(&image(16, 16, Sampling::S422))).contains("444 or 420"));
    }
}
