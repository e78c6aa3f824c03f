// Coefficients in the form in which they come down; the twin of codec/coefficients/packed.rs.
//
// Reads the records of a plane's blocks (`src`, lib/blocks.wgsl). Writes (`dst`) the words that all values take
// and all flags, two words of padding; two words a block with a bit for each coefficient that is not zero, in
// zigzag order; then the values of one block after the other, two a word, each block from a whole word on.
// Values beyond the `p` words that there are for them are not written. OFFSETS finds where the values of each
// block begin: one workgroup for a plane, each invocation some consecutive blocks. The second pass
// writes masks and values: an invocation owns a block.

override OFFSETS: bool = false;
// Only the flags of blocks that the host packed (`src`, as in inverse.wgsl), in one word (`dst`).
override FLAGS: bool = false;

const INVOCATIONS: u32 = 256u;

var<workgroup> sums: array<u32, INVOCATIONS>;
var<workgroup> flags: array<u32, INVOCATIONS>;

fn value_words(record: u32) -> u32 {
    return (countOneBits(arena[record + MASK_AT]) + countOneBits(arena[record + MASK_AT + 1u]) + 1u) / 2u;
}

fn find_offsets(job: Job, blocks: u32, local: u32) {
    let share = (blocks + INVOCATIONS - 1u) / INVOCATIONS;
    let begin = min(local * share, blocks);
    let end = min(begin + share, blocks);
    var words = 0u;
    var found = 0u;
    for (var i = begin; i < end; i++) {
        let record = job.src + RECORD_WORDS * i;
        words += value_words(record);
        found |= arena[record + FLAGS_AT];
    }
    sums[local] = words;
    flags[local] = found;
    workgroupBarrier();
    for (var i = 0u; i < 8u; i++) {
        let reach = 1u << i;
        var before = 0u;
        var other = 0u;
        if local >= reach {
            before = sums[local - reach];
            other = flags[local - reach];
        }
        workgroupBarrier();
        sums[local] += before;
        flags[local] |= other;
        workgroupBarrier();
    }
    var at = sums[local] - words;
    for (var i = begin; i < end; i++) {
        let record = job.src + RECORD_WORDS * i;
        arena[record + OFFSET_AT] = at;
        at += value_words(record);
    }
    if local == INVOCATIONS - 1u {
        arena[job.dst] = sums[local];
        arena[job.dst + 1u] = flags[local];
        arena[job.dst + 2u] = 0u;
        arena[job.dst + 3u] = 0u;
    }
}

fn pack_block(job: Job, blocks: u32, block: u32) {
    if block >= blocks {
        return;
    }
    let record = job.src + RECORD_WORDS * block;
    let mask_at = job.dst + PACKED_HEAD_WORDS + 2u * block;
    arena[mask_at] = arena[record + MASK_AT];
    arena[mask_at + 1u] = arena[record + MASK_AT + 1u];
    let words = value_words(record);
    let offset = arena[record + OFFSET_AT];
    let room = u32(job.p);
    if words == 0u || words > room || offset > room - words {
        return;
    }
    let at = job.dst + PACKED_HEAD_WORDS + 2u * blocks + offset;
    var count = 0u;
    var held = 0u;
    for (var i = 0u; i < 64u; i++) {
        let value = (arena[record + i / 2u] >> (16u * (i % 2u))) & 0xffffu;
        if value != 0u {
            held |= value << (16u * (count % 2u));
            if count % 2u == 1u {
                arena[at + count / 2u] = held;
                held = 0u;
            }
            count++;
        }
    }
    if count % 2u == 1u {
        arena[at + count / 2u] = held;
    }
}

fn gather_flags(job: Job, blocks: u32, local: u32) {
    var found = 0u;
    for (var i = local; i < blocks; i += INVOCATIONS) {
        found |= arena[job.src + PACKED_BLOCK_WORDS * i + 2u];
    }
    flags[local] = found;
    workgroupBarrier();
    if local == 0u {
        for (var i = 1u; i < INVOCATIONS; i++) {
            found |= flags[i];
        }
        arena[job.dst] = found;
    }
}

@compute @workgroup_size(INVOCATIONS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let job = jobs[group.z];
    let blocks = blocks_across(job) * ((job.height + 7u) / 8u);
    if FLAGS {
        gather_flags(job, blocks, local);
    } else if OFFSETS {
        find_offsets(job, blocks, local);
    } else {
        pack_block(job, blocks, group.x * INVOCATIONS + local);
    }
}
