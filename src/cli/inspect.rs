//! `origami inspect`: what a bundle, pack, slide or tree is, and where an archive's bytes are.

mod answer;
mod archive;
mod json;
mod packs;
mod plot;
mod private;
mod slide;
mod text;
mod tree;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use super::args::open::OpenArgs;
use super::args::work::JsonArgs;
use super::batch::{Batch, Outcome};
use super::fault::usage;
use super::inputs::{self, Input, SeveralArgs, Takes, Thing};
use super::print::say;

/// Say what a bundle, pack, slide or tree is, and where an archive's bytes are.
///
/// Reads headers, indexes and payload tables; checks what it reads, not what it does not: see verify. Of a slide it reads what the
/// file says about it and no pixels, of a tree its descriptor and the sizes of its tiles.
#[derive(Args)]
pub struct InspectArgs {
    /// Bundles, packs, slides, Deep Zoom trees, or directories that hold them
    #[arg(required = true, value_name = "BUNDLE|SLIDE|TREE|DIR", help_heading = "Input")]
    inputs: Vec<PathBuf>,
    #[command(flatten)]
    open: OpenArgs,
    #[command(flatten)]
    several: SeveralArgs,
    #[command(flatten)]
    json: JsonArgs,
    /// List every family and tile of a bundle or pack as well
    #[arg(long, help_heading = "Output")]
    list: bool,
    /// List what may identify a patient instead: labels, EXIF, comments, fields of descriptions, names of files
    ///
    /// It reads every tile of a tree or bundle. Texts are shown as they are; pixels are not searched for text.
    #[arg(long, help_heading = "Output", conflicts_with_all = ["list", "plot"])]
    private: bool,
    #[command(flatten)]
    plot: plot::PlotArgs,
}

pub fn run(args: InspectArgs) -> Result<ExitCode> {
    args.plot.check()?;
    let inputs = inputs::find(&args.inputs, Takes::ALL)?;
    let is_archive = |input: &Input| matches!(input.thing, Thing::Bundle | Thing::Pack);
    if args.plot.is_wanted() && (inputs.several || !inputs.list.iter().all(is_archive)) {
        usage!("--plot draws one bundle or pack; name it");
    }
    args.plot.check_place(&inputs.list)?;
    if args.list && !inputs.list.iter().any(is_archive) {
        usage!("--list lists the families and tiles of a bundle or pack, and there is none");
    }
    let batch = Batch {
        command: "inspect",
        done: "inspected",
        json: args.json.json,
        summary: !args.json.json,
        keep_going: args.several.keep_going,
    };
    batch.run(&inputs, |input| {
        args.open.refuse_choice(&input.path, input.thing)?;
        let answer = match input.thing {
            _ if args.private => private::inspect(input, &args.open.options())?,
            Thing::Bundle | Thing::Pack => archive::inspect(&input.path, args.list, &args.plot)?,
            Thing::Packs => packs::inspect(&input.path)?,
            Thing::Slide => slide::inspect(&input.path, &args.open.options())?,
            Thing::Tree => tree::inspect(&input.path)?,
        };
        if !args.json.json {
            answer.text.iter().for_each(|line| say!("{line}"));
            if inputs.several {
                say!("");
            }
        }
        Ok(Outcome::good(answer.value))
    })
}
