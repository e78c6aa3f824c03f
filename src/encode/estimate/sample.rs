//! The sampled families, coded as an encode codes them.

use std::collections::BTreeMap;
use std::time::Instant;

use super::survey::{BlobKey, key};
use crate::archive::FamilyRecord;
use crate::backend::Backend;
use crate::backend::scheduler::{Scheduler, family_bytes};
use crate::encode::families::originals;
use crate::error::{Error, Result};
use crate::params::EncodeParams;
use crate::pyramid::TileMetadata;
use crate::pyramid::source::Source;
use crate::quality::metrics::SquaredError;
use crate::residual::{EncodedFamily, encode_family};

/// A family as one setting codes it.
pub struct CodedFamily {
    pub record: BlobKey,
    /// Sum of the squared errors of L0 luma.
    pub error: f64,
    pub seconds: f64,
}

/// The sampled families as one setting codes them.
pub struct Sample {
    /// By index, row by row.
    pub families: BTreeMap<usize, CodedFamily>,
    /// Seconds that all of them took together.
    pub wall_s: f64,
}

/// Which families of a source are coded, and by what.
pub struct Run<'a> {
    /// The sampled ones, with their weights.
    pub chosen: &'a BTreeMap<usize, f64>,
    pub backend: &'a dyn Backend,
    pub scheduler: &'a Scheduler,
}

impl Run<'_> {
    /// Loads and codes the sampled families. `step` is called after each.
    pub fn code(&self, source: &mut Source, params: &EncodeParams, mut step: impl FnMut()) -> Result<Sample> {
        let (started, mut families) = (Instant::now(), BTreeMap::new());
        let mut take = |(at, coded)| {
            families.insert(at, coded);
            step();
            Ok(())
        };
        if params.originals {
            self.code_originals(source, params, &mut take)?;
        } else {
            self.code_predicted(source, params, &mut take)?;
        }
        Ok(Sample { families, wall_s: started.elapsed().as_secs_f64() })
    }

    /// The sampled families, in ascending order.
    fn numbers(&self) -> impl Iterator<Item = usize> + Send {
        self.chosen.keys().copied()
    }

    fn code_predicted(
        &self,
        source: &mut Source,
        params: &EncodeParams,
        take: &mut dyn FnMut((usize, CodedFamily)) -> Result<()>,
    ) -> Result<()> {
        let geometry = *source.geometry();
        let jobs = self.numbers().zip(source.jobs(params.upsample_filter, self.numbers()));
        self.scheduler.pipelined(
            self.backend.in_flight(&geometry),
            family_bytes(&geometry),
            jobs.map(|(at, job)| Ok::<_, Error>((at, job?))),
            |(at, job)| async move {
                let started = Instant::now();
                let family = job.run().await?.family;
                let id = family.id;
                let coded =
                    encode_family(self.backend, params, family).await.map_err(Error::in_family(id))?;
                let seconds = started.elapsed().as_secs_f64();
                Ok((
                    at,
                    CodedFamily { record: record_key(&coded.record), error: squared_error(&coded), seconds },
                ))
            },
            take,
        )
    }

    fn code_originals(
        &self,
        source: &mut Source,
        params: &EncodeParams,
        take: &mut dyn FnMut((usize, CodedFamily)) -> Result<()>,
    ) -> Result<()> {
        let geometry = *source.geometry();
        source.check_originals(TileMetadata::Keep)?;
        let jobs = self.numbers().zip(source.original_jobs(self.numbers(), TileMetadata::Keep));
        self.scheduler.pipelined(
            self.backend.in_flight(&geometry),
            family_bytes(&geometry),
            jobs.map(|(at, job)| Ok::<_, Error>((at, job?))),
            |(at, job)| async move {
                let started = Instant::now();
                let (_, record, ..) = originals(&geometry, self.backend, params, job.run().await?).await?;
                let seconds = started.elapsed().as_secs_f64();
                Ok((at, CodedFamily { record: record_key(&record), error: 0.0, seconds }))
            },
            take,
        )
    }
}

fn record_key(record: &FamilyRecord) -> BlobKey {
    key(&record.to_bytes())
}

/// The sum of the squared errors of L0 luma.
fn squared_error(coded: &EncodedFamily) -> f64 {
    let (original, mut error) = (coded.source.image.ycc(), SquaredError::new());
    for y in 0..original.luma.height() {
        error.add(original.luma.row(y), coded.corrected.luma.row(y));
    }
    error.mse().unwrap_or(0.0) * error.count() as f64
}
