//! A safe wrapper of an `openslide_t`.
//!
//! It deliberately does not know our regions or colours: results are the library's own. OpenSlide keeps the first error of a
//! handle, and every later call fails, so the error is checked after every call. `shared` opens a file again after one.

use super::super::region::Region;
use super::library::{self, Api, Handle};
use std::ffi::{CStr, CString};
use std::path::Path;
use std::ptr::NonNull;

/// Names of associated images that are read at most.
const MAX_NAMES: usize = 1000;

/// An open slide.
pub(super) struct OpenHandle {
    api: &'static Api,
    raw: NonNull<Handle>,
}

// SAFETY: OpenSlide documents that all functions may be called on one handle from many threads at once, except `close`,
// which only `drop` calls.
#[allow(unsafe_code)]
unsafe impl Send for OpenHandle {}
// SAFETY: as above.
#[allow(unsafe_code)]
unsafe impl Sync for OpenHandle {}

/// A path as OpenSlide expects it: bytes on Unix, UTF-8 on Windows.
pub(super) fn c_path(path: &Path) -> Result<CString, String> {
    #[cfg(unix)]
    let bytes = std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str()).to_vec();
    #[cfg(not(unix))]
    let bytes = path.to_str().ok_or("the name is not valid Unicode")?.as_bytes().to_vec();
    CString::new(bytes).map_err(|_| "the name holds a zero byte".into())
}

/// The vendor of the file's format, `None` for an unknown one.
#[allow(unsafe_code)]
pub(super) fn vendor(api: &Api, path: &CStr) -> Option<String> {
    // SAFETY: a terminated string in, null or a static string out.
    unsafe { library::text((api.detect_vendor)(path.as_ptr())) }
}

impl OpenHandle {
    #[allow(unsafe_code)]
    pub fn open(api: &'static Api, path: &CStr) -> Result<Self, String> {
        // SAFETY: a terminated string in; null when the format is unknown, else a handle that `drop` closes.
        let raw = unsafe { (api.open)(path.as_ptr()) };
        let raw = NonNull::new(raw).ok_or("it does not recognise the file")?;
        let handle = Self { api, raw };
        handle.check()?;
        Ok(handle)
    }

    /// An error if the handle is in its error state.
    #[allow(unsafe_code)]
    fn check(&self) -> Result<(), String> {
        // SAFETY: a live handle in; null or a string that the handle owns out.
        unsafe { library::text((self.api.get_error)(self.raw.as_ptr())) }.map_or(Ok(()), Err)
    }

    /// Width and height of the full resolution.
    #[allow(unsafe_code)]
    pub fn dimensions(&self) -> Result<(i64, i64), String> {
        let (mut width, mut height) = (-1, -1);
        // SAFETY: a live handle; both results are valid for writes.
        unsafe { (self.api.level0_dimensions)(self.raw.as_ptr(), &mut width, &mut height) };
        self.check().map(|()| (width, height))
    }

    #[allow(unsafe_code)]
    pub fn property(&self, name: &CStr) -> Option<String> {
        // SAFETY: a live handle and a terminated name in; null or a string that the handle owns out.
        unsafe { library::text((self.api.property_value)(self.raw.as_ptr(), name.as_ptr())) }
    }

    /// A property that is a whole number.
    pub fn number(&self, name: &CStr) -> Option<u32> {
        self.property(name)?.trim().parse().ok()
    }

    /// A number of a resolution: its `width`, `height`, `tile-width` or `tile-height`.
    pub fn of_level(&self, level: u32, what: &str) -> Option<u32> {
        self.number(&CString::new(format!("openslide.level[{level}].{what}")).ok()?)
    }

    /// Reads `width * height` pixels of a level into `pixels`, which must have exactly that length. `x` and `y` are in pixels of the
    /// full resolution, the region's size in those of the level.
    #[allow(unsafe_code)]
    pub fn read(&self, level: u32, region: Region, pixels: &mut [u32]) -> Result<(), String> {
        let Region { x, y, width, height } = region;
        if pixels.len() as u64 != u64::from(width) * u64::from(height) {
            return Err("the pixel buffer has another size than the region".into());
        }
        let level = i32::try_from(level).map_err(|_| "no such level")?;
        let (x, y, width, height) = (i64::from(x), i64::from(y), i64::from(width), i64::from(height));
        // SAFETY: a live handle; `pixels` has room for width * height pixels by the check above.
        unsafe { (self.api.read_region)(self.raw.as_ptr(), pixels.as_mut_ptr(), x, y, level, width, height) };
        self.check()
    }

    #[allow(unsafe_code)]
    pub fn associated_names(&self) -> Vec<String> {
        // SAFETY: a live handle in; null or a list that the handle owns out, ended by a null pointer: the loop stops there.
        unsafe {
            let list = (self.api.associated_names)(self.raw.as_ptr());
            if list.is_null() {
                return Vec::new();
            }
            (0..MAX_NAMES).map_while(|index| library::text(*list.add(index))).collect()
        }
    }

    /// Size of an associated image; `(-1, -1)` when there is none of that name.
    #[allow(unsafe_code)]
    pub fn associated_dimensions(&self, name: &CStr) -> Result<(i64, i64), String> {
        let (mut width, mut height) = (-1, -1);
        // SAFETY: as for `dimensions`, with a terminated name.
        unsafe {
            (self.api.associated_dimensions)(self.raw.as_ptr(), name.as_ptr(), &mut width, &mut height)
        };
        self.check().map(|()| (width, height))
    }

    /// Reads an associated image into `pixels`, which must have exactly its size.
    #[allow(unsafe_code)]
    pub fn read_associated(&self, name: &CStr, pixels: &mut [u32]) -> Result<(), String> {
        let (width, height) = self.associated_dimensions(name)?;
        let size = width.checked_mul(height).and_then(|size| usize::try_from(size).ok());
        if width <= 0 || height <= 0 || size != Some(pixels.len()) {
            return Err("the pixel buffer has another size than the image".into());
        }
        // SAFETY: a live handle; `pixels` has room for the image by the check above.
        unsafe { (self.api.read_associated)(self.raw.as_ptr(), name.as_ptr(), pixels.as_mut_ptr()) };
        self.check()
    }

    /// The colour profile, when the library is new enough and the slide has one of at most `limit_bytes`.
    #[allow(unsafe_code)]
    pub fn icc_profile(&self, limit_bytes: i64) -> Option<Vec<u8>> {
        let icc = self.api.icc?;
        // SAFETY: a live handle.
        let size = unsafe { (icc.size)(self.raw.as_ptr()) };
        if !(1..=limit_bytes).contains(&size) {
            return None;
        }
        let mut profile = vec![0; usize::try_from(size).ok()?];
        // SAFETY: a live handle; the buffer has the size that the library just returned.
        unsafe { (icc.read)(self.raw.as_ptr(), profile.as_mut_ptr().cast()) };
        self.check().ok().map(|()| profile)
    }
}

impl Drop for OpenHandle {
    #[allow(unsafe_code)]
    fn drop(&mut self) {
        // SAFETY: the handle is closed once, and `&mut self` shows that no call is running.
        unsafe { (self.api.close)(self.raw.as_ptr()) };
    }
}
