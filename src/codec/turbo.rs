//! JPEG through libjpeg-turbo, whose decoder is part of the numerics.
//!
//! The accurate integer DCT (`jpeg_idct_islow`), whose SIMD and C paths agree bit for bit; planes in and out, so that
//! libjpeg's own chroma resampling has no part in archives. Only pixels that stand for a JPEG file go
//! through it. Hostile input meets limits on pixels, scans and warnings: a file that libjpeg-turbo would "repair" is refused. Source: the TurboJPEG 3 API.
//!
//! Encoding goes through the safe `turbojpeg` crate, and through `csrc/jpeg_planes.c` for restart markers and for two qualities. Baselines and
//! residuals are coded and decoded by `codec/coefficients`; this encoder and decoder have what it leaves to them, and say in tests what its
//! bytes and planes must be.
//! Decoding and transforms call `turbojpeg-sys`, because the crate (1.5) cannot set `TJPARAM_STOPONWARNING` for either,
//! `TJPARAM_SCANLIMIT` and `TJPARAM_RESTARTROWS` for transforms, `customFilter` and `TJXOPT_NOOUTPUT`; nor does it read
//! `TJPARAM_PRECISION`, or decode into planes with strides.
#![allow(unsafe_code)]

mod coefficients;
mod decoder;
mod deep;
mod encoder;
mod handle;
mod library;
mod pad;
mod raw_encoder;
#[cfg(test)]
mod tests;
mod transform;

pub use coefficients::{Component, coefficients};
pub use decoder::{Color, Decoder, Header, Opened};
pub use deep::decode_deep;
#[cfg(test)]
pub use deep::tests::encode_deep;
pub use encoder::{Encoder, check_image};
pub use library::{Simd, simd, version};
pub use pad::{pad, sampling_factors};
#[cfg(feature = "mozjpeg")]
pub use transform::with_restarts;
pub use transform::{arithmetic, crop, cut, cut_all};
