//! Encode: predict, subtract, code.
//!
//! [`encode_family`] is the whole codec in this direction; [`encode`] runs it over a slide and writes the archive. Knows
//! the order of things, no pixel arithmetic (`backend`), no bytes of the container (`archive`).

use std::path::{Path, PathBuf};

use crate::archive::{BundleWriter, FamilyRecord, Meta, PACK_DIR, Payload};
use crate::backend::scheduler::{Scheduler, family_bytes, tile_bytes};
use crate::backend::{Backend, Base, Predicted};
use crate::codec::{ImageEncoder, JpegEncoder, Sampling, Shape, Use, Ycc, YccRef, decoder};
use crate::coding::EncodeParams;
use crate::debug_images;
use crate::error::Result;
use crate::family::{PayloadKind, Proof, SourceFamily};
use crate::geometry::FamilyId;
use crate::manifest::{FamilyMetrics, Manifest};
use crate::plane::{Plane, PlaneRef};
use crate::pyramid::build::SmallLevels;
use crate::pyramid::levels::TileSink;
use crate::pyramid::source::{Block, Source};

/// One family, encoded, with what the encoder saw on the way.
pub struct EncodedFamily {
    /// Which.
    pub id: FamilyId,
    /// What is stored.
    pub record: FamilyRecord,
    /// L0 as it came in.
    pub source: SourceFamily,
    /// L2 as every decoder will see it.
    pub baseline: Ycc,
    /// L0 luma before the residual.
    pub prediction: Plane,
    /// The residual as every decoder will see it.
    pub residual: Plane,
    /// L0 luma as every decoder will see it.
    pub luma: Plane,
}

/// Encodes a family: L2, its JPEG, the prediction from that JPEG, the residual, its JPEG, and what both decode to.
///
/// # Errors
/// Those of codec and backend.
pub async fn encode_family(
    backend: &dyn Backend,
    params: &EncodeParams,
    source: SourceFamily,
) -> Result<EncodedFamily> {
    let Base { ticket, l2 } = backend.base(params, &source).await?;
    let (base_payload, baseline) = round_trip(params, PayloadKind::Baseline, l2.view(), params.base_quality)?;

    let Predicted { prediction, residual } = backend.residual(params, &source, ticket, &baseline).await?;
    let coded = YccRef::gray(residual.view());
    let (residual_payload, decoded) =
        round_trip(params, PayloadKind::Residual, coded, params.residual_quality)?;
    let residual = decoded.luma;

    let luma = backend.correct(&params.coding(), prediction.clone(), &residual);
    let record =
        FamilyRecord { proof: Proof::new(&luma, &baseline), payloads: vec![base_payload, residual_payload] };
    Ok(EncodedFamily { id: source.id, record, source, baseline, prediction, residual, luma })
}

/// What is stored of an image, and what every decoder will see of it.
fn round_trip(
    params: &EncodeParams,
    kind: PayloadKind,
    image: YccRef<'_>,
    quality: u8,
) -> Result<(Payload, Ycc)> {
    let mut encoder = match kind {
        PayloadKind::Baseline => params.encoder.encoder(Use::Baseline)?,
        PayloadKind::Residual => params.residual_encoder().encoder(Use::Residual)?,
    };
    let (codec, bytes) = (encoder.codec(), encoder.encode(image, quality)?);
    let shape = Shape { width: image.luma.width, height: image.luma.height, sampling: Some(image.sampling) };
    let decoded = decoder(codec)?.decode(&bytes, shape)?;
    Ok((Payload { kind, codec, bytes }, decoded))
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
    /// Stop after so many families.
    pub max_parents: Option<u64>,
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
    /// Bytes of the source tree, where there is one.
    pub source_bytes: Option<u64>,
    /// L0 luma PSNR in dB over the whole slide, where it was measured; infinite for no error.
    pub y_psnr: Option<f64>,
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
    let geometry = *source.geometry();
    let total = geometry.family_count();
    let limit = options.max_parents.unwrap_or(total).min(total);
    let manifest_path = out.join("manifest.json");
    if options.manifest {
        Manifest::may_replace(&manifest_path)?;
    }
    let source_bytes = match source {
        Source::Tree(tree) => Some(tree.total_bytes()?),
        Source::Slide(..) => None,
    };
    let meta = meta_of(source, params, limit == total);
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
        sink.small_levels(|levels, put| levels.whole(slide, put))?;
    }
    scheduler.pipelined(
        backend.in_flight(&geometry),
        family_bytes(&geometry),
        source.jobs(params.upsample_filter, limit as usize),
        |job| async move {
            let loaded = job()?;
            let id = loaded.family.id;
            let encoded = encode_family(backend, params, loaded.family).await.map_err(|e| e.in_family(id))?;
            if options.debug_images {
                debug_images::write(out, &encoded, backend, &params.coding()).await?;
            }
            let metrics = options.manifest.then(|| FamilyMetrics::measure(&geometry, &encoded, params));
            Ok((encoded.id, encoded.record, metrics, loaded.block))
        },
        |(id, record, metrics, block)| {
            sink.family(id, &record, metrics, block)?;
            progress(sink.families);
            Ok(())
        },
    )?;
    match source {
        Source::Tree(tree) => scheduler.ordered(
            tile_bytes(&geometry),
            geometry.stored_tiles().map(Ok),
            |id| Ok((id, tree.stored_tile(id, params)?)),
            |(id, (codec, bytes))| sink.writer.add_tile(id, codec, &bytes),
        )?,
        Source::Slide(..) => sink.small_levels(SmallLevels::fill)?,
    }
    let written = sink.writer.finish(&meta, icc.as_deref(), options.packs)?;
    if let Some(manifest) = &sink.manifest {
        manifest.write(&manifest_path, written.bytes, source_bytes)?;
    }
    Ok(EncodeReport {
        bundle: written.path,
        bundle_bytes: written.bytes,
        shared_bytes: written.shared_bytes,
        families: sink.families,
        baseline_bytes: sink.baseline_bytes,
        residual_bytes: sink.residual_bytes,
        source_bytes,
        y_psnr: sink.manifest.as_ref().map(Manifest::y_psnr),
    })
}

fn meta_of(source: &Source, params: &EncodeParams, complete: bool) -> Meta {
    let facts = source.facts();
    Meta {
        tool: crate::pyramid::generator(),
        content: String::new(),
        coding: params.coding(),
        encode: params.clone(),
        source: source.meta(),
        microns_per_pixel: facts.microns_per_pixel,
        objective_power: facts.objective_power,
        complete,
    }
}

/// Takes encoded families in order, on one thread: into the archive, the manifest and, from a slide, the small levels.
struct Sink<'a> {
    writer: BundleWriter,
    manifest: Option<Manifest>,
    small: Option<SmallLevels>,
    params: &'a EncodeParams,
    families: u64,
    baseline_bytes: u64,
    residual_bytes: u64,
}

impl Sink<'_> {
    fn family(
        &mut self,
        id: FamilyId,
        record: &FamilyRecord,
        metrics: Option<FamilyMetrics>,
        block: Option<Block>,
    ) -> Result<()> {
        self.writer.add_family(id, record)?;
        let size = |kind| record.payload(kind).map_or(0, |p| p.bytes.len() as u64);
        self.baseline_bytes += size(PayloadKind::Baseline);
        self.residual_bytes += size(PayloadKind::Residual);
        self.families += 1;
        if let (Some(manifest), Some(metrics)) = (&mut self.manifest, metrics) {
            manifest.add(metrics);
        }
        match block {
            Some(block) => self.small_levels(|levels, put| levels.push(id, block, put)),
            None => Ok(()),
        }
    }

    /// Runs `step` on the small levels, if there are any, with a sink that codes their tiles as L2 is coded and stores them.
    fn small_levels(
        &mut self,
        step: impl FnOnce(&mut SmallLevels, &mut TileSink<'_>) -> Result<()>,
    ) -> Result<()> {
        let Some(levels) = &mut self.small else { return Ok(()) };
        let (channels, quality) = (levels.channels(), self.params.base_quality);
        let sampling = self.params.coding().baseline_subsamp.sampling();
        let writer = &mut self.writer;
        step(levels, &mut |id, pixels, width, height| {
            let mut encoder = JpegEncoder::new()?.optimised()?;
            let bytes = match (channels, sampling) {
                (1, _) => {
                    encoder.encode(YccRef::gray(PlaneRef::new(pixels, width, height, width)), quality)?
                }
                (_, Sampling::S444) => {
                    let rgb = PlaneRef::new(pixels, 3 * width, height, 3 * width);
                    encoder.encode(Ycc::from_rgb(rgb).view(), quality)?
                }
                _ => encoder.encode_rgb(pixels, width, height, quality, sampling)?,
            };
            writer.add_tile(id, encoder.codec(), &bytes)
        })
    }
}
