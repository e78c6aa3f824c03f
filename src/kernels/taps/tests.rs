//! Bounds, sums and widths of every table that the codec can make.

use super::*;

/// Every shape of table that the codec can make.
fn tables() -> Vec<(String, Taps)> {
    let mut all = Vec::new();
    for filter in Filter::ALL {
        for factor in [1, 2, 4, 8] {
            for n in [1usize, 2, 3, 5, 8, 13, 64, 255, 256] {
                let up = Taps::upsample(filter, n, factor, n * factor);
                for cut in 0..factor.min(3) {
                    let target = n * factor - cut;
                    all.push((
                        format!("{filter:?} transpose x{factor} {n}-{cut}"),
                        Taps::transpose(&up, factor, target),
                    ));
                }
                all.push((format!("{filter:?} gram x{factor} {n}"), Taps::gram(&up, factor)));
                all.push((format!("{filter:?} up x{factor} {n}"), up));
                all.push((format!("{filter:?} down /{factor} {n}"), Taps::downsample(filter, n, factor)));
            }
        }
        for n in [1usize, 7, 100, 1024] {
            for pct in [1usize, 10, 33, 50, 75, 99] {
                let m = (n * pct / 100).max(1);
                all.push((format!("{filter:?} scale {n}->{m}"), Taps::scale(filter, n, m)));
                all.push((format!("{filter:?} scale {m}->{n}"), Taps::scale(filter, m, n)));
            }
        }
    }
    all
}

#[test]
fn no_pass_can_overflow_with_any_table() {
    for (name, t) in tables() {
        for i in 0..t.out_len() {
            assert!(
                t.start(i) + t.used() <= t.in_len()
                    || t.coeffs(i)[t.in_len() - t.start(i)..].iter().all(|&c| c == 0)
            );
            let plus: i64 = t.coeffs(i).iter().filter(|&&c| c > 0).map(|&c| i64::from(c)).sum();
            let minus: i64 = t.coeffs(i).iter().filter(|&&c| c < 0).map(|&c| i64::from(c)).sum();
            // Horizontal: u8 x Q14, rounded to Q6, must fit i16.
            assert!(
                (255 * plus + 128) >> 8 <= i64::from(i16::MAX),
                "{name}: row {i} reaches {}",
                (255 * plus) >> 8
            );
            assert!((255 * minus + 128) >> 8 >= i64::from(i16::MIN), "{name}: row {i}");
            // Vertical: the widest Q6 sample times Q14 must fit i32 with the rounding term.
            let (hi, lo) = ((255 * plus + 128) >> 8, (255 * minus + 128) >> 8);
            assert!(hi * plus + lo * minus + (1 << 19) < i64::from(i32::MAX), "{name}: row {i}");
            assert!(lo * plus + hi * minus > i64::from(i32::MIN), "{name}: row {i}");
        }
    }
}

#[test]
fn interpolation_keeps_flat_areas_flat() {
    for (name, t) in tables().iter().filter(|(n, _)| !n.contains("transpose") && !n.contains("gram")) {
        for i in 0..t.out_len() {
            assert_eq!(t.coeffs(i).iter().map(|&c| i32::from(c)).sum::<i32>(), TAP_ONE, "{name}: row {i}");
        }
    }
}

#[test]
fn the_normal_equations_agree_on_flat_areas() {
    for filter in Filter::ALL {
        for factor in [2, 4, 8] {
            for n in [1usize, 2, 3, 9, 40] {
                let up = Taps::upsample(filter, n, factor, n * factor);
                let (b, g) = (Taps::transpose(&up, factor, n * factor), Taps::gram(&up, factor));
                for i in 0..n {
                    let sum = |t: &Taps| t.coeffs(i).iter().map(|&c| i32::from(c)).sum::<i32>();
                    assert_eq!(sum(&b), sum(&g), "{filter:?} x{factor} of {n}: row {i}");
                }
            }
        }
    }
}

#[test]
fn the_band_of_the_normal_equations_is_as_wide_as_the_theory_says() {
    for (filter, width) in [(Filter::Lanczos3, 11), (Filter::Bicubic, 7), (Filter::Bilinear, 3)] {
        let up = Taps::upsample(filter, 64, 4, 256);
        assert_eq!(Taps::gram(&up, 4).used(), width, "{filter:?}");
        let norm = Taps::gram(&up, 4).spectral_norm();
        assert!((0.99..1.06).contains(&norm), "{filter:?}: {norm}");
    }
}

#[test]
fn tables_are_pinned() {
    use xxhash_rust::xxh3::Xxh3;
    let mut h = Xxh3::new();
    for (_, t) in tables() {
        for i in 0..t.out_len() {
            h.update(&(t.start(i) as u32).to_le_bytes());
            for c in t.coeffs(i) {
                h.update(&c.to_le_bytes());
            }
        }
    }
    assert_eq!(format!("{:016x}", h.digest()), "74f504e4d11431ff");
}

#[test]
fn a_window_at_the_edge_is_the_whole_axis_and_one_elsewhere_is_moved() {
    for filter in Filter::ALL {
        for (n, m) in [(9, 4), (64, 21), (30, 77)] {
            let step = n as f64 / m as f64;
            assert_eq!(Taps::window(filter, n, (0.0, step), m), Taps::scale(filter, n, m));
        }
        let (plain, moved) =
            (Taps::window(filter, 90, (0.0, 3.0), 30), Taps::window(filter, 90, (6.0, 3.0), 28));
        for i in 4..20 {
            assert_eq!(
                (plain.start(i + 2), plain.coeffs(i + 2)),
                (moved.start(i), moved.coeffs(i)),
                "{filter:?} {i}"
            );
        }
        // Half a sample away an output lies between two.
        let between = Taps::window(filter, 20, (0.5, 1.0), 19);
        assert_eq!(
            (
                between.out_len(),
                between.coeffs(9)[..between.used()].iter().map(|&c| i32::from(c)).sum::<i32>()
            ),
            (19, TAP_ONE)
        );
    }
}
