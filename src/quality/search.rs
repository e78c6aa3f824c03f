//! Searches for the quality at which a slide has a wanted PSNR or size, on a sample of its families.
//!
//! It codes the sampled families as [`crate::encode`] does and measures the result. It writes no files.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use crate::archive::layout::{
    FAMILY_ENTRY_BYTES, HEAD_BYTES, HEADER_BYTES, PAYLOAD_ENTRY_BYTES, TILE_ENTRY_BYTES,
};
use crate::backend::Backend;
use crate::backend::scheduler::{Scheduler, family_bytes};
use crate::error::{Error, Result};
use crate::image::family::SourceFamily;
use crate::image::geometry::Geometry;
use crate::params::EncodeParams;
use crate::pyramid::source::Source;
use crate::quality::channels::{ChannelLoss, Channels};
use crate::quality::metrics::SquaredError;
use crate::residual::encode_family;

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

/// Sampled families, spread over the slide.
const MAX_FAMILIES: u64 = 32;
/// Bytes of pixels that the sample holds in memory.
const MAX_SAMPLE_BYTES: u64 = 512 << 20;
/// The levels above L2 have a third of its pixels, and about as many bytes a pixel.
const SMALL_LEVELS: f64 = 1.0 / 3.0;

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
        sample.code(quality, &params, backend, scheduler)
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
        sample.code(quality, &params, backend, scheduler)
    };
    qualities.iter().map(code).collect()
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

/// Indices of at most `max` sampled families among the first `total`, row by row. Rows follow one another and columns follow the
/// golden ratio, so that for no number of columns or rows the sample lies on one line.
fn spread(geometry: &Geometry, total: u64, max: u64) -> BTreeSet<u64> {
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    let columns = u64::from(geometry.families().0);
    let count = total.min(max);
    let place = |k: u64| {
        let along = ((k as f64 + 0.5) * total as f64 / count as f64) as u64;
        let column = ((k as f64 * GOLDEN).fract() * columns as f64) as u64;
        let at = along / columns * columns + column;
        if total <= columns || at >= total { along } else { at }
    };
    if total <= max { (0..total).collect() } else { (0..count).map(place).collect() }
}

/// Approximate bytes of header, indexes, family heads and metadata.
fn index_bytes(geometry: &Geometry) -> u64 {
    let family = (FAMILY_ENTRY_BYTES + HEAD_BYTES + 2 * PAYLOAD_ENTRY_BYTES) as u64;
    let metadata = 1024;
    HEADER_BYTES as u64
        + metadata
        + geometry.family_count() * family
        + geometry.stored_tile_count() * TILE_ENTRY_BYTES as u64
}

/// Families of a slide, spread over it.
struct Sample {
    families: Vec<SourceFamily>,
    /// Pixels of all families of the encode, divided by the pixels of the sample.
    weight: f64,
    /// Memory of one family in bytes.
    family_bytes: u64,
    /// Bytes that do not depend on the quality: indexes, and the levels above L2 of a tree, which are stored as they are.
    fixed_bytes: u64,
    /// Bytes of the levels above L2 divided by those of the baselines, where the encoder codes those levels as well; else 0.
    small_levels: f64,
}

impl Sample {
    fn take(source: &mut Source, limit: Option<u64>, params: &EncodeParams) -> Result<Self> {
        let geometry = *source.geometry();
        let family_bytes = family_bytes(&geometry);
        let total = geometry.family_count().min(limit.unwrap_or(u64::MAX));
        if total == 0 {
            return Err(Error::NoResidual);
        }
        let (mut fixed_bytes, mut small_levels) = (index_bytes(&geometry), SMALL_LEVELS);
        if let Source::Tree(tree) = &*source {
            for id in geometry.stored_tiles() {
                let (codec, bytes) = tree.stored_tile(id, params)?;
                fixed_bytes += params.entropy.store(codec, bytes).1.len() as u64;
            }
            small_levels = 0.0;
        }
        let chosen =
            spread(&geometry, total, MAX_FAMILIES.min(MAX_SAMPLE_BYTES / family_bytes.max(1)).max(1));
        let mut pixels = 0.0;
        for id in geometry.all_families().take(total as usize) {
            let rect = geometry.family_rect(id);
            pixels += f64::from(rect.width) * f64::from(rect.height);
        }
        let jobs = source.jobs(params.upsample_filter, total as usize);
        let sampled = jobs.zip(0..).filter(|(_, at)| chosen.contains(at));
        let families = sampled.map(|(job, _)| Ok(job?()?.family)).collect::<Result<Vec<_>>>()?;
        let area = |family: &SourceFamily| family.image.width() as f64 * family.image.height() as f64;
        let sampled_pixels: f64 = families.iter().map(area).sum();
        Ok(Self {
            families,
            weight: pixels / sampled_pixels.max(1.0),
            family_bytes,
            fixed_bytes,
            small_levels,
        })
    }

    fn code(
        &self,
        quality: u8,
        params: &EncodeParams,
        backend: &dyn Backend,
        scheduler: &Scheduler,
    ) -> Result<QualityEstimate> {
        let (mut error, mut channels, mut bytes) = (SquaredError::new(), Channels::default(), 0.0);
        scheduler.pipelined(
            0,
            self.family_bytes,
            self.families.iter().map(Ok::<_, Error>),
            |family| async move {
                let id = family.id;
                let made =
                    encode_family(backend, params, family.clone()).await.map_err(Error::in_family(id))?;
                let (original, mut error) = (made.source.image.ycc(), SquaredError::new());
                for y in 0..original.luma.height() {
                    error.add(original.luma.row(y), made.corrected.luma.row(y));
                }
                let sizes = made.record.payloads.iter().map(|payload| payload.bytes.len() as f64);
                // The first payload is the baseline; the levels above L2 are coded like it.
                let with_levels = |(i, n)| if i == 0 { n * (1.0 + self.small_levels) } else { n };
                let bytes = sizes.enumerate().map(with_levels).sum::<f64>();
                Ok((error, Channels::measure(&made, backend, &params.coding()).await?, bytes))
            },
            |(of_family, of_channels, size)| {
                error.merge(&of_family);
                channels.merge(&of_channels);
                bytes += size;
                Ok(())
            },
        )?;
        let psnr = error.psnr().unwrap_or(f64::INFINITY);
        Ok(QualityEstimate {
            quality,
            params: params.clone(),
            psnr,
            channel: channels.far_below_luma(),
            bytes: (bytes * self.weight) as u64 + self.fixed_bytes,
            families: self.families.len(),
        })
    }
}
