//! XXH3-128 in two parts: what reads every sample, and the little that comes after it. A device does the first part.
//!
//! The hash (<https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md>) takes *stripes* of 64 bytes as eight numbers of 64 bits. What
//! a stripe adds to the state depends on no other stripe, so stripes are summed in any order; between two sums of sixteen stripes, an
//! *entry*, the state is scrambled. The last 64 bytes are taken once more, by themselves.

use crate::image::plane::PlaneRef;

/// Bytes of a stripe.
const STRIPE: usize = 64;
/// Stripes of an entry.
const STRIPES: usize = 16;
/// Numbers of a stripe.
const LANES: usize = STRIPE / 8;
/// Shorter inputs are hashed in another way.
const LEAST_BYTES: usize = 241;

/// The secret of the hash, in numbers of 64 bits.
#[rustfmt::skip]
pub const SECRET: [u64; 24] = [
    0xbe4b_a423_396c_feb8, 0x1cad_21f7_2c81_017c, 0xdb97_9083_e96d_d4de, 0x1f67_b3b7_a4a4_4072,
    0x78e5_c0cc_4ee6_79cb, 0x2172_ffcc_7dd0_5a82, 0x8e24_43f7_7446_08b8, 0x4c26_3a81_e690_35e0,
    0xcb00_c391_bb52_283c, 0xa32e_531b_8b65_d088, 0x4ef9_0da2_9748_6471, 0xd8ac_dea9_46ef_1938,
    0x3f34_9ce3_3f76_faa8, 0x1d4f_0bc7_c7bb_dcf9, 0x3159_b4cd_4be0_518a, 0x6473_78d9_c97e_9fc8,
    0xc3eb_d334_83ac_c5ea, 0xeb63_13fa_ffa0_81c5, 0x49da_f0b7_51dd_0d17, 0x9e68_d429_2655_16d3,
    0xfca1_477d_58be_162b, 0xce31_d07a_d1b8_f88f, 0x2804_1695_8f3a_cb45, 0x7e40_4bbb_cafb_d7af,
];

const PRIME32: [u64; 3] = [0x9e37_79b1, 0x85eb_ca77, 0xc2b2_ae3d];
const PRIME64: [u64; 5] = [
    0x9e37_79b1_85eb_ca87,
    0xc2b2_ae3d_27d4_eb4f,
    0x1656_67b1_9e37_79f9,
    0x85eb_ca77_c2b2_ae63,
    0x27d4_eb2f_1656_67c5,
];

/// Entries of so many bytes; `None` where there are too few for this way.
pub fn entries(bytes: usize) -> Option<usize> {
    (bytes >= LEAST_BYTES).then(|| ((bytes - 1) / STRIPE).div_ceil(STRIPES))
}

/// The sums of the samples of planes of one size, row by row: those of each entry, then the last 64 bytes as they are. `None`: too few.
pub fn sums(planes: &[PlaneRef<'_>]) -> Option<Vec<u64>> {
    let mut bytes = Vec::with_capacity(planes.iter().map(|plane| plane.width * plane.height).sum());
    for plane in planes {
        (0..plane.height).for_each(|y| bytes.extend_from_slice(plane.row(y)));
    }
    let stripes = (bytes.len().max(1) - 1) / STRIPE;
    let mut sums = Vec::with_capacity(LANES * (entries(bytes.len())? + 1));
    for entry in bytes[..stripes * STRIPE].chunks(STRIPES * STRIPE) {
        let mut sum = [0u64; LANES];
        for (index, stripe) in entry.as_chunks::<STRIPE>().0.iter().enumerate() {
            add(&mut sum, stripe, |lane| SECRET[index + lane]);
        }
        sums.extend(sum);
    }
    sums.extend(numbers(bytes.last_chunk()?));
    Some(sums)
}

/// The hash of so many bytes from their [`sums`]. `None` where these have another length.
pub fn digest(sums: &[u64], bytes: usize) -> Option<u128> {
    let (entries, rest) = sums.as_chunks::<LANES>();
    let (last, entries) = entries.split_last()?;
    if !rest.is_empty() || entries.len() != self::entries(bytes)? {
        return None;
    }
    let mut state =
        [PRIME32[2], PRIME64[0], PRIME64[1], PRIME64[2], PRIME64[3], PRIME32[1], PRIME64[4], PRIME32[0]];
    let whole = (bytes - 1) / (STRIPE * STRIPES);
    for (index, entry) in entries.iter().enumerate() {
        state.iter_mut().zip(entry).for_each(|(state, sum)| *state = state.wrapping_add(*sum));
        if index < whole {
            for (lane, state) in state.iter_mut().enumerate() {
                *state = (*state ^ *state >> 47 ^ SECRET[STRIPES + lane]).wrapping_mul(PRIME32[0]);
            }
        }
    }
    let mut tail = [0; STRIPE];
    tail.as_chunks_mut().0.iter_mut().zip(last).for_each(|(bytes, number)| *bytes = number.to_le_bytes());
    add(&mut state, &tail, |lane| secret_at(121 + 8 * lane));
    let len = bytes as u64;
    let low = merged(&state, 11, len.wrapping_mul(PRIME64[0]));
    let high = merged(&state, 117, !len.wrapping_mul(PRIME64[1]));
    Some(u128::from(high) << 64 | u128::from(low))
}

fn numbers(stripe: &[u8; STRIPE]) -> [u64; LANES] {
    let (numbers, _) = stripe.as_chunks();
    std::array::from_fn(|lane| u64::from_le_bytes(numbers[lane]))
}

/// Adds a stripe to a sum.
fn add(sum: &mut [u64; LANES], stripe: &[u8; STRIPE], secret: impl Fn(usize) -> u64) {
    for (lane, number) in numbers(stripe).into_iter().enumerate() {
        let key = number ^ secret(lane);
        sum[lane ^ 1] = sum[lane ^ 1].wrapping_add(number);
        sum[lane] = sum[lane].wrapping_add((key & 0xffff_ffff) * (key >> 32));
    }
}

/// The number at a byte of the secret.
fn secret_at(byte: usize) -> u64 {
    let (index, shift) = (byte / 8, 8 * (byte % 8) as u32);
    match shift {
        0 => SECRET[index],
        _ => SECRET[index] >> shift | SECRET[index + 1] << (64 - shift),
    }
}

/// Half of the hash.
fn merged(state: &[u64; LANES], secret: usize, start: u64) -> u64 {
    let mut hash = start;
    for (index, pair) in state.as_chunks::<2>().0.iter().enumerate() {
        let [a, b] = [0, 1].map(|i| u128::from(pair[i] ^ secret_at(secret + 16 * index + 8 * i)));
        let product = a * b;
        hash = hash.wrapping_add(product as u64 ^ (product >> 64) as u64);
    }
    hash ^= hash >> 37;
    hash = hash.wrapping_mul(0x1656_6791_9e37_79f9);
    hash ^ hash >> 32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::plane::Plane;
    use crate::kernels::testing::Rng;
    use xxhash_rust::xxh3::xxh3_128;

    #[test]
    fn the_hash_is_xxh3_of_every_length() {
        let mut rng = Rng::new(3);
        let samples: Vec<u8> = (0..5000).map(|_| rng.byte()).collect();
        for len in 0..samples.len() {
            let plane = PlaneRef::new(&samples[..len], len, 1, len.max(1));
            let found = sums(&[plane]).and_then(|sums| digest(&sums, len));
            assert_eq!(found, (len > 240).then(|| xxh3_128(&samples[..len])), "{len} bytes");
        }
    }

    #[test]
    fn rows_and_planes_follow_each_other_without_padding() {
        let mut rng = Rng::new(4);
        let mut plane = || Plane::from_vec(61, 47, (0..61 * 47).map(|_| rng.byte()).collect());
        let (one, two) = (plane(), plane());
        let wider = plane().view().extended(64, 47);
        let inside = wider.view().part(0, 0, 61, 47);
        let bytes = [one.data(), two.data(), inside.to_plane().data()].concat();
        let found = sums(&[one.view(), two.view(), inside]).unwrap();
        assert_eq!(digest(&found, bytes.len()), Some(xxh3_128(&bytes)));
        assert_eq!(digest(&found[8..], bytes.len()), None, "an entry is missing");
    }
}
