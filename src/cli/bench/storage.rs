//! `origami bench storage`: reads of a bundle's families that could wait, against plain ones; and from an address, against the file.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde_json::json;

use crate::bench::storage::{FarTimes, StorageTimes, measure};
use crate::cli::args::values::whole;
use crate::cli::args::work::JsonArgs;
use crate::cli::json;
use crate::cli::print::say;

#[derive(Args)]
pub struct StorageArgs {
    /// A .bundle on the local disk
    #[arg(help_heading = "Input")]
    bundle: PathBuf,
    /// Address of the same bundle, as s3://bucket/a.bundle [default: none]
    #[arg(long, value_name = "ADDRESS", help_heading = "Input")]
    at: Option<PathBuf>,
    /// Rounds a family, of which the best counts [range: 1 to 1000]
    #[arg(long, value_name = "N", default_value_t = 9, value_parser = whole::<usize>(1..=1000))]
    #[arg(help_heading = "Input")]
    rounds: usize,
    #[command(flatten)]
    json: JsonArgs,
}

pub fn run(args: StorageArgs) -> Result<()> {
    let StorageTimes { families, plain_us, awaited_us, ratio, far } =
        measure(&args.bundle, args.at.as_deref(), args.rounds)?;
    if args.json.json {
        let far = far.map(|FarTimes { local_ms, far_ms, ratio }| json!({"local_ms": local_ms, "far_ms": far_ms, "ratio": ratio}));
        let value = json!({
            "families": families, "plain_us": plain_us, "awaited_us": awaited_us, "ratio": ratio, "far": far,
        });
        return Ok(json::print("bench storage", value)?);
    }
    say!(
        "{families} families: read in {plain_us:.1} us, by a reader that could wait in {awaited_us:.1} us: {ratio:.2} times"
    );
    if let Some(FarTimes { local_ms, far_ms, ratio }) = far {
        say!(
            "a cold family in {local_ms:.1} ms from the disk, in {far_ms:.1} ms from the address: {ratio:.2} times"
        );
    }
    Ok(())
}
