//! A TurboJPEG instance, and the errors and sampling names of this codec.

use std::ffi::CStr;

use turbojpeg::Subsamp;
use turbojpeg_sys as sys;

use crate::codec::error::{Error, Result};
use crate::image::ycc::Sampling;

/// An instance, destroyed on drop.
pub struct Handle(pub sys::tjhandle);

// SAFETY: a TurboJPEG instance has no thread affinity; it is only ever used through `&mut`.
unsafe impl Send for Handle {}

impl Handle {
    /// # Errors
    /// Lack of memory.
    pub fn new(kind: sys::TJINIT) -> Result<Self> {
        // SAFETY: `tj3Init` takes any value of the enumeration and returns null on failure, which is checked.
        let handle = unsafe { sys::tj3Init(kind as libc::c_int) };
        if handle.is_null() {
            return Err(failed("out of memory for a JPEG codec".into()));
        }
        Ok(Self(handle))
    }

    pub fn set(&mut self, param: sys::TJPARAM, value: i32) -> Result<()> {
        // SAFETY: the handle is live; TurboJPEG checks parameter and value.
        let rc = unsafe { sys::tj3Set(self.0, param as libc::c_int, value) };
        self.check(rc)
    }

    pub fn get(&mut self, param: sys::TJPARAM) -> i32 {
        // SAFETY: the handle is live; an unknown parameter gives -1.
        unsafe { sys::tj3Get(self.0, param as libc::c_int) }
    }

    /// Turns the result of a TurboJPEG call into an error with the instance's message.
    pub fn check(&mut self, rc: libc::c_int) -> Result<()> {
        if rc == 0 {
            return Ok(());
        }
        // SAFETY: the handle is live and the string, which it owns, is copied at once.
        let text = unsafe { CStr::from_ptr(sys::tj3GetErrorStr(self.0)) };
        Err(failed(text.to_string_lossy().into_owned()))
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: the handle came from `tj3Init` and is dropped once.
        unsafe { sys::tj3Destroy(self.0) }
    }
}

pub fn failed(problem: String) -> Error {
    Error::Image { what: "JPEG".into(), problem }
}

/// TurboJPEG's name of a sampling; as an integer it is the `TJSAMP` of the C API.
pub fn subsamp(sampling: Sampling) -> Subsamp {
    match sampling {
        Sampling::Gray => Subsamp::Gray,
        Sampling::S444 => Subsamp::None,
        Sampling::S422 => Subsamp::Sub2x1,
        Sampling::S420 => Subsamp::Sub2x2,
        Sampling::S440 => Subsamp::Sub1x2,
        Sampling::S411 => Subsamp::Sub4x1,
        Sampling::S441 => Subsamp::Sub1x4,
    }
}
