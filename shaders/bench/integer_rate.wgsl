// Measures the 32-bit integer multiply-adds a second of an adapter. Not a kernel: benches compare the kernels
// with it.
//
// Every invocation runs ROUNDS rounds of 16 independent multiply-adds on values that the compiler cannot
// know, and stores their sum.

@group(0) @binding(0) var<storage, read_write> arena: array<u32>;
@group(0) @binding(1) var<storage, read> tables: array<vec4<i32>>;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let factor = tables[0];
    var a = vec4<i32>(i32(id.x)) + factor;
    var b = a + vec4<i32>(1);
    var c = a + vec4<i32>(2);
    var d = a + vec4<i32>(3);
    for (var i = 0u; i < ROUNDS; i++) {
        a = a * factor + b;
        b = b * factor + c;
        c = c * factor + d;
        d = d * factor + a;
    }
    let sum = a + b + c + d;
    arena[id.x] = u32(sum.x + sum.y + sum.z + sum.w);
}
