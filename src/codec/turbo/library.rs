//! Version and build of the libjpeg-turbo that is linked.

use std::ffi::CStr;

unsafe extern "C" {
    // Of csrc/jpeg_rows.c, which is compiled against the headers of that library.
    fn origami_jpeg_version() -> *const libc::c_char;
    fn origami_jpeg_has_simd() -> libc::c_int;
}

/// Whether libjpeg-turbo runs its SIMD routines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Simd {
    /// It runs those that the processor supports.
    On,
    /// `JSIMD_FORCENONE=1` has switched them off.
    Off,
    /// It was built without them: on x86-64 that is a build without nasm.
    NotBuilt,
}

/// The version of the libjpeg-turbo that this program was built with, as in `3.1.0`.
pub fn version() -> String {
    // SAFETY: the C side returns a terminated string constant.
    unsafe { CStr::from_ptr(origami_jpeg_version()) }.to_string_lossy().into_owned()
}

/// Whether that library runs its SIMD routines in this process.
pub fn simd() -> Simd {
    // SAFETY: the function takes no arguments and returns a constant.
    if unsafe { origami_jpeg_has_simd() } == 0 {
        return Simd::NotBuilt;
    }
    // libjpeg-turbo compares with exactly this value.
    if std::env::var_os("JSIMD_FORCENONE").is_some_and(|v| v == "1") { Simd::Off } else { Simd::On }
}
