//! The start and the end of the built server: what it says of its slides, its settings, its log, its signals.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::kit::compare::psnr;
use crate::kit::image::Image;
use crate::kit::program::{Ran, arg, origami, program};
use crate::kit::slides::{encode_tree, tree};
use crate::running::{Reply, request, wait_until};
use crate::tiffs::write_tiff;
use origami::archive::{BUNDLE_NAME, PACK_DIR};
use origami::codec::decode_foreign;
use origami::params::EncodeParams;

/// A server, ended when dropped, and what it has said.
struct Started {
    child: Child,
    said: String,
}

impl Started {
    /// Runs `serve` with `arguments` on a free port until it has said where to look.
    fn new(program: &mut Command, arguments: &[&str]) -> Self {
        program.args(["serve", "--port", "0", "--backend", "cpu"]).args(arguments);
        let mut child = program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        while !said.ends_with("\n}\n") && !said.contains("\nopen ") {
            if lines.read_line(&mut said).unwrap() == 0 {
                panic!("it ended: {said} {:?}", Ran::from(child.wait_with_output().unwrap()));
            }
        }
        Self { child, said }
    }

    /// `127.0.0.1:PORT`.
    fn address(&self) -> &str {
        let (_, rest) = self.said.split_once("http://").unwrap();
        rest.split(['\n', '/', '"']).next().unwrap()
    }

    fn get(&self, path: &str) -> Reply {
        request(self.address(), "GET", path, &[])
    }

    fn signal(&self, name: &str) {
        Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
    }

    /// Waits for its end; the exit code and the log.
    fn end(mut self) -> (Option<i32>, String) {
        let mut code = None;
        wait_until("the server does not end", || {
            code = self.child.try_wait().unwrap();
            code.is_some()
        });
        let mut log = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        (code.unwrap().code(), log)
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

/// A directory with the slide `tree`, copies of its bundle as `copy` and beside it, half of that as `short`, an empty TIFF, a directory of
/// nothing, and files that are no slides.
fn root() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let path = |name: &str| root.path().join(name);
    let dzi = tree(&path("tree"), 150, 130, 32, 3);
    let bundle = encode_tree(&dzi, &path("tree"), &EncodeParams::default());
    let bytes = fs::read(&bundle).unwrap();
    fs::write(path("copy.bundle"), &bytes).unwrap();
    fs::write(path("short.bundle"), &bytes[..bytes.len() / 2]).unwrap();
    fs::write(path("tree.bundle"), &bytes).unwrap();
    fs::write(path("new.tif"), "").unwrap();
    fs::write(path("notes.txt"), "").unwrap();
    fs::create_dir(path("nothing")).unwrap();
    root
}

#[test]
fn it_says_what_it_serves_and_what_it_skips_and_where_to_look() {
    let root = root();
    let server = Started::new(&mut program(), &[arg(root.path())]);
    let in_root = |name: &str| root.path().join(name).display().to_string();
    let lines: Vec<_> = server.said.lines().collect();
    assert_eq!(lines[0], format!("origami serves {} on http://{}", root.path().display(), server.address()));
    assert_eq!(lines[1], "3 slides: copy, tree, tree.bundle");
    let empty = format!("skipped {}: no slide in it or below it", in_root("nothing"));
    assert!(lines.contains(&empty.as_str()), "{lines:?}");
    let new = format!("skipped {}: damaged slide, start: the file is empty", in_root("new.tif"));
    assert!(lines.iter().any(|line| line.starts_with(&new)), "{lines:?}");
    assert!(server.said.contains(&format!("skipped {}: byte 8", in_root("short.bundle"))), "{lines:?}");
    assert_eq!(
        (lines.len(), *lines.last().unwrap()),
        (6, format!("open http://{}/", server.address()).as_str())
    );
    drop(server);

    let server = Started::new(&mut program(), &[arg(root.path()), "--json"]);
    let said = json(&server.said);
    assert_eq!((&said["schema"], &said["command"]), (&1.into(), &"serve".into()));
    let names = serde_json::json!(["copy", "tree", "tree.bundle"]);
    assert_eq!((&said["slides"], &said["names"], &said["unencoded"]), (&3.into(), &names, &0.into()));
    assert_eq!(said["address"], format!("http://{}", server.address()));
    let skipped: Vec<_> =
        said["skipped"].as_array().unwrap().iter().map(|of| of["path"].as_str().unwrap()).collect();
    assert_eq!(skipped.len(), 3);
    assert!(skipped.contains(&in_root("short.bundle").as_str()), "{skipped:?}");
}

#[test]
fn a_long_list_of_what_is_skipped_is_cut() {
    let root = tempfile::tempdir().unwrap();
    (0..13).for_each(|n| fs::write(root.path().join(format!("{n:02}.svs")), "").unwrap());
    let server = Started::new(&mut program(), &[arg(root.path())]);
    assert!(
        server.said.contains("no slides yet") && server.said.contains("skipped 3 more"),
        "{}",
        server.said
    );
    assert_eq!(server.said.matches("skipped ").count(), 11);
}

#[test]
fn one_slide_may_be_a_directory_a_bundle_or_a_tree() {
    let root = root();
    let path = |name: &str| root.path().join(name);
    for (given, name) in [
        (path("tree"), "tree"),
        (path("copy.bundle"), "copy"),
        (path("tree").join(PACK_DIR).join(BUNDLE_NAME), "tree"),
        (path("tree/baseline_pyramid.dzi"), "baseline_pyramid"),
    ] {
        let server = Started::new(&mut program(), &[arg(&given)]);
        assert!(server.said.contains(&format!("\n1 slide: {name}\n")), "{}", server.said);
        assert!(server.said.contains(&format!("open http://{}/viewer/{name}", server.address())));
        assert_eq!(server.get(&format!("/dzi/{name}.dzi")).status, 200);
        assert_eq!((server.get("/readyz").status, server.get("/viewer/other").status), (200, 404));
    }
    fs::write(path("image.png"), "").unwrap();
    origami(&["serve", arg(&path("image.png"))])
        .fails(&["not a directory, a bundle or a .dzi", "`origami encode "]);
    origami(&["serve", arg(&path("gone"))]).fails(&["gone: no such file or directory", "--slides-root"]);
    let both = ["serve", arg(root.path()), "--slides-root", arg(root.path())];
    origami(&both).refused(&["cannot be used with"]);
}

#[test]
fn a_bundle_and_the_slide_beside_it_are_one_entry() {
    let root = tempfile::tempdir().unwrap();
    let (slide, image) = (root.path().join("x.tif"), Image::tissue(1100, 900, 4));
    write_tiff(&slide, &image, None);
    origami(&["encode", "--quiet", arg(&slide)]).ok();
    fs::copy(root.path().join("x").join(PACK_DIR).join(BUNDLE_NAME), root.path().join("y.bundle")).unwrap();
    fs::copy(&slide, root.path().join("y.tif")).unwrap();
    let original = |server: &Started, name: &str| {
        json(&server.get(&format!("/api/slides/{name}")).text())["has_original"].clone()
    };
    for given in [root.path(), &slide] {
        let server = Started::new(&mut program(), &[arg(given)]);
        assert!(!server.said.contains("skipped"), "{}", server.said);
        assert_eq!(original(&server, "x"), true);
        let described = json(&server.get("/api/slides/x").text());
        assert_eq!(described["source_bytes"], fs::metadata(&slide).unwrap().len());
        assert_eq!(server.get("/original/x.dzi").status, 200);
        let mut level = image.clone();
        for (number, least) in [(11, 40.0), (10, 40.0), (9, 40.0)] {
            let tile = server.get(&format!("/original/x_files/{number}/1_0.jpg"));
            assert_eq!((tile.status, tile.header("content-type")), (200, "image/jpeg"));
            let (width, height) = ((level.width - 256).min(256), level.height.min(256));
            let got = decode_foreign(&tile.body, Some((width, height))).unwrap();
            let like = psnr(&level.cut(256, 0, width, height).luma(), &got.luma);
            assert!(like > least, "level {number}: {like} dB");
            level = level.halved();
        }
        // Coarser levels are those of the archive.
        assert_eq!(server.get("/original/x_files/8/0_0.jpg").body, server.get("/dzi/x_files/8/0_0.jpg").body);
        assert_eq!(server.get("/original/x_files/11/9_9.jpg").status, 404);
    }

    // Another slide of the same name is not its original, but a slide of its own: both keep their extension.
    write_tiff(&root.path().join("y.tif"), &Image::tissue(1100, 900, 5), None);
    let server = Started::new(&mut program(), &[arg(root.path())]);
    assert!(server.said.contains("\n3 slides: x, y.bundle, y.tif\n1 is not encoded"), "{}", server.said);
    assert!(!server.said.contains("skipped"), "{}", server.said);
    assert_eq!((original(&server, "x"), original(&server, "y.bundle")), (true.into(), false.into()));
    assert_eq!(server.get("/original/y.bundle_files/11/1_0.jpg").status, 404);
    drop(server);
    // The slide alone is served under its name, without that archive.
    let server = Started::new(&mut program(), &[arg(&root.path().join("y.tif"))]);
    assert!(server.said.contains("\n1 slide: y\n"), "{}", server.said);
    assert!(server.said.contains("skipped ") && original(&server, "y") == false, "{}", server.said);
}

#[test]
fn settings_come_from_a_file_and_the_environment_and_secrets_stay_secret() {
    const SECRET: &str = "0123456789abcdef";
    let (root, other) = (root(), tempfile::tempdir().unwrap());
    let file = other.path().join("serve.toml");
    fs::write(&file, format!("slides-root = {:?}\ncache-control = \"no-store\"\n", arg(root.path())))
        .unwrap();
    let environment = |program: &mut Command| {
        program.env("ORIGAMI_SERVE_TOKEN", SECRET).env("ORIGAMI_SERVE_CONFIG", &file);
    };
    let mut configured = program();
    environment(&mut configured);
    let server = Started::new(configured.env("ORIGAMI_SERVE_TILE_QUALITY", "60"), &[]);
    assert!(
        server.said.contains("3 slides: copy, tree, tree.bundle") && server.said.contains("with a token"),
        "{}",
        server.said
    );
    assert_eq!(server.get("/dzi/tree.dzi").status, 401);
    let bearer = format!("Bearer {SECRET}");
    let tile =
        |address: &str| request(address, "GET", "/tiles/tree/8/0_0.jpg", &[("Authorization", &bearer)]);
    let first = tile(server.address());
    assert_eq!((first.status, first.header("cache-control")), (200, "no-store"));
    let mut configured = program();
    environment(&mut configured);
    let finer = Started::new(&mut configured, &["--tile-quality", "95"]);
    assert!(tile(finer.address()).body.len() > first.body.len());

    let mut shown = program();
    environment(&mut shown);
    let shown: Ran = shown.args(["serve", "--print-config", "--port", "9"]).output().unwrap().into();
    let shown = shown.ok().stdout;
    let rows: Vec<Vec<_>> = shown.lines().map(|line| line.split_whitespace().collect()).collect();
    assert!(
        rows.contains(&vec!["token", "set", "ORIGAMI_SERVE_TOKEN"]) && !shown.contains(SECRET),
        "{shown}"
    );
    assert!(
        rows.contains(&vec!["port", "9", "flag"]) && rows.contains(&vec!["tile-quality", "95", "default"])
    );
    assert!(rows.contains(&vec!["cache-control", "no-store", &format!("{}:2", file.display())]), "{shown}");

    let mut wrong = program();
    let wrong: Ran = wrong.env("ORIGAMI_SERVE_PROT", "1").args(["serve", "--json"]).output().unwrap().into();
    assert_eq!(json(&wrong.stdout)["error"]["kind"], "usage");
    wrong.refused(&["ORIGAMI_SERVE_PROT", "the nearest is ORIGAMI_SERVE_PORT"]);
}

#[test]
fn its_log_has_timestamps_or_is_json() {
    let root = root();
    let server = Started::new(&mut program(), &[arg(root.path())]);
    server.signal("-TERM");
    let (code, log) = server.end();
    assert_eq!(code, Some(0));
    // 2026-01-31T12:00:00.000000Z
    let has_time =
        |line: &str| line.get(..28).is_some_and(|time| time.as_bytes()[10] == b'T' && time.ends_with("Z "));
    assert!(log.lines().count() >= 3 && log.lines().all(has_time), "{log}");
    assert_eq!(log.matches("a second signal ends them").count(), 1, "{log}");

    let server =
        Started::new(&mut program(), &[arg(root.path()), "--log-format", "json", "--json", "--open"]);
    let page = json(&server.said)["page"].as_str().unwrap().to_string();
    server.signal("-INT");
    let (code, log) = server.end();
    assert_eq!(code, Some(0));
    let lines: Vec<_> = log.lines().map(json).collect();
    assert!(lines.iter().all(|line| line["timestamp"].is_string() && line["level"].is_string()), "{log}");
    assert!(lines.iter().any(|line| line["slide"] == "short" && line["level"] == "ERROR"), "{log}");
    if std::env::var_os("DISPLAY").is_none() && std::env::var_os("WAYLAND_DISPLAY").is_none() {
        assert!(log.contains(&page) && log.contains("no browser was opened"), "{log}");
    }
}

/// The end of a terminal ends a server in order, unless nohup keeps it from that.
#[test]
fn a_hangup_ends_it_in_order_and_nohup_keeps_it() {
    let root = root();
    // Whoever runs the tests may ignore it, as under nohup.
    let mut heeds = Command::new("env");
    heeds.arg("--default-signal=HUP").arg(program().get_program());
    let server = Started::new(&mut heeds, &[arg(root.path())]);
    server.signal("-HUP");
    let (code, log) = server.end();
    assert_eq!((code, log.matches("a second signal ends them").count()), (Some(0), 1), "{log}");

    let mut kept = Command::new("nohup");
    kept.arg(program().get_program());
    let server = Started::new(&mut kept, &[arg(root.path())]);
    server.signal("-HUP");
    assert_eq!(server.get("/healthz").status, 200);
    server.signal("-TERM");
    assert_eq!(server.end().0, Some(0));
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let root = root();
    let server = Started::new(&mut program(), &[arg(root.path())]);
    // A request whose end does not come.
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\n").unwrap();
    assert_eq!(server.get("/healthz").status, 200);
    server.signal("-INT");
    let closed = || TcpStream::connect(server.address()).is_err();
    wait_until("it does not stop listening", closed);
    server.signal("-INT");
    assert_eq!(server.end().0, Some(130));
}
