//! Delta E 2000 against the test data of the paper that defines how to implement it.

use super::*;

/// Table 1 of Sharma, Wu, Dalal (2005): L*, a*, b* of both colours, Delta E 2000 to four digits.
#[rustfmt::skip]
const SHARMA: [([f64; 3], [f64; 3], f64); 34] = [
    ([50.0000, 2.6772, -79.7751], [50.0000, 0.0000, -82.7485], 2.0425),
    ([50.0000, 3.1571, -77.2803], [50.0000, 0.0000, -82.7485], 2.8615),
    ([50.0000, 2.8361, -74.0200], [50.0000, 0.0000, -82.7485], 3.4412),
    ([50.0000, -1.3802, -84.2814], [50.0000, 0.0000, -82.7485], 1.0000),
    ([50.0000, -1.1848, -84.8006], [50.0000, 0.0000, -82.7485], 1.0000),
    ([50.0000, -0.9009, -85.5211], [50.0000, 0.0000, -82.7485], 1.0000),
    ([50.0000, 0.0000, 0.0000], [50.0000, -1.0000, 2.0000], 2.3669),
    ([50.0000, -1.0000, 2.0000], [50.0000, 0.0000, 0.0000], 2.3669),
    ([50.0000, 2.4900, -0.0010], [50.0000, -2.4900, 0.0009], 7.1792),
    ([50.0000, 2.4900, -0.0010], [50.0000, -2.4900, 0.0010], 7.1792),
    ([50.0000, 2.4900, -0.0010], [50.0000, -2.4900, 0.0011], 7.2195),
    ([50.0000, 2.4900, -0.0010], [50.0000, -2.4900, 0.0012], 7.2195),
    ([50.0000, -0.0010, 2.4900], [50.0000, 0.0009, -2.4900], 4.8045),
    ([50.0000, -0.0010, 2.4900], [50.0000, 0.0010, -2.4900], 4.8045),
    ([50.0000, -0.0010, 2.4900], [50.0000, 0.0011, -2.4900], 4.7461),
    ([50.0000, 2.5000, 0.0000], [50.0000, 0.0000, -2.5000], 4.3065),
    ([50.0000, 2.5000, 0.0000], [73.0000, 25.0000, -18.0000], 27.1492),
    ([50.0000, 2.5000, 0.0000], [61.0000, -5.0000, 29.0000], 22.8977),
    ([50.0000, 2.5000, 0.0000], [56.0000, -27.0000, -3.0000], 31.9030),
    ([50.0000, 2.5000, 0.0000], [58.0000, 24.0000, 15.0000], 19.4535),
    ([50.0000, 2.5000, 0.0000], [50.0000, 3.1736, 0.5854], 1.0000),
    ([50.0000, 2.5000, 0.0000], [50.0000, 3.2972, 0.0000], 1.0000),
    ([50.0000, 2.5000, 0.0000], [50.0000, 1.8634, 0.5757], 1.0000),
    ([50.0000, 2.5000, 0.0000], [50.0000, 3.2592, 0.3350], 1.0000),
    ([60.2574, -34.0099, 36.2677], [60.4626, -34.1751, 39.4387], 1.2644),
    ([63.0109, -31.0961, -5.8663], [62.8187, -29.7946, -4.0864], 1.2630),
    ([61.2901, 3.7196, -5.3901], [61.4292, 2.2480, -4.9620], 1.8731),
    ([35.0831, -44.1164, 3.7933], [35.0232, -40.0716, 1.5901], 1.8645),
    ([22.7233, 20.0904, -46.6940], [23.0331, 14.9730, -42.5619], 2.0373),
    ([36.4612, 47.8580, 18.3852], [36.2715, 50.5065, 21.2231], 1.4146),
    ([90.8027, -2.0831, 1.4410], [91.1528, -1.6435, 0.0447], 1.4441),
    ([90.9257, -0.5406, -0.9208], [88.6381, -0.8985, -0.7239], 1.5381),
    ([6.7747, -0.2908, -2.4247], [5.8714, -0.0985, -2.2286], 0.6377),
    ([2.0776, 0.0795, -1.1350], [0.9033, -0.0636, -0.5514], 0.9082),
];

fn lab([l, a, b]: [f64; 3]) -> Lab {
    Lab { l, a, b }
}

#[test]
fn equals_the_published_test_data_both_ways_round() {
    for (row, (one, two, want)) in SHARMA.into_iter().enumerate() {
        for got in [delta_e_2000(lab(one), lab(two)), delta_e_2000(lab(two), lab(one))] {
            assert!((got - want).abs() < 1e-4, "pair {}: {got}, want {want}", row + 1);
        }
        assert_eq!(delta_e_2000(lab(one), lab(one)), 0.0);
    }
}

#[test]
fn srgb_primaries_have_their_known_lab_values() {
    // To the four digits that the sRGB primaries under D65 are usually listed with.
    let known = [
        ([255, 0, 0], [53.2408, 80.0925, 67.2032]),
        ([0, 255, 0], [87.7347, -86.1827, 83.1793]),
        ([0, 0, 255], [32.2970, 79.1875, -107.8602]),
        ([255, 255, 255], [100.0, 0.0, 0.0]),
        ([0, 0, 0], [0.0, 0.0, 0.0]),
    ];
    for (rgb, want) in known {
        let (got, want) = (SrgbToLab::default().convert(rgb), lab(want));
        let off = [got.l - want.l, got.a - want.a, got.b - want.b];
        assert!(off.iter().all(|d| d.abs() < 2e-3), "{rgb:?}: {got:?}, want {want:?}");
    }
}

#[test]
fn greys_have_no_hue() {
    for code in 0..=255 {
        let grey = SrgbToLab::default().convert([code; 3]);
        assert!(grey.a.abs() < 1e-9 && grey.b.abs() < 1e-9, "{code}: {grey:?}");
    }
}

#[test]
fn mean_and_percentile_count_every_pixel() {
    let mut all = DeltaE::new();
    assert_eq!((all.mean(), all.percentile(0.95)), (None, None));
    all.add(&[90; 3 * 90], &[90; 3 * 90]);
    assert_eq!((all.mean(), all.percentile(0.95)), (Some(0.0), Some(0.0)));

    let mut others = DeltaE::new();
    others.add(&[0; 3 * 10], &[255; 3 * 10]);
    all.merge(&others);
    assert_eq!(all.count(), 100);
    // Black and white differ by 100 in lightness alone, which their mean of 50 does not weigh down.
    assert!((all.mean().unwrap() - 10.0).abs() < 1e-9);
    assert_eq!(all.percentile(0.90), Some(0.0));
    assert!((all.percentile(0.95).unwrap() - 100.0).abs() <= DeltaE::STEP);
}

#[test]
fn a_percentile_is_at_most_one_step_too_high() {
    let (a, b): (Vec<u8>, Vec<u8>) = pixels(1000);
    let mut all = DeltaE::new();
    all.add(&a, &b);
    let to_lab = SrgbToLab::default();
    let mut each: Vec<f64> = (a.as_chunks::<3>().0.iter().zip(b.as_chunks::<3>().0))
        .map(|(&a, &b)| delta_e_2000(to_lab.convert(a), to_lab.convert(b)))
        .collect();
    each.sort_by(f64::total_cmp);
    for (part, index) in [(0.5, 499), (0.95, 949), (1.0, 999), (0.0, 0)] {
        let (got, want) = (all.percentile(part).unwrap(), each[index]);
        assert!(got + 1e-9 >= want && got <= want + DeltaE::STEP + 1e-9, "{part}: {got}, want {want}");
    }
    assert!((all.mean().unwrap() - each.iter().sum::<f64>() / 1000.0).abs() < 1e-9);
}

#[test]
fn no_pair_of_srgb_corners_leaves_the_histogram() {
    let corner = |i: u8| [0, 1, 2].map(|bit| if i >> bit & 1 == 1 { 255 } else { 0 });
    let to_lab = SrgbToLab::default();
    for (i, j) in (0..8).flat_map(|i| (0..8).map(move |j| (i, j))) {
        let got = delta_e_2000(to_lab.convert(corner(i)), to_lab.convert(corner(j)));
        assert!(got < (DeltaE::BINS - 1) as f64 * DeltaE::STEP, "{i} {j}: {got}");
    }
}

#[test]
#[should_panic(expected = "threes")]
fn part_of_a_pixel_is_refused() {
    DeltaE::new().add(&[1, 2, 3, 4], &[1, 2, 3, 4]);
}

/// Pixels of all colours, and others near them.
fn pixels(count: usize) -> (Vec<u8>, Vec<u8>) {
    let a: Vec<u8> = (0..3 * count).map(|i| (i.wrapping_mul(0x9e37_79b1) >> 11) as u8).collect();
    let b = a
        .iter()
        .enumerate()
        .map(|(i, &v)| v.saturating_add((i.wrapping_mul(0x85eb_ca77) >> 13) as u8 % 16))
        .collect();
    (a, b)
}

/// `cargo test --release -- --ignored --nocapture metrics` prints the speed.
#[test]
#[ignore = "a measurement"]
fn speed() {
    let (a, b) = pixels(1 << 20);
    let mut all = DeltaE::new();
    let start = std::time::Instant::now();
    all.add(&a, &b);
    println!("delta E: {:?} a megapixel, mean {:?}", start.elapsed(), all.mean());
}
