//! Bytes at equal quality: reading a rate-distortion curve between its measured points.

/// Bytes that the measured curve needs for `at_db`: piecewise linear in log(bytes) against dB.
///
/// `points` are `(quality_db, bytes)` in any order. Real curves are not monotone: where an encoder hits the quantisation grid of its
/// source, a higher setting can be smaller *and* better. A point that another one beats or equals in both is therefore left out, so that
/// the curve rises strictly and shows the best that the measured settings can do. Points without a finite quality or without bytes are
/// left out too.
///
/// `None` if `at_db` lies outside the remaining points: the curve is never extended.
pub fn interpolate_log(points: &[(f64, f64)], at_db: f64) -> Option<f64> {
    let mut best: Vec<(f64, f64)> = points
        .iter()
        .copied()
        .filter(|&(db, bytes)| db.is_finite() && bytes.is_finite() && bytes > 0.0)
        .collect();
    // Best quality first, and of equal quality the smallest first; then keep only points smaller than all before them.
    best.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.total_cmp(&b.1)));
    let mut smallest = f64::INFINITY;
    best.retain(|&(_, bytes)| {
        let stays = bytes < smallest;
        smallest = smallest.min(bytes);
        stays
    });

    if let Some(&(_, bytes)) = best.iter().find(|&&(db, _)| db == at_db) {
        return Some(bytes);
    }
    let (high, low) =
        best.windows(2).map(|w| (w[0], w[1])).find(|(high, low)| low.0 < at_db && at_db < high.0)?;
    let t = (at_db - low.0) / (high.0 - low.0);
    Some((low.1.ln() * (1.0 - t) + high.1.ln() * t).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn between_points_bytes_grow_geometrically() {
        let points = [(40.0, 400.0), (30.0, 100.0), (35.0, 200.0)];
        let at = |db| interpolate_log(&points, db);
        assert_eq!(at(30.0), Some(100.0));
        assert_eq!(at(40.0), Some(400.0));
        assert!((at(32.5).unwrap() - 100.0 * 2f64.sqrt()).abs() < 1e-9);
        assert!((at(36.0).unwrap() - 200.0 * 2f64.powf(0.2)).abs() < 1e-9);
    }

    #[test]
    fn outside_the_points_there_is_no_value() {
        let points = [(30.0, 100.0), (40.0, 400.0)];
        for db in [29.99, 40.01, f64::NAN, f64::INFINITY] {
            assert_eq!(interpolate_log(&points, db), None, "{db}");
        }
        assert_eq!(interpolate_log(&[], 30.0), None);
        assert_eq!(interpolate_log(&[(30.0, 5.0)], 30.0), Some(5.0));
    }

    #[test]
    fn a_setting_that_is_beaten_does_not_bend_the_curve() {
        // 250 bytes for 34 dB are beaten by 200 bytes for 38 dB, and the second point of 30 dB by the first.
        let points = [(30.0, 100.0), (34.0, 250.0), (38.0, 200.0), (40.0, 300.0), (30.0, 120.0)];
        let at = |db| interpolate_log(&points, db).unwrap();
        assert!((at(34.0) - 100.0 * 2f64.sqrt()).abs() < 1e-9);
        let curve: Vec<f64> = (0..=100).map(|i| at(30.0 + f64::from(i) * 0.1)).collect();
        assert!(curve.windows(2).all(|w| w[0] < w[1]), "{curve:?}");
    }

    #[test]
    fn identical_images_and_empty_files_are_no_points() {
        let points = [(30.0, 100.0), (f64::INFINITY, 900.0), (40.0, 400.0), (35.0, 0.0)];
        assert!((interpolate_log(&points, 35.0).unwrap() - 200.0).abs() < 1e-9);
        assert_eq!(interpolate_log(&points, 41.0), None);
    }
}
