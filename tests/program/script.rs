//! Scripts that use the program, and a slide for them.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::kit::program::{PROGRAM, arg, origami};
use crate::tiff::JpegTiff;

/// A script that takes longer hangs: seconds are usual.
const TIMEOUT: Duration = Duration::from_secs(300);

/// A tiled JPEG TIFF of synthetic tissue, of so many tiles.
pub fn synthetic_slide(scratch: &Path, columns: u32, rows: u32) -> PathBuf {
    const TILE: u32 = 256;
    let (image, tree) = (scratch.join("tissue.png"), scratch.join("tissue"));
    let size = format!("{}x{}", columns * TILE, rows * TILE);
    origami(&["bench", "slide", "--size", &size, "--out", arg(&image)]).ok();
    origami(&["pyramid", arg(&image), "--out", arg(&tree), "--quiet"]).ok();
    let level = (TILE * columns.max(rows)).next_power_of_two().ilog2();
    let top = tree.join(format!("baseline_pyramid_files/{level}"));
    let tiles = (0..rows).flat_map(|y| (0..columns).map(move |x| format!("{x}_{y}.jpg")));
    let tiles = tiles.map(|name| fs::read(top.join(name)).unwrap()).collect();
    let slide = JpegTiff { width: columns * TILE, height: rows * TILE, tile: TILE, photometric: 6, tiles };
    let path = scratch.join("synthetic.svs");
    fs::write(&path, slide.bytes()).unwrap();
    path
}

/// A process and everything that it started, ended when this is dropped.
struct Group(Child);

impl Drop for Group {
    fn drop(&mut self) {
        // A negative number names the group, which holds nothing but what the page started.
        let group = format!("-{}", self.0.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
        let _ = self.0.wait();
    }
}

/// Runs a script in `work` to its end, with variables that are paths; says how it ended.
pub fn bash(script: &str, work: &Path, variables: &[(&str, &Path)]) -> String {
    let program = Path::new(PROGRAM).parent().unwrap().to_path_buf();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths([program].into_iter().chain(std::env::split_paths(&path))).unwrap();
    let mut command = Command::new("bash");
    command.args(["-euo", "pipefail", "-c", script]).current_dir(work);
    // Mesa's device selection prints an error where there is no desktop.
    command.env("PATH", path).envs(variables.iter().copied());
    command.env("NODEVICE_SELECT", "1").env_remove("RUST_LOG");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    let mut group = Group(command.spawn().unwrap());
    let started = Instant::now();
    while started.elapsed() < TIMEOUT {
        if let Some(status) = group.0.try_wait().unwrap() {
            return status.to_string();
        }
        thread::sleep(Duration::from_millis(20));
    }
    format!("not done after {} s", TIMEOUT.as_secs())
}
