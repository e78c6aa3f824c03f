//! The families of a slide, coded: predicted and subtracted, or as original tiles.

use std::ops::Range;
use std::path::Path;

use crate::archive::FamilyRecord;
use crate::backend::Backend;
use crate::backend::scheduler::{Scheduler, family_bytes};
use crate::codec::{ImageRole, Quality};
use crate::error::{Error, Result};
use crate::image::geometry::{FamilyId, Geometry};
use crate::lossless::OriginalFamily;
use crate::params::EncodeParams;
use crate::pyramid::loaded::{L2Pixels, L2Source, OriginalTiles};
use crate::pyramid::source::Source;
use crate::quality::channels::{Channels, luma_stands_for};
use crate::report::debug_images;
use crate::report::losses::Collector;
use crate::report::manifest::FamilyMetrics;
use crate::residual::{encode_family, encode_transformed};

use super::options::EncodeOptions;

/// A coded family: its record, what was measured of it, and the pixels from which the small levels of a slide are made.
pub type Stored = (FamilyId, FamilyRecord, Measured, Option<L2Pixels>);

/// What was measured of a family.
#[derive(Default)]
pub struct Measured {
    pub metrics: Option<FamilyMetrics>,
    pub channels: Channels,
}

/// What every family of a slide needs.
pub struct Work<'a> {
    pub geometry: Geometry,
    pub out: &'a Path,
    pub params: &'a EncodeParams,
    pub options: &'a EncodeOptions,
    pub losses: Option<&'a Collector>,
    /// Which families, numbered row by row.
    pub families: Range<usize>,
    pub backend: &'a dyn Backend,
    pub scheduler: &'a Scheduler,
}

impl Work<'_> {
    /// Codes the families and gives them to `take` in their order.
    pub fn run(&self, source: &mut Source, take: &mut dyn FnMut(Stored) -> Result<()>) -> Result<()> {
        match self.params.originals {
            true => self.originals(source, take),
            false => self.predicted(source, take),
        }
    }

    /// Every family: predict, subtract, code.
    fn predicted(&self, source: &mut Source, take: &mut dyn FnMut(Stored) -> Result<()>) -> Result<()> {
        let Work { geometry, out, params, options, losses, backend, .. } = self;
        let needs_images = options.debug_images || options.manifest || losses.is_some();
        self.scheduler.pipelined(
            backend.in_flight(geometry),
            family_bytes(geometry),
            source.jobs(params.upsample_filter, self.families.clone()).map(|job| Ok::<_, Error>(job?)),
            |job| async move {
                let loaded = job.run().await?;
                let id = loaded.family.id;
                let luma_stands = luma_stands_for(&loaded.family.image);
                if luma_stands
                    && !needs_images
                    && let Some(record) = encode_transformed(*backend, params, &loaded.family)
                        .await
                        .map_err(Error::in_family(id))?
                {
                    loaded.family.image.give_back();
                    return Ok((id, record, Measured::default(), loaded.l2_pixels));
                }
                let encoded =
                    encode_family(*backend, params, loaded.family).await.map_err(Error::in_family(id))?;
                if options.debug_images {
                    debug_images::write(out, &encoded, *backend, &params.coding()).await?;
                }
                if let Some(losses) = losses {
                    losses.add(&encoded, *backend, &params.coding()).await?;
                }
                let metrics = options.manifest.then(|| FamilyMetrics::measure(geometry, &encoded, params));
                let channels = match luma_stands {
                    true => Channels::default(),
                    false => Channels::measure(&encoded, *backend, &params.coding()).await?,
                };
                Ok((id, encoded.into_record(), Measured { metrics, channels }, loaded.l2_pixels))
            },
            take,
        )
    }

    /// Every family as original tiles.
    fn originals(&self, source: &mut Source, take: &mut dyn FnMut(Stored) -> Result<()>) -> Result<()> {
        self.scheduler.pipelined(
            self.backend.in_flight(&self.geometry),
            family_bytes(&self.geometry),
            source
                .original_jobs(self.families.clone(), self.options.tile_metadata)
                .map(|job| Ok::<_, Error>(job?)),
            |job| async move { originals(&self.geometry, self.backend, self.params, job.run().await?).await },
            take,
        )
    }
}

/// Stores the original tiles of a family. L2 is made only if the source has none.
pub async fn originals(
    geometry: &Geometry,
    backend: &dyn Backend,
    params: &EncodeParams,
    loaded: OriginalTiles,
) -> Result<Stored> {
    let OriginalTiles { id, tiles, l2 } = loaded;
    let (l2, block) = match l2 {
        L2Source::Stored(jpeg) => (jpeg, None),
        L2Source::Pixels(loaded) => {
            let base = backend.base(params, &loaded.family).await.map_err(Error::in_family(id))?;
            let quality = Quality::from(params.base_quality);
            (params.encoder.encoder(ImageRole::Baseline)?.encode(base.l2.view(), quality)?, loaded.l2_pixels)
        }
    };
    // `EncodeParams::validate` allows only encoders that write JPEG here.
    let record = OriginalFamily { tiles, l2 }.record(geometry, id, params.entropy)?;
    Ok((id, record, Measured::default(), block))
}
