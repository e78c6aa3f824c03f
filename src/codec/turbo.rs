//! JPEG through libjpeg-turbo: the one codec whose decoder is part of the numerics.
//!
//! The accurate integer DCT (`jpeg_idct_islow`), whose SIMD and C paths agree bit for bit; planes in and out, so that
//! libjpeg's own chroma resampling is never used. Hostile input meets limits on pixels, scans and warnings: a file
//! that libjpeg-turbo would "repair" is refused. Source: the TurboJPEG 3 API.
#![allow(unsafe_code)]

mod coefficients;
mod decoder;
mod encoder;
#[cfg(test)]
mod tests;
mod transform;
mod two_qualities;

use std::ffi::CStr;

use turbojpeg_sys as sys;

use crate::codec::error::{Error, Result};
use crate::image::ycc::Sampling;

pub use coefficients::{Component, coefficients};
pub use decoder::{Color, Decoder, Header, Opened};
pub use encoder::Encoder;
#[cfg(feature = "mozjpeg")]
pub use transform::with_restarts;
pub use transform::{arithmetic, crop};

unsafe extern "C" {
    // Of csrc/jpeg_rows.c, which sees the headers of the library that is linked.
    fn origami_jpeg_version() -> *const libc::c_char;
    fn origami_jpeg_has_simd() -> libc::c_int;
}

/// Whether libjpeg-turbo runs its SIMD routines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Simd {
    /// It does, as far as the processor has them.
    On,
    /// `JSIMD_FORCENONE=1` switched them off.
    Off,
    /// It was built without them: on x86-64 that is a build without nasm.
    NotBuilt,
}

/// The version of the libjpeg-turbo that this program was built with: `3.1.0`.
pub fn version() -> String {
    // SAFETY: a constant of the C side: terminated, and there for good.
    unsafe { CStr::from_ptr(origami_jpeg_version()) }.to_string_lossy().into_owned()
}

/// Whether that library runs its SIMD routines in this process.
pub fn simd() -> Simd {
    // SAFETY: a call without arguments that gives a constant.
    if unsafe { origami_jpeg_has_simd() } == 0 {
        return Simd::NotBuilt;
    }
    // It looks for exactly this value.
    if std::env::var_os("JSIMD_FORCENONE").is_some_and(|v| v == "1") { Simd::Off } else { Simd::On }
}

struct Handle(sys::tjhandle);

// SAFETY: a TurboJPEG instance has no thread affinity; it is only ever used through `&mut`.
unsafe impl Send for Handle {}

impl Handle {
    fn new(kind: sys::TJINIT) -> Result<Self> {
        // SAFETY: `tj3Init` takes any value of the enumeration and returns null on failure, which is checked.
        let handle = unsafe { sys::tj3Init(kind as libc::c_int) };
        if handle.is_null() {
            return Err(codec("out of memory for a JPEG codec".into()));
        }
        Ok(Self(handle))
    }

    fn set(&mut self, param: sys::TJPARAM, value: i32) -> Result<()> {
        // SAFETY: the handle is live; TurboJPEG checks parameter and value.
        let rc = unsafe { sys::tj3Set(self.0, param as libc::c_int, value) };
        self.check(rc)
    }

    fn get(&mut self, param: sys::TJPARAM) -> i32 {
        // SAFETY: the handle is live; an unknown parameter gives -1.
        unsafe { sys::tj3Get(self.0, param as libc::c_int) }
    }

    fn check(&mut self, rc: libc::c_int) -> Result<()> {
        if rc == 0 {
            return Ok(());
        }
        // SAFETY: the handle is live and the string, which it owns, is copied at once.
        let text = unsafe { CStr::from_ptr(sys::tj3GetErrorStr(self.0)) };
        Err(codec(text.to_string_lossy().into_owned()))
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: the handle came from `tj3Init` and is dropped once.
        unsafe { sys::tj3Destroy(self.0) }
    }
}

fn codec(problem: String) -> Error {
    Error::Image { what: "JPEG".into(), problem }
}

fn tj_sampling(sampling: Sampling) -> sys::TJSAMP {
    match sampling {
        Sampling::Gray => sys::TJSAMP_TJSAMP_GRAY,
        Sampling::S444 => sys::TJSAMP_TJSAMP_444,
        Sampling::S422 => sys::TJSAMP_TJSAMP_422,
        Sampling::S420 => sys::TJSAMP_TJSAMP_420,
        Sampling::S440 => sys::TJSAMP_TJSAMP_440,
        Sampling::S411 => sys::TJSAMP_TJSAMP_411,
        Sampling::S441 => sys::TJSAMP_TJSAMP_441,
    }
}
