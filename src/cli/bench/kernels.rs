//! `origami bench kernels`: every kernel against its scalar definition.

use std::process::Command;

use anyhow::Result;
use clap::Args;
use origami::kernels::level::Level;
use serde_json::{Value, json};

use crate::bench::kernels::{measure, measure_scalar};
use crate::cli::args::work::JsonArgs;
use crate::cli::json;
use crate::cli::print::say;

#[derive(Args)]
pub struct KernelArgs {
    #[command(flatten)]
    json: JsonArgs,
    /// Only this program's own level, as JSON: what the child is asked for
    #[arg(long, hide = true)]
    single: bool,
}

pub fn run(args: KernelArgs) -> Result<()> {
    let own = measure();
    if args.single {
        let times: Vec<f64> = own.iter().map(|time| time.us).collect();
        say!("{}", serde_json::to_string(&times)?);
        return Ok(());
    }
    let mut child = Command::new(std::env::current_exe()?);
    child.args(["bench", "kernels", "--single"]);
    let scalar = measure_scalar(child)?;
    let level = Level::current().name();
    let rows = own.iter().zip(scalar);
    if args.json.json {
        let kernels: Vec<Value> = rows
            .map(|(own, scalar_us)| {
                json!({
                    "kernel": own.kernel, "what": own.what, "us": own.us, "scalar_us": scalar_us,
                    "scalar_ratio": scalar_us / own.us, "bytes_per_s": own.bytes as f64 / own.us * 1e6,
                })
            })
            .collect();
        return Ok(json::print("bench kernels", json!({"cpu": level, "kernels": kernels}))?);
    }
    say!("one thread, {level} against scalar");
    for (own, scalar_us) in rows {
        let (kernel, what, us) = (own.kernel, own.what, own.us);
        let (ratio, rate) = (scalar_us / us, own.bytes as f64 / us / 1e3);
        say!("{kernel:<10}{what:<36}{us:>8.0} us  {rate:>6.2} GB/s  {ratio:>5.1} times scalar");
    }
    Ok(())
}
