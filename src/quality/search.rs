//! Searches for the quality at which a slide has a wanted PSNR or size, on a sample of its families.
//!
//! It codes the sampled families as [`crate::encode`] does and measures the result. It writes no files.

use crate::backend::Backend;
use crate::backend::scheduler::Scheduler;
use crate::error::{Error, Result};
use crate::params::EncodeParams;
use crate::pyramid::source::Source;
use crate::quality::channels::ChannelLoss;
use crate::quality::sample::{Coded, Sample};

/// The property of an encode that the search must reach.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum QualityTarget {
    /// PSNR of L0 luma in dB, at least; where luma does not stand for a channel, that of the worst channel as well.
    Psnr(f64),
    /// Bytes of the bundle, at most.
    Bytes(u64),
}

/// A quality, and what the sampled families predict for the whole slide.
#[derive(Clone, Debug)]
pub struct QualityEstimate {
    /// Quality of the residual, 1 to 100.
    pub quality: u8,
    /// The parameters. Where luma does not stand for a channel, they have a chroma residual.
    pub params: EncodeParams,
    /// PSNR of L0 luma in dB, measured on the sampled families.
    pub psnr: f64,
    /// The worst channel, where luma does not stand for it and is far better.
    pub channel: Option<ChannelLoss>,
    /// Estimated bytes of the bundle.
    pub bytes: u64,
    /// Number of sampled families.
    pub families: usize,
}

impl QualityEstimate {
    /// What a PSNR is compared with: luma's, or that of a channel which is far below it.
    fn steering_psnr(&self) -> f64 {
        self.channel.map_or(self.psnr, |channel| channel.psnr.min(self.psnr))
    }
}

/// Finds the lowest quality that reaches a PSNR, or the highest one whose bundle is not larger than a size. `params_at` gives the
/// parameters at a quality of the residual. For a PSNR a chroma residual is added where luma does not stand for a channel: chroma
/// from L2 alone does not carry it.
///
/// `limit` is the number of families that the encode will take, row by row. The search consumes a sequential source: open it again
/// for the encode.
///
/// # Errors
/// A target that no quality reaches, with the nearest result; errors of source, codec and backend.
pub fn search_quality(
    source: &mut Source,
    limit: Option<u64>,
    target: QualityTarget,
    params_at: &(dyn Fn(u8) -> EncodeParams + Sync),
    backend: &dyn Backend,
    scheduler: &Scheduler,
) -> Result<QualityEstimate> {
    let sample = Sample::take(source, limit, &params_at(50))?;
    let reaches = |estimate: &QualityEstimate| match target {
        QualityTarget::Psnr(db) => estimate.steering_psnr() >= db,
        QualityTarget::Bytes(bytes) => estimate.bytes <= bytes,
    };
    let try_at = |quality, chroma: bool| {
        let mut params = params_at(quality);
        let residual = Some(params.residual_quality);
        params.chroma_residual_quality = params.chroma_residual_quality.or(residual.filter(|_| chroma));
        params.validate()?;
        estimated(&sample, quality, &params, backend, scheduler)
    };
    // PSNR and bytes both rise with the quality: bisect between the end that can reach the target and one past the other end.
    let (near, far) = match target {
        QualityTarget::Psnr(_) => (100i32, 0),
        QualityTarget::Bytes(_) => (1, 101),
    };
    let mut best = try_at(near as u8, false)?;
    let chroma = matches!(target, QualityTarget::Psnr(_)) && best.channel.is_some();
    if chroma {
        best = try_at(near as u8, true)?;
    }
    if !reaches(&best) {
        return Err(out_of_reach(target, &best));
    }
    let (mut good, mut bad) = (near, far);
    while (good - bad).abs() > 1 {
        let middle = (good + bad) / 2;
        let tried = try_at(middle as u8, chroma)?;
        if reaches(&tried) {
            (good, best) = (middle, tried);
        } else {
            bad = middle;
        }
    }
    Ok(best)
}

/// Estimates at several qualities, from one sample. `limit`, `params_at` and the source are as in [`search_quality`].
///
/// # Errors
/// As [`search_quality`], except that every result is good.
pub fn rate_curve(
    source: &mut Source,
    limit: Option<u64>,
    qualities: &[u8],
    params_at: &(dyn Fn(u8) -> EncodeParams + Sync),
    backend: &dyn Backend,
    scheduler: &Scheduler,
) -> Result<Vec<QualityEstimate>> {
    let sample = Sample::take(source, limit, &params_at(50))?;
    let code = |&quality: &u8| {
        let params = params_at(quality);
        params.validate()?;
        estimated(&sample, quality, &params, backend, scheduler)
    };
    qualities.iter().map(code).collect()
}

/// What the sample says of a quality.
fn estimated(
    sample: &Sample,
    quality: u8,
    params: &EncodeParams,
    backend: &dyn Backend,
    scheduler: &Scheduler,
) -> Result<QualityEstimate> {
    let Coded { luma, channels, bytes } = sample.code(params, backend, scheduler)?;
    Ok(QualityEstimate {
        quality,
        params: params.clone(),
        psnr: luma.psnr().unwrap_or(f64::INFINITY),
        channel: channels.far_below_luma(),
        bytes,
        families: sample.families.len(),
    })
}

fn out_of_reach(target: QualityTarget, nearest: &QualityEstimate) -> Error {
    match target {
        QualityTarget::Psnr(wanted_db) => Error::PsnrOutOfReach {
            wanted_db,
            best_db: nearest.steering_psnr(),
            of: nearest.channel.map_or("luma", |channel| channel.channel),
        },
        QualityTarget::Bytes(wanted_bytes) => {
            Error::SizeOutOfReach { wanted_bytes, least_bytes: nearest.bytes }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::CpuBackend;
    use crate::codec::encode_png;
    use crate::encode::{EncodeOptions, encode};
    use crate::image::geometry::Geometry;
    use crate::quality::metrics::SquaredError;
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
            let found =
                search_quality(&mut open(&path), None, wanted, &params_at, &backend, &scheduler).unwrap();
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
        let fails =
            search_quality(&mut open(&path), None, beyond, &|_| bases[0].clone(), &backend, &scheduler);
        assert!(fails.unwrap_err().to_string().contains("blue"));
    }
}
