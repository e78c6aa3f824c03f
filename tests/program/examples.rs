//! The examples of the help run as they are printed.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::thread;

use crate::help::read::{commands, examples, help};
use crate::kit::ffmpeg;
use crate::kit::program::origami;
use crate::script::{bash, synthetic_slide};

/// The port that examples name. Each gets a free one instead.
const PORT: &str = "8080";
/// Examples of a command; of a measurement of `bench` at least one.
const EXAMPLES: usize = 3;

/// What the folder of every command holds.
const FILES: &str = r#"
    origami bench slide --size 1100x1300 --out tissue.png
    origami pyramid slide.svs --out slides/a
    origami encode slides/a
    cp slide.svs slides/b.svs
    origami decode slides/a/residual_packs/residuals.bundle --out decoded
    origami encode slide.svs --out lossless --preset lossless
    mv lossless/residual_packs/residuals.bundle lossless.bundle
    origami encode tissue.png --out runs/a --manifest --debug-images
    head -c 32 /dev/zero >key.txt
    echo sixteen-letters-or-more >tokens.txt
    echo slides/b.svs >list.txt
    echo '{"PatientID": "4711", "PixelSpacing": [0.0005, 0.0005]}' >attributes.json
    echo '{"slide": "slide.svs", "camera": [{"time": 0}, {"time": 2, "center": [500, 400], "downsample": 1}],
        "options": {"width": 320, "height": 180, "fps": 10}}' >tour.json
"#;
/// A queue knows slides by their absolute paths, so it is made where they are.
const QUEUE: &str = "origami jobs submit --list list.txt --out results --json >queue.json";

/// The script of an example. A server is started, waited for, and ended. What an earlier one said must not be taken for its words.
fn script(command: &str, port: &str) -> String {
    let command = command.replace(PORT, port);
    let (server, then) = match command.split_whitespace().take(3).collect::<Vec<_>>()[..] {
        ["origami", "serve" | "evals", ..] if command.contains("--port") => (command.clone(), ""),
        ["origami", "serve" | "evals", ..] | ["origami", "jobs", "serve"] => {
            (format!("{command} --port 0"), "")
        }
        ["origami", "bench", "serve"] => (format!("origami serve slides --port {port}"), command.as_str()),
        // Another server may listen where this one would.
        ["origami", "doctor", "--serve"] => return format!("ORIGAMI_SERVE_PORT=0 {command}"),
        _ => return command,
    };
    format!(
        "rm -f server.log; touch server.log
         {server} >server.log 2>&1 & server=$!
         until grep -q http:// server.log; do kill -0 $server || {{ cat server.log; exit 1; }}; sleep 0.05; done
         {then}
         kill -TERM $server; wait $server"
    )
}

/// Runs the examples of a command one after another in a copy of `files`.
fn run(command: &[String], files: &Path, scratch: &Path) -> Result<(), String> {
    let folder = scratch.join(format!("of {}", command.join(" ")));
    // With the times of the sources, which archives record.
    let copied = Command::new("cp").arg("-rp").args([files, &folder]).status().unwrap();
    assert!(copied.success());
    if command.first().is_some_and(|name| name == "jobs" || name == "worker") {
        assert_eq!(bash(QUEUE, &folder, &[]), "exit status: 0");
    }
    let examples = examples(&help(command, "--help"));
    let least = if command.len() == 2 { 1 } else { EXAMPLES };
    if !(least..=EXAMPLES).contains(&examples.len()) {
        return Err(format!("{command:?}: {} examples", examples.len()));
    }
    for (does, line) in examples {
        let expected = format!("origami {}", command.join(" "));
        if !line.starts_with(&expected) {
            return Err(format!("{line}: no example of {expected}"));
        }
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port().to_string();
        let log = folder.join("example.log");
        let script = format!("exec >\"$LOG\" 2>&1\n{}", script(&line, &port));
        let status = bash(&script, &folder, &[("LOG", &log), ("HOME", &folder)]);
        if status != "exit status: 0" {
            let output = fs::read_to_string(&log).unwrap_or_default();
            return Err(format!("{does}: {line}\n{status}\n--- output\n{output}"));
        }
    }
    Ok(())
}

#[test]
fn every_example_of_the_help_runs() {
    let scratch = tempfile::tempdir().unwrap();
    let files = scratch.path().join("files");
    fs::create_dir(&files).unwrap();
    let slide = synthetic_slide(scratch.path(), 4, 5);
    fs::copy(slide, files.join("slide.svs")).unwrap();
    let log = scratch.path().join("files.log");
    let made = bash(&format!("exec >\"$LOG\" 2>&1\n{FILES}"), &files, &[("LOG", &log)]);
    assert_eq!(made, "exit status: 0", "{}", fs::read_to_string(&log).unwrap());

    let doctor = origami(&["doctor", "--json"]).ok().stdout;
    let doctor: serde_json::Value = serde_json::from_str(&doctor).unwrap();
    let has_gpu = !doctor["adapters"].as_array().unwrap().is_empty();
    let needs_gpu = |command: &[String]| command.last().is_some_and(|name| name == "gpu" || name == "doctor");
    let has_ffmpeg = ffmpeg::is_there();
    let needs_ffmpeg = |command: &[String]| {
        command.first().is_some_and(|name| name == "tour")
            && command.last().is_none_or(|name| name != "check")
    };
    let (taken, left_out): (Vec<_>, Vec<_>) = commands()
        .into_iter()
        .partition(|command| (has_gpu || !needs_gpu(command)) && (has_ffmpeg || !needs_ffmpeg(command)));
    for command in left_out {
        let lacks = if needs_gpu(&command) { "no adapter" } else { "no ffmpeg" };
        let line = format!("SKIPPED: examples of {}: {lacks}\n", command.join(" "));
        std::io::stderr().write_all(line.as_bytes()).unwrap();
    }
    let results: Vec<_> = thread::scope(|scope| {
        let runs = taken.iter().map(|command| scope.spawn(|| run(command, &files, scratch.path())));
        let runs: Vec<_> = runs.collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    assert!(results.len() > 15);
    let faults = results.into_iter().filter_map(Result::err).fold(String::new(), |mut all, fault| {
        writeln!(all, "{fault}\n").unwrap();
        all
    });
    assert!(faults.is_empty(), "{faults}");
}
