//! JPEG XL that holds a JPEG: the same coefficients, entropy-coded better.
//!
//! A lossy JPEG XL decoder works in floats and gives other samples on other machines. So nothing is decoded here: an image
//! becomes a JPEG, libjxl takes its coefficients over without loss, and the way back gives a JPEG with these coefficients,
//! which libjpeg-turbo decodes like every other. That is exact by construction.
//!
//! A payload is a bare JPEG XL codestream of one frame (ISO/IEC 18181-1). What else a JPEG file is made of, markers and Huffman
//! tables, is not stored: `skeleton` has it, the same for all. Coding needs the libjxl library, which `library` opens at run
//! time; decoding is Rust, by the parts of jxl-oxide that rebuild JPEG.

mod decoder;
mod encoder;
mod library;
mod skeleton;
#[cfg(test)]
mod tests;

use crate::codec::error::Error;

pub use decoder::{Decoder, jpeg_of};
pub use encoder::Encoder;
pub use library::state;

fn failed(problem: impl ToString) -> Error {
    Error::Image { what: "JPEG XL".into(), problem: problem.to_string() }
}
