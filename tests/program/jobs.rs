//! Many slides: workers that are killed, asked to leave, and started again.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::kit::files::contents;
use crate::kit::object_server::{Fault, ObjectServer};
use crate::kit::program::{Ran, arg, origami, program};
use crate::kit::slides::write_png;

/// A test that has not ended by then hangs.
const LIMIT: Duration = Duration::from_secs(300);
const LEASE: &str = "600ms";

/// Slides in a directory, and where results go.
struct Site {
    dir: tempfile::TempDir,
}

impl Site {
    fn new(slides: u64) -> Self {
        let site = Self { dir: tempfile::tempdir().unwrap() };
        fs::create_dir(site.path("slides")).unwrap();
        for n in 0..slides {
            write_png(&site.path(&format!("slides/{n}.png")), 150, 130, n);
        }
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn out(&self) -> String {
        arg(&self.path("out")).into()
    }

    /// PNGs are taken where they are named: as a list.
    fn submit(&self) -> Ran {
        let mut slides: Vec<_> =
            fs::read_dir(self.path("slides")).unwrap().map(|entry| entry.unwrap().path()).collect();
        slides.sort();
        let lines: Vec<_> = slides.iter().map(|slide| arg(slide)).collect();
        fs::write(self.path("list"), lines.join("\n")).unwrap();
        origami(&["jobs", "submit", "--list", arg(&self.path("list")), "--tile", "32", "--out", &self.out()])
    }

    fn worker(&self, more: &[&str]) -> Child {
        self.worker_with_lease(LEASE, more)
    }

    fn worker_with_lease(&self, lease: &str, more: &[&str]) -> Child {
        let args = ["worker", "--out", &self.out(), "--lease", lease, "--threads", "1", "--backend", "cpu"];
        let attempts = ["--attempts", "1000"];
        program().args(args).args(attempts).args(more).stdout(Stdio::null()).spawn().unwrap()
    }

    fn status(&self) -> Value {
        let ran = origami(&["jobs", "status", "--out", &self.out(), "--json"]).ok();
        serde_json::from_str(&ran.stdout).unwrap()
    }

    fn reconcile(&self, more: &[&str]) -> Value {
        let out = self.out();
        let args = [&["jobs", "reconcile", "--out", &out, "--json"], more].concat();
        serde_json::from_str(&origami(&args).ok().stdout).unwrap()
    }

    /// Every slide has one manifest, whose bundle has the bytes of `encode`; nothing else is there.
    fn check(&self, slides: usize) {
        let units = self.path("out/units");
        let mut sources = BTreeSet::new();
        for unit in fs::read_dir(&units).unwrap().map(|entry| entry.unwrap().path()) {
            let manifest: Value =
                serde_json::from_slice(&fs::read(unit.join("manifest.json")).unwrap()).unwrap();
            let source = manifest["unit"]["source"].as_str().unwrap().to_string();
            let files = self.path("out").join(manifest["path"].as_str().unwrap());
            let serial = self.path("serial").join(Path::new(&source).file_stem().unwrap());
            origami(&["encode", "-q", &source, "--tile", "32", "--backend", "cpu", "--out", arg(&serial)])
                .ok();
            assert!(contents(&files) == contents(&serial), "{source}");
            let attempts = fs::read_dir(unit.join("attempts")).unwrap().count();
            assert_eq!(attempts, 1, "{source}: attempts that do not count are left");
            sources.insert(source);
        }
        assert_eq!(sources.len(), slides);
    }
}

fn send(signal: &str, child: &Child) {
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < LIMIT, "{what}");
        sleep(Duration::from_millis(20));
    }
}

#[test]
fn killed_workers_and_a_lost_queue_lose_nothing_and_do_nothing_twice() {
    let slides = 24;
    let site = Site::new(slides);
    site.submit().ok();
    let mut workers: Vec<_> = (0..3).map(|_| site.worker(&["--slots", "2"])).collect();
    let done = || site.status()["units"]["done"]["units"].as_u64().unwrap();
    // Kill the one or the other while a third of the slides becomes done.
    let mut number = 0;
    while done() < slides / 3 {
        sleep(Duration::from_millis(250));
        number = (number * 7 + 3) % workers.len();
        workers[number].kill().unwrap();
        workers[number].wait().unwrap();
        workers[number] = site.worker(&["--slots", "2"]);
    }
    // Everything stops, and the queue is lost.
    for worker in &mut workers {
        worker.kill().unwrap();
        worker.wait().unwrap();
    }
    for name in ["jobs.queue", "jobs.queue-wal", "jobs.queue-shm"] {
        drop(fs::remove_file(site.path("out").join(name)));
    }
    let found = site.reconcile(&[]);
    assert_eq!(found["done"].as_u64().unwrap() + found["open"].as_u64().unwrap(), slides);
    assert!(found["done"].as_u64().unwrap() >= slides / 3, "{found}");
    // A second submit of everything is none.
    assert!(site.submit().ok().stdout.contains(&format!("0 new, {slides} known already")));
    let workers: Vec<_> = (0..2).map(|_| site.worker(&["--until-empty"])).collect();
    for mut worker in workers {
        assert!(worker.wait().unwrap().success());
    }
    let status = site.status();
    assert_eq!(status["units"]["done"]["units"], slides, "{status}");
    let listed = site.reconcile(&[]);
    let cleaned = site.reconcile(&["--clean"]);
    assert_eq!(listed["left_over"], cleaned["left_over"], "it lists what it removes");
    assert_eq!(cleaned["removed"], cleaned["left_over"].as_array().unwrap().len());
    site.check(usize::try_from(slides).unwrap());
}

#[test]
fn a_worker_that_is_asked_to_leave_hands_its_units_back_at_once() {
    let site = Site::new(0);
    let slide = site.path("slides/large.png");
    origami(&["bench", "slide", "--size", "3000x3000", "--out", arg(&slide)]).ok();
    // The slowest coding there is: a worker is at work on it for many seconds.
    origami(&["jobs", "submit", arg(&slide), "--preset", "archive", "--out", &site.out()]).ok();
    for signal in ["-TERM", "-INT"] {
        let mut worker = site.worker_with_lease("1h", &[]);
        wait_until("it does not begin", || site.status()["running"][0].is_object());
        send(signal, &worker);
        assert!(worker.wait().unwrap().success());
        let status = site.status();
        assert_eq!(status["units"]["waiting"]["units"], 1, "{status}");
        assert_eq!(status["dead"].as_array().unwrap().len(), 0);
    }
    // What it had written is gone.
    assert_eq!(site.reconcile(&["--older-than", "0s"])["left_over"].as_array().unwrap().len(), 0);
}

#[test]
fn what_is_cancelled_can_be_tried_again() {
    let site = Site::new(2);
    site.submit().ok();
    let slide = site.path("slides/1.png");
    let jobs = |args: &[&str]| origami(&[&["jobs"], args, &["--out", &site.out()]].concat());
    assert!(jobs(&["cancel", arg(&slide)]).ok().stdout.contains(": 1 cancelled"));
    assert!(site.worker(&["--until-empty"]).wait().unwrap().success());
    assert_eq!(site.status()["units"]["cancelled"]["units"], 1);
    assert!(jobs(&["retry", "--all"]).ok().stdout.contains(": 1 to be tried again"));
    assert!(site.worker(&["--until-empty"]).wait().unwrap().success());
    site.check(2);
    jobs(&["cancel", "nothing"]).refused(&["nothing", "no unit of"]);
    jobs(&["cancel"]).refused(&["--all"]);
}

#[test]
fn bundles_are_verified_and_decoded_as_units() {
    let site = Site::new(1);
    let (slide, coded) = (site.path("slides/0.png"), site.path("coded"));
    origami(&["encode", "-q", arg(&slide), "--tile", "32", "--out", arg(&coded)]).ok();
    let bundle = coded.join("residual_packs/residuals.bundle");
    for kind in [&["--kind", "verify", "--deep"][..], &["--kind", "decode", "--tile-quality", "80"]] {
        origami(&[&["jobs", "submit", arg(&bundle), "--out", &site.out()], kind].concat()).ok();
    }
    assert!(site.worker(&["--until-empty"]).wait().unwrap().success());
    let tree = site.path("decoded");
    origami(&["decode", "-q", arg(&bundle), "--quality", "80", "--out", arg(&tree)]).ok();
    let mut seen = 0;
    for unit in fs::read_dir(site.path("out/units")).unwrap().map(|entry| entry.unwrap().path()) {
        let manifest: Value = serde_json::from_slice(&fs::read(unit.join("manifest.json")).unwrap()).unwrap();
        let files = site.path("out").join(manifest["path"].as_str().unwrap());
        match manifest["unit"]["task"]["kind"].as_str().unwrap() {
            "decode" => assert!(contents(&files) == contents(&tree)),
            _ => {
                let report: Value =
                    serde_json::from_slice(&fs::read(files.join("report.json")).unwrap()).unwrap();
                assert_eq!(report["proved"], 4);
            }
        }
        seen += 1;
    }
    assert_eq!(seen, 2);
}

/// A secret that must appear nowhere.
const SECRET: &str = "planted-secret-4f1c";

/// Encodes slides of a bucket into a bucket, with two workers that race. Returns what was printed.
fn encode_in_buckets(site: &Site, server: &ObjectServer, slides: u64) -> String {
    let lines: Vec<_> = (0..slides).map(|n| format!("s3://slides/{n}.png")).collect();
    for n in 0..slides {
        server.put(&format!("slides/{n}.png"), &fs::read(site.path(&format!("slides/{n}.png"))).unwrap());
    }
    fs::write(site.path("list"), lines.join("\n")).unwrap();
    let queue = site.path("queue");
    let run = |args: &[&str]| {
        let mut program = program();
        program.args(args).args(["--queue", arg(&queue)]).envs(server.environment(SECRET));
        program.env("RUST_LOG", "debug").stdout(Stdio::piped()).stderr(Stdio::piped());
        program.spawn().unwrap()
    };
    let said = |child: Child| {
        let out = child.wait_with_output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr))
    };
    let list = site.path("list");
    let submit = ["jobs", "submit", "--list", arg(&list), "--tile", "32", "--out", "s3://bucket/results"];
    let mut printed = said(run(&submit));
    let worker =
        ["worker", "--until-empty", "--backend", "cpu", "--threads", "1", "--scratch", arg(site.dir.path())];
    let workers = [run(&worker), run(&worker)];
    // The arguments of the workers are what `ps` shows.
    for child in &workers {
        let shown = fs::read(format!("/proc/{}/cmdline", child.id())).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&shown).contains(SECRET));
    }
    workers.map(said).iter().for_each(|text| printed += text);
    printed += &said(run(&["jobs", "status"]));
    printed += &said(run(&["jobs", "reconcile", "--out", "s3://bucket/results"]));
    printed += &String::from_utf8_lossy(&fs::read(&queue).unwrap());
    printed
}

/// Every slide has one manifest, whose bundle has the bytes of `encode`; no other attempt is left.
fn check_buckets(site: &Site, server: &ObjectServer, slides: usize) {
    let paths = server.paths();
    let manifests: Vec<_> = paths.iter().filter(|path| path.ends_with("/manifest.json")).collect();
    assert_eq!(manifests.len(), slides, "{paths:?}");
    let mut counted = BTreeSet::new();
    for path in manifests {
        let manifest: Value = serde_json::from_slice(&server.object(path).unwrap()).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_string();
        let main = format!("bucket/results/{}/{}", text(&manifest["path"]), text(&manifest["main"]));
        let slide = site.path(text(&manifest["unit"]["source"]).strip_prefix("s3://").unwrap());
        let serial = site.path("serial").join(slide.file_stem().unwrap());
        origami(&["encode", "-q", arg(&slide), "--tile", "32", "--backend", "cpu", "--out", arg(&serial)])
            .ok();
        let same =
            server.object(&main) == Some(fs::read(serial.join("residual_packs/residuals.bundle")).unwrap());
        assert!(same, "{}", slide.display());
        counted.insert(main);
    }
    let attempts = paths.into_iter().filter(|path| path.contains("/attempts/")).collect();
    assert_eq!(counted, attempts, "only what counts is there");
}

#[test]
fn results_at_an_address_are_right_whatever_the_store_answers_and_secrets_stay_secret() {
    let (site, server) = (Site::new(4), ObjectServer::start());
    let slow = Fault::Slow(Duration::from_millis(300));
    let faults = [
        Fault::Status(500),
        Fault::Status(429),
        slow,
        Fault::Cut(100),
        Fault::LostAnswer(500),
        Fault::Status(503),
    ];
    server.fail(faults.into_iter().cycle().take(18));
    let printed = encode_in_buckets(&site, &server, 4);
    check_buckets(&site, &server, 4);
    assert!(!printed.contains(SECRET));
    for path in server.paths() {
        assert!(!String::from_utf8_lossy(&server.object(&path).unwrap()).contains(SECRET), "{path}");
    }
}

#[test]
fn an_attempt_that_does_not_learn_whether_it_counts_keeps_its_files() {
    let (site, server) = (Site::new(1), ObjectServer::start());
    // The manifest is created, and whose it is cannot be read, not even when it is asked for again: the next attempt finds it.
    server.refuse_reads("/manifest.json", 2);
    let printed = encode_in_buckets(&site, &server, 1);
    assert!(printed.contains("failed, to be tried again"), "{printed}");
    check_buckets(&site, &server, 1);
}

#[test]
fn a_manifest_whose_answer_was_lost_is_known_as_ones_own() {
    // The client repeats a request after 500 and 503, and is told 412 or 409 because of its own success.
    for status in [409, 412, 500, 503] {
        let (site, server) = (Site::new(1), ObjectServer::start());
        server.lose_answer("/manifest.json", status);
        let printed = encode_in_buckets(&site, &server, 1);
        assert!(!printed.contains("to be tried again"), "{status}: {printed}");
        let writes = |seen: &crate::kit::object_server::Seen| {
            seen.method == "PUT" && seen.path.ends_with("/manifest.json")
        };
        let tries = server.seen().iter().filter(|seen| writes(seen)).count();
        assert_eq!(tries, if status < 500 { 1 } else { 2 }, "{status}");
        check_buckets(&site, &server, 1);
    }
}

#[test]
fn where_a_store_cannot_create_once_the_queue_elects() {
    let (site, server) = (Site::new(3), ObjectServer::start());
    server.refuse_conditions();
    encode_in_buckets(&site, &server, 3);
    check_buckets(&site, &server, 3);
}

/// The long flags that a help text lists.
fn flags(command: &[&str]) -> BTreeSet<String> {
    let help = origami(&[command, &["--help"]].concat()).ok().stdout;
    let lines = help.lines().map(str::trim_start).filter(|line| line.starts_with('-'));
    let long = |line: &str| {
        let flag = line.split([' ', ',', '=']).find(|word| word.starts_with("--"));
        flag.map(|flag| flag.trim_end_matches('>').to_string())
    };
    lines.filter_map(long).collect()
}

#[test]
fn every_flag_of_encode_is_part_of_a_unit_or_of_a_worker_or_refused_with_a_reason() {
    let (encode, submit, worker) = (flags(&["encode"]), flags(&["jobs", "submit"]), flags(&["worker"]));
    assert!(encode.contains("--window") && encode.len() > 40, "{encode:?}");
    let docs = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/jobs.md")).unwrap();
    let refused: BTreeSet<_> = docs
        .lines()
        .filter(|line| line.starts_with("| `--"))
        .flat_map(|line| line.split('|').nth(1).unwrap_or_default().split('`'))
        .filter(|word| word.starts_with("--"))
        .map(String::from)
        .collect();
    for flag in &encode {
        let taken = submit.contains(flag) || worker.contains(flag);
        assert_eq!(
            taken,
            !refused.contains(flag),
            "{flag}: taken by a unit or a worker, or in docs/jobs.md as not taken"
        );
    }
    for flag in &refused {
        assert!(encode.contains(flag), "{flag} of docs/jobs.md is no flag of encode");
        let site = Site::new(1);
        let slide = site.path("slides/0.png");
        origami(&["jobs", "submit", arg(&slide), "--out", &site.out(), flag]).refused(&[flag]);
    }
}

#[test]
fn what_encode_is_asked_for_is_what_a_unit_makes() {
    let site = Site::new(1);
    let slide = site.path("slides/0.png");
    let asked: [&[&str]; 4] = [
        &["--preset", "balanced", "--subsamp", "420"],
        &["--target-psnr", "36", "--baseq", "70"],
        &["--pack", "--manifest", "--tile", "16"],
        &["--pack", "--tile", "16", "--quality", "40"],
    ];
    for (n, flags) in asked.iter().enumerate() {
        let (out, serial) = (site.path(&format!("out{n}")), site.path(&format!("serial{n}")));
        // In bands where the unit may be.
        let submit = ["jobs", "submit", arg(&slide), "--out", arg(&out), "--band-families", "2"];
        origami(&[&submit, *flags].concat()).ok();
        origami(&["worker", "--out", arg(&out), "--until-empty", "--quiet", "--backend", "cpu"]).ok();
        origami(
            &[&["encode", "-q", arg(&slide), "--backend", "cpu", "--out", arg(&serial)], *flags].concat(),
        )
        .ok();
        let units: Vec<_> =
            fs::read_dir(out.join("units")).unwrap().map(|entry| entry.unwrap().path()).collect();
        let [unit] = &units[..] else { panic!("{flags:?}: {units:?}") };
        let manifest: Value = serde_json::from_slice(&fs::read(unit.join("manifest.json")).unwrap()).unwrap();
        assert!(contents(&out.join(manifest["path"].as_str().unwrap())) == contents(&serial), "{flags:?}");
    }
    origami(&["jobs", "submit", arg(&slide), "--out", &site.out(), "--kind", "verify", "--pack"])
        .refused(&["--pack", "--kind encode"]);
    // A plane that the slide does not have is said by the worker, and is another unit.
    origami(&["jobs", "submit", arg(&slide), "--out", &site.out(), "--channel", "3"]).ok();
    assert!(site.submit().ok().stdout.contains(": 1 new"));
    assert!(site.worker(&["--until-empty"]).wait().unwrap().success());
    let status = site.status();
    assert_eq!(
        (&status["units"]["dead"]["units"], &status["units"]["done"]["units"]),
        (&1.into(), &1.into()),
        "{status}"
    );
}

#[test]
fn a_dry_run_says_what_the_work_comes_to_and_makes_nothing() {
    let site = Site::new(2);
    // The same bytes twice are one unit.
    fs::copy(site.path("slides/0.png"), site.path("slides/copy.png")).unwrap();
    let slides = ["0", "1", "copy"].map(|name| site.path(&format!("slides/{name}.png")));
    let mut args = vec!["jobs", "submit", "--dry-run", "--tile", "32", "--out"];
    let out = site.out();
    args.push(&out);
    args.extend(slides.iter().map(|slide| arg(slide)));
    assert!(origami(&args).ok().stdout.starts_with("2 units: 8 families, 0.0 megapixels, "));
    args.extend(["--megapixels-per-s", "0.001", "--price-per-hour", "100", "--json"]);
    let told: Value = serde_json::from_str(&origami(&args).ok().stdout).unwrap();
    assert_eq!(told["pixels"], 2 * 150 * 130);
    // 39,000 pixels at 1,000 a second.
    let near = |value: &Value, want: f64| (value.as_f64().unwrap() - want).abs() < 1e-9;
    assert!(near(&told["hours"], 39.0 / 3600.0) && near(&told["cost"], 3900.0 / 3600.0), "{told}");
    assert!(!site.path("out").exists());
    origami(&["jobs", "submit", arg(&slides[0]), "--price-per-hour", "1"]).refused(&["--dry-run"]);
}
