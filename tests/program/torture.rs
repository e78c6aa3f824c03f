//! Odd and broken images from outside: each ends in a bundle that verifies, or in one line that names the file.

use crate::kit::data::test_data;
use crate::kit::files::{listing, nothing_written};
use crate::kit::program::{Ran, arg, origami, program};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(60);

fn run(args: &[&str]) -> Ran {
    let start = Instant::now();
    let mut child = program().args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while child.try_wait().unwrap().is_none() {
        if start.elapsed() > LIMIT {
            child.kill().unwrap();
            panic!("{args:?} took more than {LIMIT:?}");
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    child.wait_with_output().unwrap().into()
}

fn images(dir: &Path) -> Vec<PathBuf> {
    let wanted = ["png", "jpg", "jpeg", "svs", "tif"];
    let found = listing(dir).into_iter().map(|name| dir.join(name));
    found.filter(|p| p.extension().is_some_and(|e| wanted.iter().any(|w| e == *w))).collect()
}

fn each_ends_in_a_bundle_or_a_clear_error(files: &[PathBuf]) {
    let dir = tempfile::tempdir().unwrap();
    let (mut whole, mut refused) = (0, 0);
    for (i, file) in files.iter().enumerate() {
        for (flag, tile) in [("--image", "256"), ("--slide", "64")] {
            let out = dir.path().join(format!("{i}{flag}"));
            let args =
                ["encode", flag, arg(file), "--out", arg(&out), "--tile", tile, "--max-memory", "64", "-q"];
            let ran = run(&args);
            if ran.code == Some(0) {
                origami(&["verify", "--deep", "-q", arg(&out.join("residual_packs/residuals.bundle"))]).ok();
                whole += 1;
            } else {
                let name = file.file_name().unwrap().to_str().unwrap();
                // What is no image or too large is refused, and what is damaged is reported as that.
                let code = if ran.code == Some(3) { 3 } else { 1 };
                println!("{}", ran.ends(code, &[name]).stderr.trim_end());
                nothing_written(&out);
                refused += 1;
            }
            drop(fs::remove_dir_all(&out));
        }
    }
    println!("{} images, {whole} bundles verified, {refused} refused with a clear error", files.len());
    assert!(!files.is_empty());
}

#[test]
fn torture_images_end_in_a_bundle_or_a_clear_error() {
    let Some(data) = test_data("torture") else { return };
    each_ends_in_a_bundle_or_a_clear_error(&images(&data.join("torture")));
}

#[test]
fn slides_and_photos_end_in_a_bundle() {
    let Some(data) = test_data("slides and photos") else { return };
    let files: Vec<_> = fs::read_dir(data.join("dev")).unwrap().map(|e| e.unwrap().path()).collect();
    let wanted = images(&data.join("dev"));
    each_ends_in_a_bundle_or_a_clear_error(
        &wanted.into_iter().filter(|p| files.contains(p)).collect::<Vec<_>>(),
    );
}
