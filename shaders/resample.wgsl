// Separable resampling by tables of taps; the twin of kernels/resample.rs.
//
// Reads a plane of 8-bit or Q6 samples of any size (`src`), writes width x height samples, 8-bit or Q6
// (`dst`). Invocations own pixels as in lib/separable.wgsl.

override TO_Q6: bool = false;

fn put(job: Job, quad: u32, y: u32, sum: vec4<i32>) {
    if TO_Q6 {
        store_q6(job.dst + y * job.dst_stride + 2u * quad, to_q6(sum));
    } else {
        arena[job.dst + y * job.dst_stride + quad] = pack_u8(whole(sum));
    }
}
