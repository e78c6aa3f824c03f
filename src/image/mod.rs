//! Plain data of the codec: planes and images, tiles and families, and every number of the format.
//!
//! Knows no arithmetic on pixels, no files and no threads.

pub mod family;
pub mod geometry;
pub mod plane;
pub mod spec;
pub mod ycc;
