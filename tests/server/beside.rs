//! Slides that are read from more files than their own: series of DICOM, and what an index of OpenSlide's formats names.

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;

use flate2::Compression;
use flate2::write::DeflateEncoder;
use origami::image::ycc::Sampling;

use crate::folders::{api, names};
use crate::kit::dicom::write_dicom;
use crate::kit::image::Image;
use crate::kit::jpeg::restarts;
use crate::running::{Reply, Running, wait_until};

const SERIES: &str = "1.2.3.9";

/// The only slide of a server is refused because of a link.
fn assert_refused(server: &Running, tile: &str, link: &str) {
    assert!(names(server).is_empty());
    let skipped = api(server, "/api/slides")["skipped"].to_string();
    assert!(skipped.contains("symbolic link"), "{link}: {skipped}");
    assert_eq!(server.get(tile).status, 500, "{link}");
}

#[test]
fn a_file_of_a_series_that_lies_outside_the_root_is_not_served() {
    let (root, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let small = Image::tissue(150, 130, 3);
    // Otherwise the root would be the slide.
    fs::write(root.path().join("notes.txt"), "").unwrap();
    write_dicom(&root.path().join("a.dcm"), &small, SERIES, 4);
    // By its name it comes last, and by its size it is the finest level.
    write_dicom(&other.path().join("secret.dcm"), &Image::tissue(600, 520, 4), SERIES, 1);
    let link = root.path().join("z.dcm");
    symlink(other.path().join("secret.dcm"), &link).unwrap();
    let server = Running::start(root.path(), &[]);
    assert_refused(&server, "/tiles/a/8/0_0.jpg", "z.dcm");
    assert!(api(&Running::start(root.path(), &["--follow-links"]), "/api/slides/a")["width"] == 600);
    // A link of another name, of any ending, is looked at as well; one to another series is nothing of this slide.
    fs::rename(&link, root.path().join("z.bin")).unwrap();
    assert_refused(&Running::start(root.path(), &[]), "/tiles/a/8/0_0.jpg", "z.bin");
    fs::remove_file(root.path().join("z.bin")).unwrap();
    write_dicom(&other.path().join("third.dcm"), &small, "1.2.3.8", 1);
    symlink(other.path().join("third.dcm"), root.path().join("z.bin")).unwrap();
    wait_until("the slide stays refused", || names(&server) == ["a"]);
    assert_eq!(
        (server.get("/tiles/a/8/0_0.jpg").status, &api(&server, "/api/slides/a")["width"]),
        (200, &150.into())
    );
    // Inside of the root links may lead anywhere.
    fs::create_dir(root.path().join("in")).unwrap();
    write_dicom(&root.path().join("in/b.dat"), &Image::tissue(600, 520, 4), SERIES, 1);
    symlink(root.path().join("in/b.dat"), &link).unwrap();
    wait_until("the second level is not seen", || api(&server, "/api/slides/a")["width"] == 600);
}

/// What a tile is, and its tag.
fn tile(server: &Running, path: &str) -> (Vec<u8>, String) {
    let Reply { status, body, headers, .. } = server.get(path);
    assert_eq!(status, 200, "{path}: {}", String::from_utf8_lossy(&body));
    (body, headers["etag"].clone())
}

#[test]
fn another_file_of_a_series_changes_the_tiles_that_are_made_of_it() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    let image = Image::tissue(1200, 1040, 3);
    // Otherwise the root would be the slide.
    fs::write(at("notes.txt"), "").unwrap();
    write_dicom(&at("a.dcm"), &image.halved(), SERIES, 2);
    write_dicom(&at("b.dcm"), &image, SERIES, 1);
    let server = Running::start(root.path(), &[]);
    let path = "/tiles/a/11/1_1.jpg";
    let before = tile(&server, path);
    write_dicom(&at("new"), &Image::tissue(1200, 1040, 8), SERIES, 1);
    fs::rename(at("new"), at("b.dcm")).unwrap();
    wait_until("the tag is that of the old file", || tile(&server, path).1 != before.1);
    assert_ne!(tile(&server, path).0, before.0, "pixels of the old file under the tag of the new one");
}

/// A slide of Hamamatsu's VMS of one JPEG and a map.
fn write_vms(dir: &Path, name: &str, image: &Image) {
    let jpeg = |image: &Image| restarts(image, Sampling::S444);
    fs::write(dir.join(format!("{name}.jpg")), jpeg(image)).unwrap();
    fs::write(dir.join(format!("{name}_map.jpg")), jpeg(&image.halved().halved())).unwrap();
    let index = format!(
        "[Virtual Microscope Specimen]\nNoLayers=1\nNoJpegColumns=1\nNoJpegRows=1\nImageFile={name}.jpg\nMapFile={name}_map.jpg\n"
    );
    fs::write(dir.join(format!("{name}.vms")), index).unwrap();
}

#[test]
fn the_files_that_an_index_names_are_checked_and_their_changes_change_the_slide() {
    let (root, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let at = |name: &str| root.path().join(name);
    write_vms(root.path(), "a", &Image::tissue(512, 512, 3));
    let server = Running::start(root.path(), &[]);
    if names(&server).is_empty() {
        println!("SKIPPED: no OpenSlide that reads VMS: {}", api(&server, "/api/slides"));
        return;
    }
    let path = "/tiles/a/9/1_1.jpg";
    let before = tile(&server, path);
    write_vms(other.path(), "a", &Image::tissue(512, 512, 7));
    fs::copy(other.path().join("a.jpg"), at("new")).unwrap();
    fs::rename(at("new"), at("a.jpg")).unwrap();
    wait_until("the tag is that of the old file", || tile(&server, path).1 != before.1);
    assert_ne!(tile(&server, path).0, before.0, "pixels of the old file under the tag of the new one");
    fs::remove_file(at("a.jpg")).unwrap();
    symlink(other.path().join("a.jpg"), at("a.jpg")).unwrap();
    wait_until("the link is served", || server.get(path).status == 500);
    assert_refused(&server, path, "a.jpg");
}

/// A deflated file of DICOM: a value of so many zeros, and behind it the series.
fn write_deflated(path: &Path, zeros: u32) {
    let element = |group: u16, number: u16, vr: &[u8], value: &[u8]| {
        let length = (value.len() as u16).to_le_bytes();
        [&group.to_le_bytes()[..], &number.to_le_bytes(), vr, &length, value].concat()
    };
    let syntax = element(2, 0x10, b"UI", b"1.2.840.10008.1.2.1.99");
    let meta = element(2, 0, b"UL", &(syntax.len() as u32).to_le_bytes());
    let file = [&[0; 128][..], b"DICM", &meta, &syntax].concat();
    let mut out = DeflateEncoder::new(file, Compression::best());
    out.write_all(&element(8, 0x16, b"UI", b"1.2.840.10008.5.1.4.1.1.77.1.6")).unwrap();
    out.write_all(&[&[9, 0, 1, 0x10][..], b"OB\0\0", &zeros.to_le_bytes()].concat()).unwrap();
    let block = vec![0; 1 << 20];
    (0..zeros >> 20).for_each(|_| out.write_all(&block).unwrap());
    out.write_all(&element(0x20, 0xE, b"UI", b"1.2.3.4\0")).unwrap();
    fs::write(path, out.finish().unwrap()).unwrap();
}

#[test]
fn a_deflated_file_is_inflated_no_further_than_a_listing_needs_and_no_more_than_a_reader_may() {
    let root = tempfile::tempdir().unwrap();
    write_deflated(&root.path().join("bomb.dcm"), 300 << 20);
    assert!(root.path().join("bomb.dcm").metadata().unwrap().len() < 1 << 20);
    let server = Running::start(root.path(), &[]);
    for _ in 0..3 {
        assert_eq!(server.get("/tiles/bomb/0/0_0.jpg").status, 500);
        assert!(names(&server).is_empty());
    }
    let skipped = api(&server, "/api/slides")["skipped"].to_string();
    assert!(skipped.contains("deflate of more than 134217728 bytes"), "{skipped}");
    let most = server.memory_kib("VmHWM") >> 10;
    eprintln!("{most} MiB");
    // It was inflated once, to 128 MiB, of which half is there twice while it grows.
    assert!(most < 320, "{most} MiB");
    // As far as a listing looks into it.
    let root = tempfile::tempdir().unwrap();
    write_deflated(&root.path().join("bomb.dcm"), 300 << 20);
    fs::copy(root.path().join("bomb.dcm"), root.path().join("second.dcm")).unwrap();
    write_dicom(&root.path().join("a.dcm"), &Image::tissue(150, 130, 3), SERIES, 1);
    let server = Running::start(root.path(), &[]);
    assert_eq!(server.get("/tiles/a/8/0_0.jpg").status, 200);
}
