//! `origami encode`: slides, trees and images to bundles.

mod adapted;
mod advice;
pub mod args;
mod beside;
mod estimate;
mod existing;
mod one;
mod report;
mod summary;

use std::collections::HashMap;
use std::process::ExitCode;

use anyhow::Result;

use self::one::Run;
use super::args::backend::Workload;
use super::batch::Batch;
use super::inputs::Thing;
use super::print::note;
use super::sources::Sources;

pub use self::args::EncodeArgs;

pub fn run(args: EncodeArgs) -> Result<ExitCode> {
    let (inputs, by_flag) = args.source.inputs()?;
    let has_trees = inputs.list.iter().any(|input| input.thing == Thing::Tree);
    args.coding.check(args.source.pyramid.is_some())?;
    args.check(&args.coding.params(), has_trees)?;
    args.report.check(inputs.several)?;
    // An estimate writes nothing, so two inputs cannot write to one place.
    let results = if args.estimate { HashMap::new() } else { inputs.results(args.out.as_deref())? };
    let scheduler = args.work.scheduler()?;
    // Of several slides the number of families is not known, so the backend is opened once for all.
    let shared = match inputs.several {
        true => Some(args.backend.open(
            Workload::Encode(Some(&args.coding.params())),
            None,
            &scheduler,
            !args.work.summary(),
        )?),
        false => None,
    };
    let sources = Sources::of(&inputs.list);
    let run = Run { replaces: by_flag || args.overwrite, args: &args, sources, shared, scheduler };
    let batch = Batch {
        command: "encode",
        done: if args.estimate { "estimated" } else { "encoded" },
        json: args.work.json(),
        summary: args.work.summary(),
        keep_going: args.several.keep_going,
    };
    let code = batch.run(&inputs, |input| match args.estimate {
        true => estimate::run(&run, input),
        false => run.one(input, &results[&input.path]),
    })?;
    if !args.estimate
        && args.is_advised()
        && let Some(advice) = advice::advice()
    {
        note!("{advice}");
    }
    Ok(code)
}
