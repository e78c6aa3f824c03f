//! `origami inspect`: what a pack or bundle records and how its bytes are distributed.

mod json;
mod plot;
mod text;

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use origami::archive::Archive;
use origami::report::sizes::Sizes;

/// Reads header, indexes and payload tables; checks what it reads, not what it does not (see verify).
#[derive(Args)]
pub struct InspectArgs {
    /// A .bundle or .pack
    file: PathBuf,
    /// JSON instead of text
    #[arg(long)]
    json: bool,
    /// List every family and tile as well
    #[arg(long)]
    list: bool,
    #[command(flatten)]
    plot: plot::PlotArgs,
}

pub fn run(args: InspectArgs) -> Result<()> {
    args.plot.check()?;
    let archive = Archive::open(&args.file)?;
    let sizes = Sizes::read(&archive)?;
    args.plot.write(&archive, &sizes)?;
    if args.json {
        json::print(&archive, &sizes, args.list);
    } else {
        text::print(&archive, &sizes, args.list);
    }
    Ok(())
}
