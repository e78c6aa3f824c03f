// Planes of samples in device memory, and the job with their offsets. This text precedes every kernel.
//
// All planes of a batch lie in one buffer. Four samples are a quad: 8-bit samples take one word a quad, the
// first in the low byte; Q6 samples take two words, two to a word; interleaved RGB takes three. A row begins
// on a word. The padding between the last sample and the end of its quad is unspecified and never read as a
// sample.

// One plane to compute. Offsets and strides are in words; sizes in samples of the result.
struct Job {
    src: u32,        // the plane to read
    src_stride: u32, // from one of its rows to the next
    dst: u32,        // the plane to write
    dst_stride: u32,
    width: u32,
    height: u32,
    h_table: u32,    // horizontal table of taps
    v_table: u32,    // vertical table
    v_spans: u32,    // groups that the vertical table needs, for every TILE_ROWS rows of the result
    a: u32,          // further planes; their use depends on the kernel
    b: u32,
    p: i32,          // numbers; their use depends on the kernel
    q: i32,
}

@group(0) @binding(0) var<storage, read_write> arena: array<u32>;
@group(0) @binding(1) var<storage, read> tables: array<vec4<i32>>;
@group(0) @binding(2) var<storage, read> jobs: array<Job>;

// Four 8-bit samples.
fn unpack_u8(word: u32) -> vec4<i32> {
    return vec4<i32>((vec4<u32>(word) >> vec4<u32>(0u, 8u, 16u, 24u)) & vec4<u32>(255u));
}

// Four values as 8-bit samples, clamped.
fn pack_u8(value: vec4<i32>) -> u32 {
    let v = vec4<u32>(clamp(value, vec4<i32>(0), vec4<i32>(255)));
    return v.x | (v.y << 8u) | (v.z << 16u) | (v.w << 24u);
}

// Two signed 16-bit values.
fn unpack_i16(word: u32) -> vec2<i32> {
    return vec2<i32>(bitcast<i32>(word << 16u) >> 16u, bitcast<i32>(word) >> 16u);
}

fn pack_i16(value: vec2<i32>) -> u32 {
    let v = vec2<u32>(value);
    return (v.x & 0xffffu) | (v.y << 16u);
}

fn saturate_i16(value: vec4<i32>) -> vec4<i32> {
    return clamp(value, vec4<i32>(-32768), vec4<i32>(32767));
}

fn load_u8(at: u32) -> vec4<i32> {
    return unpack_u8(arena[at]);
}

fn load_q6(at: u32) -> vec4<i32> {
    return vec4<i32>(unpack_i16(arena[at]), unpack_i16(arena[at + 1u]));
}

fn store_q6(at: u32, value: vec4<i32>) {
    arena[at] = pack_i16(value.xy);
    arena[at + 1u] = pack_i16(value.zw);
}
