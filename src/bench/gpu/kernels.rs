//! Every kernel on a GPU, against what the device copies and computes at most.

use std::sync::Arc;

use anyhow::Result;
use origami::codec::coefficients::Weights;
use origami::gpu::{
    COST_WORDS, COUNT_WORDS, Ceiling, DeviceTable, GpuBackend, Job, Pass, PassList, PlaneAllocator,
    PlaneLayout, Program, RECORD_WORDS, RoundTrip, SampleFormat, counting_groups,
};
use origami::image::plane::Plane;
use origami::kernels::optl2::{Extent, Problem};
use origami::kernels::sharpen::Strength;
use origami::kernels::taps::{Filter, Taps};

use crate::bench::stats::median;

/// Side of L0 in pixels: a family of 256-pixel tiles.
const SIDE: usize = 1024;
/// Side of L2.
const SMALL: usize = SIDE / 4;

/// Time of one kernel for one plane or family.
pub struct KernelTime {
    /// Name of the kernel: its file in `src/kernels`.
    pub kernel: &'static str,
    /// The operation and the size of its plane.
    pub what: &'static str,
    /// Bytes read and written.
    pub bytes: usize,
    /// Multiply-adds of its definition.
    pub multiply_adds: usize,
    /// Microseconds on the device.
    pub us: f64,
}

impl KernelTime {
    /// Bytes read and written a second.
    pub fn bytes_per_s(&self) -> f64 {
        self.bytes as f64 / self.us * 1e6
    }
    /// Multiply-adds a second.
    pub fn multiply_adds_per_s(&self) -> f64 {
        self.multiply_adds as f64 / self.us * 1e6
    }
    /// The time that copying alone or computing alone would take, whichever is longer, divided by the measured time.
    pub fn of_ceiling(&self, ceiling: &Ceiling) -> f64 {
        (self.bytes_per_s() / ceiling.copy_bytes_per_s)
            .max(self.multiply_adds_per_s() / ceiling.multiply_adds_per_s)
    }
}

/// How many jobs run at a time.
#[derive(Clone, Copy)]
struct Count {
    most: usize,
    /// Words of a batch.
    words: u32,
}

/// A kernel over as many planes as fill the device.
struct Load {
    region: PlaneAllocator,
    up: Vec<PlaneLayout>,
    /// What makes the input of the jobs.
    before: PassList,
    jobs: Vec<Job>,
    /// A sample that goes up.
    sample: fn(u32) -> u8,
}

impl Load {
    /// As many jobs as fit into a batch, `count` at most.
    fn new(count: Count, make: impl Fn(&mut PlaneAllocator, &mut Vec<PlaneLayout>) -> Job) -> Self {
        Self::after(count, |region, up| (Vec::new(), make(region, up)))
    }

    /// As [`Self::new`], of jobs that read what others made.
    fn after(
        count: Count,
        make: impl Fn(&mut PlaneAllocator, &mut Vec<PlaneLayout>) -> (Vec<(Pass, Job)>, Job),
    ) -> Self {
        let (mut region, mut up, mut jobs) = (PlaneAllocator::default(), Vec::new(), Vec::new());
        let mut before = PassList::new();
        while jobs.len() < count.most {
            let (mut larger, sources) = (region, up.len());
            let (first, job) = make(&mut larger, &mut up);
            if larger.peak_words() > count.words && !jobs.is_empty() {
                up.truncate(sources);
                break;
            }
            region = larger;
            for (i, (pass, job)) in first.into_iter().enumerate() {
                match before.get_mut(i) {
                    Some((_, all)) => all.push(job),
                    None => before.push((pass, vec![job])),
                }
            }
            jobs.push(job);
        }
        Self { region, up, before, jobs, sample: |i| (i.wrapping_mul(0x9e37_79b1) >> 23) as u8 }
    }

    /// Microseconds of one job: the difference between runs of many and of few rounds, so that constant costs cancel out. Where other work
    /// on the machine hides the difference, what the fastest run of many took, constant costs included.
    fn time(&self, gpu: &GpuBackend, pass: Pass) -> Result<f64> {
        let samples = |place: &PlaneLayout| {
            let n = place.row_bytes() * place.height;
            Plane::from_vec(place.row_bytes(), place.height, (0..n as u32).map(self.sample).collect())
        };
        // One plane of noise is enough; the others keep their old contents.
        let upload = vec![self.up[0]];
        let planes: Vec<Plane> = upload.iter().map(samples).collect();
        // Something must come down.
        let download = upload.clone();
        let run = |rounds: usize| -> Result<f64> {
            let rounds = (0..rounds).map(|_| (pass, self.jobs.clone()));
            let passes: PassList = self.before.iter().cloned().chain(rounds).collect();
            let round_trips = vec![RoundTrip { upload: upload.clone(), passes, download: download.clone() }];
            let program = Program { round_trips, words: self.region.peak_words() };
            let before = gpu.stats().device_ns;
            pollster::block_on(gpu.run(program, &planes))?;
            Ok((gpu.stats().device_ns - before) as f64 / 1e3)
        };
        let (few, many) = if gpu.adapter().is_software() { (1, 4) } else { (4, 24) };
        run(few)?;
        let (mut times, mut fastest) = (Vec::new(), f64::MAX);
        for _ in 0..5 {
            let whole = run(many)?;
            fastest = fastest.min(whole / many as f64);
            times.push((whole - run(few)?) / (many - few) as f64);
        }
        let difference = median(&times);
        let round = if difference > 0.0 { difference } else { fastest };
        Ok(round / self.jobs.len() as f64)
    }
}

/// Times every kernel.
pub fn measure(gpu: &GpuBackend) -> Result<Vec<KernelTime>> {
    let most = if gpu.adapter().is_software() { 2 } else { 64 };
    let count = Count { most, words: gpu.batch_words() };
    let (n, small) = (SIDE * SIDE, SMALL * SMALL);
    let filter = Filter::Lanczos3;
    let down = Arc::new(Taps::downsample(filter, SIDE, 4));
    let up = Arc::new(Taps::upsample(filter, SMALL, 4, SIDE));
    let axis = Extent { small: SMALL, large: SIDE, factor: 4 };
    let problem = Problem::new(filter, axis, axis);
    let ([right, _], [gram, _]) = (problem.right().clone(), problem.gram().clone());
    let strength = Strength::new(0.5).unwrap_or_else(|| unreachable!("0.5 is in range"));
    // Both passes of a filter: rows x outputs x taps, then outputs x taps.
    let work = |taps: &Taps, rows: usize| taps.used() * taps.out_len() * (rows + taps.out_len());

    let filtered = |taps: &Arc<Taps>, from: usize, to: usize, form: SampleFormat| {
        Load::new(count, move |region, sources| {
            let (src, dst) = (region.allocate(from, from, SampleFormat::U8), region.allocate(to, to, form));
            sources.push(src);
            Job::filter(src, dst, taps.clone(), taps.clone())
        })
    };
    let predicted = Load::new(count, |region, sources| {
        let (src, other) =
            (region.allocate(SMALL, SMALL, SampleFormat::U8), region.allocate(SIDE, SIDE, SampleFormat::U8));
        let (dst, second) =
            (region.allocate(SIDE, SIDE, SampleFormat::U8), region.allocate(SIDE, SIDE, SampleFormat::U8));
        sources.push(src);
        Job::filter(src, dst, up.clone(), up.clone()).with(other, second)
    });
    let stepped = Load::new(count, |region, sources| {
        let mut wide = || region.allocate(SMALL, SMALL, SampleFormat::Q6);
        let (src, dst, right) = (wide(), wide(), wide());
        let start = region.allocate(SMALL, SMALL, SampleFormat::U8);
        sources.push(start);
        let mut job = Job::filter(src, dst, gram.clone(), gram.clone()).with(right, start);
        job.numbers = [i32::from(problem.step()), 15];
        job
    });
    let sharpened = Load::new(count, |region, sources| {
        let (src, dst) =
            (region.allocate(SIDE, SIDE, SampleFormat::U8), region.allocate(SIDE, SIDE, SampleFormat::U8));
        sources.push(src);
        Job::sharpen(src, dst, strength)
    });
    let coloured = |to_rgb: bool| {
        Load::new(count, move |region, sources| {
            let rgb = region.allocate(SIDE, SIDE, SampleFormat::Rgb);
            let planes = [(); 3].map(|()| region.allocate(SIDE, SIDE, SampleFormat::U8));
            sources.push(if to_rgb { planes[0] } else { rgb });
            if to_rgb { Job::to_rgb(planes, rgb) } else { Job::to_ycc(rgb, planes) }
        })
    };

    let steps = Arc::new(DeviceTable::of_steps(&[16; 64]));
    let transformed = |forward: bool| {
        let steps = steps.clone();
        Load::new(count, move |region, sources| {
            let samples = region.allocate(SIDE, SIDE, SampleFormat::U8);
            let records = region.allocate(SIDE, SIDE, SampleFormat::Blocks);
            sources.push(if forward { samples } else { records.as_bytes() });
            let (src, dst) = if forward { (samples, records) } else { (records, samples) };
            Job::transform(src, dst, steps.clone()).with(samples, samples)
        })
    };
    let packed = || {
        Load::after(count, |region, sources| {
            let records = region.allocate(SIDE, SIDE, SampleFormat::Blocks);
            let packed = region.allocate(4 * n, 1, SampleFormat::U8);
            sources.push(records.as_bytes());
            let job = Job::pack(records, packed, (n / 2) as u32);
            // Values are packed where an earlier pass says.
            (vec![(Pass::Offsets, job.clone())], job)
        })
    };
    let trellis = |pass: Pass| trellis(count, pass);
    let proven = Load::new(count, |region, sources| {
        let samples = region.allocate(SIDE, SIDE, SampleFormat::U8);
        sources.push(samples);
        let sums = region.allocate(n / 16 + 64, 1, SampleFormat::U8);
        Job::proof(&[samples], sums)
    });
    // Bytes of the records of blocks.
    let records = 4 * RECORD_WORDS as usize * n / 64;

    let all: [(Pass, &'static str, usize, usize, Load); 19] = [
        (Pass::ToYcc, "RGB to YCbCr, 1024x1024", 6 * n, 9 * n, coloured(false)),
        (Pass::ToRgb, "YCbCr to RGB, 1024x1024", 6 * n, 4 * n, coloured(true)),
        (
            Pass::Resample,
            "lanczos3 1024x1024 to 256x256",
            n + small,
            work(&down, SIDE),
            filtered(&down, SIDE, SMALL, SampleFormat::U8),
        ),
        (
            Pass::Resample,
            "lanczos3 256x256 to 1024x1024",
            n + small,
            work(&up, SMALL),
            filtered(&up, SMALL, SIDE, SampleFormat::U8),
        ),
        (
            Pass::ResampleToQ6,
            "right side of optL2, 1024x1024",
            n + 2 * small,
            work(&right, SIDE),
            filtered(&right, SIDE, SMALL, SampleFormat::Q6),
        ),
        (Pass::Predict, "prediction and residual, 1024x1024", small + 3 * n, work(&up, SMALL), predicted),
        (
            Pass::Apply,
            "prediction plus residual, 1024x1024",
            small + 2 * n,
            work(&up, SMALL),
            Load::new(count, |region, sources| {
                let (src, other) = (
                    region.allocate(SMALL, SMALL, SampleFormat::U8),
                    region.allocate(SIDE, SIDE, SampleFormat::U8),
                );
                let dst = region.allocate(SIDE, SIDE, SampleFormat::U8);
                sources.push(src);
                Job::filter(src, dst, up.clone(), up.clone()).with(other, other)
            }),
        ),
        (Pass::Optl2, "one step of optL2, 256x256", 7 * small, work(&gram, SMALL) + small, stepped),
        (Pass::Sharpen, "1024x1024", 2 * n, 4 * n, sharpened),
        // Both passes of a transform: 16 lines a block, each of 12 products and 32 sums.
        (Pass::Forward, "1024x1024", n + records, 8 * n, transformed(true)),
        (Pass::Inverse, "1024x1024", n + records, 8 * n, transformed(false)),
        (Pass::Correct, "1024x1024, on a prediction", 2 * n + records, 8 * n, transformed(false)),
        // A product for each coefficient that is counted; the sums that 16 workgroups leave.
        (Pass::Count, "symbols of 1024x1024", records / 4, n / 4, trellis(Pass::Count)),
        (Pass::Rates, "costs of 1024x1024", 17 * 4 * COUNT_WORDS as usize, 16 * 512, trellis(Pass::Rates)),
        // Two products a coefficient; paths, which depend on what is coded, are not counted.
        (Pass::Ac, "1024x1024", 2 * records, 2 * n, trellis(Pass::Ac)),
        // 27 sums of three passages a block, then nine of each state; a word read and four written.
        (Pass::Dc, "1024x1024", 20 * n / 64, 36 * n / 64, trellis(Pass::Dc)),
        (Pass::Offsets, "offsets of 1024x1024", n / 4, n / 16, packed()),
        (Pass::Pack, "values of 1024x1024", records + n / 2, n, packed()),
        (Pass::Proof, "sums of 1024x1024", n + n / 16, n / 2, proven),
    ];
    let mut timed = Vec::new();
    for (pass, what, bytes, multiply_adds, load) in all {
        let kernel = pass.kernel().name();
        timed.push(KernelTime { kernel, what, bytes, multiply_adds, us: load.time(gpu, pass)? });
    }
    Ok(timed)
}

/// A pass of a trellis over residuals with grain, all of the same samples.
fn trellis(count: Count, pass: Pass) -> Load {
    let table = Arc::new(DeviceTable::of_trellis(&[21; 64], Weights::RESIDUAL));
    let groups = counting_groups(SIDE, SIDE);
    let load = Load::after(count, |region, sources| {
        if sources.is_empty() {
            sources.push(region.allocate(SIDE, SIDE, SampleFormat::U8));
        }
        let records = region.allocate(SIDE, SIDE, SampleFormat::Blocks);
        let counts = region.allocate(4 * COUNT_WORDS as usize * groups, 1, SampleFormat::U8);
        let costs = region.allocate(4 * COST_WORDS as usize, 1, SampleFormat::U8);
        let jobs = [
            (Pass::Exact, Job::exact(sources[0], records)),
            (Pass::Count, Job::count(records, counts, table.clone())),
            (Pass::Rates, Job::rates(counts, groups, costs)),
        ];
        if let Some(at) = jobs.iter().position(|&(of, _)| of == pass) {
            return (jobs[..at].to_vec(), jobs[at].1.clone());
        }
        // Elsewhere, so that every round has the same to do.
        let chosen = region.allocate(SIDE, SIDE, SampleFormat::Blocks);
        (jobs.to_vec(), Job::choose([records, chosen], costs, (1, 1), table.clone()))
    });
    Load { sample: |i| 116 + ((i.wrapping_mul(0x9e37_79b1) >> 23) % 23) as u8, ..load }
}
