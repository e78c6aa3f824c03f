//! Processor, memory and libraries, as far as the system reports them.

use std::thread::available_parallelism;

use origami::backend::scheduler::free_memory_bytes;
use origami::codec::{EncoderKind, JpegSimd, jpeg_simd, jpeg_version};
use origami::kernels::level::Level;
use origami::slide::openslide_library;
use serde::Serialize;

/// The features of the crate, and whether this build has them.
pub const FEATURES: [(&str, bool); 20] = [
    ("cli", cfg!(feature = "cli")),
    ("gpu", cfg!(feature = "gpu")),
    ("jobs", cfg!(feature = "jobs")),
    ("jpegli", cfg!(feature = "jpegli")),
    ("jpegls", cfg!(feature = "jpegls")),
    ("jpegxl", cfg!(feature = "jpegxl")),
    ("lepton", cfg!(feature = "lepton")),
    ("mozjpeg", cfg!(feature = "mozjpeg")),
    ("nats", cfg!(feature = "nats")),
    ("openslide", cfg!(feature = "openslide")),
    ("otel", cfg!(feature = "otel")),
    ("pixels", cfg!(feature = "pixels")),
    ("plot", cfg!(feature = "plot")),
    ("remote", cfg!(feature = "remote")),
    ("rocksdb", cfg!(feature = "rocksdb")),
    ("serve", cfg!(feature = "serve")),
    ("tour", cfg!(feature = "tour")),
    ("webp", cfg!(feature = "webp")),
    ("metal", cfg!(feature = "metal")),
    ("dx12", cfg!(feature = "dx12")),
];

#[derive(Serialize)]
pub struct Cpu {
    /// From `/proc/cpuinfo`; x86-64 only.
    pub model: Option<String>,
    /// Cores that this process may use.
    pub cores: usize,
    /// Instruction set of the kernels.
    pub level: &'static str,
    /// The best instruction set of this processor.
    pub best_level: &'static str,
    /// Whether `ORIGAMI_CPU` lowered `level`.
    pub lowered: bool,
    pub free_memory_bytes: Option<u64>,
}

impl Cpu {
    pub fn detect() -> Self {
        let (level, best) = (Level::current(), Level::best());
        Self {
            model: std::fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| model(&text)),
            cores: available_parallelism().map_or(1, |n| n.get()),
            level: level.name(),
            best_level: best.name(),
            lowered: level != best,
            free_memory_bytes: free_memory_bytes(),
        }
    }
}

fn model(cpuinfo: &str) -> Option<String> {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"))?;
    let name = line.split_once(':')?.1.trim();
    (!name.is_empty()).then(|| name.into())
}

#[derive(Serialize)]
pub struct Jpeg {
    pub library: &'static str,
    pub version: String,
    pub simd: JpegSimd,
}

impl Jpeg {
    pub fn detect() -> Self {
        Self { library: "libjpeg-turbo", version: jpeg_version(), simd: jpeg_simd() }
    }
}

#[derive(Serialize)]
pub struct OpenSlide {
    pub found: bool,
    /// The loaded file.
    pub library: Option<String>,
    pub version: Option<String>,
    /// Why OpenSlide is missing, and what to install.
    pub problem: Option<String>,
}

impl OpenSlide {
    pub fn detect() -> Self {
        match openslide_library() {
            Ok(it) => Self { found: true, library: Some(it.file), version: Some(it.version), problem: None },
            Err(problem) => Self { found: false, library: None, version: None, problem: Some(problem) },
        }
    }
}

#[derive(Serialize)]
pub struct Encoders {
    /// Values of `--encoder` in this build.
    pub built: Vec<&'static str>,
    /// The loaded libjxl.
    pub libjxl: Option<String>,
    /// Why libjxl is missing, and what to install; absent in a build that does not use it.
    pub libjxl_problem: Option<String>,
}

impl Encoders {
    pub fn detect() -> Self {
        let built = EncoderKind::ALL.into_iter().filter(|kind| kind.is_built()).map(EncoderKind::name);
        #[cfg(feature = "jpegxl")]
        let (libjxl, libjxl_problem) = match origami::codec::libjxl_state() {
            Ok(found) => (Some(found), None),
            Err(problem) => (None, Some(problem)),
        };
        #[cfg(not(feature = "jpegxl"))]
        let (libjxl, libjxl_problem) = (None, None);
        Self { built: built.collect(), libjxl, libjxl_problem }
    }
}

/// Whether NVIDIA's kernel driver is present: `/dev/nvidia0`, `/dev/nvidiactl`.
pub fn has_nvidia_files() -> bool {
    let devices = std::fs::read_dir("/dev").into_iter().flatten().flatten();
    devices.into_iter().any(|entry| entry.file_name().to_string_lossy().starts_with("nvidia"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_is_what_follows_the_first_colon() {
        let text = "processor\t: 0\nmodel\t\t: 85\nmodel name\t: Xeon: Gold\nprocessor\t: 1\n";
        assert_eq!(model(text).as_deref(), Some("Xeon: Gold"));
        assert_eq!(model("processor\t: 0\nBogoMIPS\t: 50.00\n"), None);
        assert_eq!(model("model name\t:\n"), None);
    }

    #[test]
    fn every_feature_of_the_crate_is_named() {
        let manifest: toml::Table = include_str!("../../../Cargo.toml").parse().unwrap();
        let features = manifest["features"].as_table().unwrap().keys().map(String::as_str);
        let known: std::collections::BTreeSet<_> = features.filter(|&name| name != "default").collect();
        assert_eq!(
            super::FEATURES.iter().map(|(name, _)| *name).collect::<std::collections::BTreeSet<_>>(),
            known
        );
    }
}
