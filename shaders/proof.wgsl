// The part of XXH3-128 that needs every sample; the twin of kernels/proof.rs.
//
// Reads one 8-bit plane (`src`) or two of one size (`src`, `a`; `p` is their number, `height` that of both
// together), as the bytes of all rows without padding. Writes (`dst`) the sums of every 1,024 bytes, eight
// 64-bit numbers each, low word first, then the last 64 bytes as they are. An invocation owns one such
// number; z is the job.

const LANES: u32 = 8u;

fn row_at(job: Job, y: u32) -> u32 {
    let rows = job.height / u32(job.p);
    if y >= rows {
        return job.a + (y - rows) * job.src_stride;
    }
    return job.src + y * job.src_stride;
}

// Four bytes.
fn word_at(job: Job, byte: u32) -> u32 {
    let y = byte / job.width;
    let x = byte % job.width;
    if x % 4u == 0u && x + 4u <= job.width {
        return arena[row_at(job, y) + x / 4u];
    }
    var word = 0u;
    for (var i = 0u; i < 4u; i++) {
        let at = byte + i;
        let column = at % job.width;
        let sample = (arena[row_at(job, at / job.width) + column / 4u] >> (8u * (column % 4u))) & 255u;
        word |= sample << (8u * i);
    }
    return word;
}

fn number_at(job: Job, byte: u32) -> vec2<u32> {
    return vec2<u32>(word_at(job, byte), word_at(job, byte + 4u));
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let job = jobs[group.z];
    let bytes = job.width * job.height;
    let stripes = (bytes - 1u) / 64u;
    let entries = (stripes + 15u) / 16u;
    let entry = 8u * group.x + local / LANES;
    let lane = local % LANES;
    if entry > entries {
        return;
    }
    var found = vec2<u32>(0u);
    if entry == entries {
        found = number_at(job, bytes - 64u + 8u * lane);
    } else {
        for (var i = 0u; i < 16u; i++) {
            let stripe = 16u * entry + i;
            if stripe < stripes {
                let key = number_at(job, 64u * stripe + 8u * lane) ^ SECRET[i + lane];
                let other = number_at(job, 64u * stripe + 8u * (lane ^ 1u));
                found = sum(found, sum(other, product(key.x, key.y)));
            }
        }
    }
    arena[job.dst + 16u * entry + 2u * lane] = found.x;
    arena[job.dst + 16u * entry + 2u * lane + 1u] = found.y;
}
