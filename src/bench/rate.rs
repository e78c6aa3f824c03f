//! Bytes at equal quality: a bundle against JPEG 4:2:0 pyramids of the same slide.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use origami::archive::Kind;
use origami::backend::CpuBackend;
use origami::backend::scheduler::Scheduler;
use origami::decode::{DecodeOptions, Input, decode};
use origami::encode::{EncodeOptions, encode};
use origami::image::geometry::Geometry;
use origami::image::ycc::Sampling;
use origami::output::render::Output;
use origami::output::tile::OutputFormat;
use origami::pyramid::build::{BuildOptions, build};
use origami::pyramid::source::Source;
use origami::pyramid::tree::{Missing, Tree};
use origami::pyramid::write::Existing;
use origami::quality::metrics::interpolate_log;
use origami::slide::Slide;
use serde_json::json;

use crate::cli::coding::CodingArgs;
use crate::cli::compare::{Quality, Side, compare};
use crate::cli::pyramid::OpenArgs;

#[derive(Args)]
pub struct RateArgs {
    /// The slide; its pixels are the reference
    slide: PathBuf,
    /// Fail where the ratio on the decoded planes is larger
    #[arg(long, value_name = "RATIO")]
    max_planes: Option<f64>,
    /// Fail where the ratio on the q95 4:2:0 tiles is larger
    #[arg(long, value_name = "RATIO")]
    max_tiles: Option<f64>,
    /// JSON instead of text
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    coding: CodingArgs,
    #[command(flatten)]
    open: OpenArgs,
}

/// Qualities of the JPEG pyramids between which bytes are interpolated.
const QUALITIES: [u8; 20] = [10, 20, 26, 30, 34, 38, 40, 42, 44, 46, 48, 50, 52, 55, 60, 70, 80, 85, 90, 95];

struct Run<'a> {
    args: &'a RateArgs,
    scheduler: Scheduler,
    dir: &'a Path,
}

impl Run<'_> {
    fn judge(&self, tree: &Path, colour: bool) -> Result<Quality> {
        let mut reference = Side::open(&self.args.slide, self.args.open)?;
        compare(&mut reference, &mut Side::open(tree, self.args.open)?, colour, &self.scheduler)
    }

    /// Bytes of all levels and Y-PSNR of L0, per quality.
    fn jpeg_curve(&self) -> Result<Vec<(u8, f64, f64)>> {
        let mut points = Vec::new();
        for quality in QUALITIES {
            let mut slide = Slide::open(&self.args.slide, &self.args.open.options())?;
            let options = BuildOptions {
                tile: 256,
                quality,
                sampling: Sampling::S420,
                png: false,
                existing: Existing::Replace,
            };
            let dzi = build(&mut slide, &self.dir.join("jpeg"), &options, &self.scheduler, &|_| {})?;
            let bytes = Tree::open(&dzi, Missing::Refuse)?.total_bytes()?;
            points.push((quality, self.judge(&dzi, false)?.y_psnr, bytes as f64));
        }
        Ok(points)
    }

    fn decoded(&self, bundle: &Path, format: OutputFormat, sampling: Sampling) -> Result<Quality> {
        let output = Output { format, sampling, ..Output::default() };
        let options = DecodeOptions { output, existing: Existing::Replace, ..DecodeOptions::default() };
        let out = self.dir.join("decoded");
        let input = Input::file(bundle, Kind::Bundle)?;
        let report = decode(&input, None, &out, &options, &CpuBackend::new(), &self.scheduler, &|_, _| {})?;
        self.judge(&report.dzi, true)
    }
}

pub fn run(args: RateArgs) -> Result<()> {
    let dir = tempfile::tempdir().context("cannot make a directory for the run")?;
    let run = Run { args: &args, scheduler: Scheduler::new(0)?, dir: dir.path() };
    let params = args.coding.params();
    let slide = Slide::open(&args.slide, &args.open.options())?;
    let geometry = Geometry::new(slide.info.width, slide.info.height, 256)?;
    let mut source = Source::Slide(Box::new(slide), geometry);
    let report = encode(
        &mut source,
        dir.path(),
        &params,
        &EncodeOptions::default(),
        &CpuBackend::new(),
        &run.scheduler,
        &|_| {},
    )?;
    let curve = run.jpeg_curve()?;
    let points: Vec<_> = curve.iter().map(|&(_, db, bytes)| (db, bytes)).collect();
    let judged = [
        ("planes (PNG)", OutputFormat::Png, Sampling::S444, args.max_planes),
        ("4:4:4 q95 tiles", OutputFormat::Jpeg, Sampling::S444, None),
        ("4:2:0 q95 tiles", OutputFormat::Jpeg, Sampling::S420, args.max_tiles),
    ];
    let mut rows = Vec::new();
    for (name, format, sampling, limit) in judged {
        let quality = run.decoded(&report.bundle, format, sampling)?;
        let equal = interpolate_log(&points, quality.y_psnr);
        rows.push((name, quality, equal.map(|bytes| report.bundle_bytes as f64 / bytes), limit));
    }
    if args.json {
        let value = json!({
            "slide": args.slide, "bundle_bytes": report.bundle_bytes, "encode": params,
            "jpeg_420_pyramid": curve.iter().map(|(q, db, bytes)| json!({"quality": q, "y_psnr": db, "bytes": bytes})).collect::<Vec<_>>(),
            "judged_on": rows.iter().map(|(name, q, ratio, _)| json!({
                "on": name, "y_psnr": q.y_psnr, "rgb_psnr": q.rgb_psnr, "ssim": q.ssim, "delta_e_2000": q.delta_e, "bytes_ratio": ratio,
            })).collect::<Vec<_>>(),
        });
        say!("{}", serde_json::to_string_pretty(&value)?);
    } else {
        say!("bundle {} bytes; JPEG 4:2:0 pyramid of the same slide, all levels:", report.bundle_bytes);
        for (q, db, bytes) in &curve {
            say!("  q{q:<3} {db:6.2} dB {bytes:>10.0} bytes");
        }
        say!(
            "{:<18}{:>8}{:>9}{:>9}  bytes against JPEG of equal Y-PSNR",
            "judged on",
            "Y-PSNR",
            "SSIM",
            "Delta E"
        );
        for (name, q, ratio, _) in &rows {
            let ratio = ratio.map_or("outside the curve".into(), |r| format!("{r:.3}"));
            say!(
                "{name:<18}{:>8.2}{:>9.4}{:>9.3}  {ratio}",
                q.y_psnr,
                q.ssim.unwrap_or(f64::NAN),
                q.delta_e.unwrap_or(f64::NAN)
            );
        }
    }
    for (name, _, ratio, limit) in rows {
        if let Some(limit) = limit
            && !ratio.is_some_and(|r| r <= limit)
        {
            anyhow::bail!("judged on {name} the bundle is {ratio:?} of a JPEG pyramid, over {limit}");
        }
    }
    Ok(())
}
