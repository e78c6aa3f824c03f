//! A few blocks on vectors and in plain Rust, few enough for Miri (`scripts/miri.sh`), which cannot call libjpeg-turbo.

use super::*;

/// Two that are transformed together, and one alone.
const BLOCKS: usize = 3;

#[test]
fn small_transforms_there_and_back() {
    let samples = extreme(SIDE * BLOCKS, SIDE, Sampling::Gray).luma;
    for quality in [1, 77] {
        let of = || component(vec![[0; 64]; BLOCKS], steps(quality, false));
        let (mut scalar, mut best) = (of(), of());
        transform_with::<Scalar>(samples.view(), &mut scalar);
        transform(samples.view(), &mut best);
        assert_eq!(scalar.blocks, best.blocks, "quality {quality}");
        let planes = [(); 2].map(|()| Plane::new(SIDE * BLOCKS, SIDE));
        let ([mut want, mut got], mut goods) = (planes, [true; 2]);
        to_plane_with::<Scalar>(&scalar, &mut want, &mut goods[0]);
        to_plane(&scalar, &mut got, &mut goods[1]);
        assert_eq!(goods[0], goods[1], "quality {quality}");
        assert!(goods[0], "quality {quality}: nothing is compared");
        testing::assert_same("blocks", "there and back", &want, &got);
    }
}

#[test]
fn small_sets_of_coefficients() {
    let mut rng = Rng::new(3);
    let blocks: Vec<Block> = (0..BLOCKS).map(|_| [0; 64].map(|_: i16| i16::from(rng.byte() & 1))).collect();
    let (mut scalar, mut best) = (Vec::new(), Vec::new());
    sets_with::<Scalar>(&blocks, &mut scalar);
    sets(&blocks, &mut best);
    assert!(scalar == best && scalar.iter().all(|&set| set != 0));
}
