//! `encode --report`: a page that shows what was saved and what was lost.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use origami::archive::Archive;
use origami::backend::Backend;
use origami::backend::scheduler::Scheduler;
use origami::encode::EncodeReport;
use origami::params::EncodeParams;
use origami::pyramid::source::Source;
use origami::pyramid::write::write_whole;
use origami::quality::search::{QualityEstimate, rate_curve};
use origami::report::html::EncodePage;
use origami::report::plot::curve::CurvePoint;

use crate::cli::fault::usage;

/// Qualities of the rate curve.
const QUALITIES: [u8; 6] = [20, 35, 50, 65, 80, 90];

/// The flags of the report.
#[derive(Args)]
pub struct ReportArgs {
    /// Write a page of what was lost; of a directory one for each slide [default: none]
    ///
    /// Of several inputs each gets one of this name beside its residual_packs/. With --skip-existing a slide whose page is missing is encoded again: losses are
    /// measured meanwhile.
    #[arg(long, value_name = "FILE.html", help_heading = "Output")]
    report: Option<PathBuf>,
    /// Leave the slide's name out of the report
    #[arg(long, requires = "report", help_heading = "Safety", hide_short_help = true)]
    no_names: bool,
}

impl ReportArgs {
    /// Whether losses must be measured.
    pub fn is_wanted(&self) -> bool {
        self.report.is_some()
    }

    /// Refuses names that cannot be written.
    pub fn check(&self, several: bool) -> Result<()> {
        let Some(file) = &self.report else { return Ok(()) };
        let extension = file.extension().unwrap_or_default().to_ascii_lowercase();
        if extension != "html" && extension != "htm" {
            usage!("--report {}: the report is a page, so its name must end in .html", file.display());
        }
        if several && file.file_name() != Some(file.as_os_str()) {
            usage!(
                "--report {}: of several inputs each gets a report in its own directory; give a name without a directory",
                file.display()
            );
        }
        Ok(())
    }

    /// Where the report of one encode goes, if one is wanted: of several inputs, beside the results in `out`.
    pub fn path(&self, out: &Path, several: bool) -> Option<PathBuf> {
        self.report.as_ref().map(|file| if several { out.join(file) } else { file.clone() })
    }

    /// Writes the report of one encode to `path`.
    pub fn write(&self, path: &Path, encoded: &Encoded<'_>) -> Result<()> {
        let report = encoded.report;
        let archive = Archive::open(&report.bundle)?;
        let estimates = encoded.curve(&archive)?;
        let point = |e: &QualityEstimate| CurvePoint { quality: e.quality, bytes: e.bytes, y_psnr: e.psnr };
        let page = EncodePage {
            archive: &archive,
            source_bytes: report.source_bytes,
            losses: report.losses.as_ref(),
            curve: &estimates.iter().map(point).collect::<Vec<_>>(),
            sampled: estimates.first().map_or(0, |estimate| estimate.families),
            names: !self.no_names,
        };
        Ok(write_whole(path, page.html()?.as_bytes())?)
    }
}

/// An encode that is done, and what a sample of its families needs.
pub struct Encoded<'a> {
    /// What it wrote.
    pub report: &'a EncodeReport,
    /// Opens its source again: some slides can be read only once from the top.
    pub open: &'a dyn Fn() -> Result<Source>,
    /// Its parameters at another quality.
    pub params_at: &'a (dyn Fn(u8) -> EncodeParams + Sync),
    /// Most families that it takes.
    pub limit: Option<u64>,
    pub backend: &'a dyn Backend,
    pub scheduler: &'a Scheduler,
}

impl Encoded<'_> {
    /// What other qualities would give; nothing where quality is no question.
    fn curve(&self, archive: &Archive) -> Result<Vec<QualityEstimate>> {
        if archive.meta().coding.originals || archive.families().is_empty() {
            return Ok(Vec::new());
        }
        let Self { params_at, limit, backend, scheduler, .. } = *self;
        Ok(rate_curve(&mut (self.open)()?, limit, &QUALITIES, params_at, backend, scheduler)?)
    }
}
