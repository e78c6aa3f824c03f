//! `origami bench rate`: bytes of a bundle against a JPEG 4:2:0 pyramid of equal quality.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use serde_json::{Value, json};

use crate::bench::rate::{CurvePoint, JudgedOutput, RateOptions, RateReport, measure};
use crate::cli::args::coding::CodingArgs;
use crate::cli::args::open::OpenArgs;
use crate::cli::args::values::real;
use crate::cli::args::work::JsonArgs;
use crate::cli::json;
use crate::cli::print::say;
use crate::cli::signals;

#[derive(Args)]
pub struct RateArgs {
    /// The slide; its pixels are the reference
    #[arg(help_heading = "Input")]
    slide: PathBuf,
    /// Fail where the ratio on the decoded planes is larger [range: 0 to 1000] [default: off]
    #[arg(long, value_name = "RATIO", value_parser = real(0.0..=1000.0), help_heading = "Safety")]
    max_planes: Option<f64>,
    /// Fail where the ratio on the q95 4:2:0 tiles is larger [range: 0 to 1000] [default: off]
    #[arg(long, value_name = "RATIO", value_parser = real(0.0..=1000.0), help_heading = "Safety")]
    max_tiles: Option<f64>,
    #[command(flatten)]
    json: JsonArgs,
    #[command(flatten)]
    coding: CodingArgs,
    #[command(flatten)]
    open: OpenArgs,
}

pub fn run(args: RateArgs) -> Result<()> {
    let options = RateOptions {
        slide: args.slide.clone(),
        open: args.open.options(),
        params: args.coding.params(),
        cancel: signals::cancel(),
    };
    let report = measure(&options)?;
    if args.json.json {
        print_json(&options, &report)?;
    } else {
        print(&report);
    }
    for (output, limit) in report.outputs.iter().zip([args.max_planes, None, args.max_tiles]) {
        let JudgedOutput { name, bytes_ratio, .. } = output;
        if let Some(limit) = limit
            && !bytes_ratio.is_some_and(|ratio| ratio <= limit)
        {
            bail!("judged on {name} the bundle is {bytes_ratio:?} of a JPEG pyramid, over {limit}");
        }
    }
    Ok(())
}

fn print_json(options: &RateOptions, report: &RateReport) -> Result<()> {
    let point = |p: &CurvePoint| json!({"quality": p.quality, "y_psnr": p.y_psnr, "bytes": p.bytes});
    let output = |JudgedOutput { name, quality: q, bytes_ratio }: &JudgedOutput| {
        json!({
            "on": name, "y_psnr": q.y_psnr, "rgb_psnr": q.rgb_psnr, "ssim": q.ssim, "delta_e_2000": q.delta_e,
            "bytes_ratio": bytes_ratio,
        })
    };
    let value = json!({
        "slide": options.slide, "bundle_bytes": report.bundle_bytes, "encode": options.params,
        "jpeg_420_pyramid": report.curve.iter().map(point).collect::<Vec<Value>>(),
        "judged_on": report.outputs.iter().map(output).collect::<Vec<Value>>(),
    });
    Ok(json::print("bench rate", value)?)
}

fn print(report: &RateReport) {
    say!("bundle {} bytes; JPEG 4:2:0 pyramid of the same slide, all levels:", report.bundle_bytes);
    for CurvePoint { quality, y_psnr, bytes } in &report.curve {
        say!("  q{quality:<3} {y_psnr:6.2} dB {bytes:>10.0} bytes");
    }
    let (on, psnr, ssim, delta_e) = ("judged on", "Y-PSNR", "SSIM", "Delta E");
    say!("{on:<18}{psnr:>8}{ssim:>9}{delta_e:>9}  bytes against JPEG of equal Y-PSNR");
    for JudgedOutput { name, quality: q, bytes_ratio } in &report.outputs {
        let ratio = bytes_ratio.map_or("outside the curve".into(), |ratio| format!("{ratio:.3}"));
        let (ssim, delta_e) = (q.ssim.unwrap_or(f64::NAN), q.delta_e.unwrap_or(f64::NAN));
        say!("{name:<18}{:>8.2}{ssim:>9.4}{delta_e:>9.3}  {ratio}", q.y_psnr);
    }
}
