//! Runs that end badly: killed at any moment, out of disk, two at once. What stands under a final name is whole.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::kit::files::{contents, no_leftovers, nothing_written};
use crate::kit::pipeline::verify_bytes;
use crate::kit::program::{PROGRAM, Ran, arg, origami, program};
use crate::kit::rng::Rng;
use crate::kit::slides::{Small, write_png};
use origami::backend::scheduler::Scheduler;

fn start(args: &[&str]) -> Child {
    program().args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Starts, kills at `after`; says whether it was killed before it ended.
fn kill_after(args: &[&str], after: Duration) -> bool {
    let mut child = start(args);
    std::thread::sleep(after);
    child.kill().unwrap();
    child.wait().unwrap().code().is_none()
}

/// Kills a command `times` times over its whole length (and a little before the end, where the renames are), checks what stands
/// after each kill, then reruns it to the end.
fn killed_anywhere(args: &[&str], out: &Path, times: u32, whole: &mut dyn FnMut(&Path)) {
    let timed = || {
        let start = Instant::now();
        origami(args).ok();
        start.elapsed()
    };
    let mut length = timed();
    let good = contents(out);
    let (mut random, mut killed) = (Rng(u64::from(times)), 0);
    for i in 0..times {
        // Every other kill falls into the last tenth.
        let share = random.below(1000) as f64 / 1000.0;
        let share = if i % 2 == 0 { share } else { 0.9 + share / 8.0 };
        killed += u32::from(kill_after(args, length.mul_f64(share)));
        whole(out);
        if i % 10 == 9 {
            length = length.min(timed());
            assert!(contents(out) == good, "other bytes after kill {i}");
        }
    }
    origami(args).ok();
    no_leftovers(out);
    assert!(contents(out) == good, "the rerun gives other bytes");
    assert!(killed >= times / 6, "{killed} of {times} came in time");
    println!("{}: {killed} kills of {times} tries over {length:?}", args[0]);
}

fn slide(dir: &Path) -> PathBuf {
    let path = dir.join("slide.png");
    write_png(&path, 1500, 1300, 5);
    path
}

fn verify_all(dir: &Path) {
    let scheduler = Scheduler::new(1).unwrap();
    for (name, bytes) in contents(dir) {
        if name.ends_with(".bundle") || name.ends_with(".pack") {
            verify_bytes(&bytes, false, &scheduler).unwrap_or_else(|e| panic!("{name}: {e}"));
        }
    }
}

/// If the descriptor stands, so does every tile; if the tiles stand, all of them do.
fn tree_whole(dir: &Path, name: &str, good: &[(String, Vec<u8>)]) {
    let now = contents(dir);
    let part = |all: &[(String, Vec<u8>)], what: &str| -> Vec<(String, Vec<u8>)> {
        all.iter().filter(|(file, _)| file.starts_with(what)).cloned().collect()
    };
    let (files, dzi) = (format!("{name}_files/"), format!("{name}.dzi"));
    let tiles = part(&now, &files);
    assert!(tiles.is_empty() || tiles == part(good, &files), "half a tree under its final name");
    if let Some(found) = part(&now, &dzi).first() {
        assert!(!tiles.is_empty() && good.contains(found), "a descriptor without its tiles");
    }
}

#[test]
fn an_encode_killed_at_any_moment_leaves_whole_archives_and_can_be_rerun() {
    let dir = tempfile::tempdir().unwrap();
    let (image, out) = (slide(dir.path()), dir.path().join("out"));
    let args = ["encode", "--image", arg(&image), "--tile", "64", "--out", arg(&out), "--pack", "--manifest"];
    killed_anywhere(&args, &out, 30, &mut verify_all);
    // Over an older bundle: the older or the new one.
    let other = [&args[..7], &["--l0q", "20"]].concat();
    let bundle = out.join("residual_packs/residuals.bundle");
    let older = fs::read(&bundle).unwrap();
    origami(&other).ok();
    let newer = fs::read(&bundle).unwrap();
    assert_ne!(older, newer);
    for i in 0..10 {
        fs::write(&bundle, &older).unwrap();
        kill_after(&other, Duration::from_millis(20 * i));
        let now = fs::read(&bundle).unwrap();
        assert!(now == older || now == newer, "neither the older nor the newer bundle");
    }
}

#[test]
fn a_pyramid_killed_at_any_moment_leaves_a_whole_tree_or_none() {
    let dir = tempfile::tempdir().unwrap();
    let (image, out, clean) = (slide(dir.path()), dir.path().join("out"), dir.path().join("clean"));
    let args = |out| ["pyramid", arg(&image), "--tile", "64", "--out", out, "--overwrite"];
    origami(&args(arg(&clean))).ok();
    let good = contents(&clean);
    let mut whole = |dir: &Path| tree_whole(dir, "baseline_pyramid", &good);
    killed_anywhere(&args(arg(&out)), &out, 14, &mut whole);
    assert!(contents(&out) == good);
    // Killed between the two renames: the rerun needs no --overwrite.
    fs::rename(out.join("baseline_pyramid.dzi"), out.join(".baseline_pyramid.dzi.part")).unwrap();
    origami(&args(arg(&out))[..6]).ok();
    assert!(contents(&out) == good);
}

#[test]
fn a_decode_killed_at_any_moment_leaves_a_whole_tree_or_none() {
    let dir = tempfile::tempdir().unwrap();
    let (image, enc, out) = (slide(dir.path()), dir.path().join("enc"), dir.path().join("out"));
    origami(&["encode", "--image", arg(&image), "--tile", "64", "--out", arg(&enc)]).ok();
    let bundle = enc.join("residual_packs/residuals.bundle");
    let clean = dir.path().join("clean");
    let args = |out| ["decode", "--bundle", arg(&bundle), "--out", out, "--overwrite"];
    origami(&args(arg(&clean))).ok();
    let good = contents(&clean);
    killed_anywhere(&args(arg(&out)), &out, 14, &mut |dir| tree_whole(dir, "decoded_pyramid", &good));
}

#[test]
fn two_runs_into_one_directory_end_whole_or_say_that_the_other_is_at_work() {
    let dir = tempfile::tempdir().unwrap();
    let image = slide(dir.path());
    let (enc, dec, pyr) = (dir.path().join("enc"), dir.path().join("dec"), dir.path().join("pyr"));
    let bundle = enc.join("residual_packs/residuals.bundle");
    let encode = ["encode", "--image", arg(&image), "--tile", "64", "--out", arg(&enc), "--pack"];
    let decode = ["decode", "--bundle", arg(&bundle), "--out", arg(&dec), "--overwrite"];
    let pyramid = ["pyramid", arg(&image), "--tile", "64", "--out", arg(&pyr), "--overwrite"];
    for (args, out) in [(&encode[..], &enc), (&decode, &dec), (&pyramid, &pyr)] {
        origami(args).ok();
        let good = contents(out);
        let mut won = 0;
        for _ in 0..4 {
            let run = || program().args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            for child in [run(), run(), run()] {
                let ran = Ran::from(child.wait_with_output().unwrap());
                if ran.code == Some(0) {
                    won += 1;
                } else {
                    ran.ends(4, &["another", arg(out), "choose another --out"]);
                }
            }
            assert!(contents(out) == good, "{args:?}: other bytes");
        }
        assert!(won >= 4, "{args:?}: {won} of 12 ended");
        no_leftovers(out);
        println!("{}: {won} of 12 ended whole, the others were told", args[0]);
    }
}

/// Runs with files limited to `blocks` of 512 or 1024 bytes (the shell decides): writes beyond fail, as on a full disk.
fn limited(blocks: u32, args: &[&str]) -> Ran {
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
    Command::new("sh").args(["-c", &script, PROGRAM]).args(args).output().unwrap().into()
}

#[test]
fn a_disk_that_fills_up_leaves_nothing() {
    let s = Small::new();
    let (image, out) = (s.path("a.png"), s.path("never"));
    write_png(&image, 700, 600, 2);
    let big = s.path("big");
    origami(&["encode", "--image", arg(&image), "--out", arg(&big), "--pack", "-q"]).ok();
    let bundle = big.join("residual_packs/residuals.bundle");
    for blocks in [0, 1, 8, 20] {
        let o = arg(&out);
        limited(blocks, &["encode", "--image", arg(&image), "--out", o, "--pack"])
            .fails(&["cannot write", "never"]);
        nothing_written(&out);
        limited(blocks, &["pyramid", arg(&image), "--out", o]).fails(&["cannot write", "never"]);
        nothing_written(&out);
        limited(blocks, &["decode", "--bundle", arg(&bundle), "--out", o]).fails(&["cannot write", "never"]);
        nothing_written(&out);
    }
    // An older bundle outlives it.
    let before = fs::read(&bundle).unwrap();
    limited(8, &["encode", "--image", arg(&image), "--out", arg(&big), "--l0q", "90"])
        .fails(&["cannot write"]);
    assert!(fs::read(&bundle).unwrap() == before);
    no_leftovers(&big);
}
