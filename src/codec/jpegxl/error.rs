//! The errors of this codec.

use crate::codec::error::Error;

pub fn failed(problem: impl ToString) -> Error {
    Error::Image { what: "JPEG XL".into(), problem: problem.to_string() }
}
