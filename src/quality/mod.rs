//! Quality of a coded slide: parameters that go well together, metrics, and the search for a wanted quality or size.

pub mod metrics;
pub mod presets;
pub mod target;
