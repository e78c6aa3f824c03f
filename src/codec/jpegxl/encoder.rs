//! Planes to JPEG, and that to a JPEG XL codestream.
#![allow(unsafe_code)]

use super::decoder::jpeg_of;
use super::error::failed;
use super::library::{self, Api, NEED_MORE_OUTPUT, SETTING_EFFORT, SUCCESS, api};
use crate::codec::error::{Error, Result};
use crate::codec::id::CodecId;
use crate::codec::image_codec::{ImageEncoder, Quality, Shape};
use crate::image::ycc::{Sampling, YccRef};

/// libjxl's effort, 1 to 9: 8 takes 1% fewer bytes than 7 and a third more time; 9 saves another 0.3% in twice the time
/// (`benches/RESULTS.md`).
const EFFORT: i64 = 8;
/// Bytes by which the output buffer grows.
const STEP_BYTES: usize = 64 << 10;

/// Planes to JPEG XL.
pub struct Encoder {
    api: &'static Api,
    jpeg: Box<dyn ImageEncoder>,
}

impl Encoder {
    /// An encoder that stores the coefficients of the JPEGs of `jpeg`.
    ///
    /// # Errors
    /// A system without libjxl; the message says what to do.
    pub fn new(jpeg: Box<dyn ImageEncoder>) -> Result<Self> {
        Ok(Self { api: api().map_err(|why| Error::NoLibjxl(why.into()))?, jpeg })
    }
}

impl ImageEncoder for Encoder {
    fn codec(&self) -> CodecId {
        CodecId::JpegXl
    }

    fn encode(&mut self, image: YccRef<'_>, quality: Quality) -> Result<Vec<u8>> {
        if ![Sampling::Gray, Sampling::S444, Sampling::S420].contains(&image.sampling) {
            let (encoder, sampling) = ("JPEG XL", image.sampling);
            return Err(Error::Sampling { encoder, sampling, coded: "444 or 420" });
        }
        let jpeg = self.jpeg.encode(image, quality)?;
        let bytes = transcode(self.api, &jpeg)?;
        // Decoded at once: a libjxl whose output the decoder refuses must fail here, not when the archive is read.
        let (width, height) = (image.luma.width, image.luma.height);
        jpeg_of(&bytes, Shape { width, height, sampling: Some(image.sampling) })?;
        Ok(bytes)
    }
}

/// A libjxl encoder, destroyed on drop.
struct Handle {
    api: &'static Api,
    encoder: *mut library::Encoder,
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: made by `create`, destroyed once.
        unsafe { (self.api.destroy)(self.encoder) }
    }
}

/// A codestream of one frame with the coefficients of `jpeg` and nothing else of the file.
fn transcode(api: &'static Api, jpeg: &[u8]) -> Result<Vec<u8>> {
    // SAFETY: null stands for the usual memory functions; the result is checked.
    let encoder = unsafe { (api.create)(std::ptr::null()) };
    if encoder.is_null() {
        return Err(failed("out of memory for an encoder"));
    }
    let handle = Handle { api, encoder };
    // SAFETY: the encoder is live; the settings, checked for null, belong to it. The library copies the JPEG.
    unsafe {
        check("no container", (api.use_container)(handle.encoder, 0))?;
        let settings = (api.settings)(handle.encoder, std::ptr::null());
        if settings.is_null() {
            return Err(failed("out of memory for an encoder's settings"));
        }
        check("the effort", (api.set_option)(settings, SETTING_EFFORT, EFFORT))?;
        check("the JPEG", (api.add_jpeg)(settings, jpeg.as_ptr(), jpeg.len()))?;
        (api.close_input)(handle.encoder);
    }
    let (mut bytes, mut used) = (vec![0u8; STEP_BYTES], 0);
    loop {
        let free = &mut bytes[used..];
        let (mut next, mut left) = (free.as_mut_ptr(), free.len());
        let asked = left;
        // SAFETY: `next` has room for `left` bytes; the library advances both by what it writes.
        let status = unsafe { (api.process)(handle.encoder, &mut next, &mut left) };
        used += asked - left;
        match status {
            SUCCESS => break,
            NEED_MORE_OUTPUT => bytes.resize(used + STEP_BYTES, 0),
            other => return check("coding", other).map(|()| bytes),
        }
    }
    bytes.truncate(used);
    Ok(bytes)
}

fn check(what: &str, status: i32) -> Result<()> {
    match status {
        SUCCESS => Ok(()),
        other => Err(failed(format!("libjxl refuses {what} (status {other})"))),
    }
}
