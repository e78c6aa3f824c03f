//! Where planes lie in a family's region, and how their samples are packed.

use crate::gpu::job::RECORD_WORDS;

/// Planes begin at multiples of this many words.
pub const PLANE_ALIGN_WORDS: u32 = 16;

/// How samples are packed into 32-bit words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SampleFormat {
    /// Four 8-bit samples a word.
    U8,
    /// Two Q6 samples a word.
    Q6,
    /// Four interleaved RGB pixels in three words.
    Rgb,
    /// Records of blocks of 8 x 8 samples, whose number counts for width and height.
    Blocks,
}

/// Samples of a block along a side.
const BLOCK: usize = 8;

/// Offset, size and format of a plane in device memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaneLayout {
    /// First word.
    pub offset: u32,
    /// Width in samples, or in pixels of RGB.
    pub width: usize,
    /// Height.
    pub height: usize,
    /// How its samples are packed.
    pub format: SampleFormat,
}

impl PlaneLayout {
    /// Words a row.
    pub fn stride(&self) -> u32 {
        let quads = self.width.div_ceil(4) as u32;
        match self.format {
            SampleFormat::U8 => quads,
            SampleFormat::Q6 => 2 * quads,
            SampleFormat::Rgb => 3 * quads,
            SampleFormat::Blocks => RECORD_WORDS * self.width.div_ceil(BLOCK) as u32,
        }
    }

    /// Words in all.
    pub fn words(&self) -> u32 {
        let rows =
            if self.format == SampleFormat::Blocks { self.height.div_ceil(BLOCK) } else { self.height };
        self.stride() * rows as u32
    }

    /// Blocks of 8 x 8 samples that it has.
    pub fn blocks(&self) -> usize {
        self.width.div_ceil(BLOCK) * self.height.div_ceil(BLOCK)
    }

    /// Its memory as one row of bytes, in which form it comes down.
    pub fn as_bytes(&self) -> Self {
        Self { width: 4 * self.words() as usize, height: 1, format: SampleFormat::U8, ..*self }
    }

    /// Its memory for the records of blocks of so many samples.
    pub(super) fn over(&self, samples: Self) -> Self {
        Self { offset: self.offset, format: SampleFormat::Blocks, ..samples }
    }

    /// Bytes of a row that hold samples, for planes that are uploaded or downloaded.
    pub fn row_bytes(&self) -> usize {
        if self.format == SampleFormat::Rgb { 3 * self.width } else { self.width }
    }

    pub(super) fn end(&self) -> u32 {
        self.offset + self.words()
    }
}

/// Allocates the planes of a family's region one after the other.
#[derive(Clone, Copy, Debug, Default)]
pub struct PlaneAllocator {
    pub(super) next: u32,
    pub(super) peak: u32,
}

impl PlaneAllocator {
    /// The largest number of words that were ever allocated.
    pub fn peak_words(&self) -> u32 {
        self.peak
    }

    /// Goes on after so many words.
    pub(super) fn after(words: u32) -> Self {
        Self { next: words, peak: words }
    }

    /// Allocates words that come down as bytes.
    pub(super) fn allocate_words(&mut self, words: u32) -> PlaneLayout {
        self.allocate(4 * words as usize, 1, SampleFormat::U8)
    }

    /// Allocates a plane.
    pub fn allocate(&mut self, width: usize, height: usize, format: SampleFormat) -> PlaneLayout {
        let plane = PlaneLayout { offset: self.next, width, height, format };
        self.next = plane.end().next_multiple_of(PLANE_ALIGN_WORDS);
        self.peak = self.peak.max(self.next);
        plane
    }
}
