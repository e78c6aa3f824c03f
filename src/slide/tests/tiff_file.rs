//! TIFF files made tag by tag, so that any tag can be wrong.

/// A page, and a file of that page alone.
#[derive(Clone)]
pub(super) struct TiffFile {
    pub big: bool,
    /// Tag, type, values.
    pub tags: Vec<(u16, u16, Vec<u64>)>,
    pub chunks: Vec<Vec<u8>>,
    pub tiled: bool,
    /// Pages that this one points to (SubIFDs).
    pub below: Vec<TiffFile>,
}

impl TiffFile {
    /// Gray or RGB in one uncompressed strip.
    pub fn strips(width: u32, height: u32, samples: u64, pixels: Vec<u8>) -> Self {
        let photometric = if samples == 1 { 1 } else { 2 };
        let tags = vec![
            (256, 4, vec![width.into()]),
            (257, 4, vec![height.into()]),
            (258, 3, vec![8; samples as usize]),
            (259, 3, vec![1]),
            (262, 3, vec![photometric]),
            (277, 3, vec![samples]),
        ];
        Self { big: false, tags, chunks: vec![pixels], tiled: false, below: Vec::new() }
    }

    pub fn tiles(
        width: u32,
        height: u32,
        samples: u64,
        tile: u32,
        compression: u64,
        chunks: Vec<Vec<u8>>,
    ) -> Self {
        let size = (322, 4, vec![tile.into()]);
        let file = Self { tiled: true, chunks, ..Self::strips(width, height, samples, Vec::new()) };
        file.with(259, 3, vec![compression]).with(size.0, size.1, size.2).with(323, 4, vec![tile.into()])
    }

    /// Sets a tag to a text.
    pub fn text(self, tag: u16, text: &str) -> Self {
        self.with(tag, 2, text.bytes().chain([0]).map(u64::from).collect())
    }

    /// Adds a page below this one.
    pub fn above(mut self, page: Self) -> Self {
        self.below.push(page);
        self
    }

    /// Sets or replaces a tag.
    pub fn with(mut self, tag: u16, kind: u16, values: Vec<u64>) -> Self {
        self.tags.retain(|(old, _, _)| *old != tag);
        self.tags.push((tag, kind, values));
        self
    }

    pub fn bytes(&self) -> Vec<u8> {
        file_of(std::slice::from_ref(self))
    }

    /// Appends the page. The offset of its directory, and where the offset of the next one belongs.
    fn append(&self, big: bool, out: &mut Vec<u8>) -> (usize, usize) {
        let below: Vec<u64> = self.below.iter().map(|page| page.append(big, out).0 as u64).collect();
        let mut offsets = Vec::new();
        for chunk in &self.chunks {
            // An absent tile has neither bytes nor a place.
            offsets.push(if chunk.is_empty() { 0 } else { out.len() as u64 });
            out.extend_from_slice(chunk);
        }
        let sizes = self.chunks.iter().map(|chunk| chunk.len() as u64).collect();
        let mut tags = self.tags.clone();
        let mut default = |tag: u16, values: Vec<u64>| {
            if !values.is_empty() && !tags.iter().any(|(old, _, _)| *old == tag) {
                tags.push((tag, 4, values));
            }
        };
        default(if self.tiled { 324 } else { 273 }, offsets);
        default(if self.tiled { 325 } else { 279 }, sizes);
        default(330, below);
        tags.sort();
        let mut entries = Vec::new();
        for (tag, kind, values) in &tags {
            let size = match kind {
                1 | 2 | 7 => 1,
                3 => 2,
                4 => 4,
                _ => 8,
            };
            let value: Vec<u8> =
                values.iter().flat_map(|value| value.to_le_bytes()[..size].to_vec()).collect();
            entries.extend_from_slice(&tag.to_le_bytes());
            entries.extend_from_slice(&kind.to_le_bytes());
            word(big, &mut entries, values.len() as u64);
            if value.len() <= if big { 8 } else { 4 } {
                let mut inline = value;
                inline.resize(if big { 8 } else { 4 }, 0);
                entries.extend_from_slice(&inline);
            } else {
                word(big, &mut entries, out.len() as u64);
                out.extend_from_slice(&value);
            }
        }
        let at = out.len();
        let number = (tags.len() as u64).to_le_bytes();
        out.extend_from_slice(&number[..if big { 8 } else { 2 }]);
        out.extend_from_slice(&entries);
        let next = out.len();
        word(big, out, 0);
        (at, next)
    }
}

/// A file of these pages, a BigTIFF if the first is one.
pub(super) fn file_of(pages: &[TiffFile]) -> Vec<u8> {
    let big = pages.first().is_some_and(|page| page.big);
    let mut out = if big { b"II+\0\x08\0\0\0".to_vec() } else { b"II*\0".to_vec() };
    let mut link = out.len();
    word(big, &mut out, 0);
    for page in pages {
        let (at, next) = page.append(big, &mut out);
        let length = if big { 8 } else { 4 };
        out[link..link + length].copy_from_slice(&(at as u64).to_le_bytes()[..length]);
        link = next;
    }
    out
}

fn word(big: bool, out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(&value.to_le_bytes()[..if big { 8 } else { 4 }]);
}
