//! `encode --report`: a page that shows what was saved and what was lost.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use origami::archive::Archive;
use origami::encode::EncodeReport;
use origami::pyramid::write::write_whole;
use origami::quality::search::{QualityEstimate, rate_curve};
use origami::report::html::EncodePage;
use origami::report::plot::curve::CurvePoint;

use super::Run;
use crate::cli::args::backend::OpenBackend;
use crate::cli::fault::usage;
use crate::cli::inputs::Input;
use crate::cli::print::say;

/// Qualities of the rate curve.
const QUALITIES: [u8; 6] = [20, 35, 50, 65, 80, 90];

/// The flags of the report.
#[derive(Args)]
pub struct ReportArgs {
    /// Write a page that shows what was saved and what was lost [default: none]
    ///
    /// Of several inputs each gets one of this name beside its residual_packs/.
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

    /// Writes the report of one encode, if one is wanted; returns where it is.
    pub fn write(
        &self,
        run: &Run<'_>,
        input: &Input,
        out: &Path,
        report: &EncodeReport,
        opened: &OpenBackend,
    ) -> Result<Option<PathBuf>> {
        let Some(file) = &self.report else { return Ok(None) };
        let archive = Archive::open(&report.bundle)?;
        let estimates = self.curve(run, input, &archive, opened)?;
        let point = |e: &QualityEstimate| CurvePoint { quality: e.quality, bytes: e.bytes, y_psnr: e.psnr };
        let page = EncodePage {
            archive: &archive,
            source_bytes: report.source_bytes,
            losses: report.losses.as_ref(),
            curve: &estimates.iter().map(point).collect::<Vec<_>>(),
            sampled: estimates.first().map_or(0, |estimate| estimate.families),
            names: !self.no_names,
        };
        let path = if run.several() { out.join(file) } else { file.clone() };
        write_whole(&path, page.html()?.as_bytes())?;
        if run.args.work.summary() {
            say!("{}: what was saved, and what was lost", path.display());
        }
        Ok(Some(path))
    }

    /// What other qualities would give; nothing where quality is no question.
    fn curve(
        &self,
        run: &Run<'_>,
        input: &Input,
        archive: &Archive,
        opened: &OpenBackend,
    ) -> Result<Vec<QualityEstimate>> {
        let args = run.args;
        if archive.meta().coding.originals || archive.families().is_empty() {
            return Ok(Vec::new());
        }
        // Some slides can be read only once from the top.
        let mut source = args.open_source(input)?;
        let params_at = |quality| args.coding.params_at(quality);
        let backend = &*opened.backend;
        Ok(rate_curve(&mut source, args.max_parents, &QUALITIES, &params_at, backend, &run.scheduler)?)
    }
}
