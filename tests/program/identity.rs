//! Identical numerics: the same bytes with every instruction set, in our kernels and in libjpeg-turbo.
//!
//! The program is run as it is, with its kernels lowered to scalar (`ORIGAMI_CPU`), and with libjpeg-turbo's SIMD off
//! (`JSIMD_FORCENONE`, libjpeg-turbo's own switch). A promise of the format hangs on each comparison.

use std::path::Path;

use crate::kit::files::contents;
use crate::kit::program::{Ran, origami, program};

fn run(args: &[&str], env: &[(&str, &str)]) {
    let mut command = program();
    command.args(args).env_remove("ORIGAMI_CPU").env_remove("JSIMD_FORCENONE").envs(env.iter().copied());
    Ran::from(command.output().unwrap()).ok();
}

#[test]
fn every_instruction_set_writes_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).display().to_string();
    run(&["bench", "slide", "--size", "1301x1177", "--out", &at("slide.png")], &[]);
    run(&["pyramid", &at("slide.png"), "--out", &at("tree")], &[]);
    let sets: [&[(&str, &str)]; 4] = [
        &[],
        &[("ORIGAMI_CPU", "scalar")],
        &[("JSIMD_FORCENONE", "1")],
        &[("ORIGAMI_CPU", "scalar"), ("JSIMD_FORCENONE", "1")],
    ];
    let flags: [&[&str]; 3] = [
        &[],
        &["--optl2", "--sharpen", "0.4", "--subsamp", "420opt", "--l0-scale", "50"],
        &[
            "--upsample-filter",
            "bicubic",
            "--downsample-filter",
            "bilinear",
            "--save-sharpened",
            "--sharpen",
            "1",
        ],
    ];
    for (i, flags) in flags.iter().enumerate() {
        let mut first = None;
        for env in sets {
            let out = dir.path().join(format!("out{i}"));
            drop(std::fs::remove_dir_all(&out));
            let out = out.display().to_string();
            let mut args = vec!["encode", "--quiet", "--manifest", "--pyramid"];
            let tree = at("tree");
            args.extend([tree.as_str(), "--out", out.as_str()]);
            args.extend(*flags);
            run(&args, env);
            let bundle = format!("{out}/residual_packs/residuals.bundle");
            for format in ["jpeg", "png"] {
                let to = format!("{out}/{format}");
                run(
                    &["decode", "--quiet", "--bundle", &bundle, "--out", &to, "--output-format", format],
                    env,
                );
            }
            let now = contents(Path::new(&out));
            let want = first.get_or_insert_with(|| now.clone());
            assert_eq!(want.len(), now.len());
            for ((name, a), (other, b)) in want.iter().zip(&now) {
                assert_eq!(name, other);
                let at = a.iter().zip(b).position(|(a, b)| a != b);
                assert!(a == b, "{flags:?} with {env:?}: {name} differs at byte {at:?}");
            }
        }
    }
}

#[test]
fn every_kernel_has_a_bench() {
    let kernels = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/kernels");
    let support = ["mod", "level", "taps", "testing"];
    let mut files: Vec<String> = std::fs::read_dir(kernels)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .filter(|name| !support.contains(&name.as_str()))
        .collect();
    files.sort();
    files.dedup();
    let report = origami(&["bench", "kernels", "--json"]).ok().stdout;
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    let rows = report["kernels"].as_array().unwrap();
    let mut benches: Vec<String> =
        rows.iter().map(|row| row["kernel"].as_str().unwrap().to_string()).collect();
    benches.sort();
    benches.dedup();
    assert_eq!(files, benches, "src/kernels/*.rs on the left, `origami bench kernels` on the right");
}
