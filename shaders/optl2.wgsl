// One projected gradient step of optL2 and 420opt; the twin of kernels/optl2.rs.
//
// Reads x (`src`: Q6, or the 8-bit start in the first step), the right side B (`a`, Q6), the 8-bit start x0
// (`b`); tables of the banded UtU; `p` is the step size in Q15, `q` the largest change. Writes the next x
// (`dst`) in Q6, or rounded to 8 bits in the last step. All planes have the size of x. Invocations own pixels
// as in lib/separable.wgsl.

override LAST: bool = false;

fn put(job: Job, quad: u32, y: u32, sum: vec4<i32>) {
    let quads = (job.width + 3u) / 4u;
    let start = load_u8(job.b + y * quads + quad);
    let right = load_q6(job.a + 2u * (y * quads + quad));
    let x = source_quad(job, y, quad);
    let gradient = saturate_i16(to_q6(sum) - right);
    let change = (gradient * job.p + vec4<i32>(1 << (STEP_BITS - 1u))) >> vec4<u32>(STEP_BITS);
    let low = max(start - job.q, vec4<i32>(0)) << vec4<u32>(MID_BITS);
    let high = min(start + job.q, vec4<i32>(255)) << vec4<u32>(MID_BITS);
    let next = min(max(saturate_i16(x - change), low), high);
    if LAST {
        let rounded = (next + vec4<i32>(1 << (MID_BITS - 1u))) >> vec4<u32>(MID_BITS);
        arena[job.dst + y * job.dst_stride + quad] = pack_u8(rounded);
    } else {
        store_q6(job.dst + y * job.dst_stride + 2u * quad, next);
    }
}
