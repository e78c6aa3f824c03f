//! `origami bench stripes`: the first tile of a cold family from its stripe against the same from the whole residual.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use origami::archive::Kind;
use origami::decode::Input;
use serde_json::json;

use crate::bench::stripes::{StripeTimes, measure};
use crate::cli::args::values::whole;
use crate::cli::args::work::JsonArgs;
use crate::cli::fault::{Problem, usage};
use crate::cli::json;
use crate::cli::print::say;

#[derive(Args)]
pub struct StripesArgs {
    /// A .bundle whose residuals are coded in stripes
    #[arg(help_heading = "Input")]
    bundle: PathBuf,
    /// The same slide's bundle without stripes, which then stands for the whole
    #[arg(long, value_name = "BUNDLE", help_heading = "Input")]
    against: Option<PathBuf>,
    /// Rounds a family, of which the best counts [range: 1 to 1000]
    #[arg(long, value_name = "N", default_value_t = 15, value_parser = whole::<usize>(1..=1000))]
    #[arg(help_heading = "Input")]
    rounds: usize,
    #[command(flatten)]
    json: JsonArgs,
}

pub fn run(args: StripesArgs) -> Result<()> {
    let input = Input::file(&args.bundle, Kind::Bundle)?;
    let against = args.against.as_deref().map(|path| Input::file(path, Kind::Bundle)).transpose()?;
    let is_same = |of: &Input| of.geometry() == input.geometry() && of.meta().coding == input.meta().coding;
    if against.as_ref().is_some_and(|of| !is_same(of)) {
        usage!("--against: it is not the same slide in the same coding");
    }
    let Some(times) = measure(&input, against.as_ref(), args.rounds)? else {
        return Err(Problem::failed(&args.bundle, "none of its residuals is coded in stripes").into());
    };
    let StripeTimes { families, residual_us, first_tile_whole_us, stripe, rest, first_tile, both_steps } =
        times;
    if args.json.json {
        let value = json!({
            "families": families, "stripe": stripe, "rest": rest, "first_tile": first_tile,
            "both_steps": both_steps, "residual_us": residual_us, "first_tile_whole_us": first_tile_whole_us,
        });
        return Ok(json::print("bench stripes", value)?);
    }
    say!("{families} families, against the whole residual ({residual_us:.0} us):");
    say!("its stripe {stripe:.2}, the rest of it {rest:.2}");
    say!("first tile of a cold family ({first_tile_whole_us:.0} us): {first_tile:.2}");
    say!("both payloads, the stripe first and then the rest: {both_steps:.2}");
    Ok(())
}
