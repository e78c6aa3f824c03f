//! Coefficients in the form in which a device hands them over: for each block which of them are not zero, then these.
//!
//! Of a plane there are, in words of 32 bits, the lower half first: the number of words that all values take, the flags of all blocks, two
//! words of padding; for each block that holds samples two words with a bit for each coefficient that is not zero, in zigzag order; then the
//! values in 16 bits, each block from a whole word on. Values for which a device had no room are missing.

use super::block::{Block, Factors, SIDE, Samples};
use super::dct::{CENTER, inverse};
use super::header::steps;
use super::huffman::{NATURAL, non_zero};
use super::vector::Scalar;
use super::{Coefficients, Component};
use crate::codec::image_codec::Quality;
use crate::image::ycc::Sampling;

/// Words before those of the blocks.
pub const HEAD_WORDS: usize = 4;
/// Words of a block that the host packs, beside its values.
pub const BLOCK_WORDS: usize = 3;
/// A flag: on a sample decoders need not agree, and libjpeg-turbo decides.
pub const UNDECIDED: u32 = 1;
/// A flag: a sample is not `CENTER`.
pub const CONTENT: u32 = 2;

/// The coefficients of an image as a device takes them.
pub struct PackedImage {
    /// Width and height in pixels.
    pub size: (usize, usize),
    /// How chroma is sampled.
    pub sampling: Sampling,
    /// Of each component.
    pub planes: Vec<PackedPlane>,
}

/// The coefficients of a component.
pub struct PackedPlane {
    /// Its steps, row by row.
    pub steps: [u8; SIDE * SIDE],
    /// [`BLOCK_WORDS`] for each block that holds samples, row by row: a bit for each coefficient that is not zero, in zigzag order, the
    /// lower half first; the number of the first of its values.
    pub blocks: Vec<u8>,
    /// Values in 16 bits, behind four bytes that make sure that there is something.
    pub values: Vec<u8>,
    /// Blocks across and down.
    filled: (usize, usize),
}

impl PackedPlane {
    /// An empty one for so many samples.
    pub fn new(size: (usize, usize), steps: [u8; SIDE * SIDE]) -> Self {
        let filled = (size.0.div_ceil(SIDE), size.1.div_ceil(SIDE));
        Self { steps, blocks: vec![0; 4 * BLOCK_WORDS * filled.0 * filled.1], values: vec![0; 4], filled }
    }

    /// Adds the block at a column and row of blocks, if it holds samples.
    pub fn push(&mut self, block: &Block, (x, y): (usize, usize)) {
        if x >= self.filled.0 || y >= self.filled.1 {
            return;
        }
        let first = (self.values.len() / 2) as u32;
        let mask = non_zero::<Scalar>(block);
        let mut rest = mask;
        while rest != 0 {
            let place = usize::from(NATURAL[rest.trailing_zeros() as usize % 64]) % 64;
            rest &= rest - 1;
            self.values.extend(block[place].to_le_bytes());
        }
        let at = 4 * BLOCK_WORDS * (y * self.filled.0 + x);
        self.blocks[at..at + 8].copy_from_slice(&mask.to_le_bytes());
        self.blocks[at + 8..at + 12].copy_from_slice(&first.to_le_bytes());
    }
}

/// The words of a device's bytes.
fn words(bytes: &[u8]) -> impl Iterator<Item = u32> {
    bytes.as_chunks().0.iter().map(|&word| u32::from_le_bytes(word))
}

impl Coefficients {
    /// The steps of luma and of chroma at a quality, row by row.
    pub fn steps(sampling: Sampling, quality: Quality) -> [[u8; SIDE * SIDE]; 2] {
        // Only 4:2:0 has a quality of its own for chroma.
        let chroma = if sampling == Sampling::S420 { quality.chroma } else { quality.luma };
        [steps(quality.luma, false), steps(chroma, true)]
    }

    /// The coefficients of an image of this size from the packed planes of a device, and whether any sample is not `CENTER`. `None` where a
    /// sample is undecided, or a plane lacks something.
    pub fn unpack(
        size: (usize, usize),
        sampling: Sampling,
        steps: [[u8; SIDE * SIDE]; 2],
        planes: &[&[u8]],
    ) -> Option<(Self, bool)> {
        let mut coefficients = Self::empty(size, sampling, steps);
        let mut flags = 0;
        if planes.len() != coefficients.components.len() {
            return None;
        }
        for (component, bytes) in coefficients.components.iter_mut().zip(planes) {
            flags |= component.unpack(bytes)?;
        }
        coefficients.fill();
        (flags & UNDECIDED == 0).then_some((coefficients, flags & CONTENT != 0))
    }
}

impl Component {
    /// Takes the blocks that hold samples; returns the flags.
    fn unpack(&mut self, bytes: &[u8]) -> Option<u32> {
        let masks_at = 4 * HEAD_WORDS;
        let values_at = masks_at + 8 * self.filled.0 * self.filled.1;
        let mut head = words(bytes.get(..masks_at)?);
        let (taken, flags) = (usize::try_from(head.next()?).ok()?, head.next()?);
        let mut masks = bytes.get(masks_at..values_at)?.as_chunks().0.iter();
        let values = bytes.get(values_at..)?.get(..taken.checked_mul(4)?)?;
        let mut values = values.as_chunks().0.iter();
        for line in self.blocks.chunks_exact_mut(self.columns).take(self.filled.1) {
            for block in &mut line[..self.filled.0] {
                let mut mask = u64::from_le_bytes(*masks.next()?);
                let is_odd = mask.count_ones() % 2 == 1;
                *block = [0; SIDE * SIDE];
                while mask != 0 {
                    let place = mask.trailing_zeros() as usize;
                    mask &= mask - 1;
                    block[usize::from(NATURAL[place % 64]) % 64] = i16::from_le_bytes(*values.next()?);
                }
                if is_odd {
                    values.next()?;
                }
            }
        }
        Some(flags)
    }
}

/// Packs the blocks of a plane, in words: the definition. Each block has its flags.
pub fn pack<'a>(blocks: impl Iterator<Item = (&'a Block, u32)>) -> Vec<u32> {
    let (mut flags, mut masks, mut values) = (0, Vec::new(), Vec::new());
    for (block, of_block) in blocks {
        flags |= of_block;
        let mask = non_zero::<Scalar>(block);
        masks.extend([mask as u32, (mask >> 32) as u32]);
        let coded: Vec<u16> = NATURAL
            .iter()
            .map(|&place| block[usize::from(place)] as u16)
            .filter(|&value| value != 0)
            .collect();
        let pairs = coded.chunks(2);
        values.extend(pairs.map(|pair| u32::from(pair[0]) | u32::from(*pair.get(1).unwrap_or(&0)) << 16));
    }
    let mut words = vec![values.len() as u32, flags, 0, 0];
    words.extend(masks);
    words.extend(values);
    words
}

/// The samples of a block and its flags, of which [`CONTENT`] looks at so many columns and rows.
pub fn samples_and_flags(block: &Block, factors: &Factors, inside: (usize, usize)) -> (Samples, u32) {
    let mut samples = Samples::default();
    let good = inverse::<Scalar>(block, factors, &mut samples);
    let inside = samples.iter().take(inside.1).flat_map(|row| &row[..inside.0.min(SIDE)]);
    let content = inside.into_iter().any(|&sample| i32::from(sample) != CENTER);
    (samples, if good { 0 } else { UNDECIDED } | if content { CONTENT } else { 0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::coefficients::packed as packed_image;
    use crate::codec::image_codec::Shape;
    use crate::codec::testing::{SIZES, image};

    /// The packed planes of an image's coefficients.
    fn packed(coefficients: &Coefficients) -> Vec<Vec<u8>> {
        let plane = |component: &Component| {
            let lines = component.blocks.chunks_exact(component.columns).take(component.filled.1);
            let blocks = lines.flat_map(|line| &line[..component.filled.0]);
            pack(blocks.map(|block| (block, CONTENT))).iter().flat_map(|word| word.to_le_bytes()).collect()
        };
        coefficients.components.iter().map(plane).collect()
    }

    #[test]
    fn what_is_packed_is_unpacked_to_the_same_file() {
        for sampling in [Sampling::Gray].into_iter().chain(Sampling::YCC) {
            for (width, height) in SIZES {
                let image = image(width, height, sampling);
                let quality = Quality { luma: 83, chroma: 83 };
                let wanted = Coefficients::of(image.view(), quality);
                let planes = packed(&wanted);
                let views: Vec<&[u8]> = planes.iter().map(Vec::as_slice).collect();
                let steps = Coefficients::steps(sampling, quality);
                let (found, _) = Coefficients::unpack((width, height), sampling, steps, &views).unwrap();
                assert!(found.file(0) == wanted.file(0), "{sampling:?} {width}x{height}");
                assert_eq!(found.planes(), wanted.planes(), "{sampling:?} {width}x{height}");
            }
        }
    }

    #[test]
    fn a_plane_that_lacks_something_gives_nothing() {
        let (size, gray) = ((40, 24), Sampling::Gray);
        let (image, quality) = (image(size.0, size.1, gray), Quality::from(90));
        let steps = Coefficients::steps(gray, quality);
        let whole = packed(&Coefficients::of(image.view(), quality)).swap_remove(0);
        let unpacked = |bytes: &[u8]| Coefficients::unpack(size, gray, steps, &[bytes]).is_some();
        assert!(unpacked(&whole));
        for len in 0..whole.len() {
            assert!(!unpacked(&whole[..len]), "{len} of {} bytes", whole.len());
        }
        let changed = |at: usize, value: u8| {
            let mut bytes = whole.clone();
            bytes[at] = value;
            unpacked(&bytes)
        };
        assert!(!changed(3, 0x40), "more values than there is room for");
        assert!(!changed(4, (CONTENT | UNDECIDED) as u8), "a sample is undecided");
        assert!(!changed(0, whole[0].wrapping_sub(1)), "fewer values than the masks say");
        assert!(Coefficients::unpack(size, gray, steps, &[&whole, &whole]).is_none(), "a plane too many");
    }

    #[test]
    fn the_host_packs_what_the_decoder_reads() {
        for sampling in [Sampling::Gray, Sampling::S420, Sampling::S444] {
            for (width, height) in SIZES {
                let image = image(width, height, sampling);
                let wanted = Coefficients::of(image.view(), 60.into());
                let expect = Shape { width, height, sampling: Some(sampling) };
                let found = packed_image(&wanted.file(1).unwrap(), expect).unwrap();
                for (plane, component) in found.planes.iter().zip(&wanted.components) {
                    assert_eq!(plane.steps, component.steps.steps);
                    let heads = plane.blocks.as_chunks::<12>().0;
                    let lines = component.blocks.chunks_exact(component.columns).take(component.filled.1);
                    let blocks = lines.flat_map(|line| &line[..component.filled.0]);
                    assert_eq!(heads.len(), blocks.clone().count());
                    for (head, block) in heads.iter().zip(blocks) {
                        let mask = u64::from_le_bytes(*head.first_chunk().unwrap());
                        let first = u32::from_le_bytes(*head.last_chunk().unwrap()) as usize;
                        let coded = NATURAL.map(|place| block[usize::from(place)]);
                        let values = coded.iter().filter(|&&value| value != 0);
                        let bytes: Vec<u8> = values.flat_map(|value| value.to_le_bytes()).collect();
                        assert_eq!(mask, non_zero::<Scalar>(block));
                        assert_eq!(plane.values[2 * first..][..bytes.len()], bytes);
                    }
                }
                let other = Shape { width: width + 1, ..expect };
                assert!(packed_image(&wanted.file(1).unwrap(), other).is_none());
            }
        }
    }

    #[test]
    fn flags_tell_what_the_samples_are() {
        let factors = [1; SIDE * SIDE];
        let of = |dc: i16, inside| {
            let mut block = [0; SIDE * SIDE];
            block[0] = dc;
            samples_and_flags(&block, &factors, inside).1
        };
        assert_eq!(of(0, (8, 8)), 0);
        assert_eq!(of(3, (8, 8)), 0, "less than half a sample");
        assert_eq!(of(8, (8, 8)), CONTENT);
        assert_eq!(of(8, (0, 8)), 0, "outside");
        assert_eq!(of(i16::MAX, (8, 8)), CONTENT | UNDECIDED);
    }
}
