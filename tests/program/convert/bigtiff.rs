//! A parser of BigTIFF of this folder's own: what is written is not judged by our own reader alone.

use std::collections::BTreeMap;

pub const TILE_WIDTH: u16 = 322;
pub const TILE_OFFSETS: u16 = 324;
pub const TILE_BYTE_COUNTS: u16 = 325;
pub const SUB_IFDS: u16 = 330;
pub const SUBSAMPLING: u16 = 530;
pub const ICC: u16 = 34675;

/// The tags of a directory of a BigTIFF, each with its numbers or bytes.
pub type Page = BTreeMap<u16, Vec<u64>>;

fn number(bytes: &[u8], at: u64, length: usize) -> u64 {
    let mut value = [0; 8];
    value[..length].copy_from_slice(&bytes[at as usize..][..length]);
    u64::from_le_bytes(value)
}

/// The directory at an offset, and where the next one is.
pub fn page(bytes: &[u8], at: u64) -> (Page, u64) {
    let count = number(bytes, at, 8);
    let mut tags = Page::new();
    for entry in (0..count).map(|i| at + 8 + 20 * i) {
        let (tag, kind) = (number(bytes, entry, 2) as u16, number(bytes, entry + 2, 2));
        assert!(tags.keys().next_back().is_none_or(|last| *last < tag), "tags are in ascending order");
        let length = [0, 1, 1, 2, 4, 8, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 8][kind as usize];
        let many = number(bytes, entry + 4, 8);
        let inline = many * length as u64 <= 8;
        let start = if inline { entry + 12 } else { number(bytes, entry + 12, 8) };
        tags.insert(tag, (0..many).map(|i| number(bytes, start + i * length as u64, length)).collect());
    }
    (tags, number(bytes, at + 8 + 20 * count, 8))
}

/// All directories in the chain of a BigTIFF.
pub fn pages(bytes: &[u8]) -> Vec<Page> {
    assert_eq!(bytes[..8], *b"II+\0\x08\0\0\0");
    let (mut at, mut found) = (number(bytes, 8, 8), Vec::new());
    while at > 0 {
        let (tags, next) = page(bytes, at);
        found.push(tags);
        at = next;
    }
    found
}

/// The tiles of a directory.
pub fn tiles<'a>(bytes: &'a [u8], page: &Page) -> Vec<&'a [u8]> {
    let places = page[&TILE_OFFSETS].iter().zip(&page[&TILE_BYTE_COUNTS]);
    places.map(|(&at, &length)| &bytes[at as usize..][..length as usize]).collect()
}
