// BT.601 full range between interleaved RGB and planes, in libjpeg's integers; the twin of kernels/color.rs.
//
// To planes: reads interleaved RGB (`src`), writes Y (`dst`), Cb (`a`), Cr (`b`). To RGB: reads Y (`src`), Cb
// (`a`), Cr (`b`), writes interleaved RGB (`dst`). The planes have one size and one stride. An invocation
// owns one quad; z is the job.

override TO_RGB: bool = false;

const ROUND: i32 = 1 << (COLOR_BITS - 1u);
const CENTRE: i32 = 128 << COLOR_BITS;

fn scaled(value: vec4<i32>) -> vec4<i32> {
    return value >> vec4<u32>(COLOR_BITS);
}

@compute @workgroup_size(16, 16)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let job = jobs[id.z];
    let quad = id.x;
    if 4u * quad >= job.width || id.y >= job.height {
        return;
    }
    if TO_RGB {
        let at = id.y * job.src_stride + quad;
        let y = load_u8(job.src + at);
        let cb = load_u8(job.a + at) - 128;
        let cr = load_u8(job.b + at) - 128;
        let r = unpack_u8(pack_u8(y + scaled(FIX_1_402 * cr + ROUND)));
        let g = unpack_u8(pack_u8(y + scaled(ROUND - FIX_0_34414 * cb - FIX_0_71414 * cr)));
        let b = unpack_u8(pack_u8(y + scaled(FIX_1_772 * cb + ROUND)));
        let out = job.dst + id.y * job.dst_stride + 3u * quad;
        arena[out] = pack_u8(vec4<i32>(r.x, g.x, b.x, r.y));
        arena[out + 1u] = pack_u8(vec4<i32>(g.y, b.y, r.z, g.z));
        arena[out + 2u] = pack_u8(vec4<i32>(b.z, r.w, g.w, b.w));
    } else {
        let at = job.src + id.y * job.src_stride + 3u * quad;
        let one = load_u8(at);
        let two = load_u8(at + 1u);
        let three = load_u8(at + 2u);
        let r = vec4<i32>(one.x, one.w, two.z, three.y);
        let g = vec4<i32>(one.y, two.x, two.w, three.z);
        let b = vec4<i32>(one.z, two.y, three.x, three.w);
        let out = id.y * job.dst_stride + quad;
        arena[job.dst + out] = pack_u8(scaled(FIX_0_299 * r + FIX_0_587 * g + FIX_0_114 * b + ROUND));
        // The rounding term is one less than a half, as in libjpeg, so that the largest value is 255.
        arena[job.a + out] = pack_u8(scaled(FIX_0_5 * b - FIX_0_16874 * r - FIX_0_33126 * g + CENTRE + ROUND - 1));
        arena[job.b + out] = pack_u8(scaled(FIX_0_5 * r - FIX_0_41869 * g - FIX_0_08131 * b + CENTRE + ROUND - 1));
    }
}
