//! Bytes at equal quality: a bundle against JPEG 4:2:0 pyramids of the same slide.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use origami::archive::Kind;
use origami::backend::scheduler::Scheduler;
use origami::backend::{Cancel, CpuBackend};
use origami::decode::{DecodeOptions, Input, decode};
use origami::encode::{EncodeOptions, encode};
use origami::image::geometry::Geometry;
use origami::image::ycc::Sampling;
use origami::output::icc::Icc;
use origami::output::render::Output;
use origami::output::tile::OutputFormat;
use origami::params::EncodeParams;
use origami::pyramid::build::{BuildOptions, build};
use origami::pyramid::identity::Identity;
use origami::pyramid::source::Source;
use origami::pyramid::tree::{Missing, Tree};
use origami::pyramid::write::Existing;
use origami::quality::compare::{Comparison, compare};
use origami::quality::metrics::interpolate_log;
use origami::quality::rows::RowSource;
use origami::slide::{OpenOptions, Slide};

/// Qualities of the JPEG pyramids between which bytes are interpolated.
const QUALITIES: [u8; 20] = [10, 20, 26, 30, 34, 38, 40, 42, 44, 46, 48, 50, 52, 55, 60, 70, 80, 85, 90, 95];

/// What is measured.
pub struct RateOptions {
    /// The slide; its pixels are the reference.
    pub slide: PathBuf,
    /// How it is opened.
    pub open: OpenOptions,
    /// Parameters of the encode.
    pub params: EncodeParams,
    /// Ends the runs.
    pub cancel: Cancel,
}

/// A JPEG pyramid at one quality.
pub struct CurvePoint {
    /// Quality of its tiles.
    pub quality: u8,
    /// PSNR of L0 luma in dB.
    pub y_psnr: f64,
    /// Bytes of all levels.
    pub bytes: f64,
}

/// The bundle, decoded in one way.
pub struct JudgedOutput {
    /// Name of the way.
    pub name: &'static str,
    /// Against the slide.
    pub quality: Comparison,
    /// Bytes of the bundle divided by those of a JPEG pyramid of equal Y-PSNR; `None` outside of the curve.
    pub bytes_ratio: Option<f64>,
}

/// The whole measurement.
pub struct RateReport {
    /// Bytes of the bundle.
    pub bundle_bytes: u64,
    /// JPEG pyramids by rising quality.
    pub curve: Vec<CurvePoint>,
    /// On the planes (PNG), on 4:4:4 tiles, on 4:2:0 tiles.
    pub outputs: [JudgedOutput; 3],
}

struct Run<'a> {
    options: &'a RateOptions,
    scheduler: Scheduler,
    dir: &'a Path,
}

impl Run<'_> {
    fn judge(&self, tree: &Path, colour: bool) -> Result<Comparison> {
        let mut reference = RowSource::slide(&self.options.slide, &self.options.open)?;
        let mut tree = RowSource::tree(tree)?;
        Ok(compare(&mut reference, &mut tree, colour, &self.scheduler, &|_| ())?)
    }

    fn slide(&self) -> Result<Slide> {
        Ok(Slide::open(&self.options.slide, &self.options.open)?)
    }

    fn jpeg_pyramid(&self, quality: u8) -> Result<CurvePoint> {
        let options = BuildOptions {
            tile: 256,
            quality,
            sampling: Sampling::S420,
            png: false,
            existing: Existing::Replace,
        };
        let dzi = build(&mut self.slide()?, &self.dir.join("jpeg"), &options, &self.scheduler, &|_| {})?;
        let bytes = Identity::of_tree(&Tree::open(&dzi, Missing::Refuse)?)?.bytes as f64;
        Ok(CurvePoint { quality, y_psnr: self.judge(&dzi, false)?.y_psnr, bytes })
    }

    /// Encodes the slide; the bundle and its bytes.
    fn encode(&self) -> Result<(PathBuf, u64)> {
        let slide = self.slide()?;
        let geometry = Geometry::new(slide.info.width, slide.info.height, 256)?;
        let mut source = Source::Slide(Box::new(slide), geometry);
        let report = encode(
            &mut source,
            self.dir,
            &self.options.params,
            &EncodeOptions::default(),
            &CpuBackend::new(),
            &self.scheduler,
            &|_| {},
        )?;
        Ok((report.bundle, report.bundle_bytes))
    }

    fn decode(&self, bundle: &Path, format: OutputFormat, sampling: Sampling) -> Result<Comparison> {
        let output = Output { format, sampling, ..Output::default() };
        let options = DecodeOptions {
            output,
            icc: Some(Icc::None),
            existing: Existing::Replace,
            ..DecodeOptions::default()
        };
        let out = self.dir.join("decoded");
        let input = Input::file(bundle, Kind::Bundle)?;
        let report = decode(&input, None, &out, &options, &CpuBackend::new(), &self.scheduler, &|_, _| {})?;
        self.judge(&report.dzi, true)
    }
}

/// Encodes the slide, builds the JPEG pyramids, and compares both with the slide.
pub fn measure(options: &RateOptions) -> Result<RateReport> {
    let dir = tempfile::tempdir().context("cannot make a directory for the run")?;
    let scheduler = Scheduler::new(0)?.cancelled_by(options.cancel.clone());
    let run = Run { options, scheduler, dir: dir.path() };
    let (bundle, bundle_bytes) = run.encode()?;
    let curve = QUALITIES.into_iter().map(|quality| run.jpeg_pyramid(quality)).collect::<Result<Vec<_>>>()?;
    let points: Vec<_> = curve.iter().map(|point| (point.y_psnr, point.bytes)).collect();
    let judge = |name, format, sampling| -> Result<JudgedOutput> {
        let quality = run.decode(&bundle, format, sampling)?;
        let jpeg_bytes = interpolate_log(&points, quality.y_psnr);
        Ok(JudgedOutput { name, quality, bytes_ratio: jpeg_bytes.map(|bytes| bundle_bytes as f64 / bytes) })
    };
    let outputs = [
        judge("planes (PNG)", OutputFormat::Png, Sampling::S444)?,
        judge("4:4:4 q95 tiles", OutputFormat::Jpeg, Sampling::S444)?,
        judge("4:2:0 q95 tiles", OutputFormat::Jpeg, Sampling::S420)?,
    ];
    Ok(RateReport { bundle_bytes, curve, outputs })
}
