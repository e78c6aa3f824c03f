//! Bytes of an archive by what they hold, and the codecs of the payloads.

use std::collections::{BTreeMap, HashSet};

use crate::archive::{Archive, FamilyEntry, PayloadEntry};
use crate::codec::CodecId;
use crate::error::Result;
use crate::image::family::PayloadKind;

/// Bytes of each codec, by its name.
pub type ByCodec = BTreeMap<&'static str, u64>;

/// A payload and its own bytes: 0 for a tile that repeats an earlier one of its family.
pub struct PayloadSize {
    /// What it is.
    pub kind: PayloadKind,
    /// How it is coded.
    pub codec: CodecId,
    /// Its bytes.
    pub bytes: u64,
}

/// A family's place in the file, and its payloads.
pub struct FamilySizes<'a> {
    /// Its entry in the index.
    pub entry: &'a FamilyEntry,
    /// Its payloads, in their order in the file.
    pub payloads: Vec<PayloadSize>,
    /// Whether an earlier family has the same bytes, which are stored once.
    pub repeats: bool,
}

/// Bytes by what they hold. Parts that are equal are stored once and count once.
#[derive(Default)]
pub struct Sizes<'a> {
    /// L2.
    pub baselines: ByCodec,
    /// Residuals of L0, of luma and chroma together.
    pub residuals: ByCodec,
    /// Tiles of L0 as the source has them.
    pub originals: ByCodec,
    /// Levels above L2.
    pub small_levels: ByCodec,
    /// Payload tables of the families.
    pub heads: u64,
    /// Bytes that equal parts would take again if they were not stored once.
    pub shared: u64,
    /// Every family, along the Hilbert curve.
    pub families: Vec<FamilySizes<'a>>,
}

/// Payload tables that are announced before they are read: a store far away is asked for them at once.
const AHEAD: usize = 64;

impl<'a> Sizes<'a> {
    /// Reads the payload table of every family.
    ///
    /// # Errors
    /// Damaged tables.
    pub fn read(archive: &'a Archive) -> Result<Self> {
        let mut sizes = Self::default();
        let mut seen = HashSet::new();
        let announced = archive.families().chunks(AHEAD).flat_map(|part| {
            drop(archive.will_read_heads(part));
            part
        });
        for entry in announced {
            let head = archive.read_head(entry)?;
            let own_bytes = |p: &PayloadEntry| if p.repeats { 0 } else { u64::from(p.bytes) };
            let size = |p: &PayloadEntry| PayloadSize { kind: p.kind, codec: p.codec, bytes: own_bytes(p) };
            let payloads: Vec<_> = head.iter().map(size).collect();
            let repeats = !seen.insert(entry.offset);
            if repeats {
                sizes.shared += u64::from(entry.bytes);
            } else {
                sizes.add(entry, &payloads);
            }
            sizes.families.push(FamilySizes { entry, payloads, repeats });
        }
        for entry in archive.tiles() {
            if seen.insert(entry.offset) {
                *sizes.small_levels.entry(entry.codec.name()).or_default() += u64::from(entry.bytes);
            } else {
                sizes.shared += u64::from(entry.bytes);
            }
        }
        Ok(sizes)
    }

    /// Name and bytes of every part of the archive, in the order of a listing. Their sum is the size of the file.
    pub fn parts(&self, archive: &Archive) -> Vec<(&'static str, u64)> {
        let mut parts = if archive.meta().coding.originals {
            vec![("L0 tiles", total(&self.originals)), ("L2 tiles", total(&self.baselines))]
        } else {
            vec![("residuals", total(&self.residuals)), ("baselines", total(&self.baselines))]
        };
        parts.push(("small levels", total(&self.small_levels)));
        parts.push(("directory", archive.directory_bytes() + self.heads));
        parts.push(("ICC profile", archive.icc_bytes().into()));
        parts
    }

    fn add(&mut self, entry: &FamilyEntry, payloads: &[PayloadSize]) {
        self.heads += u64::from(entry.bytes) - payloads.iter().map(|p| p.bytes).sum::<u64>();
        for payload in payloads {
            let part = match payload.kind {
                PayloadKind::Baseline => &mut self.baselines,
                PayloadKind::Residual => &mut self.residuals,
                PayloadKind::Original(_) => &mut self.originals,
            };
            *part.entry(payload.codec.name()).or_default() += payload.bytes;
        }
    }
}

/// Bytes of all codecs together.
pub fn total(part: &ByCodec) -> u64 {
    part.values().sum()
}
