//! A 4:2:0 image with a quality for luma and another one for chroma, which TurboJPEG's own functions do not have: a safe
//! face for `csrc/jpeg_planes.c`.

use std::ffi::{CStr, c_char, c_int, c_ulong};

use super::codec;
use crate::codec::Quality;
use crate::codec::error::Result;
use crate::image::plane::PlaneRef;
use crate::image::ycc::{Sampling, YccRef};

/// Length of libjpeg's messages: `JMSG_LENGTH_MAX`.
const MESSAGE_BYTES: usize = 200;
/// Rows and columns of luma that are coded at a time.
const MCU: usize = 16;

unsafe extern "C" {
    fn origami_jpeg_encode_420(
        planes: *const *const u8,
        strides: *const usize,
        width: u32,
        height: u32,
        luma_quality: c_int,
        chroma_quality: c_int,
        restart_rows: c_int,
        out: *mut *mut u8,
        out_bytes: *mut c_ulong,
        message: *mut c_char,
    ) -> c_int;
    fn origami_planes_free(bytes: *mut u8);
}

/// Codes a 4:2:0 image of 1 to 65,500 pixels a side with Huffman tables made for it, and a restart marker after every
/// `restart_rows` MCU rows, none for 0.
///
/// # Errors
/// What libjpeg says.
///
/// # Panics
/// Where the image is not 4:2:0: a mistake of the caller.
pub fn encode(image: YccRef<'_>, quality: Quality, restart_rows: usize) -> Result<Vec<u8>> {
    assert_eq!(image.sampling, Sampling::S420);
    let Some([cb, cr]) = image.chroma else {
        unreachable!("an image with a chroma sampling has chroma planes")
    };
    let (width, height) = (image.luma.width, image.luma.height);
    let (pw, ph) = (width.next_multiple_of(MCU), height.next_multiple_of(MCU));
    let padded = |plane: PlaneRef<'_>, scale: usize| plane.extended(pw / scale, ph / scale);
    let planes = [padded(image.luma, 1), padded(cb, 2), padded(cr, 2)];
    let pointers = planes.each_ref().map(|plane| plane.data().as_ptr());
    let strides = planes.each_ref().map(|plane| plane.stride());
    let (mut out, mut bytes) = (std::ptr::null_mut(), 0);
    let mut message: [c_char; MESSAGE_BYTES] = [0; MESSAGE_BYTES];
    // SAFETY: the planes hold whole units of 16 x 16 (luma) and 8 x 8 pixels (chroma), padded above, at these strides; nothing
    // beyond them is read. The message has the length that libjpeg writes at most.
    let rc = unsafe {
        origami_jpeg_encode_420(
            pointers.as_ptr(),
            strides.as_ptr(),
            width as u32,
            height as u32,
            c_int::from(quality.luma),
            c_int::from(quality.chroma),
            restart_rows as c_int,
            &mut out,
            &mut bytes,
            message.as_mut_ptr(),
        )
    };
    if rc != 0 || out.is_null() {
        message[MESSAGE_BYTES - 1] = 0;
        // SAFETY: terminated by the line above at the latest.
        let text = unsafe { CStr::from_ptr(message.as_ptr()) };
        return Err(codec(text.to_string_lossy().into_owned()));
    }
    // SAFETY: on success `out` holds `bytes` bytes, which are copied before they are freed, once.
    unsafe {
        let coded = std::slice::from_raw_parts(out, bytes as usize).to_vec();
        origami_planes_free(out);
        Ok(coded)
    }
}
