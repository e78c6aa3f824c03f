// The separable filter by tables of taps, shared by resample, residual and optl2. The kernel adds `put`,
// which stores a sum.
//
// A workgroup owns a tile of the result, 16 quads wide and TILE_ROWS rows high; an invocation owns one quad
// in four rows of it; z is the job. The workgroup walks down the source rows that the tile needs, CHUNK_ROWS
// at a time. It filters them horizontally into workgroup memory (Q6); then every invocation adds the
// contribution of these rows to the sums of its own quads. So tables of any length need the same memory, and
// the plane between the passes never leaves the chip. Every load serves four outputs: a source quad the four
// columns of a quad, a row of the chunk four rows.
//
// A table has one head an output: (first group, number of groups, row of its taps). Taps are Q14, four to a
// group; groups begin at multiples of four source samples. Taps outside an output's own range are zero, so
// samples read there do not matter.

const QUADS: u32 = 16u;
const LANES: u32 = TILE_ROWS / 4u;
const CHUNK_GROUPS: u32 = CHUNK_ROWS / 4u;

// The format of the source.
override SOURCE: u32 = 0u;
const SOURCE_U8: u32 = 0u;
const SOURCE_Q6: u32 = 1u;
const SOURCE_U8_AS_Q6: u32 = 2u; // 8-bit samples, converted to Q6 when they are loaded

// LANES rows twice: every invocation filters two rows at a time.
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

// The heads of four consecutive outputs, and the groups that they need together.
struct Heads {
    a: vec4<i32>,
    b: vec4<i32>,
    c: vec4<i32>,
    d: vec4<i32>,
    first: i32,
    end: i32,
}

fn heads(table: u32, output: u32, outputs: u32) -> Heads {
    let last = outputs - 1u;
    let a = tables[table + min(output, last)];
    let b = tables[table + min(output + 1u, last)];
    let c = tables[table + min(output + 2u, last)];
    let d = tables[table + min(output + 3u, last)];
    let first = min(min(a.x, b.x), min(c.x, d.x));
    let end = max(max(a.x + a.y, b.x + b.y), max(c.x + c.y, d.x + d.y));
    return Heads(a, b, c, d, first, end);
}

fn needs(head: vec4<i32>, group: i32) -> bool {
    return u32(group - head.x) < u32(head.y);
}

fn taps(table: u32, head: vec4<i32>, group: i32) -> vec4<i32> {
    return tables[table + u32(head.z + group - head.x)];
}

// Sums of the horizontal pass to Q6.
fn between(sum: vec4<i32>) -> vec4<i32> {
    if SOURCE == SOURCE_U8 {
        return saturate_i16((sum + vec4<i32>(1 << (SHIFT_U8 - 1u))) >> vec4<u32>(SHIFT_U8));
    }
    return to_q6(sum);
}

// Q20 sums to whole samples, not yet clamped.
fn whole(sum: vec4<i32>) -> vec4<i32> {
    return (sum + vec4<i32>(1 << (SHIFT_OUT - 1u))) >> vec4<u32>(SHIFT_OUT);
}

// Q20 sums to Q6.
fn to_q6(sum: vec4<i32>) -> vec4<i32> {
    return saturate_i16((sum + vec4<i32>(1 << (SHIFT_MID - 1u))) >> vec4<u32>(SHIFT_MID));
}

@compute @workgroup_size(QUADS, LANES)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_id) lid: vec3<u32>) {
    let job = jobs[workgroup.z];
    let tile_quad = workgroup.x * QUADS;
    let tile_row = workgroup.y * TILE_ROWS;
    if 4u * tile_quad >= job.width || tile_row >= job.height {
        return;
    }
    let quad = tile_quad + lid.x;
    let inside = 4u * quad < job.width;
    let h = heads(job.h_table, 4u * quad, job.width);
    let y = tile_row + 4u * lid.y;
    let v = heads(job.v_table, y, job.height);
    let span = tables[job.v_spans + workgroup.y];

    var sum_a = vec4<i32>();
    var sum_b = vec4<i32>();
    var sum_c = vec4<i32>();
    var sum_d = vec4<i32>();
    for (var chunk = span.x; chunk < span.y; chunk += i32(CHUNK_GROUPS)) {
        let upper = u32(4 * chunk) + lid.y;
        let lower = upper + LANES;
        let end = u32(4 * span.y);
        if inside && upper < end {
            var upper_sum = vec4<i32>();
            var lower_sum = vec4<i32>();
            for (var g = h.first; g < h.end; g++) {
                let here = source_quad(job, upper, u32(g));
                var below = vec4<i32>();
                if lower < end {
                    below = source_quad(job, lower, u32(g));
                }
                if needs(h.a, g) {
                    let t = taps(job.h_table, h.a, g);
                    upper_sum.x += dot(t, here);
                    lower_sum.x += dot(t, below);
                }
                if needs(h.b, g) {
                    let t = taps(job.h_table, h.b, g);
                    upper_sum.y += dot(t, here);
                    lower_sum.y += dot(t, below);
                }
                if needs(h.c, g) {
                    let t = taps(job.h_table, h.c, g);
                    upper_sum.z += dot(t, here);
                    lower_sum.z += dot(t, below);
                }
                if needs(h.d, g) {
                    let t = taps(job.h_table, h.d, g);
                    upper_sum.w += dot(t, here);
                    lower_sum.w += dot(t, below);
                }
            }
            mid[lid.y * QUADS + lid.x] = between(upper_sum);
            mid[(lid.y + LANES) * QUADS + lid.x] = between(lower_sum);
        }
        workgroupBarrier();
        if inside && y < job.height {
            let last = min(v.end, chunk + i32(CHUNK_GROUPS));
            for (var g = max(v.first, chunk); g < last; g++) {
                let at = u32(4 * (g - chunk)) * QUADS + lid.x;
                let one = mid[at];
                let two = mid[at + QUADS];
                let three = mid[at + 2u * QUADS];
                let four = mid[at + 3u * QUADS];
                if needs(v.a, g) {
                    let t = taps(job.v_table, v.a, g);
                    sum_a += t.x * one + t.y * two + t.z * three + t.w * four;
                }
                if needs(v.b, g) {
                    let t = taps(job.v_table, v.b, g);
                    sum_b += t.x * one + t.y * two + t.z * three + t.w * four;
                }
                if needs(v.c, g) {
                    let t = taps(job.v_table, v.c, g);
                    sum_c += t.x * one + t.y * two + t.z * three + t.w * four;
                }
                if needs(v.d, g) {
                    let t = taps(job.v_table, v.d, g);
                    sum_d += t.x * one + t.y * two + t.z * three + t.w * four;
                }
            }
        }
        workgroupBarrier();
    }
    if !inside {
        return;
    }
    if y < job.height {
        put(job, quad, y, sum_a);
    }
    if y + 1u < job.height {
        put(job, quad, y + 1u, sum_b);
    }
    if y + 2u < job.height {
        put(job, quad, y + 2u, sum_c);
    }
    if y + 3u < job.height {
        put(job, quad, y + 3u, sum_d);
    }
}
