//! The errors of this codec.

use crate::error::Error;

pub fn failed(problem: impl ToString) -> Error {
    Error::Codec { what: "WebP".into(), problem: problem.to_string() }
}
