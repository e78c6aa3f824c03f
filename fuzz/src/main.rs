//! One program for all targets: `FUZZ_TARGET` names the one that runs. `scripts/fuzz.sh` builds and runs them.
//!
//! A target takes bytes from outside through the library's public functions. Any result will do; a panic, an overflow, memory over the
//! limit and a run of many seconds are findings.
//!
//! | target | what the bytes are |
//! |---|---|
//! | `archive` | a bundle or pack; its checksums are made right after each mutation |
//! | `band` | the families of a part of a slide |
//! | `jpeg`, `context`, `lepton`, `vp8`, `jpegxl`, `jpeg2000` | a payload: width, height and sampling, then its bytes |
//! | `png` | a PNG tile |
//! | `dzi`, `zoomify`, `iiif_info`, `sidecar`, `szi` | a descriptor of a tree, what lies beside one, a tree in a zip file |
//! | `tiff`, `dicom`, `jpeg_slide` | a slide |
//! | `ome` | the OME-XML of a slide |
//! | `http`, `signed` | a request to a server: paths, queries, IIIF, headers; to one that asks for signatures |
//! | `tour` | the document of a tour, which is what a job renders |
//! | `manifest` | the manifest of an evaluation run |

#![no_main]

mod archive;
mod files;
mod payload;
mod server;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};

type Target = fn(&[u8]);

const TARGETS: [(&str, Target); 22] = [
    ("archive", archive::run),
    ("band", files::band),
    ("jpeg", payload::jpeg),
    ("context", payload::context),
    ("lepton", payload::lepton),
    ("vp8", payload::vp8),
    ("jpegxl", payload::jpegxl),
    ("jpeg2000", payload::jpeg2000),
    ("png", payload::png),
    ("dzi", files::dzi),
    ("zoomify", files::zoomify),
    ("iiif_info", files::iiif_info),
    ("sidecar", files::sidecar),
    ("szi", files::szi),
    ("tiff", files::tiff),
    ("dicom", files::dicom),
    ("jpeg_slide", files::jpeg_slide),
    ("ome", files::ome),
    ("http", server::open),
    ("signed", server::signed),
    ("tour", files::tour),
    ("manifest", files::manifest),
];

/// Targets in which a library of others may panic: the codec catches that and makes an error of it. Panics that nobody catches end the
/// process in every target.
const CAUGHT: [&str; 3] = ["archive", "jpegxl", "lepton"];

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

fuzz_target!(|data: &[u8]| target()(data));

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    match name() {
        "archive" => archive::mutate(data, size, max_size, seed),
        _ => fuzzer_mutate(data, size, max_size),
    }
});
