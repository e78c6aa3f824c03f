// Forward transform of JPEG and its quantiser; the twin of `forward` in codec/coefficients/dct.rs.
//
// Reads an 8-bit plane (`src`), its last samples repeated to whole blocks, and a table of 64 steps
// (`h_table`). Writes the records of its blocks (`dst`, lib/blocks.wgsl), without flags. EXACT has no table and
// leaves out the quantiser: what it writes is eight times the coefficients. Invocations own blocks as in
// lib/transform.wgsl: first a row, then a column, then eight coefficients in zigzag order.

override EXACT: bool = false;

fn sample(job: Job, row: u32, x: u32) -> i32 {
    let at = min(x, job.width - 1u);
    return i32((arena[row + at / 4u] >> (8u * (at % 4u))) & 255u);
}

fn samples(job: Job, row: u32, x: u32) -> vec4<i32> {
    if x + 4u <= job.width {
        return load_u8(row + x / 4u);
    }
    return vec4<i32>(
        sample(job, row, x),
        sample(job, row, x + 1u),
        sample(job, row, x + 2u),
        sample(job, row, x + 3u),
    );
}

// One pass; `first` says which.
fn forward_pass(d: Line, first: bool) -> Line {
    let t = d.low + d.high.wzyx;
    let u = d.low - d.high.wzyx;
    let t10 = t.x + t.w;
    let t13 = t.x - t.w;
    let t11 = t.y + t.z;
    let t12 = t.y - t.z;
    let z1 = (t12 + t13) * C0_541;
    let o = odd(u.wzyx);
    let scaled_bits = select(CONST_BITS + PASS1_BITS, CONST_BITS - PASS1_BITS, first);
    let odds = descale(o.wzyx, scaled_bits);
    let evens = descale(vec4<i32>(z1 + t13 * C0_765, z1 - t12 * C1_847, 0, 0), scaled_bits);
    let sums = vec4<i32>(t10 + t11, t10 - t11, 0, 0);
    let whole = select(descale(sums, PASS1_BITS), sums << vec4<u32>(PASS1_BITS), first);
    return Line(vec4<i32>(whole.x, odds.x, evens.x, odds.y), vec4<i32>(whole.y, odds.z, evens.y, odds.w));
}

// Divided by eight times the step, rounded; halves go away from 0.
fn quantised(value: vec4<i32>, steps: vec4<i32>) -> vec4<i32> {
    let magnitude = (abs(value) + 4 * steps) / (8 * steps);
    return select(magnitude, -magnitude, value < vec4<i32>(0));
}

fn put_coefficients(block: u32, rows: u32, column: u32, value: vec4<i32>) {
    numbers[block + PLACE[8u * rows + column]] = value.x;
    numbers[block + PLACE[8u * rows + 8u + column]] = value.y;
    numbers[block + PLACE[8u * rows + 16u + column]] = value.z;
    numbers[block + PLACE[8u * rows + 24u + column]] = value.w;
}

fn bits(value: vec4<i32>) -> u32 {
    let marks = select(vec4<u32>(0u), vec4<u32>(1u, 2u, 4u, 8u), value != vec4<i32>(0));
    return marks.x | marks.y | marks.z | marks.w;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let job = jobs[group.z];
    let lane = local % 8u;
    let block = local / 8u * SPAN;
    let column = 8u * group.x + local / 8u;
    let live = 8u * column < job.width && 8u * group.y < job.height;

    var line = Line(vec4<i32>(0), vec4<i32>(0));
    if live {
        let row = job.src + min(8u * group.y + lane, job.height - 1u) * job.src_stride;
        line.low = samples(job, row, 8u * column) - vec4<i32>(CENTER);
        line.high = samples(job, row, 8u * column + 4u) - vec4<i32>(CENTER);
    }
    write_row(block + ROW * lane, forward_pass(line, true));
    workgroupBarrier();
    line = forward_pass(read_line(block + lane, ROW), false);
    if live && !EXACT {
        let steps = steps_of(job, lane);
        line = Line(quantised(line.low, steps.low), quantised(line.high, steps.high));
    }
    workgroupBarrier();
    put_coefficients(block, 0u, lane, line.low);
    put_coefficients(block, 4u, lane, line.high);
    workgroupBarrier();
    line = read_line(block + 8u * lane, 1u);
    numbers[block + 64u + lane] = i32(bits(line.low) | (bits(line.high) << 4u));
    workgroupBarrier();
    if !live {
        return;
    }
    let record = job.dst + group.y * job.dst_stride + RECORD_WORDS * column;
    arena[record + 4u * lane] = pack_i16(line.low.xy);
    arena[record + 4u * lane + 1u] = pack_i16(line.low.zw);
    arena[record + 4u * lane + 2u] = pack_i16(line.high.xy);
    arena[record + 4u * lane + 3u] = pack_i16(line.high.zw);
    if lane < 2u {
        let at = block + 64u + 4u * lane;
        let bytes = vec4<u32>(
            u32(numbers[at]),
            u32(numbers[at + 1u]),
            u32(numbers[at + 2u]),
            u32(numbers[at + 3u]),
        );
        arena[record + MASK_AT + lane] = bytes.x | (bytes.y << 8u) | (bytes.z << 16u) | (bytes.w << 24u);
    } else if lane < 4u {
        arena[record + MASK_AT + lane] = 0u;
    }
}
