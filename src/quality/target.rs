//! Finds the quality at which a slide comes to a wanted PSNR or size, on some of its families.
//!
//! Knows the order of things: it codes families as [`crate::encode`] does and looks at what comes of them.

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
use crate::quality::metrics::SquaredError;
use crate::residual::encode_family;

/// What an encode is to come to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    /// PSNR of L0 luma in dB, at least.
    Psnr(f64),
    /// Bytes of the bundle, at most.
    Bytes(u64),
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Aim {
    /// Quality of the residual.
    pub quality: u8,
    /// PSNR of L0 luma in dB on the families that were tried.
    pub psnr: f64,
    /// What the bundle should come to, in bytes.
    pub bytes: u64,
    /// Families that were tried.
    pub families: usize,
}

/// Most families that are tried, spread over the slide.
const MOST_FAMILIES: u64 = 32;
/// Most bytes of pixels that are held for that.
const MOST_BYTES: u64 = 512 << 20;
/// The levels above L2 have a third of its pixels, and about as many bytes a pixel.
const SMALL_LEVELS: f64 = 1.0 / 3.0;

/// Finds the lowest quality that reaches a PSNR, or the highest one that keeps to a size. `at` gives the parameters at a quality of
/// the residual.
///
/// `limit` families are to be encoded, row by row. A source that is read in one go is read: open it anew for the encode.
///
/// # Errors
/// A target out of reach, with what can be reached; those of source, codec and backend.
pub fn aim(
    source: &mut Source,
    limit: Option<u64>,
    target: Target,
    at: &(dyn Fn(u8) -> EncodeParams + Sync),
    backend: &dyn Backend,
    scheduler: &Scheduler,
) -> Result<Aim> {
    let sample = Sample::take(source, limit, &at(50))?;
    let reaches = |aim: &Aim| match target {
        Target::Psnr(db) => aim.psnr >= db,
        Target::Bytes(bytes) => aim.bytes <= bytes,
    };
    let try_at = |quality| {
        let params = at(quality);
        params.validate()?;
        sample.code(quality, &params, backend, scheduler)
    };
    // More quality is more PSNR and more bytes: a search from the end that reaches the target, if any does.
    let (near, far) = match target {
        Target::Psnr(_) => (100i32, 0),
        Target::Bytes(_) => (1, 101),
    };
    let mut best = try_at(near as u8)?;
    if !reaches(&best) {
        return Err(out_of_reach(target, &best));
    }
    let (mut good, mut bad) = (near, far);
    while (good - bad).abs() > 1 {
        let middle = (good + bad) / 2;
        let tried = try_at(middle as u8)?;
        if reaches(&tried) {
            (good, best) = (middle, tried);
        } else {
            bad = middle;
        }
    }
    Ok(best)
}

fn out_of_reach(target: Target, nearest: &Aim) -> Error {
    match target {
        Target::Psnr(wanted_db) => Error::PsnrOutOfReach { wanted_db, best_db: nearest.psnr },
        Target::Bytes(wanted_bytes) => Error::SizeOutOfReach { wanted_bytes, least_bytes: nearest.bytes },
    }
}

/// Which of the first `total` families, row by row, are tried: rows one after the other, columns by the golden ratio, so that no
/// number of columns or rows makes them fall on a line.
fn spread(geometry: &Geometry, total: u64, most: u64) -> BTreeSet<u64> {
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    let columns = u64::from(geometry.families().0);
    let count = total.min(most);
    let place = |k: u64| {
        let along = ((k as f64 + 0.5) * total as f64 / count as f64) as u64;
        let column = ((k as f64 * GOLDEN).fract() * columns as f64) as u64;
        let at = along / columns * columns + column;
        if total <= columns || at >= total { along } else { at }
    };
    if total <= most { (0..total).collect() } else { (0..count).map(place).collect() }
}

/// Bytes of header, indexes, heads and record, about.
fn indexes(geometry: &Geometry) -> u64 {
    let of_family = (FAMILY_ENTRY_BYTES + HEAD_BYTES + 2 * PAYLOAD_ENTRY_BYTES) as u64;
    let record = 1024;
    HEADER_BYTES as u64
        + record
        + geometry.family_count() * of_family
        + geometry.stored_tile_count() * TILE_ENTRY_BYTES as u64
}

/// Families of a slide, spread over it.
struct Sample {
    families: Vec<SourceFamily>,
    /// Pixels of what is to be encoded to one of theirs.
    weight: f64,
    family_bytes: u64,
    /// Bytes besides payloads of families: indexes, and what a tree has above L2, which is stored as it is.
    besides: u64,
    /// Bytes of the levels above L2 to one of the baselines, where those levels are coded as L2 is.
    small_levels: f64,
}

impl Sample {
    fn take(source: &mut Source, limit: Option<u64>, params: &EncodeParams) -> Result<Self> {
        let geometry = *source.geometry();
        let of_one = family_bytes(&geometry);
        let total = geometry.family_count().min(limit.unwrap_or(u64::MAX));
        if total == 0 {
            return Err(Error::NoResidual);
        }
        let (mut besides, mut small_levels) = (indexes(&geometry), SMALL_LEVELS);
        if let Source::Tree(tree) = &*source {
            for id in geometry.stored_tiles() {
                let (codec, bytes) = tree.stored_tile(id, params)?;
                besides += params.entropy.store(codec, bytes).1.len() as u64;
            }
            small_levels = 0.0;
        }
        let chosen = spread(&geometry, total, MOST_FAMILIES.min(MOST_BYTES / of_one.max(1)).max(1));
        let mut pixels = 0.0;
        for id in geometry.all_families().take(total as usize) {
            let rect = geometry.family_rect(id);
            pixels += f64::from(rect.width) * f64::from(rect.height);
        }
        let jobs = source.jobs(params.upsample_filter, total as usize);
        let some = jobs.zip(0..).filter(|(_, at)| chosen.contains(at));
        let families = some.map(|(job, _)| Ok(job?()?.family)).collect::<Result<Vec<_>>>()?;
        let own = |family: &SourceFamily| family.image.width() as f64 * family.image.height() as f64;
        let tried: f64 = families.iter().map(own).sum();
        Ok(Self { families, weight: pixels / tried.max(1.0), family_bytes: of_one, besides, small_levels })
    }

    fn code(
        &self,
        quality: u8,
        params: &EncodeParams,
        backend: &dyn Backend,
        scheduler: &Scheduler,
    ) -> Result<Aim> {
        let (mut error, mut bytes) = (SquaredError::new(), 0.0);
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
                // The first one is the baseline, with the levels above it.
                let with_levels = |(i, n)| if i == 0 { n * (1.0 + self.small_levels) } else { n };
                Ok((error, sizes.enumerate().map(with_levels).sum::<f64>()))
            },
            |(of_one, size)| {
                error.merge(&of_one);
                bytes += size;
                Ok(())
            },
        )?;
        let psnr = error.psnr().unwrap_or(f64::INFINITY);
        Ok(Aim {
            quality,
            psnr,
            bytes: (bytes * self.weight) as u64 + self.besides,
            families: self.families.len(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_families_that_are_tried_lie_in_many_columns_and_rows() {
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
