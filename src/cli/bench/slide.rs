//! `origami bench slide`: synthetic tissue as PNG.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use origami::image::spec::MAX_SIDE;

use crate::bench::tissue::write_slide;

#[derive(Args)]
pub struct SlideArgs {
    /// Width and height in pixels, as 40000x30000 [range: 1x1 to 1073741824x1073741824]
    #[arg(long, value_name = "WxH", value_parser = width_and_height, help_heading = "Input")]
    size: (u32, u32),
    /// The PNG to write
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    out: PathBuf,
}

pub fn run(args: SlideArgs) -> Result<()> {
    write_slide(&args.out, args.size.0, args.size.1)
}

fn width_and_height(text: &str) -> Result<(u32, u32), String> {
    let side = |text: &str| text.parse().ok().filter(|side| (1..=MAX_SIDE).contains(side));
    let size = text.split_once('x').and_then(|(width, height)| Some((side(width)?, side(height)?)));
    size.ok_or_else(|| format!("it must be width and height, as 40000x30000, each from 1 to {MAX_SIDE}"))
}
