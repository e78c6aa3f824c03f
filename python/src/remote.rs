//! A file at an address, of which Python reads ranges of bytes: `origami/_remote_file.py`.
//!
//! Addresses, credentials and connections are fsspec's, so that a user says them once. Calls take the interpreter's lock; whoever waits for
//! one holds no lock that a thread with the interpreter may wait for.

use std::io;

use origami::store::ReadAt;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// The file, for readers of archives.
pub struct RemoteFile {
    file: Py<PyAny>,
    size: u64,
}

impl RemoteFile {
    /// Of an object with `size` and `read(start, end)`.
    ///
    /// # Errors
    /// It has no size.
    pub fn new(file: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(Self { size: file.getattr("size")?.extract()?, file: file.clone().unbind() })
    }
}

impl ReadAt for RemoteFile {
    fn size(&self) -> io::Result<u64> {
        Ok(self.size)
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let end = offset.checked_add(buf.len() as u64).filter(|&end| end <= self.size);
        let end = end.ok_or(io::ErrorKind::UnexpectedEof)?;
        Python::attach(|py| {
            let bytes = self.file.bind(py).call_method1("read", (offset, end))?;
            let bytes = bytes.cast::<PyBytes>().map_err(PyErr::from)?.as_bytes();
            if bytes.len() != buf.len() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            buf.copy_from_slice(bytes);
            Ok(())
        })
    }
}
