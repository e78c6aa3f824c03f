//! The memory of the built server under load, for each kind of slide, against what `docs/operate.md` says that it takes at most.

mod others;
mod scanned;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::kit::forge::Forge;
use crate::kit::image::Image;
use crate::kit::jpeg::baseline;
use crate::kit::pipeline::{encode_to, tree_source};
use crate::kit::program::program;
use crate::kit::slides::tree;
use crate::kit::trees::{Layout, write_tree};
use crate::running::{Running, request, wait_until};
use origami::encode::EncodeOptions;
use origami::image::geometry::{Geometry, TileId};
use origami::image::ycc::Sampling;
use origami::params::EncodeParams;
use origami::serve::{MemoryPart, ServeOptions, ThreadCounts, memory_bound};

/// Memory for requests, and for tiles.
const REQUEST_MIB: u64 = 64;
const CACHE_MIB: u64 = 1;
/// Threads that compute, that serve connections, that read files.
const THREADS: [u64; 3] = [4, 2, 16];
const CONNECTIONS: usize = 48;

/// What a server with these flags takes at most, in MiB, of tiles of this side and of so many scanned slides that are large, without large
/// images. Of other scanned slides it keeps few decoded parts.
fn limit_mib(tile: u32, scanned: usize) -> u64 {
    let mut options = ServeOptions::default();
    (options.cache.max_memory_bytes, options.limits.max_request_bytes) = (CACHE_MIB << 20, REQUEST_MIB << 20);
    options.limits.max_connections = CONNECTIONS;
    let [compute, connections, files] = THREADS;
    let threads = ThreadCounts { compute, connections, files };
    let parts = memory_bound(&options, threads, tile, scanned, 0);
    let parts = parts.iter().filter(|(of, _)| *of != MemoryPart::LargeImage);
    parts.map(|(_, bytes)| bytes).sum::<u64>().div_ceil(1 << 20)
}

/// The sum of the page for the defaults, on two cores.
#[test]
fn the_parts_are_those_of_the_page() {
    let options = ServeOptions::default();
    let threads = ThreadCounts { compute: 2, connections: 8, files: 32 };
    let mib = |part| {
        let parts = memory_bound(&options, threads, 256, 100, 64 << 20);
        parts.iter().find(|(of, _)| *of == part).map(|(_, bytes)| bytes >> 20).unwrap()
    };
    let page = include_str!("../../docs/operate.md");
    for (part, want, said) in [
        (
            MemoryPart::Tiles,
            352,
            "| tiles in memory | `--cache-mb`, a quarter of it for bookkeeping, and an eighth",
        ),
        (MemoryPart::Requests, 1024, "`--request-mb`, and what one family takes beyond a quarter of it"),
        (MemoryPart::LargeImage, 0, "exceed half of `--request-mb` by: nothing from 1 GiB on"),
        (
            MemoryPart::DiskCache,
            0,
            "32 MiB for its index, and three tables being filled and written, each a 64th",
        ),
        (MemoryPart::Connections, 1024, "| connections | 256 KiB each |"),
        (MemoryPart::Computing, 32, "16 MiB each"),
        (MemoryPart::OtherThreads, 80, "2 MiB each; 40 by default"),
        (MemoryPart::ScannedSlides, 3072, "as many as there are, 8 at a time | 384 MiB each"),
        (MemoryPart::Blocks, 64, "#caches), where slides are at one | `--block-cache-mb` |"),
        (MemoryPart::Program, 64, "| the program | 64 MiB |"),
    ] {
        assert_eq!(mib(part), want, "{}", part.name());
        assert!(page.contains(said), "docs/operate.md has no {said:?}");
    }
}

/// What the page says that a server of bundles with 2 GB may have, with a cache on disk.
#[test]
fn the_settings_for_two_gigabytes_are_enough() {
    let page = include_str!("../../docs/operate.md");
    let (_, settings) = page.split_once("**For 2 GB**").unwrap();
    let of = |name: &str| -> u64 {
        let line = settings.lines().find_map(|line| line.strip_prefix(&format!("{name} = ")));
        line.unwrap().parse().unwrap()
    };
    let mut options = ServeOptions::default();
    options.cache.max_memory_bytes = of("cache-mb") << 20;
    options.cache.dir = Some("cache".into());
    options.limits.max_request_bytes = of("request-mb") << 20;
    options.limits.max_connections = of("max-connections") as usize;
    let sum = |compute, scanned| -> u64 {
        let threads = ThreadCounts { compute, connections: 8, files: 32 };
        memory_bound(&options, threads, 256, scanned, 0).iter().map(|(_, bytes)| bytes).sum()
    };
    assert!(sum(16, 0) <= 2_000_000_000, "{}", sum(16, 0));
    assert_eq!((sum(4, 0) * 10 + (1 << 29)) >> 30, 17, "1.7 GiB");
    assert_eq!(sum(4, 2) - sum(4, 0), 768 << 20);
}

/// All paths, asked for at once by many clients, each on a connection of its own; 503 is an answer.
fn load(server: &Running, paths: &[String]) {
    let (next, served) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..CONNECTIONS {
            scope.spawn(|| {
                while let Some(path) = paths.get(next.fetch_add(1, Relaxed)) {
                    let status = request(&server.address, "GET", path, &[]).status;
                    assert!(status == 200 || status == 503, "{path}: {status}");
                    served.fetch_add(usize::from(status == 200), Relaxed);
                }
            });
        }
    });
    assert!(2 * served.load(Relaxed) > paths.len(), "{} of {}", served.load(Relaxed), paths.len());
}

/// A server of little memory, with further flags.
fn start(program: &mut Command, root: &Path, flags: &[&str]) -> Running {
    let [request, cache] = [REQUEST_MIB, CACHE_MIB].map(|n| n.to_string());
    let [compute, connect, read] = THREADS.map(|n| n.to_string());
    let all = [
        &["--request-mb", &request, "--cache-mb", &cache, "--queue-timeout-ms", "120s"][..],
        &["--rayon-threads", &compute, "--tokio-workers", &connect, "--tokio-blocking-threads", &read],
        flags,
    ]
    .concat();
    Running::of(program, root, &all)
}

/// The addresses of all tiles of a slide, those of L0 first.
fn tiles_of(slide: &str, geometry: &Geometry) -> Vec<String> {
    let tiles = (0..=geometry.top_level()).rev().flat_map(|level| {
        let (columns, rows) = geometry.tiles(level);
        (0..rows).flat_map(move |y| (0..columns).map(move |x| TileId { level, x, y }))
    });
    tiles.map(|TileId { level, x, y }| format!("/tiles/{slide}/{level}/{x}_{y}.jpg")).collect()
}

/// Fails where the server has taken more than it may; what it has taken, in MiB.
fn holds(kind: &str, server: &Running, limit: u64) -> u64 {
    // The rest of a family is made after its answers.
    wait_until("bytes stay taken", || server.figure("origami_requests_bytes") == 0.0);
    let peak = server.memory_kib("VmHWM") / 1024;
    println!("{kind}: at most {peak} MiB of {limit} MiB");
    assert!(peak <= limit, "{kind}: {peak} MiB, more than the {limit} MiB that its flags allow");
    peak
}

/// Serves the slide `one` and asks for its tiles, or for images.
fn takes_no_more(kind: &str, root: &Path, geometry: &Geometry, flags: &[&str], images: &[&str]) {
    let server = start(&mut program(), root, flags);
    assert_eq!(server.get("/api/slides/one").status, 200, "{kind}");
    let mut paths = tiles_of("one", geometry);
    if !images.is_empty() {
        paths = (0..40).flat_map(|_| images.iter().map(|image| (*image).to_string())).collect();
    }
    load(&server, &paths);
    holds(kind, &server, limit_mib(geometry.tile(), 0));
}

/// A root with the bundle of an image in tiles of some size.
fn bundle(image: &Image, tile: u32, params: &EncodeParams) -> (tempfile::TempDir, Geometry) {
    let (root, work) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let layout = Layout { tile, overlap: 0, format: "jpg" };
    let dzi = write_tree(work.path(), "one", image, layout, &|_, part| baseline(part, Sampling::S420));
    let made = encode_to(tree_source(&dzi), work.path(), params, &EncodeOptions::default()).unwrap();
    fs::copy(made.bundle, root.path().join("one.bundle")).unwrap();
    (root, Geometry::new(image.width as u32, image.height as u32, tile).unwrap())
}

#[test]
fn families_and_their_small_levels() {
    let image = Image::cells(4096, 3072, 3);
    let (root, geometry) = bundle(&image, 256, &EncodeParams::default());
    takes_no_more("bundle", root.path(), &geometry, &[], &[]);
    takes_no_more("bundle, 4:4:4", root.path(), &geometry, &["--tile-subsamp", "444"], &[]);
    takes_no_more("bundle, webp", root.path(), &geometry, &["--output-format", "webp"], &[]);
    let params = EncodeParams { chroma_residual_quality: Some(60), ..EncodeParams::default() };
    let (root, geometry) = bundle(&image, 256, &params);
    takes_no_more("bundle with residuals of chroma", root.path(), &geometry, &[], &[]);
}

#[test]
fn large_tiles() {
    let (root, geometry) = bundle(&Image::cells(4096, 4096, 3), 512, &EncodeParams::default());
    takes_no_more("bundle in tiles of 512", root.path(), &geometry, &[], &[]);
}

/// Planes of all families at once would be 768 MiB.
#[test]
fn many_families_of_large_tiles_at_once() {
    let (root, _) = bundle(&Image::cells(2048, 2048, 3), 512, &EncodeParams::default());
    let path = root.path().join("one.bundle");
    let forged = Forge::new(&fs::read(&path).unwrap()).repeated(8 * 2048, 4 * 2048);
    fs::write(&path, forged.bytes()).unwrap();
    let geometry = Geometry::new(forged.width, forged.height, 512).unwrap();
    let server = start(&mut program(), root.path(), &["--max-inflight-families", "32"]);
    let first = |id| geometry.family_tiles(id, 0).next().unwrap();
    let paths: Vec<_> = geometry
        .all_families()
        .map(first)
        .map(|TileId { level, x, y }| format!("/tiles/one/{level}/{x}_{y}.jpg"))
        .collect();
    assert_eq!(paths.len(), 32);
    load(&server, &paths);
    holds("32 families of tiles of 512 at once", &server, limit_mib(512, 0));
}

#[cfg(all(feature = "lepton", feature = "webp"))]
#[test]
fn original_tiles() {
    let params = EncodeParams { originals: true, ..EncodeParams::default() };
    let (root, geometry) = bundle(&Image::cells(3072, 2048, 3), 256, &params);
    takes_no_more("lossless bundle", root.path(), &geometry, &[], &[]);
    takes_no_more("lossless bundle, webp", root.path(), &geometry, &["--output-format", "webp"], &[]);
}

#[test]
fn trees() {
    let root = tempfile::tempdir().unwrap();
    tree(&root.path().join("one"), 4096, 3072, 256, 3);
    let geometry = Geometry::new(4096, 3072, 256).unwrap();
    takes_no_more("tree", root.path(), &geometry, &[], &[]);
    takes_no_more("tree, webp", root.path(), &geometry, &["--output-format", "webp"], &[]);
    let root = tempfile::tempdir().unwrap();
    let layout = Layout { tile: 254, overlap: 1, format: "png" };
    write_tree(root.path(), "one", &Image::cells(3048, 2032, 3), layout, &|_, part| part.png());
    takes_no_more("tree that overlaps", root.path(), &Geometry::new(3048, 2032, 254).unwrap(), &[], &[]);
}

#[test]
fn images_of_any_size() {
    let (root, geometry) = bundle(&Image::cells(3072, 2048, 3), 256, &EncodeParams::default());
    let images = [
        "/iiif/3/one/full/1024,/0/default.jpg",
        "/iiif/3/one/0,0,1024,1024/max/0/default.png",
        "/iiif/3/one/full/,1000/90/gray.jpg",
        "/iiif/3/one/512,512,1024,512/512,/180/default.png",
    ];
    takes_no_more("images", root.path(), &geometry, &[], &images);
    let rectangles = [
        "/api/slides/one/region?x=0&y=0&w=2048&h=1024&format=png&scale=0.5",
        "/api/slides/one/region?x=700&y=300&w=1024&h=1024&format=raw",
        "/api/slides/one/region?x=1&y=2&w=3000&h=2000&format=jpeg&scale=1/3",
        "/api/slides/one/region?x=512&y=512&w=1024&h=512&format=webp&level=1",
    ];
    takes_no_more("rectangles", root.path(), &geometry, &[], &rectangles);
}
