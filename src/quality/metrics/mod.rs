//! Image quality metrics for evaluation: PSNR, SSIM, CIE Delta E 2000, and bytes at equal quality.
//!
//! Metrics are not part of the format: they judge what the codec did and never control it, so they compute in `f64`, while every pixel
//! kernel computes in integers. They know neither tiles nor colour conversion: callers give the crate's own planes (the integer BT.601
//! luma) or sRGB pixels.
//!
//! Each metric is an accumulator: callers add regions and merge the accumulators of threads. Its memory does not grow with the slide. Every result is an `Option`, `None` before the first sample. Sums of `f64` depend in their last digits on
//! the order of merging, so compare results with a tolerance.
//!
//! The PSNR of identical images is `f64::INFINITY`. JSON has no such number: write `null` beside an MSE of `0`, as `serde_json` does.

mod delta_e;
mod psnr;
mod rate;
mod ssim;

pub use delta_e::{DeltaE, Lab, SrgbToLab, delta_e_2000};
pub use psnr::{SquaredError, psnr_from_mse};
pub use rate::interpolate_log;
pub use ssim::{Ssim, SsimRows, WINDOW_PX, ssim};
