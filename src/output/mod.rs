//! Output tiles: which part of a family or which stored tile they are, their colour profile, and their encoding as JPEG, WebP or PNG.
//!
//! Decode and the tile server share it, so a served tile has the bytes that decode writes.

mod error;
pub mod icc;
pub mod picture;
pub mod render;
pub mod tile;

pub use error::{Error, Result};
