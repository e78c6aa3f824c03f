//! How a slide is coded.
//!
//! Plain data. [`Coding`], what a decoder must know, is in every pack and bundle, so no flag of `decode` can contradict the encoder.
//! [`EncodeParams`], the parameters of the encode, is there as a record; no decoder reads it.

mod coding;
mod encode;
mod error;
mod subsamp;

pub use coding::{BaselineSubsamp, Coding};
pub use encode::EncodeParams;
pub use error::{Error, Parameter, Result};
pub use subsamp::Subsamp;
