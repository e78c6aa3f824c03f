//! Planes to JPEG, and that to a JPEG XL codestream.
#![allow(unsafe_code)]

use super::library::{self, Api, NEED_MORE_OUTPUT, SETTING_EFFORT, SUCCESS, api};
use super::{failed, jpeg_of};
use crate::codec::error::{Error, Result};
use crate::codec::{CodecId, EncoderKind, ImageEncoder, Quality, Shape, Use};
use crate::image::ycc::{Sampling, YccRef};

/// How hard libjxl tries, 1 to 9: 8 takes 1% fewer bytes than 7 and a third more time, 9 twice as long for 0.3% more (`benches/RESULTS.md`).
const EFFORT: i64 = 8;
/// Bytes by which its output grows.
const STEP_BYTES: usize = 64 << 10;

/// An encoder for one use.
pub struct Encoder {
    api: &'static Api,
    jpeg: Box<dyn ImageEncoder>,
}

impl Encoder {
    /// For baselines or for residuals.
    ///
    /// # Errors
    /// Where there is no libjxl; the message says what to do.
    pub fn new(of: Use) -> Result<Self> {
        let missing = |why: &str| Error::NoLibjxl(why.into());
        // The best JPEG that this build makes: its coefficients are all that is kept.
        let kind = if cfg!(feature = "mozjpeg") { EncoderKind::Mozjpeg } else { EncoderKind::Turbojpeg };
        Ok(Self { api: api().map_err(missing)?, jpeg: kind.encoder(of)? })
    }
}

impl ImageEncoder for Encoder {
    fn codec(&self) -> CodecId {
        CodecId::JpegXl
    }

    fn encode(&mut self, image: YccRef<'_>, quality: Quality) -> Result<Vec<u8>> {
        if ![Sampling::Gray, Sampling::S444, Sampling::S420].contains(&image.sampling) {
            return Err(failed(format!("chroma sampling {:?}; use --subsamp 444 or 420", image.sampling)));
        }
        let jpeg = self.jpeg.encode(image, quality)?;
        let bytes = transcode(self.api, &jpeg)?;
        // A library that writes what the decoder refuses must be found out here, not by who decodes.
        let (width, height) = (image.luma.width, image.luma.height);
        jpeg_of(&bytes, Shape { width, height, sampling: Some(image.sampling) })?;
        Ok(bytes)
    }
}

/// A libjxl encoder that is destroyed at the end.
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

/// The codestream of one frame with the coefficients of `jpeg`, nothing else of it.
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
        // SAFETY: `next` has `left` bytes, which is what the library is told; it moves both.
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
