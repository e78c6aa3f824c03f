//! SIGINT and SIGTERM: a run ends within a second with exit code 130 and a line that says what it leaves behind.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::kit::files::{contents, listing, no_leftovers, nothing_written};
use crate::kit::program::{Ran, arg, origami, program};
use crate::kit::slides::Small;

/// A run that has not ended by then hangs. It ends within a second where the machine has time for it.
const LIMIT: Duration = Duration::from_secs(60);

fn start(args: &[&str]) -> Child {
    program().args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn send(signal: &str, child: &Child) {
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
}

/// Waits until `begun`; the child must not have ended by then.
fn wait_until(child: &mut Child, begun: impl Fn() -> bool) {
    let started = Instant::now();
    while !begun() {
        assert!(child.try_wait().unwrap().is_none(), "it has ended already");
        assert!(started.elapsed() < Duration::from_secs(60), "it has not begun");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Sends the signal and waits for the end. Returns what the one line on standard error says.
fn interrupted(child: Child, signal: &str) -> String {
    let sent = Instant::now();
    send(signal, &child);
    let ran = Ran::from(child.wait_with_output().unwrap());
    let after = sent.elapsed();
    assert_eq!(ran.code, Some(130), "{ran:?}");
    assert!(after < LIMIT, "{after:?}");
    let line = ran.stderr.strip_prefix("origami: interrupted").unwrap_or_else(|| panic!("{ran:?}"));
    assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
    line.trim_end().to_string()
}

/// A slide whose encode takes several seconds.
fn large_slide(dir: &Path) -> String {
    let png = dir.join("large.png");
    origami(&["bench", "slide", "--size", "3000x3000", "--out", arg(&png)]).ok();
    arg(&png).to_string()
}

#[test]
fn an_interrupted_run_writes_nothing_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let (slide, out) = (large_slide(dir.path()), dir.path().join("out"));
    let tree = dir.path().join("tree");
    origami(&["pyramid", &slide, "--tile", "64", "--out", arg(&tree), "-q"]).ok();
    let source = dir.path().join("source");
    origami(&["encode", "--pyramid", arg(&tree), "--out", arg(&source), "-q"]).ok();
    let bundle = source.join("residual_packs/residuals.bundle");
    for (args, result, begun) in [
        (
            vec!["encode", "--pyramid", arg(&tree), "--optl2", "--out", arg(&out)],
            "residual_packs/residuals.bundle",
            ".residuals.spool.part",
        ),
        (vec!["decode", "--bundle", arg(&bundle), "--out", arg(&out)], "decoded_pyramid.dzi", "_files.part"),
        (vec!["pyramid", &slide, "--tile", "64", "--out", arg(&out)], "baseline_pyramid.dzi", "_files.part"),
    ] {
        for signal in ["-INT", "-TERM"] {
            let mut child = start(&args);
            wait_until(&mut child, || listing(&out).iter().any(|name| name.contains(begun)));
            let said = interrupted(child, signal);
            assert_eq!(said, format!(": {} was not written", out.join(result).display()));
            nothing_written(&out);
        }
    }
}

#[test]
fn an_older_bundle_outlives_an_interrupted_encode() {
    let s = Small::new();
    let slide = large_slide(s.dir.path());
    let (out, before) = (s.path("out"), fs::read(&s.bundle).unwrap());
    let spool = s.bundle.with_file_name(".residuals.spool.part");
    let mut child = start(&["encode", "--image", &slide, "--optl2", "--out", arg(&out)]);
    wait_until(&mut child, || spool.exists());
    let said = interrupted(child, "-INT");
    assert_eq!(said, format!(": {} was not written; the older one stands", s.bundle.display()));
    assert!(fs::read(&s.bundle).unwrap() == before);
    no_leftovers(&out);
}

#[test]
fn a_family_that_takes_longer_than_a_second_does_not_delay_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let (slide, out) = (large_slide(dir.path()), dir.path().join("out"));
    // One family, whose L2 is optimised for seconds.
    let encode = ["encode", "--image", &slide, "--tile", "1024", "--optl2", "--out", arg(&out)];
    let spool = out.join("residual_packs/.residuals.spool.part");
    let begun = || spool.exists();
    let bundle = out.join("residual_packs/residuals.bundle");
    let mut child = start(&encode);
    wait_until(&mut child, begun);
    assert_eq!(interrupted(child, "-INT"), format!(": {} was not written", bundle.display()));
    assert!(!bundle.exists());
    // A second signal does not wait for that second, and does not speak. What the first run left would look like a beginning.
    // A fast machine finishes the family in time, and the run removes it.
    drop(fs::remove_file(&spool));
    let mut child = start(&encode);
    wait_until(&mut child, begun);
    let sent = Instant::now();
    send("-INT", &child);
    while child.try_wait().unwrap().is_none() && sent.elapsed() < LIMIT {
        std::thread::sleep(Duration::from_millis(20));
        Command::new("kill").args(["-INT", &child.id().to_string()]).stderr(Stdio::null()).status().unwrap();
    }
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(!bundle.exists());
    // What is left of both does not disturb the next run.
    origami(&["encode", "--image", &slide, "--max-parents", "1", "--out", arg(&out), "-q"]).ok();
    no_leftovers(&out);
}

#[test]
fn a_verify_of_many_files_ends_between_them() {
    let s = Small::new();
    let files = vec![arg(&s.bundle); 3000];
    let mut child = start(&[&["verify", "--deep", "--threads", "1"], &files[..]].concat());
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    lines.read_line(&mut String::new()).unwrap();
    // The rest is read, so that the pipe does not fill up.
    let reader = std::thread::spawn(move || lines.lines().count());
    assert_eq!(interrupted(child, "-INT"), ": nothing was written");
    assert!(reader.join().unwrap() < 2999);
}

#[test]
fn a_comparison_ends_without_its_picture() {
    let dir = tempfile::tempdir().unwrap();
    let (slide, picture) = (large_slide(dir.path()), dir.path().join("picture.png"));
    let compare = ["compare", &slide, &slide, "--threads", "1", "--progress", "json", "--picture"];
    let mut child = start(&[&compare[..], &[arg(&picture)]].concat());
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    stderr.read_line(&mut String::new()).unwrap();
    send("-INT", &child);
    let last = stderr.lines().last().unwrap().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(last, format!("origami: interrupted: {} was not written", picture.display()));
    assert!(!picture.exists());
    no_leftovers(dir.path());
}

#[test]
fn a_bench_removes_its_directory() {
    let dir = tempfile::tempdir().unwrap();
    let mut bench = program();
    bench.args(["bench", "encode", "--side", "4096"]).env("TMPDIR", dir.path());
    let mut child = bench.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until(&mut child, || listing(dir.path()).iter().any(|name| name.contains("slide.png")));
    assert_eq!(interrupted(child, "-INT"), ": nothing was written");
    assert!(contents(dir.path()).is_empty());
}

#[test]
fn a_synthetic_slide_gets_its_name_when_it_is_whole() {
    let dir = tempfile::tempdir().unwrap();
    let (png, part) = (dir.path().join("slide.png"), dir.path().join(".slide.png.part"));
    let mut child = start(&["bench", "slide", "--size", "20000x20000", arg(&png)]);
    wait_until(&mut child, || part.metadata().is_ok_and(|of| of.len() > 0));
    assert!(!png.exists(), "half a picture under its final name");
    assert_eq!(interrupted(child, "-INT"), format!(": {} was not written", png.display()));
    assert!(contents(dir.path()).is_empty());
    // Nor over an older one.
    fs::write(&png, "older").unwrap();
    let mut child = start(&["bench", "slide", "--size", "20000x20000", "--overwrite", arg(&png)]);
    wait_until(&mut child, || part.metadata().is_ok_and(|of| of.len() > 0));
    send("-KILL", &child);
    assert_eq!(child.wait().unwrap().code(), None);
    assert_eq!(fs::read(&png).unwrap(), b"older");
}
