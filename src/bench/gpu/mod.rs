//! A GPU against its own limits, kernel by kernel, and end to end against CPU, hybrid and the bare JPEG calls.

pub mod crossings;
pub mod end_to_end;
pub mod kernels;
