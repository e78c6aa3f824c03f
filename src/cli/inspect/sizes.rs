//! Bytes of an archive by what they hold, and the codecs of the payloads.

use std::collections::{BTreeMap, HashSet};

use origami::archive::{Archive, FamilyEntry, PayloadEntry};
use origami::codec::CodecId;
use origami::error::Result;
use origami::image::family::PayloadKind;

/// Bytes of each codec, by its name.
pub type ByCodec = BTreeMap<&'static str, u64>;

/// A payload and its own bytes: 0 for a tile that repeats an earlier one of its family.
pub struct PayloadSize {
    pub kind: PayloadKind,
    pub codec: CodecId,
    pub bytes: u64,
}

/// A family's place in the file, and its payloads.
pub struct FamilySizes<'a> {
    pub entry: &'a FamilyEntry,
    pub payloads: Vec<PayloadSize>,
}

/// Bytes by what they hold. Parts that are equal are stored once and count once.
#[derive(Default)]
pub struct Sizes<'a> {
    pub baselines: ByCodec,
    pub residuals: ByCodec,
    pub originals: ByCodec,
    /// Levels above L2.
    pub small_levels: ByCodec,
    /// Payload tables of the families.
    pub heads: u64,
    /// Bytes that equal parts would take again if they were not stored once.
    pub shared: u64,
    pub families: Vec<FamilySizes<'a>>,
}

impl<'a> Sizes<'a> {
    /// Reads the payload table of every family.
    ///
    /// # Errors
    /// Damaged tables.
    pub fn read(archive: &'a Archive) -> Result<Self> {
        let mut sizes = Self::default();
        let mut seen = HashSet::new();
        for entry in archive.families() {
            let head = archive.read_head(entry)?;
            let own_bytes = |p: &PayloadEntry| if p.repeats { 0 } else { u64::from(p.bytes) };
            let size = |p: &PayloadEntry| PayloadSize { kind: p.kind, codec: p.codec, bytes: own_bytes(p) };
            let payloads: Vec<_> = head.iter().map(size).collect();
            if seen.insert(entry.offset) {
                sizes.add(entry, &payloads);
            } else {
                sizes.shared += u64::from(entry.bytes);
            }
            sizes.families.push(FamilySizes { entry, payloads });
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
