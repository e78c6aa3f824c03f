//! Packs and bundles: family streams to bytes and back.
//!
//! One container, two kinds: a `.pack` holds one family, a `.bundle` a whole slide with its small levels. Knows the
//! layout, checksums and the order of things; nothing of pixels or of where the bytes live. `docs/format.md` is the
//! specification, `layout` its transcription.

mod error;
pub(crate) mod layout;
mod meta;
mod read;
mod record;
pub mod store;
mod write;

pub use error::{Error, Result};
pub use layout::{HEADER_BYTES, Kind};
pub use meta::{Meta, SourceKind, SourceMeta};
pub use read::{Archive, FamilyEntry, PayloadEntry, TileEntry};
pub use write::{BundleWriter, Written};

use crate::codec::CodecId;
use crate::image::family::{PayloadKind, Proof};

/// One payload of a family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    /// What it is.
    pub kind: PayloadKind,
    /// How it is coded.
    pub codec: CodecId,
    /// The coded bytes.
    pub bytes: Vec<u8>,
}

/// A family as it is stored. It holds no coordinates, so that equal families share their bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FamilyRecord {
    /// What it must decode to.
    pub proof: Proof,
    /// Its payloads, each kind at most once.
    pub payloads: Vec<Payload>,
}

impl FamilyRecord {
    /// The payload of a kind, if the family has one.
    pub fn payload(&self, kind: PayloadKind) -> Option<&Payload> {
        self.payloads.iter().find(|p| p.kind == kind)
    }

    /// Bytes of proof and payload table before the payloads.
    pub fn head_bytes(&self) -> u64 {
        (layout::HEAD_BYTES + self.payloads.len() * layout::PAYLOAD_ENTRY_BYTES) as u64
    }
}

/// Name of a slide's bundle within `residual_packs/`.
pub const BUNDLE_NAME: &str = "residuals.bundle";
/// Directory that `encode` adds to its output.
pub const PACK_DIR: &str = "residual_packs";
