//! Planes or RGB to JPEG.

use turbojpeg::{Compressor, Image, PixelFormat, YuvPlanesImage, compressed_buf_len};

use super::handle::{failed, subsamp};
use super::raw_encoder;
use crate::codec::error::{Error, Result};
use crate::codec::id::CodecId;
use crate::codec::image_codec::{ImageEncoder, Quality};
use crate::codec::jpeg::{MAX_SIDE, restart_rows};
use crate::image::plane::{Plane, PlaneRef};
use crate::image::spare;
use crate::image::ycc::{Sampling, YccRef};

/// Planes or RGB to JPEG.
pub struct Encoder {
    compressor: Compressor,
    /// The output of the compressor, kept for the next image.
    buffer: Vec<u8>,
    /// Rows of a stripe; 0 for none.
    stripe: usize,
}

impl Encoder {
    /// A new encoder with standard Huffman tables.
    ///
    /// # Errors
    /// Lack of memory.
    pub fn new() -> Result<Self> {
        Ok(Self { compressor: Compressor::new().map_err(refused)?, buffer: Vec::new(), stripe: 0 })
    }

    /// Sets Huffman tables made for each image: smaller files, slower. Images with restart markers or two qualities have such tables
    /// in any case.
    ///
    /// # Errors
    /// Never in practice; what TurboJPEG says.
    pub fn optimised(mut self) -> Result<Self> {
        self.compressor.set_optimize(true).map_err(refused)?;
        Ok(self)
    }

    /// Codes interleaved RGB, converting and subsampling as libjpeg does.
    ///
    /// # Errors
    /// See [`ImageEncoder::encode`].
    pub fn encode_rgb(
        &mut self,
        rgb: &[u8],
        width: usize,
        height: usize,
        quality: u8,
        sampling: Sampling,
    ) -> Result<Vec<u8>> {
        assert_eq!(rgb.len(), 3 * width * height, "bytes of an RGB image");
        self.prepare(width, height, quality, sampling)?;
        let image = Image { pixels: rgb, width, pitch: 3 * width, height, format: PixelFormat::RGB };
        let bytes = self.compressor.compress_to_slice(image, &mut self.buffer).map_err(refused)?;
        Ok(self.buffer[..bytes].to_vec())
    }

    /// Sets the parameters of an image and makes room for the largest JPEG of its size.
    fn prepare(&mut self, width: usize, height: usize, quality: u8, sampling: Sampling) -> Result<()> {
        check_size(width, height)?;
        self.compressor.set_quality(quality.into()).map_err(refused)?;
        self.compressor.set_subsamp(subsamp(sampling)).map_err(refused)?;
        let bound = compressed_buf_len(width, height, subsamp(sampling)).map_err(refused)?;
        if bound == 0 {
            return Err(failed(format!("an image of {width}x{height} is too large for JPEG")));
        }
        if self.buffer.len() < bound {
            spare::give(std::mem::replace(&mut self.buffer, spare::samples(bound)));
        }
        Ok(())
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        spare::give(std::mem::take(&mut self.buffer));
    }
}

fn check_size(width: usize, height: usize) -> Result<()> {
    if width == 0 || height == 0 || width > MAX_SIDE || height > MAX_SIDE {
        return Err(failed(format!(
            "an image of {width}x{height}: JPEG codes 1 to {MAX_SIDE} pixels a side"
        )));
    }
    Ok(())
}

/// Whether JPEG codes an image of this size.
///
/// # Panics
/// A chroma plane has another size than its sampling says: a mistake of the caller.
pub fn check_image(image: YccRef<'_>) -> Result<()> {
    let (width, height) = (image.luma.width, image.luma.height);
    check_size(width, height)?;
    for plane in image.chroma.iter().flatten() {
        let size = image.sampling.chroma_size(width, height);
        assert_eq!((plane.width, plane.height), size, "size of a chroma plane");
    }
    Ok(())
}

fn refused(error: turbojpeg::Error) -> Error {
    match error {
        turbojpeg::Error::TurboJpegError(text) => failed(text),
        other => failed(other.to_string()),
    }
}

impl ImageEncoder for Encoder {
    fn codec(&self) -> CodecId {
        CodecId::Jpeg
    }

    fn set_stripes(&mut self, rows: usize) {
        self.stripe = rows;
    }

    fn encode(&mut self, image: YccRef<'_>, quality: Quality) -> Result<Vec<u8>> {
        check_image(image)?;
        let (width, height) = (image.luma.width, image.luma.height);
        let restart_rows = restart_rows(width, height, image.sampling, self.stripe).unwrap_or(0);
        let chroma = if image.sampling == Sampling::S420 { quality.chroma } else { quality.luma };
        if restart_rows > 0 || chroma != quality.luma {
            return raw_encoder::encode(image, Quality { chroma, ..quality }, restart_rows);
        }
        self.prepare(width, height, quality.luma, image.sampling)?;
        let bytes = match image.chroma {
            None => {
                let PlaneRef { stride, .. } = image.luma;
                let (pixels, format) = (image.luma.data(), PixelFormat::GRAY);
                let gray = Image { pixels, width, pitch: stride, height, format };
                self.compressor.compress_to_slice(gray, &mut self.buffer)
            }
            Some([cb, cr]) => {
                // TurboJPEG reads luma up to a whole number of chroma samples.
                let (fx, fy) = image.sampling.factors();
                let (pw, ph) = (width.next_multiple_of(fx), height.next_multiple_of(fy));
                let padded: Plane;
                let luma: PlaneRef<'_> = if (pw, ph) == (width, height) {
                    image.luma
                } else {
                    padded = image.luma.extended(pw, ph);
                    padded.view()
                };
                let planes = YuvPlanesImage {
                    y_plane: luma.data(),
                    u_plane: cb.data(),
                    v_plane: cr.data(),
                    width,
                    height,
                    y_stride: luma.stride,
                    u_stride: cb.stride,
                    v_stride: cr.stride,
                    subsamp: subsamp(image.sampling),
                };
                self.compressor.compress_yuv_planes_to_slice(&planes, &mut self.buffer)
            }
        }
        .map_err(refused)?;
        Ok(self.buffer[..bytes].to_vec())
    }
}
