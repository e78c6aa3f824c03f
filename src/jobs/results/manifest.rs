//! The record of the attempt that counts, and how one becomes it.

use serde::{Deserialize, Serialize};

use crate::jobs::content::Content;
use crate::jobs::unit::{Token, Unit};

/// The record of the attempt that counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of this object.
    pub schema: u32,
    /// What was done.
    pub unit: Unit,
    /// The attempt that counts.
    pub attempt: Token,
    /// Its worker.
    pub worker: String,
    /// Where its files lie, below the place of the results.
    pub path: String,
    /// The file to open, below `path`.
    pub main: String,
    /// Its files.
    pub content: Content,
    /// Families of the unit.
    pub families: u64,
    /// Pixels of its finest level.
    pub pixels: u64,
    /// What of the request the result does not have, for people.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// Version of manifests.
pub const MANIFEST_SCHEMA: u32 = 1;

/// What became of an attempt to publish.
#[derive(Clone, Debug, PartialEq)]
pub enum Published {
    /// Its manifest is the one.
    Won,
    /// Another attempt's is.
    Lost(Box<Manifest>),
}
