// The DC coefficients of a plane in the order of a file; the twin of codec/coefficients/trellis/dc.rs.
//
// Reads records whose DC coefficients are exact (`src`, lib/trellis.wgsl), and costs (`a`). Writes (`dst`, which
// may be `src`) the chosen ones and whether they are zero. A file has the blocks of the plane in units of `p`
// across and `q` down. A coefficient has three states: one below what rounding gives, that, one above. Which path
// is best depends only on differences of costs before. A workgroup owns the plane, an invocation some consecutive
// blocks: it finds what the way through them costs from each state before them to each of their last; one
// invocation adds these up; then each goes through its blocks as the twin does, and one follows the path back.

const INVOCATIONS: u32 = 256u;
// The cost of a state that nothing has.
const NEVER: i32 = 1 << 30u;
// Numbers of extra bits that a difference may have.
const SIZES: u32 = 16u;

var<workgroup> costs: array<i32, SIZES>;
// Of each invocation: what the way costs from each state before its blocks to each of their last. Then the
// first are the costs of the states before them.
var<workgroup> passages: array<vec3<i32>, 3u * INVOCATIONS>;
// Of each invocation: from which state before its blocks the best paths to their last come, two bits each. Then
// the state of its last block.
var<workgroup> states: array<u32, INVOCATIONS>;
var<workgroup> last_state: u32;

// The records of a block.
struct Place {
    src: u32,
    dst: u32,
}

// That of the block which is coded at `index`.
fn place_of(job: Job, index: u32) -> Place {
    let columns = blocks_across(job);
    let rows = (job.height + 7u) / 8u;
    let across = u32(job.p);
    let down = u32(job.q);
    let top = index / (down * columns) * down;
    let high = min(down, rows - top);
    let rest = index - top * columns;
    // Units without the last column of blocks, or row, are smaller.
    let left = rest / (across * high) * across;
    let wide = min(across, columns - left);
    let inside = rest - left * high;
    let column = left + inside % wide;
    let row = top + inside / wide;
    return Place(
        job.src + row * job.src_stride + RECORD_WORDS * column,
        job.dst + row * job.dst_stride + RECORD_WORDS * column,
    );
}

// A DC coefficient in STEPs.
fn dc_at(job: Job, record: u32) -> i32 {
    let exact = exact_at(record, 0u);
    let steps = in_steps(job, 0u, exact);
    return select(steps, -steps, exact < 0);
}

fn values_of(exact: i32) -> vec3<i32> {
    return vec3<i32>((exact + STEP / 2) >> FRACTION) + vec3<i32>(-1, 0, 1);
}

// The values that stand before a block.
fn values_before(job: Job, index: u32) -> vec3<i32> {
    if index == 0u {
        return vec3<i32>(0);
    }
    return values_of(dc_at(job, place_of(job, index - 1u).src));
}

fn cost_of_difference(difference: i32) -> i32 {
    return costs[bits_of(difference)];
}

// The cost of each state after a value.
fn costs_after(before: i32, values: vec3<i32>) -> vec3<i32> {
    let differences = values - vec3<i32>(before);
    return vec3<i32>(
        cost_of_difference(differences.x),
        cost_of_difference(differences.y),
        cost_of_difference(differences.z),
    );
}

// What the states' errors cost.
fn costs_of_errors(exact: i32, values: vec3<i32>, worth: i32) -> vec3<i32> {
    let errors = vec3<i32>(exact) - values * STEP;
    return (errors * errors * worth) >> vec3<u32>(ERROR_BITS);
}

fn least_of(values: vec3<i32>) -> i32 {
    return min(min(values.x, values.y), values.z);
}

fn find_passages(job: Job, begin: u32, end: u32, local: u32, worth: i32) {
    var from_first = vec3<i32>(0, NEVER, NEVER);
    var from_second = vec3<i32>(NEVER, 0, NEVER);
    var from_third = vec3<i32>(NEVER, NEVER, 0);
    var before = values_before(job, begin);
    for (var i = begin; i < end; i++) {
        let exact = dc_at(job, place_of(job, i).src);
        let values = values_of(exact);
        let own = costs_of_errors(exact, values, worth);
        let x = costs_after(before.x, values);
        let y = costs_after(before.y, values);
        let z = costs_after(before.z, values);
        from_first = min(min(from_first.x + x, from_first.y + y), from_first.z + z) + own;
        from_second = min(min(from_second.x + x, from_second.y + y), from_second.z + z) + own;
        from_third = min(min(from_third.x + x, from_third.y + y), from_third.z + z) + own;
        before = values;
    }
    passages[3u * local] = from_first;
    passages[3u * local + 1u] = from_second;
    passages[3u * local + 2u] = from_third;
}

// Puts the costs before the blocks of each invocation in place of its first passage.
fn add_passages(count: u32) {
    // Before all stands a 0.
    var sums = vec3<i32>(0, NEVER, NEVER);
    for (var i = 0u; i < count; i++) {
        let x = passages[3u * i] + sums.x;
        let y = passages[3u * i + 1u] + sums.y;
        let z = passages[3u * i + 2u] + sums.z;
        passages[3u * i] = sums;
        let next = min(min(x, y), z);
        sums = next - vec3<i32>(least_of(next));
    }
}

// From which state the best path to a value comes: of equal ones the first.
fn state_before(sums: vec3<i32>) -> u32 {
    var state = select(0u, 1u, sums.y < sums.x);
    if sums.z < min(sums.x, sums.y) {
        state = 2u;
    }
    return state;
}

// Goes through the blocks of an invocation, and leaves in each where its states come from.
fn find_states(job: Job, begin: u32, end: u32, local: u32, worth: i32, is_last: bool) {
    var sums = passages[3u * local];
    var origins = vec3<u32>(0u, 1u, 2u);
    var before = values_before(job, begin);
    for (var i = begin; i < end; i++) {
        let place = place_of(job, i);
        let exact = dc_at(job, place.src);
        let values = values_of(exact);
        let x = costs_after(before.x, values) + vec3<i32>(sums.x);
        let y = costs_after(before.y, values) + vec3<i32>(sums.y);
        let z = costs_after(before.z, values) + vec3<i32>(sums.z);
        let best = vec3<u32>(
            state_before(vec3<i32>(x.x, y.x, z.x)),
            state_before(vec3<i32>(x.y, y.y, z.y)),
            state_before(vec3<i32>(x.z, y.z, z.z)),
        );
        arena[place.dst + OFFSET_AT] = best.x | (best.y << 2u) | (best.z << 4u);
        origins = vec3<u32>(origins[best.x], origins[best.y], origins[best.z]);
        let next = min(min(x, y), z) + costs_of_errors(exact, values, worth);
        sums = next - vec3<i32>(least_of(next));
        before = values;
    }
    states[local] = origins.x | (origins.y << 2u) | (origins.z << 4u);
    if is_last {
        last_state = state_before(sums);
    }
}

fn write_back(job: Job, begin: u32, end: u32, local: u32) {
    var state = states[local];
    for (var i = begin; i < end; i++) {
        let place = place_of(job, end - 1u - (i - begin));
        let value = values_of(dc_at(job, place.src))[state];
        state = (arena[place.dst + OFFSET_AT] >> (2u * state)) & 3u;
        arena[place.dst] = (arena[place.dst] & 0xffff0000u) | (u32(value) & 0xffffu);
        arena[place.dst + MASK_AT] |= select(0u, 1u, value != 0);
        arena[place.dst + OFFSET_AT] = 0u;
    }
}

@compute @workgroup_size(INVOCATIONS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let job = jobs[group.z];
    let blocks = blocks_across(job) * ((job.height + 7u) / 8u);
    let share = (blocks + INVOCATIONS - 1u) / INVOCATIONS;
    // Invocations that have blocks.
    let count = (blocks + share - 1u) / share;
    let begin = min(local * share, blocks);
    let end = min(begin + share, blocks);
    let worth = tables[job.h_table + WEIGHTS_AT].x;
    if local < SIZES {
        costs[local] = i32(arena[job.a + local]);
    }
    workgroupBarrier();
    if local < count {
        find_passages(job, begin, end, local, worth);
    }
    workgroupBarrier();
    if local == 0u {
        add_passages(count);
    }
    workgroupBarrier();
    if local < count {
        find_states(job, begin, end, local, worth, local + 1u == count);
    }
    workgroupBarrier();
    if local == 0u {
        var state = last_state;
        for (var i = 0u; i < count; i++) {
            let at = count - 1u - i;
            let origin = (states[at] >> (2u * state)) & 3u;
            states[at] = state;
            state = origin;
        }
    }
    workgroupBarrier();
    // What is written was read before.
    storageBarrier();
    if local < count {
        write_back(job, begin, end, local);
    }
}
