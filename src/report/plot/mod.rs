//! Plots: one layout, drawn once, as SVG, PNG or a page.
//!
//! `bytes` and `map` lay out shapes (`drawing`); `svg` and `png` turn them into files. They know no command line.

pub mod bytes;
pub mod curve;
pub mod drawing;
mod font;
pub mod map;
pub mod png;
pub mod quality;
pub mod scale;
pub mod svg;
#[cfg(test)]
mod tests;
