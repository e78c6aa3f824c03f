//! The errors of files.

use std::path::{Path, PathBuf};

/// An operation on a file or directory that failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}: {source}", path.display())]
pub struct FileError {
    /// The operation: "read", "create", ...
    pub action: &'static str,
    /// The file or directory.
    pub path: PathBuf,
    /// The system's answer.
    pub source: std::io::Error,
}

impl FileError {
    /// For `map_err` after a call of `std::fs` and the like. Returns any error type that a `FileError` converts to.
    pub(crate) fn on<E: From<Self>>(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> E {
        let path = path.to_path_buf();
        move |source| Self { action, path, source }.into()
    }
}
