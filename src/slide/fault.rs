//! Why coded pixels were not decoded: an intact file must never be called damaged because a decoder lacks something.

use super::error::SlideError;
use crate::codec;
use std::path::Path;

/// What is wrong, without the file and the place in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// The bytes contradict their format.
    Damaged(String),
    /// The bytes may be right; the decoder does not have what is named here.
    Unsupported(String),
}

impl Fault {
    pub fn unsupported(what: impl Into<String>) -> Self {
        Self::Unsupported(what.into())
    }

    /// The error of a file, at this place of it.
    pub fn at(self, path: &Path, format: &'static str, place: &str, advice: &str) -> SlideError {
        match self {
            Self::Damaged(problem) => SlideError::corrupt(path, format, place, problem),
            Self::Unsupported(what) => {
                SlideError::unsupported(path, format, format!("{what} in the {place}"), advice)
            }
        }
    }
}

impl From<String> for Fault {
    fn from(problem: String) -> Self {
        Self::Damaged(problem)
    }
}

impl From<&str> for Fault {
    fn from(problem: &str) -> Self {
        Self::Damaged(problem.into())
    }
}

impl From<codec::Error> for Fault {
    fn from(error: codec::Error) -> Self {
        match error {
            codec::Error::Unsupported(what) => Self::Unsupported(what),
            other => Self::Damaged(other.to_string()),
        }
    }
}
