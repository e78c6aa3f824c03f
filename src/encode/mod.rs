//! Encode: predict, subtract, code.
//!
//! [`encode`] codes the families of a slide ([`crate::residual::encode_family`]) and writes the archive. A large slide may be encoded in
//! bands of whole rows of families, on several machines, and joined: [`encode_band`], [`join_bands`]. The module knows the order of
//! steps. The pixel arithmetic is in `backend`, the bytes of the container are in `archive`.

mod bands;
mod estimate;
mod families;
mod sink;

use std::path::{Path, PathBuf};

use crate::archive::{AssociatedImage, BundleWriter, Meta, PACK_DIR, SourceKind};
use crate::backend::Backend;
use crate::backend::scheduler::{Scheduler, tile_bytes};
use crate::codec::{CodecId, encode_png};
use crate::error::{Error, Result};
use crate::lossless::tile_size;
use crate::params::EncodeParams;
use crate::pyramid::TileMetadata;
use crate::pyramid::identity::Identity;
use crate::pyramid::small_levels::SmallLevels;
use crate::pyramid::source::Source;
use crate::pyramid::tree::Tree;
use crate::quality::channels::{ChannelLoss, Channels};
use crate::report::losses::{Collector, Losses};
use crate::report::manifest::Manifest;

pub use bands::{Band, bands, encode_band, join_bands};
pub use estimate::{Estimate, estimate};
use families::{Stored, Work};
use sink::Sink;

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
    let geometry = *source.geometry();
    let total = geometry.family_count();
    let limit = options.max_parents.unwrap_or(total).min(total);
    let losses = (options.losses && !params.originals).then(Collector::default);
    let work = Work {
        geometry,
        out,
        params,
        options,
        losses: losses.as_ref(),
        families: 0..limit as usize,
        backend,
        scheduler,
    };
    let assembly = Assembly { out, params, options, complete: limit == total, scheduler, progress };
    let mut report = assembly.run(source, &mut |source, take| work.run(source, take))?;
    report.losses = losses.map(Collector::finish);
    report.y_psnr = report.y_psnr.or(report.losses.as_ref().map(Losses::y_psnr));
    Ok(report)
}

/// Refuses what can be refused before anything is read.
fn check(source: &Source, params: &EncodeParams, options: &EncodeOptions) -> Result<()> {
    params.validate()?;
    if params.originals {
        if options.manifest || options.debug_images {
            return Err(Error::NothingToReport);
        }
        source.check_originals(options.tile_metadata)?;
    }
    Ok(())
}

/// How coded families become a bundle.
struct Assembly<'a> {
    out: &'a Path,
    params: &'a EncodeParams,
    options: &'a EncodeOptions,
    /// Whether there are all families of the slide.
    complete: bool,
    scheduler: &'a Scheduler,
    progress: &'a dyn Fn(u64),
}

/// Gives the families of a source, in their order.
type Families<'a> = dyn FnMut(&mut Source, &mut dyn FnMut(Stored) -> Result<()>) -> Result<()> + 'a;

impl Assembly<'_> {
    /// Writes everything but what was lost.
    fn run(&self, source: &mut Source, families: &mut Families<'_>) -> Result<EncodeReport> {
        let Self { out, params, options, scheduler, .. } = *self;
        check(source, params, options)?;
        let geometry = *source.geometry();
        let manifest_path = out.join("manifest.json");
        if options.manifest {
            Manifest::may_replace(&manifest_path)?;
        }
        let identity = source.identity()?;
        let mut meta = meta_of(source, &identity, params, self.complete);
        meta.associated = associated(source, &options.keep_associated)?;
        meta.source.tile_metadata =
            options.tile_metadata.name().filter(|_| params.originals).map(str::to_string);
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
        let mut channels = Channels::default();
        families(source, &mut |(id, record, measured, block)| {
            channels.merge(&measured.channels);
            sink.family(id, &record, measured.metrics, block)?;
            (self.progress)(sink.families);
            Ok(())
        })?;
        match source {
            Source::Tree(tree) => stored_tiles(tree, params, options, scheduler, &mut sink.writer)?,
            Source::Slide(..) => sink.small_levels(SmallLevels::fill)?,
        }
        let written = sink.writer.finish(&meta, icc.as_deref(), options.packs)?;
        if let Some(manifest) = &sink.manifest {
            let tree_bytes = matches!(source, Source::Tree(_)).then_some(identity.bytes);
            manifest.write(&manifest_path, written.bytes, tree_bytes, channels.far_below_luma())?;
        }
        Ok(EncodeReport {
            bundle: written.path,
            bundle_bytes: written.bytes,
            shared_bytes: written.shared_bytes,
            families: sink.families,
            baseline_bytes: sink.baseline_bytes,
            residual_bytes: sink.residual_bytes,
            source_kind: meta.source.kind,
            source_bytes: identity.bytes,
            y_psnr: sink.manifest.as_ref().map(Manifest::y_psnr),
            channel: channels.far_below_luma(),
            losses: None,
        })
    }
}

/// The tiles of a tree's small levels, as an archive stores them.
fn stored_tiles(
    tree: &Tree,
    params: &EncodeParams,
    options: &EncodeOptions,
    scheduler: &Scheduler,
    writer: &mut BundleWriter,
) -> Result<()> {
    let geometry = *tree.geometry();
    scheduler.ordered(
        tile_bytes(&geometry),
        geometry.stored_tiles().map(Ok),
        |id| {
            let (codec, bytes) = match tree.is_original(id, params) {
                true => (CodecId::Jpeg, tree.stored_original(id, options.tile_metadata)?),
                false => tree.stored_tile(id, params)?,
            };
            Ok((id, params.entropy.store_foreign(codec, bytes, tile_size(&geometry, id)?)))
        },
        |(id, (codec, bytes))| Ok::<_, Error>(writer.add_tile(id, codec, &bytes)?),
    )
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
