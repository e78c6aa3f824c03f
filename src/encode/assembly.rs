//! How coded families, wherever they come from, become a bundle with its small levels.

use std::path::Path;

use super::families::Stored;
use super::options::{EncodeOptions, EncodeReport};
use super::sink::Sink;
use crate::archive::{AssociatedImage, BundleWriter, Meta, PACK_DIR};
use crate::backend::scheduler::{Scheduler, tile_bytes};
use crate::codec::{CodecId, encode_png};
use crate::error::{Error, Result};
use crate::lossless::tile_size;
use crate::params::EncodeParams;
use crate::pyramid::identity::Identity;
use crate::pyramid::small_levels::SmallLevels;
use crate::pyramid::source::Source;
use crate::pyramid::tree::Tree;
use crate::quality::channels::Channels;
use crate::report::manifest::Manifest;

/// Refuses what can be refused before anything is read.
pub fn check(source: &Source, params: &EncodeParams, options: &EncodeOptions) -> Result<()> {
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
pub struct Assembly<'a> {
    pub out: &'a Path,
    pub params: &'a EncodeParams,
    pub options: &'a EncodeOptions,
    /// Whether there are all families of the slide.
    pub complete: bool,
    pub scheduler: &'a Scheduler,
    pub progress: &'a dyn Fn(u64),
}

/// Gives the families of a source, in their order.
pub type Families<'a> = dyn FnMut(&mut Source, &mut dyn FnMut(Stored) -> Result<()>) -> Result<()> + 'a;

impl Assembly<'_> {
    /// Writes everything but what was lost.
    pub fn run(&self, source: &mut Source, families: &mut Families<'_>) -> Result<EncodeReport> {
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
        match &*source {
            Source::Tree(tree) => stored_tiles(tree, params, options, scheduler, &mut sink.writer)?,
            Source::Slide(..) => sink.small_levels(SmallLevels::fill)?,
        }
        source.check_unchanged(&identity)?;
        let replaced = options.manifest.then_some(&*manifest_path);
        let written = sink.writer.finish(&meta, icc.as_deref(), options.packs, replaced)?;
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
    scheduler.pipelined(
        0,
        tile_bytes(&geometry),
        tree.announced(geometry.stored_tiles()).map(Ok),
        |(id, arrival)| async move {
            arrival.await;
            let (codec, bytes) = match tree.is_original(id, params) {
                true => (CodecId::Jpeg, tree.stored_original(id, options.tile_metadata)?),
                false => tree.stored_tile(id, params)?,
            };
            Ok((id, params.entropy.store_foreign(codec, bytes, tile_size(&geometry, id)?)))
        },
        |(id, (codec, bytes))| Ok::<_, Error>(writer.add_tile(id, codec, &bytes)?),
    )
}

pub fn meta_of(source: &Source, identity: &Identity, params: &EncodeParams, complete: bool) -> Meta {
    let metadata = source.metadata();
    Meta {
        tool: crate::pyramid::generator(),
        content: String::new(),
        coding: params.coding(),
        encode: params.clone(),
        source: source.source_meta(identity),
        microns_per_pixel: metadata.microns_per_pixel,
        objective_power: metadata.objective_power,
        scanner: metadata.scanner,
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
