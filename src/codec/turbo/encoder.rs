//! Planes or RGB to JPEG.

use turbojpeg_sys as sys;

use super::{Handle, codec, tj_sampling, two_qualities};
use crate::codec::error::Result;
use crate::codec::jpeg::{MAX_SIDE, restart_rows};
use crate::codec::{CodecId, ImageEncoder, Quality};
use crate::image::plane::{Plane, PlaneRef};
use crate::image::ycc::{Sampling, YccRef};

/// Planes or RGB to JPEG.
pub struct Encoder {
    handle: Handle,
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
        Ok(Self { handle: Handle::new(sys::TJINIT_TJINIT_COMPRESS)?, buffer: Vec::new(), stripe: 0 })
    }

    /// Sets Huffman tables made for each image: smaller files, slower.
    ///
    /// # Errors
    /// Never in practice; whatever TurboJPEG says.
    pub fn optimised(mut self) -> Result<Self> {
        self.handle.set(sys::TJPARAM_TJPARAM_OPTIMIZE, 1)?;
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
        let (mut out, mut size) = (self.buffer.as_mut_ptr(), self.buffer.capacity());
        // SAFETY: `rgb` holds `height` rows of `3 * width`, as asserted; the output buffer has the capacity that is passed
        // and, with NOREALLOC set, TurboJPEG stays inside it.
        let rc = unsafe {
            sys::tj3Compress8(
                self.handle.0,
                rgb.as_ptr(),
                width as i32,
                (3 * width) as i32,
                height as i32,
                sys::TJPF_TJPF_RGB,
                &mut out,
                &mut size as *mut usize as *mut _,
            )
        };
        self.finish(rc, size)
    }

    fn prepare(&mut self, width: usize, height: usize, quality: u8, sampling: Sampling) -> Result<()> {
        if width == 0 || height == 0 || width > MAX_SIDE || height > MAX_SIDE {
            return Err(codec(format!(
                "an image of {width}x{height}: JPEG codes 1 to {MAX_SIDE} pixels a side"
            )));
        }
        self.handle.set(sys::TJPARAM_TJPARAM_NOREALLOC, 1)?;
        self.handle.set(sys::TJPARAM_TJPARAM_QUALITY, i32::from(quality))?;
        self.handle.set(sys::TJPARAM_TJPARAM_SUBSAMP, tj_sampling(sampling))?;
        let restart_rows = self.restart_rows(width, height, sampling);
        self.handle.set(sys::TJPARAM_TJPARAM_RESTARTROWS, restart_rows as i32)?;
        // SAFETY: a pure function of its arguments.
        let bound =
            unsafe { sys::tj3JPEGBufSize(width as i32, height as i32, tj_sampling(sampling)) } as usize;
        if bound == 0 {
            return Err(codec(format!("an image of {width}x{height} is too large for JPEG")));
        }
        self.buffer.clear();
        self.buffer.reserve(bound);
        Ok(())
    }

    /// MCU rows from one restart marker to the next; 0 for none.
    fn restart_rows(&self, width: usize, height: usize, sampling: Sampling) -> usize {
        restart_rows(width, height, sampling, self.stripe).unwrap_or(0)
    }

    fn finish(&mut self, rc: libc::c_int, size: usize) -> Result<Vec<u8>> {
        self.handle.check(rc)?;
        assert!(size <= self.buffer.capacity());
        // SAFETY: TurboJPEG wrote `size` bytes from the start of the buffer; the line above checks the bound.
        unsafe { self.buffer.set_len(size) };
        Ok(self.buffer.as_slice().to_vec())
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
        let (width, height) = (image.luma.width, image.luma.height);
        self.prepare(width, height, quality.luma, image.sampling)?;
        if image.sampling == Sampling::S420 && quality.chroma != quality.luma {
            return two_qualities::encode(image, quality, self.restart_rows(width, height, image.sampling));
        }
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
        let mut planes = [luma.row(0).as_ptr(), std::ptr::null(), std::ptr::null()];
        let mut strides = [luma.stride as i32, 0, 0];
        match (image.sampling, image.chroma) {
            (Sampling::Gray, _) => {}
            (sampling, Some(chroma)) => {
                for (i, plane) in chroma.iter().enumerate() {
                    assert_eq!(
                        (plane.width, plane.height),
                        sampling.chroma_size(width, height),
                        "size of a chroma plane"
                    );
                    planes[i + 1] = plane.row(0).as_ptr();
                    strides[i + 1] = plane.stride as i32;
                }
            }
            (_, None) => unreachable!("an image with a chroma sampling has chroma planes"),
        }
        let (mut out, mut size) = (self.buffer.as_mut_ptr(), self.buffer.capacity());
        // SAFETY: each plane holds the rows and columns that TurboJPEG reads for this size and sampling: luma was
        // extended to whole chroma samples above, chroma sizes are asserted. Output as in `encode_rgb`.
        let rc = unsafe {
            sys::tj3CompressFromYUVPlanes8(
                self.handle.0,
                planes.as_ptr(),
                width as i32,
                strides.as_ptr(),
                height as i32,
                &mut out,
                &mut size as *mut usize as *mut _,
            )
        };
        self.finish(rc, size)
    }
}
