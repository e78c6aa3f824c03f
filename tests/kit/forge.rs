//! Archives that lie, with checksums that hold: the format of `docs/format.md`, written without the crate's own writer.

use std::fs;
use std::path::Path;

use origami::image::geometry::{Geometry, hilbert};
use serde_json::Value;
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

const HEADER: usize = 80;
const FAMILY: usize = 32;
const TILE: usize = 24;
/// The kind of a bundle in its header.
const BUNDLE: u16 = 2;

/// A payload and what the table says of it.
#[derive(Clone)]
pub struct Payload {
    pub kind: u16,
    pub codec: u16,
    pub bytes: Vec<u8>,
    /// The length that the table claims; the true one where `None`.
    pub claims: Option<u32>,
}

/// A family.
#[derive(Clone)]
pub struct Family {
    pub x: u32,
    pub y: u32,
    pub proof: [u8; 32],
    pub payloads: Vec<Payload>,
    /// Bytes after the last payload, within the record.
    pub tail: Vec<u8>,
}

/// A whole archive, taken apart.
#[derive(Clone)]
pub struct Forge {
    pub kind: u16,
    pub width: u32,
    pub height: u32,
    pub tile: u32,
    pub meta: Value,
    pub families: Vec<Family>,
    /// Codec and bytes.
    pub tiles: Vec<(u16, Vec<u8>)>,
    pub icc: Vec<u8>,
}

fn take<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N].try_into().unwrap()
}

/// Two bytes.
pub fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(take(bytes, at))
}

/// Four bytes.
pub fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(take(bytes, at))
}

/// Eight bytes as an offset.
pub fn offset_at(bytes: &[u8], at: usize) -> usize {
    u64::from_le_bytes(take(bytes, at)) as usize
}

/// Overwrites bytes.
pub fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes[at..at + value.len()].copy_from_slice(value);
}

/// Where the entry of a family stands.
pub fn family_at(i: usize) -> usize {
    HEADER + i * FAMILY
}

/// Where the entry of a tile stands.
pub fn tile_at(bytes: &[u8], i: usize) -> usize {
    HEADER + u32_at(bytes, 28) as usize * FAMILY + i * TILE
}

/// Makes the checksums of directory and header right again, after bytes of them were changed.
pub fn seal(mut bytes: Vec<u8>) -> Vec<u8> {
    let end = tile_at(&bytes, u32_at(&bytes, 32) as usize) + u32_at(&bytes, 36) as usize;
    let check = xxh3_64(&bytes[HEADER..end.min(bytes.len())]);
    put(&mut bytes, 64, &check.to_le_bytes());
    seal_header(bytes)
}

/// Makes the checksum of the header right again.
pub fn seal_header(mut bytes: Vec<u8>) -> Vec<u8> {
    let check = xxh3_64(&bytes[..72]);
    put(&mut bytes, 72, &check.to_le_bytes());
    bytes
}

/// Bundles of a few kilobytes on the disk that claim gigabytes, made of a good one with a colour profile: their names in the folder, and
/// what is wrong with each.
pub fn write_sparse(dir: &Path, good: &[u8]) -> [(&'static str, &'static str); 3] {
    const SIZE: u64 = 1 << 33;
    // The largest slide in tiles of one pixel: its directory has 2.5 GiB.
    let geometry = Geometry::new(1 << 15, 1 << 15, 1).unwrap();
    let counts = [geometry.family_count() as u32, geometry.stored_tile_count() as u32, 99];
    let mut directory = good[..HEADER].to_vec();
    for (at, value) in (16..).step_by(4).zip([1 << 15, 1 << 15, 1].into_iter().chain(counts)) {
        put(&mut directory, at, &u32::to_le_bytes(value));
    }
    put(&mut directory, 40, &[0; 24]);
    let (mut record, mut profile) = (good.to_vec(), good.to_vec());
    put(&mut record, family_at(0) + 16, &u32::MAX.to_le_bytes());
    put(&mut profile, 48, &u32::MAX.to_le_bytes());
    let made = [
        ("directory.bundle", "place of family 0_0", directory),
        ("record.bundle", "length of family 0_0", record),
        ("profile.bundle", "length of the ICC profile", profile),
    ];
    made.map(|(name, says, mut bytes)| {
        put(&mut bytes, 8, &SIZE.to_le_bytes());
        let bytes = if bytes.len() == HEADER { seal_header(bytes) } else { seal(bytes) };
        fs::write(dir.join(name), bytes).unwrap();
        fs::OpenOptions::new().write(true).open(dir.join(name)).unwrap().set_len(SIZE).unwrap();
        (name, says)
    })
}

impl Forge {
    /// A slide of so many pixels, all of whose families are this archive's first, and all small tiles its first.
    pub fn repeated(&self, width: u32, height: u32) -> Self {
        let geometry = Geometry::new(width, height, self.tile).unwrap();
        let mut ids: Vec<_> = geometry.all_families().collect();
        ids.sort_by_key(|&id| hilbert(id));
        let family = |x, y| Family { x, y, ..self.families[0].clone() };
        let families = ids.iter().map(|id| family(id.x(), id.y())).collect();
        let tiles = vec![self.tiles[0].clone(); geometry.stored_tile_count() as usize];
        Self { width, height, families, tiles, ..self.clone() }
    }

    /// Takes a good archive apart.
    pub fn new(bytes: &[u8]) -> Self {
        let (families, tiles) = (u32_at(bytes, 28) as usize, u32_at(bytes, 32) as usize);
        let meta_at = tile_at(bytes, tiles);
        let meta = serde_json::from_slice(&bytes[meta_at..meta_at + u32_at(bytes, 36) as usize]).unwrap();
        let (icc_at, icc_bytes) = (offset_at(bytes, 40), u32_at(bytes, 48) as usize);
        let family = |i| {
            let at = family_at(i);
            let record = &bytes[offset_at(bytes, at + 8)..];
            let mut from = 32 + 16 * usize::from(u16_at(bytes, at + 20));
            let payloads = (32..from).step_by(16).map(|row| {
                let len = u32_at(record, row + 4) as usize;
                from += len;
                let (kind, codec) = (u16_at(record, row), u16_at(record, row + 2));
                Payload { kind, codec, bytes: record[from - len..from].to_vec(), claims: None }
            });
            let (x, y) = (u32_at(bytes, at), u32_at(bytes, at + 4));
            Family { x, y, proof: take(record, 0), payloads: payloads.collect(), tail: Vec::new() }
        };
        let tile = |i| {
            let (at, bytes_at) = (tile_at(bytes, i), offset_at(bytes, tile_at(bytes, i)));
            (u16_at(bytes, at + 12), bytes[bytes_at..bytes_at + u32_at(bytes, at + 8) as usize].to_vec())
        };
        Self {
            kind: u16_at(bytes, 6),
            width: u32_at(bytes, 16),
            height: u32_at(bytes, 20),
            tile: u32_at(bytes, 24),
            meta,
            families: (0..families).map(family).collect(),
            tiles: (0..tiles).map(tile).collect(),
            icc: bytes[icc_at..icc_at + icc_bytes].to_vec(),
        }
    }

    /// Puts it together again, every checksum right. Nothing is shared.
    pub fn bytes(&self) -> Vec<u8> {
        let mut meta = self.meta.clone();
        if let (Some(meta), BUNDLE) = (meta.as_object_mut(), self.kind) {
            meta.insert("content".into(), self.content().into());
        }
        self.bytes_with_meta(&serde_json::to_vec(&meta).unwrap())
    }

    /// What names the contents of a bundle.
    fn content(&self) -> String {
        let mut all = Vec::new();
        for family in &self.families {
            all.extend([family.x, family.y].iter().flat_map(|v| v.to_le_bytes()));
            all.extend(family.head_check().to_le_bytes());
        }
        all.extend(self.tiles.iter().flat_map(|(_, bytes)| xxh3_64(bytes).to_le_bytes()));
        format!("{:032x}", xxh3_128(&all))
    }

    /// [`Self::bytes`] with other bytes where the JSON belongs.
    pub fn bytes_with_meta(&self, meta: &[u8]) -> Vec<u8> {
        let start = HEADER + self.families.len() * FAMILY + self.tiles.len() * TILE + meta.len();
        let (mut data, mut directory, mut index) = (Vec::new(), Vec::new(), Vec::new());
        for (codec, bytes) in &self.tiles {
            index.extend(((start + data.len()) as u64).to_le_bytes());
            index.extend((bytes.len() as u32).to_le_bytes());
            index.extend(u32::from(*codec).to_le_bytes());
            index.extend(xxh3_64(bytes).to_le_bytes());
            data.extend(bytes);
        }
        let icc_at = if self.icc.is_empty() { 0 } else { start + data.len() };
        data.extend(&self.icc);
        for family in &self.families {
            let record = family.record();
            directory.extend([family.x, family.y].iter().flat_map(|v| v.to_le_bytes()));
            directory.extend(((start + data.len()) as u64).to_le_bytes());
            directory.extend((record.len() as u32).to_le_bytes());
            directory.extend((family.payloads.len() as u32).to_le_bytes());
            directory.extend(family.head_check().to_le_bytes());
            data.extend(record);
        }
        directory.extend(index);
        directory.extend(meta);

        let mut out = b"ORIG\x02\x00".to_vec();
        out.extend(self.kind.to_le_bytes());
        out.extend(((start + data.len()) as u64).to_le_bytes());
        let counts = [self.families.len(), self.tiles.len(), meta.len()].map(|n| n as u32);
        out.extend([self.width, self.height, self.tile].iter().chain(&counts).flat_map(|v| v.to_le_bytes()));
        out.extend((icc_at as u64).to_le_bytes());
        out.extend((self.icc.len() as u64).to_le_bytes());
        out.extend(if self.icc.is_empty() { 0 } else { xxh3_64(&self.icc) }.to_le_bytes());
        out.extend([0; 16]);
        out.extend(directory);
        out.extend(data);
        seal(out)
    }
}

impl Family {
    fn head_check(&self) -> u64 {
        xxh3_64(&self.record()[..32 + 16 * self.payloads.len()])
    }

    fn record(&self) -> Vec<u8> {
        let mut out = self.proof.to_vec();
        for payload in &self.payloads {
            out.extend(payload.kind.to_le_bytes());
            out.extend(payload.codec.to_le_bytes());
            out.extend(payload.claims.unwrap_or(payload.bytes.len() as u32).to_le_bytes());
            out.extend(xxh3_64(&payload.bytes).to_le_bytes());
        }
        out.extend(self.payloads.iter().flat_map(|payload| &payload.bytes));
        out.extend(&self.tail);
        out
    }
}
