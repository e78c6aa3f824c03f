// Prediction and residual in one pass; the twin of kernels/residual.rs, fused behind the upsampling that it always follows.
//
// In: L2 luma, and at L0 size (`a`) the original (make) or the decoded residual (apply). Out at L0 size: make: the prediction
// (`dst`) and clamp(original - prediction + 128) (`b`); apply: clamp(prediction + residual - 128) (`dst`).
// A workgroup owns a tile of 64 x TILE_ROWS samples, an invocation one quad in every LANES-th row of it; z counts jobs.

override APPLY: bool = false;

@compute @workgroup_size(QUADS, LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) lid: vec3<u32>) {
    let job = jobs[group.z];
    let tile = vec2<u32>(group.x * QUADS, group.y * TILE_ROWS);
    if 4u * tile.x >= job.width || tile.y >= job.height {
        return;
    }
    let sums = separable(job, tile, lid.xy);
    let quad = tile.x + lid.x;
    for (var i = 0u; i < ROWS_EACH; i++) {
        let y = tile.y + lid.y + i * LANES;
        if 4u * quad >= job.width || y >= job.height {
            return;
        }
        let at = y * job.dst_stride + quad;
        let prediction = clamp(whole(sums[i]), vec4<i32>(0), vec4<i32>(255));
        let other = load_u8(job.a + at);
        if APPLY {
            arena[job.dst + at] = pack_u8(prediction + other - vec4<i32>(RESIDUAL_ZERO));
        } else {
            arena[job.dst + at] = pack_u8(prediction);
            arena[job.b + at] = pack_u8(other - prediction + vec4<i32>(RESIDUAL_ZERO));
        }
    }
}
