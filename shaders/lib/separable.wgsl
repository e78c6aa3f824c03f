// The separable filter by tables of taps: what resample, residual and optl2 have in common.
//
// A workgroup owns a tile of the result: TILE_QUADS quads wide, TILE_ROWS rows high. It walks down the source rows that the
// tile needs, CHUNK_ROWS at a time: filters them horizontally into workgroup memory (Q6), then every invocation adds what these
// rows give to the sums of its own quads. So tables of any length work in the same memory, and the plane between the passes never
// leaves the chip.
//
// A table is one record an output: a head (first group, number of groups), then the Q14 taps in groups of four. Groups begin at
// multiples of four source samples; taps outside an output's own range are zero, so what is read there does not matter.

const QUADS: u32 = 16u;          // invocations across; = TILE_QUADS
const LANES: u32 = 16u;          // invocations down
const ROWS_EACH: u32 = TILE_ROWS / LANES;
const CHUNK_GROUPS: u32 = CHUNK_ROWS / 4u;

// What the source holds.
override SOURCE: u32 = 0u;
const SOURCE_U8: u32 = 0u;
const SOURCE_Q6: u32 = 1u;
const SOURCE_U8_AS_Q6: u32 = 2u; // 8-bit samples, taken as if they had been stored in Q6

var<workgroup> mid: array<vec4<i32>, CHUNK_ROWS * QUADS>;

fn source_quad(job: Job, row: u32, quad: u32) -> vec4<i32> {
    if SOURCE == SOURCE_Q6 {
        return load_q6(job.src + row * job.src_stride + 2u * quad);
    }
    let samples = load_u8(job.src + row * job.src_stride + quad);
    if SOURCE == SOURCE_U8_AS_Q6 {
        return samples << vec4<u32>(MID_BITS);
    }
    return samples;
}

// One output of the horizontal pass, in Q6.
fn horizontal(job: Job, row: u32, x: u32) -> i32 {
    let record = job.h_table + min(x, job.width - 1u) * job.h_record;
    let head = tables[record];
    var sum = 0;
    for (var g = 0; g < head.y; g++) {
        let taps = tables[record + 1u + u32(g)];
        sum += dot(taps, source_quad(job, row, u32(head.x + g)));
    }
    if SOURCE == SOURCE_U8 {
        return (sum + (1 << (SHIFT_U8 - 1u))) >> SHIFT_U8;
    }
    return (sum + (1 << (SHIFT_MID - 1u))) >> SHIFT_MID;
}

// The sums of this invocation's quads, Q20: rows `tile.y + lane + i * LANES` at quad `tile.x + lid.x`.
fn separable(job: Job, tile: vec2<u32>, lid: vec2<u32>) -> array<vec4<i32>, ROWS_EACH> {
    var sums: array<vec4<i32>, ROWS_EACH>;
    let x = 4u * (tile.x + lid.x);
    let span = tables[job.v_blocks + tile.y / TILE_ROWS];
    for (var chunk = span.x; chunk < span.y; chunk += i32(CHUNK_GROUPS)) {
        for (var i = lid.y; i < CHUNK_ROWS; i += LANES) {
            let row = u32(4 * chunk) + i;
            if i32(row) < 4 * span.y && x < job.width {
                let q6 = vec4<i32>(
                    horizontal(job, row, x),
                    horizontal(job, row, x + 1u),
                    horizontal(job, row, x + 2u),
                    horizontal(job, row, x + 3u),
                );
                mid[i * QUADS + lid.x] = saturate_i16(q6);
            }
        }
        workgroupBarrier();
        for (var i = 0u; i < ROWS_EACH; i++) {
            let y = tile.y + lid.y + i * LANES;
            if y >= job.height {
                break;
            }
            let record = job.v_table + y * job.v_record;
            let head = tables[record];
            let first = max(head.x, chunk);
            let end = min(head.x + head.y, chunk + i32(CHUNK_GROUPS));
            for (var g = first; g < end; g++) {
                let taps = tables[record + 1u + u32(g - head.x)];
                let at = u32(4 * (g - chunk)) * QUADS + lid.x;
                sums[i] += taps.x * mid[at] + taps.y * mid[at + QUADS]
                    + taps.z * mid[at + 2u * QUADS] + taps.w * mid[at + 3u * QUADS];
            }
        }
        workgroupBarrier();
    }
    return sums;
}

// Q20 sums to whole samples, not yet clamped.
fn whole(sum: vec4<i32>) -> vec4<i32> {
    return (sum + vec4<i32>(1 << (SHIFT_OUT - 1u))) >> vec4<u32>(SHIFT_OUT);
}

// Q20 sums to Q6.
fn to_q6(sum: vec4<i32>) -> vec4<i32> {
    return saturate_i16((sum + vec4<i32>(1 << (SHIFT_MID - 1u))) >> vec4<u32>(SHIFT_MID));
}
