//! Threads that compute are not held by a store that does not answer: while the bytes of one family are waited for, the only thread works
//! on the others. What is counted is work that is done, not time.

use std::collections::BTreeMap;
use std::io::{Cursor, Write};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use origami::backend::CpuBackend;
use origami::backend::scheduler::Scheduler;
use origami::error::Error;
use origami::image::geometry::Geometry;
use origami::kernels::taps::Filter;
use origami::params::EncodeParams;
use origami::pyramid::source::Source;
use origami::pyramid::tree::{Missing, Tree};
use origami::quality::search::{QualityTarget, search_quality};
use origami::slide::{OpenOptions, Slide};
use tiff::decoder::Decoder;
use tiff::encoder::{Compression, TiffEncoder, colortype};
use tiff::tags::Tag;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::kit::files::contents;
use crate::kit::object_server::ObjectServer;
use crate::kit::rng::Rng;
use crate::kit::slides::tree;
use crate::storage::server;

const TILE: u32 = 64;

/// Reads all families of a source with one thread. The store keeps back what one of them needs until so many others are done.
fn others_are_read(server: &ObjectServer, mut source: Source, others: usize) -> usize {
    let (done, families) = (AtomicUsize::new(0), source.geometry().family_count() as usize);
    let scheduler = Scheduler::new(1).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let start = Instant::now();
            let is_stuck = || start.elapsed() > Duration::from_secs(60);
            while (done.load(SeqCst) < others || server.held() == 0) && !is_stuck() {
                std::thread::sleep(Duration::from_millis(1));
            }
            let stuck = is_stuck();
            server.release();
            assert!(!stuck, "{} of {others} are done while one is waited for", done.load(SeqCst));
        });
        let jobs = source.jobs(Filter::Lanczos3, 0..usize::MAX).map(|job| Ok::<_, Error>(job?));
        let (done, sink) = (&done, |_| Ok(()));
        let read = scheduler.pipelined(
            0,
            1,
            jobs,
            |job| async move {
                let loaded = job.run().await?;
                done.fetch_add(1, SeqCst);
                Ok(loaded.family.id)
            },
            sink,
        );
        read.unwrap();
    });
    assert_eq!(done.load(SeqCst), families);
    families
}

#[test]
fn a_slide_is_read_on_while_one_family_is_waited_for() {
    let (server, dir) = (server(), tempfile::tempdir().unwrap());
    let path = dir.path().join("slide.tif");
    let mut rng = Rng(7);
    // Noise, which no strip makes smaller.
    let noise: Vec<u8> = (0..256 * 2560 * 3).map(|_| rng.next() as u8).collect();
    let mut file = std::fs::File::create(&path).unwrap();
    let mut encoder = TiffEncoder::new(&mut file).unwrap().with_compression(Compression::Lzw);
    let mut writer = encoder.new_image::<colortype::RGB8>(256, 2560).unwrap();
    writer.rows_per_strip(256).unwrap();
    writer.write_data(&noise).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let starts = Decoder::new(Cursor::new(&bytes)).unwrap().get_tag_u64_vec(Tag::StripOffsets).unwrap();
    let far = server.put("b/slide.tif", &bytes);
    let slide = Slide::open(Path::new(&far), &OpenOptions::default()).unwrap();
    let geometry = Geometry::new(256, 2560, TILE).unwrap();
    // The middle of the second of ten families, each a strip. At most three jobs of one thread are in flight, and the next family begins
    // in a block of this one.
    let middle = (starts[1] + starts[2]) as usize / 2;
    server.hold("slide.tif", middle..middle + 1);
    assert_eq!(others_are_read(&server, Source::Slide(Box::new(slide), geometry), 2), 10);
}

#[test]
fn a_tree_is_read_on_while_one_tile_is_waited_for() {
    let (server, dir) = (server(), tempfile::tempdir().unwrap());
    tree(dir.path(), 256, 2560, TILE, 3);
    let mut far = String::new();
    for (name, bytes) in contents(dir.path()) {
        let address = server.put(&format!("b/{name}"), &bytes);
        far = if name.ends_with(".dzi") { address } else { far };
    }
    let tree = Tree::open(Path::new(&far), Missing::Refuse).unwrap();
    server.hold("12/1_5.jpg", 0..usize::MAX);
    assert_eq!(others_are_read(&server, Source::Tree(Box::new(tree)), 3), 10);
}

#[test]
fn a_tree_in_a_zip_is_read_on_while_one_tile_is_waited_for() {
    let (server, dir) = (server(), tempfile::tempdir().unwrap());
    tree(dir.path(), 256, 2560, TILE, 3);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let waited_for = "baseline_pyramid_files/12/1_5.jpg";
    let mut put = |name: &str, bytes: &[u8]| {
        zip.start_file(format!("slide/{name}"), options).unwrap();
        zip.write_all(bytes).unwrap();
    };
    for (name, bytes) in contents(dir.path()) {
        // Blocks without tiles on either side, more than one request spans: the store keeps back this tile alone.
        let between = vec![0; if name == waited_for { 256 << 10 } else { 0 }];
        put(&format!("before/{name}.bin"), &between);
        put(&name, &bytes);
        put(&format!("after/{name}.bin"), &between);
    }
    // The end of the file comes with the directory.
    put("end.bin", &vec![0; 1 << 20]);
    let zip = zip.finish().unwrap().into_inner();
    let tile = std::fs::read(dir.path().join(waited_for)).unwrap();
    let at = zip.windows(tile.len()).position(|window| window == tile).unwrap() + tile.len() / 2;
    let far = server.put("b/slide.szi", &zip);
    let tree = Tree::open(Path::new(&far), Missing::Refuse).unwrap();
    server.hold("slide.szi", at..at + 1);
    assert_eq!(others_are_read(&server, Source::Tree(Box::new(tree)), 3), 10);
}

#[test]
fn of_families_that_are_not_sampled_nothing_is_asked_for() {
    let (server, dir) = (server(), tempfile::tempdir().unwrap());
    // 56 families, of which a search of the quality takes 32.
    tree(dir.path(), 1024, 896, 32, 3);
    let mut far = String::new();
    for (name, bytes) in contents(dir.path()) {
        let address = server.put(&format!("sampled/{name}"), &bytes);
        far = if name.ends_with(".dzi") { address } else { far };
    }
    let mut source = Source::Tree(Box::new(Tree::open(Path::new(&far), Missing::Refuse).unwrap()));
    server.seen();
    let params_at = |residual_quality| EncodeParams { residual_quality, ..EncodeParams::default() };
    let (backend, scheduler) = (CpuBackend::new(), Scheduler::new(1).unwrap());
    let target = QualityTarget::Bytes(1 << 30);
    search_quality(&mut source, None, target, &params_at, &backend, &scheduler).unwrap();
    let mut asked = BTreeMap::<_, usize>::new();
    for seen in server.seen().iter().filter(|seen| seen.method == "GET") {
        let Some((_, tile)) = seen.path.split_once("_files/10/") else { continue };
        let (x, y) = tile.strip_suffix(".jpg").unwrap().split_once('_').unwrap();
        let [x, y] = [x, y].map(|number| number.parse::<u32>().unwrap());
        *asked.entry((x / 4, y / 4)).or_default() += 1;
    }
    assert_eq!(asked.len(), 32, "{asked:?}");
    assert!(asked.values().all(|tiles| *tiles == 16), "{asked:?}");
}
