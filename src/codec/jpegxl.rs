//! JPEG XL that holds a JPEG: the same coefficients in fewer bytes.
//!
//! A decoder of lossy JPEG XL works in floats and gives other samples on other machines. So the pixels of a codestream are never
//! decoded here: an image becomes a JPEG, libjxl stores its coefficients without loss, and the way back gives a JPEG with these
//! coefficients, which libjpeg-turbo decodes like every other. That is exact by construction.
//!
//! A payload is a bare JPEG XL codestream of one frame (ISO/IEC 18181-1). The rest of a JPEG file, markers and Huffman tables, is not
//! stored: `skeleton` has it, the same for all images. Encoding needs the libjxl library, which `library` opens at run time; decoding is
//! Rust, by the parts of jxl-oxide that rebuild JPEG.

mod decoder;
mod encoder;
mod error;
mod library;
mod skeleton;
#[cfg(test)]
mod tests;

pub use decoder::{Decoder, jpeg_of};
pub use encoder::Encoder;
pub use library::state;
