//! `origami tour` over slides in a store on loopback: the frames of local files, by requests for parts, of one version of each object.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use tiff::encoder::{TiffEncoder, colortype};

use crate::kit::ffmpeg;
use crate::kit::files::contents;
use crate::kit::image::Image;
use crate::kit::object_server::ObjectServer;
use crate::kit::program::{Ran, arg, origami, program};

/// A slide in three forms, on the local disk and in the bucket `b`.
struct Shelf {
    server: ObjectServer,
    dir: tempfile::TempDir,
}

const FORMS: [&str; 3] = ["slide.tif", "slide.png", "slide.bundle"];

impl Shelf {
    fn new() -> Self {
        let shelf = Self { server: ObjectServer::start(), dir: tempfile::tempdir().unwrap() };
        let image = Image::cells(700, 600, 5);
        let mut file = fs::File::create(shelf.path("slide.tif")).unwrap();
        let mut encoder = TiffEncoder::new(&mut file).unwrap();
        encoder.write_image::<colortype::RGB8>(700, 600, &image.data).unwrap();
        drop(file);
        fs::write(shelf.path("slide.png"), image.png()).unwrap();
        let (slide, out) = (shelf.path("slide.tif"), shelf.path("encoded"));
        origami(&["encode", arg(&slide), "--out", arg(&out), "-q", "--backend", "cpu", "--tile", "64"]).ok();
        fs::rename(out.join("residual_packs/residuals.bundle"), shelf.path("slide.bundle")).unwrap();
        for name in FORMS {
            shelf.server.put(&format!("b/{name}"), &fs::read(shelf.path(name)).unwrap());
        }
        shelf
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A tour over a slide, from the middle at its full resolution.
    fn tour(&self, slide: &str) -> PathBuf {
        let tour = json!({
            "slide": slide, "camera": [{"time": 0, "center": [350, 300], "downsample": 1}, {"time": 1, "fit": "slide"}],
            "options": {"width": 96, "height": 64, "fps": 5},
        });
        let path = self.path("tour.json");
        fs::write(&path, tour.to_string()).unwrap();
        path
    }

    /// The program with the store's settings, and a folder of its own for copies.
    fn command(&self, copies: &Path) -> Command {
        let mut program = program();
        program.envs(self.server.environment("planted-secret")).env("TMPDIR", copies);
        program
    }

    #[track_caller]
    fn run(&self, arguments: &[&str]) -> Ran {
        let copies = tempfile::tempdir().unwrap();
        let ran = Ran::from(self.command(copies.path()).args(arguments).output().unwrap());
        assert_eq!(contents(copies.path()), [], "copies are left");
        ran
    }

    fn still(&self, slide: &str, at: &str) -> Vec<u8> {
        let (tour, out) = (self.tour(slide), self.path("still.png"));
        self.run(&["tour", "still", arg(&tour), "--at", at, "--bare", "--out", arg(&out)]).ok();
        fs::read(out).unwrap()
    }
}

#[test]
fn frames_of_a_slide_at_an_address_are_those_of_the_local_file() {
    if !ffmpeg::or_skip("tour still of an address") {
        return;
    }
    let shelf = Shelf::new();
    for name in FORMS {
        let size = fs::metadata(shelf.path(name)).unwrap().len() as usize;
        let here = [shelf.still(name, "0"), shelf.still(name, "0.8")];
        shelf.server.seen();
        for address in [format!("s3://b/{name}"), format!("http://{}/b/{name}", shelf.server.host)] {
            let tour = shelf.tour(&address);
            shelf.run(&["tour", "check", arg(&tour)]).ok();
            shelf.server.seen();
            assert!(
                shelf.still(&address, "0") == here[0] && shelf.still(&address, "0.8") == here[1],
                "{address}"
            );
            let seen = shelf.server.seen();
            assert!(seen.iter().all(|seen| seen.range.is_some()), "{address}: {seen:?}");
            let fetched: usize = seen.iter().filter_map(|seen| Some(seen.range.as_ref()?.len())).sum();
            // Two stills; blocks of an object are larger than these slides' parts.
            assert!(fetched <= 2 * (size + (128 << 10)), "{address}: {fetched} bytes of {size}");
        }
    }
}

#[test]
fn a_video_of_a_slide_at_an_address_is_that_of_the_local_file() {
    if !ffmpeg::or_skip("tour render of an address") {
        return;
    }
    let shelf = Shelf::new();
    let render = |slide: &str, out: &str| {
        let (tour, out) = (shelf.tour(slide), shelf.path(out));
        shelf.run(&["tour", "render", arg(&tour), "--out", arg(&out), "--encoder", "x264", "-q"]).ok();
        fs::read(out).unwrap()
    };
    assert!(render("slide.bundle", "here.mp4") == render("s3://b/slide.bundle", "there.mp4"));
}

#[test]
fn a_slide_that_is_replaced_while_it_is_read_is_never_mixed_with_the_new_one() {
    if !ffmpeg::or_skip("tour still of a replaced slide") {
        return;
    }
    let shelf = Shelf::new();
    let (tour, out) = (shelf.tour("s3://b/slide.tif"), shelf.path("still.png"));
    let mut object = shelf.server.object("b/slide.tif").unwrap();
    // Rows in the middle of the slide, long after what is read to open it.
    shelf.server.hold("slide.tif", object.len() / 2..object.len() / 2 + 4096);
    let copies = tempfile::tempdir().unwrap();
    let mut program = shelf.command(copies.path());
    program.args(["tour", "still", arg(&tour), "--at", "0", "--bare", "--out", arg(&out)]);
    let child = program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let until = Instant::now() + Duration::from_secs(60);
    while shelf.server.held() == 0 {
        assert!(Instant::now() < until, "the middle of the slide is not asked for");
        std::thread::sleep(Duration::from_millis(10));
    }
    let middle = object.len() / 2;
    object[middle] ^= 1;
    shelf.server.put("b/slide.tif", &object);
    shelf.server.release();
    let ran = Ran::from(child.wait_with_output().unwrap());
    // It may pass: whoever runs it again reads the new one.
    ran.ends(4, &["s3://b/slide.tif", "replaced while it was read"]);
    assert!(!out.exists(), "nothing is drawn");
}

#[test]
fn what_is_not_there_is_named() {
    let shelf = Shelf::new();
    let absent = shelf.tour("s3://b/absent.svs");
    shelf.run(&["tour", "check", arg(&absent)]).fails(&["s3://b/absent.svs", "there is no such object"]);
    let signed = shelf.tour("https://host/slide.svs?X-Amz-Signature=secret");
    let ran = shelf.run(&["tour", "check", arg(&signed)]);
    assert!(ran.code != Some(0) && ran.stderr.contains("query or fragment is refused"), "{ran:?}");
}
