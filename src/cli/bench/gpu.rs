//! `origami bench gpu`: a GPU against its own limits, and end to end against the CPU and the bare JPEG calls.

use anyhow::Result;
use clap::Args;
use origami::backend::BackendChoice;
use origami::backend::scheduler::Scheduler;
use origami::gpu::{AdapterFacts, Ceiling, GpuBackend, GpuOptions, adapters, choose};
use serde_json::{Value, json};

use super::speed::SpeedArgs;
use crate::bench::gpu::crossings::{self, Crossing};
use crate::bench::gpu::end_to_end::{self, BackendResult, EndToEnd};
use crate::bench::gpu::kernels::{self, KernelTime};
use crate::cli::fault::usage;
use crate::cli::json;
use crate::cli::print::say;

#[derive(Args)]
pub struct GpuArgs {
    #[command(flatten)]
    speed: SpeedArgs,
    /// Only the kernels
    #[arg(long, help_heading = "Input")]
    kernels_only: bool,
}

/// The figures of a device.
struct Report {
    facts: AdapterFacts,
    ceiling: Ceiling,
    kernels: Vec<KernelTime>,
    crossings: Vec<Crossing>,
    end_to_end: Vec<EndToEnd>,
}

pub fn run(args: GpuArgs) -> Result<()> {
    if args.speed.backend.backend != BackendChoice::Auto || args.speed.coding.optl2 {
        usage!(
            "bench gpu measures cpu, gpu and hybrid, with and without --optl2; leave --backend and --optl2 out"
        );
    }
    let adapter = choose(adapters(), args.speed.backend.gpu_adapter.as_deref())?;
    let options = GpuOptions {
        adapter: Some(adapter.facts.index.to_string()),
        memory_bytes: args.speed.backend.gpu_memory.map(|mib| mib << 20),
        ..GpuOptions::default()
    };
    let gpu = GpuBackend::open_adapter(adapter, &options)?;
    let (facts, ceiling) = (gpu.adapter().clone(), gpu.ceiling()?);
    let kernels = kernels::measure(&gpu)?;
    // Every measurement from here on opens the device for itself.
    drop(gpu);
    let crossings = crossings::measure(&options, facts.is_software(), &Scheduler::new(args.speed.threads)?)?;
    let end_to_end = match args.kernels_only {
        true => Vec::new(),
        false => end_to_end::measure(&args.speed.setup()?, &options, args.speed.rounds)?,
    };
    let report = Report { facts, ceiling, kernels, crossings, end_to_end };
    if args.speed.json() {
        return print_json(&report, args.speed.rounds);
    }
    print(&report, args.speed.rounds);
    Ok(())
}

fn print_json(report: &Report, rounds: u32) -> Result<()> {
    let ceiling = &report.ceiling;
    let kernel = |t: &KernelTime| {
        json!({
            "kernel": t.kernel, "what": t.what, "us": t.us, "bytes_per_s": t.bytes_per_s(),
            "of_copy": t.bytes_per_s() / ceiling.copy_bytes_per_s, "multiply_adds_per_s": t.multiply_adds_per_s(),
            "of_integer_rate": t.multiply_adds_per_s() / ceiling.multiply_adds_per_s,
            "of_ceiling": t.of_ceiling(ceiling),
        })
    };
    let direction = |end: &EndToEnd| {
        let run = |run: &BackendResult| {
            json!({
                "backend": run.backend, "s": run.seconds, "families_per_s": end.families as f64 / run.seconds,
                "of_codec_ceiling": end.bare_s / run.seconds, "shares": run.shares,
            })
        };
        json!({
            "what": end.what, "families": end.families, "threads": end.threads, "rounds": rounds,
            "bare_jpeg_s": end.bare_s, "bare_families_per_s": end.families as f64 / end.bare_s,
            "runs": end.backends.iter().map(run).collect::<Vec<Value>>(),
        })
    };
    let value = json!({
        "adapter": report.facts, "ceiling": ceiling,
        "kernels": report.kernels.iter().map(kernel).collect::<Vec<Value>>(),
        "crossings": report.crossings,
        "end_to_end": report.end_to_end.iter().map(direction).collect::<Vec<Value>>(),
    });
    Ok(json::print("bench gpu", value)?)
}

fn print(report: &Report, rounds: u32) {
    let ceiling = &report.ceiling;
    let (copy, rate) = (ceiling.copy_bytes_per_s / 1e9, ceiling.multiply_adds_per_s / 1e9);
    say!("{}, {}", report.facts.label(), report.facts.driver);
    say!(
        "plain copy {copy:.1} GB/s, {rate:.0} G integer multiply-adds/s; a kernel's ceiling is the lower of the two"
    );
    for t in &report.kernels {
        say!(
            "{:<9}{:<36}{:>9.2} us {:>8.2} GB/s {:>5.2} of copy, {:>8.1} G/s {:>5.2} of integer rate, {:>5.2} of ceiling",
            t.kernel,
            t.what,
            t.us,
            t.bytes_per_s() / 1e9,
            t.bytes_per_s() / ceiling.copy_bytes_per_s,
            t.multiply_adds_per_s() / 1e9,
            t.multiply_adds_per_s() / ceiling.multiply_adds_per_s,
            t.of_ceiling(ceiling)
        );
    }
    for c in &report.crossings {
        say!(
            "{:<22} batches of {:>3} ({:>5.1}): {:>8.1} families/s; copy in {:>7.1} us, bus {:>7.1}, kernels {:>8.1}, bus {:>7.1}, submission {:>8.1}, \
             copy out {:>7.1}; up {:.2} MB, down {:.2} MB a family",
            c.what,
            c.most,
            c.families_a_crossing,
            c.families_per_s,
            c.copy_in_us,
            c.bus_up_us,
            c.kernels_us,
            c.bus_down_us,
            c.submission_us,
            c.copy_out_us,
            c.bytes_up / 1e6,
            c.bytes_down / 1e6
        );
    }
    for end in &report.end_to_end {
        print_direction(end, rounds);
    }
}

fn print_direction(end: &EndToEnd, rounds: u32) {
    let EndToEnd { what, families, threads, bare_s, backends } = end;
    let per_s = |seconds: f64| *families as f64 / seconds;
    say!("{what}: {families} families on {threads} threads, medians of {rounds} rounds");
    say!("  {:<8}{bare_s:>9.3} s {:>8.1} families/s", "codec", per_s(*bare_s));
    for BackendResult { backend, seconds, shares } in backends {
        say!(
            "  {backend:<8}{seconds:>9.3} s {:>8.1} families/s, {:.2} of the codec's; codec {:.2}, up {:.3}, down {:.3} of \
             thread time, device {:.2} of wall, overlap {:.2}",
            per_s(*seconds),
            bare_s / seconds,
            shares.threads_codec,
            shares.threads_upload,
            shares.threads_download,
            shares.device_compute,
            shares.overlap
        );
    }
}
