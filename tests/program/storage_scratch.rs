//! Slides of several files over a store on loopback: what only OpenSlide reads, through a copy of all of them.

use std::fs;
use std::path::Path;
use std::process::Command;

use origami::codec::{ImageEncoder, JpegEncoder};
use origami::image::plane::Plane;
use origami::image::ycc::{Sampling, Ycc};

use crate::kit::files::contents;
use crate::kit::image::Image;
use crate::kit::jpeg::baseline;
use crate::kit::object_server::ObjectServer;
use crate::kit::program::{Ran, arg, origami, program};

const BUNDLE: &str = "residual_packs/residuals.bundle";

/// Puts the files of a directory into the bucket `b`.
fn put(server: &ObjectServer, dir: &Path) {
    for (name, bytes) in contents(dir) {
        server.put(&format!("b/{name}"), &bytes);
    }
}

/// Runs the program, whose copies go to a directory of its own: none of them may be left.
#[track_caller]
fn run(server: &ObjectServer, arguments: &[&str]) -> Ran {
    let copies = tempfile::tempdir().unwrap();
    let mut program: Command = program();
    program.envs(server.environment("planted-secret")).env("TMPDIR", copies.path());
    let ran = Ran::from(program.args(arguments).output().unwrap());
    assert_eq!(contents(copies.path()), [], "copies are left");
    ran
}

/// A JPEG with a restart marker after every row of blocks, as OpenSlide wants of these files.
fn restarting(image: &Image) -> Vec<u8> {
    let luma: Vec<u8> = image.data.chunks_exact(3).map(|pixel| pixel[1]).collect();
    let plane = || Plane::from_vec(image.width, image.height, luma.clone());
    let gray = Plane::filled(image.width, image.height, 140);
    let pixels = Ycc { luma: plane(), chroma: Some([gray.clone(), gray]), sampling: Sampling::S444 };
    let mut encoder = JpegEncoder::new().unwrap();
    encoder.set_stripes(8);
    encoder.encode(pixels.view(), 90.into()).unwrap()
}

/// A slide of Hamamatsu's `.vms`: an index, one JPEG of the pixels, one of the whole at a small size.
fn vms(dir: &Path) {
    let image = Image::cells(640, 512, 3);
    let index = "[Virtual Microscope Specimen]\nNoLayers=1\nNoJpegColumns=1\nNoJpegRows=1\nImageFile=pixels.jpg\n\
        MapFile=map.jpg\nMacroImage=macro.jpg\nSourceLens=20\n";
    fs::write(dir.join("slide.vms"), index).unwrap();
    fs::write(dir.join("pixels.jpg"), restarting(&image)).unwrap();
    fs::write(dir.join("map.jpg"), restarting(&image.halved().halved())).unwrap();
    fs::write(dir.join("macro.jpg"), baseline(&image.halved(), Sampling::S444)).unwrap();
}

#[test]
fn all_files_of_a_vms_slide_are_copied_and_its_bundle_is_that_of_a_local_run() {
    let (server, dir) = (ObjectServer::start(), tempfile::tempdir().unwrap());
    vms(dir.path());
    put(&server, dir.path());
    let out = tempfile::tempdir().unwrap();
    let (here, there) = (out.path().join("here"), out.path().join("there"));
    let slide = dir.path().join("slide.vms");
    let local = origami(&["encode", arg(&slide), "--out", arg(&here), "-q", "--backend", "cpu"]);
    let far = run(&server, &["encode", "s3://b/slide.vms", "--out", arg(&there), "-q", "--backend", "cpu"]);
    let seen = server.seen();
    for name in ["slide.vms", "pixels.jpg", "map.jpg", "macro.jpg"] {
        assert!(seen.iter().any(|seen| seen.path == format!("b/{name}")), "{name} is not copied: {far:?}");
    }
    if local.stderr.contains("OpenSlide is not") || local.stderr.contains("needs OpenSlide") {
        println!("SKIPPED: OpenSlide is not installed");
        return;
    }
    local.ok();
    far.ok();
    assert!(fs::read(here.join(BUNDLE)).unwrap() == fs::read(there.join(BUNDLE)).unwrap());
}

#[test]
fn the_directory_of_a_mirax_slide_is_copied_or_missed_by_name() {
    let (server, dir) = (ObjectServer::start(), tempfile::tempdir().unwrap());
    fs::write(dir.path().join("a.mrxs"), baseline(&Image::cells(64, 64, 1), Sampling::S444)).unwrap();
    fs::create_dir(dir.path().join("a")).unwrap();
    fs::write(dir.path().join("a/Slidedat.ini"), "[GENERAL]\nSLIDE_VERSION = 01.02\n").unwrap();
    fs::write(dir.path().join("a/Index.dat"), "01.02").unwrap();
    fs::write(dir.path().join("a/Data0000.dat"), [7; 100_000]).unwrap();
    put(&server, dir.path());
    let out = tempfile::tempdir().unwrap();
    let encode = |path: &str| run(&server, &["encode", path, "--out", arg(out.path()), "-q"]);
    // OpenSlide is given all of it, and finds its faults.
    let far = encode("s3://b/a.mrxs");
    let seen = server.seen();
    for name in ["a/Slidedat.ini", "a/Index.dat", "a/Data0000.dat"] {
        assert!(seen.iter().any(|seen| seen.path == format!("b/{name}")), "{name} is not read: {far:?}");
    }
    assert!(far.code == Some(3) || far.code == Some(1), "{far:?}");
    assert!(far.stderr.contains("s3://b/a.mrxs") && far.stderr.contains("OpenSlide"), "{far:?}");
    server.put("b/alone.mrxs", &fs::read(dir.path().join("a.mrxs")).unwrap());
    encode("s3://b/alone.mrxs").damaged(&["s3://b/alone", "data files are not there"]);
    // A web server lists nothing.
    let web = encode(&format!("http://{}/b/a.mrxs", server.host));
    assert!(web.code != Some(0) && web.stderr.contains("cannot list the directory beside it"), "{web:?}");
    server.put("b/bad.vms", b"[Virtual Microscope Specimen]\nImageFile=../../secret.jpg\n");
    encode("s3://b/bad.vms").damaged(&["../../secret.jpg", "cannot lie beside it"]);
}
