//! What a bundle must not depend on: threads, the way in, what else is in the directory.

use std::fs;
use std::path::Path;

use crate::kit::files::contents;
use crate::kit::image::Image;
use crate::kit::jpeg;
use crate::kit::pipeline::{as_png, decode_to, encode_to, slide_source, tree_source, verify_deep};
use crate::kit::trees::{Layout, write_tree};
use origami::archive::{Archive, FamilyRecord};
use origami::backend::CpuBackend;
use origami::backend::scheduler::Scheduler;
use origami::encode::{EncodeOptions, encode};
use origami::image::family::PayloadKind;
use origami::image::geometry::FamilyId;
use origami::image::ycc::Sampling;
use origami::params::{EncodeParams, Subsamp};

const LAYOUT: Layout = Layout { tile: 16, overlap: 0, format: "png" };

fn png(_: origami::image::geometry::TileId, part: &Image) -> Vec<u8> {
    part.png()
}

fn records(bundle: &Path) -> Vec<(FamilyId, FamilyRecord)> {
    let archive = Archive::open(bundle).unwrap();
    archive.families().iter().map(|entry| (entry.id, archive.read_family(entry).unwrap())).collect()
}

#[test]
fn a_slide_and_its_png_tree_make_the_same_families() {
    let dir = tempfile::tempdir().unwrap();
    for image in [Image::tissue(205, 173, 21), Image::tissue(205, 173, 22).to_gray()] {
        let (dir, slide) = (dir.path().join(image.channels.to_string()), "slide.png");
        fs::create_dir(&dir).unwrap();
        fs::write(dir.join(slide), image.png()).unwrap();
        let dzi = write_tree(&dir, "tree", &image, LAYOUT, &png);
        for subsamp in [Subsamp::S444, Subsamp::S420Opt] {
            let params = EncodeParams { subsamp, optl2: true, ..EncodeParams::default() };
            let options = EncodeOptions::default();
            let from_slide = slide_source(&dir.join(slide), 16);
            let a = encode_to(from_slide, &dir.join("a"), &params, &options).unwrap();
            let b = encode_to(tree_source(&dzi), &dir.join("b"), &params, &options).unwrap();
            let (a, b) = (records(&a.bundle), records(&b.bundle));
            assert_eq!(a.len(), b.len());
            for ((id, a), (other, b)) in a.iter().zip(&b) {
                assert_eq!(id, other);
                for kind in [PayloadKind::Baseline, PayloadKind::Residual] {
                    let bytes = |record: &FamilyRecord| record.payload(kind).unwrap().bytes.clone();
                    assert!(bytes(a) == bytes(b), "{subsamp:?}: {} of family {id} differs", kind.name());
                }
                assert!(a == b, "{subsamp:?}: record of family {id} differs");
            }
        }
    }
}

#[test]
fn any_number_of_threads_makes_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let image = Image::tissue(333, 211, 31);
    let slide = dir.path().join("slide.png");
    fs::write(&slide, image.png()).unwrap();
    let code = |_, part: &Image| jpeg::baseline(part, Sampling::S420);
    let dzi = write_tree(dir.path(), "tree", &image, Layout { format: "jpg", ..LAYOUT }, &code);
    let params = EncodeParams { subsamp: Subsamp::S420Opt, optl2: true, ..EncodeParams::default() };
    let options = EncodeOptions { packs: true, manifest: true, ..EncodeOptions::default() };
    for from_tree in [false, true] {
        let run = |threads: usize| {
            let mut source = if from_tree { tree_source(&dzi) } else { slide_source(&slide, 16) };
            let out = dir.path().join(format!("{from_tree}-{threads}"));
            let (backend, scheduler) = (CpuBackend::new(), Scheduler::new(threads).unwrap());
            encode(&mut source, &out, &params, &options, &backend, &scheduler, &|_| {}).unwrap();
            contents(&out)
        };
        let one = run(1);
        assert!(one.len() > 20, "a bundle, packs and a manifest");
        for threads in [2, 7] {
            let many = run(threads);
            assert_eq!(one.len(), many.len());
            for ((path, a), (other, b)) in one.iter().zip(&many) {
                assert_eq!(path, other);
                assert!(a == b, "{path} differs between 1 and {threads} threads");
            }
        }
    }
}

#[test]
fn encoding_into_the_slides_own_directory_changes_nothing_that_was_there() {
    let dir = tempfile::tempdir().unwrap();
    let image = Image::tissue(205, 173, 41);
    fs::write(dir.path().join("slide.png"), image.png()).unwrap();
    fs::write(dir.path().join("notes.txt"), "keep me").unwrap();
    fs::create_dir(dir.path().join("residual_packs")).unwrap();
    fs::write(dir.path().join("residual_packs/README"), "keep me too").unwrap();
    let dzi = write_tree(dir.path(), "baseline_pyramid", &image, LAYOUT, &png);
    let before = contents(dir.path());
    let options =
        EncodeOptions { packs: true, manifest: true, debug_images: true, ..EncodeOptions::default() };
    let report = encode_to(tree_source(&dzi), dir.path(), &EncodeParams::default(), &options).unwrap();
    let decoded = decode_to(&report.bundle, dir.path(), &as_png(true)).unwrap();
    assert!(decoded.dzi.is_file());
    let after = contents(dir.path());
    for (path, bytes) in &before {
        let found = after.iter().find(|(other, _)| other == path);
        assert!(found.is_some_and(|(_, now)| now == bytes), "{path} was changed");
    }
    assert!(after.iter().all(|(path, _)| !path.ends_with(".part")), "leftovers");
    // Again, over the first bundle.
    let first = fs::read(&report.bundle).unwrap();
    encode_to(tree_source(&dzi), dir.path(), &EncodeParams::default(), &options).unwrap();
    assert!(fs::read(&report.bundle).unwrap() == first, "a second encode differs from the first");
}

#[test]
fn max_parents_stops_after_the_first_families_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let image = Image::tissue(205, 173, 51);
    let slide = dir.path().join("slide.png");
    fs::write(&slide, image.png()).unwrap();
    let dzi = write_tree(dir.path(), "tree", &image, LAYOUT, &png);
    let params = EncodeParams::default();
    for from_tree in [false, true] {
        let source = || if from_tree { tree_source(&dzi) } else { slide_source(&slide, 16) };
        let out = dir.path().join(from_tree.to_string());
        let all = encode_to(source(), &out.join("all"), &params, &EncodeOptions::default()).unwrap();
        let all = records(&all.bundle);
        assert_eq!(all.len(), 12);
        for limit in [1, 5, 12, 99] {
            let options = EncodeOptions { max_parents: Some(limit), ..EncodeOptions::default() };
            let out = out.join(limit.to_string());
            let report = encode_to(source(), &out, &params, &options).unwrap();
            let count = limit.min(12);
            assert_eq!(report.families, count);
            let (archive, verified) = verify_deep(&report.bundle).unwrap();
            assert_eq!((verified.proved, archive.meta().complete), (count, count == 12), "limit {limit}");
            for (id, record) in records(&report.bundle) {
                assert!(u64::from(id.y() * 4 + id.x()) < count, "limit {limit}: family {id}");
                assert!(
                    all.contains(&(id, record)),
                    "limit {limit}: family {id} differs from the whole encode"
                );
            }
            let decoded = decode_to(&report.bundle, &out, &as_png(false)).unwrap();
            assert_eq!((decoded.families, decoded.left_out), (count, 12 - count));
        }
    }
}
