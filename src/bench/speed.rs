//! Encode and decode against the bare codec calls of the same work, in turn, in one run.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};
use clap::Args;
use origami::archive::{FamilyRecord, Kind};
use origami::backend::scheduler::Scheduler;
use origami::backend::{Backend, CpuBackend};
use origami::codec::{ImageEncoder, JpegDecoder, JpegEncoder, Shape, Use, decoder};
use origami::decode::{DecodeOptions, Input, decode};
use origami::encode::{EncodeOptions, encode};
use origami::image::family::{DecodedFamily, Want};
use origami::image::geometry::{FamilyId, Geometry};
use origami::image::ycc::{Sampling, Ycc, YccRef};
use origami::kernels::level::Level;
use origami::params::{Coding, EncodeParams};
use origami::pyramid::build::{BuildOptions, build};
use origami::pyramid::source::Source;
use origami::pyramid::tree::{Missing, Tree};
use origami::pyramid::write::Existing;
use origami::residual::FamilyDecoder;
use origami::residual::encode_family;
use origami::slide::Slide;
use serde_json::json;

use super::median;
use super::slide::write_slide;
use crate::cli::backend::{BackendArgs, Opened, Purpose};
use crate::cli::coding::CodingArgs;
use crate::cli::pyramid::OpenArgs;

#[derive(Args)]
pub struct SpeedArgs {
    /// A Deep Zoom tree of JPEG tiles [default: synthetic tissue, made for the run]
    #[arg(long, value_name = "P")]
    pyramid: Option<PathBuf>,
    /// Side of the synthetic slide in pixels
    #[arg(long, default_value_t = 6144)]
    side: u32,
    /// Rounds; every figure is a median over them
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub rounds: u32,
    /// Worker threads [default: one per core]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    threads: usize,
    /// JSON instead of text
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub backend: BackendArgs,
    #[command(flatten)]
    pub coding: CodingArgs,
    #[command(flatten)]
    open: OpenArgs,
}

/// A family as the bare calls need it.
pub struct Work {
    tiles: Vec<Vec<u8>>,
    id: FamilyId,
    geometry: Geometry,
    coding: Coding,
    record: FamilyRecord,
    decoded: DecodedFamily,
    /// L0 and L1 as decoded.
    after: [Ycc; 2],
}

/// A tree, and what the bare calls work on.
pub struct Setup {
    dir: tempfile::TempDir,
    tree: PathBuf,
    /// Parameters of the encode.
    pub params: EncodeParams,
    /// Threads.
    pub scheduler: Scheduler,
    work: Vec<Work>,
    megapixels: f64,
}

/// Makes or opens the tree and prepares the bare calls.
pub fn set_up(args: &SpeedArgs) -> Result<Setup> {
    let dir = tempfile::tempdir().context("cannot make a directory for the run")?;
    let scheduler = Scheduler::new(args.threads)?;
    let tree_path = match &args.pyramid {
        Some(path) => path.clone(),
        None => {
            let png = dir.path().join("slide.png");
            write_slide(&png, args.side, args.side)?;
            let mut slide = Slide::open(&png, &args.open.options())?;
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
    let params = args.coding.params();
    params.validate()?;
    let tree = Tree::open(&tree_path, Missing::Refuse)?;
    let geometry = *tree.geometry();
    let backend = CpuBackend::new();
    // The bare calls cycle over at most so many families, which are held in memory.
    let kept: Vec<_> = geometry.all_families().take(48).collect();
    let mut work = Vec::new();
    for &id in &kept {
        let tiles = geometry
            .family_tiles(id, 0)
            .map(|tile| std::fs::read(tree.tile_path(tile)))
            .collect::<Result<Vec<_>, _>>()?;
        let family = tree.family(id, params.upsample_filter)?;
        let encoded = pollster::block_on(encode_family(&backend, &params, family))?;
        let (coding, want) = (params.coding(), Want::Planes(Sampling::S420));
        let decoded = FamilyDecoder { geometry: &geometry, coding: &coding, id: id, record: &encoded.record }
            .decode()?;
        let made = pollster::block_on(backend.reconstruct(&coding, &decoded, want))?;
        work.push(Work {
            tiles,
            id,
            geometry,
            coding,
            record: encoded.record,
            decoded,
            after: [made.l0.into_ycc(), made.l1.into_ycc()],
        });
    }
    let megapixels = f64::from(geometry.width()) * f64::from(geometry.height()) / 1e6;
    Ok(Setup { dir, tree: tree_path, params, scheduler, work, megapixels })
}

impl Setup {
    /// Runs `calls` once for every family of the slide, on all threads; seconds.
    pub fn bare(
        &self,
        families: u64,
        calls: impl Fn(&Work) -> origami::error::Result<usize> + Sync,
    ) -> Result<f64> {
        let started = Instant::now();
        let mut bytes = 0;
        self.scheduler.ordered(
            1,
            (0..families as usize).map(|i| Ok(&self.work[i % self.work.len()])),
            calls,
            |n| {
                bytes += n;
                Ok(())
            },
        )?;
        std::hint::black_box(bytes);
        Ok(started.elapsed().as_secs_f64())
    }

    /// Families of the tree.
    pub fn families(&self) -> Result<u64> {
        Ok(Tree::open(&self.tree, Missing::Refuse)?.geometry().family_count())
    }

    /// Decodes families to coded tiles without reading or writing files; seconds.
    #[cfg(feature = "gpu")]
    pub fn decode_in_memory(&self, backend: &dyn Backend, families: u64) -> Result<f64> {
        let started = Instant::now();
        let (coding, want) = (self.params.coding(), Want::Planes(Sampling::S420));
        let geometry = *Tree::open(&self.tree, Missing::Refuse)?.geometry();
        let decode = async |work: &Work| {
            let made = backend.reconstruct(&coding, &decode_payloads(work)?, want).await?;
            code_tiles([&made.l0.ycc(), &made.l1.ycc()])
        };
        let mut bytes = 0;
        self.scheduler.pipelined(
            backend.in_flight(&geometry),
            origami::backend::scheduler::family_bytes(&geometry),
            (0..families as usize).map(|i| Ok(&self.work[i % self.work.len()])),
            decode,
            |n| {
                bytes += n;
                Ok(())
            },
        )?;
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

/// The JPEG calls of encoding a family.
pub fn encode_calls(work: &Work, params: &EncodeParams) -> origami::error::Result<usize> {
    for tile in &work.tiles {
        std::hint::black_box(JpegDecoder::open(tile)?.planes()?);
    }
    let mut total = 0;
    for (image, quality, encoder, of) in [
        (work.decoded.baseline.view(), params.base_quality.into(), params.encoder, Use::Baseline),
        (work.decoded.residual.view(), params.residual_qualities(), params.residual_encoder(), Use::Residual),
    ] {
        let mut encoder = encoder.encoder(of)?;
        let bytes = encoder.encode(image, quality)?;
        let shape = Shape { width: image.luma.width, height: image.luma.height, sampling: None };
        std::hint::black_box(decoder(encoder.codec())?.decode(&bytes, shape)?);
        total += bytes.len();
    }
    Ok(total)
}

/// The JPEG calls of decoding a family.
pub fn decode_calls(work: &Work) -> origami::error::Result<usize> {
    std::hint::black_box(decode_payloads(work)?);
    let [l0, l1] = &work.after;
    code_tiles([l0, l1])
}

fn decode_payloads(work: &Work) -> origami::residual::Result<DecodedFamily> {
    FamilyDecoder { geometry: &work.geometry, coding: &work.coding, id: work.id, record: &work.record }
        .decode()
}

/// L0 and L1 as tiles of a quarter of the family's side; their bytes.
fn code_tiles(levels: [&Ycc; 2]) -> origami::error::Result<usize> {
    let (mut encoder, mut total) = (JpegEncoder::new()?, 0);
    let l0 = &levels[0].luma;
    let side = l0.width().max(l0.height()).div_ceil(4).max(2).next_multiple_of(2);
    for (image, tiles) in levels.into_iter().zip([4, 2]) {
        let (width, height) = (image.luma.width(), image.luma.height());
        for y in (0..tiles).map(|i| i * side).filter(|&y| y < height) {
            for x in (0..tiles).map(|i| i * side).filter(|&x| x < width) {
                let part: YccRef<'_> = image.view().part(x, y, side.min(width - x), side.min(height - y));
                total += encoder.encode(part, 95.into())?.len();
            }
        }
    }
    Ok(total)
}

pub fn run_encode(args: SpeedArgs) -> Result<()> {
    let setup = set_up(&args)?;
    let opened = args.backend.open(Purpose::Encode, None, &setup.scheduler, false)?;
    let backend = &*opened.backend;
    let families = setup.families()?;
    let with_optl2 = EncodeParams { optl2: true, ..setup.params.clone() };
    let (mut bare, mut whole, mut opt, mut ratios, mut opt_ratios) = (vec![], vec![], vec![], vec![], vec![]);
    setup.encode(&with_optl2, backend)?;
    for _ in 0..args.rounds {
        let b = setup.bare(families, |work| encode_calls(work, &setup.params))?;
        let w = setup.encode(&setup.params, backend)?.0;
        let o = setup.encode(&with_optl2, backend)?.0;
        bare.push(b);
        whole.push(w);
        opt.push(o);
        ratios.push(w / b);
        opt_ratios.push(o / w);
    }
    report(
        &args,
        &setup,
        &opened,
        "encode",
        families,
        &bare,
        &whole,
        &ratios,
        Some((median(&opt), median(&opt_ratios))),
    )
}

pub fn run_decode(args: SpeedArgs) -> Result<()> {
    let setup = set_up(&args)?;
    let opened = args.backend.open(Purpose::Decode, None, &setup.scheduler, false)?;
    let backend = &*opened.backend;
    let (_, bundle) = setup.encode(&setup.params, backend)?;
    let input = Input::file(&bundle, Kind::Bundle)?;
    let families = input.geometry().family_count();
    let options = DecodeOptions { existing: Existing::Replace, ..DecodeOptions::default() };
    let (mut bare, mut whole, mut ratios) = (vec![], vec![], vec![]);
    let out: &Path = &setup.dir.path().join("decoded");
    for round in 0..=args.rounds {
        let b = setup.bare(families, decode_calls)?;
        let started = Instant::now();
        decode(&input, None, out, &options, backend, &setup.scheduler, &|_, _| {})?;
        let w = started.elapsed().as_secs_f64();
        // The first round warms caches up.
        if round > 0 {
            bare.push(b);
            whole.push(w);
            ratios.push(w / b);
        }
    }
    report(&args, &setup, &opened, "decode", families, &bare, &whole, &ratios, None)
}

#[allow(clippy::too_many_arguments)]
fn report(
    args: &SpeedArgs,
    setup: &Setup,
    opened: &Opened,
    what: &str,
    families: u64,
    bare: &[f64],
    whole: &[f64],
    ratios: &[f64],
    optl2: Option<(f64, f64)>,
) -> Result<()> {
    let (bare, whole, ratio) = (median(bare), median(whole), median(ratios));
    let threads = setup.scheduler.threads();
    let rate = setup.megapixels / whole;
    if args.json {
        let mut value = json!({
            "bench": what, "threads": threads, "cpu": Level::current().name(), "backend": opened.backend.name(), "families": families, "rounds": args.rounds,
            "bare_jpeg_s": bare, "origami_s": whole, "ratio": ratio, "megapixels_per_s": rate,
            "bare_ms_per_family_and_thread": bare * 1e3 * threads as f64 / families as f64,
            "origami_ms_per_family_and_thread": whole * 1e3 * threads as f64 / families as f64,
        });
        if let Some((seconds, ratio)) = optl2 {
            value["optl2_s"] = json!(seconds);
            value["optl2_ratio"] = json!(ratio);
        }
        say!("{}", serde_json::to_string_pretty(&value)?);
        return Ok(());
    }
    say!(
        "{what}: {families} families on {threads} threads ({}), medians of {} rounds",
        Level::current().name(),
        args.rounds
    );
    say!("bare JPEG calls   {bare:8.3} s");
    let place = opened.summary();
    say!("origami {what}    {whole:8.3} s   {ratio:.2} times the bare calls, {rate:.0} megapixels/s {place}");
    if let Some((seconds, ratio)) = optl2 {
        say!("with --optl2      {seconds:8.3} s   {ratio:.2} times without");
    }
    Ok(())
}
