//! Deep Zoom trees: read, written, and made from slides.
//!
//! | module | what |
//! |---|---|
//! | [`dzi`] | the `.dzi` descriptor |
//! | [`metadata`] | metadata of a slide, and the sidecar that keeps it |
//! | [`identity`] | whether two files are the same slide |
//! | [`tree`] | reads a tree on disk: families and stored tiles, of any tile size and format |
//! | [`write`](mod@write) | writes a tree to disk |
//! | `foreign` | what is no part of a tree that is to be replaced |
//! | [`source`] | where `encode` reads families: a tree or a slide |
//! | `ahead` | announces what will be read |
//! | [`loaded`] | what is read of a family |
//! | [`TileMetadata`] | what becomes of EXIF, XMP and comments in its tiles |
//! | [`regions`] | reads the pixels of families from a slide |
//! | [`samples`] | pixels of tiles, put together and halved |
//! | [`levels`], [`small_levels`] | the small levels, from a stream of pixel rows or of families |
//! | [`build`] | slide to tree: `origami pyramid` |

mod ahead;
pub mod build;
pub mod dzi;
mod error;
pub(crate) mod foreign;
pub mod identity;
pub mod levels;
pub mod loaded;
pub mod metadata;
pub mod regions;
pub mod samples;
pub mod small_levels;
pub mod source;
mod tile_metadata;
pub mod tree;
pub mod write;

pub use error::{Error, MissingTiles, Refusal, Result};
pub use metadata::{Origin, SlideMetadata, generator};
pub use tile_metadata::TileMetadata;
