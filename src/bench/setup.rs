//! A tree to encode and decode, with families prepared for the bare codec calls.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};
use origami::backend::scheduler::Scheduler;
use origami::backend::{Backend, Cancel, CpuBackend};
use origami::encode::{EncodeOptions, encode};
use origami::image::family::Want;
use origami::image::geometry::{FamilyId, Geometry};
use origami::image::ycc::Sampling;
use origami::params::EncodeParams;
use origami::pyramid::build::{BuildOptions, build};
use origami::pyramid::source::Source;
use origami::pyramid::tree::{Missing, Tree};
use origami::pyramid::write::Existing;
use origami::residual::{FamilyDecoder, encode_family};
use origami::slide::{OpenOptions, Slide};

use super::tissue::write_slide;
use super::work::Work;

/// Families that the bare calls cycle over. They are held in memory.
const MAX_PREPARED_FAMILIES: usize = 48;

/// What is measured.
pub struct SetupOptions {
    /// A Deep Zoom tree of JPEG tiles; `None` for synthetic tissue.
    pub pyramid: Option<PathBuf>,
    /// Side of the synthetic slide in pixels.
    pub side: u32,
    /// Worker threads; 0 for one per core.
    pub threads: usize,
    /// How the synthetic slide is opened.
    pub open: OpenOptions,
    /// Parameters of the encode.
    pub params: EncodeParams,
    /// Ends the runs.
    pub cancel: Cancel,
}

/// A tree, and families of it prepared for the bare calls.
pub struct Setup {
    /// For the results of all runs.
    pub dir: tempfile::TempDir,
    tree: PathBuf,
    /// Parameters of the encode.
    pub params: EncodeParams,
    /// Threads of all runs.
    pub scheduler: Scheduler,
    work: Vec<Work>,
    /// Families of the tree.
    pub families: u64,
    /// Size of L0.
    pub megapixels: f64,
}

impl Setup {
    /// Makes or opens the tree and prepares the bare calls.
    pub fn new(options: &SetupOptions) -> Result<Self> {
        let dir = tempfile::tempdir().context("cannot make a directory for the run")?;
        let scheduler = Scheduler::new(options.threads)?.cancelled_by(options.cancel.clone());
        let tree_path = match &options.pyramid {
            Some(path) => path.clone(),
            None => {
                let png = dir.path().join("slide.png");
                write_slide(&png, options.side, options.side, &options.cancel)?;
                let mut slide = Slide::open(&png, &options.open)?;
                let options = BuildOptions {
                    tile: 256,
                    quality: 90,
                    sampling: Sampling::S420,
                    png: false,
                    existing: Existing::Keep,
                };
                build(&mut slide, dir.path(), &options, &scheduler, &|_| {})?
            }
        };
        let params = options.params.clone();
        params.validate()?;
        let tree = Tree::open(&tree_path, Missing::Refuse)?;
        let geometry = *tree.geometry();
        let prepared = geometry.all_families().take(MAX_PREPARED_FAMILIES);
        let work = prepared.map(|id| prepare(&tree, &params, id)).collect::<Result<_>>()?;
        let megapixels = f64::from(geometry.width()) * f64::from(geometry.height()) / 1e6;
        Ok(Self {
            dir,
            tree: tree_path,
            params,
            scheduler,
            work,
            families: geometry.family_count(),
            megapixels,
        })
    }

    /// Runs `calls` once for every family of the slide, on all threads; seconds.
    pub fn bare(&self, calls: impl Fn(&Work) -> origami::error::Result<usize> + Sync) -> Result<f64> {
        let started = Instant::now();
        let mut bytes = 0;
        let sum = |n| {
            bytes += n;
            Ok(())
        };
        self.scheduler.ordered(1, self.jobs(), calls, sum)?;
        std::hint::black_box(bytes);
        Ok(started.elapsed().as_secs_f64())
    }

    /// As many jobs as the slide has families.
    fn jobs(&self) -> impl Iterator<Item = origami::error::Result<&Work>> {
        (0..self.families as usize).map(|i| Ok(&self.work[i % self.work.len()]))
    }

    /// Decodes every family of the slide to coded tiles without reading or writing files; seconds.
    #[cfg(feature = "gpu")]
    pub fn decode_in_memory(&self, backend: &dyn Backend) -> Result<f64> {
        use super::work::code_tiles;

        let started = Instant::now();
        let (coding, want) = (self.params.coding(), Want::Planes(Sampling::S420));
        let geometry = *Tree::open(&self.tree, Missing::Refuse)?.geometry();
        let decode = async |work: &Work| {
            let Work { id, record, .. } = work;
            let decoded = FamilyDecoder { geometry: &geometry, coding: &coding, id: *id, record }.decode()?;
            let made = backend.reconstruct(&coding, &decoded, want).await?;
            code_tiles([&made.l0.ycc(), &made.l1.ycc()])
        };
        let mut bytes = 0;
        let sum = |n| {
            bytes += n;
            Ok(())
        };
        let (in_flight, job_bytes) =
            (backend.in_flight(&geometry), origami::backend::scheduler::family_bytes(&geometry));
        self.scheduler.pipelined(in_flight, job_bytes, self.jobs(), decode, sum)?;
        std::hint::black_box(bytes);
        Ok(started.elapsed().as_secs_f64())
    }

    /// Encodes the tree; seconds, and the bundle.
    pub fn encode(&self, params: &EncodeParams, backend: &dyn Backend) -> Result<(f64, PathBuf)> {
        let started = Instant::now();
        let mut source = Source::Tree(Box::new(Tree::open(&self.tree, Missing::Refuse)?));
        let report = encode(
            &mut source,
            self.dir.path(),
            params,
            &EncodeOptions::default(),
            backend,
            &self.scheduler,
            &|_| {},
        )?;
        Ok((started.elapsed().as_secs_f64(), report.bundle))
    }
}

/// Encodes and decodes a family and keeps the input of every bare call.
fn prepare(tree: &Tree, params: &EncodeParams, id: FamilyId) -> Result<Work> {
    let (geometry, backend): (Geometry, _) = (*tree.geometry(), CpuBackend::new());
    let tiles =
        geometry.family_tiles(id, 0).map(|tile| tree.tile_bytes(tile)).collect::<Result<Vec<_>, _>>()?;
    let family = tree.family(id, params.upsample_filter)?;
    let encoded = pollster::block_on(encode_family(&backend, params, family))?;
    let (coding, want) = (params.coding(), Want::Planes(Sampling::S420));
    let decoded =
        FamilyDecoder { geometry: &geometry, coding: &coding, id, record: &encoded.record }.decode()?;
    let made = pollster::block_on(backend.reconstruct(&coding, &decoded, want))?;
    let levels = [made.l0.into_ycc(), made.l1.into_ycc()];
    Ok(Work {
        tiles,
        #[cfg(feature = "gpu")]
        id,
        record: encoded.record,
        decoded,
        levels,
    })
}

#[cfg(test)]
mod tests {
    use super::super::work::{Calls, encode_calls};
    use super::*;
    use origami::codec::{ImageEncoder, JpegEncoder};

    #[test]
    fn an_encode_is_measured_against_so_many_calls_of_libjpeg_turbo() {
        let options = SetupOptions {
            pyramid: None,
            side: 1024,
            threads: 1,
            open: OpenOptions::default(),
            params: EncodeParams::default(),
            cancel: Cancel::default(),
        };
        let setup = Setup::new(&options).unwrap();
        let [work] = &setup.work[..] else { panic!("a slide of one family") };
        let coded = |optimised: bool| {
            let of = |image: &origami::image::ycc::Ycc, quality| {
                let encoder = JpegEncoder::new().unwrap();
                let mut encoder = if optimised { encoder.optimised().unwrap() } else { encoder };
                encoder.encode(image.view(), quality).unwrap().len()
            };
            of(&work.decoded.baseline, setup.params.base_quality.into())
                + of(&work.decoded.residual, setup.params.residual_qualities())
        };
        let calls = encode_calls(work, &setup.params).unwrap();
        // L2 and the residual with tables made for them, and decoded again.
        assert_eq!(calls, Calls { tiles: 16, coded: 2, decoded: 2, bytes: coded(true) });
        assert!(calls.bytes < coded(false));
    }
}
