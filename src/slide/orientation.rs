//! The orientation of an image: TIFF tag 274, which EXIF uses in JPEG and PNG as well.
//!
//! Source: TIFF 6.0, Exif 2.3. It deliberately does not know where the number was found.

use super::region::Region;

/// How the stored rows and columns lie in the image that is to be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Orientation {
    /// Stored columns run down instead of across.
    transposed: bool,
    /// After that, the first column is on the right.
    mirrored: bool,
    /// After that, the first row is at the bottom.
    flipped: bool,
}

impl Orientation {
    /// That of a tag's value, 1 to 8; `None` for other values.
    pub fn from_tag(value: u64) -> Option<Self> {
        let (transposed, mirrored, flipped) = match value {
            1 => (false, false, false),
            2 => (false, true, false),
            3 => (false, true, true),
            4 => (false, false, true),
            5 => (true, false, false),
            6 => (true, true, false),
            7 => (true, true, true),
            8 => (true, false, true),
            _ => return None,
        };
        Some(Self { transposed, mirrored, flipped })
    }

    /// Whether the pixels are seen as they are stored.
    pub fn is_plain(self) -> bool {
        self == Self::default()
    }

    /// A pair of what lies across and what lies down, turned: a size, a density.
    pub fn pair<T>(self, (across, down): (T, T)) -> (T, T) {
        if self.transposed { (down, across) } else { (across, down) }
    }

    /// The stored region of a seen one, in an image of the seen size `width` x `height`, in which the region lies.
    pub fn stored(self, seen: Region, width: u32, height: u32) -> Region {
        let x = if self.mirrored { width - seen.x - seen.width } else { seen.x };
        let y = if self.flipped { height - seen.y - seen.height } else { seen.y };
        let ((x, y), (width, height)) = (self.pair((x, y)), self.pair((seen.width, seen.height)));
        Region { x, y, width, height }
    }

    /// Turns stored pixels of `channels` bytes into `out`, whose rows have `width` seen pixels. Both hold the same region.
    pub fn turn(self, stored: &[u8], width: usize, channels: usize, out: &mut [u8]) {
        let height = out.len().checked_div(width * channels).unwrap_or(0);
        let stride = if self.transposed { height } else { width };
        for (y, row) in out.chunks_exact_mut(width * channels).enumerate() {
            let y = if self.flipped { height - 1 - y } else { y };
            for (x, to) in row.chunks_exact_mut(channels).enumerate() {
                let x = if self.mirrored { width - 1 - x } else { x };
                let (column, line) = self.pair((x, y));
                let start = (line * stride + column) * channels;
                if let Some(from) = stored.get(start..start + channels) {
                    to.copy_from_slice(from);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture of 3 x 2 pixels, stored:
    /// 1 2 3
    /// 4 5 6
    #[test]
    fn all_eight_orientations_are_those_of_the_standard() {
        let stored = [1, 2, 3, 4, 5, 6];
        for (tag, seen) in [
            (1, vec![1, 2, 3, 4, 5, 6]),
            (2, vec![3, 2, 1, 6, 5, 4]),
            (3, vec![6, 5, 4, 3, 2, 1]),
            (4, vec![4, 5, 6, 1, 2, 3]),
            (5, vec![1, 4, 2, 5, 3, 6]),
            (6, vec![4, 1, 5, 2, 6, 3]),
            (7, vec![6, 3, 5, 2, 4, 1]),
            (8, vec![3, 6, 2, 5, 1, 4]),
        ] {
            let orientation = Orientation::from_tag(tag).unwrap();
            let (width, height) = orientation.pair((3, 2));
            let mut out = [0; 6];
            orientation.turn(&stored, width, 1, &mut out);
            assert_eq!(out[..], seen, "orientation {tag}");
            for (index, value) in seen.iter().enumerate() {
                let (x, y) = (index % width, index / width);
                let pixel = Region { x: x as u32, y: y as u32, width: 1, height: 1 };
                let from = orientation.stored(pixel, width as u32, height as u32);
                assert_eq!(stored[from.y as usize * 3 + from.x as usize], *value, "orientation {tag}");
            }
        }
        assert_eq!((Orientation::from_tag(0), Orientation::from_tag(9)), (None, None));
    }
}
