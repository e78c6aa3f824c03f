//! Targets that hold for every channel, and where the sampled families lie.

use super::*;
use crate::backend::CpuBackend;
use crate::codec::encode_png;
use crate::encode::{EncodeOptions, encode};
use crate::quality::presets::{Preset, at_quality};
use crate::quality::rows::RowSource;
use crate::slide::{OpenOptions, OpenSlideUse, Slide};

const SIDE: u32 = 640;

/// Cells in blue on black, as a fluorescence scanner sees a nuclear stain.
fn blue_cells() -> Vec<u8> {
    let value = |x: f64, y: f64| {
        let (u, v) = ((x / 23.0).sin() + (y / 31.0).cos(), (x / 5.0 + y / 9.0).sin());
        (u * 90.0 + v * 25.0).clamp(0.0, 255.0) as u8
    };
    (0..SIDE * SIDE).flat_map(|i| [0, 0, value(f64::from(i % SIDE), f64::from(i / SIDE))]).collect()
}

fn open(path: &std::path::Path) -> Source {
    let options = OpenOptions { openslide: OpenSlideUse::Never, ..OpenOptions::default() };
    let slide = Slide::open(path, &options).unwrap();
    Source::Slide(Box::new(slide), Geometry::new(SIDE, SIDE, 64).unwrap())
}

#[test]
fn a_target_holds_for_the_channel_for_which_luma_does_not_stand() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("blue.png");
    std::fs::write(&path, encode_png(&blue_cells(), 3, SIDE as usize, SIDE as usize).unwrap()).unwrap();
    let (backend, scheduler) = (CpuBackend::new(), Scheduler::new(2).unwrap());
    let bases = [EncodeParams::default(), Preset::Balanced.params(), Preset::Small.params()];
    for (base, target) in bases.iter().zip([36.0, 34.0, 32.0]) {
        let params_at = |quality| at_quality(base, quality);
        let wanted = QualityTarget::Psnr(target);
        let found = search_quality(&mut open(&path), None, wanted, &params_at, &backend, &scheduler).unwrap();
        assert!(found.params.chroma_residual_quality.is_some());
        let options = EncodeOptions::default();
        let made =
            encode(&mut open(&path), dir.path(), &found.params, &options, &backend, &scheduler, &|_| {})
                .unwrap();
        let mut decoded = RowSource::bundle(&made.bundle).unwrap();
        let mut blue = SquaredError::new();
        for (top, height) in [(0, 512), (512, SIDE - 512)] {
            let band = decoded.band(top, height, &scheduler).unwrap();
            let want = &blue_cells()[(3 * top * SIDE) as usize..][..band.rgb.len()];
            let of = |rgb: &[u8]| rgb.iter().skip(2).step_by(3).copied().collect::<Vec<_>>();
            blue.add(&of(want), &of(&band.rgb));
        }
        let (blue, said) = (blue.psnr().unwrap(), made.channel.map(|loss| loss.psnr));
        assert!(blue >= target - 0.1, "{target} dB wanted: blue has {blue:.2}, {said:?} by the encode");
        assert!(said.is_none_or(|said| (said - blue).abs() < 0.1), "{said:?} of {blue}");
    }
    let beyond = QualityTarget::Psnr(60.0);
    let fails = search_quality(&mut open(&path), None, beyond, &|_| bases[0].clone(), &backend, &scheduler);
    assert!(fails.unwrap_err().to_string().contains("blue"));
}

#[test]
fn the_sampled_families_lie_in_many_columns_and_rows() {
    for (columns, rows) in [(64, 64), (32, 32), (7, 64), (90, 64), (1, 500), (500, 1), (31, 33)] {
        let geometry = Geometry::new(columns * 1024, rows * 1024, 256).unwrap();
        let total = u64::from(columns) * u64::from(rows);
        let chosen = spread(&geometry, total, 32);
        assert!(chosen.iter().all(|&at| at < total));
        let distinct =
            |of: &dyn Fn(u64) -> u64| chosen.iter().map(|&at| of(at)).collect::<BTreeSet<_>>().len();
        let (xs, ys) = (distinct(&|at| at % u64::from(columns)), distinct(&|at| at / u64::from(columns)));
        let case = format!("{columns} x {rows}: {} families, {xs} columns, {ys} rows", chosen.len());
        assert!(chosen.len() >= 24, "{case}");
        assert!(xs >= (columns as usize).min(20) && ys >= (rows as usize).min(20), "{case}");
    }
    let few = Geometry::new(5 * 1024, 4 * 1024, 256).unwrap();
    assert_eq!(spread(&few, 20, 32).len(), 20);
    assert_eq!(spread(&few, 7, 32), (0..7).collect());
}
