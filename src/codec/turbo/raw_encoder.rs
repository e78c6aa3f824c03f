//! Planes to JPEG with restart markers, or with one quality for luma and another for chroma, over `csrc/jpeg_planes.c`.

use std::ffi::{CStr, c_char, c_int, c_ulong};

use super::handle::failed;
use crate::codec::error::Result;
use crate::codec::image_codec::Quality;
use crate::image::plane::{Plane, PlaneRef};
use crate::image::ycc::YccRef;

/// Length of libjpeg's messages: `JMSG_LENGTH_MAX`.
const MESSAGE_BYTES: usize = 200;
/// Side of a block of samples.
const BLOCK: usize = 8;

/// The twin of `origami_jpeg_image`.
#[repr(C)]
struct Image {
    planes: [*const u8; 3],
    strides: [usize; 3],
    width: u32,
    height: u32,
    components: c_int,
    factors: [c_int; 2],
    luma_quality: c_int,
    chroma_quality: c_int,
    restart_rows: c_int,
}

unsafe extern "C" {
    // Of csrc/jpeg_planes.c.
    fn origami_jpeg_encode_planes(
        image: *const Image,
        out: *mut *mut u8,
        out_bytes: *mut c_ulong,
        message: *mut c_char,
    ) -> c_int;
    fn origami_planes_free(bytes: *mut u8);
}

/// Codes an image of 1 to 65,500 pixels a side with Huffman tables made for it, and a restart marker after every
/// `restart_rows` MCU rows, none for 0.
///
/// # Errors
/// What libjpeg says.
pub fn encode(image: YccRef<'_>, quality: Quality, restart_rows: usize) -> Result<Vec<u8>> {
    let (width, height) = (image.luma.width, image.luma.height);
    let (fx, fy) = image.sampling.factors();
    // libjpeg reads whole MCUs.
    let (columns, rows) = (width.div_ceil(fx * BLOCK), height.div_ceil(fy * BLOCK));
    let (luma_size, chroma_size) =
        ((columns * fx * BLOCK, rows * fy * BLOCK), (columns * BLOCK, rows * BLOCK));
    let given = match image.chroma {
        Some([cb, cr]) => vec![(image.luma, luma_size), (cb, chroma_size), (cr, chroma_size)],
        None => vec![(image.luma, luma_size)],
    };
    let extended = |&(plane, size): &(PlaneRef<'_>, (usize, usize))| {
        ((plane.width, plane.height) != size).then(|| plane.extended(size.0, size.1))
    };
    let padded: Vec<Option<Plane>> = given.iter().map(extended).collect();
    let mut coded = Image {
        planes: [std::ptr::null(); 3],
        strides: [0; 3],
        width: width as u32,
        height: height as u32,
        components: given.len() as c_int,
        factors: [fx as c_int, fy as c_int],
        luma_quality: quality.luma.into(),
        chroma_quality: quality.chroma.into(),
        restart_rows: restart_rows as c_int,
    };
    for (i, (padded, &(plane, (_, rows)))) in padded.iter().zip(&given).enumerate() {
        let plane = padded.as_ref().map_or(plane, Plane::view);
        // The last row exists: the C side reads up to its end.
        let _ = plane.row(rows - 1);
        coded.planes[i] = plane.data().as_ptr();
        coded.strides[i] = plane.stride;
    }
    let (mut out, mut bytes) = (std::ptr::null_mut(), 0);
    let mut message: [c_char; MESSAGE_BYTES] = [0; MESSAGE_BYTES];
    // SAFETY: every plane has whole MCUs, `stride` apart: it had this size or was extended to it, and the loop above has read its last
    // row. The C side reads nothing beyond. The message has the length that libjpeg writes at most.
    let rc = unsafe { origami_jpeg_encode_planes(&coded, &mut out, &mut bytes, message.as_mut_ptr()) };
    if rc != 0 || out.is_null() {
        message[MESSAGE_BYTES - 1] = 0;
        // SAFETY: terminated by the line above at the latest.
        let text = unsafe { CStr::from_ptr(message.as_ptr()) };
        return Err(failed(text.to_string_lossy().into_owned()));
    }
    // SAFETY: on success `out` holds `bytes` bytes, which are copied before they are freed, once.
    unsafe {
        let coded = std::slice::from_raw_parts(out, bytes as usize).to_vec();
        origami_planes_free(out);
        Ok(coded)
    }
}
