// Inverse transform of JPEG; the twin of `inverse` in codec/coefficients/dct.rs, fused with the correction of
// a prediction (kernels/residual.rs).
//
// Reads records of blocks (`src`, lib/blocks.wgsl), a table of 64 steps (`h_table`) and, to correct, the
// prediction (`a`). Writes the samples (`dst`), or clamp(prediction + samples - 128), and the flags of the
// records. PACKED reads coefficients as the host packs them: three words a block (`src`), with a bit for each
// coefficient that is not zero and the place of its values (`a`), two a word; flags then take the third
// word. Invocations own blocks as in lib/transform.wgsl: first a column, then a row.

override CORRECT: bool = false;
override PACKED: bool = false;

// Coefficient `i` in zigzag order of a block whose values begin with number `first`.
fn unpacked(job: Job, mask: vec2<u32>, first: u32, i: u32) -> i32 {
    let shift = i % 32u;
    let word = select(mask.x, mask.y, i >= 32u);
    if ((word >> shift) & 1u) == 0u {
        return 0;
    }
    let before = countOneBits(word & ((1u << shift) - 1u)) + select(0u, countOneBits(mask.x), i >= 32u);
    let at = first + before;
    return bitcast<i32>(arena[job.a + at / 2u] << (16u * (1u - at % 2u))) >> 16u;
}

// Eight coefficients of a block.
fn load_line(job: Job, record: u32, lane: u32) -> Line {
    if !PACKED {
        return Line(load_q6(record + 4u * lane), load_q6(record + 4u * lane + 2u));
    }
    let mask = vec2<u32>(arena[record], arena[record + 1u]);
    let first = arena[record + 2u];
    let i = 8u * lane;
    return Line(
        vec4<i32>(
            unpacked(job, mask, first, i),
            unpacked(job, mask, first, i + 1u),
            unpacked(job, mask, first, i + 2u),
            unpacked(job, mask, first, i + 3u),
        ),
        vec4<i32>(
            unpacked(job, mask, first, i + 4u),
            unpacked(job, mask, first, i + 5u),
            unpacked(job, mask, first, i + 6u),
            unpacked(job, mask, first, i + 7u),
        ),
    );
}

// One pass; sums wrap as in the twin, and are then flagged.
fn inverse_pass(d: Line, first: bool) -> Line {
    let z1 = (d.low.z + d.high.z) * C0_541;
    let t2 = z1 - d.high.z * C1_847;
    let t3 = z1 + d.low.z * C0_765;
    let t0 = (d.low.x + d.high.x) << CONST_BITS;
    let t1 = (d.low.x - d.high.x) << CONST_BITS;
    let evens = vec4<i32>(t0 + t3, t1 + t2, t1 - t2, t0 - t3);
    let o = odd(vec4<i32>(d.high.w, d.high.y, d.low.w, d.low.y)).wzyx;
    let scaled_bits = select(CONST_BITS + PASS1_BITS + 3u, CONST_BITS - PASS1_BITS, first);
    return Line(descale(evens + o, scaled_bits), descale((evens - o).wzyx, scaled_bits));
}

fn within(line: Line, limit: i32) -> bool {
    let range = vec4<i32>(limit);
    return all(line.low <= range) && all(line.low >= -range) && all(line.high <= range) && all(line.high >= -range);
}

// A coefficient of a block whose coefficients lie at `block` in zigzag order.
fn coefficient(block: u32, natural: u32) -> i32 {
    return numbers[block + PLACE[natural]];
}

// Whether a sample of a quad that lies inside the plane is not the middle.
fn has_content(samples: vec4<i32>, x: u32, width: u32) -> bool {
    let inside = vec4<u32>(x) + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(width);
    return any((samples != vec4<i32>(CENTER)) & inside);
}

fn put(job: Job, x: u32, y: u32, samples: vec4<i32>) {
    if x >= job.width {
        return;
    }
    let at = y * job.dst_stride + x / 4u;
    if CORRECT {
        arena[job.dst + at] = pack_u8(load_u8(job.a + at) + samples - vec4<i32>(RESIDUAL_ZERO));
    } else {
        arena[job.dst + at] = pack_u8(samples);
    }
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let job = jobs[group.z];
    let lane = local % 8u;
    let block = local / 8u * SPAN;
    let column = 8u * group.x + local / 8u;
    let live = 8u * column < job.width && 8u * group.y < job.height;
    var record = job.src + group.y * job.src_stride + RECORD_WORDS * column;
    var flags_at = record + FLAGS_AT;
    if PACKED {
        record = job.src + PACKED_BLOCK_WORDS * (group.y * blocks_across(job) + column);
        flags_at = record + 2u;
    }

    var line = Line(vec4<i32>(0), vec4<i32>(0));
    if live {
        line = load_line(job, record, lane);
    }
    write_row(block + 8u * lane, line);
    workgroupBarrier();
    line.low = vec4<i32>(
        coefficient(block, lane),
        coefficient(block, 8u + lane),
        coefficient(block, 16u + lane),
        coefficient(block, 24u + lane),
    );
    line.high = vec4<i32>(
        coefficient(block, 32u + lane),
        coefficient(block, 40u + lane),
        coefficient(block, 48u + lane),
        coefficient(block, 56u + lane),
    );
    if live {
        let steps = steps_of(job, lane);
        line = Line(line.low * steps.low, line.high * steps.high);
    }
    var good = within(line, MAX_BETWEEN);
    line = inverse_pass(line, true);
    good = good && within(line, MAX_BETWEEN);
    workgroupBarrier();
    write_column(block + lane, line);
    workgroupBarrier();
    line = inverse_pass(read_line(block + ROW * lane, 1u), false);
    good = good && within(line, MAX_SAMPLE);
    let low = clamp(line.low + vec4<i32>(CENTER), vec4<i32>(0), vec4<i32>(255));
    let high = clamp(line.high + vec4<i32>(CENTER), vec4<i32>(0), vec4<i32>(255));
    let x = 8u * column;
    let y = 8u * group.y + lane;
    var flags = select(UNDECIDED, 0u, good);
    if live && y < job.height {
        if has_content(low, x, job.width) || has_content(high, x + 4u, job.width) {
            flags |= CONTENT;
        }
        put(job, x, y, low);
        put(job, x + 4u, y, high);
    }
    // The ninth number of a row is in nobody's way.
    numbers[block + ROW * lane + 8u] = i32(flags);
    workgroupBarrier();
    if live && lane == 0u {
        let of_rows = read_line(block + 8u, ROW);
        let both = of_rows.low | of_rows.high;
        arena[flags_at] = u32(both.x | both.y | both.z | both.w);
    }
}
