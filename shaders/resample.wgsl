// Separable resampling by tables of taps; the twin of kernels/resample.rs.
//
// In: a plane of 8-bit or Q6 samples of any size. Out: width x height samples, 8-bit or Q6.
// A workgroup owns a tile of 64 x TILE_ROWS samples, an invocation one quad in every LANES-th row of it; z counts jobs.

override TO_Q6: bool = false;

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
        if TO_Q6 {
            store_q6(job.dst + y * job.dst_stride + 2u * quad, to_q6(sums[i]));
        } else {
            arena[job.dst + y * job.dst_stride + quad] = pack_u8(whole(sums[i]));
        }
    }
}
