//! `origami bench originals`: a cold L0 tile of a lossless bundle against the bare JPEG decode of it.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde_json::json;

use crate::bench::originals::{OriginalTimes, measure};
use crate::cli::args::values::whole;
use crate::cli::args::work::JsonArgs;
use crate::cli::json;
use crate::cli::print::say;

#[derive(Args)]
pub struct OriginalsArgs {
    /// A .bundle made with --preset lossless
    #[arg(help_heading = "Input")]
    bundle: PathBuf,
    /// How many tiles, spread over the slide [range: 1 to 1000000]
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = whole::<usize>(1..=1_000_000))]
    #[arg(help_heading = "Input")]
    tiles: usize,
    /// Rounds a tile, of which the best counts [range: 1 to 1000]
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = whole::<usize>(1..=1000))]
    #[arg(help_heading = "Input")]
    rounds: usize,
    #[command(flatten)]
    json: JsonArgs,
}

pub fn run(args: OriginalsArgs) -> Result<()> {
    let OriginalTimes { tiles, cold_us, decode_us, ratio, megapixels_per_s } =
        measure(&args.bundle, args.tiles, args.rounds)?;
    if args.json.json {
        let value = json!({
            "tiles": tiles, "cold_us": cold_us, "decode_us": decode_us, "ratio": ratio,
            "megapixels_a_second": megapixels_per_s,
        });
        json::print("bench originals", value)?;
    } else {
        say!(
            "{tiles} tiles: read and unpacked in {cold_us:.0} us, decoded in {decode_us:.0} us: {ratio:.1} times, \
             {megapixels_per_s:.0} megapixels/s on one thread"
        );
    }
    Ok(())
}
