//! Quality of a coded slide: presets, metrics, comparison of two images, the search for a wanted quality or size, and
//! the statistics of samples.

pub mod adapt;
pub mod channels;
pub mod compare;
pub mod estimate;
pub mod metrics;
pub mod presets;
pub mod rows;
mod sample;
pub mod search;
