//! Families of a slide, spread over it, that are coded to see what an encode would come to.

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
use crate::quality::channels::Channels;
use crate::quality::metrics::SquaredError;
use crate::residual::encode_family;

/// Sampled families, spread over the slide.
const MAX_FAMILIES: u64 = 32;
/// Bytes of pixels that the sample holds in memory.
const MAX_SAMPLE_BYTES: u64 = 512 << 20;
/// The levels above L2 have a third of its pixels, and about as many bytes a pixel.
const SMALL_LEVELS: f64 = 1.0 / 3.0;

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
pub(super) struct Sample {
    pub families: Vec<SourceFamily>,
    /// Pixels of all families of the encode, divided by the pixels of the sample.
    weight: f64,
    /// Memory of one family in bytes.
    family_bytes: u64,
    /// Bytes that do not depend on the quality: indexes, and the levels above L2 of a tree, which are stored as they are.
    fixed_bytes: u64,
    /// Bytes of the levels above L2 divided by those of the baselines, where the encoder codes those levels as well; else 0.
    small_levels: f64,
}

/// What was measured of coded families.
pub(super) struct Coded {
    /// The errors of L0 luma.
    pub luma: SquaredError,
    /// Those of red, green and blue where luma does not stand for them.
    pub channels: Channels,
    /// Estimated bytes of the bundle.
    pub bytes: u64,
}

impl Sample {
    /// Takes families among the first `limit`.
    ///
    /// # Errors
    /// A source without families; one that cannot be read.
    pub fn take(source: &mut Source, limit: Option<u64>, params: &EncodeParams) -> Result<Self> {
        let mut sample = Self::of_families(source, limit, params)?;
        sample.small_levels = SMALL_LEVELS;
        if let Source::Tree(tree) = &*source {
            for id in source.geometry().stored_tiles() {
                let (codec, bytes) = tree.stored_tile(id, params)?;
                sample.fixed_bytes += params.entropy.store(codec, bytes).1.len() as u64;
            }
            sample.small_levels = 0.0;
        }
        Ok(sample)
    }

    /// As [`Self::take`], without the levels above L2, which then have no bytes.
    ///
    /// # Errors
    /// As [`Self::take`].
    pub fn of_families(source: &mut Source, limit: Option<u64>, params: &EncodeParams) -> Result<Self> {
        let geometry = *source.geometry();
        let family_bytes = family_bytes(&geometry);
        let total = geometry.family_count().min(limit.unwrap_or(u64::MAX));
        if total == 0 {
            return Err(Error::NoResidual);
        }
        let chosen =
            spread(&geometry, total, MAX_FAMILIES.min(MAX_SAMPLE_BYTES / family_bytes.max(1)).max(1));
        let mut pixels = 0.0;
        for id in geometry.all_families().take(total as usize) {
            let rect = geometry.family_rect(id);
            pixels += f64::from(rect.width) * f64::from(rect.height);
        }
        let jobs = source.jobs(params.upsample_filter, chosen.into_iter().map(|number| number as usize));
        let families =
            jobs.map(|job| Ok(pollster::block_on(job?.run())?.family)).collect::<Result<Vec<_>>>()?;
        let area = |family: &SourceFamily| family.image.width() as f64 * family.image.height() as f64;
        let sampled_pixels: f64 = families.iter().map(area).sum();
        Ok(Self {
            families,
            weight: pixels / sampled_pixels.max(1.0),
            family_bytes,
            fixed_bytes: index_bytes(&geometry),
            small_levels: 0.0,
        })
    }

    /// Codes the families.
    ///
    /// # Errors
    /// Those of codec and backend.
    pub fn code(&self, params: &EncodeParams, backend: &dyn Backend, scheduler: &Scheduler) -> Result<Coded> {
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
        Ok(Coded { luma: error, channels, bytes: (bytes * self.weight) as u64 + self.fixed_bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
