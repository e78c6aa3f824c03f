//! Planes to JPEG by jpegli, over `csrc/jpegli.c`: tables of its own, adaptive quantisation, Huffman tables made for each image,
//! and, for residuals, a flat table.
//!
//! The result is baseline JPEG like any other. jpegli's encoder works in floats: its bytes may differ between machines; the samples
//! that given bytes decode to do not.
#![allow(unsafe_code)]

use std::ffi::CStr;

// Only its library is used, by the C file.
use jpegli_sys as _;
use libc::{c_char, c_int};

use super::id::CodecId;
use super::image_codec::{ImageEncoder, Quality};
use super::jpeg::{MAX_SIDE, flat_step, restart_rows};
use super::kind::ImageRole;
use crate::codec::error::{Error, Result};
use crate::image::plane::PlaneRef;
use crate::image::ycc::{Sampling, YccRef};

/// Bytes of a message: libjpeg's `JMSG_LENGTH_MAX`.
const MESSAGE_BYTES: usize = 200;

/// The twin of `origami_jpegli_image`.
#[repr(C)]
struct Image {
    planes: [*const u8; 3],
    strides: [usize; 3],
    width: u32,
    height: u32,
    components: c_int,
    factor: c_int,
    quality: c_int,
    flat_steps: [c_int; 2],
    restart_rows: c_int,
    adaptive: c_int,
}

unsafe extern "C" {
    // Of csrc/jpegli.c.
    fn origami_jpegli_encode(
        image: *const Image,
        out: *mut *mut u8,
        size: *mut usize,
        message: *mut c_char,
    ) -> c_int;
    fn origami_jpegli_free(bytes: *mut u8);
}

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
}

fn failed(problem: impl ToString) -> Error {
    Error::Image { what: "jpegli".into(), problem: problem.to_string() }
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
        let factor = match image.sampling {
            Sampling::Gray | Sampling::S444 => 1,
            Sampling::S420 => 2,
            sampling => return Err(Error::Sampling { encoder: "jpegli", sampling, coded: "444 or 420" }),
        };
        let rows = |plane: PlaneRef<'_>| {
            // The last row exists: the C side reads up to its end.
            let _ = plane.row(plane.height - 1);
            plane.data().as_ptr()
        };
        let mut given = Image {
            planes: [rows(image.luma), std::ptr::null(), std::ptr::null()],
            strides: [image.luma.stride, 0, 0],
            width: width as u32,
            height: height as u32,
            components: 1,
            factor,
            quality: quality.luma.clamp(1, 100).into(),
            flat_steps: match self.role {
                ImageRole::Residual => {
                    [quality.luma, quality.chroma].map(|quality| flat_step(quality).into())
                }
                ImageRole::Baseline => [0; 2],
            },
            restart_rows: restart_rows(width, height, image.sampling, self.stripe).unwrap_or(0) as c_int,
            adaptive: (self.role == ImageRole::Baseline).into(),
        };
        if let Some(chroma) = image.chroma {
            given.components = 3;
            for (i, plane) in chroma.iter().enumerate() {
                let size = image.sampling.chroma_size(width, height);
                assert_eq!((plane.width, plane.height), size, "size of a chroma plane");
                given.planes[i + 1] = rows(*plane);
                given.strides[i + 1] = plane.stride;
            }
        }
        let (mut out, mut size) = (std::ptr::null_mut(), 0);
        let mut message = [0; MESSAGE_BYTES];
        // SAFETY: every plane has the rows of its size, `stride` apart: `rows` has read the last one, and chroma has the size
        // that is asserted above. The message has the length that the C side asks for.
        let rc = unsafe { origami_jpegli_encode(&given, &mut out, &mut size, message.as_mut_ptr()) };
        if rc != 0 {
            // SAFETY: on failure the C side has written a terminated text.
            let text = unsafe { CStr::from_ptr(message.as_ptr()) };
            return Err(failed(text.to_string_lossy()));
        }
        // SAFETY: on success `out` holds `size` bytes, which belong to the caller; they are copied and freed once.
        let bytes = unsafe {
            let bytes = std::slice::from_raw_parts(out, size).to_vec();
            origami_jpegli_free(out);
            bytes
        };
        Ok(bytes)
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
        assert_close(|| Box::new(Encoder::new(ImageRole::Residual)), 95, 40);
    }

    #[test]
    fn it_is_baseline_jpeg_that_a_part_of_a_larger_plane_codes_to_as_well() {
        let large = image(100, 60, Sampling::S420);
        let part = large.view().part(16, 8, 51, 33);
        let bytes = Encoder::new(ImageRole::Baseline).encode(part, 80.into()).unwrap();
        assert!(JpegDecoder::open(&bytes).unwrap().header().baseline);
        let copy = Ycc {
            luma: part.luma.to_plane(),
            chroma: part.chroma.map(|planes| planes.map(|plane| plane.to_plane())),
            sampling: Sampling::S420,
        };
        assert!(bytes == Encoder::new(ImageRole::Baseline).encode(copy.view(), 80.into()).unwrap());
    }

    #[test]
    fn a_residual_has_one_step_for_all_frequencies() {
        let image = image(64, 64, Sampling::Gray);
        let bytes = Encoder::new(ImageRole::Residual).encode(image.view(), 50.into()).unwrap();
        let at = bytes.windows(2).position(|w| w == [0xFF, 0xDB]).unwrap();
        assert_eq!(bytes[at + 4], 0);
        assert!(bytes[at + 5..at + 69].iter().all(|&step| step == flat_step(50)));
    }

    #[test]
    fn errors_of_the_library_come_back_as_errors() {
        // The library refuses the first two, the C side the others.
        let (mut out, mut size, mut message) = (std::ptr::null_mut(), 0, [0; MESSAGE_BYTES]);
        let row = [0u8; 16];
        for (width, components, factor) in [(0, 1, 1), (70_000, 1, 1), (16, 2, 1), (16, 3, 0), (16, 3, 3)] {
            let given = Image {
                planes: [row.as_ptr(); 3],
                strides: [0; 3],
                width,
                height: 1,
                components,
                factor,
                quality: 50,
                flat_steps: [0; 2],
                restart_rows: 0,
                adaptive: 1,
            };
            // SAFETY: these images are refused before a sample is read.
            let rc = unsafe { origami_jpegli_encode(&given, &mut out, &mut size, message.as_mut_ptr()) };
            assert_eq!((rc, out.is_null(), size), (1, true, 0), "{width} {components} {factor}");
            assert_ne!(message[0], 0, "a reason");
        }
    }

    #[test]
    fn what_jpeg_cannot_code_is_refused() {
        let encode = |image: &Ycc| Encoder::new(ImageRole::Baseline).encode(image.view(), 90.into());
        assert!(refusal(encode(&Ycc::gray(Plane::new(65_501, 1)))).contains("65500"));
        assert!(refusal(encode(&image(16, 16, Sampling::S422))).contains("444 or 420"));
    }
}
