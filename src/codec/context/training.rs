//! Trains the contexts that a cell begins with. `scripts/context_start.py` makes the payloads and runs this.
//!
//! Each context of each cell is a number of zeros and ones. As if they were drawn with a probability that a beta distribution gave to the cell, the
//! distribution is sought under which all of them are likeliest; its mean and its weight are what the context begins with.

use std::cell::Cell;
use std::fs;
use std::rc::Rc;

use super::arithmetic::{Coder, Context};
use super::cell::{BlockPlace, Blocks, code_cell};
use super::layout::Layout;
use super::model::{Block, Model};
use super::payload::Payload;
use super::start::{ONES, SEEN};
use crate::codec::image_codec::Shape;

/// Side of the cells in pixels.
const SIDE: usize = 256;
/// What a context that has seen nothing counts for.
const FRESH: f64 = 1.6;
/// What the bits of a cell count for at most: contexts forget, and the distribution of a cell is no single one.
const MOST: f64 = 250.0;

/// The blocks of an image, by plane, and the plane whose block was read last.
struct Image {
    columns: Vec<usize>,
    planes: Vec<Vec<Block>>,
    at: Rc<Cell<usize>>,
}

impl Blocks for Image {
    fn load(&mut self, (plane, x, y): BlockPlace, block: &mut Block) {
        self.at.set(plane);
        *block = self.planes[plane][y * self.columns[plane] + x];
    }

    fn store(&mut self, (plane, x, y): BlockPlace, block: &Block, _: u8) {
        self.planes[plane][y * self.columns[plane] + x] = *block;
    }
}

/// Counts zeros and ones by context, in luma and in chroma, and codes nothing. A context's probability is its number, and stays.
struct Counter {
    plane: Rc<Cell<usize>>,
    counts: [Vec<[u32; 2]>; 2],
}

impl Coder for Counter {
    const ENCODES: bool = true;

    fn bit(&mut self, _: u32, bit: bool) -> bool {
        bit
    }

    fn plain(&mut self, _: u32, bits: u32) -> u32 {
        bits
    }

    fn coded(&mut self, a: &mut Context, b: &mut Context, bit: bool) -> bool {
        self.coded_alone(a, bit);
        self.coded_alone(b, bit)
    }

    fn coded_alone(&mut self, a: &mut Context, bit: bool) -> bool {
        self.counts[self.plane.get().min(1)][usize::from(a.one())][usize::from(bit)] += 1;
        bit
    }
}

/// The blocks of a payload.
fn blocks(payload: &[u8]) -> (Layout, Image) {
    let number = |at: usize| usize::from(u16::from_le_bytes([payload[at], payload[at + 1]]));
    let shape = Shape { width: number(1), height: number(3), sampling: None };
    let payload = Payload::parse(payload, shape).unwrap();
    let sizes: Vec<_> = (0..payload.layout.planes()).map(|plane| payload.layout.blocks(plane)).collect();
    let mut image = Image {
        columns: sizes.iter().map(|(columns, _)| *columns).collect(),
        planes: sizes.iter().map(|(columns, rows)| vec![[0; 64]; columns * rows]).collect(),
        at: Rc::default(),
    };
    payload.decode(payload.all(), &mut image).unwrap();
    let side = SIDE / payload.layout.unit().0;
    (Layout { cell: (side, side), ..payload.layout }, image)
}

/// Logarithm of the gamma function, by Stirling's series.
fn ln_gamma(mut x: f64) -> f64 {
    let mut below = 0.0;
    while x < 8.0 {
        below += x.ln();
        x += 1.0;
    }
    (x - 0.5) * x.ln() - x + 0.5 * std::f64::consts::TAU.ln() + 1.0 / (12.0 * x)
        - 1.0 / (360.0 * x.powi(3))
        - below
}

/// The byte of [`super::start`] under which the counts of the cells, `[zeros, ones]`, are likeliest.
fn likeliest(cells: &[[f64; 2]]) -> u8 {
    // Where hardly anything was seen, little is claimed.
    let doubt = if cells.len() < 4 { 0.02 } else { 0.0 };
    let cost = |byte: &u8| {
        let (one, weight) =
            (f64::from(ONES[usize::from(byte >> 2)]) / 65536.0, f64::from(SEEN[usize::from(byte & 3)]));
        let (a, b) = (one * (weight + FRESH), (1.0 - one) * (weight + FRESH));
        let of = |a: f64, b: f64| ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b);
        cells.iter().map(|[zeros, ones]| of(a, b) - of(a + ones, b + zeros)).sum::<f64>() + doubt * weight
    };
    // A context that was never met begins without knowledge.
    if cells.is_empty() {
        return 31 << 2;
    }
    (0..=255).min_by(|a, b| cost(a).total_cmp(&cost(b))).unwrap()
}

#[test]
#[ignore = "it writes the table: scripts/context_start.py"]
fn the_table_is_trained() {
    let path = std::env::var("ORIGAMI_PAYLOADS")
        .expect("ORIGAMI_PAYLOADS: payloads, each after its length in 4 bytes");
    let mut start = Model::NEW;
    let contexts = (0..).zip(start.contexts()).map(|(n, context)| *context = Context::after(n, 0)).count();
    let mut cells: Vec<Vec<[f64; 2]>> = vec![Vec::new(); contexts];
    let file = fs::read(path).unwrap();
    let mut rest = &file[..];
    while let Some(length) = rest.split_off(..4) {
        let length = u32::from_le_bytes(length.try_into().unwrap());
        let (layout, mut image) = blocks(rest.split_off(..length as usize).unwrap());
        let (across, down) = layout.cells();
        for cell in (0..down).flat_map(|row| (0..across).map(move |column| (column, row))) {
            let mut counter =
                Counter { plane: image.at.clone(), counts: [(); 2].map(|()| vec![[0; 2]; contexts]) };
            code_cell(&mut counter, &layout, cell, &start, &mut image).unwrap();
            for (context, counts) in counter.counts.iter().flat_map(|counts| counts.iter().enumerate()) {
                let counts = counts.map(f64::from);
                let all = counts[0] + counts[1];
                if all > 0.0 {
                    cells[context].push(counts.map(|n| n * (MOST / all).min(1.0)));
                }
            }
        }
    }
    let table: Vec<u8> = cells.iter().map(|cells| likeliest(cells)).collect();
    fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/src/codec/context/start.bin"), table).unwrap();
}
