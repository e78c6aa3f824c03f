//! The program over a store on loopback: results are those of local paths, published once and whole, whatever the store answers.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tiff::encoder::{TiffEncoder, colortype};

use crate::kit::image::Image;
use crate::kit::object_server::{Fault, ObjectServer};
use crate::kit::program::{Ran, arg, origami, program};
use crate::kit::rng::Rng;

const SECRET: &str = "planted-secret-1d9f";
const BUNDLE: &str = "residual_packs/residuals.bundle";

/// A store with a slide, the same slide on the local disk, and its bundle.
struct Shelf {
    server: ObjectServer,
    dir: tempfile::TempDir,
    bundle: Vec<u8>,
}

fn write_tiff(path: &Path, image: &Image) {
    let mut file = fs::File::create(path).unwrap();
    let mut encoder = TiffEncoder::new(&mut file).unwrap();
    encoder.write_image::<colortype::RGB8>(image.width as u32, image.height as u32, &image.data).unwrap();
}

impl Shelf {
    fn new() -> Self {
        Self::of(&Image::cells(700, 600, 5), &[])
    }

    fn of(image: &Image, flags: &[&str]) -> Self {
        let (server, dir) = (ObjectServer::start(), tempfile::tempdir().unwrap());
        let path = dir.path().join("slide.tif");
        write_tiff(&path, image);
        let out = dir.path().join("local");
        let local =
            ["encode", arg(&path), "--out", arg(&out), "-q", "--backend", "cpu", "--openslide", "never"];
        origami(&[&local[..], flags].concat()).ok();
        server.put("b/in/slide.tif", &fs::read(path).unwrap());
        let bundle = fs::read(out.join(BUNDLE)).unwrap();
        Self { server, dir, bundle }
    }

    fn command(&self) -> Command {
        let mut program = program();
        program.envs(self.server.environment(SECRET)).env("RUST_LOG", "debug,hyper_util=info");
        program
    }

    /// Runs the program on the store. Whatever it says, it does not say the secret.
    fn run(&self, arguments: &[&str]) -> Ran {
        let ran = Ran::from(self.command().args(arguments).output().unwrap());
        assert!(!ran.stdout.contains(SECRET) && !ran.stderr.contains(SECRET), "{ran:?}");
        ran
    }

    fn encode(&self, flags: &[&str]) -> Ran {
        let encode = ["encode", "s3://b/in/slide.tif", "--out", "s3://b/out", "-q", "--backend", "cpu"];
        self.run(&[&encode[..], flags].concat())
    }

    /// The bundle is there and that of a local run, and nothing else is left.
    #[track_caller]
    fn is_published(&self) {
        assert!(self.server.object(&format!("b/out/{BUNDLE}")).unwrap() == self.bundle, "other bytes");
        assert_eq!(self.server.paths(), ["b/in/slide.tif".into(), format!("b/out/{BUNDLE}")]);
        assert_eq!(self.server.open_uploads(), 0);
    }
}

#[test]
fn a_slide_is_encoded_from_a_store_to_a_store_as_on_the_local_disk() {
    let shelf = Shelf::new();
    shelf.encode(&[]).ok();
    shelf.is_published();
    let size = shelf.server.object("b/in/slide.tif").unwrap().len();
    let reads = shelf.server.seen().into_iter().filter(|seen| seen.path.starts_with("b/in/slide.tif"));
    let fetched: usize = reads.filter_map(|seen| Some(seen.range?.len())).sum();
    assert!(fetched <= size + (256 << 10), "{fetched} bytes of {size}");
    let address = format!("s3://b/out/{BUNDLE}");
    shelf.run(&["verify", &address]).ok();
    let one = shelf.run(&["inspect", "--json", "s3://b/out"]).ok().stdout;
    assert!(one.contains(&address), "a prefix stands for what lies below it: {one}");
    let local = shelf.dir.path().join("local").join(BUNDLE);
    let (here, there) = (shelf.dir.path().join("here"), shelf.dir.path().join("there"));
    origami(&["decode", arg(&local), "--out", arg(&here), "-q", "--backend", "cpu"]).ok();
    shelf.run(&["decode", &address, "--out", arg(&there), "-q", "--backend", "cpu"]).ok();
    assert!(crate::kit::files::contents(&here) == crate::kit::files::contents(&there));
    shelf.run(&["decode", &address, "--out", "s3://b/tree", "-q", "--backend", "cpu"]).ok();
    for (name, bytes) in crate::kit::files::contents(&here) {
        assert!(shelf.server.object(&format!("b/tree/{name}")).as_ref() == Some(&bytes), "{name}");
    }
    shelf.run(&["pyramid", "s3://b/in/slide.tif", "--out", "s3://b/pyramid", "-q"]).ok();
    assert!(shelf.server.object("b/pyramid/baseline_pyramid.dzi").is_some());
}

#[test]
fn a_result_that_is_there_is_kept_skipped_or_replaced_as_was_said() {
    let shelf = Shelf::new();
    shelf.encode(&[]).ok();
    let again = shelf.encode(&[]);
    assert!(
        again.code == Some(1)
            && again.stderr.contains("s3://b/out/residual_packs/residuals.bundle: it is there already"),
        "{again:?}"
    );
    shelf.server.seen();
    shelf.encode(&["--skip-existing"]).ok();
    assert!(
        shelf.server.seen().iter().all(|seen| matches!(&*seen.method, "GET" | "HEAD")),
        "nothing is written"
    );
    shelf.server.put(&format!("b/out/{BUNDLE}"), b"an older one");
    shelf.encode(&["--overwrite"]).ok();
    shelf.is_published();
    shelf.run(&["encode", "s3://b/in/slide.tif", "-q"]).refused(&["give --out"]);
    shelf
        .run(&["decode", &format!("s3://b/out/{BUNDLE}"), "--out", "s3://b/t", "--overwrite"])
        .refused(&["trees at an address"]);
}

#[test]
fn a_store_that_fails_while_a_result_is_written_gets_the_same_result() {
    let faults = [
        vec![Fault::Status(500)],
        vec![Fault::Status(503), Fault::Status(429), Fault::Status(500)],
        vec![Fault::Slow(Duration::from_millis(500))],
    ];
    let shelf = Shelf::new();
    for faults in faults {
        // Requests come one after the other once the slide is read; where the faults fall, they are got over.
        for skipped in [0, 6] {
            let quiet = vec![Fault::Slow(Duration::ZERO); skipped];
            shelf.server.fail([quiet, faults.clone()].concat());
            shelf.encode(&["--overwrite"]).ok();
            shelf.is_published();
        }
    }
}

#[test]
fn a_lost_answer_of_the_last_step_is_settled_by_what_is_there() {
    let shelf = Shelf::new();
    // How many requests come before the one that publishes.
    shelf.encode(&[]).ok();
    let last =
        shelf.server.seen().iter().position(|seen| seen.headers.contains_key("if-none-match")).unwrap();
    for status in [409, 412, 500] {
        shelf.run(&["inspect", "s3://b/in/slide.tif"]).ok();
        let fresh = Shelf::new();
        fresh
            .server
            .fail([vec![Fault::Slow(Duration::ZERO); last], vec![Fault::LostAnswer(status)]].concat());
        fresh.encode(&[]).ok();
        fresh.is_published();
    }
}

#[test]
fn of_two_writers_one_wins_and_equal_results_are_no_conflict() {
    let shelf = Shelf::new();
    let encode = |quality: &str| {
        let arguments = [
            "encode",
            "s3://b/in/slide.tif",
            "--out",
            "s3://b/out",
            "-q",
            "--backend",
            "cpu",
            "--resq",
            quality,
        ];
        shelf
            .command()
            .args(arguments)
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap()
    };
    let ends: Vec<_> = [encode("40"), encode("60"), encode("40")]
        .into_iter()
        .map(|child| Ran::from(child.wait_with_output().unwrap()))
        .collect();
    let won = ends.iter().filter(|ran| ran.code == Some(0)).count();
    assert!((1..=2).contains(&won), "{ends:?}");
    assert!(
        ends.iter().all(|ran| ran.code == Some(0) || ran.stderr.contains("it is there already")),
        "{ends:?}"
    );
    assert_eq!(shelf.server.paths().len(), 2, "{:?}", shelf.server.paths());
    shelf.run(&["verify", &format!("s3://b/out/{BUNDLE}")]).ok();
}

#[test]
fn a_store_without_conditions_is_asked_before() {
    let shelf = Shelf::new();
    shelf.server.refuse_conditions();
    shelf.encode(&[]).ok();
    shelf.is_published();
    assert_eq!(shelf.encode(&[]).code, Some(1));
}

#[test]
fn a_large_bundle_goes_in_parts_and_a_failure_leaves_none() {
    let mut rng = Rng(9);
    let (width, height) = (3072, 2560);
    let data = (0..width * height * 3).map(|_| rng.next() as u8).collect();
    let flags = ["--resq", "100", "--baseq", "100"];
    let shelf = Shelf::of(&Image { width, height, channels: 3, data }, &flags);
    assert!(shelf.bundle.len() > 8 << 20, "{} bytes", shelf.bundle.len());
    shelf.encode(&flags).ok();
    let seen = shelf.server.seen();
    let first_part = seen.iter().position(|seen| seen.path.contains("partNumber=1")).unwrap();
    assert!(seen.iter().filter(|seen| seen.path.contains("partNumber=")).count() > 1);
    shelf.is_published();
    // A part is refused for good: the upload is aborted, and the first error is told.
    shelf.server.put(&format!("b/out/{BUNDLE}"), &shelf.bundle);
    shelf.server.fail([vec![Fault::Slow(Duration::ZERO); first_part], vec![Fault::Status(403)]].concat());
    let failed = shelf.encode(&[&flags[..], &["--overwrite"]].concat());
    assert!(failed.code == Some(1), "{failed:?}");
    shelf.is_published();
}

#[test]
fn a_png_goes_through_a_copy_that_is_removed() {
    let shelf = Shelf::new();
    let image = Image::cells(300, 200, 8);
    let path: PathBuf = shelf.dir.path().join("image.png");
    fs::write(&path, image.png()).unwrap();
    let address = shelf.server.put("b/in/image.png", &image.png());
    let (local, far, scratch) =
        (shelf.dir.path().join("png"), shelf.dir.path().join("far"), tempfile::tempdir().unwrap());
    origami(&["encode", arg(&path), "--out", arg(&local), "-q", "--backend", "cpu"]).ok();
    let mut command = shelf.command();
    command.env("TMPDIR", scratch.path()).args([
        "encode",
        &address,
        "--out",
        arg(&far),
        "-q",
        "--backend",
        "cpu",
    ]);
    Ran::from(command.output().unwrap()).ok();
    assert!(fs::read(local.join(BUNDLE)).unwrap() == fs::read(far.join(BUNDLE)).unwrap());
    assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 0);
    shelf.server.put("b/in/cut.png", &image.png()[..500]);
    let cut = shelf.run(&["encode", "s3://b/in/cut.png", "--out", arg(&far.join("x")), "-q"]);
    assert!(
        cut.code == Some(3) && cut.stderr.contains("s3://b/in/cut.png"),
        "the address is named, not the copy: {cut:?}"
    );
}

#[test]
fn errors_name_the_address_and_the_exit_code_is_that_of_files() {
    let shelf = Shelf::new();
    let fails = |arguments: &[&str], code: i32, says: &str| {
        let ran = shelf.run(arguments);
        assert!(ran.code == Some(code) && ran.stderr.contains(says), "{says}: {ran:?}");
    };
    fails(&["inspect", "s3://b/no.bundle"], 1, "s3://b/no.bundle: cannot open it: there is no such object");
    fails(&["inspect", "s3://b/none/"], 1, "s3://b/none");
    shelf.server.put("b/short.bundle", &shelf.bundle[..5000]);
    fails(&["verify", "s3://b/short.bundle"], 3, "s3://b/short.bundle");
    shelf.server.fail([Fault::Status(403)]);
    fails(&["inspect", "s3://b/short.bundle"], 1, "denies access (403)");
    fails(&["inspect", "https://user:word@host/a.bundle"], 1, "credentials come from the environment");
    fails(&["encode", "s3://b/in/slide.tif", "--out", "http://host/x", "-q"], 2, "a web server");
}

#[test]
fn a_conversion_replaces_neither_its_source_nor_what_others_have_there() {
    let shelf = Shelf::new();
    shelf.server.put("b/in/a.bundle", &shelf.bundle);
    let run = |to: &str, out: &str, extra: &[&str]| {
        shelf.run(&[&["convert", "s3://b/in/a.bundle", "--to", to, "--out", out][..], extra].concat())
    };
    // Its log is among what it says.
    let refused = |ran: Ran, code: i32, says: &str| {
        assert!(ran.code == Some(code) && ran.stderr.contains(says), "{ran:?}");
    };
    refused(run("tiff", "s3://b/in//a.bundle", &["--overwrite"]), 2, "replace what it is made of");
    assert!(shelf.server.object("b/in/a.bundle").is_some_and(|bytes| bytes == shelf.bundle));
    run("dzi", "s3://b/t/x.dzi", &[]).ok();
    let tree = shelf.server.paths();
    refused(run("dzi", "s3://b/t/x.dzi", &["--overwrite"]), 2, "not for trees at an address");
    refused(run("dzi", "s3://b/t/x.dzi", &[]), 1, "it is there already");
    assert_eq!(shelf.server.paths(), tree);
    run("tiff", "s3://b/t/x.tiff", &[]).ok();
    assert!(shelf.server.object("b/t/x.tiff").is_some_and(|bytes| bytes.starts_with(b"II+\0")));
    let given = shelf.dir.path().join("given.json");
    fs::write(&given, r#"{"PixelSpacing": [0.0005, 0.0005]}"#).unwrap();
    run("dicom", "s3://b/t/x.dicom", &["--attributes", arg(&given)]).ok();
    assert!(shelf.server.object("b/t/x.dicom/level-0.dcm").is_some());
    refused(run("dicom", "s3://b/t/x.dicom", &["--attributes", arg(&given)]), 1, "it is there already");
}
