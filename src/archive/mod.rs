//! Packs and bundles: family streams to bytes and back.
//!
//! One container, two kinds: a `.pack` holds one family, a `.bundle` a whole slide with its small levels. Knows the
//! layout, checksums and the order of things; nothing of pixels or of where the bytes live. `docs/format.md` is the
//! specification. `layout` has the header and the sizes of everything; `record`, `index` and `plan` the rest.

mod band;
mod content;
mod directory;
mod entries;
mod error;
mod index;
pub(crate) mod layout;
mod limits;
mod meta;
mod names;
pub(crate) mod part_file;
mod plan;
mod read;
mod record;
mod write;

pub use band::{BandReader, BandWriter};
pub use entries::{FamilyEntry, PayloadEntry, TileEntry};
pub use error::{Error, Remedy, Result};
pub use layout::{HEADER_BYTES, Kind};
pub use meta::{AssociatedImage, Meta, SourceKind, SourceMeta};
pub use names::{BUNDLE_NAME, PACK_DIR};
pub use read::Archive;
pub use record::{FamilyRecord, Payload};
pub use write::{BundleWriter, Written};
