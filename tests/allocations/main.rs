//! In steady state a family takes no new memory for samples, coefficients or symbols, in either direction: only what comes in and goes out.
//!
//! A test program of its own, because its allocator counts.

#[path = "../kit/mod.rs"]
mod kit;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use origami::archive::FamilyRecord;
use origami::backend::{Backend, CpuBackend};
use origami::codec::{BaselineCoder, Entropy, ResidualCoder};
use origami::image::family::{DecodedFamily, Reconstruction, Want};
use origami::image::geometry::Geometry;
use origami::image::ycc::Sampling;
use origami::output::render::{Output, Renderer};
use origami::params::EncodeParams;
use origami::pyramid::tree::{Missing, Tree};
use origami::quality::presets::Preset;
use origami::residual::{FamilyDecoder, encode_family};
use pollster::block_on;

/// Bytes from which on memory counts: less than a row of blocks of L2 has.
const LEAST: usize = 4096;

thread_local! {
    /// How often this thread asked for so much memory.
    static TAKEN: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator, which counts.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn count(bytes: usize) {
    if bytes >= LEAST {
        TAKEN.set(TAKEN.get() + 1);
    }
}

// SAFETY: all calls go to the system's allocator as they come.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: by the contract of this function.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: by the contract of this function.
        unsafe { System.dealloc(pointer, layout) }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: by the contract of this function.
        unsafe { System.alloc_zeroed(layout) }
    }
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        count(bytes);
        // SAFETY: by the contract of this function.
        unsafe { System.realloc(pointer, layout, bytes) }
    }
}

/// How often `run` asks for memory once it has run some times.
fn taken(mut run: impl FnMut()) -> usize {
    for _ in 0..3 {
        run();
    }
    let before = TAKEN.get();
    run();
    TAKEN.get() - before
}

/// A tree of one family of tiles of 256 pixels and what is done with it.
struct Work {
    _dir: tempfile::TempDir,
    tree: Tree,
    geometry: Geometry,
}

impl Work {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let tree = Tree::open(&kit::slides::tree(dir.path(), 1024, 1024, 256, 1), Missing::Refuse).unwrap();
        let geometry = *tree.geometry();
        Self { _dir: dir, tree, geometry }
    }

    fn encoded(&self, params: &EncodeParams) -> FamilyRecord {
        let id = self.geometry.all_families().next().unwrap();
        let source = self.tree.family(id, params.upsample_filter).unwrap();
        block_on(encode_family(&CpuBackend::new(), params, source)).unwrap().into_record()
    }
}

/// Lepton, which codes the baselines of `archive` and `small`, takes memory of its own, and so does the encoder of the context coder.
fn params() -> [(&'static str, EncodeParams); 3] {
    let optl2 = EncodeParams { optl2: true, ..EncodeParams::default() };
    [("defaults", EncodeParams::default()), ("optL2", optl2), ("balanced", Preset::Balanced.params())]
}

#[test]
fn an_encode_takes_memory_for_files_and_payloads_alone() {
    let work = Work::new();
    for (name, params) in params() {
        let payloads = work.encoded(&params).payloads.len();
        let taken = taken(|| drop(work.encoded(&params)));
        assert_eq!(taken, 16 + payloads, "{name}: 16 files, {payloads} payloads");
    }
}

#[test]
fn a_decode_takes_memory_for_tiles_alone() {
    let work = Work::new();
    let backend = CpuBackend::new();
    let entropy = Entropy { baseline: BaselineCoder::Huffman, residual: ResidualCoder::Context };
    let by_context = EncodeParams { entropy, ..Preset::Archive.params() };
    for (name, params) in params().into_iter().chain([("archive without Lepton", by_context)]) {
        let (record, coding) = (work.encoded(&params), params.coding());
        let id = work.geometry.all_families().next().unwrap();
        let decoder = FamilyDecoder { geometry: &work.geometry, coding: &coding, id, record: &record };
        for want in [Want::Planes(Sampling::S420), Want::Planes(Sampling::S444), Want::Rgb] {
            let taken = taken(|| {
                let decoded = decoder.decode().unwrap();
                block_on(backend.reconstruct(&coding, &decoded, want)).unwrap().give_back();
                [decoded.baseline, decoded.residual].into_iter().for_each(|image| image.give_back());
            });
            assert_eq!(taken, 0, "{name}, {want:?}: planes given back");
            let (mut decoded, mut made) = (DecodedFamily::default(), Reconstruction::default());
            let taken = self::taken(|| {
                let whole = work.geometry.family_rect(id);
                decoder.decode_part(whole, &mut decoded).unwrap();
                let used = std::mem::take(&mut made);
                made = block_on(backend.reconstruct_into(&coding, &decoded, want, used)).unwrap();
            });
            assert_eq!(taken, 0, "{name}, {want:?}: planes kept");
        }
        let renderer = Renderer::new(work.geometry, params.upsample_filter, Output::default()).unwrap();
        let decoded = decoder.decode().unwrap();
        let made = block_on(backend.reconstruct(&coding, &decoded, renderer.want())).unwrap();
        let mut tiles = 0;
        let taken = taken(|| {
            let coded = renderer.tiles(id).map(|tile| renderer.cut(id, &made, tile).unwrap().len());
            tiles = coded.filter(|&bytes| bytes >= LEAST).count();
        });
        assert_eq!(taken, tiles, "{name}: tiles");
    }
}
