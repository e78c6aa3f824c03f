// What symbols cost, from how often they occur; the twin of codec/coefficients/trellis/rates.rs.
//
// COUNT reads records of exact coefficients (`src`, lib/trellis.wgsl) and writes (`dst`) how often each symbol
// occurs in every SAMPLED-th row of blocks, rounded: SYMBOLS words of DC, then of AC, for each workgroup. An
// invocation owns one of the blocks that are counted. The other pass reads what `p` workgroups counted (`src`)
// and writes the costs (`dst`), in one workgroup: an invocation owns a symbol.

override COUNT: bool = false;

const INVOCATIONS: u32 = SYMBOLS;

var<workgroup> counts: array<atomic<u32>, 2u * SYMBOLS>;
var<workgroup> weights: array<vec2<u32>, SYMBOLS>;
var<workgroup> costs: array<i32, SYMBOLS>;

fn rounded(job: Job, record: u32, i: u32) -> i32 {
    let exact = exact_at(record, i);
    let size = (in_steps(job, i, exact) + STEP / 2) >> FRACTION;
    return select(size, -size, exact < 0);
}

fn count_block(job: Job, column: u32, row: u32) {
    let record = job.src + row * job.src_stride + RECORD_WORDS * column;
    var before = 0;
    if column > 0u {
        before = rounded(job, record - RECORD_WORDS, 0u);
    }
    atomicAdd(&counts[bits_of(rounded(job, record, 0u) - before)], 1u);
    var last = 0u;
    for (var i = 1u; i < 64u; i++) {
        let value = rounded(job, record, i);
        if value != 0 {
            let run = i - last - 1u;
            last = i;
            if run >= RUN {
                atomicAdd(&counts[SYMBOLS + ZERO_RUN], run / RUN);
            }
            atomicAdd(&counts[SYMBOLS + (((run % RUN) << 4u) | bits_of(value))], 1u);
        }
    }
    if last < 63u {
        atomicAdd(&counts[SYMBOLS + END], 1u);
    }
}

fn count_blocks(job: Job, group: u32, local: u32) {
    let columns = blocks_across(job);
    let blocks = columns * (((job.height + 7u) / 8u + SAMPLED - 1u) / SAMPLED);
    if group * INVOCATIONS >= blocks {
        return;
    }
    atomicStore(&counts[local], 0u);
    atomicStore(&counts[SYMBOLS + local], 0u);
    workgroupBarrier();
    let block = group * INVOCATIONS + local;
    if block < blocks {
        count_block(job, block % columns, block / columns * SAMPLED);
    }
    workgroupBarrier();
    let at = job.dst + 2u * SYMBOLS * group + local;
    arena[at] = atomicLoad(&counts[local]);
    arena[at + SYMBOLS] = atomicLoad(&counts[SYMBOLS + local]);
}

// The logarithm to base 2 of a number from 1 to below 2^62, with COST_BITS, rounded down.
fn logarithm(number: vec2<u32>) -> i32 {
    // The number over its highest bit, with 31 fraction bits: from 1 to below 2.
    var whole = 31u - countLeadingZeros(number.x);
    var rest = number.x << (31u - whole);
    if number.y != 0u {
        let below = 32u - countLeadingZeros(number.y);
        whole = 31u + below;
        rest = (number.y << (32u - below)) | (number.x >> below);
    }
    var found = i32(whole);
    for (var i = 0u; i < COST_BITS; i++) {
        let squared = product(rest, rest);
        let above = squared.y >> 31u;
        found = (found << 1u) | i32(above);
        rest = select((squared.y << 1u) | (squared.x >> 31u), squared.y, above == 1u);
    }
    return found;
}

// The costs of DC, for `table` 0, or of AC, for 1.
fn find_costs(job: Job, local: u32, table: u32) {
    var count = 0u;
    for (var i = 0u; i < u32(job.p); i++) {
        count += arena[job.src + (2u * i + table) * SYMBOLS + local];
    }
    let weight = sum(product(count, UNSEEN), vec2<u32>(1u, 0u));
    weights[local] = weight;
    workgroupBarrier();
    for (var i = 1u; i <= 8u; i++) {
        let reach = INVOCATIONS >> i;
        if local < reach {
            weights[local] = sum(weights[local], weights[local + reach]);
        }
        workgroupBarrier();
    }
    let all = logarithm(weights[0]);
    let bits = clamp(all - logarithm(weight), 1 << COST_BITS, MAX_BITS << COST_BITS);
    let extra_bits = local % 16u;
    let cost = bits + i32(extra_bits << COST_BITS);
    let at = job.dst + table * COSTS;
    costs[local] = cost;
    arena[at + local] = u32(cost);
    workgroupBarrier();
    if local < 16u {
        var least = cost;
        for (var run = 1u; run < 16u; run++) {
            least = min(least, costs[16u * run + local]);
        }
        arena[at + SYMBOLS + local] = u32(least);
    }
    workgroupBarrier();
}

@compute @workgroup_size(INVOCATIONS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let job = jobs[group.z];
    if COUNT {
        count_blocks(job, group.x, local);
    } else {
        find_costs(job, local, 0u);
        find_costs(job, local, 1u);
    }
}
