//! Marks on slides: one GeoJSON file a slide, in a directory that one server writes.
//!
//! Knows no HTTP and no tiles. What a mark means is for the viewer: here it is a GeoJSON feature that can be
//! drawn, of which every member is kept.

mod document;
mod drawn;
mod geometry;
mod merge;
mod store;

pub use document::{Change, Conflict, Document, MAX_BYTES, Refused};
pub use drawn::Drawn;
pub use merge::merged;
pub use store::{Store, StoreError};
