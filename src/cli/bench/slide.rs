//! `origami bench slide`: synthetic tissue as PNG.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use origami::image::spec::MAX_SIDE;
use serde_json::json;

use crate::bench::tissue::write_slide;
use crate::cli::args::work::JsonArgs;
use crate::cli::json;
use crate::cli::place::refuse_existing;
use crate::cli::signals;

#[derive(Args)]
pub struct SlideArgs {
    /// The PNG to write
    #[arg(value_name = "OUT.png", required_unless_present = "out", help_heading = "Output")]
    png: Option<PathBuf>,
    /// The same as a flag [default: none]
    #[arg(long, value_name = "FILE", conflicts_with = "png")]
    #[arg(help_heading = "Output", hide_short_help = true)]
    out: Option<PathBuf>,
    /// Replace OUT.png if it exists
    #[arg(long, help_heading = "Safety")]
    overwrite: bool,
    /// Width and height in pixels, as 40000x30000 [range: 1x1 to 1073741824x1073741824]
    #[arg(long, value_name = "WxH", value_parser = parse_size, help_heading = "Input")]
    size: (u32, u32),
    #[command(flatten)]
    json: JsonArgs,
}

fn parse_size(text: &str) -> Result<(u32, u32), String> {
    let side = |text: &str| text.parse().ok().filter(|side| (1..=MAX_SIDE).contains(side));
    let size = text.split_once('x').and_then(|(width, height)| Some((side(width)?, side(height)?)));
    size.ok_or_else(|| format!("it must be width and height, as 40000x30000, each from 1 to {MAX_SIDE}"))
}

pub fn run(args: SlideArgs) -> Result<()> {
    let (width, height) = args.size;
    let path = args.png.or(args.out).unwrap_or_default();
    refuse_existing(&path, args.overwrite)?;
    signals::writes(&path);
    write_slide(&path, width, height, &signals::cancel())?;
    if args.json.json {
        let bytes = std::fs::metadata(&path)?.len();
        let value = json!({"path": path, "width": width, "height": height, "bytes": bytes});
        json::print("bench slide", value)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_two_numbers_above_0() {
        assert_eq!(parse_size("40000x30000"), Ok((40000, 30000)));
        for text in ["", "40000", "x", "0x5", "5x0", "-5x5", "5x5x5", "5 x 5"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }
}
