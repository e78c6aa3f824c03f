// Unsharp mask with a 3x3 binomial blur; the twin of kernels/sharpen.rs.
//
// Reads an 8-bit plane (`src`), edges replicated; `p` is the strength in 1/256. Writes another plane of the
// same size (`dst`). An invocation owns one quad; z is the job.

// The samples `x - 1 .. x + 4` of a row, x = 4 * quad.
struct Six {
    left: i32,
    here: vec4<i32>,
    right: i32,
}

fn six(job: Job, row: u32, quad: u32) -> Six {
    let at = job.src + row * job.src_stride;
    var here = load_u8(at + quad);
    let last = job.width - 1u - 4u * quad;
    // Lanes beyond the last sample repeat it.
    if last < 3u {
        if last == 0u {
            here = vec4<i32>(here.x);
        } else if last == 1u {
            here = here.xyyy;
        } else {
            here = here.xyzz;
        }
    }
    var left = here.x;
    if quad > 0u {
        left = i32(arena[at + quad - 1u] >> 24u);
    }
    var right = here.w;
    if last > 3u {
        right = i32(arena[at + quad + 1u] & 255u);
    }
    return Six(left, here, right);
}

@compute @workgroup_size(16, 16)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let job = jobs[id.z];
    let quad = id.x;
    let y = id.y;
    if 4u * quad >= job.width || y >= job.height {
        return;
    }
    let above = six(job, max(y, 1u) - 1u, quad);
    let mine = six(job, y, quad);
    let below = six(job, min(y + 1u, job.height - 1u), quad);
    let left = above.left + 2 * mine.left + below.left;
    let sums = above.here + 2 * mine.here + below.here;
    let right = above.right + 2 * mine.right + below.right;
    let blur = vec4<i32>(left, sums.xyz) + 2 * sums + vec4<i32>(sums.yzw, right);
    let detail = 16 * mine.here - blur;
    // 16 (blur) x 256 (strength) = 12 fraction bits.
    let sharp = ((mine.here << vec4<u32>(12u)) + job.p * detail + vec4<i32>(1 << 11u)) >> vec4<u32>(12u);
    arena[job.dst + y * job.dst_stride + quad] = pack_u8(sharp);
}
