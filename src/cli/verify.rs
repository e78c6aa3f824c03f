//! `origami verify`: checks that archives, trees and slides are whole, and that archives decode to what their encoder decoded.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use origami::archive::Archive;
use origami::backend::scheduler::Scheduler;
use origami::pyramid::tree::{Missing, Tree};
use origami::slide::Slide;
use origami::verify::{region_count, tile_count, verify, verify_slide, verify_tree};
use serde::Serialize;

use super::args::backend::{BackendArgs, OpenBackend, Workload};
use super::args::open::OpenArgs;
use super::args::work::WorkArgs;
use super::batch::{Batch, Outcome};
use super::fault::{Exit, Fault, usage};
use super::inputs::{self, Input, Thing};
use super::print::{families, human_bytes, note, say};
use super::progress::Work;

/// Faults of one input that are named; the others are counted.
const MAX_NAMED: usize = 20;

/// Check every byte of bundles and packs, every tile of trees, every pixel of slides.
///
/// Decodes everything, and names every fault with its place. Exit code 0: all whole; 3: something is damaged.
#[derive(Args)]
pub struct VerifyArgs {
    /// Bundles, packs, trees and slides; a directory stands for all those in it and below
    #[arg(required = true, help_heading = "Input")]
    files: Vec<PathBuf>,
    /// Also reconstruct every family, and compare with the proof that its encoder stored
    ///
    /// That is of bundles and packs.
    #[arg(long, help_heading = "Safety")]
    deep: bool,
    #[command(flatten)]
    open: OpenArgs,
    #[command(flatten)]
    backend: BackendArgs,
    #[command(flatten)]
    work: WorkArgs,
}

pub fn run(args: VerifyArgs) -> Result<ExitCode> {
    // Without --deep there is nothing to reconstruct.
    if !args.deep && args.backend.is_given() {
        usage!("--backend and --gpu-... are about --deep; give that as well");
    }
    let scheduler = args.work.scheduler()?;
    let inputs = inputs::everything(&args.files)?;
    let opened = match args.deep {
        true => args.backend.open(Workload::Decode(None), None, &scheduler, args.work.quiet)?,
        false => OpenBackend::cpu(),
    };
    let batch = Batch {
        command: "verify",
        done: "whole",
        json: args.work.json(),
        summary: args.work.summary(),
        keep_going: true,
    };
    let verifier = Verifier { args, opened, scheduler };
    batch.run(&inputs, |input| verifier.input(input))
}

/// What every input is checked with.
struct Verifier {
    args: VerifyArgs,
    opened: OpenBackend,
    scheduler: Scheduler,
}

/// What `--json` prints of an input. What was not counted is null.
#[derive(Serialize)]
struct Report<'a> {
    path: &'a Path,
    kind: &'static str,
    whole: bool,
    #[serde(flatten)]
    found: Found,
    fault_count: u64,
    faults: &'a [Fault],
}

/// What is whole in an input.
#[derive(Default, Serialize)]
struct Found {
    /// Families whose payloads decode.
    families: Option<u64>,
    /// Families that equal their proof.
    proved: Option<u64>,
    /// Tiles of small levels of an archive.
    small_tiles: Option<u64>,
    /// Tiles of a tree.
    tiles: Option<u64>,
    /// Pixels of a slide.
    pixels: Option<u64>,
    /// Bytes of an archive, of a tree's tiles, of a slide's main file.
    bytes: Option<u64>,
}

/// The faults of one input.
struct Faults {
    count: u64,
    first: Vec<Fault>,
    exit: Exit,
}

impl Faults {
    fn add(&mut self, error: &anyhow::Error) {
        self.exit = self.exit.worst(Exit::of(error));
        self.count += 1;
        if self.first.len() < MAX_NAMED {
            let fault = Fault::of(error);
            note!("origami: {}", fault.message);
            self.first.push(fault);
        }
    }
}

impl Verifier {
    fn input(&self, input: &Input) -> Result<Outcome> {
        let path = &*input.path;
        self.args.open.refuse_choice(path, input.thing)?;
        let mut faults = Faults { count: 0, first: Vec::new(), exit: Exit::Good };
        let (kind, checked) = match input.thing {
            Thing::Slide => ("slide", self.slide(path, &mut faults)),
            Thing::Tree => ("tree", self.tree(path, &mut faults)),
            Thing::Bundle => ("bundle", self.archive(path)),
            Thing::Pack | Thing::Packs => ("pack", self.archive(path)),
        };
        let (found, text) = match checked {
            Err(fault) if Exit::of(&fault) == Exit::Damaged => {
                faults.add(&fault);
                Default::default()
            }
            checked => checked?,
        };
        let whole = faults.count == 0;
        if whole && self.args.work.summary() {
            say!("{}: whole: {text}", path.display());
        }
        let unnamed = faults.count - faults.first.len() as u64;
        if unnamed > 0 {
            note!("origami: {}: and {unnamed} more", path.display());
        }
        let report = Report { path, kind, whole, found, fault_count: faults.count, faults: &faults.first };
        Ok(Outcome { exit: faults.exit, ..Outcome::good(serde_json::to_value(report)?) })
    }

    fn progress(&self, path: &Path, total: u64, unit: &'static str) -> Work {
        Work::new(&path.to_string_lossy(), total, unit, self.args.work.progress())
    }

    fn archive(&self, path: &Path) -> Result<(Found, String)> {
        let archive = Archive::open(path)?;
        let progress = self.progress(path, archive.families().len() as u64, "families");
        let done = verify(&archive, self.args.deep, &*self.opened.backend, &self.scheduler, &|done| {
            progress.set(done)
        })?;
        progress.finish();
        let proved = match self.args.deep {
            true => format!(", {} proved {}", done.proved, self.opened.summary()),
            false => String::new(),
        };
        let (tiles, bytes) = (done.tiles, human_bytes(done.bytes));
        let text = format!("{}{proved}, {tiles} small tiles, {bytes}", families(done.families));
        let found = Found {
            families: Some(done.families),
            proved: self.args.deep.then_some(done.proved),
            small_tiles: Some(tiles),
            bytes: Some(done.bytes),
            ..Found::default()
        };
        Ok((found, text))
    }

    fn tree(&self, path: &Path, faults: &mut Faults) -> Result<(Found, String)> {
        let tree = Tree::open(path, Missing::Background)?;
        let progress = self.progress(path, tile_count(&tree), "tiles");
        let done = verify_tree(&tree, &self.scheduler, &|done| progress.set(done), &mut |fault| {
            progress.aside(|| faults.add(&fault.into()))
        })?;
        progress.finish();
        let absent = match done.absent_levels {
            0 => String::new(),
            n => format!(", {n} of them without tiles"),
        };
        let (levels, tiles, bytes) = (done.levels, done.tiles, human_bytes(done.bytes));
        let text = format!("{levels} levels{absent}, {tiles} tiles, {bytes}");
        let found = Found { tiles: Some(done.tiles), bytes: Some(done.bytes), ..Found::default() };
        Ok((found, text))
    }

    fn slide(&self, path: &Path, faults: &mut Faults) -> Result<(Found, String)> {
        let mut slide = Slide::open(path, &self.args.open.options())?;
        let progress = self.progress(path, region_count(slide.info.width, slide.info.height), "regions");
        let done = verify_slide(&mut slide, &self.scheduler, &|done| progress.set(done), &mut |fault| {
            progress.aside(|| faults.add(&fault.into()))
        })?;
        progress.finish();
        let bytes = origami::store::open(path)?.size()?;
        let (width, height) = (slide.info.width, slide.info.height);
        let text = format!("{width}x{height} pixels of {}, {}", slide.info.format, human_bytes(bytes));
        let found = Found { pixels: Some(done.pixels), bytes: Some(bytes), ..Found::default() };
        Ok((found, text))
    }
}
