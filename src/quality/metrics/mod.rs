//! Image quality metrics for evaluation: PSNR, SSIM, CIE Delta E 2000, and bytes at equal quality.
//!
//! Nothing here is part of the format: metrics judge what the codec did and never steer it, so they are in `f64`
//! while every pixel kernel is an integer. They know neither tiles nor colour conversion: callers bring the crate's
//! own planes (the integer BT.601 luma) or sRGB pixels.
//!
//! Each metric is an accumulator: fed region by region, merged across threads, its memory does not grow with the
//! slide. Every result is an `Option`, `None` before the first sample. Sums of `f64` depend in their last digits on
//! the order of merging, so compare results with a tolerance.
//!
//! A PSNR of identical images is `f64::INFINITY`. JSON has no such number: write it as `null` beside an MSE of `0`,
//! which is what `serde_json` makes of it.

mod delta_e;
mod psnr;
mod rate;
mod ssim;

pub use delta_e::{DeltaE, Lab, SrgbToLab, delta_e_2000};
pub use psnr::{SquaredError, psnr_from_mse};
pub use rate::interpolate_log;
pub use ssim::{Ssim, SsimRows, WINDOW_PX, ssim};
