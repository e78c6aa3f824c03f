//! ORIGAMI: a residual codec, archive and toolbox for Deep Zoom pyramids of whole-slide images.
//!
//! A slide's two finest levels are 94% of its pixels. Level L2 is kept as JPEG, L0 is predicted from it, and only what
//! the prediction missed is stored. The map:
//!
//! | module | what it is |
//! |---|---|
//! | [`encode`], [`decode`], [`mod@verify`] | a whole slide, in both directions, and the check |
//! | [`mod@convert`] | a bundle, tree or slide to TIFF, OME-TIFF, Deep Zoom and SZI |
//! | `tour` | camera paths over slides as videos (feature `tour`) |
//! | `pixels` | any region of a bundle, tree or slide in RGB (feature `pixels`) |
//! | `jobs` | many slides on many machines: queue, workers, results (feature `jobs`) |
//! | [`residual`], [`lossless`] | one family: predicted, with a residual; or the source's own tiles |
//! | [`backend`], `gpu` | where the arithmetic runs: CPU, GPU (feature `gpu`), both; the scheduler that feeds it |
//! | [`kernels`] | the normative integer kernels and their SIMD |
//! | [`codec`] | JPEG, PNG, WebP, JPEG XL: planes to bytes and back |
//! | [`archive`] | packs and bundles |
//! | [`store`] | where files lie: on a disk, or at an address in object storage |
//! | [`slide`], [`pyramid`] | readers of slides; Deep Zoom trees, read, written and made from slides |
//! | [`privacy`] | what a file holds that may say whose tissue it shows |
//! | [`params`] | how a slide is coded |
//! | [`quality`] | presets, metrics, the search for a quality |
//! | [`output`] | output tiles: cut and coded |
//! | [`report`] | manifest, pictures, plots and pages of an encode |
//! | `serve`, `evals`, `fleet`, `web` | the tile server; the pages of evaluation runs and of a queue; what all share (feature `serve`) |
//! | `service` | the render service: jobs over HTTP (features `jobs` and `serve`) |
//! | [`image`] | planes, tiles, families, geometry, every number of the format |
//! | [`mod@error`] | the error type of the calls above; each layer below has its own |
//!
//! A module imports only from modules that `ARCHITECTURE.md` lists above it; a test holds that.
//!
//! `ARCHITECTURE.md` follows one tile through the code and lists the places for new code; `docs/format.md` specifies the archive.

pub mod archive;
pub mod backend;
pub mod codec;
pub mod convert;
pub mod decode;
pub mod encode;
pub mod error;
#[cfg(feature = "serve")]
pub mod evals;
#[cfg(all(feature = "jobs", feature = "serve"))]
pub mod fleet;
#[cfg(feature = "gpu")]
pub mod gpu;
pub mod image;
#[cfg(feature = "jobs")]
pub mod jobs;
pub mod kernels;
pub mod lossless;
pub mod output;
pub mod params;
#[cfg(feature = "pixels")]
pub mod pixels;
pub mod privacy;
pub mod pyramid;
pub mod quality;
pub mod report;
pub mod residual;
#[cfg(feature = "serve")]
pub mod serve;
#[cfg(all(feature = "jobs", feature = "serve"))]
pub mod service;
pub mod slide;
#[allow(dead_code, reason = "which part is used depends on the features")]
mod span;
pub mod store;
#[cfg(feature = "tour")]
pub mod tour;
pub mod verify;
#[cfg(feature = "serve")]
mod web;
