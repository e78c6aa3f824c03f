//! Whether a file is still the one that was opened.

use std::fs;
use std::path::Path;
use std::time::UNIX_EPOCH;

use crate::errors::{Error, Result};

/// Length and time of modification in nanoseconds of a file or directory.
pub type Stamp = (u64, u64);

/// The stamp of a file or directory.
///
/// # Errors
/// One that cannot be read.
pub fn stamp(path: &Path) -> Result<Stamp> {
    let metadata = fs::metadata(path).map_err(|e| Error::io(path, e))?;
    let time = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    // 2^64 nanoseconds last until 2554.
    Ok((metadata.len(), time.map_or(0, |time| time.as_nanos() as u64)))
}

/// # Errors
/// A file that was changed since it had this stamp.
pub fn check(path: &Path, expected: Stamp) -> Result<()> {
    match stamp(path)? == expected {
        true => Ok(()),
        false => Err(Error::input(path, "it was changed after it was opened; open it again")),
    }
}
