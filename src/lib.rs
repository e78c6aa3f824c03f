//! ORIGAMI: a residual codec, archive and toolbox for Deep Zoom pyramids of whole-slide images.
//!
//! A slide's two finest levels are 94% of its pixels. Level L2 is kept as JPEG, L0 is predicted from it, and only what
//! the prediction missed is stored. The map:
//!
//! | module | what it is |
//! |---|---|
//! | [`encode`], [`decode`], [`mod@verify`] | the two directions and the check, each readable on one screen |
//! | [`backend`] | where the arithmetic runs: CPU, GPU, both; the scheduler that feeds it |
//! | [`originals`] | the families that lose nothing: L0 tiles as their source has them |
//! | [`kernels`] | the arithmetic: normative integer kernels and their SIMD |
//! | [`codec`] | JPEG, PNG, WebP: planes to bytes and back |
//! | [`archive`] | packs and bundles: family streams to bytes and back |
//! | [`store`] | where archives live |
//! | [`pyramid`] | Deep Zoom trees, and slides through OpenSlide, TIFF, PNG, JPEG |
//! | [`family`], [`plane`], [`coding`] | plain data: one family, one plane, the parameters |
//! | [`presets`], [`target`] | parameters that go well together; the quality that comes to a PSNR or a size |
//! | [`geometry`], [`spec`] | levels, tiles and families; every number of the format |
//! | [`render`], [`tile`] | the output tiles of a slide; one of them, coded |
//! | `serve`, `evals` | the tile server; the page of evaluation runs (feature `serve`) |
//! | `web` | what both share: connections, responses, embedded files |
//! | [`manifest`], [`debug_images`], [`metrics`] | what an encode did, for people and evals |
//! | [`error`] | what can go wrong |
//!
//! `ARCHITECTURE.md` follows one tile through the code; `docs/format.md` specifies the archive.

pub mod archive;
pub mod backend;
pub mod codec;
pub mod decode;
pub mod encode;
pub mod error;
#[cfg(feature = "serve")]
pub mod evals;
#[cfg(feature = "gpu")]
pub mod gpu;
pub mod image;
pub mod kernels;
pub mod lossless;
pub mod output;
pub mod params;
pub mod pyramid;
pub mod quality;
pub mod report;
pub mod residual;
#[cfg(feature = "serve")]
pub mod serve;
pub mod slide;
pub mod verify;
#[cfg(feature = "serve")]
mod web;
