//! Bundles of a few kilobytes that claim gigabytes: refused with one line, before any memory is asked for.

use std::fs;
use std::process::Command;

use crate::kit::files::nothing_written;
use crate::kit::forge::write_sparse;
use crate::kit::program::{PROGRAM, Ran, arg};
use crate::kit::slides::Small;

/// Runs the program with less memory than the least of the claims.
fn limited(args: &[&str]) -> Ran {
    const KIB: u32 = 2_500_000;
    let script = format!("ulimit -v {KIB} && exec \"$0\" \"$@\"");
    Command::new("sh").args(["-c", &script, PROGRAM]).args(args).output().unwrap().into()
}

#[test]
fn bundles_that_claim_gigabytes_are_damaged() {
    let small = Small::new();
    let good = fs::read(&small.bundle).unwrap();
    let cpu = ["--backend", "cpu", "--threads", "2"];
    // With this limit the program does its work.
    limited(&[&["verify", "--deep", arg(&small.bundle)][..], &cpu].concat()).ok();
    let out = small.path("never");
    for (name, says) in write_sparse(small.dir.path(), &good) {
        let bundle = small.path(name);
        let says = [name, says];
        limited(&["inspect", arg(&bundle)]).damaged(&says);
        limited(&["verify", arg(&bundle)]).damaged(&says);
        limited(&[&["verify", "--deep", arg(&bundle)][..], &cpu].concat()).damaged(&says);
        limited(&[&["decode", "--bundle", arg(&bundle), "--out", arg(&out)][..], &cpu].concat())
            .damaged(&says);
        nothing_written(&out);
    }
}
