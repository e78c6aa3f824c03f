//! The accurate integer DCT of libjpeg (`jfdctint.c`, `jidctint.c`: Loeffler, Ligtenberg and Moschytz), eight lines at a time.
//!
//! All that follows is exact integer arithmetic, the same in every set of instructions. `forward` also quantises, `inverse` multiplies
//! with the steps: a block of coefficients is what stands in the file.

use super::block::{Block, Factors, SIDE, Samples};
use super::vector::Vector;

/// Fraction bits of the constants.
pub const CONST_BITS: i32 = 13;
/// Fraction bits that are kept between the passes.
pub const PASS1_BITS: i32 = 2;
/// The sample that stands for 0.
pub const CENTER: i32 = 128;

/// Constants of the papers with 13 fraction bits.
pub const C0_298: i32 = 2446;
pub const C0_390: i32 = 3196;
pub const C0_541: i32 = 4433;
pub const C0_765: i32 = 6270;
pub const C0_899: i32 = 7373;
pub const C1_175: i32 = 9633;
pub const C1_501: i32 = 12_299;
pub const C1_847: i32 = 15_137;
pub const C1_961: i32 = 16_069;
pub const C2_053: i32 = 16_819;
pub const C2_562: i32 = 20_995;
pub const C3_072: i32 = 25_172;

/// What shaders need of them, by name.
pub const NAMED: [(&str, i32); 15] = [
    ("C0_298", C0_298),
    ("C0_390", C0_390),
    ("C0_541", C0_541),
    ("C0_765", C0_765),
    ("C0_899", C0_899),
    ("C1_175", C1_175),
    ("C1_501", C1_501),
    ("C1_847", C1_847),
    ("C1_961", C1_961),
    ("C2_053", C2_053),
    ("C2_562", C2_562),
    ("C3_072", C3_072),
    ("CENTER", CENTER),
    ("MAX_BETWEEN", MAX_BETWEEN),
    ("MAX_SAMPLE", MAX_SAMPLE),
];

/// The steps of a component, prepared for both directions.
pub struct Steps {
    /// Row by row, 1 to 255.
    pub steps: [u8; 64],
    /// The same.
    pub factors: Factors,
    /// Of the scaled transform: eight times the step.
    divisors: [[i32; SIDE]; SIDE],
    inverses: [[f32; SIDE]; SIDE],
}

impl Steps {
    pub fn new(steps: [u8; 64]) -> Self {
        let divisor = |row: usize, column: usize| 8 * i32::from(steps[SIDE * row + column]);
        Self {
            divisors: std::array::from_fn(|row| std::array::from_fn(|column| divisor(row, column))),
            inverses: std::array::from_fn(|row| {
                std::array::from_fn(|column| 1.0 / divisor(row, column) as f32)
            }),
            factors: steps.map(u16::from),
            steps,
        }
    }
}

/// The odd half, which both directions and all passes share: from the inputs 4, 5, 6, 7 to what is added for the outputs 7, 5, 3, 1.
#[inline(always)]
fn odd<V: Vector>([t4, t5, t6, t7]: [V; 4]) -> [V; 4] {
    let (z1, z2, z3, z4) = (t4.add(t7), t5.add(t6), t4.add(t6), t5.add(t7));
    let z5 = z3.add(z4).times(C1_175);
    let (z1, z2) = (z1.times(-C0_899), z2.times(-C2_562));
    let (z3, z4) = (z3.times(-C1_961).add(z5), z4.times(-C0_390).add(z5));
    [
        t4.times(C0_298).add(z1).add(z3),
        t5.times(C2_053).add(z2).add(z4),
        t6.times(C3_072).add(z2).add(z3),
        t7.times(C1_501).add(z1).add(z4),
    ]
}

// Functions, not closures: only these are sure to be compiled for the instructions of their callers.

/// A product after a pass of the forward transform.
#[inline(always)]
fn forward_scaled<V: Vector, const FIRST: bool>(v: V) -> V {
    if FIRST {
        v.descale::<{ CONST_BITS - PASS1_BITS }>()
    } else {
        v.descale::<{ CONST_BITS + PASS1_BITS }>()
    }
}

/// A sum after a pass of the forward transform.
#[inline(always)]
fn forward_whole<V: Vector, const FIRST: bool>(v: V) -> V {
    if FIRST { v.shifted::<PASS1_BITS>() } else { v.descale::<PASS1_BITS>() }
}

/// What leaves a pass of the inverse transform.
#[inline(always)]
fn inverse_scaled<V: Vector, const FIRST: bool>(v: V) -> V {
    if FIRST {
        v.descale::<{ CONST_BITS - PASS1_BITS }>()
    } else {
        v.descale::<{ CONST_BITS + PASS1_BITS + 3 }>()
    }
}

/// One pass of the forward transform over element 0 to 7 of eight lines.
#[inline(always)]
fn forward_pass<V: Vector, const FIRST: bool>(d: [V; SIDE]) -> [V; SIDE] {
    let (t0, t7) = (d[0].add(d[7]), d[0].sub(d[7]));
    let (t1, t6) = (d[1].add(d[6]), d[1].sub(d[6]));
    let (t2, t5) = (d[2].add(d[5]), d[2].sub(d[5]));
    let (t3, t4) = (d[3].add(d[4]), d[3].sub(d[4]));
    let (t10, t13) = (t0.add(t3), t0.sub(t3));
    let (t11, t12) = (t1.add(t2), t1.sub(t2));
    let z1 = t12.add(t13).times(C0_541);
    let [o7, o5, o3, o1] = odd([t4, t5, t6, t7]);
    [
        forward_whole::<V, FIRST>(t10.add(t11)),
        forward_scaled::<V, FIRST>(o1),
        forward_scaled::<V, FIRST>(z1.add(t13.times(C0_765))),
        forward_scaled::<V, FIRST>(o3),
        forward_whole::<V, FIRST>(t10.sub(t11)),
        forward_scaled::<V, FIRST>(o5),
        forward_scaled::<V, FIRST>(z1.add(t12.times(-C1_847))),
        forward_scaled::<V, FIRST>(o7),
    ]
}

/// Both passes over a block of samples, given as its rows: eight times the coefficients.
#[inline(always)]
fn transformed<V: Vector>(rows: [&[u8; SIDE]; SIDE]) -> [V; SIDE] {
    let mut samples = [V::of_samples(rows[0], -CENTER); SIDE];
    for (samples, row) in samples.iter_mut().zip(rows) {
        *samples = V::of_samples(row, -CENTER);
    }
    forward_pass::<V, false>(V::transposed(forward_pass::<V, true>(V::transposed(samples))))
}

/// Eight times the coefficients of a block of samples, given as its rows, before the quantiser.
#[inline(always)]
pub fn forward_exact<V: Vector>(rows: [&[u8; SIDE]; SIDE], block: &mut Block) {
    V::store(transformed::<V>(rows), block);
}

/// The coefficients of a block of samples, given as its rows.
#[inline(always)]
pub fn forward<V: Vector>(rows: [&[u8; SIDE]; SIDE], steps: &Steps, block: &mut Block) {
    let mut quantised = transformed::<V>(rows);
    for ((row, divisors), inverses) in quantised.iter_mut().zip(&steps.divisors).zip(&steps.inverses) {
        *row = row.quantised(divisors, inverses);
    }
    V::store(quantised, block);
}

/// One pass of the inverse transform.
#[inline(always)]
fn inverse_pass<V: Vector, const FIRST: bool>(d: [V; SIDE]) -> [V; SIDE] {
    let z1 = d[2].add(d[6]).times(C0_541);
    let (t2, t3) = (z1.add(d[6].times(-C1_847)), z1.add(d[2].times(C0_765)));
    let (t0, t1) = (d[0].add(d[4]).shifted::<CONST_BITS>(), d[0].sub(d[4]).shifted::<CONST_BITS>());
    let (t10, t13, t11, t12) = (t0.add(t3), t0.sub(t3), t1.add(t2), t1.sub(t2));
    let [o0, o1, o2, o3] = odd([d[7], d[5], d[3], d[1]]);
    [
        inverse_scaled::<V, FIRST>(t10.add(o3)),
        inverse_scaled::<V, FIRST>(t11.add(o2)),
        inverse_scaled::<V, FIRST>(t12.add(o1)),
        inverse_scaled::<V, FIRST>(t13.add(o0)),
        inverse_scaled::<V, FIRST>(t13.sub(o0)),
        inverse_scaled::<V, FIRST>(t12.sub(o1)),
        inverse_scaled::<V, FIRST>(t11.sub(o2)),
        inverse_scaled::<V, FIRST>(t10.sub(o3)),
    ]
}

/// The samples of a block, row by row. False where libjpeg's implementations need not agree: see [`Vector::within`].
#[inline(always)]
pub fn inverse<V: Vector>(block: &Block, factors: &Factors, samples: &mut Samples) -> bool {
    let scaled = V::load(block, factors);
    let mut good = true;
    for row in scaled {
        good &= row.within(MAX_BETWEEN);
    }
    let columns = inverse_pass::<V, true>(scaled);
    for row in columns {
        good &= row.within(MAX_BETWEEN);
    }
    let rows = V::transposed(inverse_pass::<V, false>(V::transposed(columns)));
    for (row, samples) in rows.into_iter().zip(samples) {
        good &= row.within(MAX_SAMPLE);
        row.samples(CENTER, samples);
    }
    good
}

/// As [`inverse`], of two blocks, with the same samples.
#[inline(always)]
pub fn inverse_two<V: Vector>(blocks: [&Block; 2], factors: &Factors, samples: &mut [Samples; 2]) -> bool {
    // What does not fit into 16 bits is computed in 32, as without a quicker way.
    V::inverse_two(blocks, factors, samples) || {
        let [first, second] = samples;
        inverse::<V>(blocks[0], factors, first) & inverse::<V>(blocks[1], factors, second)
    }
}

/// Largest number that goes into a pass: with more, 16-bit implementations overflow.
pub const MAX_BETWEEN: i32 = 16_383;
/// Largest distance of a sample from the middle before it is cut to 0 to 255: with more, libjpeg's table of limits wraps.
pub const MAX_SAMPLE: i32 = 511;
