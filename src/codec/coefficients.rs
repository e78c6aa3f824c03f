//! JPEG coefficients of our own: from planes to coefficients, to the bytes of a file, and back to the planes that every decoder sees.
//!
//! | file | what it holds |
//! |---|---|
//! | `block` | 8 x 8 coefficients and samples |
//! | `dct` | transforms and quantiser |
//! | `vector`, `avx2` | eight integers, in plain Rust and with AVX2 |
//! | `avx2_inverse` | the inverse transform of two blocks in 16 bits |
//! | `huffman` | symbols, codes made for an image, bits |
//! | `header` | the markers of a file, the tables of qualities |
//! | `trellis` | quantisation that weighs error against bits |
//! | `encoder` | the encoders of baselines and residuals |
//! | `batch` | from blocks of coefficients to samples of a plane |
//! | `tables`, `lookup` | what the head of a file says; from bits to coefficients |
//! | `entry` | where the scan of a file can be entered |
//! | `packed` | coefficients as a device hands them over |
//! | `decoder` | the decoder of JPEG payloads, of a whole image or of a part |
//!
//! Files are those of libjpeg-turbo with optimised Huffman tables, byte for byte, and planes those of its accurate integer decoder. The encoder
//! keeps the coefficients, so that nothing decodes what was coded a moment ago. What is unusual or damaged is libjpeg-turbo's.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx2_inverse;
mod batch;
mod block;
mod dct;
mod decoder;
mod encoder;
pub mod entry;
mod header;
mod huffman;
mod lookup;
mod packed;
mod tables;
#[cfg(test)]
mod tests;
mod trellis;
mod vector;

use self::batch::store;
pub use self::batch::{Batch, write};
use self::block::SIDE;
pub use self::block::{Block, Factors, Samples};
pub use self::dct::{CONST_BITS, NAMED, PASS1_BITS};
use self::dct::{Steps, forward, inverse, inverse_two};
pub use self::decoder::{Decoder, packed};
pub use self::encoder::{Encoder, Quantiser, file_in_stripes};
use self::header::Header;
pub use self::huffman::NATURAL;
use self::huffman::{Code, Symbols, TABLES, Table, Tokens};
pub use self::packed::{
    BLOCK_WORDS, CONTENT, HEAD_WORDS, PackedImage, PackedPlane, UNDECIDED, pack, samples_and_flags,
};
pub use self::trellis::{COSTS, OF_TRELLIS, Rates, SAMPLED, Scale, Weights};
use self::vector::{Vector, by_level};
use crate::codec::image_codec::Quality;
use crate::image::plane::{Plane, PlaneRef};
use crate::image::spare::Spare;
use crate::image::ycc::{Sampling, Ycc, YccRef};

/// Bytes of a file that are not data of its scan: about as many, or fewer.
const HEADER_BYTES: usize = 1024;

/// The quantised coefficients of an image, from which both its file and its decoded planes are made.
pub struct Coefficients {
    size: (usize, usize),
    sampling: Sampling,
    components: Vec<Component>,
    /// MCUs across and down.
    mcus: (usize, usize),
}

thread_local! {
    /// Coefficients of images that are coded.
    static SPARE: Spare<Block> = const { Spare::none() };
}

impl Drop for Component {
    fn drop(&mut self) {
        let blocks = std::mem::take(&mut self.blocks);
        // Where the thread ends the system takes them.
        let _ = SPARE.try_with(|spare| spare.give(blocks));
    }
}

struct Component {
    steps: Steps,
    /// Blocks of an MCU across and down.
    per_mcu: (usize, usize),
    /// Blocks across, a whole number of MCUs.
    columns: usize,
    /// Blocks that hold samples, across and down.
    filled: (usize, usize),
    /// Row by row.
    blocks: Vec<Block>,
}

impl Coefficients {
    /// Transforms and quantises an image of 1 to 65,535 pixels a side.
    pub fn of(image: YccRef<'_>, quality: Quality) -> Self {
        Self::by_steps(image, Self::steps(image.sampling, quality))
    }

    /// As [`Self::of`], quantised by the steps of luma and of chroma, row by row.
    pub fn by_steps(image: YccRef<'_>, steps: [[u8; SIDE * SIDE]; 2]) -> Self {
        let mut coefficients = Self::transformed(image, steps, transform);
        coefficients.fill();
        coefficients
    }

    /// An image of blocks that are all zeros, with these steps of luma and of chroma, row by row.
    pub fn blank(size: (usize, usize), sampling: Sampling, steps: [[u8; SIDE * SIDE]; 2]) -> Self {
        let mut blank = Self::empty(size, sampling, steps);
        for component in &mut blank.components {
            component.blocks.fill([0; SIDE * SIDE]);
        }
        blank
    }

    /// Sets a block that holds samples. What follows the last ones is empty until [`Self::fill`].
    pub fn set(&mut self, component: usize, (x, y): (usize, usize), block: &Block) {
        let component = &mut self.components[component];
        component.blocks[y * component.columns + x] = *block;
    }

    /// What `transform` makes of the planes of an image, by the steps of luma and of chroma. Blocks without samples are empty.
    fn transformed(
        image: YccRef<'_>,
        steps: [[u8; SIDE * SIDE]; 2],
        transform: fn(PlaneRef<'_>, &mut Component),
    ) -> Self {
        let mut empty = Self::empty((image.luma.width, image.luma.height), image.sampling, steps);
        let planes = std::iter::once(image.luma).chain(image.chroma.into_iter().flatten());
        for (component, plane) in empty.components.iter_mut().zip(planes) {
            component.take(plane, transform);
        }
        empty
    }

    /// An image whose blocks are unspecified.
    fn empty(
        (width, height): (usize, usize),
        sampling: Sampling,
        [luma, chroma]: [[u8; SIDE * SIDE]; 2],
    ) -> Self {
        let (fx, fy) = sampling.factors();
        let mcus = (width.div_ceil(fx * SIDE), height.div_ceil(fy * SIDE));
        let mut components = vec![Component::empty((width, height), luma, (fx, fy), mcus)];
        if sampling != Sampling::Gray {
            let size = sampling.chroma_size(width, height);
            components.extend([(); 2].map(|()| Component::empty(size, chroma, (1, 1), mcus)));
        }
        Self { size: (width, height), sampling, components, mcus }
    }

    /// Fills blocks without samples as libjpeg does.
    pub fn fill(&mut self) {
        self.components.iter_mut().for_each(Component::fill);
    }

    /// Width and height in pixels, and how chroma is sampled.
    pub fn shape(&self) -> ((usize, usize), Sampling) {
        (self.size, self.sampling)
    }

    /// The steps of each component; its blocks, and how many of these stand in a row.
    pub fn components(&self) -> impl Iterator<Item = (&Factors, &[Block], usize)> {
        self.components
            .iter()
            .map(|component| (&component.steps.factors, &component.blocks[..], component.columns))
    }

    /// The JPEG file, with a restart marker after every `restart_rows` MCU rows, none for 0. `None` where an image has no code that
    /// JPEG can express, or an interval is too long.
    pub fn file(&self, restart_rows: usize) -> Option<Vec<u8>> {
        let interval = u16::try_from(restart_rows * self.mcus.0).ok()?;
        let mut tokens = Tokens::new();
        tokenise(self, restart_rows, &mut tokens);
        let used = if self.sampling == Sampling::Gray { 2 } else { TABLES };
        let mut codes: [Code; TABLES] = std::array::from_fn(|_| Code::empty());
        for (table, code) in codes[..used].iter_mut().enumerate() {
            *code = tokens.code(table)?;
        }
        let tables: Vec<_> = self.components.iter().take(2).map(|component| &component.steps.steps).collect();
        let size = (u16::try_from(self.size.0).ok()?, u16::try_from(self.size.1).ok()?);
        let mut out = Vec::with_capacity(HEADER_BYTES + tokens.bytes(&codes));
        Header { size, sampling: self.sampling, steps: &tables, interval, codes: &codes[..used] }
            .write(&mut out);
        tokens.write(&codes, &mut out);
        out.extend([0xFF, 0xD9]);
        Some(out)
    }

    /// The planes that a decoder makes of the file. `None` where decoders need not agree, and libjpeg-turbo decides.
    pub fn planes(&self) -> Option<Ycc> {
        let (width, height) = self.size;
        let size = self.sampling.chroma_size(width, height);
        let sizes = [(width, height), size, size];
        let plane = |(component, (width, height)): (&Component, (usize, usize))| {
            let mut plane = Plane::spare(width, height);
            let mut good = true;
            to_plane(component, &mut plane, &mut good);
            good.then_some(plane)
        };
        let mut planes = self.components.iter().zip(sizes).map(plane);
        let luma = planes.next()??;
        let chroma = match (planes.next(), planes.next()) {
            (Some(cb), Some(cr)) => Some([cb?, cr?]),
            _ => None,
        };
        Some(Ycc { luma, chroma, sampling: self.sampling })
    }
}

impl Component {
    /// A component of this size whose blocks are unspecified.
    fn empty(
        size: (usize, usize),
        steps: [u8; SIDE * SIDE],
        per_mcu: (usize, usize),
        mcus: (usize, usize),
    ) -> Self {
        let (columns, rows) = (mcus.0 * per_mcu.0, mcus.1 * per_mcu.1);
        let filled = (size.0.div_ceil(SIDE), size.1.div_ceil(SIDE));
        let blocks = SPARE.with(|spare| spare.take(columns * rows, [0; SIDE * SIDE]));
        Self { steps: Steps::new(steps), per_mcu, columns, filled, blocks }
    }

    /// Takes what `transform` makes of a plane.
    fn take(&mut self, plane: PlaneRef<'_>, transform: fn(PlaneRef<'_>, &mut Self)) {
        let whole = (self.filled.0 * SIDE, self.filled.1 * SIDE);
        if (plane.width, plane.height) == whole {
            transform(plane, self);
        } else {
            transform(plane.extended(whole.0, whole.1).view(), self);
        }
    }

    /// Fills blocks without samples: those on the right have the DC coefficient of the last one of the row, those of further rows that of the
    /// last one of the same MCU in the row above.
    fn fill(&mut self) {
        let rows = self.blocks.len() / self.columns;
        let dc = |value: i16| {
            let mut block = [0; SIDE * SIDE];
            block[0] = value;
            block
        };
        for row in self.blocks.chunks_exact_mut(self.columns).take(self.filled.1) {
            let last = dc(row[self.filled.0 - 1][0]);
            row[self.filled.0..].fill(last);
        }
        for row in self.filled.1..rows {
            let (above, below) = self.blocks.split_at_mut(row * self.columns);
            let above = &above[(row - 1) * self.columns..];
            for (above, below) in
                above.chunks_exact(self.per_mcu.0).zip(below.chunks_exact_mut(self.per_mcu.0))
            {
                below.fill(dc(above[self.per_mcu.0 - 1][0]));
            }
        }
    }

    /// The blocks of an MCU, row by row.
    #[inline(always)]
    fn of_mcu(&self, column: usize, row: usize) -> impl Iterator<Item = &Block> {
        let (across, down) = self.per_mcu;
        let first = row * down * self.columns + column * across;
        (0..down).flat_map(move |line| &self.blocks[first + line * self.columns..][..across])
    }
}

#[inline(always)]
fn tokenise_with<V: Vector>(image: &Coefficients, restart_rows: usize, tokens: &mut Tokens) {
    let mut before = [0; 3];
    for row in 0..image.mcus.1 {
        if row > 0 && restart_rows > 0 && row % restart_rows == 0 {
            tokens.restart();
            before = [0; 3];
        }
        for mcu in 0..image.mcus.0 {
            for (index, component) in image.components.iter().enumerate() {
                let table = if index == 0 { Table::Luma } else { Table::Chroma };
                for block in component.of_mcu(mcu, row) {
                    tokens.block::<V>(block, before[index % 3], table);
                    before[index % 3] = block[0];
                }
            }
        }
    }
}

#[inline(always)]
fn transform_with<V: Vector>(plane: PlaneRef<'_>, component: &mut Component) {
    let Component { steps, columns, filled, blocks, .. } = component;
    for (index, line) in blocks.chunks_exact_mut(*columns).take(filled.1).enumerate() {
        let rows: [&[[u8; SIDE]]; SIDE] = std::array::from_fn(|y| plane.row(SIDE * index + y).as_chunks().0);
        for (x, block) in line[..filled.0].iter_mut().enumerate() {
            forward::<V>(rows.map(|row| &row[x]), steps, block);
        }
    }
}

#[inline(always)]
fn to_plane_with<V: Vector>(component: &Component, plane: &mut Plane, good: &mut bool) {
    let (factors, mut samples) = (&component.steps.factors, [Samples::default(); 2]);
    for (y, line) in component.blocks.chunks_exact(component.columns).take(component.filled.1).enumerate() {
        for (pair, blocks) in line[..component.filled.0].chunks(2).enumerate() {
            *good &= match blocks {
                [first, second] => inverse_two::<V>([first, second], factors, &mut samples),
                [one, ..] => inverse::<V>(one, factors, &mut samples[0]),
                [] => true,
            };
            for (x, samples) in (2 * pair..).zip(&samples[..blocks.len()]) {
                store(samples, plane, (x, y));
            }
        }
    }
}

by_level! {
    /// What a scan of an image codes, with a restart marker after every `restart_rows` MCU rows, none for 0.
    fn tokenise => tokenise_with(image: &Coefficients, restart_rows: usize, tokens: &mut Tokens)
}

by_level! {
    /// Transforms and quantises the blocks of a plane of whole blocks.
    fn transform => transform_with(plane: PlaneRef<'_>, component: &mut Component)
}

by_level! {
    /// Writes the samples of all blocks to a plane; clears `good` where [`inverse`] does.
    fn to_plane => to_plane_with(component: &Component, plane: &mut Plane, good: &mut bool)
}
