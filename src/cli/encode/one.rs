//! The encode of one input.

use std::io::IsTerminal;
use std::path::Path;

use anyhow::{Result, bail};
use origami::archive::{BUNDLE_NAME, PACK_DIR};
use origami::backend::scheduler::Scheduler;
use origami::encode::{EncodeOptions, encode};
use origami::pyramid::source::Source;
use origami::store::is_address;
use serde_json::json;

use super::adapted::adapted;
use super::args::{EncodeArgs, channel_words};
use super::summary::Summary;
use super::{beside, existing, report};
use crate::cli::args::backend::{OpenBackend, Workload};
use crate::cli::batch::Outcome;
use crate::cli::fault::{Problem, usage};
use crate::cli::inputs::Input;
use crate::cli::place::{OutPlace, refuse_existing};
use crate::cli::print::{note, say};
use crate::cli::progress::Work;
use crate::cli::signals;
use crate::cli::sources::Sources;

/// What the encodes of a run share.
pub struct Run<'a> {
    pub args: &'a EncodeArgs,
    /// What all of them read.
    pub sources: Sources,
    /// Whether a result that is there is replaced without a question.
    pub replaces: bool,
    /// The backend of several inputs.
    pub shared: Option<OpenBackend>,
    pub scheduler: Scheduler,
}

impl Run<'_> {
    /// Whether there are several inputs.
    pub fn several(&self) -> bool {
        self.shared.is_some()
    }

    /// How many families of a source are encoded. Says what of the source is assumed or left out.
    pub fn families(&self, source: &Source) -> u64 {
        if self.args.work.summary() {
            let path = source.path().display();
            source.warnings().iter().for_each(|warning| note!("{path}: {warning}"));
        }
        source.geometry().family_count().min(self.args.max_parents.unwrap_or(u64::MAX))
    }

    /// The backend of one input with so many families; `None` where inputs share one.
    pub fn own_backend(&self, families: u64) -> Result<Option<OpenBackend>> {
        if self.several() {
            return Ok(None);
        }
        let quiet = !self.args.work.summary();
        let params = self.args.coding.params();
        let workload = Workload::Encode(Some(&params));
        Ok(Some(self.args.backend.open(workload, Some(families), &self.scheduler, quiet)?))
    }

    /// Encodes one input to `out`.
    pub fn one(&self, input: &Input, out: &Path) -> Result<Outcome> {
        let args = self.args;
        let name = Path::new(PACK_DIR).join(BUNDLE_NAME);
        let (place, bundle) = (OutPlace::of(out)?, out.join(&name));
        let is_there = place.has(&name)?;
        if is_there && !self.replaces && !args.skip_existing {
            let problem = "it is there already; give --overwrite to replace it, or --skip-existing";
            return Err(Problem::failed(&bundle, problem).into());
        }
        signals::writes(&bundle);
        let page = args.report.path(out, self.several());
        if page.as_deref().is_some_and(is_address) {
            usage!(
                "--report is a page on the local disk, and --out an address; encode one slide, with a file for --report"
            );
        }
        if let Some(page) = &page {
            self.sources.spare_file(page)?;
            refuse_existing(page, self.replaces || (args.skip_existing && is_there))?;
        }
        if !is_there && !self.replaces && args.pack && beside::has_packs(out) {
            let problem = "packs of an earlier encode are there already; give --overwrite to replace them";
            return Err(Problem::failed(&out.join(PACK_DIR), problem).into());
        }
        if args.debug_images {
            beside::spare_pictures(&self.sources, out)?;
        }
        let mut source = args.open_source(input)?;
        let total = self.families(&source);
        let own = self.own_backend(total)?;
        let Some(opened) = self.shared.as_ref().or(own.as_ref()) else { bail!("no backend") };
        let started = std::time::Instant::now();
        let (params, adapted) = match args.target.target() {
            Some(target) => (args.search(input, target, &*opened.backend, &self.scheduler)?, None),
            None => {
                let adapted = adapted(args, input, &*opened.backend, &self.scheduler)?;
                (adapted.as_ref().map_or_else(|| args.coding.params(), |it| it.params.clone()), adapted)
            }
        };
        let options = EncodeOptions {
            packs: args.pack,
            manifest: args.manifest,
            debug_images: args.debug_images,
            losses: args.report.is_wanted(),
            max_parents: args.max_parents,
            tile_metadata: args.tile_metadata(),
            keep_associated: args.keep_associated.clone(),
        };
        if is_there && args.skip_existing {
            match existing::difference(&bundle, &source, &params, &options, total)? {
                // Losses are measured while a slide is encoded. The bundle becomes the same again.
                None if page.as_ref().is_some_and(|page| !page.exists()) => {}
                None => return skipped(input, &bundle, page.as_deref(), args),
                Some(difference) if !self.replaces => {
                    let problem =
                        format!("it is there already, and {difference}; give --overwrite to replace it");
                    return Err(Problem::failed(&bundle, problem).into());
                }
                Some(_) => {}
            }
        }
        // Of a tree they are read: nothing is read of the source once the bundle has its name.
        let warnings = source.warnings();
        let progress = Work::families(&input.path.to_string_lossy(), total, args.work.progress());
        let mut report = encode(
            &mut source,
            place.dir(),
            &params,
            &options,
            &*opened.backend,
            &self.scheduler,
            &|done| progress.set(done),
        )?;
        progress.finish();
        place.publish(&name, self.replaces)?;
        report.bundle = bundle;
        let others = beside::of_other_encodes(args, out, page.as_deref(), report.families);
        if args.work.summary() {
            others.iter().for_each(|other| note!("{other}"));
        }
        let seconds = started.elapsed().as_secs_f64();
        let summary = Summary { source: &input.path, params: &params, report: &report, seconds, opened };
        if let (Some(loss), true) = (&report.channel, args.work.summary()) {
            let advice = "; --target-psnr steers by it, --chroma-resq raises it";
            note!("{}: {}{advice}", input.path.display(), channel_words(loss));
        }
        if args.work.summary() {
            say!("{}", summary.line());
            if !self.several() && std::io::stdout().is_terminal() {
                summary.details().iter().for_each(|line| say!("{line}"));
            }
        }
        let mut value = summary.json();
        value["warnings"] = json!([warnings, others].concat());
        value["adapted"] = json!(adapted);
        if let Some(page) = page {
            let encoded = report::Encoded {
                report: &report,
                open: &|| args.open_source(input),
                params_at: &|quality| args.coding.params_at(quality),
                limit: args.max_parents,
                backend: &*opened.backend,
                scheduler: &self.scheduler,
            };
            args.report.write(&page, &encoded)?;
            if args.work.summary() {
                say!("{}: what was saved, and what was lost", page.display());
            }
            value["report"] = json!(page);
        }
        Ok(Outcome::good(value))
    }
}

/// A result that stays as it is.
fn skipped(input: &Input, bundle: &Path, page: Option<&Path>, args: &EncodeArgs) -> Result<Outcome> {
    if args.work.summary() {
        say!("{}: it is there already, made of this source with these parameters", bundle.display());
    }
    let bundle_bytes = origami::store::open(bundle)?.size()?;
    let mut value =
        json!({"source": input.path, "bundle": bundle, "bundle_bytes": bundle_bytes, "skipped": true});
    if let Some(page) = page {
        value["report"] = json!(page);
    }
    Ok(Outcome::skipped(value))
}
