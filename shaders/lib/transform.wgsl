// What forward and inverse transform share. A workgroup owns eight blocks of a row of blocks, eight
// invocations each: every one computes a line of eight numbers in each of the two passes.

const SPAN: u32 = 72u; // numbers of a block in workgroup memory
const ROW: u32 = 9u;   // of a row: one more than there are, so that columns lie in different banks

var<workgroup> numbers: array<i32, 576>;

// Elements 0 to 3 and 4 to 7.
struct Line {
    low: vec4<i32>,
    high: vec4<i32>,
}

fn write_row(at: u32, line: Line) {
    numbers[at] = line.low.x;
    numbers[at + 1u] = line.low.y;
    numbers[at + 2u] = line.low.z;
    numbers[at + 3u] = line.low.w;
    numbers[at + 4u] = line.high.x;
    numbers[at + 5u] = line.high.y;
    numbers[at + 6u] = line.high.z;
    numbers[at + 7u] = line.high.w;
}

fn write_column(at: u32, line: Line) {
    numbers[at] = line.low.x;
    numbers[at + ROW] = line.low.y;
    numbers[at + 2u * ROW] = line.low.z;
    numbers[at + 3u * ROW] = line.low.w;
    numbers[at + 4u * ROW] = line.high.x;
    numbers[at + 5u * ROW] = line.high.y;
    numbers[at + 6u * ROW] = line.high.z;
    numbers[at + 7u * ROW] = line.high.w;
}

// Eight numbers, `stride` apart.
fn read_line(at: u32, stride: u32) -> Line {
    return Line(
        vec4<i32>(numbers[at], numbers[at + stride], numbers[at + 2u * stride], numbers[at + 3u * stride]),
        vec4<i32>(
            numbers[at + 4u * stride],
            numbers[at + 5u * stride],
            numbers[at + 6u * stride],
            numbers[at + 7u * stride],
        ),
    );
}

// The quantiser's steps of a column, from the top.
fn steps_of(job: Job, column: u32) -> Line {
    let at = job.h_table + column / 4u;
    let i = column % 4u;
    return Line(
        vec4<i32>(tables[at][i], tables[at + 2u][i], tables[at + 4u][i], tables[at + 6u][i]),
        vec4<i32>(tables[at + 8u][i], tables[at + 10u][i], tables[at + 12u][i], tables[at + 14u][i]),
    );
}

// Divided by a power of 2, rounded; halves go up.
fn descale(value: vec4<i32>, bits: u32) -> vec4<i32> {
    return (value + vec4<i32>(1i << (bits - 1u))) >> vec4<u32>(bits);
}

// The odd half of both directions: from the inputs 4, 5, 6, 7 to what is added for the outputs 7, 5, 3, 1.
fn odd(t: vec4<i32>) -> vec4<i32> {
    let z5 = (t.x + t.z + t.y + t.w) * C1_175;
    let z1 = (t.x + t.w) * -C0_899;
    let z2 = (t.y + t.z) * -C2_562;
    let z3 = (t.x + t.z) * -C1_961 + z5;
    let z4 = (t.y + t.w) * -C0_390 + z5;
    return vec4<i32>(
        t.x * C0_298 + z1 + z3,
        t.y * C2_053 + z2 + z4,
        t.z * C3_072 + z2 + z3,
        t.w * C1_501 + z1 + z4,
    );
}
