//! A JPEG XL codestream back to the JPEG in it, and that to planes.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use jxl_bitstream::Bitstream;
use jxl_frame::header::Encoding;
use jxl_frame::{Frame, FrameContext, FrameHeader};
use jxl_grid::AllocTracker;
use jxl_image::ImageHeader;
use jxl_jbr::JpegBitstreamData;
use jxl_oxide_common::Bundle;
use jxl_threadpool::JxlThreadPool;

use super::error::failed;
use super::skeleton;
use crate::codec::error::Result;
use crate::codec::image_codec::{ImageDecoder, Shape};
use crate::codec::turbo::Decoder as JpegDecoder;
use crate::image::ycc::{Sampling, Ycc};

/// Memory limit of a frame: bytes for each pixel, and bytes for everything else.
const MAX_BYTES_A_PIXEL: usize = 64;
const MAX_FIXED_BYTES: usize = 16 << 20;

/// JPEG XL to planes.
pub struct Decoder;

impl ImageDecoder for Decoder {
    fn decode_into(&mut self, bytes: &[u8], expect: Shape, image: &mut Ycc) -> Result<()> {
        JpegDecoder.decode_into(&jpeg_of(bytes, expect)?, expect, image)
    }
}

/// The JPEG in a payload, which must have the shape `expect`. The headers are checked before memory is allocated.
///
/// # Errors
/// Another shape, damaged bytes, anything that is not the one frame of coefficients that this program writes.
pub fn jpeg_of(bytes: &[u8], expect: Shape) -> Result<Vec<u8>> {
    // The libraries are safe Rust. They return errors for most kinds of damage, and panic at some.
    catch_unwind(AssertUnwindSafe(|| rebuild(bytes, expect))).unwrap_or_else(|_| Err(failed("damaged data")))
}

fn rebuild(bytes: &[u8], expect: Shape) -> Result<Vec<u8>> {
    let mut bits = Bitstream::new(bytes);
    let image = ImageHeader::parse(&mut bits, ()).map_err(failed)?;
    let (width, height) = (image.size.width as usize, image.size.height as usize);
    if (width, height) != (expect.width, expect.height) {
        let (w, h) = (expect.width, expect.height);
        return Err(failed(format!("the image is {width}x{height} where {w}x{h} belongs")));
    }
    let meta = &image.metadata;
    let plain = !meta.xyb_encoded
        && !meta.colour_encoding.want_icc()
        && meta.preview.is_none()
        && meta.animation.is_none()
        && meta.ec_info.is_empty();
    if !plain {
        return Err(failed("more than the coefficients of one JPEG"));
    }
    bits.zero_pad_to_byte().map_err(failed)?;
    let image = Arc::new(image);
    // Read twice: `Frame::parse` allocates a table of contents by the frame's size, so the size is checked first.
    let header = FrameHeader::parse(&mut bits.clone(), &image).map_err(failed)?;
    let sampling = sampling_of(&header, image.metadata.grayscale())
        .filter(|_| (header.width as usize, header.height as usize) == (width, height))
        .ok_or_else(|| failed("a frame that is not the coefficients of a JPEG"))?;
    if expect.sampling.is_some_and(|wanted| wanted != sampling) {
        return Err(failed(format!("the sampling is {sampling:?} where {:?} belongs", expect.sampling)));
    }
    let limit =
        width.saturating_mul(height).saturating_mul(MAX_BYTES_A_PIXEL).saturating_add(MAX_FIXED_BYTES);
    let tracker = AllocTracker::with_limit(limit);
    let context = FrameContext { image_header: image, tracker: Some(&tracker), pool: JxlThreadPool::none() };
    let mut frame = Frame::parse(&mut bits, context).map_err(failed)?;
    let data = bytes.get(bits.num_read_bits() / 8..).unwrap_or_default();
    let rest = frame.feed_bytes(data).map_err(failed)?;
    if !frame.is_loading_done() {
        return Err(failed("the data end too early"));
    }
    if !rest.is_empty() {
        return Err(failed(format!("{} bytes after the image", rest.len())));
    }
    let skeleton = JpegBitstreamData::try_parse(skeleton::data(sampling)?).map_err(failed)?;
    let mut skeleton = skeleton.ok_or_else(|| failed("no reconstruction data"))?;
    skeleton.finalize().map_err(failed)?;
    let mut jpeg = Vec::new();
    skeleton
        .reconstruct(&frame, &[], &[], &[], &JxlThreadPool::none())
        .and_then(|jpeg_of| jpeg_of.write(&mut jpeg))
        .map_err(failed)?;
    Ok(jpeg)
}

/// The sampling of a frame of JPEG coefficients; `None` for other frames.
fn sampling_of(header: &FrameHeader, gray: bool) -> Option<Sampling> {
    let flags = &header.flags;
    let plain = header.frame_type.is_normal_frame()
        && header.encoding == Encoding::VarDct
        && header.is_last
        && !header.have_crop
        && header.upsampling == 1
        && header.passes.num_passes == 1
        && !(flags.noise() || flags.patches() || flags.splines() || flags.use_lf_frame());
    // Sampling factors of Cb, Y and Cr relative to each other: 1 is twice 0, both ways.
    let sampling = match (header.jpeg_upsampling, gray) {
        ([0, 0, 0], true) => Sampling::Gray,
        ([0, 0, 0], false) => Sampling::S444,
        ([0, 1, 0], false) => Sampling::S420,
        _ => return None,
    };
    plain.then_some(sampling)
}
