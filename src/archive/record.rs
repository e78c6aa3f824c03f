//! A family's record: head, payload table, payloads; to bytes and back.
//!
//! Knows nothing of files.

use xxhash_rust::xxh3::xxh3_64;

use super::entries::{FamilyEntry, PayloadEntry};
use super::layout::{Fault, HEAD_BYTES, PAYLOAD_ENTRY_BYTES, u16_at, u32_at, u64_at, u128_at};
use crate::codec::CodecId;
use crate::image::family::{PayloadKind, Proof};
use crate::image::geometry::FamilyId;

/// One payload of a family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    /// Its kind.
    pub kind: PayloadKind,
    /// Its codec.
    pub codec: CodecId,
    /// The coded bytes.
    pub bytes: Vec<u8>,
}

/// A family as it is stored. It holds no coordinates, so that equal families share their bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FamilyRecord {
    /// Checksums of the planes that it must decode to.
    pub proof: Proof,
    /// The payloads, each kind at most once.
    pub payloads: Vec<Payload>,
}

impl FamilyRecord {
    /// The payload of a kind, if the family has one.
    pub fn payload(&self, kind: PayloadKind) -> Option<&Payload> {
        self.payloads.iter().find(|p| p.kind == kind)
    }

    /// Bytes of proof and payload table before the payloads.
    pub fn head_bytes(&self) -> u64 {
        (HEAD_BYTES + self.payloads.len() * PAYLOAD_ENTRY_BYTES) as u64
    }

    /// The bytes that an archive stores.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = family_head(self);
        for (i, payload) in self.payloads.iter().enumerate() {
            if !repeats(&self.payloads, i) {
                bytes.extend_from_slice(&payload.bytes);
            }
        }
        bytes
    }
}

/// The head of a record: proof and payload table.
pub fn family_head(record: &FamilyRecord) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEAD_BYTES + record.payloads.len() * PAYLOAD_ENTRY_BYTES);
    out.extend(record.proof.luma.to_le_bytes());
    out.extend(record.proof.chroma.to_le_bytes());
    for (i, payload) in record.payloads.iter().enumerate() {
        let bytes = if repeats(&record.payloads, i) { 0 } else { payload.bytes.len() as u32 };
        out.extend(payload.kind.number().to_le_bytes());
        out.extend((payload.codec as u16).to_le_bytes());
        out.extend(bytes.to_le_bytes());
        out.extend(xxh3_64(&payload.bytes).to_le_bytes());
    }
    out
}

/// Whether a payload is an L0 tile that equals an earlier one of its record. The table then gives it no bytes of its own.
pub fn repeats(payloads: &[Payload], i: usize) -> bool {
    let this = &payloads[i];
    let equals = |p: &Payload| p.kind.is_original() && p.codec == this.codec && p.bytes == this.bytes;
    this.kind.is_original() && payloads[..i].iter().any(equals)
}

/// Bytes of the head of a record: proof and payload table.
pub fn head_bytes(entry: &FamilyEntry) -> usize {
    HEAD_BYTES + usize::from(entry.payloads) * PAYLOAD_ENTRY_BYTES
}

/// Parses proof and payload table from the first bytes of a record, and checks that the payloads fill the record.
pub fn parse_head(entry: &FamilyEntry, bytes: &[u8]) -> Result<(Proof, Vec<PayloadEntry>), Fault> {
    let id = entry.id;
    let Some(head) = bytes.get(..head_bytes(entry)) else {
        let expected = format!("{} bytes of head", head_bytes(entry));
        return Err(Fault::new(entry.offset, format!("record of family {id}"), expected, bytes.len()));
    };
    Fault::check(entry.offset, &format!("the head of family {id}"), head, entry.check)?;
    let proof = Proof { luma: u128_at(head, 0), chroma: u128_at(head, 16) };
    let mut payloads: Vec<PayloadEntry> = Vec::with_capacity(entry.payloads.into());
    let mut offset = entry.offset + head.len() as u64;
    for (i, row) in head[HEAD_BYTES..].chunks_exact(PAYLOAD_ENTRY_BYTES).enumerate() {
        let at = entry.offset + (HEAD_BYTES + i * PAYLOAD_ENTRY_BYTES) as u64;
        let (number, codec) = (u16_at(row, 0), u16_at(row, 2));
        let kind = PayloadKind::from_u16(number).ok_or_else(|| {
            Fault::new(at, format!("payload of family {id}"), "a kind this version knows", number)
        })?;
        let what = || format!("{} of family {id}", kind.name());
        let codec = CodecId::from_u16(codec)
            .ok_or_else(|| Fault::new(at + 2, what(), "a codec this version knows", codec))?;
        if payloads.iter().any(|p| p.kind == kind) {
            return Err(Fault::new(at, format!("payloads of family {id}"), "each kind once", kind.name()));
        }
        let own = u32_at(row, 4);
        let payload = PayloadEntry { kind, codec, offset, bytes: own, repeats: false, check: u64_at(row, 8) };
        offset += u64::from(own);
        payloads.push(if kind.is_original() && own == 0 {
            repeated(&payloads, payload, at)?
        } else {
            payload
        });
    }
    let found = offset - entry.offset;
    if found != u64::from(entry.bytes) {
        return Err(Fault::new(
            entry.offset,
            format!("length of family {id}'s payloads"),
            entry.bytes,
            found,
        ));
    }
    Ok((proof, payloads))
}

/// An L0 tile without bytes of its own is the earlier one that has its codec and checksum.
fn repeated(payloads: &[PayloadEntry], payload: PayloadEntry, at: u64) -> Result<PayloadEntry, Fault> {
    let same = |p: &&PayloadEntry| {
        p.kind.is_original() && !p.repeats && (p.codec, p.check) == (payload.codec, payload.check)
    };
    let equal = payloads.iter().find(same).ok_or_else(|| {
        Fault::new(at + 4, payload.kind.name(), "bytes, or an equal tile before it in the record", 0)
    })?;
    Ok(PayloadEntry { offset: equal.offset, bytes: equal.bytes, repeats: true, ..payload })
}

/// Parses a whole record and checks all of its bytes.
pub fn parse_record(entry: &FamilyEntry, bytes: &[u8]) -> Result<FamilyRecord, Fault> {
    let (proof, entries) = parse_head(entry, bytes)?;
    let mut payloads = Vec::with_capacity(entries.len());
    for payload in entries {
        // `parse_head` has checked that the payloads fill the record exactly.
        let start = (payload.offset - entry.offset) as usize;
        let data = bytes.get(start..start + payload.bytes as usize).unwrap_or_default();
        check_payload(entry.id, &payload, data)?;
        payloads.push(Payload { kind: payload.kind, codec: payload.codec, bytes: data.to_vec() });
    }
    Ok(FamilyRecord { proof, payloads })
}

/// Compares the checksum of a payload.
pub fn check_payload(id: FamilyId, payload: &PayloadEntry, bytes: &[u8]) -> Result<(), Fault> {
    let what = format!("the {} of family {id}", payload.kind.name());
    Fault::check(payload.offset, &what, bytes, payload.check)
}
