//! `origami bench slide`: synthetic tissue as PNG.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use crate::bench::tissue::write_slide;
use crate::cli::fault::usage;
use crate::cli::signals;

#[derive(Args)]
pub struct SlideArgs {
    /// Width and height in pixels, as 40000x30000
    #[arg(long, value_name = "WxH")]
    size: String,
    /// The PNG to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

pub fn run(args: SlideArgs) -> Result<()> {
    let size = args.size.split_once('x').and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?)));
    let Some((width, height)) = size.filter(|&(w, h): &(u32, u32)| w > 0 && h > 0) else {
        usage!("--size {}: give width and height, as 40000x30000", args.size);
    };
    signals::writes(&args.out);
    write_slide(&args.out, width, height, &signals::cancel())
}
