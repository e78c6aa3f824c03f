//! Small slides as files: a PNG, a tree that the library builds, an archive of it.

use std::fs;
use std::path::{Path, PathBuf};

use origami::backend::scheduler::Scheduler;
use origami::encode::EncodeOptions;
use origami::image::ycc::Sampling;
use origami::params::EncodeParams;
use origami::pyramid::build::{BuildOptions, build};
use origami::pyramid::write::Existing;

use super::image::Image;
use super::pipeline::{encode_to, open_slide, tree_source};

/// Writes [`Image::cells`] as a PNG.
pub fn write_png(path: &Path, width: usize, height: usize, seed: u64) {
    fs::write(path, Image::cells(width, height, seed).png()).unwrap();
}

/// A tree of [`Image::cells`] in `dir/baseline_pyramid.dzi`, with a colour profile beside it.
pub fn tree(dir: &Path, width: usize, height: usize, tile: u32, seed: u64) -> PathBuf {
    fs::create_dir_all(dir).unwrap();
    let image = dir.join("slide.png");
    write_png(&image, width, height, seed);
    let mut slide = open_slide(&image);
    slide.info.icc_profile = Some(b"not a real profile, but bytes are bytes".to_vec());
    let options =
        BuildOptions { tile, quality: 90, sampling: Sampling::S420, png: false, existing: Existing::Keep };
    let dzi = build(&mut slide, dir, &options, &Scheduler::new(1).unwrap(), &|_| ()).unwrap();
    fs::remove_file(image).unwrap();
    dzi
}

/// Encodes a tree with packs; returns the bundle, which has the packs beside it.
pub fn encode_tree(dzi: &Path, out: &Path, params: &EncodeParams) -> PathBuf {
    let options = EncodeOptions { packs: true, ..EncodeOptions::default() };
    encode_to(tree_source(dzi), out, params, &options).unwrap().bundle
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
