// Prediction and residual in one pass; the twin of kernels/residual.rs, fused with the upsampling that comes
// before it.
//
// Reads L2 luma (`src`), and at L0 size (`a`) the original (make) or the decoded residual (apply). Writes at
// L0 size: make: the prediction (`dst`) and clamp(original - prediction + 128) (`b`); apply: clamp(prediction
// + residual - 128) (`dst`). Invocations own pixels as in lib/separable.wgsl.

override APPLY: bool = false;

fn put(job: Job, quad: u32, y: u32, sum: vec4<i32>) {
    let at = y * job.dst_stride + quad;
    let prediction = clamp(whole(sum), vec4<i32>(0), vec4<i32>(255));
    let other = load_u8(job.a + at);
    if APPLY {
        arena[job.dst + at] = pack_u8(prediction + other - vec4<i32>(RESIDUAL_ZERO));
    } else {
        arena[job.dst + at] = pack_u8(prediction);
        arena[job.b + at] = pack_u8(other - prediction + vec4<i32>(RESIDUAL_ZERO));
    }
}
