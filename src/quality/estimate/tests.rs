use super::*;

/// Sizes of a slide of which nine tenths are glass.
fn sizes(n: usize) -> Vec<f64> {
    let noise = |i: usize| xxh3_64(&(i as u64 + 1000).to_be_bytes()) as f64 / u64::MAX as f64;
    (0..n).map(|i| if i % 10 == 3 { 500.0 + 4500.0 * noise(i) } else { 4.0 * noise(i) }).collect()
}

/// Values that follow the sizes loosely.
fn value(i: usize, size: f64, seed: u64) -> f64 {
    let noise = xxh3_64(&(i as u64 + (seed << 32)).to_le_bytes()) as f64 / u64::MAX as f64;
    700.0 + size * (5.0 + 10.0 * noise)
}

#[test]
fn the_weights_of_a_sample_add_up_to_the_population() {
    for n in [1, 4, 63, 64, 65, 70, 300, 5000] {
        for sizes in [sizes(n), vec![0.0; n], vec![7.0; n]] {
            let design = Design::new(&sizes, 64);
            let weights = design.weights();
            let most = 64 + STRATA * LEAST_DRAWN;
            assert!((60.min(n)..=most.max(4 * 64 / 3)).contains(&weights.len()), "{n}: {}", weights.len());
            assert!((weights.values().sum::<f64>() - n as f64).abs() < 1e-6, "{n}");
            assert!(weights.keys().all(|&i| i < n));
            assert_eq!(design.total(|_| 1.0).interval().map(f64::round), Interval::exact(n as f64), "{n}");
        }
    }
}

#[test]
fn the_largest_family_is_always_measured() {
    let mut sizes = sizes(1000);
    sizes[777] = 1e6;
    assert_eq!(Design::new(&sizes, 64).weights().get(&777), Some(&1.0));
}

#[test]
fn nearly_all_intervals_hold_the_true_sum_and_they_are_narrow() {
    let (mut held, mut width) = (0, 0.0);
    const RUNS: u64 = 400;
    for seed in 0..RUNS {
        // Another number of families draws others.
        let sizes = sizes(1000 + seed as usize);
        let of = |i: usize| value(i, sizes[i], seed);
        let truth: f64 = (0..sizes.len()).map(of).sum();
        let interval = Design::new(&sizes, 96).total(of).interval();
        held += u64::from(interval.contains(truth));
        width += (interval.high - interval.low) / truth / RUNS as f64;
    }
    assert!(held >= RUNS * 97 / 100, "{held} of {RUNS}");
    assert!(width < 0.1, "{width}");
}

#[test]
fn a_regression_takes_the_sizes_into_account() {
    let (mut held, mut width) = (0, 0.0);
    const RUNS: u64 = 400;
    for seed in 0..RUNS {
        let sizes = sizes(2000 + seed as usize);
        let measured: Vec<_> =
            draw(0..sizes.len(), 256).into_iter().map(|i| (i, value(i, sizes[i], seed))).collect();
        let truth: f64 = (0..sizes.len()).map(|i| value(i, sizes[i], seed)).sum();
        let interval = regression_total(&sizes, &measured).interval();
        held += u64::from(interval.contains(truth));
        width += (interval.high - interval.low) / truth / RUNS as f64;
    }
    assert!(held >= RUNS * 97 / 100, "{held} of {RUNS}");
    assert!(width < 0.3, "{width}");
}

#[test]
fn what_is_measured_whole_is_known() {
    let values = [(0, 3.0), (1, 5.0), (2, 11.0)];
    assert_eq!(regression_total(&[1.0, 2.0, 3.0], &values).interval(), Interval::exact(19.0));
    assert_eq!(regression_total(&[], &[]).interval(), Interval::exact(0.0));
    let sum = Total::exact(4.0) + Design::new(&[1.0, 9.0], 64).total(|i| i as f64);
    assert_eq!(sum.interval(), Interval::exact(5.0));
}

#[test]
fn equal_members_count_once() {
    // Of a hundred equal ones four were measured, of ten others all; two of those are equal.
    let mut measured: BTreeMap<usize, (u64, f64)> = (0..4).map(|i| (i, (7, 25.0))).collect();
    measured.extend((100..110).map(|i| (i, (i.max(101) as u64, 1.0))));
    let shares = shares(&measured);
    let sum: f64 = measured.iter().map(|(i, (_, weight))| weight * shares[i]).sum();
    assert!((sum - 10.0).abs() < 1e-9, "{sum}");
}

#[test]
fn an_interval_through_a_falling_function_keeps_its_order() {
    let interval = Interval { low: 1.0, value: 2.0, high: 4.0 }.map(|v| -v);
    assert_eq!(interval, Interval { low: -4.0, value: -2.0, high: -1.0 });
}
