//! The same bytes on CPU, GPU and both: bundles and decoded trees, for every filter, subsampling and option.

use crate::kit::data::real_slide;
use crate::kit::files::contents;
use crate::kit::gpu;
use crate::kit::pipeline::{decode_to, tree_source};
use crate::kit::program::origami;
use crate::kit::slides::{encode_tree, tree, write_png};
use crate::shared;
use std::path::{Path, PathBuf};

use origami::archive::{BUNDLE_NAME, Kind, PACK_DIR};
use origami::backend::scheduler::Scheduler;
use origami::backend::{Backend, BackendChoice, BackendMode, CpuBackend, Task};
use origami::codec::Entropy;
use origami::decode::{DecodeOptions, Input, decode};
use origami::encode::{EncodeOptions, encode};
use origami::gpu::engine::{Engine, EngineOptions, EngineStats};
use origami::gpu::{Faults, Kernel};
use origami::image::geometry::Geometry;
use origami::image::ycc::Sampling;
use origami::kernels::taps::Filter;
use origami::output::render::Output;
use origami::output::tile::OutputFormat;
use origami::params::{EncodeParams, Subsamp};
use origami::pyramid::source::Source;
use origami::pyramid::write::Existing;
use origami::quality::presets::Preset;
use origami::slide::{OpenOptions, Slide};

/// The CPU, and with an adapter the GPU and both.
struct Backends {
    cpu: CpuBackend,
    others: Vec<Engine>,
    scheduler: Scheduler,
    /// Whether each encode writes a manifest, for which planes come down.
    manifest: bool,
}

impl Backends {
    fn open(test: &str) -> Option<Self> {
        let scheduler = Scheduler::new(2).unwrap();
        let gpu = gpu::options(test, Faults::default())?;
        let others = [BackendChoice::Gpu, BackendChoice::Hybrid].map(|choice| {
            let options = EngineOptions { gpu: gpu.clone(), ..EngineOptions::new(choice, Task::Encode) };
            Engine::new(options, &scheduler)
        });
        assert_eq!(others.each_ref().map(|engine| engine.mode().0), [BackendMode::Gpu, BackendMode::Hybrid]);
        Some(Self { cpu: CpuBackend::new(), others: others.into(), scheduler, manifest: true })
    }

    /// Encodes and decodes on each and compares every file.
    fn agree(
        &self,
        case: &str,
        source: &dyn Fn() -> Source,
        params: &EncodeParams,
        formats: &[DecodeOptions],
    ) {
        let dir = tempfile::tempdir().unwrap();
        let want = self.files(&dir.path().join("cpu"), source(), params, formats, &self.cpu);
        for engine in &self.others {
            let name = engine.mode().0.name();
            let got = self.files(&dir.path().join(name), source(), params, formats, engine);
            for ((file, want), (other, got)) in want.iter().zip(&got) {
                assert_eq!(file, other);
                let at = want.iter().zip(got).position(|(a, b)| a != b);
                assert!(want == got, "{case}: {name} wrote another {file}, from byte {at:?} on");
            }
            assert_eq!(want.len(), got.len());
        }
    }

    fn files(
        &self,
        out: &Path,
        mut source: Source,
        params: &EncodeParams,
        formats: &[DecodeOptions],
        backend: &dyn Backend,
    ) -> Vec<(String, Vec<u8>)> {
        let options = EncodeOptions { packs: true, manifest: self.manifest, ..EncodeOptions::default() };
        encode(&mut source, out, params, &options, backend, &self.scheduler, &|_| ()).unwrap();
        let bundle = out.join(PACK_DIR).join(BUNDLE_NAME);
        for (i, options) in formats.iter().enumerate() {
            let input = Input::file(&bundle, Kind::Bundle).unwrap();
            let to = out.join(format!("decoded{i}"));
            decode(&input, None, &to, options, backend, &self.scheduler, &|_, _| ()).unwrap();
        }
        contents(out)
    }

    /// That the GPU did the work that it was given, and none was left to the CPU.
    fn ran_on_the_gpu(&self) {
        let (gpu, hybrid) = (self.others[0].stats(), self.others[1].stats());
        println!("gpu {gpu:?}, hybrid {hybrid:?}, {:?}", self.others[0].gpu_stats());
        assert!(gpu.on_gpu > 0 && gpu.on_cpu == 0 && gpu.failures == 0);
        assert!(hybrid.on_gpu > 0 && hybrid.failures == 0);
    }
}

fn formats() -> Vec<DecodeOptions> {
    [
        Output { format: OutputFormat::Png, ..Output::default() },
        Output { sampling: Sampling::S420, ..Output::default() },
        Output { sampling: Sampling::S444, ..Output::default() },
        Output { grayscale: true, ..Output::default() },
    ]
    .map(|output| DecodeOptions { output, existing: Existing::Keep, ..DecodeOptions::default() })
    .into()
}

/// Those that every build has, and where that is built the one with Lepton in it.
const ENTROPIES: [Entropy; 2] =
    [Entropy::HUFFMAN, if cfg!(feature = "lepton") { Entropy::CONTEXT } else { Entropy::ADAPTIVE }];

/// Every filter, subsampling, optL2 on and off, every way to sharpen; scaled and sharpened residuals along the way.
fn all_params() -> Vec<(String, EncodeParams)> {
    let mut all = Vec::new();
    for upsample_filter in Filter::ALL {
        for downsample_filter in Filter::ALL {
            for subsamp in [Subsamp::S444, Subsamp::S420, Subsamp::S420Opt] {
                for optl2 in [false, true] {
                    for (sharpen, save_sharpened) in [(0.0, false), (0.7, false), (0.7, true)] {
                        let (l0_scale_pct, l0_sharpen) =
                            [(100, 0.0), (50, 0.0), (100, 0.5), (73, 1.2), (100, 0.0)][all.len() % 5];
                        let max_delta = [15, 4, 255][all.len() % 3];
                        let params = EncodeParams {
                            upsample_filter,
                            downsample_filter,
                            subsamp,
                            optl2,
                            max_delta,
                            sharpen,
                            save_sharpened,
                            l0_scale_pct,
                            l0_sharpen,
                            chroma_residual_quality: [None, Some(60), Some(50)][all.len() / 3 % 3],
                            entropy: ENTROPIES[all.len() % ENTROPIES.len()],
                            ..EncodeParams::default()
                        };
                        all.push((format!("{params:?}"), params));
                    }
                }
            }
        }
    }
    all
}

#[test]
fn every_option_gives_the_same_files_everywhere() {
    let _shared = shared();
    let Some(backends) = Backends::open("every option") else { return };
    let dir = tempfile::tempdir().unwrap();
    let image = dir.path().join("slide.png");
    // Families of every kind of edge: 3 x 2, the last ones 77 wide and 29 high.
    write_png(&image, 333, 157, 8);
    let slide = || {
        let slide = Slide::open(&image, &OpenOptions::default()).unwrap();
        Source::Slide(Box::new(slide), Geometry::new(333, 157, 32).unwrap())
    };
    let all = all_params();
    assert_eq!(all.len(), 162);
    for (i, (case, params)) in all.iter().enumerate() {
        let formats = formats();
        backends.agree(case, &slide, params, &formats[i % 4..][..1]);
    }
    backends.ran_on_the_gpu();
}

/// Every preset with a trellis, of a slide whose families are worked on together.
#[test]
fn presets_give_the_same_files_everywhere() {
    let _shared = shared();
    let Some(mut backends) = Backends::open("presets") else { return };
    backends.manifest = false;
    let dir = tempfile::tempdir().unwrap();
    let image = dir.path().join("slide.png");
    write_png(&image, 461, 333, 12);
    let slide = || {
        let slide = Slide::open(&image, &OpenOptions::default()).unwrap();
        Source::Slide(Box::new(slide), Geometry::new(461, 333, 32).unwrap())
    };
    let presets = [Preset::Archive, Preset::Balanced, Preset::Small].map(Preset::params);
    for params in presets.iter().filter(|params| params.entropy.available().is_ok()) {
        for optl2 in [false, true] {
            let params = EncodeParams { optl2, ..params.clone() };
            backends.agree(&format!("{params:?}"), &slide, &params, &formats()[..1]);
        }
    }
    backends.ran_on_the_gpu();
}

#[test]
fn trees_of_every_sampling_give_the_same_files_everywhere() {
    let _shared = shared();
    let Some(backends) = Backends::open("trees") else { return };
    let dir = tempfile::tempdir().unwrap();
    // A tree of 4:2:0 JPEG, odd tiles (raised to 4:4:4), and one that is gray.
    let dzi = tree(&dir.path().join("420"), 450, 300, 64, 9);
    let odd = tree(&dir.path().join("odd"), 300, 333, 49, 10);
    let gray = gray_tree(&dir.path().join("gray"), &odd);
    for (i, dzi) in [&dzi, &odd, &gray].into_iter().enumerate() {
        let tree = || tree_source(dzi);
        for subsamp in [Subsamp::S444, Subsamp::S420, Subsamp::S420Opt] {
            let params = EncodeParams { subsamp, optl2: i != 1, ..EncodeParams::default() };
            backends.agree(&format!("{} {subsamp:?}", dzi.display()), &tree, &params, &formats());
        }
    }
    backends.ran_on_the_gpu();
}

/// The luma of a tree as a tree of its own.
fn gray_tree(dir: &Path, dzi: &Path) -> PathBuf {
    let bundle = encode_tree(dzi, dir, &EncodeParams::default());
    let output = Output { grayscale: true, ..Output::default() };
    let options = DecodeOptions { output, ..DecodeOptions::default() };
    decode_to(&bundle, dir, &options).unwrap().dzi
}

/// The real slide, with a set of options in which every value meets every value of the others.
#[test]
fn the_real_slide_gives_the_same_files_everywhere() {
    let _shared = shared();
    let Some(slide) = real_slide("the_real_slide_gives_the_same_files_everywhere") else { return };
    let Some(backends) = Backends::open("the real slide") else { return };
    let open = || {
        let slide = Slide::open(&slide, &OpenOptions::default()).unwrap();
        let geometry = Geometry::new(slide.info.width, slide.info.height, 256).unwrap();
        Source::Slide(Box::new(slide), geometry)
    };
    let subsamps = [Subsamp::S444, Subsamp::S420, Subsamp::S420Opt];
    for (i, upsample_filter) in Filter::ALL.into_iter().enumerate() {
        for (j, subsamp) in subsamps.into_iter().enumerate() {
            let (sharpen, save_sharpened) = [(0.0, false), (0.5, false), (0.5, true)][(i + j) % 3];
            let params = EncodeParams {
                upsample_filter,
                downsample_filter: Filter::ALL[(i + 2 * j) % 3],
                subsamp,
                optl2: (i + j) % 2 == 0,
                sharpen,
                save_sharpened,
                ..EncodeParams::default()
            };
            let formats = formats();
            backends.agree(&format!("{params:?}"), &open, &params, &formats[(3 * i + j) % 4..][..1]);
        }
    }
    backends.ran_on_the_gpu();
}

#[test]
fn auto_measures_but_never_takes_a_software_adapter() {
    let _shared = shared();
    let scheduler = Scheduler::new(2).unwrap();
    let Some(gpu) = gpu::options("auto", Faults::default()) else { return };
    for task in [Task::Encode, Task::Decode] {
        let params = EncodeParams { optl2: true, ..EncodeParams::default() };
        let options =
            EngineOptions { gpu: gpu.clone(), params, ..EngineOptions::new(BackendChoice::Gpu, task) };
        let mut measured = Engine::new(options, &scheduler);
        let adapter = measured.adapter().unwrap();
        measured.measure(&scheduler);
        let (mode, reason) = (measured.mode().0, measured.mode().1.to_string());
        println!("{task:?}: {mode:?}: {reason}");
        for word in ["cpu", "gpu", "hybrid", "families a second", &adapter.name] {
            assert!(reason.contains(word), "{reason}");
        }
        assert_eq!(measured.stats(), EngineStats::default(), "measuring is not work");
        // Whatever was measured: software is no GPU.
        if adapter.is_software() {
            let options = EngineOptions { gpu: gpu.clone(), ..EngineOptions::new(BackendChoice::Auto, task) };
            let engine = Engine::new(options, &scheduler);
            assert_eq!(engine.mode().0, BackendMode::Cpu);
            assert!(engine.mode().1.to_string().contains("not a GPU"), "{}", engine.mode().1);
        }
    }
    let options =
        EngineOptions { families: Some(9), ..EngineOptions::new(BackendChoice::Auto, Task::Encode) };
    let engine = Engine::new(options, &scheduler);
    assert_eq!(engine.mode().0, BackendMode::Cpu);
    assert!(engine.mode().1.to_string().contains("9 families"), "{}", engine.mode().1);
}

#[test]
fn every_kernel_is_timed_by_bench_gpu() {
    let _shared = shared();
    let Some(adapter) = gpu::adapter("bench gpu") else { return };
    let args = ["bench", "gpu", "--kernels-only", "--json", "--gpu-adapter", &adapter];
    let report: serde_json::Value = serde_json::from_str(&origami(&args).ok().stdout).unwrap();
    for kernel in Kernel::ALL {
        let rows = report["kernels"].as_array().unwrap().iter().filter(|row| row["kernel"] == kernel.name());
        let timed =
            rows.filter(|row| row["us"].as_f64().unwrap() > 0.0 && row["of_ceiling"].as_f64().unwrap() > 0.0);
        assert!(timed.count() > 0, "{} is not timed: {report:#}", kernel.name());
    }
}
