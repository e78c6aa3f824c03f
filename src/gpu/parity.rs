//! Self-test: every kernel on the device against its twin on the CPU, byte for byte.
//!
//! `doctor` runs the quick one, which takes about a second. Tests run the thorough one: odd sizes, planes of
//! one sample, extremes, noise, all filters and factors.

mod case;
mod coefficients;
mod trellis;

use std::fmt;
use std::sync::Arc;

use self::case::{Case, planes, program};
use super::backend::GpuBackend;
use super::pass::Pass;
use super::program::{Job, PlaneAllocator, PlaneLayout, SampleFormat, gradient_descent};
use super::shader::Kernel;
use crate::backend::GpuError;
use crate::backend::error::Error;
use crate::backend::scheduler::Scheduler;
use crate::image::plane::Plane;
use crate::kernels::color::{rgb_to_ycc, ycc_to_rgb};
use crate::kernels::optl2::{Buffers, Extent, Problem};
use crate::kernels::resample::{Scratch, resample};
use crate::kernels::residual;
use crate::kernels::sharpen::{Strength, sharpen};
use crate::kernels::taps::{Filter, Taps};

/// A kernel that agreed on every case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Agreed {
    /// Name of the kernel.
    pub kernel: &'static str,
    /// Number of cases.
    pub cases: usize,
}

/// How a self-test fails.
#[derive(Debug)]
pub enum Disagreement {
    /// A kernel computed a wrong sample.
    Sample {
        /// Name of the kernel.
        kernel: &'static str,
        /// Name of the case.
        case: String,
        /// Column of the first difference, in samples.
        x: usize,
        /// Its row.
        y: usize,
        /// The sample of the device.
        got: u8,
        /// The sample of the CPU.
        want: u8,
    },
    /// The device failed.
    Failed(Error),
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Disagreement::Sample { kernel, case, x, y, got, want } => {
                write!(f, "kernel {kernel}: {case}: at {x},{y} the device has {got}, the CPU {want}")
            }
            Disagreement::Failed(e) => e.fmt(f),
        }
    }
}

impl std::error::Error for Disagreement {}

impl From<Error> for Disagreement {
    fn from(e: Error) -> Self {
        Disagreement::Failed(e)
    }
}

impl From<GpuError> for Disagreement {
    fn from(e: GpuError) -> Self {
        Disagreement::Failed(e.into())
    }
}

/// Compares every kernel with its twin.
///
/// # Errors
/// The first difference, or the failure of the device.
pub fn self_test(gpu: &GpuBackend, thorough: bool) -> Result<Vec<Agreed>, Disagreement> {
    // Two threads: one prepares the next case while the other compares.
    let scheduler = Scheduler::new(2)?;
    let mut agreed = Kernel::ALL.map(|kernel| Agreed { kernel: kernel.name(), cases: 0 });
    scheduler.pipelined(
        32,
        1 << 20,
        cases(thorough).map(Ok),
        |case: Case| async move {
            let got = gpu.run(case.program.clone(), &case.planes).await?;
            compare(&case, &got).map_or(Ok(case.kernel), Err)
        },
        |kernel: Kernel| {
            agreed.iter_mut().filter(|a| a.kernel == kernel.name()).for_each(|a| a.cases += 1);
            Ok(())
        },
    )?;
    Ok(agreed.to_vec())
}

fn compare(case: &Case, got: &[Plane]) -> Option<Disagreement> {
    let kernel = case.kernel.name();
    for (got, want) in got.iter().zip(&case.want) {
        for y in 0..want.height() {
            let x = got.row(y).iter().zip(want.row(y)).position(|(got, want)| got != want);
            if let Some(x) = x {
                let (got, want, case) = (got.row(y)[x], want.row(y)[x], case.name.clone());
                return Some(Disagreement::Sample { kernel, case, x, y, got, want });
            }
        }
    }
    debug_assert_eq!(got.len(), case.want.len());
    None
}

const SMALL: [(usize, usize); 7] = [(1, 1), (1, 9), (13, 1), (5, 6), (17, 66), (67, 31), (130, 129)];

fn cases(thorough: bool) -> impl Iterator<Item = Case> {
    let sizes = if thorough { &SMALL[..] } else { &SMALL[3..6] };
    let all = sizes.iter().flat_map(move |&(w, h)| {
        let planes = planes(w, h, thorough).into_iter();
        planes.flat_map(move |(name, plane)| {
            let name = format!("{name} {w}x{h}");
            resamples(&name, &plane, if thorough { THOROUGH } else { QUICK })
                .chain(residuals(&name, &plane))
                .chain(descents(&name, &plane, thorough))
                .chain(sharpenings(&name, &plane))
                .chain(colours(&name, &plane))
                .chain(coefficients::cases(&name, &plane, thorough))
                .chain(trellis::cases(&name, &plane, thorough))
                .collect::<Vec<_>>()
        })
    });
    let sweeps = || coefficients::divisors().chain(coefficients::proven_sizes()).chain(trellis::counts());
    let sweeps = thorough.then(sweeps);
    let all = all.chain(sweeps.into_iter().flatten());
    // A larger plane, across many workgroups.
    all.chain(planes(640, 333, false).into_iter().take(1).flat_map(move |(name, plane)| {
        let name = format!("{name} 640x333");
        let mut some: Vec<_> = residuals(&name, &plane).collect();
        some.extend(coefficients::cases(&name, &plane, false));
        some.extend(trellis::cases(&name, &plane, false));
        some.extend(resamples(&name, &plane, if thorough { THOROUGH_LARGE } else { QUICK_LARGE }));
        some
    }))
}

fn filtered(plane: &Plane, h: &Taps, v: &Taps) -> Plane {
    let mut out = Plane::default();
    resample(plane.view(), h, v, &mut out, &mut Scratch::default());
    out
}

/// Factors and percentages by which a plane is resampled.
#[derive(Clone, Copy)]
struct Sizes {
    factors: &'static [(usize, usize)],
    percents: &'static [usize],
}

const QUICK: Sizes = Sizes { factors: &[(2, 2), (4, 8)], percents: &[37, 143] };
const THOROUGH: Sizes =
    Sizes { factors: &[(1, 1), (2, 2), (4, 4), (8, 8), (1, 4), (8, 2)], percents: &[1, 37, 75, 100, 143] };
/// Fewer, as a large plane takes most of the time.
const QUICK_LARGE: Sizes = Sizes { factors: &[(2, 2)], percents: &[] };
const THOROUGH_LARGE: Sizes = Sizes { factors: QUICK.factors, percents: THOROUGH.percents };

fn resamples(name: &str, plane: &Plane, sizes: Sizes) -> impl Iterator<Item = Case> {
    let (w, h) = (plane.width(), plane.height());
    let mut all = Vec::new();
    for filter in Filter::ALL {
        let mut push = |what: String, horizontal: Taps, vertical: Taps| {
            let want = filtered(plane, &horizontal, &vertical);
            let mut region = PlaneAllocator::default();
            let src = region.allocate(w, h, SampleFormat::U8);
            let dst = region.allocate(want.width(), want.height(), SampleFormat::U8);
            let job = Job::filter(src, dst, Arc::new(horizontal), Arc::new(vertical));
            all.push(Case {
                kernel: Kernel::Resample,
                name: format!("{} {what} {name}", filter.name()),
                program: program(vec![src], vec![(Pass::Resample, vec![job])], vec![dst], region),
                planes: vec![plane.clone()],
                want: vec![want],
            });
        };
        for &(fx, fy) in sizes.factors {
            let up = |n, f| Taps::upsample(filter, n, f, n * f);
            push(format!("up {fx}x{fy}"), up(w, fx), up(h, fy));
            // Families at the edge of a slide are cropped.
            let cropped =
                |n: usize, f: usize| Taps::upsample(filter, n, f, (n * f).saturating_sub(f - 1).max(1));
            push(format!("up {fx}x{fy}, cropped"), cropped(w, fx), cropped(h, fy));
            push(format!("down {fx}x{fy}"), Taps::downsample(filter, w, fx), Taps::downsample(filter, h, fy));
        }
        for &percent in sizes.percents {
            let to = |n: usize| (n * percent / 100).max(1);
            push(format!("to {percent}%"), Taps::scale(filter, w, to(w)), Taps::scale(filter, h, to(h)));
        }
    }
    all.into_iter()
}

/// `plane` is the original. L2 is a reduction of it, and the residual that is applied is noise.
fn residuals(name: &str, plane: &Plane) -> impl Iterator<Item = Case> {
    let (w, h) = (plane.width(), plane.height());
    let filters = Filter::ALL.into_iter();
    let all = filters.flat_map(|filter| {
        let small = filtered(plane, &Taps::downsample(filter, w, 4), &Taps::downsample(filter, h, 4));
        let up = |n, out| Arc::new(Taps::upsample(filter, n, 4, out));
        let (th, tv) = (up(small.width(), w), up(small.height(), h));
        let prediction = filtered(&small, &th, &tv);
        let mut made = Plane::default();
        residual::make(plane.view(), prediction.view(), &mut made);
        let (_, noise) = planes(w, h, false).swap_remove(0);
        let mut sum = prediction.clone();
        residual::apply(&mut sum, noise.view());

        let mut region = PlaneAllocator::default();
        let l2 = region.allocate(small.width(), small.height(), SampleFormat::U8);
        let other = region.allocate(w, h, SampleFormat::U8);
        let (first, second) =
            (region.allocate(w, h, SampleFormat::U8), region.allocate(w, h, SampleFormat::U8));
        let job = Job::filter(l2, first, th, tv).with(other, second);
        let case = |what: &str, pass, download: &[PlaneLayout], other_plane: &Plane, want: Vec<Plane>| Case {
            kernel: Kernel::Residual,
            name: format!("{} {what} {name}", filter.name()),
            program: program(vec![l2, other], vec![(pass, vec![job.clone()])], download.to_vec(), region),
            planes: vec![small.clone(), other_plane.clone()],
            want,
        };
        [
            case("make", Pass::Predict, &[first, second], plane, vec![prediction, made]),
            case("apply", Pass::Apply, &[first], &noise, vec![sum]),
        ]
    });
    all.collect::<Vec<_>>().into_iter()
}

fn descents(name: &str, plane: &Plane, thorough: bool) -> impl Iterator<Item = Case> {
    let (w, h) = (plane.width(), plane.height());
    let factors: &[usize] = if thorough { &[2, 4, 8] } else { &[4] };
    let mut all = Vec::new();
    for filter in Filter::ALL {
        for &factor in factors {
            let start =
                filtered(plane, &Taps::downsample(filter, w, factor), &Taps::downsample(filter, h, factor));
            let axis = |small, large| Extent { small, large, factor };
            let problem = Problem::new(filter, axis(start.width(), w), axis(start.height(), h));
            for delta in if thorough { &[0u8, 1, 15, 255][..] } else { &[15] } {
                let mut want = start.clone();
                problem.solve(plane.view(), &mut want, *delta, &mut Buffers::default());
                let mut region = PlaneAllocator::default();
                let target = region.allocate(w, h, SampleFormat::U8);
                let mut small = |format| region.allocate(start.width(), start.height(), format);
                let (x0, result) = (small(SampleFormat::U8), small(SampleFormat::U8));
                let wide = [small(SampleFormat::Q6), small(SampleFormat::Q6), small(SampleFormat::Q6)];
                let passes = gradient_descent(&problem, *delta, [target, x0, result], wide);
                all.push(Case {
                    kernel: Kernel::Optl2,
                    name: format!("{} x{factor}, delta {delta}, {name}", filter.name()),
                    program: program(vec![target, x0], passes, vec![result], region),
                    planes: vec![plane.clone(), start.clone()],
                    want: vec![want],
                });
            }
        }
    }
    all.into_iter()
}

fn sharpenings(name: &str, plane: &Plane) -> impl Iterator<Item = Case> {
    let all = [1.0 / 256.0, 0.5, 3.3, 16.0].into_iter().filter_map(|strength| {
        let strength = Strength::new(strength)?;
        let mut want = plane.clone();
        sharpen(&mut want, strength);
        let mut region = PlaneAllocator::default();
        let [src, dst] = [(); 2].map(|()| region.allocate(plane.width(), plane.height(), SampleFormat::U8));
        Some(Case {
            kernel: Kernel::Sharpen,
            name: format!("strength {}/256, {name}", strength.q8()),
            program: program(
                vec![src],
                vec![(Pass::Sharpen, vec![Job::sharpen(src, dst, strength)])],
                vec![dst],
                region,
            ),
            planes: vec![plane.clone()],
            want: vec![want],
        })
    });
    all.collect::<Vec<_>>().into_iter()
}

/// Three shifted copies of the plane as colour, both ways.
fn colours(name: &str, plane: &Plane) -> impl Iterator<Item = Case> {
    let (w, h) = (plane.width(), plane.height());
    let n = w * h;
    let shifted = |by: usize| (0..n).map(move |i| plane.data()[(i * 5 + by) % n]);
    let three: [Vec<u8>; 3] = [shifted(0).collect(), shifted(n / 3).collect(), shifted(n / 2 + 1).collect()];
    let mixed: Vec<u8> = (0..n).flat_map(|i| three.each_ref().map(|c| c[i])).collect();
    let (mut y, mut cb, mut cr, mut rgb) = (vec![0; n], vec![0; n], vec![0; n], vec![0; 3 * n]);
    rgb_to_ycc(&mixed, &mut y, &mut cb, &mut cr);
    ycc_to_rgb(&three[0], &three[1], &three[2], &mut rgb);

    let mut region = PlaneAllocator::default();
    let inter = region.allocate(w, h, SampleFormat::Rgb);
    let apart = [(); 3].map(|()| region.allocate(w, h, SampleFormat::U8));
    let flat = |samples: Vec<u8>| Plane::from_vec(w, h, samples);
    let wide = |samples: Vec<u8>| Plane::from_vec(3 * w, h, samples);
    let to_ycc = vec![(Pass::ToYcc, vec![Job::to_ycc(inter, apart)])];
    let to_rgb = vec![(Pass::ToRgb, vec![Job::to_rgb(apart, inter)])];
    let case = |what: &str, program, planes, want| Case {
        kernel: Kernel::Color,
        name: format!("{what} {name}"),
        program,
        planes,
        want,
    };
    [
        case(
            "to planes",
            program(vec![inter], to_ycc, apart.to_vec(), region),
            vec![wide(mixed)],
            [y, cb, cr].map(flat).to_vec(),
        ),
        case(
            "to RGB",
            program(apart.to_vec(), to_rgb, vec![inter], region),
            three.map(flat).to_vec(),
            vec![wide(rgb)],
        ),
    ]
    .into_iter()
}
