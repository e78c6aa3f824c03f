//! Tiled JPEG TIFFs as scanners write them: tables apart, tiles abbreviated, padded past the edge.

use crate::kit::jpeg::segments;

/// What is to be in the file.
pub struct JpegTiff {
    pub width: u32,
    pub height: u32,
    pub tile: u32,
    /// 1 gray, 2 RGB, 6 YCbCr.
    pub photometric: u16,
    /// JPEG files, row by row, all of one set of tables.
    pub tiles: Vec<Vec<u8>>,
}

/// Tables alone, as tag 347 has them.
pub fn tables(jpeg: &[u8]) -> Vec<u8> {
    let tables = segments(jpeg).0.into_iter().filter(|(marker, _)| matches!(marker, 0xDB | 0xC4));
    let inner: Vec<u8> = tables.flat_map(|(_, bytes)| bytes).collect();
    [&[0xFF, 0xD8][..], &inner, &[0xFF, 0xD9]].concat()
}

/// A tile without tables and without a word on its colours: its components are numbered from 0.
pub fn abbreviated(jpeg: &[u8], anonymous: bool) -> Vec<u8> {
    let (found, mut scan) = segments(jpeg);
    let mut out = vec![0xFF, 0xD8];
    for (marker, mut bytes) in found {
        match marker {
            0xC0 if anonymous => (0..bytes[9]).for_each(|i| bytes[10 + 3 * usize::from(i)] = i),
            0xDB | 0xC4 | 0xE0 | 0xEE => continue,
            _ => {}
        }
        out.extend(bytes);
    }
    if anonymous {
        (0..scan[4]).for_each(|i| scan[5 + 2 * usize::from(i)] = i);
    }
    [out, scan].concat()
}

impl JpegTiff {
    /// The file, little-endian.
    pub fn bytes(&self) -> Vec<u8> {
        let samples: u32 = if self.photometric == 1 { 1 } else { 3 };
        let mut out = b"II*\0\0\0\0\0".to_vec();
        let mut put = |bytes: &[u8]| {
            let at = out.len() as u32;
            out.extend_from_slice(bytes);
            if out.len() % 2 == 1 {
                out.push(0);
            }
            at
        };
        let tables = tables(&self.tiles[0]);
        let tables_at = put(&tables);
        let stored: Vec<_> = self.tiles.iter().map(|tile| abbreviated(tile, self.photometric == 2)).collect();
        let offsets: Vec<u8> = stored.iter().flat_map(|tile| put(tile).to_le_bytes()).collect();
        let counts: Vec<u8> = stored.iter().flat_map(|tile| (tile.len() as u32).to_le_bytes()).collect();
        let (offsets_at, counts_at) = (put(&offsets), put(&counts));
        let bits_at = put(&[8, 0, 8, 0, 8, 0]);
        let n = stored.len() as u32;
        let one =
            |bytes: &[u8], at: u32| if n == 1 { u32::from_le_bytes(bytes.try_into().unwrap()) } else { at };
        let (offsets_at, counts_at) = (one(&offsets, offsets_at), one(&counts, counts_at));
        let entries: [(u16, u16, u32, u32); 12] = [
            (256, 4, 1, self.width),
            (257, 4, 1, self.height),
            (258, 3, samples, if samples == 1 { 8 } else { bits_at }),
            (259, 3, 1, 7),
            (262, 3, 1, self.photometric.into()),
            (277, 3, 1, samples),
            (284, 3, 1, 1),
            (322, 4, 1, self.tile),
            (323, 4, 1, self.tile),
            (324, 4, n, offsets_at),
            (325, 4, n, counts_at),
            (347, 7, tables.len() as u32, tables_at),
        ];
        let at = (out.len() as u32).to_le_bytes();
        out[4..8].copy_from_slice(&at);
        out.extend((entries.len() as u16).to_le_bytes());
        for (tag, kind, count, value) in entries {
            out.extend(tag.to_le_bytes());
            out.extend(kind.to_le_bytes());
            out.extend(count.to_le_bytes());
            out.extend(value.to_le_bytes());
        }
        out.extend([0; 4]);
        out
    }
}
