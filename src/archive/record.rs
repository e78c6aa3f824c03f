//! A family's record from its bytes: head, payload table, payloads.
//!
//! The other direction is in `layout` and `write`. Knows nothing of files.

use super::layout::{Fault, HEAD_BYTES, PAYLOAD_ENTRY_BYTES, u16_at, u32_at, u64_at, u128_at};
use super::read::{FamilyEntry, PayloadEntry};
use super::{FamilyRecord, Payload};
use crate::codec::CodecId;
use crate::image::family::{PayloadKind, Proof};
use crate::image::geometry::FamilyId;

/// Bytes of proof and payload table.
pub fn head_bytes(entry: &FamilyEntry) -> usize {
    HEAD_BYTES + usize::from(entry.payloads) * PAYLOAD_ENTRY_BYTES
}

/// Proof and payload table from the first bytes of a record; checks that the payloads fill the record.
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
    let found = payloads.iter().find(same).ok_or_else(|| {
        Fault::new(at + 4, payload.kind.name(), "bytes, or an equal tile before it in the record", 0)
    })?;
    Ok(PayloadEntry { offset: found.offset, bytes: found.bytes, repeats: true, ..payload })
}

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

pub fn check_payload(id: FamilyId, payload: &PayloadEntry, bytes: &[u8]) -> Result<(), Fault> {
    let what = format!("the {} of family {id}", payload.kind.name());
    Fault::check(payload.offset, &what, bytes, payload.check)
}
