//! How much of a picture is tissue, by its pixels: what the page opens on.
//!
//! Decodes one PNG, as originals are. Knows no runs.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::codec::decode_png;

/// Longest file that is read.
const MAX_BYTES: u64 = 64 << 20;
/// Most pixels that are decoded.
const MAX_PIXELS: usize = 1 << 24;
/// How far red and blue are above green, at least, in a pixel that is pink to violet. Haematoxylin and eosin both absorb green most.
/// Crops of H&E slides have 0.3 and more of such pixels, photographs and glass less than 0.02.
const MIN_STAIN: i16 = 12;

/// The part of a picture, 0 to 1, that is pink to violet as tissue in H&E. `None` if it is no PNG, too large or damaged.
pub fn part(path: &Path) -> Option<f64> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(MAX_BYTES + 1).read_to_end(&mut bytes).ok()?;
    if bytes.len() as u64 > MAX_BYTES {
        return None;
    }
    let pixels = decode_png(&bytes, MAX_PIXELS).ok()?;
    let stained = |rgb: &&[u8]| i16::from(rgb[0].min(rgb[2])) - i16::from(rgb[1]) >= MIN_STAIN;
    let count = if pixels.channels == 3 { pixels.data.chunks_exact(3).filter(stained).count() } else { 0 };
    Some(count as f64 / (pixels.width * pixels.height) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::encode_png;

    #[test]
    fn pink_and_violet_are_tissue_and_glass_grass_and_sky_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("original.png");
        let violet_and_pink = [[92, 60, 120], [230, 150, 190]];
        for (pixels, want) in [
            (violet_and_pink, 1.0),
            ([[230, 150, 190], [242, 240, 243]], 0.5),
            ([[60, 120, 40], [110, 150, 220]], 0.0),
        ] {
            std::fs::write(&path, encode_png(pixels.as_flattened(), 3, 2, 1).unwrap()).unwrap();
            assert_eq!(part(&path), Some(want), "{pixels:?}");
        }
        std::fs::write(&path, encode_png(&[92, 120], 1, 2, 1).unwrap()).unwrap();
        assert_eq!(part(&path), Some(0.0), "gray");
        std::fs::write(&path, b"\x89PNG").unwrap();
        assert_eq!((part(&path), part(&dir.path().join("none.png"))), (None, None));
    }
}
