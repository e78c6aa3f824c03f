//! Independent decoders to compare the library's with. Each shares no code with what it checks.

pub mod context;
pub mod float64;
