//! `origami verify`: checks that archives are whole, and that they decode to what their encoder decoded.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use origami::archive::Archive;
use origami::backend::Backend;
use origami::backend::scheduler::Scheduler;
use origami::verify::{Verified, verify};

use super::args::backend::{BackendArgs, OpenBackend, Workload};
use super::args::work::WorkArgs;
use super::fault::usage;
use super::print::{human_bytes, say};

/// Check every byte of a pack or bundle.
///
/// Checks every checksum and offset and decodes every blob. A fault is named with its place.
#[derive(Args)]
pub struct VerifyArgs {
    /// Bundles and packs; a directory stands for all those in it
    #[arg(required = true, help_heading = "Input")]
    files: Vec<PathBuf>,
    /// Also reconstruct every family and compare with the proof that its encoder stored
    #[arg(long, help_heading = "Safety")]
    deep: bool,
    #[command(flatten)]
    backend: BackendArgs,
    #[command(flatten)]
    work: WorkArgs,
}

pub fn run(args: VerifyArgs) -> Result<ExitCode> {
    let scheduler = args.work.scheduler()?;
    // Without --deep there is nothing to reconstruct.
    if !args.deep && args.backend.is_given() {
        usage!("--backend and --gpu-... are about --deep; give that as well");
    }
    let opened = match args.deep {
        true => args.backend.open(Workload::Decode, None, &scheduler, args.work.quiet)?,
        false => OpenBackend::cpu(),
    };
    let mut files = Vec::new();
    for path in &args.files {
        if path.is_dir() { files.extend(archives_in(path)?) } else { files.push(path.clone()) }
    }
    let mut faults = 0;
    for file in &files {
        match check(file, args.deep, &*opened.backend, &scheduler) {
            Ok(_) if args.work.quiet => {}
            Ok(done) => {
                let proved = if args.deep {
                    format!(", {} proved {}", done.proved, opened.summary())
                } else {
                    String::new()
                };
                say!(
                    "{}: whole: {} families{proved}, {} small tiles, {}",
                    file.display(),
                    done.families,
                    done.tiles,
                    human_bytes(done.bytes)
                );
            }
            Err(fault) => {
                faults += 1;
                eprintln!("origami: {fault}");
            }
        }
    }
    Ok(if faults == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn check(
    file: &Path,
    deep: bool,
    backend: &dyn Backend,
    scheduler: &Scheduler,
) -> origami::error::Result<Verified> {
    verify(&Archive::open(file)?, deep, backend, scheduler)
}

fn archives_in(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "bundle" || e == "pack") {
            found.push(path);
        }
    }
    if found.is_empty() {
        anyhow::bail!("{}: no .bundle or .pack here", dir.display());
    }
    found.sort();
    Ok(found)
}
