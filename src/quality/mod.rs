//! Quality of a coded slide: presets, metrics, comparison of two images, and the search for a wanted quality or size.

pub mod compare;
pub mod metrics;
pub mod presets;
pub mod rows;
pub mod search;
