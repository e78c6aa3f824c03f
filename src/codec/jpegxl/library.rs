//! The libjxl library, opened at run time, once in a process: the functions that take a JPEG.
//!
//! Knows signatures, not images. Works with versions 0.7 to 0.11.

use std::ffi::{OsString, c_int, c_void};
use std::sync::OnceLock;

use libloading::Library;

/// File names of the library, tried in order.
const NAMES: &[&str] = if cfg!(windows) {
    &["jxl.dll", "libjxl.dll"]
} else if cfg!(target_os = "macos") {
    &["libjxl.dylib", "/opt/homebrew/lib/libjxl.dylib", "/usr/local/lib/libjxl.dylib"]
} else {
    &["libjxl.so.0.11", "libjxl.so.0.10", "libjxl.so.0.9", "libjxl.so.0.8", "libjxl.so.0.7"]
};

/// The environment variable with the path of a library to use instead.
const PATH_VARIABLE: &str = "ORIGAMI_LIBJXL";

/// `JXL_ENC_SUCCESS` and `JXL_ENC_NEED_MORE_OUTPUT`.
pub const SUCCESS: c_int = 0;
pub const NEED_MORE_OUTPUT: c_int = 2;
/// `JXL_ENC_FRAME_SETTING_EFFORT`.
pub const SETTING_EFFORT: c_int = 0;
/// The oldest version with these functions.
const MIN_VERSION: (u32, u32) = (0, 7);

/// `JxlEncoder` and `JxlEncoderFrameSettings`: opaque.
pub type Encoder = c_void;
pub type Settings = c_void;

/// The functions that are called.
pub struct Api {
    pub create: unsafe extern "C" fn(*const c_void) -> *mut Encoder,
    pub destroy: unsafe extern "C" fn(*mut Encoder),
    pub use_container: unsafe extern "C" fn(*mut Encoder, c_int) -> c_int,
    pub settings: unsafe extern "C" fn(*mut Encoder, *const Settings) -> *mut Settings,
    pub set_option: unsafe extern "C" fn(*mut Settings, c_int, i64) -> c_int,
    pub add_jpeg: unsafe extern "C" fn(*const Settings, *const u8, usize) -> c_int,
    pub close_input: unsafe extern "C" fn(*mut Encoder),
    pub process: unsafe extern "C" fn(*mut Encoder, *mut *mut u8, *mut usize) -> c_int,
    version: (u32, u32, u32),
    name: OsString,
    _library: Library,
}

/// The library, or a message that says why it cannot be loaded and what to do.
pub fn api() -> Result<&'static Api, &'static str> {
    static API: OnceLock<Result<Api, String>> = OnceLock::new();
    API.get_or_init(load).as_ref().map_err(String::as_str)
}

/// For `doctor`: version and file, as in `libjxl 0.7.0 (libjxl.so.0.7)`, or why the library cannot be loaded.
pub fn state() -> Result<String, String> {
    let describe = |api: &'static Api| {
        let (major, minor, patch) = api.version;
        format!("libjxl {major}.{minor}.{patch} ({})", api.name.to_string_lossy())
    };
    api().map(describe).map_err(Into::into)
}

fn load() -> Result<Api, String> {
    let names: Vec<OsString> = match std::env::var_os(PATH_VARIABLE) {
        Some(path) => vec![path],
        None => NAMES.iter().map(OsString::from).collect(),
    };
    let mut failures = Vec::new();
    for name in &names {
        match load_from(name) {
            Ok(api) if (api.version.0, api.version.1) >= MIN_VERSION => return Ok(api),
            Ok(api) => failures.push(format!("{}: version {:?}", name.to_string_lossy(), api.version)),
            Err(error) => {
                // The source of the error is the system's own message.
                let detail =
                    std::error::Error::source(&error).map_or(error.to_string(), |source| source.to_string());
                failures.push(format!("{}: {detail}", name.to_string_lossy()));
            }
        }
    }
    Err(format!(
        "{}; install libjxl 0.7 or newer (Debian 12: apt install libjxl0.7; Ubuntu 24.04 too; Fedora: dnf install libjxl; \
         macOS: brew install jpeg-xl) or set {PATH_VARIABLE} to the library",
        failures.join("; ")
    ))
}

#[allow(unsafe_code)]
fn load_from(name: &OsString) -> Result<Api, libloading::Error> {
    // SAFETY: loading runs the library's constructors; it is the libjxl that the system or the user names. Each symbol has the
    // type that jxl/encode.h of 0.7 to 0.11 declares, and the pointers stay valid because `_library` is kept beside them
    // and `api` never drops it.
    unsafe {
        let library = Library::new(name)?;
        let version: unsafe extern "C" fn() -> u32 = *library.get(b"JxlEncoderVersion\0")?;
        let version = version();
        Ok(Api {
            create: *library.get(b"JxlEncoderCreate\0")?,
            destroy: *library.get(b"JxlEncoderDestroy\0")?,
            use_container: *library.get(b"JxlEncoderUseContainer\0")?,
            settings: *library.get(b"JxlEncoderFrameSettingsCreate\0")?,
            set_option: *library.get(b"JxlEncoderFrameSettingsSetOption\0")?,
            add_jpeg: *library.get(b"JxlEncoderAddJPEGFrame\0")?,
            close_input: *library.get(b"JxlEncoderCloseInput\0")?,
            process: *library.get(b"JxlEncoderProcessOutput\0")?,
            version: (version / 1_000_000, version / 1000 % 1000, version % 1000),
            name: name.clone(),
            _library: library,
        })
    }
}
