//! The program that tours are coded by. Tests that want it say SKIPPED without it.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;

/// Whether there is one, with ffprobe.
pub fn is_there() -> bool {
    ["ffmpeg", "ffprobe"]
        .iter()
        .all(|program| Command::new(program).arg("-version").output().is_ok_and(|o| o.status.success()))
}

/// As [`is_there`]; says SKIPPED where it is not.
pub fn or_skip(test: &str) -> bool {
    if !is_there() {
        // Not captured by the test harness.
        std::io::stderr().write_all(format!("SKIPPED: {test}: no ffmpeg\n").as_bytes()).unwrap();
    }
    is_there()
}

/// Whether there is a Chromium, for captions with effects; says SKIPPED where there is none.
pub fn chromium_or_skip(test: &str) -> bool {
    let starts = |name: &&str| Command::new(name).arg("--version").output().is_ok_and(|o| o.status.success());
    let found = ["chromium", "chromium-browser", "google-chrome", "chrome"].iter().any(starts);
    if !found {
        std::io::stderr().write_all(format!("SKIPPED: {test}: no Chromium\n").as_bytes()).unwrap();
    }
    found
}

/// The pixels of a picture: interleaved RGB.
pub fn pixels(picture: &Path) -> Vec<u8> {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-i"]).arg(picture).args(["-f", "rawvideo", "-pix_fmt", "rgb24", "-"]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// The MD5 of each frame's pixels.
pub fn frames(video: &Path) -> Vec<String> {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-i"]).arg(video).args(["-map", "0:v", "-f", "framemd5", "-"]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let of = |line: &str| line.rsplit(',').next().unwrap().trim().to_string();
    text.lines().filter(|line| !line.starts_with('#')).map(of).collect()
}
