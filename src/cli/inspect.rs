//! `origami inspect`: what a pack or bundle records and how its bytes are distributed.

mod json;
mod settings;
mod sizes;
mod text;

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use origami::archive::Archive;

use self::sizes::Sizes;

/// Say what a pack or bundle holds.
///
/// Reads header, indexes and payload tables. It checks what it reads, not what it does not: see verify.
#[derive(Args)]
pub struct InspectArgs {
    /// A .bundle or .pack
    #[arg(help_heading = "Input")]
    file: PathBuf,
    /// One JSON object on standard output instead of text
    #[arg(long, help_heading = "Output")]
    json: bool,
    /// List every family and tile as well
    #[arg(long, help_heading = "Output")]
    list: bool,
}

pub fn run(args: InspectArgs) -> Result<()> {
    let archive = Archive::open(&args.file)?;
    let sizes = Sizes::read(&archive)?;
    if args.json {
        json::print(&archive, &sizes, args.list);
    } else {
        text::print(&archive, &sizes, args.list);
    }
    Ok(())
}
