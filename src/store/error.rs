//! The errors of files.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// An operation on a file or directory that failed.
#[derive(Debug, thiserror::Error)]
#[error("{}: cannot {action} it: {source}{}", path.display(), Advice(source))]
pub struct FileError {
    /// The operation: "read", "create", ...
    pub action: &'static str,
    /// The file or directory.
    pub path: PathBuf,
    /// The system's answer.
    pub source: io::Error,
}

impl FileError {
    /// For `map_err` after a call of `std::fs` and the like. Returns any error type that a `FileError` converts to.
    pub(crate) fn on<E: From<Self>>(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> E {
        let path = path.to_path_buf();
        move |source| Self { action, path, source }.into()
    }
}

/// What to do about an answer of the system, after a semicolon; nothing where the answer says it.
pub struct Advice<'a>(pub &'a io::Error);

impl std::fmt::Display for Advice<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.0.kind() {
            // Errors of stores say it.
            #[cfg(feature = "remote")]
            _ if super::remote::is_refused(self.0) => "",
            ErrorKind::NotFound => "; check the path",
            ErrorKind::PermissionDenied => "; check who may read and write there",
            ErrorKind::NotADirectory | ErrorKind::AlreadyExists => "; a file is where a directory should be",
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "; make room there",
            ErrorKind::ReadOnlyFilesystem => "; choose a place that can be written",
            ErrorKind::StaleNetworkFileHandle => "; mount the file system again",
            ErrorKind::UnexpectedEof => "; the file is shorter than it was: copy it again",
            _ if is_of_open_files(self.0) => "; raise the limit of open files (ulimit -n)",
            _ => "",
        })
    }
}

#[cfg(unix)]
fn is_of_open_files(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE))
}

#[cfg(not(unix))]
fn is_of_open_files(_: &io::Error) -> bool {
    false
}
