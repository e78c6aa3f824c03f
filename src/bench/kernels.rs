//! Every kernel against its own scalar definition, in one run on one thread.
//!
//! The instruction set is chosen once a process, so the scalar side runs in a child of this program.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Args;
use origami::image::plane::Plane;
use origami::kernels::color::{rgb_to_ycc, ycc_to_rgb};
use origami::kernels::level::Level;
use origami::kernels::optl2::{Extent, Problem};
use origami::kernels::resample::{Scratch, resample};
use origami::kernels::residual;
use origami::kernels::sharpen::{Strength, sharpen};
use origami::kernels::taps::{Filter, Taps};
use serde_json::{Value, json};

use super::slide::pixel;

/// Side of the L0 plane that is worked on: one family of 256-pixel tiles.
const SIDE_PX: usize = 1024;

#[derive(Args)]
pub struct KernelArgs {
    /// JSON instead of text
    #[arg(long)]
    json: bool,
    /// Only this program's own level, as JSON: what the child is asked for
    #[arg(long, hide = true)]
    single: bool,
}

/// Microseconds a call: the best of several stretches of 20 ms, since noise only ever adds.
fn time(mut call: impl FnMut()) -> f64 {
    call();
    let mut best = f64::INFINITY;
    for _ in 0..5 {
        let (started, mut calls) = (Instant::now(), 0u32);
        while started.elapsed() < Duration::from_millis(20) {
            call();
            calls += 1;
        }
        best = best.min(started.elapsed().as_secs_f64() * 1e6 / f64::from(calls));
    }
    best
}

/// Name, what it does, bytes read and written, microseconds.
fn measure() -> Vec<(&'static str, &'static str, usize, f64)> {
    let n = SIDE_PX * SIDE_PX;
    let rgb: Vec<u8> =
        (0..n).flat_map(|i| pixel((i % SIDE_PX) as u32 + 4096, (i / SIDE_PX) as u32)).collect();
    let (mut y, mut cb, mut cr) = (vec![0; n], vec![0; n], vec![0; n]);
    let to_ycc = time(|| rgb_to_ycc(&rgb, &mut y, &mut cb, &mut cr));
    let mut back = vec![0; 3 * n];
    let to_rgb = time(|| ycc_to_rgb(&y, &cb, &cr, &mut back));
    let l0 = Plane::from_vec(SIDE_PX, SIDE_PX, y);
    let mut s = Scratch::default();
    let (mut l2, mut prediction, mut residual) = (Plane::default(), Plane::default(), Plane::default());
    let small = SIDE_PX / 4;
    let down = Taps::downsample(Filter::Lanczos3, SIDE_PX, 4);
    let down_us = time(|| resample(l0.view(), &down, &down, &mut l2, &mut s));
    let up = Taps::upsample(Filter::Lanczos3, small, 4, SIDE_PX);
    let up_us = time(|| resample(l2.view(), &up, &up, &mut prediction, &mut s));
    let make_us = time(|| residual::make(l0.view(), prediction.view(), &mut residual));
    let mut sum = prediction.clone();
    let apply_us = time(|| residual::apply(&mut sum, residual.view()));
    let axis = Extent { small, large: SIDE_PX, factor: 4 };
    let problem = Problem::new(Filter::Lanczos3, axis, axis);
    let optl2_us = time(|| {
        let mut x = l2.clone();
        problem.solve(l0.view(), &mut x, 15, &mut s);
    });
    let strength = Strength::new(0.5).unwrap_or_else(|| unreachable!("0.5 is in range"));
    let sharpen_us = time(|| sharpen(&mut l2.clone(), strength));
    vec![
        ("color", "RGB to YCbCr, 1024x1024", 6 * n, to_ycc),
        ("color", "YCbCr to RGB, 1024x1024", 6 * n, to_rgb),
        ("resample", "lanczos3 1024x1024 down to 256x256", n + n / 16, down_us),
        ("resample", "lanczos3 256x256 up to 1024x1024", n + n / 16, up_us),
        ("residual", "make, 1024x1024", 3 * n, make_us),
        ("residual", "apply, 1024x1024", 3 * n, apply_us),
        ("optl2", "lanczos3, 256x256 for 1024x1024", n + n / 8, optl2_us),
        ("sharpen", "256x256", n / 8, sharpen_us),
    ]
}

pub fn run(args: KernelArgs) -> Result<()> {
    let own = measure();
    if args.single {
        let times: Vec<f64> = own.iter().map(|row| row.3).collect();
        say!("{}", serde_json::to_string(&times)?);
        return Ok(());
    }
    let child = Command::new(std::env::current_exe()?)
        .args(["bench", "kernels", "--single"])
        .env("ORIGAMI_CPU", "scalar")
        .output()
        .context("cannot start the scalar run")?;
    if !child.status.success() {
        bail!("the scalar run failed: {}", String::from_utf8_lossy(&child.stderr));
    }
    let scalar: Vec<f64> = serde_json::from_slice(&child.stdout)?;
    let rows = own.iter().zip(scalar);
    if args.json {
        let kernels: Vec<Value> = rows
            .map(|((kernel, what, bytes, us), scalar_us)| {
                json!({"kernel": kernel, "what": what, "us": us, "scalar_us": scalar_us, "scalar_ratio": scalar_us / us,
                    "bytes_per_s": *bytes as f64 / us * 1e6})
            })
            .collect();
        say!(
            "{}",
            serde_json::to_string_pretty(&json!({"cpu": Level::current().name(), "kernels": kernels}))?
        );
        return Ok(());
    }
    say!("one thread, {} against scalar", Level::current().name());
    for ((kernel, what, bytes, us), scalar_us) in rows {
        let (ratio, rate) = (scalar_us / us, *bytes as f64 / us / 1e3);
        say!("{kernel:<10}{what:<36}{us:>8.0} us  {rate:>6.2} GB/s  {ratio:>5.1} times scalar");
    }
    Ok(())
}
