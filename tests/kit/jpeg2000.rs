//! Slides of JPEG 2000: codestreams, and a TIFF of them as scanners write it.

/// Pixels of a side of a tile.
pub const SIDE: u32 = 64;

/// A codestream of 64 x 64 pixels whose samples are all 128, with a comment.
pub fn codestream(components: u8, comment: &str) -> Vec<u8> {
    let mut out = b"\xFF\x4F\xFF\x51\0".to_vec();
    out.extend([38 + 3 * components, 0, 0]);
    for size in [SIDE, SIDE, 0, 0, SIDE, SIDE, 0, 0] {
        out.extend(size.to_be_bytes());
    }
    out.extend([0, components]);
    out.extend(b"\x07\x01\x01".repeat(components.into()));
    out.extend(b"\xFF\x52\0\x0C\0\0\0\x01\0\0\x04\x04\0\x01\xFF\x5C\0\x04\x20\x40");
    out.extend(b"\xFF\x64");
    out.extend((comment.len() as u16 + 4).to_be_bytes());
    out.extend(b"\0\x01");
    out.extend(comment.bytes());
    // A tile part of one empty packet for each component.
    out.extend(b"\xFF\x90\0\x0A\0\0\0\0\0");
    out.extend([14 + components, 0, 1, 0xFF, 0x93]);
    out.extend([0].repeat(components.into()));
    out.extend(b"\xFF\xD9");
    out
}

/// A little-endian TIFF of RGB in tiles, whose tag of the compression has this number.
pub fn tiff(width: u32, height: u32, compression: u32, tiles: &[Vec<u8>]) -> Vec<u8> {
    let mut out = b"II*\0\0\0\0\0".to_vec();
    let mut offsets = Vec::new();
    for tile in tiles {
        offsets.push(out.len() as u32);
        out.extend(tile);
    }
    let mut list = |values: Vec<u32>| {
        let at = out.len() as u32;
        out.extend(values.into_iter().flat_map(u32::to_le_bytes));
        at
    };
    let n = tiles.len() as u32;
    let counts = list(tiles.iter().map(|tile| tile.len() as u32).collect());
    let (offsets, bits) = (list(offsets), list(vec![8 | 8 << 16, 8]));
    let entries = [
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, 3, bits),
        (259, 4, 1, compression),
        (262, 4, 1, 2),
        (277, 4, 1, 3),
        (322, 4, 1, SIDE),
        (323, 4, 1, SIDE),
        (324, 4, n, offsets),
        (325, 4, n, counts),
    ];
    let at = (out.len() as u32).to_le_bytes();
    out[4..8].copy_from_slice(&at);
    out.extend((entries.len() as u16).to_le_bytes());
    for (tag, kind, count, value) in entries {
        out.extend(u16::to_le_bytes(tag));
        out.extend(u16::to_le_bytes(kind));
        out.extend(u32::to_le_bytes(count));
        out.extend(u32::to_le_bytes(value));
    }
    out.extend([0; 4]);
    out
}
