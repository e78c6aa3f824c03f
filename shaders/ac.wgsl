// The AC coefficients of blocks: which are coded, and how large; the twin of codec/coefficients/trellis/ac.rs.
//
// Reads records of exact coefficients (`src`, lib/trellis.wgsl) and costs (`a`). Writes (`dst`, which may be
// `src`) the chosen coefficients and which of them are not zero. The DC coefficient stays exact, and is not among
// these (`dc`). An invocation owns a block, a workgroup eight by eight of them.

// A coefficient that may be coded, and the best path to it.
struct Node {
    place: u32,  // in zigzag order
    cost: i32,
    least: i32,  // the least cost of all from which a path may come, up to this one
    size: i32,   // that it has on this path, with its sign
    before: u32, // the node before it on this path
}

var<workgroup> costs: array<i32, COSTS>;
var<private> nodes: array<Node, 64>;
// The first node that a path may come from: the last that is never left out.
var<private> first: u32;
var<private> count: u32;

// What errors in a block are worth.
fn worth_in(job: Job, record: u32) -> i32 {
    var energy = 0;
    for (var i = 1u; i < 64u; i++) {
        let exact = exact_at(record, i);
        energy += exact * exact;
    }
    let weights = tables[job.h_table + WEIGHTS_AT];
    return max(weights.x * weights.y / (weights.y + (energy >> VARIANCE_BITS)), weights.z);
}

fn cost_of_error(squared: i32, worth: i32) -> i32 {
    return (squared * worth) >> ERROR_BITS;
}

fn cost_after(before: u32, place: u32, bits: u32) -> i32 {
    let run = place - nodes[before].place - 1u;
    return nodes[before].cost + i32(run / RUN) * costs[ZERO_RUN] + costs[((run % RUN) << 4u) | bits];
}

// A better path to a coefficient of this size, if there is one: with an error of this cost.
fn improved(node: Node, size: i32, error: i32) -> Node {
    var better = node;
    let bits = bits_of(size);
    let own = error + costs[SYMBOLS + bits];
    for (var i = 1u; i < 64u; i++) {
        if first + i > count || nodes[count - i].least + own >= better.cost {
            break;
        }
        let cost = cost_after(count - i, node.place, bits) + error;
        if cost < better.cost {
            better.cost = cost;
            better.before = count - i;
            better.size = size;
        }
    }
    return better;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let job = jobs[group.z];
    if 64u * group.x >= job.width || 64u * group.y >= job.height {
        return;
    }
    for (var i = local; i < COSTS; i += 64u) {
        costs[i] = i32(arena[job.a + COSTS + i]);
    }
    workgroupBarrier();
    let column = 8u * group.x + local % 8u;
    let row = 8u * group.y + local / 8u;
    if 8u * column >= job.width || 8u * row >= job.height {
        return;
    }
    let record = job.src + row * job.src_stride + RECORD_WORDS * column;
    let worth = worth_in(job, record);

    nodes[0] = Node(0u, 0, 0, 0, 0u);
    first = 0u;
    count = 1u;
    // The least cost of a whole block, and its last node.
    var best = costs[END];
    var end = 0u;
    for (var place = 1u; place < 64u; place++) {
        let exact = exact_at(record, place);
        let steps = in_steps(job, place, exact);
        if steps >= LEAST {
            let size = (steps + STEP / 2) >> FRACTION;
            // Saved by this size instead of nothing.
            var saved = 0;
            if size < LARGE {
                saved = cost_of_error(size * STEP * (2 * steps - size * STEP), worth);
            }
            var node = improved(Node(place, 0x7fffffff, 0, 0, 0u), size, 0);
            if size > 1 && (size & (size - 1)) == 0 {
                // Lost by the size below it.
                let above = STEP * (2 * (steps - size * STEP) + STEP);
                node = improved(node, size - 1, cost_of_error(above, worth));
            }
            node.cost -= saved;
            node.size = select(node.size, -node.size, exact < 0);
            node.least = min(node.cost, nodes[count - 1u].least);
            if size >= LARGE || saved > ALWAYS {
                first = count;
                node.least = node.cost;
                best = 0x7fffffff;
            }
            let whole = node.cost + select(0, costs[END], place < 63u);
            if whole < best {
                best = whole;
                end = count;
            }
            nodes[count] = node;
            count++;
        }
    }

    let chosen = job.dst + row * job.dst_stride + RECORD_WORDS * column;
    arena[chosen] = arena[record] & 0xffffu;
    for (var i = 1u; i < 32u; i++) {
        arena[chosen + i] = 0u;
    }
    var mask = vec2<u32>(0u);
    for (var i = 0u; i < 64u; i++) {
        if end == 0u {
            break;
        }
        let node = nodes[end];
        arena[chosen + node.place / 2u] |= (u32(node.size) & 0xffffu) << (16u * (node.place % 2u));
        mask[node.place / 32u] |= 1u << (node.place % 32u);
        end = node.before;
    }
    arena[chosen + MASK_AT] = mask.x;
    arena[chosen + MASK_AT + 1u] = mask.y;
}
