//! Presets on slides whose luma does not stand for red, green or blue.
//!
//! A preset was measured on stained tissue, where luma tells how good a picture is. On fluorescence a channel is far worse than the
//! luma that the preset reaches there. Then chroma is coded finer, until the worst channel is near that luma. Sampled families of
//! the slide decide, and only those for which luma does not stand: a slide without any keeps the preset as it is.

use serde::Serialize;

use crate::backend::Backend;
use crate::backend::scheduler::Scheduler;
use crate::error::Result;
use crate::params::{EncodeParams, Subsamp};
use crate::pyramid::source::Source;
use crate::quality::channels::{ChannelLoss, FAR_DB, luma_stands_for};
use crate::quality::presets::base_quality;
use crate::quality::sample::Sample;

/// Finest quality of chroma that is tried. Above, bytes rise steeply, and half the size of chroma limits what comes of it.
const FINEST: u8 = 95;
/// Finest quality of the baseline that comes with it. On a slide in red, 95 cost a third more bytes than 75 and gained 0.9 dB; finer chroma of
/// the residual gains as much for less.
const FINEST_BASELINE: u8 = 80;
/// Where the finest quality does not suffice, a coarser one does as well that is so many dB worse.
const NEARLY_DB: f64 = 0.5;

/// How a preset was adapted to a slide.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Adaptation {
    /// The worst channel of the sampled families with the preset as it is.
    pub before: ChannelLoss,
    /// The worst channel with [`Self::params`].
    pub after: ChannelLoss,
    /// The parameters to encode with.
    #[serde(skip)]
    pub params: EncodeParams,
}

/// Adapts the parameters of a preset, if a channel is far below luma in families for which luma does not stand. `fixed` puts back what
/// the caller chose. `limit` and the source are as in [`crate::quality::search::search_quality`]. The same slide and parameters
/// give the same result.
///
/// # Errors
/// Errors of source, codec and backend.
pub fn adapt(
    source: &mut Source,
    limit: Option<u64>,
    params: &EncodeParams,
    fixed: &dyn Fn(EncodeParams) -> EncodeParams,
    backend: &dyn Backend,
    scheduler: &Scheduler,
) -> Result<Option<Adaptation>> {
    if source.geometry().l2().is_none() || limit == Some(0) {
        return Ok(None);
    }
    let mut sample = Sample::of_families(source, limit, params)?;
    sample.families.retain(|family| !luma_stands_for(&family.image));
    if sample.families.is_empty() {
        return Ok(None);
    }
    let code = |params: &EncodeParams| {
        Ok::<_, crate::error::Error>(sample.code(params, backend, scheduler)?.channels)
    };
    let Some(before) = code(params)?.far_below_luma() else { return Ok(None) };
    let from = params.chroma_residual_quality.unwrap_or(0);
    let at = |quality: u8| fixed(finer_chroma(params, quality));
    let finest = at(FINEST);
    if finest == *params || finest.validate().is_err() {
        return Ok(None);
    }
    let Some(best) = code(&finest)?.worst() else { return Ok(None) };
    if best.psnr < before.psnr + NEARLY_DB {
        return Ok(None);
    }
    let wanted = (before.y_psnr - FAR_DB).min(best.psnr - NEARLY_DB);
    let (mut coarse, mut good, mut after) = (from, FINEST, best);
    while good > coarse + 1 {
        let middle = coarse + (good - coarse) / 2;
        match code(&at(middle))?.worst() {
            Some(worst) if worst.psnr < wanted => coarse = middle,
            Some(worst) => (good, after) = (middle, worst),
            None => good = middle,
        }
    }
    Ok(Some(Adaptation { before, after, params: at(good) }))
}

/// The parameters with chroma of this quality: as a residual, and in the baseline, of which L2 and the levels above it are made.
fn finer_chroma(params: &EncodeParams, quality: u8) -> EncodeParams {
    EncodeParams {
        subsamp: Subsamp::S444,
        chroma_residual_quality: Some(quality),
        base_quality: params.base_quality.max(base_quality(quality).min(FINEST_BASELINE)),
        ..params.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::CpuBackend;
    use crate::codec::encode_png;
    use crate::image::geometry::Geometry;
    use crate::quality::presets::Preset;
    use crate::slide::{OpenOptions, OpenSlideUse, Slide};

    const SIDE: u32 = 512;

    /// A picture whose pixels are functions of a texture of cells.
    fn source(dir: &std::path::Path, color: impl Fn(u8) -> [u8; 3]) -> Source {
        let value = |x: f64, y: f64| {
            let (u, v) = ((x / 23.0).sin() + (y / 31.0).cos(), (x / 5.0 + y / 9.0).sin());
            (u * 90.0 + v * 25.0).clamp(0.0, 255.0) as u8
        };
        let pixel = |i: u32| color(value(f64::from(i % SIDE), f64::from(i / SIDE)));
        let pixels: Vec<u8> = (0..SIDE * SIDE).flat_map(pixel).collect();
        let path = dir.join("slide.png");
        std::fs::write(&path, encode_png(&pixels, 3, SIDE as usize, SIDE as usize).unwrap()).unwrap();
        let options = OpenOptions { openslide: OpenSlideUse::Never, ..OpenOptions::default() };
        let slide = Slide::open(&path, &options).unwrap();
        Source::Slide(Box::new(slide), Geometry::new(SIDE, SIDE, 64).unwrap())
    }

    #[test]
    fn presets_hold_one_colour_on_black_near_their_luma_and_leave_tissue_alone() {
        let dir = tempfile::tempdir().unwrap();
        let (backend, scheduler) = (CpuBackend::new(), Scheduler::new(2).unwrap());
        let plain = |params| params;
        for preset in [Preset::Archive, Preset::Balanced, Preset::Small] {
            let params = preset.params();
            let run = |color: &dyn Fn(u8) -> [u8; 3], fixed: &dyn Fn(EncodeParams) -> EncodeParams| {
                adapt(&mut source(dir.path(), color), None, &params, fixed, &backend, &scheduler).unwrap()
            };
            let tissue = |v: u8| [200 + v / 8, 120 + v / 2, 170 + v / 4];
            assert_eq!(run(&tissue, &plain), None, "{}", preset.name());
            let blue = |v: u8| [0, 0, v];
            let adapted = run(&blue, &plain).unwrap();
            assert_eq!(run(&blue, &plain).as_ref(), Some(&adapted), "it must not depend on the run");
            let Adaptation { before, after, params: finer } = adapted;
            assert_eq!(before.channel, "blue");
            let (name, gained) = (preset.name(), after.psnr - before.psnr);
            assert!(gained > 2.0, "{name}: {before:?} to {after:?} with {finer:?}");
            assert!(
                after.psnr >= before.y_psnr - FAR_DB || finer.chroma_residual_quality > Some(70),
                "{name}: {before:?} to {after:?} with {finer:?}"
            );
            assert_eq!((finer.subsamp, finer.residual_quality), (Subsamp::S444, params.residual_quality));
            finer.validate().unwrap();
            // What the caller chose stays, even where nothing is left to adapt.
            let all = |_: EncodeParams| params.clone();
            assert_eq!(run(&blue, &all), None);
            let subsamp = |given: EncodeParams| EncodeParams { subsamp: Subsamp::S420, ..given };
            assert!(run(&blue, &subsamp).is_none_or(|adapted| adapted.params.subsamp == Subsamp::S420));
        }
    }
}
