//! Every kernel against its own scalar definition, in one run on one thread.
//!
//! A process chooses its instruction set once, so the scalar side runs in a child process.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use origami::image::plane::Plane;
use origami::kernels::color::{rgb_to_ycc, ycc_to_rgb};
use origami::kernels::optl2::{Buffers, Extent, Problem};
use origami::kernels::resample::{Scratch, resample};
use origami::kernels::sharpen::{Strength, sharpen};
use origami::kernels::taps::{Filter, Taps};
use origami::kernels::{proof, residual};

use super::tissue::pixel;

/// Side of the L0 plane: one family of 256-pixel tiles.
const SIDE_PX: usize = 1024;

/// Time of one kernel.
pub struct KernelTime {
    /// Name of the kernel: its file in `src/kernels`.
    pub kernel: &'static str,
    /// The operation and the size of its plane.
    pub what: &'static str,
    /// Bytes read and written.
    pub bytes: usize,
    /// Microseconds a call.
    pub us: f64,
}

/// Microseconds a call: the shortest of several periods of 20 ms, since noise only adds time.
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

/// Times every kernel with the instruction set of this process.
pub fn measure() -> Vec<KernelTime> {
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
    let mut buffers = Buffers::default();
    let optl2_us = time(|| {
        let mut x = l2.clone();
        problem.solve(l0.view(), &mut x, 15, &mut buffers);
    });
    let strength = Strength::new(0.5).unwrap_or_else(|| unreachable!("0.5 is in range"));
    let sharpen_us = time(|| sharpen(&mut l2.clone(), strength));
    let proof_us = time(|| drop(proof::sums(&[l0.view()])));
    let times = [
        ("color", "RGB to YCbCr, 1024x1024", 6 * n, to_ycc),
        ("color", "YCbCr to RGB, 1024x1024", 6 * n, to_rgb),
        ("resample", "lanczos3 1024x1024 down to 256x256", n + n / 16, down_us),
        ("resample", "lanczos3 256x256 up to 1024x1024", n + n / 16, up_us),
        ("residual", "make, 1024x1024", 3 * n, make_us),
        ("residual", "apply, 1024x1024", 3 * n, apply_us),
        ("optl2", "lanczos3, 256x256 for 1024x1024", n + n / 8, optl2_us),
        ("proof", "sums of 1024x1024", n + n / 16, proof_us),
        ("sharpen", "256x256", n / 8, sharpen_us),
    ];
    times.map(|(kernel, what, bytes, us)| KernelTime { kernel, what, bytes, us }).into()
}

/// The times of the scalar kernels in microseconds, in the order of [`measure`]. `child` runs [`measure`] and prints its times as a
/// JSON array.
pub fn measure_scalar(mut child: Command) -> Result<Vec<f64>> {
    let output = child.env("ORIGAMI_CPU", "scalar").output().context("cannot start the scalar run")?;
    if !output.status.success() {
        bail!("the scalar run failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}
