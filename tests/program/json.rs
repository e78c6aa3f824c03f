//! What `--json` prints is what the schemas in `docs/schema/` say: every schema is held to a run of the program.
//!
//! A schema is strict: a key that it does not name is refused at every level of the object.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::kit::gpu;
use crate::kit::program::{Ran, arg, origami, program};
use crate::kit::slides::{Small, write_png};

/// Schema, exit code, command line without `--json`. Words in capitals stand for the paths of [`Files`].
const RUNS: &[(&str, i32, &str)] = &[
    ("bench-decode", 0, "bench decode --side 512 --rounds 1 --backend cpu"),
    ("bench-encode", 0, "bench encode --side 512 --rounds 1 --backend cpu"),
    ("bench-kernels", 0, "bench kernels"),
    ("bench-originals", 0, "bench originals LOSSLESS --tiles 2 --rounds 1"),
    ("bench-rate", 0, "bench rate PNG --preset balanced"),
    ("bench-slide", 0, "bench slide NEW.png --size 40x30"),
    ("bench-storage", 0, "bench storage BUNDLE --rounds 1"),
    ("bench-stripes", 0, "bench stripes STRIPES --rounds 1"),
    ("bench-tour", 0, "bench tour TOUR --frames 1"),
    ("convert", 0, "convert BUNDLE --to tiff --out NEW.tiff"),
    ("convert", 0, "convert PNG --to szi --out NEW.szi"),
    ("crop", 0, "crop BUNDLE 10,20,60,50 --out NEW.jpg --scale 1/2"),
    ("crop", 0, "crop PNG 10,20,60,50 --out NEW.raw"),
    ("compare", 0, "compare PNG BUNDLE"),
    ("compare", 0, "compare PNG PNG --luma-only"),
    ("decode", 0, "decode BUNDLE --out NEW"),
    ("decode", 0, "decode BUNDLE LOSSLESS --out NEW2"),
    ("decode", 0, "decode BUNDLE --out NEW --skip-existing"),
    ("doctor", 0, "doctor"),
    ("doctor", 0, "doctor --serve TREE --config SETTINGS"),
    ("doctor", 1, "doctor --serve TREE/none"),
    ("encode", 0, "encode PNG --out NEW3"),
    ("encode", 0, "encode PNG --out NEW3 --skip-existing"),
    ("encode", 0, "encode PNG --out NEW4 --report NEW4.html"),
    ("encode", 0, "encode PNG --estimate"),
    ("encode", 0, "encode TREE PNG --estimate --max-parents 1"),
    ("encode", 1, "encode PNG KEY --out NEW5 --keep-going"),
    ("error", 1, "compare PNG OTHER"),
    ("error", 1, "verify NEW.bundle"),
    ("error", 2, "verify"),
    ("error", 2, "bench slide NEW.png --size 40"),
    ("error", 2, "serve --prt 1"),
    ("error", 1, "inspect PNG NEW.bundle"),
    ("error", 3, "decode DAMAGED --out NEW6"),
    ("inspect", 0, "inspect BUNDLE --list --plot NEW.svg"),
    ("inspect", 0, "inspect LOSSLESS --list"),
    ("inspect", 0, "inspect PACKS"),
    ("inspect", 0, "inspect PNG"),
    ("inspect", 0, "inspect TREE"),
    ("inspect", 0, "inspect TREE BUNDLE PNG"),
    ("jobs-submit-dry-run", 0, "jobs submit PNG --dry-run"),
    ("jobs-submit-dry-run", 0, "jobs submit PNG --dry-run --megapixels-per-s 50 --price-per-hour 0.2"),
    ("jobs-submit", 0, "jobs submit PNG DAMAGED.png --out NEW9"),
    ("jobs-submit", 0, "jobs submit PNG OTHER --out NEW9"),
    ("jobs-status", 0, "jobs status --out NEW9"),
    ("worker", 0, "worker --out NEW9 --until-empty"),
    ("jobs-status", 0, "jobs status --out NEW9"),
    ("jobs-retry", 0, "jobs retry --all --out NEW9"),
    ("jobs-cancel", 0, "jobs cancel --all --out NEW9"),
    ("jobs-reconcile", 0, "jobs reconcile --out NEW9"),
    ("pyramid", 0, "pyramid PNG --out NEW7"),
    ("pyramid", 0, "pyramid PNG --out NEW7 --skip-existing"),
    ("pyramid", 0, "pyramid PNG OTHER --out NEW8"),
    ("serve-config", 0, "serve SLIDES --print-config --port 1"),
    ("sign", 0, "sign one --key-file KEY"),
    ("sign", 0, "sign one --key-file KEY --url https://slides.example.org"),
    ("tour-check", 0, "tour check TOUR"),
    ("tour-check", 0, "tour check TOUR --views-at 0,0.5"),
    ("tour-check", 2, "tour check KEY"),
    ("verify", 0, "verify BUNDLE"),
    ("verify", 0, "verify --deep BUNDLE"),
    ("verify", 0, "verify PNG"),
    ("verify", 0, "verify TREE"),
    ("verify", 0, "verify TREE BUNDLE PACKS"),
    ("verify", 1, "verify NEW.bundle PNG"),
    ("verify", 3, "verify DAMAGED"),
    ("verify", 3, "verify DAMAGED BUNDLE"),
    ("version", 0, "--version"),
];

/// Schemas whose command is a server or needs one, or a GPU: they have tests of their own.
const OTHERS: &[&str] = &["bench-gpu", "bench-serve", "jobs-serve", "serve", "tour-render"];

/// Files that runs take.
struct Files {
    small: Small,
}

impl Files {
    fn new() -> Self {
        let files = Self { small: Small::new() };
        write_png(&files.path("PNG"), 150, 130, 1);
        write_png(&files.path("OTHER"), 90, 130, 1);
        // Packs without their bundle.
        fs::create_dir(files.path("PACKS")).unwrap();
        for name in ["0_0.pack", "1_0.pack"] {
            fs::copy(files.small.bundle.with_file_name(name), files.path("PACKS").join(name)).unwrap();
        }
        fs::write(files.path("KEY"), [b'k'; 32]).unwrap();
        fs::write(files.path("SETTINGS"), "port = 0\n").unwrap();
        let tour = json!({"slide": "PNG.png", "camera": [{"time": 1}]});
        fs::write(files.path("TOUR"), tour.to_string()).unwrap();
        let mut bytes = fs::read(&files.small.bundle).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 4;
        fs::write(files.path("DAMAGED"), bytes).unwrap();
        fs::write(files.path("DAMAGED.png"), "no image").unwrap();
        let lossless = files.small.path("lossless");
        origami(&[
            "encode",
            "-q",
            "--preset",
            "lossless",
            "--pyramid",
            arg(&files.small.dzi),
            "--out",
            arg(&lossless),
        ])
        .ok();
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        match name {
            "TREE" => self.small.dzi.parent().unwrap().to_path_buf(),
            "BUNDLE" => self.small.bundle.clone(),
            "PACKS" => self.small.path("packs"),
            "LOSSLESS" => self.small.path("lossless/residual_packs/residuals.bundle"),
            "STRIPES" => Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/slide_stripes.bundle"),
            "DAMAGED" => self.small.path("damaged.bundle"),
            "PNG" | "OTHER" => self.small.path(&format!("{name}.png")),
            new => self.small.path(new),
        }
    }

    /// Runs a command line with `--json`.
    fn run(&self, line: &str) -> Ran {
        let word = |word: &str| match word.starts_with(|c: char| c.is_ascii_uppercase()) {
            true => arg(&self.path(word)).to_string(),
            false => word.to_string(),
        };
        let args: Vec<String> = line.split_whitespace().map(word).chain(["--json".into()]).collect();
        origami(&args.iter().map(String::as_str).collect::<Vec<_>>())
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schema")
}

/// The names of all schemas.
fn names() -> BTreeSet<String> {
    let files = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    files.map(|path| path.file_stem().unwrap().to_str().unwrap().to_string()).collect()
}

fn read(name: &str) -> Value {
    let path = folder().join(format!("{name}.json"));
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn validator(name: &str) -> Validator {
    jsonschema::draft202012::new(&read(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// What is wrong with an output, by the schema `name`: nothing, if it is as the schema says and no key could be added to it.
fn faults(name: &str, stdout: &str) -> Vec<String> {
    let output: Value = match serde_json::from_str(stdout) {
        Ok(output) => output,
        Err(e) => return vec![format!("{name}: not one JSON object: {e}: {stdout}")],
    };
    let validator = validator(name);
    let wrong = validator.iter_errors(&output).map(|e| format!("{name}: {}: {e}", e.instance_path()));
    let mut faults: Vec<String> = wrong.collect();
    for place in objects(&output, String::new()) {
        let mut more = output.clone();
        more.pointer_mut(&place).unwrap()["a key of the future"] = json!(1);
        if validator.is_valid(&more) {
            faults.push(format!("{name}: {place:?} may have keys that the schema does not name"));
        }
    }
    faults
}

/// The places of all objects in a value, as JSON pointers.
fn objects(value: &Value, at: String) -> Vec<String> {
    let escaped = |key: &str| key.replace('~', "~0").replace('/', "~1");
    let mut found = Vec::new();
    match value {
        Value::Object(map) => {
            found
                .extend(map.iter().flat_map(|(key, value)| objects(value, format!("{at}/{}", escaped(key)))));
            found.push(at);
        }
        Value::Array(list) => {
            found.extend(list.iter().enumerate().flat_map(|(i, value)| objects(value, format!("{at}/{i}"))));
        }
        _ => {}
    }
    found
}

#[test]
fn every_output_is_as_its_schema_says() {
    let files = Files::new();
    let mut wrong = Vec::new();
    for &(name, code, line) in RUNS {
        let ran = files.run(line);
        if ran.code != Some(code) {
            wrong.push(format!("{line}: exit code {code} was expected: {ran:?}"));
        }
        wrong.extend(faults(name, &ran.stdout).into_iter().map(|fault| format!("{line}: {fault}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_schema_is_held_to_a_run_and_listed_in_the_manual() {
    let tested: BTreeSet<_> =
        RUNS.iter().map(|(name, ..)| *name).chain(OTHERS.iter().copied()).map(String::from).collect();
    assert_eq!(names(), tested, "files in docs/schema/, and schemas in RUNS and OTHERS");
    let manual = fs::read_to_string(folder().with_file_name("json.md")).unwrap();
    for name in names() {
        assert!(manual.contains(&format!("(schema/{name}.json)")), "docs/json.md does not link {name}.json");
    }
}

#[test]
fn every_schema_describes_every_key_and_fixes_the_version() {
    for name in names() {
        let schema = read(&name);
        jsonschema::draft202012::meta::validate(&schema).unwrap_or_else(|e| panic!("{name}: {e}"));
        let mut versions = 0;
        for place in objects(&schema, String::new()) {
            let Some(keys) = schema.pointer(&place).unwrap()["properties"].as_object() else { continue };
            for (key, value) in keys {
                let of = value["$ref"].as_str().and_then(|to| schema.pointer(to.trim_start_matches('#')));
                let described = [Some(value), of].into_iter().flatten().any(|v| v["description"].is_string());
                assert!(described, "{name}: {place}: {key} has no description");
                versions += u32::from(key == "schema" && value["const"] == 1);
            }
        }
        assert!(versions > 0, "{name}: \"schema\" is not fixed");
    }
}

#[test]
fn a_schema_refuses_what_it_does_not_say() {
    let good = json!({"schema": 1, "error": {"kind": "usage", "message": "m", "path": null, "at": null, "hint": null}});
    assert_eq!(faults("error", &good.to_string()), [""; 0]);
    for (place, value) in
        [("/schema", json!(2)), ("/error/kind", json!("bad")), ("/error/message", json!(null))]
    {
        let mut bad = good.clone();
        *bad.pointer_mut(place).unwrap() = value;
        assert_eq!(faults("error", &bad.to_string()).len(), 1, "{place}");
    }
}

#[test]
fn the_output_of_bench_gpu_is_as_its_schema_says() {
    let Some(adapter) = gpu::adapter("the schema of bench gpu") else { return };
    let args = ["bench", "gpu", "--json", "--side", "256", "--rounds", "1", "--gpu-adapter", &adapter];
    assert_eq!(faults("bench-gpu", &origami(&args).ok().stdout), [""; 0]);
}

/// A server on a free port; ended when dropped.
struct Server {
    child: Child,
    /// What it prints at its start.
    start: String,
    url: String,
}

impl Server {
    fn start(root: &Path) -> Self {
        Self::of(&["serve", arg(root)])
    }

    fn of(command: &[&str]) -> Self {
        let mut serve = program();
        serve.args(command).args(["--port", "0", "--backend", "cpu", "--json"]);
        let mut child = serve.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        // The object ends with a line of its closing brace.
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut start = String::new();
        for line in lines {
            start += &line;
            if line == "}" {
                break;
            }
        }
        let value: Value = serde_json::from_str(&start).unwrap_or_else(|e| panic!("{e}: {start}"));
        Self { child, url: value["address"].as_str().unwrap().into(), start }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[test]
fn what_a_server_says_and_bench_serve_are_as_their_schemas_say() {
    let small = Small::new();
    let root = small.path("slides");
    // A directory that is not served, so that the server says why.
    fs::create_dir_all(root.join("nothing")).unwrap();
    let bundle = root.join("small.bundle");
    fs::copy(&small.bundle, &bundle).unwrap();
    let server = Server::start(&root);
    assert_eq!(faults("serve", &server.start), [""; 0]);
    let (out, temp) = (small.path("results"), small.path("temp"));
    let jobs = Server::of(&["jobs", "serve", "--out", arg(&out), "--temp-dir", arg(&temp)]);
    assert_eq!(faults("jobs-serve", &jobs.start), [""; 0]);
    let url = format!("{}/dzi/small.dzi", server.url);
    for flags in [&["--cold", arg(&bundle), "--pause-ms", "1"][..], &["--seconds", "1", "--connections", "2"]]
    {
        let ran = origami(&[&["bench", "serve", &url, "--json"], flags].concat()).ok();
        assert_eq!(faults("bench-serve", &ran.stdout), [""; 0], "{flags:?}");
    }
}

#[test]
fn errors_of_the_command_line_name_their_file_and_place() {
    let files = Files::new();
    files.run("encode PNG --out NEW").ok();
    fs::write(files.path("SETTINGS"), "port = 1\n\nprt = 2\n").unwrap();
    for (line, file, at, hint) in [
        (
            "encode PNG --out NEW",
            "NEW/residual_packs/residuals.bundle",
            None,
            "give --overwrite to replace it, or --skip-existing",
        ),
        ("serve --config SETTINGS", "SETTINGS", Some("line 3"), "the nearest is port"),
    ] {
        let ran = files.run(line);
        let error = serde_json::from_str::<Value>(&ran.stdout).unwrap()["error"].clone();
        assert_eq!(error["path"], arg(&files.path(file)), "{ran:?}");
        assert_eq!((&error["at"], &error["hint"]), (&json!(at), &json!(hint)), "{ran:?}");
    }
}

#[test]
fn inputs_after_one_that_fails_are_named() {
    let files = Files::new();
    let ran = files.run("encode KEY PNG OTHER --out NEW");
    let object: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(object["not_tried"], json!([arg(&files.path("PNG")), arg(&files.path("OTHER"))]), "{ran:?}");
    assert_eq!(object["summary"]["not_tried"], 2, "{ran:?}");
}
