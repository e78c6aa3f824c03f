//! Encode: predict, subtract, code.
//!
//! [`encode_family`] codes one family; [`encode`] runs it over a slide and writes the archive. The module knows the order of
//! steps. The pixel arithmetic is in `backend`, the bytes of the container are in `archive`.

mod estimate;
mod sink;

use std::path::{Path, PathBuf};

use crate::archive::{AssociatedImage, BundleWriter, FamilyRecord, Meta, PACK_DIR, SourceKind};
use crate::backend::Backend;
use crate::backend::scheduler::{Scheduler, family_bytes, tile_bytes};
use crate::codec::{CodecId, ImageRole, Quality, encode_png};
use crate::error::{Error, Result};
use crate::image::geometry::{FamilyId, Geometry};
use crate::lossless::{OriginalFamily, tile_size};
use crate::params::EncodeParams;
use crate::pyramid::TileMetadata;
use crate::pyramid::identity::Identity;
use crate::pyramid::loaded::{L2Pixels, L2Source, OriginalTiles};
use crate::pyramid::small_levels::SmallLevels;
use crate::pyramid::source::Source;
use crate::quality::channels::{ChannelLoss, Channels};
use crate::report::debug_images;
use crate::report::losses::{Collector, Losses};
use crate::report::manifest::{FamilyMetrics, Manifest};
use crate::residual::encode_family;

pub use estimate::{Estimate, estimate};
use sink::Sink;

/// A coded family: its record, what was measured of it, and the pixels from which the small levels of a slide are made.
type Stored = (FamilyId, FamilyRecord, Measured, Option<L2Pixels>);

/// What was measured of a family.
#[derive(Default)]
struct Measured {
    metrics: Option<FamilyMetrics>,
    channels: Channels,
}

/// Stores the original tiles of a family. L2 is made only if the source has none.
async fn originals(
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

/// What to write besides the bundle.
#[derive(Clone, Debug, Default)]
pub struct EncodeOptions {
    /// One `.pack` per family as well.
    pub packs: bool,
    /// `manifest.json` with per-tile metrics.
    pub manifest: bool,
    /// PNGs of every stage.
    pub debug_images: bool,
    /// Measures what every family loses: [`EncodeReport::losses`].
    pub losses: bool,
    /// Most families to encode; `None` for all.
    pub max_parents: Option<u64>,
    /// What becomes of metadata in the tiles of a lossless encode. Others never store it.
    pub tile_metadata: TileMetadata,
    /// Images of the slide, such as its label, that are stored by name. They may identify a patient.
    pub keep_associated: Vec<String>,
}

/// What an encode wrote.
#[derive(Clone, Debug)]
pub struct EncodeReport {
    /// The bundle.
    pub bundle: PathBuf,
    /// Its size in bytes.
    pub bundle_bytes: u64,
    /// Bytes saved because equal families and tiles are stored once.
    pub shared_bytes: u64,
    /// Families in it.
    pub families: u64,
    /// Bytes of the L2 baselines, each family counted.
    pub baseline_bytes: u64,
    /// Bytes of the residuals, each family counted.
    pub residual_bytes: u64,
    /// Whether it was made of a tree or of a slide.
    pub source_kind: SourceKind,
    /// Bytes of all tiles of the tree, or of the slide's files.
    pub source_bytes: u64,
    /// PSNR of L0 luma in dB over the whole slide, measured for a manifest; infinite for no error.
    pub y_psnr: Option<f64>,
    /// The worst of red, green and blue in the families whose luma does not stand for it, if it is far below luma.
    pub channel: Option<ChannelLoss>,
    /// What was lost, if it was asked for; `None` for a lossless encode as well.
    pub losses: Option<Losses>,
}

/// Encodes a slide to `out/residual_packs/residuals.bundle`.
///
/// `progress` is called after every family with how many are done.
///
/// # Errors
/// Bad parameters, a source that cannot be read, a disk that cannot be written. Nothing half-written is left under a final
/// name; an older bundle stands until the new one is whole.
pub fn encode(
    source: &mut Source,
    out: &Path,
    params: &EncodeParams,
    options: &EncodeOptions,
    backend: &dyn Backend,
    scheduler: &Scheduler,
    progress: &dyn Fn(u64),
) -> Result<EncodeReport> {
    params.validate()?;
    if params.originals {
        if options.manifest || options.debug_images {
            return Err(Error::NothingToReport);
        }
        source.check_originals(options.tile_metadata)?;
    }
    let geometry = *source.geometry();
    let total = geometry.family_count();
    let limit = options.max_parents.unwrap_or(total).min(total);
    let manifest_path = out.join("manifest.json");
    if options.manifest {
        Manifest::may_replace(&manifest_path)?;
    }
    let identity = source.identity()?;
    let mut meta = meta_of(source, &identity, params, limit == total);
    meta.associated = associated(source, &options.keep_associated)?;
    meta.source.tile_metadata = options.tile_metadata.name().filter(|_| params.originals).map(str::to_string);
    let icc = source.icc_profile().map(<[u8]>::to_vec);
    let mut sink = Sink {
        writer: BundleWriter::create(&out.join(PACK_DIR), geometry)?,
        manifest: options.manifest.then(|| Manifest::new(&meta, &geometry)),
        small: match source {
            Source::Slide(slide, _) => Some(SmallLevels::new(geometry, usize::from(slide.info.channels))),
            Source::Tree(_) => None,
        },
        params,
        families: 0,
        baseline_bytes: 0,
        residual_bytes: 0,
    };

    if let (Source::Slide(slide, _), true) = (&mut *source, geometry.l2().is_none()) {
        sink.small_levels(|levels, put| levels.push_slide(slide, put))?;
    }
    let losses = (options.losses && !params.originals).then(Collector::default);
    let work = Work {
        geometry,
        out,
        params,
        options,
        losses: losses.as_ref(),
        limit: limit as usize,
        backend,
        scheduler,
    };
    let mut channels = Channels::default();
    let mut take = |(id, record, measured, block): Stored| {
        channels.merge(&measured.channels);
        sink.family(id, &record, measured.metrics, block)?;
        progress(sink.families);
        Ok(())
    };
    if params.originals {
        work.originals(source, &mut take)?
    } else {
        work.predicted(source, &mut take)?
    }
    match source {
        Source::Tree(tree) => scheduler.pipelined(
            0,
            tile_bytes(&geometry),
            tree.announced(geometry.stored_tiles()).map(|(id, arrival)| Ok((&**tree, id, arrival))),
            |(tree, id, arrival)| async move {
                arrival.await;
                let (codec, bytes) = match tree.is_original(id, params) {
                    true => (CodecId::Jpeg, tree.stored_original(id, options.tile_metadata)?),
                    false => tree.stored_tile(id, params)?,
                };
                Ok((id, params.entropy.store_foreign(codec, bytes, tile_size(&geometry, id)?)))
            },
            |(id, (codec, bytes))| Ok::<_, Error>(sink.writer.add_tile(id, codec, &bytes)?),
        )?,
        Source::Slide(..) => sink.small_levels(SmallLevels::fill)?,
    }
    let written = sink.writer.finish(&meta, icc.as_deref(), options.packs)?;
    if let Some(manifest) = &sink.manifest {
        let tree_bytes = matches!(source, Source::Tree(_)).then_some(identity.bytes);
        manifest.write(&manifest_path, written.bytes, tree_bytes, channels.far_below_luma())?;
    }
    let losses = losses.map(Collector::finish);
    Ok(EncodeReport {
        bundle: written.path,
        bundle_bytes: written.bytes,
        shared_bytes: written.shared_bytes,
        families: sink.families,
        baseline_bytes: sink.baseline_bytes,
        residual_bytes: sink.residual_bytes,
        source_kind: meta.source.kind,
        source_bytes: identity.bytes,
        y_psnr: sink.manifest.as_ref().map(Manifest::y_psnr).or(losses.as_ref().map(Losses::y_psnr)),
        channel: channels.far_below_luma(),
        losses,
    })
}

/// What every family of a slide needs.
struct Work<'a> {
    geometry: Geometry,
    out: &'a Path,
    params: &'a EncodeParams,
    options: &'a EncodeOptions,
    losses: Option<&'a Collector>,
    limit: usize,
    backend: &'a dyn Backend,
    scheduler: &'a Scheduler,
}

impl Work<'_> {
    /// Every family: predict, subtract, code.
    fn predicted(&self, source: &mut Source, take: &mut dyn FnMut(Stored) -> Result<()>) -> Result<()> {
        let Work { geometry, out, params, options, losses, backend, .. } = self;
        self.scheduler.pipelined(
            backend.in_flight(geometry),
            family_bytes(geometry),
            source.jobs(params.upsample_filter, self.limit).map(|job| Ok::<_, Error>(job?)),
            |job| async move {
                let loaded = job.run().await?;
                let id = loaded.family.id;
                let encoded =
                    encode_family(*backend, params, loaded.family).await.map_err(Error::in_family(id))?;
                if options.debug_images {
                    debug_images::write(out, &encoded, *backend, &params.coding()).await?;
                }
                if let Some(losses) = losses {
                    losses.add(&encoded, *backend, &params.coding()).await?;
                }
                let metrics = options.manifest.then(|| FamilyMetrics::measure(geometry, &encoded, params));
                let channels = Channels::measure(&encoded, *backend, &params.coding()).await?;
                Ok((encoded.id, encoded.record, Measured { metrics, channels }, loaded.l2_pixels))
            },
            take,
        )
    }

    /// Every family as original tiles.
    fn originals(&self, source: &mut Source, take: &mut dyn FnMut(Stored) -> Result<()>) -> Result<()> {
        self.scheduler.pipelined(
            self.backend.in_flight(&self.geometry),
            family_bytes(&self.geometry),
            source.original_jobs(self.limit, self.options.tile_metadata).map(|job| Ok::<_, Error>(job?)),
            |job| async move { originals(&self.geometry, self.backend, self.params, job.run().await?).await },
            take,
        )
    }
}

fn meta_of(source: &Source, identity: &Identity, params: &EncodeParams, complete: bool) -> Meta {
    let metadata = source.metadata();
    Meta {
        tool: crate::pyramid::generator(),
        content: String::new(),
        coding: params.coding(),
        encode: params.clone(),
        source: source.source_meta(identity),
        microns_per_pixel: metadata.microns_per_pixel,
        objective_power: metadata.objective_power,
        complete,
        associated: Vec::new(),
    }
}

/// The images of a slide that are to be stored, as PNG.
fn associated(source: &Source, names: &[String]) -> Result<Vec<AssociatedImage>> {
    let of_slide = |name: &String| match source {
        Source::Slide(slide, _) => {
            let image = slide.associated_image(name)?;
            let png = encode_png(&image.rgb, 3, image.width as usize, image.height as usize)?;
            Ok(AssociatedImage::new(name, &png))
        }
        Source::Tree(tree) => {
            Err(Error::input(tree.path(), format!("a tree has no associated images, and so no {name}")))
        }
    };
    names.iter().map(of_slide).collect()
}
