//! Errors of the library as exceptions: `origami/_errors.py` has the classes.

use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::Arc;

use origami::error::Error as Library;
use origami::error::diagnose;
use origami::error::diagnosis::FaultKind;
use origami::pixels::ReadError;
use origami::pyramid;
use origami::slide::SlideError;
use origami::store::FileError;
use pyo3::exceptions::{PyException, PyKeyboardInterrupt, PyMemoryError, PyValueError};
use pyo3::prelude::*;

use crate::ending::attached;

/// The result of calls of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Any error of this crate.
#[derive(Debug)]
pub enum Error {
    /// One of the library, which readers of one tile may share.
    Library(Arc<Library>),
    /// An exception, such as the one that a signal raises.
    Python(PyErr),
    /// An argument that cannot be.
    Argument(String),
    /// Pixels that take more memory than there is; in bytes.
    Memory(u64),
}

impl Error {
    /// A file that cannot be opened.
    pub fn io(path: &Path, source: io::Error) -> Self {
        Library::from(FileError { action: "open", path: path.into(), source }).into()
    }

    /// What Python raised in a read, if no read may take it for a failure of its own: Ctrl-C and the like.
    pub fn interrupt(&self) -> Option<PyErr> {
        let raised = match self {
            Self::Library(error) => of_system(error)?.get_ref()?.downcast_ref::<PyErr>()?,
            Self::Python(raised) => raised,
            _ => return None,
        };
        attached(|py| (!raised.is_instance_of::<PyException>(py)).then(|| raised.clone_ref(py)))?
    }

    /// What is wrong with a file, and what to do about it.
    pub fn input(path: &Path, problem: impl Into<String>) -> Self {
        Library::Input { path: path.into(), problem: problem.into() }.into()
    }
}

impl From<Library> for Error {
    fn from(error: Library) -> Self {
        Self::Library(Arc::new(error))
    }
}

impl From<ReadError> for Error {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Failed(error) => Self::Library(error),
            ReadError::Stopped => Library::from(origami::backend::Error::Interrupted).into(),
        }
    }
}

impl From<PyErr> for Error {
    fn from(error: PyErr) -> Self {
        Self::Python(error)
    }
}

impl From<Error> for PyErr {
    fn from(error: Error) -> Self {
        if let Some(raised) = error.interrupt() {
            return raised;
        }
        match error {
            Error::Library(error) => Python::attach(|py| exception(py, &error).unwrap_or_else(|e| e)),
            Error::Python(error) => error,
            Error::Argument(problem) => PyValueError::new_err(problem),
            Error::Memory(bytes) => {
                PyMemoryError::new_err(format!("{bytes} bytes of pixels; read a smaller region"))
            }
        }
    }
}

/// The exception of an error, with its `path`, its `place` and, of the operating system, its `errno`.
fn exception(py: Python<'_>, error: &Library) -> PyResult<PyErr> {
    let diagnosis = diagnose(error);
    let kind = diagnosis.as_ref().map(|diagnosis| diagnosis.kind);
    if kind == Some(FaultKind::Interrupted) {
        return Ok(PyKeyboardInterrupt::new_err(error.to_string()));
    }
    let system = of_system(error);
    let class = match (system.map(io::Error::kind), kind) {
        (Some(ErrorKind::NotFound), _) => "MissingFileError",
        (_, Some(FaultKind::Damaged)) => "DamagedError",
        (Some(_), _) => "FileError",
        (_, Some(FaultKind::Parameters)) => "ParameterError",
        _ if is_of_format(error) => "UnsupportedFormatError",
        _ => "OrigamiError",
    };
    let raised = py.import("origami._errors")?.getattr(class)?.call1((error.to_string(),))?;
    if let Some(code) = system.and_then(io::Error::raw_os_error) {
        raised.setattr("errno", code)?;
    }
    let (path, place) = diagnosis.map_or((None, None), |diagnosis| (diagnosis.path, diagnosis.place));
    raised.setattr("path", path.map(|path| path.to_string_lossy().into_owned()))?;
    raised.setattr("place", place.map(|place| place.to_string()))?;
    Ok(PyErr::from_value(raised))
}

/// The answer of the operating system, if the error is one.
fn of_system(error: &Library) -> Option<&io::Error> {
    let first: &(dyn std::error::Error + 'static) = error;
    std::iter::successors(Some(first), |error| error.source()).find_map(|error| error.downcast_ref())
}

/// What a reader of slides says, whether it was asked for regions or for an encode.
fn of_slide(error: &Library) -> Option<&SlideError> {
    match error {
        Library::Slide(error) | Library::Pyramid(pyramid::Error::Slide(error)) => Some(error),
        _ => None,
    }
}

/// Whether the file is of a kind that no reader takes.
fn is_of_format(error: &Library) -> bool {
    use SlideError::{NeedsOpenSlide, UnknownFormat, Unsupported};
    matches!(of_slide(error), Some(UnknownFormat { .. } | NeedsOpenSlide { .. } | Unsupported { .. }))
}

/// Whether no reader knows the format of a file.
pub fn is_unknown_format(error: &Error) -> bool {
    matches!(error, Error::Library(error) if matches!(of_slide(error), Some(SlideError::UnknownFormat { .. })))
}
