//! Measures on a sample of families what an encode would write, without writing it.
//!
//! A survey of the whole source says how much there is in each family; `quality::estimate` chooses the sample by it. Every
//! setting then codes the same sample, by the same calls as an encode. Directory and metadata are counted, not estimated.
//! Where all families are in the sample, bytes and quality are those of the encode exactly.

mod sample;
mod survey;

use std::collections::BTreeMap;

use super::assembly::meta_of;
use crate::archive::layout::{FAMILY_ENTRY_BYTES, HEADER_BYTES, TILE_ENTRY_BYTES};
use crate::backend::Backend;
use crate::backend::scheduler::Scheduler;
use crate::error::{Error, Result};
use crate::image::geometry::Geometry;
use crate::image::spec;
use crate::params::EncodeParams;
use crate::pyramid::identity::Identity;
use crate::pyramid::source::Source;
use crate::quality::estimate::{Design, Interval, Total, regression_total, shares};
use crate::quality::metrics::psnr_from_mse;

use sample::{Run, Sample};
use survey::{CodedTile, Survey};

/// Families that are measured of a slide with more of them, about.
const MAX_FAMILIES: u64 = 96;
/// As many at least, however large they are.
const MIN_FAMILIES: u64 = 16;
/// Pixels of the sample, about: 96 families with tiles of 256 pixels.
const SAMPLE_PX: u64 = 96 << 20;
/// What else the machine does makes an encode take longer or shorter by up to this part.
const MACHINE: f64 = 0.25;
/// Making, syncing and renaming files takes up to so many seconds, and threads have to start.
const FILES_S: f64 = 0.1;

/// What an encode with certain parameters would come to.
#[derive(Clone, Debug)]
pub struct Estimate {
    /// Bytes of the bundle.
    pub bytes: Interval,
    /// PSNR of L0 luma in dB, infinite for no error; `None` where the source's own tiles are stored.
    pub y_psnr: Option<Interval>,
    /// Seconds that it takes on this machine and backend. Beside the error of the sample, the interval allows for a quarter more or
    /// less, and a tenth of a second for files.
    pub seconds: Interval,
    /// Number of families that were measured.
    pub measured: u64,
    /// Number of families that an encode would take.
    pub families: u64,
}

/// Estimates what an encode would write with each of `settings`, of which either all or none store the source's own tiles.
///
/// `open` opens the source: for the survey, and once for each setting. `limit` is the number of families that an encode would
/// take, row by row. `progress` gets how many steps are done, and of how many; a step is a family that is read or coded.
///
/// # Errors
/// Those of `open`, of reading and of coding; a slide without families.
pub fn estimate<E: From<Error>>(
    open: &dyn Fn() -> Result<Source, E>,
    settings: &[EncodeParams],
    limit: Option<u64>,
    backend: &dyn Backend,
    scheduler: &Scheduler,
    progress: &dyn Fn(u64, u64),
) -> Result<Vec<Estimate>, E> {
    for params in settings {
        params.validate().map_err(Error::from)?;
    }
    if settings.is_empty() {
        return Ok(Vec::new());
    }
    let mut source = open()?;
    let geometry = *source.geometry();
    let families = geometry.family_count().min(limit.unwrap_or(u64::MAX));
    if families == 0 {
        return Err(Error::NoResidual.into());
    }
    let most = sample_families(&geometry);
    let reads = if matches!(source, Source::Slide(..)) { families } else { 0 };
    let steps = |sampled: u64| reads + settings.len() as u64 * sampled;
    let of = steps(families.min(most));
    let survey =
        Survey::take(&mut source, settings, families as usize, scheduler, &|done| progress(done, of))?;
    let design = Design::new(&survey.families, most as usize);
    let chosen = design.weights();
    let run = Run { chosen: &chosen, backend, scheduler };
    let whole = Whole { geometry, families, survey: &survey, design: &design, chosen: &chosen };
    let identity = source.identity().map_err(Error::from)?;
    let mut estimates = Vec::new();
    for (i, (params, tiles)) in settings.iter().zip(&survey.coded).enumerate() {
        let mut done = reads + (i * chosen.len()) as u64;
        let sample = run.code(&mut open()?, params, || {
            done += 1;
            progress(done, steps(chosen.len() as u64));
        })?;
        let workers = match backend.in_flight(&geometry) {
            0 => (scheduler.threads() as f64).min(families as f64),
            _ => sample.families.values().map(|family| family.seconds).sum::<f64>() / sample.wall_s,
        };
        estimates.push(Estimate {
            bytes: whole.bytes(known_bytes(&source, &identity, params, families)?, tiles, &sample),
            y_psnr: (!params.originals).then(|| whole.y_psnr(&sample)),
            seconds: whole.seconds(tiles, &sample, workers),
            measured: chosen.len() as u64,
            families,
        });
    }
    Ok(estimates)
}

/// How many families to measure of a slide with many.
fn sample_families(geometry: &Geometry) -> u64 {
    let side = u64::from(geometry.tile() * spec::FAMILY_FACTOR);
    (SAMPLE_PX / (side * side)).clamp(MIN_FAMILIES, MAX_FAMILIES)
}

/// Bytes of a bundle that do not depend on its pixels: header, indexes, metadata, colour profile.
fn known_bytes(source: &Source, identity: &Identity, params: &EncodeParams, families: u64) -> Result<f64> {
    let geometry = source.geometry();
    let mut meta = meta_of(source, identity, params, families == geometry.family_count());
    // As long as the hash that will stand there.
    meta.content = "0".repeat(32);
    let json = serde_json::to_vec(&meta).map_err(crate::archive::Error::Metadata)?;
    let start = HEADER_BYTES + json.len() + source.icc_profile().map_or(0, <[u8]>::len);
    let index = families * FAMILY_ENTRY_BYTES as u64 + geometry.stored_tile_count() * TILE_ENTRY_BYTES as u64;
    Ok((start as u64 + index) as f64)
}

/// A whole slide, estimated from its sample.
struct Whole<'a> {
    geometry: Geometry,
    families: u64,
    survey: &'a Survey,
    design: &'a Design,
    chosen: &'a BTreeMap<usize, f64>,
}

impl Whole<'_> {
    fn bytes(&self, known: f64, tiles: &[CodedTile], sample: &Sample) -> Interval {
        let records = self.chosen.iter().map(|(&at, &weight)| (at, (sample.families[&at].record, weight)));
        let records: BTreeMap<_, _> = records.collect();
        let shares_of = shares(&records);
        let families = self.design.total(|at| records[&at].0.1 as f64 * shares_of[&at]);

        let weight = self.survey.tiles.len() as f64 / tiles.len().max(1) as f64;
        let keys: BTreeMap<_, _> = tiles.iter().map(|tile| (tile.index, (tile.key, weight))).collect();
        let shares_of = shares(&keys);
        let stored: Vec<_> = keys.iter().map(|(&at, (key, _))| (at, key.1 as f64 * shares_of[&at])).collect();
        let small = regression_total(&self.survey.tiles, &stored);
        (Total::exact(known) + families + small).interval().map(f64::round)
    }

    fn y_psnr(&self, sample: &Sample) -> Interval {
        let area = |id| {
            let rect = self.geometry.family_rect(id);
            f64::from(rect.width) * f64::from(rect.height)
        };
        let pixels: f64 = self.geometry.all_families().take(self.families as usize).map(area).sum();
        let error = self.design.total(|at| sample.families[&at].error);
        error.interval().map(|error| psnr_from_mse(error / pixels))
    }

    /// `workers` is the number of families that are worked on at a time.
    fn seconds(&self, tiles: &[CodedTile], sample: &Sample, workers: f64) -> Interval {
        let Survey { reading_s, one_by_one, .. } = *self.survey;
        let tile_s = tiles.iter().map(|tile| tile.seconds).sum::<f64>() / tiles.len().max(1) as f64;
        let tiles_s = tile_s * self.survey.tiles.len() as f64;
        let least = reading_s + if one_by_one { tiles_s } else { 0.0 };
        let all = |families_s: f64| least.max((reading_s + tiles_s + families_s) / workers);
        let seconds = self.design.total(|at| sample.families[&at].seconds).interval().map(all);
        Interval {
            low: seconds.low * (1.0 - MACHINE),
            high: seconds.high * (1.0 + MACHINE) + FILES_S,
            ..seconds
        }
    }
}
