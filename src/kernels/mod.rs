//! The pixel arithmetic, normative: scalar integer Rust, and SIMD that equals it byte for byte.
//!
//! Every kernel works on planes of 8-bit samples and knows nothing of files, codecs or threads. It computes
//! in fixed point, so every machine computes the same bytes. Floats appear in `taps` alone, which makes the
//! tables, with a `sin` that does not come from the platform.
//!
//! | kernel | what it does | where it is used |
//! |---|---|---|
//! | [`resample`] | separable filter by tables of taps: up, down, any ratio | prediction, L2, L1, `--l0-scale` |
//! | [`residual`] | make `clamp(Y - P + 128)`, apply `clamp(P + R - 128)` | both directions |
//! | [`optl2`] | projected gradient in the normal equations | `--optl2`, `--subsamp 420opt` |
//! | [`sharpen`] | unsharp mask | `--sharpen`, `--l0-sharpen` |
//! | [`proof`] | the part of XXH3-128 that reads every sample | proofs that a device makes |
//! | [`color`] | BT.601 full range between RGB and YCbCr | PNG tiles, slides, PNG and WebP output |

pub mod color;
pub mod level;
pub mod optl2;
pub mod proof;
pub mod resample;
pub mod residual;
pub mod sharpen;
pub mod taps;

#[cfg(test)]
pub(crate) mod testing;
