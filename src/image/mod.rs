//! Plain data: planes and images, tiles and families, and all constants of the format.
//!
//! Knows no arithmetic on pixels, no files and no threads.

pub mod family;
pub mod geometry;
pub mod plane;
pub mod spare;
pub mod spec;
pub mod ycc;
