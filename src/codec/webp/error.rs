//! The errors of this codec.

use crate::codec::error::Error;

pub fn failed(problem: impl ToString) -> Error {
    Error::Image { what: "WebP".into(), problem: problem.to_string() }
}
