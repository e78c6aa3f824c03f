//! Context-coded residuals after section 7.1 of `docs/format.md` alone, sharing no code with the program's decoder. It is slow,
//! has the names of that text, to be read beside it, and believes its input.

use std::collections::HashMap;

use origami::image::plane::Plane;
use origami::image::ycc::{Sampling, Ycc};

const COUNT: &[i32] = &[0, 1, 2, 3, 4, 6, 9, 13, 19, 28, 40];
const LEFT: &[i32] = &[0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 13, 17, 23, 31, 43];
const NEARBY: &[i32] = &[0, 2, 4, 6, 10, 16, 30];

/// Class of `n`: how many of the numbers are below it.
fn class(numbers: &[i32], n: i32) -> usize {
    numbers.iter().filter(|&&number| number < n).count()
}

/// Columns and rows in the order of JPEG: along the diagonals, up those of even number, down the others.
fn zigzag() -> [(usize, usize); 64] {
    let mut order: [(usize, usize); 64] = std::array::from_fn(|i| (i % 8, i / 8));
    order.sort_by_key(|&(u, v)| (u + v, if (u + v) % 2 == 0 { u } else { v }));
    order
}

/// Whether it is of luma, the name of a table of contexts and the place in it.
type Key = (bool, &'static str, [usize; 3]);

/// "Contexts at the start": the `(p, n)` of one.
fn trained((_, name, [i, j, k]): Key) -> (i64, i64) {
    const TABLE: &[u8] = include_bytes!("../../../src/codec/context/start.bin");
    let sizes = [
        ("beside", [12, 64, 1]),
        ("hint", [12, 64, 1]),
        ("zero_beside", [64, 8, 1]),
        ("zero_left", [16, 16, 16]),
        ("more_frequency", [64, 8, 1]),
        ("more_nearby", [8, 8, 8]),
        ("escape", [11, 1, 1]),
    ];
    let all: usize = sizes.iter().map(|(_, size)| size.iter().product::<usize>()).sum();
    assert_eq!(all, TABLE.len());
    let before = sizes.iter().take_while(|(of, _)| *of != name);
    let first: usize = before.map(|(_, size)| size.iter().product::<usize>()).sum();
    let size = sizes.iter().find(|(of, _)| *of == name).unwrap().1;
    let byte = TABLE[first + (i * size[1] + j) * size[2] + k];
    let p = [
        120, 147, 179, 219, 267, 326, 397, 484, 591, 720, 877, 1068, 1300, 1581, 1921, 2331, 2825, 3418,
        4127, 4971, 5972, 7150, 8527, 10123, 11955, 14036, 16367, 18943, 21746, 24743, 27889, 31131,
    ];
    let a = usize::from(byte / 4);
    (if a < 32 { p[a] } else { 65536 - p[63 - a] }, [0, 5, 18, 60][usize::from(byte % 4)])
}

/// "Bits": the coded and the plain bytes of a cell, and its contexts `(p, n)` as far as they have been used.
struct Bits<'a> {
    range: u64,
    code: u64,
    coded: &'a [u8],
    plain: &'a [u8],
    plain_bits: usize,
    contexts: HashMap<Key, (i64, i64)>,
    start: fn(Key) -> (i64, i64),
}

impl<'a> Bits<'a> {
    fn new(coded: &'a [u8], plain: &'a [u8], start: fn(Key) -> (i64, i64)) -> Self {
        let contexts = HashMap::new();
        let mut bits = Self { range: u64::MAX, code: 0, coded, plain, plain_bits: 0, contexts, start };
        bits.code = bits.next_four() << 32;
        bits.code |= bits.next_four();
        bits
    }

    /// The next 4 coded bytes.
    fn next_four(&mut self) -> u64 {
        (0..4).fold(0, |value, _| value << 8 | self.coded.split_off_first().map_or(0, |&byte| byte.into()))
    }

    /// A bit in one or two contexts.
    fn coded<const N: usize>(&mut self, keys: [Key; N]) -> usize {
        let contexts = keys.map(|key| self.contexts.get(&key).copied().unwrap_or_else(|| (self.start)(key)));
        let q = contexts.iter().map(|(p, _)| p).sum::<i64>() / N as i64;
        let bound = (self.range >> 16) * q.clamp(64, 65472) as u64;
        let bit = usize::from(self.code < bound);
        if bit == 1 {
            self.range = bound;
        } else {
            self.range -= bound;
            self.code -= bound;
        }
        if self.range < 1 << 32 {
            self.range <<= 32;
            self.code = self.code << 32 | self.next_four();
        }
        for (key, (p, n)) in keys.into_iter().zip(contexts) {
            let t = if bit == 1 { 65535 } else { 0 };
            let p = p + (((t - p) * (327_680 / (10 * n + 16))) >> 15);
            self.contexts.insert(key, (p, (n + 1).min(250)));
        }
        bit
    }

    /// A number of `bits` plain bits.
    fn plain(&mut self, bits: usize) -> i32 {
        (0..bits).fold(0, |value, i| {
            let byte = self.plain.get(self.plain_bits / 8).map_or(0, |&byte| i32::from(byte));
            let bit = byte >> (self.plain_bits % 8) & 1;
            self.plain_bits += 1;
            value | bit << i
        })
    }
}

/// Coefficients in zigzag order.
type Block = [i32; 64];

fn count(block: &Block) -> i32 {
    block.iter().filter(|&&c| c != 0).count() as i32
}

/// The blocks of a plane, or of a cell of it, as far as they are known.
#[derive(Default)]
struct Blocks {
    width: usize,
    blocks: Vec<Block>,
}

impl Blocks {
    fn at(&self, x: Option<usize>, y: Option<usize>) -> Option<&Block> {
        let x = x.filter(|&x| x < self.width)?;
        self.blocks.get(y? * self.width + x)
    }
}

/// "Blocks": the one at `x`, `y` in the plane that is the last of `planes`.
fn block(bits: &mut Bits<'_>, planes: &[Blocks], x: usize, y: usize) -> Block {
    let (plane, zigzag) = (planes.last().unwrap(), zigzag());
    let luma = planes.len() == 1;
    let key = |name, place| -> Key { (luma, name, place) };
    let (left_of, above) = (x.checked_sub(1), y.checked_sub(1));
    let (a, l, c) = (plane.at(Some(x), above), plane.at(left_of, Some(y)), plane.at(left_of, above));
    let size = |block: Option<&Block>, k: usize| block.map_or(0, |block| block[k].abs().min(31));

    // 1. The number of coefficients.
    let b = match (a, l) {
        (Some(a), Some(l)) => (count(a) + count(l) + 1) / 2,
        (one, other) => one.or(other).map_or(0, count),
    };
    let h = match planes {
        [_] => plane.at(Some(x + 1), above).or(a).or(l).map_or(0, count),
        [of_luma, _] => {
            let four = [(0, 0), (1, 0), (0, 1), (1, 1)];
            let counts = four.map(|(i, j)| of_luma.at(Some(2 * x + i), Some(2 * y + j)).map_or(0, count));
            (counts.iter().sum::<i32>() + 2) / 4
        }
        [_, of_cb, ..] => count(of_cb.at(Some(x), Some(y)).unwrap()),
        [] => unreachable!(),
    };
    let (beside, hint) = (class(COUNT, b), class(COUNT, h));
    let mut number_bit = |i| bits.coded([key("beside", [beside, i, 0]), key("hint", [hint, i, 0])]);
    let mut left = 0;
    if number_bit(0) == 1 {
        left = (0..6).fold(1, |i, _| 2 * i + number_bit(i)) as i32 - 64 + 1;
    }

    let mut block = [0; 64];
    let mut met = [[0; 8]; 8];
    for k in 0..64 {
        if left == 0 {
            break;
        }
        // 2. Whether this one is not zero.
        let (u, v) = zigzag[k];
        let m = |du: usize, dv: usize| if u < du || v < dv { 0 } else { met[v - dv][u - du] };
        let w = class(NEARBY, 2 * m(1, 0) + 2 * m(0, 1) + m(1, 1) + m(2, 0) + m(0, 2));
        let b = class(NEARBY, 2 * size(a, k) + 2 * size(l, k) + size(c, k));
        let to_come = 64 - k as i32;
        if left != to_come {
            let place = [class(LEFT, left), class(LEFT, to_come), 2 * w + usize::from(b > 1)];
            if bits.coded([key("zero_beside", [k, b, 0]), key("zero_left", place)]) == 0 {
                continue;
            }
        }
        // 3. Its size.
        let mut size = 1;
        while size < 15 {
            let i = size.min(8) as usize - 1;
            if bits.coded([key("more_frequency", [k, i, 0]), key("more_nearby", [i, b, w])]) == 0 {
                break;
            }
            size += 1;
        }
        if size == 15 {
            let mut j = 0;
            while j < 11 && bits.coded([key("escape", [j, 0, 0])]) == 1 {
                j += 1;
            }
            size += (1 << j) + bits.plain(j) - 1;
        }
        // 4. Its sign.
        block[k] = if bits.plain(1) == 1 { -size } else { size };
        met[v][u] = size.min(8);
        left -= 1;
    }
    block
}

/// One direction of `jpeg_idct_islow`, results smaller by `2^(shift - 13)`. Its constants are of 13 bits.
fn inverse_dct(input: [i64; 8], shift: u32) -> [i64; 8] {
    let [c0, c1, c2, c3, c4, c5, c6, c7] = input;
    let z = (c2 + c6) * 4433;
    let (e2, e3) = (z - c6 * 15137, z + c2 * 6270);
    let (e0, e1) = ((c0 + c4) << 13, (c0 - c4) << 13);
    let even = [e0 + e3, e1 + e2, e1 - e2, e0 - e3];
    let z5 = (c7 + c3 + c5 + c1) * 9633;
    let (z1, z2) = ((c7 + c1) * -7373, (c5 + c3) * -20995);
    let (z3, z4) = ((c7 + c3) * -16069 + z5, (c5 + c1) * -3196 + z5);
    let odd = [c1 * 12299 + z1 + z4, c3 * 25172 + z2 + z3, c5 * 16819 + z2 + z4, c7 * 2446 + z1 + z3];
    std::array::from_fn(|i| {
        let sum = if i < 4 { even[i] + odd[i] } else { even[7 - i] - odd[7 - i] };
        (sum + (1 << (shift - 1))) >> shift
    })
}

/// Section 9.1: columns, then rows, then around 128.
fn samples(blocks: &Blocks, steps: &[i64; 64], width: usize, height: usize) -> Plane {
    let mut plane = Plane::new(width, height);
    for (at, block) in blocks.blocks.iter().enumerate() {
        let (x0, y0) = (8 * (at % blocks.width), 8 * (at / blocks.width));
        let mut columns = [[0; 8]; 8];
        for ((&(u, v), &coefficient), &step) in zigzag().iter().zip(block).zip(steps) {
            columns[u][v] = i64::from(coefficient) * step;
        }
        let columns = columns.map(|column| inverse_dct(column, 11));
        for y in 0..8.min(height - y0) {
            let row = inverse_dct(columns.map(|column| column[y]), 18);
            for (x, value) in row.into_iter().enumerate().take(width - x0) {
                plane.row_mut(y0 + y)[x0 + x] = (value + 128).clamp(0, 255) as u8;
            }
        }
    }
    plane
}

/// What payloads had in them, for tests that are to have met everything.
#[derive(Debug, Default)]
pub struct Met {
    pub payloads: usize,
    /// Payloads of more than one column of cells, and of more than one row.
    pub in_columns: usize,
    pub in_rows: usize,
    /// Payloads whose luma has one step at all frequencies.
    pub flat_steps: usize,
    /// The largest size of a coefficient.
    pub largest: i32,
}

/// A number of 7 bits a byte.
fn length(byte: &mut impl FnMut() -> usize) -> usize {
    let part = byte();
    if part < 128 { part } else { part - 128 + (length(byte) << 7) }
}

/// The blocks of a cell, of which each plane has so many to a row and so many rows.
fn blocks(bits: &mut Bits<'_>, sizes: impl Iterator<Item = (usize, usize)>) -> Vec<Blocks> {
    let mut planes: Vec<Blocks> = Vec::new();
    for (width, rows) in sizes {
        planes.push(Blocks { width, blocks: Vec::new() });
        for at in 0..width * rows {
            let block = block(bits, &planes, at % width, at / width);
            planes.last_mut().unwrap().blocks.push(block);
        }
    }
    planes
}

/// A payload.
pub fn decode(payload: &[u8], met: &mut Met) -> Ycc {
    let mut rest = payload.iter().map(|&byte| usize::from(byte));
    let mut byte = || rest.next().unwrap();
    let (has_columns, sampling) = match byte() {
        0x10 => (false, Sampling::Gray),
        0x12 => (false, Sampling::S420),
        0x20 => (true, Sampling::Gray),
        0x22 => (true, Sampling::S420),
        other => panic!("{other:#x} is no sampling"),
    };
    let mut number = || byte() + 256 * byte();
    let (width, height) = (number(), number());
    let half = (width.div_ceil(2), height.div_ceil(2));
    let (unit, sizes) = match sampling {
        Sampling::Gray => (8, vec![(width, height)]),
        _ => (16, vec![(width, height), half, half]),
    };
    let columns = if has_columns { number() } else { width.div_ceil(unit) };
    let rows = number();
    let steps_of = |_| match byte() as i64 {
        0 => std::array::from_fn(|_| byte() as i64),
        step => [step; 64],
    };
    let steps: Vec<[i64; 64]> = (0..sizes.len().min(2)).map(steps_of).collect();
    let (across, down) = (width.div_ceil(unit).div_ceil(columns), height.div_ceil(unit).div_ceil(rows));
    let lengths: Vec<usize> = (0..2 * across * down).map(|_| length(&mut byte)).collect();
    let data: Vec<u8> = rest.map(|byte| byte as u8).collect();
    let mut data = &data[..];

    let blank = |&(w, h): &(usize, usize)| {
        let width = w.div_ceil(8);
        Blocks { width, blocks: vec![[0; 64]; width * h.div_ceil(8)] }
    };
    let mut image: Vec<Blocks> = sizes.iter().map(blank).collect();
    for (cell, lengths) in lengths.chunks(2).enumerate() {
        let mut take = |length| data.split_off(..length).unwrap();
        let start = if has_columns { trained } else { |_| (32768, 0) };
        let mut bits = Bits::new(take(lengths[0]), take(lengths[1]), start);
        // Where the cell begins in a plane, and how large it is there, in blocks.
        let places = sizes.iter().enumerate().map(|(plane, (w, h))| {
            let side = if plane == 0 { unit / 8 } else { 1 };
            let (x, y) = (cell % across * columns * side, cell / across * rows * side);
            let (w, h) = (w.div_ceil(8), h.div_ceil(8));
            ((x, y), ((columns * side).min(w - x), (rows * side).min(h - y)))
        });
        let places: Vec<_> = places.collect();
        let parts = blocks(&mut bits, places.iter().map(|(_, size)| *size));
        for ((whole, part), ((x0, y0), _)) in image.iter_mut().zip(parts).zip(places) {
            for (at, block) in part.blocks.into_iter().enumerate() {
                whole.blocks[(y0 + at / part.width) * whole.width + x0 + at % part.width] = block;
            }
        }
    }
    assert!(data.is_empty(), "something after the last cell");
    met.payloads += 1;
    met.in_columns += usize::from(across > 1);
    met.in_rows += usize::from(down > 1);
    met.flat_steps += usize::from(steps[0] == [steps[0][0]; 64]);
    let sizes_met = image.iter().flat_map(|plane| plane.blocks.iter().flatten()).map(|c| c.abs());
    met.largest = sizes_met.fold(met.largest, i32::max);

    let planes = image.iter().zip(&sizes).enumerate();
    let mut planes = planes.map(|(i, (blocks, &(w, h)))| samples(blocks, &steps[i.min(1)], w, h));
    let luma = planes.next().unwrap();
    let chroma = planes.next().zip(planes.next()).map(|(cb, cr)| [cb, cr]);
    Ycc { luma, chroma, sampling }
}
