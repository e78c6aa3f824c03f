//! VP8 to planes.

use libwebp_sys as sys;

use super::error::failed;
use crate::codec::error::{Error, Result};
use crate::codec::image_codec::{ImageDecoder, Shape};
use crate::image::ycc::{Sampling, Ycc};

/// VP8 to planes.
pub struct Decoder;

/// The header of a payload, and the frame.
struct Header<'a> {
    sampling: Sampling,
    width: usize,
    height: usize,
    frame: &'a [u8],
}

/// Reads the component count and the frame header of RFC 6386, section 9.1. The frame must be a key frame that is shown, of a known
/// profile.
fn header(bytes: &[u8]) -> Result<Header<'_>> {
    let Some((&components, frame)) = bytes.split_first() else { return Err(failed("the payload is empty")) };
    let sampling = match components {
        1 => Sampling::Gray,
        3 => Sampling::S420,
        other => return Err(failed(format!("{other} components; 1 and 3 are known"))),
    };
    let &[tag, _, _, 0x9d, 0x01, 0x2a, w0, w1, h0, h1, ..] = frame else {
        return Err(failed("no VP8 key frame"));
    };
    let (inter, profile, shown) = (tag & 1, tag >> 1 & 7, tag >> 4 & 1);
    if inter != 0 || profile > 3 || shown != 1 {
        return Err(failed("a VP8 frame of an unknown kind"));
    }
    // The two bits above each size are a request to scale the image up.
    let [width, height] = [[w0, w1], [h0, h1]].map(u16::from_le_bytes);
    if width >> 14 != 0 || height >> 14 != 0 {
        return Err(failed("a VP8 frame that asks to be scaled"));
    }
    Ok(Header { sampling, width: width.into(), height: height.into(), frame })
}

impl ImageDecoder for Decoder {
    fn decode_into(&mut self, bytes: &[u8], expect: Shape, image: &mut Ycc) -> Result<()> {
        let Header { sampling, width, height, frame } = header(bytes)?;
        if (width, height) != (expect.width, expect.height) || width == 0 || height == 0 {
            let (w, h) = (expect.width, expect.height);
            return Err(failed(format!("the image is {width}x{height} where {w}x{h} belongs")));
        }
        if expect.sampling.is_some_and(|wanted| wanted != sampling) {
            return Err(failed(format!("the sampling is {sampling:?} where {:?} belongs", expect.sampling)));
        }
        let Ycc { luma, chroma, sampling: of } = image;
        *of = sampling;
        luma.reset(width, height);
        let (cw, ch) = Sampling::S420.chroma_size(width, height);
        let [cb, cr] = chroma.get_or_insert_default();
        cb.reset(cw, ch);
        cr.reset(cw, ch);

        let mut config = sys::WebPDecoderConfig::new().map_err(|()| failed("libwebp of another version"))?;
        config.output.colorspace = sys::WEBP_CSP_MODE::MODE_YUV;
        config.output.is_external_memory = 1;
        config.output.u.YUVA = sys::WebPYUVABuffer {
            y: luma.data_mut().as_mut_ptr(),
            u: cb.data_mut().as_mut_ptr(),
            v: cr.data_mut().as_mut_ptr(),
            a: std::ptr::null_mut(),
            y_stride: width as i32,
            u_stride: cw as i32,
            v_stride: cw as i32,
            a_stride: 0,
            y_size: luma.data().len(),
            u_size: cb.data().len(),
            v_size: cr.data().len(),
            a_size: 0,
        };
        // SAFETY: pointer and length of one live slice; the planes are as long as `*_size` says and libwebp, which reads the
        // frame's size from the same bytes, checks strides and sizes against it before it writes.
        let status = unsafe { sys::WebPDecode(frame.as_ptr(), frame.len(), &mut config) };
        if status != sys::VP8StatusCode::VP8_STATUS_OK {
            return Err(refusal(status));
        }
        if sampling == Sampling::Gray {
            *chroma = None;
        }
        Ok(())
    }
}

fn refusal(status: sys::VP8StatusCode) -> Error {
    use sys::VP8StatusCode::*;
    failed(match status {
        VP8_STATUS_OUT_OF_MEMORY => "out of memory",
        VP8_STATUS_NOT_ENOUGH_DATA => "the data end too early",
        VP8_STATUS_BITSTREAM_ERROR | VP8_STATUS_UNSUPPORTED_FEATURE => "damaged data",
        _ => "libwebp could not decode it",
    })
}
