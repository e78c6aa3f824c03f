//! The OpenSlide library, loaded at run time, once in a process.
//!
//! OpenSlide is deliberately not linked: the program runs where it is missing, and never loads two copies at once, which
//! would silently read nothing. This module knows signatures, not slides. Versions 3.4 and 4 both work.

use libloading::Library;
use std::ffi::{CStr, OsString, c_char, c_int, c_void};
use std::sync::OnceLock;

/// File names of the library, tried in order.
const NAMES: &[&str] = if cfg!(windows) {
    &["libopenslide-1.dll", "libopenslide-0.dll"]
} else if cfg!(target_os = "macos") {
    &[
        "libopenslide.1.dylib",
        "libopenslide.0.dylib",
        "/opt/homebrew/lib/libopenslide.1.dylib",
        "/usr/local/lib/libopenslide.1.dylib",
        "/opt/local/lib/libopenslide.1.dylib",
    ]
} else {
    &["libopenslide.so.1", "libopenslide.so.0"]
};

/// Environment variable with the path of a library to use instead.
const PATH_VARIABLE: &str = "ORIGAMI_OPENSLIDE";

/// OpenSlide's `openslide_t`, opaque.
#[repr(C)]
pub(super) struct Handle {
    _private: [u8; 0],
}

/// A list of strings that ends with a null pointer.
pub(super) type Names = *const *const c_char;

/// The functions that are called. Text arguments and results are UTF-8 and end with a zero byte.
pub(super) struct Api {
    pub detect_vendor: unsafe extern "C" fn(*const c_char) -> *const c_char,
    pub open: unsafe extern "C" fn(*const c_char) -> *mut Handle,
    pub close: unsafe extern "C" fn(*mut Handle),
    pub get_error: unsafe extern "C" fn(*mut Handle) -> *const c_char,
    pub level0_dimensions: unsafe extern "C" fn(*mut Handle, *mut i64, *mut i64),
    pub read_region: unsafe extern "C" fn(*mut Handle, *mut u32, i64, i64, i32, i64, i64),
    pub property_value: unsafe extern "C" fn(*mut Handle, *const c_char) -> *const c_char,
    pub associated_names: unsafe extern "C" fn(*mut Handle) -> Names,
    pub associated_dimensions: unsafe extern "C" fn(*mut Handle, *const c_char, *mut i64, *mut i64),
    pub read_associated: unsafe extern "C" fn(*mut Handle, *const c_char, *mut u32),
    /// Version 4 only.
    pub icc: Option<Icc>,
    version: String,
    name: OsString,
    _library: Library,
}

/// The two functions for colour profiles.
#[derive(Clone, Copy)]
pub(super) struct Icc {
    pub size: unsafe extern "C" fn(*mut Handle) -> i64,
    pub read: unsafe extern "C" fn(*mut Handle, *mut c_void),
}

/// The library, or why it is missing and what to do about it.
pub(super) fn api() -> Result<&'static Api, &'static str> {
    static API: OnceLock<Result<Api, String>> = OnceLock::new();
    API.get_or_init(load).as_ref().map_err(String::as_str)
}

/// Whether the user named a library. If it does not load, that is an error, and not the same as a missing OpenSlide.
pub(super) fn named_by_user() -> bool {
    std::env::var_os(PATH_VARIABLE).is_some()
}

impl Api {
    /// For messages: `OpenSlide 3.4.1`.
    pub fn describe(&self) -> String {
        format!("OpenSlide {}", self.version)
    }

    /// The version, for example `3.4.1`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The file that it was loaded from; the requested name where the system does not report the file.
    #[cfg(unix)]
    #[allow(unsafe_code)]
    pub fn file(&self) -> String {
        let mut info = libc::Dl_info {
            dli_fname: std::ptr::null(),
            dli_fbase: std::ptr::null_mut(),
            dli_sname: std::ptr::null(),
            dli_saddr: std::ptr::null_mut(),
        };
        // SAFETY: `dladdr` takes any address and fills `info` where it returns non-zero. The name then belongs to the
        // library, which stays loaded, and is copied at once.
        let file = unsafe {
            (libc::dladdr(self.open as *const c_void, &mut info) != 0).then(|| text(info.dli_fname)).flatten()
        };
        file.unwrap_or_else(|| self.name.to_string_lossy().into_owned())
    }

    /// The name under which it was loaded.
    #[cfg(not(unix))]
    pub fn file(&self) -> String {
        self.name.to_string_lossy().into_owned()
    }
}

fn load() -> Result<Api, String> {
    let names: Vec<OsString> = match std::env::var_os(PATH_VARIABLE) {
        Some(path) => vec![path],
        None => NAMES.iter().map(OsString::from).collect(),
    };
    let mut failures = Vec::new();
    for name in &names {
        match load_from(name) {
            Ok(api) => return Ok(api),
            Err(error) => {
                // The system's message is the error's source.
                let detail =
                    std::error::Error::source(&error).map_or(error.to_string(), |source| source.to_string());
                failures.push(format!("{}: {detail}", name.to_string_lossy()));
            }
        }
    }
    Err(format!(
        "{}; install it (Debian, Ubuntu: apt install libopenslide0; Fedora: dnf install openslide; macOS: brew install \
         openslide; Windows: the archive from openslide.org) or set {PATH_VARIABLE} to the library",
        failures.join("; ")
    ))
}

#[allow(unsafe_code)]
fn load_from(name: &OsString) -> Result<Api, libloading::Error> {
    // SAFETY: loading runs the library's constructors; it is the OpenSlide of the system or of the user. Each symbol
    // has the type that openslide.h of 3.4 and 4.0 declares, and the pointers stay valid because `_library` is kept
    // in the same struct and `api` never drops it.
    unsafe {
        let library = Library::new(name)?;
        let size = library.get(b"openslide_get_icc_profile_size\0").map(|symbol| *symbol).ok();
        let read = library.get(b"openslide_read_icc_profile\0").map(|symbol| *symbol).ok();
        let version: unsafe extern "C" fn() -> *const c_char = *library.get(b"openslide_get_version\0")?;
        Ok(Api {
            detect_vendor: *library.get(b"openslide_detect_vendor\0")?,
            open: *library.get(b"openslide_open\0")?,
            close: *library.get(b"openslide_close\0")?,
            get_error: *library.get(b"openslide_get_error\0")?,
            level0_dimensions: *library.get(b"openslide_get_level0_dimensions\0")?,
            read_region: *library.get(b"openslide_read_region\0")?,
            property_value: *library.get(b"openslide_get_property_value\0")?,
            associated_names: *library.get(b"openslide_get_associated_image_names\0")?,
            associated_dimensions: *library.get(b"openslide_get_associated_image_dimensions\0")?,
            read_associated: *library.get(b"openslide_read_associated_image\0")?,
            icc: size.zip(read).map(|(size, read)| Icc { size, read }),
            version: text(version()).unwrap_or_default(),
            name: name.clone(),
            _library: library,
        })
    }
}

/// Copies a C string; `None` for null.
///
/// # Safety
/// `pointer` is null or a terminated string that lives during the call.
#[allow(unsafe_code)]
pub(super) unsafe fn text(pointer: *const c_char) -> Option<String> {
    // SAFETY: the caller guarantees a terminated string, and null is checked.
    (!pointer.is_null()).then(|| unsafe { CStr::from_ptr(pointer) }.to_string_lossy().into_owned())
}

// `c_int` and `int32_t` are the same on every platform that OpenSlide is built for.
const _: () = assert!(size_of::<c_int>() == size_of::<i32>());
