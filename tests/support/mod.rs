//! What the tests share: slides, trees and archives made in code, and the built binary.
//!
//! Everything is deterministic and lies in a temporary directory. Knows nothing of what a test asserts.
#![allow(dead_code, reason = "each test binary uses a part of this")]

pub mod forge;
#[path = "../common/rng.rs"]
mod rng;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use origami::archive::{Archive, BUNDLE_NAME, PACK_DIR};
use origami::backend::CpuBackend;
use origami::backend::scheduler::Scheduler;
use origami::codec::{Sampling, encode_png};
use origami::coding::EncodeParams;
use origami::encode::{EncodeOptions, encode};
use origami::error::Error;
use origami::pyramid::build::{BuildOptions, build};
use origami::pyramid::slide::{OpenOptions, OpenSlideUse, Slide};
use origami::pyramid::source::Source;
use origami::pyramid::tree::{Missing, Tree};
use origami::pyramid::write::Existing;
use origami::verify::{Verified, verify};

pub use rng::Rng as Random;

/// RGB that looks a little like tissue: smooth colour, some edges, some noise.
pub fn picture(width: usize, height: usize, seed: u64) -> Vec<u8> {
    let mut random = Random(seed);
    let mut rgb = Vec::with_capacity(3 * width * height);
    for y in 0..height {
        for x in 0..width {
            let wave = |k: usize| (((x * k + y * (5 - k)) as f64 / 23.0).sin() * 50.0) as i32;
            let cell = if (x / 9 + y / 7) % 5 == 0 { -60 } else { 0 };
            let noise = (random.next() % 13) as i32;
            rgb.extend(
                [0, 1, 2].map(|c| (200 - 30 * c + wave(c as usize + 1) + cell + noise).clamp(0, 255) as u8),
            );
        }
    }
    rgb
}

/// Writes [`picture`] as a PNG.
pub fn png(path: &Path, width: usize, height: usize, seed: u64) {
    let bytes = encode_png(&picture(width, height, seed), 3, width, height).unwrap();
    fs::write(path, bytes).unwrap();
}

/// A tree of [`picture`] in `dir/baseline_pyramid.dzi`, with a colour profile beside it.
pub fn tree(dir: &Path, width: usize, height: usize, tile: u32, seed: u64) -> PathBuf {
    fs::create_dir_all(dir).unwrap();
    let image = dir.join("slide.png");
    png(&image, width, height, seed);
    let open = OpenOptions { openslide: OpenSlideUse::Never, ..OpenOptions::default() };
    let mut slide = Slide::open(&image, &open).unwrap();
    slide.info.icc_profile = Some(b"not a real profile, but bytes are bytes".to_vec());
    let options =
        BuildOptions { tile, quality: 90, sampling: Sampling::S420, png: false, existing: Existing::Keep };
    let dzi = build(&mut slide, dir, &options, &Scheduler::new(1).unwrap(), &|_| ()).unwrap();
    fs::remove_file(image).unwrap();
    dzi
}

/// Encodes a tree with packs; returns the bundle.
pub fn encode_tree(dzi: &Path, out: &Path, params: &EncodeParams) -> PathBuf {
    let mut source = Source::Tree(Box::new(Tree::open(dzi, Missing::Refuse).unwrap()));
    let options = EncodeOptions { packs: true, ..EncodeOptions::default() };
    let scheduler = Scheduler::new(1).unwrap();
    encode(&mut source, out, params, &options, &CpuBackend::new(), &scheduler, &|_| ()).unwrap();
    out.join(PACK_DIR).join(BUNDLE_NAME)
}

/// A small slide as the corruption tests want it: four families, three of them partial, and small levels.
pub struct Small {
    /// Keeps the files.
    pub dir: tempfile::TempDir,
    /// The tree.
    pub dzi: PathBuf,
    /// The bundle; packs lie beside it.
    pub bundle: PathBuf,
}

impl Small {
    /// 150x130 pixels in tiles of 32.
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let dzi = tree(&dir.path().join("tree"), 150, 130, 32, 1);
        let bundle = encode_tree(&dzi, &dir.path().join("out"), &EncodeParams::default());
        Self { dir, dzi, bundle }
    }

    /// A path in the temporary directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The pack of family 0_0.
    pub fn pack(&self) -> PathBuf {
        self.bundle.with_file_name("0_0.pack")
    }
}

/// Opens and verifies an archive in memory, under the name `forged`.
pub fn check(bytes: &[u8], deep: bool, scheduler: &Scheduler) -> Result<Verified, Error> {
    let archive = Archive::from_store(Path::new("forged"), Box::new(bytes.to_vec()))?;
    verify(&archive, deep, &CpuBackend::new(), scheduler)
}

/// What a run of the program gave.
#[derive(Debug)]
pub struct Ran {
    /// Exit code; `None` where a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl From<Output> for Ran {
    fn from(out: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self { code: out.status.code(), stdout: text(out.stdout), stderr: text(out.stderr) }
    }
}

impl Ran {
    /// Panics unless it succeeded.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }

    /// Panics unless it failed as a program should: exit code 1, one line on standard error with every one of `says`, no panic.
    #[track_caller]
    pub fn fails(self, says: &[&str]) -> Self {
        assert_eq!(self.code, Some(1), "{self:?}");
        assert_eq!(self.stderr.trim_end().lines().count(), 1, "one line: {self:?}");
        assert!(self.stderr.starts_with("origami: "), "{self:?}");
        assert!(self.stdout.is_empty(), "{self:?}");
        self.says(says)
    }

    /// Panics unless the command line was refused: exit code 2 with every one of `says`.
    #[track_caller]
    pub fn refused(self, says: &[&str]) -> Self {
        assert_eq!(self.code, Some(2), "{self:?}");
        self.says(says)
    }

    #[track_caller]
    fn says(self, says: &[&str]) -> Self {
        for word in says {
            assert!(self.stderr.contains(word), "no {word:?} in {self:?}");
        }
        assert!(!self.stderr.contains("panicked"), "{self:?}");
        self
    }
}

/// The program under test.
pub fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_origami"))
}

/// Runs the program. Arguments that are empty are left out.
pub fn origami(args: &[&str]) -> Ran {
    program().args(args.iter().filter(|a| !a.is_empty())).output().unwrap().into()
}

/// A path as an argument.
pub fn arg(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// All files and directories under `dir`, relative, sorted.
pub fn listing(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut todo = vec![dir.to_path_buf()];
    while let Some(at) = todo.pop() {
        for entry in fs::read_dir(&at).into_iter().flatten() {
            let path = entry.unwrap().path();
            found.push(path.strip_prefix(dir).unwrap().to_str().unwrap().to_string());
            if path.is_dir() {
                todo.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Panics if anything with `.part` in its name is left under `dir`.
#[track_caller]
pub fn no_leftovers(dir: &Path) {
    let left: Vec<_> = listing(dir).into_iter().filter(|name| name.contains(".part")).collect();
    assert!(left.is_empty(), "left in {}: {left:?}", dir.display());
}

/// Panics if anything stands under a final name of `encode`, `pyramid` or `decode`, or a temporary one is left.
#[track_caller]
pub fn nothing_written(dir: &Path) {
    let names = ["residuals.bundle", ".pack", "_pyramid.dzi", "_pyramid_files", ".json", ".icc", ".part"];
    let left: Vec<_> =
        listing(dir).into_iter().filter(|path| names.iter().any(|name| path.contains(name))).collect();
    assert!(left.is_empty(), "left in {}: {left:?}", dir.display());
}

/// All files under `dir` with their bytes.
pub fn contents(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let files = listing(dir).into_iter().filter(|name| dir.join(name).is_file());
    files.map(|name| (name.clone(), fs::read(dir.join(&name)).unwrap())).collect()
}

/// The folder of test data that is not in the repository; says so where there is none.
pub fn test_data(test: &str) -> Option<PathBuf> {
    let found = std::env::var_os("ORIGAMI_TEST_DATA").map(PathBuf::from);
    if found.is_none() {
        println!("SKIPPED: {test}: set ORIGAMI_TEST_DATA to the folder that holds torture/ and dev/");
    }
    found
}
