//! What `encode` says to a person at a terminal, and to nobody else.

use std::process::Command;

use crate::kit::program::{PROGRAM, arg, origami};
use crate::kit::slides::Small;

const ADVICE: &str = "--preset balanced makes it about 23% smaller";
const DETAILS: &str = "  view     origami serve ";

/// Runs `origami encode` on a terminal, which `script` of util-linux makes; returns what it shows.
fn on_a_terminal(small: &Small, flags: &str) -> String {
    let (tree, out) = (small.dzi.parent().unwrap(), small.path("shown"));
    let line = format!("'{PROGRAM}' encode '{}' --out '{}' --overwrite {flags}", arg(tree), arg(&out));
    let ran = Command::new("script").args(["-qec", &line, "/dev/null"]).output().unwrap();
    let shown = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(ran.status.success(), "{line}: {shown}");
    shown
}

#[test]
fn a_terminal_gets_details_and_advice_where_nothing_was_chosen() {
    let small = Small::new();
    let shown = on_a_terminal(&small, "");
    let said = [ADVICE, DETAILS, "the tree's tiles have ", "baseline 95, residual 50, chroma from L2"];
    for said in said {
        assert!(shown.contains(said), "{said:?} in {shown}");
    }
    for chosen in ["--preset small", "--quality 60", "--l0q 50", "--encoder mozjpeg", "--target-psnr 30"] {
        let shown = on_a_terminal(&small, chosen);
        assert!(shown.contains(DETAILS) && !shown.contains(ADVICE), "{chosen}: {shown}");
    }
    assert_eq!(on_a_terminal(&small, "--quiet"), "");
    let shown = on_a_terminal(&small, "--json --progress none");
    assert!(!shown.contains(ADVICE) && !shown.contains(DETAILS), "{shown}");
}

#[test]
fn a_pipe_gets_one_line() {
    let small = Small::new();
    let ran = origami(&["encode", arg(&small.dzi), "--out", arg(&small.path("piped"))]).ok();
    assert_eq!(ran.stdout.lines().count(), 1, "{ran:?}");
    assert!(!ran.stderr.contains(ADVICE), "{ran:?}");
}
