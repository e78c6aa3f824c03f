//! The measurements of `origami bench`: speed and rate as ratios to something measured in the same run.
//!
//! Takes plain options and returns figures. The flags and the printing are in `cli/bench`.

#[cfg(feature = "serve")]
pub mod cold;
#[cfg(feature = "gpu")]
pub mod gpu;
#[cfg(feature = "serve")]
pub mod http_client;
pub mod kernels;
#[cfg(feature = "serve")]
pub mod load;
pub mod originals;
pub mod rate;
pub mod setup;
pub mod speed;
pub mod stats;
pub mod storage;
pub mod stripes;
pub mod tissue;
#[cfg(feature = "tour")]
pub mod tour;
pub mod work;
