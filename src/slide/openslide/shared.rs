//! A handle for all reads of a slide. It outlives a read that fails.
//!
//! OpenSlide keeps the first error of a handle, and every later call fails: one damaged tile would take all others of its slide with it, and
//! a read that fails those of other threads that run beside it.

use super::handle::OpenHandle;
use super::library::Api;
use std::ffi::CString;
use std::sync::{Arc, Mutex, MutexGuard};

/// An open slide, opened again after an error.
pub(super) struct SharedHandle {
    api: &'static Api,
    name: CString,
    /// What every handle of the slide says of it.
    says: Says,
    /// Nothing after an error, until the next read.
    current: Mutex<Option<Arc<OpenHandle>>>,
}

/// What tells a slide from another one under its name: its size, and OpenSlide's hash of it.
#[derive(PartialEq, Eq)]
struct Says {
    size: (i64, i64),
    hash: Option<String>,
}

impl Says {
    fn of(handle: &OpenHandle) -> Result<Self, String> {
        Ok(Self { size: handle.dimensions()?, hash: handle.property(c"openslide.quickhash-1") })
    }
}

impl SharedHandle {
    /// Shares a handle of the file called `name`.
    pub fn new(api: &'static Api, name: CString, handle: OpenHandle) -> Result<Self, String> {
        let says = Says::of(&handle)?;
        Ok(Self { api, name, says, current: Mutex::new(Some(Arc::new(handle))) })
    }

    /// Calls `read`. Where that fails, once more with a new handle: the error may be of another thread's read.
    pub fn read<T>(&self, mut read: impl FnMut(&OpenHandle) -> Result<T, String>) -> Result<T, String> {
        let known = self.current().clone();
        if let Some(handle) = known {
            if let Ok(done) = read(&handle) {
                return Ok(done);
            }
            self.current().take_if(|current| Arc::ptr_eq(current, &handle));
        }
        // Of this read alone until it has succeeded.
        let handle = Arc::new(self.open()?);
        let done = read(&handle)?;
        self.current().get_or_insert(handle);
        Ok(done)
    }

    fn open(&self) -> Result<OpenHandle, String> {
        let handle = OpenHandle::open(self.api, &self.name)?;
        match Says::of(&handle)? == self.says {
            true => Ok(handle),
            false => Err("the file has been replaced since it was opened; open the slide again".into()),
        }
    }

    fn current(&self) -> MutexGuard<'_, Option<Arc<OpenHandle>>> {
        self.current.lock().unwrap_or_else(|e| e.into_inner())
    }
}
