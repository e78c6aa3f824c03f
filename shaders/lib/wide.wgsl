// Numbers of 64 bits as two words, the low one first. This text precedes `proof` and `rates`.

fn sum(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
    let low = a.x + b.x;
    return vec2<u32>(low, a.y + b.y + select(0u, 1u, low < a.x));
}

// All 64 bits of a product.
fn product(a: u32, b: u32) -> vec2<u32> {
    let low = (a & 0xffffu) * (b & 0xffffu);
    let one = (a & 0xffffu) * (b >> 16u);
    let two = (a >> 16u) * (b & 0xffffu);
    let high = (a >> 16u) * (b >> 16u);
    let mid = (low >> 16u) + (one & 0xffffu) + (two & 0xffffu);
    return vec2<u32>((low & 0xffffu) | (mid << 16u), high + (one >> 16u) + (two >> 16u) + (mid >> 16u));
}
