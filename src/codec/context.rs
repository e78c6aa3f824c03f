//! Residuals in this program's own codec: the quantised DCT coefficients of a JPEG, in context-adaptive binary arithmetic codes.
//!
//! The coefficients are those of our own encoders, or of a JPEG that another encoder made. What comes back are its samples, exactly, or another JPEG of them. The
//! result is smaller than Lepton's, whose contexts are made for photographs, and decodes twice as fast, because no JPEG file is
//! assembled and parsed on the way. An image is coded in cells that decode by themselves. Format: section 7.1 of
//! `docs/format.md`.

mod arithmetic;
mod cell;
mod decoder;
mod layout;
mod model;
mod pack;
mod payload;
mod start;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod training;
mod unpack;

pub use decoder::Decoder;
pub use pack::{pack, pack_coefficients};
pub use unpack::jpeg_of;
