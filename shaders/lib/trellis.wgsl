// What the passes of a trellis share. This text precedes `rates`, `ac` and `dc`, and follows lib/blocks.wgsl.
//
// Records hold eight times the exact coefficients in zigzag order, as `forward` leaves them. A table
// (`h_table`) has the reciprocals of eight times the steps in the same order, then the weights: what an error is
// worth where nothing hides it, the variance at which it is worth half, and the least. Costs are in 1/64 bit: of
// DC and then of AC, COSTS words each, those of all symbols and then the least for each number of extra bits.

// Rows of a table before the weights.
const WEIGHTS_AT: u32 = 16u;
// From a coefficient times a reciprocal to steps with FRACTION.
const STEPS_SHIFT: u32 = RECIPROCAL_BITS - FRACTION;

// Eight times a coefficient of a record.
fn exact_at(record: u32, i: u32) -> i32 {
    return bitcast<i32>(arena[record + i / 2u] << (16u * (1u - i % 2u))) >> 16u;
}

// The magnitude of eight times coefficient `i` in STEPs.
fn in_steps(job: Job, i: u32, exact: i32) -> i32 {
    let reciprocal = u32(tables[job.h_table + i / 4u][i % 4u]);
    return i32((u32(abs(exact)) * reciprocal + (1u << (STEPS_SHIFT - 1u))) >> STEPS_SHIFT);
}

// Bits of a magnitude.
fn bits_of(value: i32) -> u32 {
    return 32u - countLeadingZeros(u32(abs(value)));
}
