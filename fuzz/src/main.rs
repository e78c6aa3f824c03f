//! One program for all targets: `FUZZ_TARGET` names the one that runs. `scripts/fuzz.sh` builds and runs them.
//!
//! A target takes bytes from outside through the library's public functions. Any result will do; a panic, an overflow, memory over the
//! limit and a run of many seconds are findings.
//!
//! | target | what the bytes are |
//! |---|---|
//! | `archive` | a bundle or pack; its checksums are made right after each mutation |
//! | `sparse` | the beginning of one that is as long as its header says, all zeros from there on |
//! | `band` | the families of a part of a slide; with the same care for checksums |
//! | `jpeg`, `context`, `lepton`, `vp8`, `jpegxl`, `jpeg2000` | a payload: width, height and sampling, then its bytes |
//! | `jpegls` | a frame in JPEG-LS, of a slide in DICOM |
//! | `png` | a PNG tile |
//! | `icc` | a colour profile |
//! | `dzi`, `zoomify`, `iiif_info`, `sidecar`, `szi` | a descriptor of a tree, what lies beside one, a tree in a zip file |
//! | `tiff`, `dicom`, `jpeg_slide` | a slide |
//! | `ome` | the OME-XML of a slide of three pages |
//! | `attributes` | attributes of DICOM beside a slide |
//! | `http`, `signed` | a request to a server: paths, queries, bodies, IIIF, DICOMweb, headers; to one that asks for signatures or tokens |
//! | `annotations` | marks: the body of a request that changes them, or their file |
//! | `jobs` | the body of a request to the render service; a unit, a manifest |
//! | `tour` | the document of a tour, which is what a job renders |
//! | `manifest` | the manifest of an evaluation run |
//!
//! The settings of `serve` (TOML) are the operator's own, and read by the program, not the library. Captions have no files of their own: they
//! are part of a tour.

#![no_main]

mod archive;
mod band;
mod files;
mod jobs;
mod memory;
mod payload;
mod requests;
mod seeds;
mod server;
mod tiffs;

use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};

type Target = fn(&[u8]);

#[global_allocator]
static MEMORY: memory::Bounded = memory::Bounded;

const TARGETS: [(&str, Target); 28] = [
    ("archive", archive::run),
    ("sparse", archive::sparse),
    ("band", band::run),
    ("jpeg", payload::jpeg),
    ("context", payload::context),
    ("lepton", payload::lepton),
    ("vp8", payload::vp8),
    ("jpegxl", payload::jpegxl),
    ("jpeg2000", payload::jpeg2000),
    ("jpegls", payload::jpegls),
    ("png", payload::png),
    ("icc", payload::icc),
    ("dzi", files::dzi),
    ("zoomify", files::zoomify),
    ("iiif_info", files::iiif_info),
    ("sidecar", files::sidecar),
    ("szi", files::szi),
    ("tiff", files::tiff),
    ("dicom", files::dicom),
    ("jpeg_slide", files::jpeg_slide),
    ("ome", files::ome),
    ("attributes", files::attributes),
    ("http", server::open),
    ("signed", server::signed),
    ("annotations", server::annotations),
    ("jobs", jobs::run),
    ("tour", files::tour),
    ("manifest", files::manifest),
];

/// Targets in which a library of others may panic: the codec catches that and makes an error of it. Panics that nobody catches end the
/// process in every target.
const CAUGHT: [&str; 4] = ["archive", "sparse", "jpegxl", "lepton"];

fn name() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| std::env::var("FUZZ_TARGET").unwrap_or_default())
}

/// The target that was asked for.
fn target() -> Target {
    static TARGET: OnceLock<Target> = OnceLock::new();
    *TARGET.get_or_init(|| {
        if CAUGHT.contains(&name()) {
            static SAID: AtomicU32 = AtomicU32::new(0);
            std::panic::set_hook(Box::new(|panic| {
                if SAID.fetch_add(1, Relaxed) < 20 {
                    eprintln!("{panic}");
                }
            }));
        }
        let found = TARGETS.iter().find(|(known, _)| *known == name());
        found.unwrap_or_else(|| panic!("FUZZ_TARGET={:?} is no target", name())).1
    })
}

/// Writes seeds and ends, where that is asked for.
fn begin() {
    if let Some(folder) = std::env::var_os("FUZZ_SEEDS") {
        seeds::write(Path::new(&folder));
        std::process::exit(0);
    }
}

fuzz_target!(init: begin(), |data: &[u8]| {
    target()(data);
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    match name() {
        "archive" => archive::mutate(data, size, max_size, seed),
        "band" => band::mutate(data, size, max_size, seed),
        _ => fuzzer_mutate(data, size, max_size),
    }
});
