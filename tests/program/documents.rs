//! The commands of `README.md` and of `docs/` run as they are printed, and every link leads somewhere.
//!
//! `docs/README.md` describes the markings. Knows nothing of what the commands do.

#[path = "../../examples/library.rs"]
mod library;
mod page;

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::thread;

use self::page::{anchors, output_matches, parse};
use crate::kit::data::real_slide;
use crate::kit::program::{arg, origami};
use crate::script::{bash, synthetic_slide};

/// Ports of the examples. Each page gets free ones instead.
const PORTS: [&str; 2] = ["8080", "8084"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The pages whose commands run, relative to the repository: `README.md` and everything below `docs/`.
fn pages() -> Vec<String> {
    let (mut found, mut folders) = (vec!["README.md".to_string()], vec![root().join("docs")]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "md") {
                found.push(path.strip_prefix(root()).unwrap().to_str().unwrap().into());
            }
        }
    }
    found[1..].sort();
    found
}

fn read(page: &str) -> String {
    fs::read_to_string(root().join(page)).unwrap_or_else(|e| panic!("{page}: {e}"))
}

/// What the pages share: the slide, and what this machine has.
struct Machine {
    slide: PathBuf,
    /// Whether it is the slide whose figures the pages print.
    is_demo: bool,
    /// The output of `origami doctor`.
    doctor: String,
}

impl Machine {
    fn new(scratch: &Path) -> Self {
        let demo = real_slide("output in documents");
        let doctor = origami(&["doctor"]).ok().stdout;
        let is_demo = demo.is_some();
        Self { slide: demo.unwrap_or_else(|| synthetic_slide(scratch, 9, 12)), is_demo, doctor }
    }

    /// Whether `word` is a program on the path, or a word of what `origami doctor` prints.
    fn has(&self, word: &str) -> bool {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).any(|folder| folder.join(word).is_file())
            || self.doctor.split(|c: char| !c.is_ascii_alphanumeric()).any(|known| known == word)
    }
}

/// Runs the blocks of one page in order. Returns what was left out, or what went wrong.
fn run(page: &str, scratch: &Path, machine: &Machine) -> Result<Vec<String>, String> {
    let (blocks, _) = parse(&read(page));
    let (mut left_out, mut taken) = (Vec::new(), Vec::new());
    for block in blocks.into_iter().filter(|block| block.language == "sh") {
        let at = format!("{page}:{}", block.line);
        match (block.marked("norun"), block.marked("needs")) {
            (Some(reason), _) => left_out.push(format!("norun {at}: {reason}")),
            (_, Some(word)) if !machine.has(word) => {
                left_out.push(format!("SKIPPED: {at}: no {word} on this machine or in this build"));
            }
            _ => taken.push(block),
        }
    }
    let folder = scratch.join(page.replace('/', "_"));
    let (work, logs) = (folder.join("work"), folder.join("logs"));
    fs::create_dir_all(&work).unwrap();
    fs::create_dir_all(&logs).unwrap();
    fs::copy(&machine.slide, work.join("slide.svs")).unwrap();

    // Held together, so that they differ; free again before the page runs.
    let free = PORTS.map(|_| TcpListener::bind(("127.0.0.1", 0)).unwrap());
    let ports = free.map(|listener| listener.local_addr().unwrap().port().to_string());
    let with_ports = |text: &str| {
        PORTS.iter().zip(&ports).fold(text.to_string(), |text, (port, free)| text.replace(port, free))
    };
    // A copy of the output at the end of the block: a server in the background may write more later.
    let script: String = (taken.iter().enumerate())
        .map(|(i, block)| {
            let text = with_ports(&block.text);
            format!("exec >\"$LOGS/{i}.log\" 2>&1\n{text}cp \"$LOGS/{i}.log\" \"$LOGS/{i}.end\"\n")
        })
        .collect();
    let status = bash(&script, &work, &[("HOME", &work), ("LOGS", &logs)]);

    for (i, block) in taken.iter().enumerate() {
        let got = fs::read_to_string(logs.join(format!("{i}.end")));
        let failed = |what: &str, output: &str| {
            Err(format!("{page}:{}: {what}\n{}\n--- output\n{output}", block.line, block.text))
        };
        let Ok(got) = got else {
            let output = fs::read_to_string(logs.join(format!("{i}.log"))).unwrap_or_default();
            return failed(&status, &output);
        };
        let expected = block.expected.as_deref().filter(|_| machine.is_demo).map(with_ports);
        if let Some(expected) = expected
            && !output_matches(&expected.lines().collect::<Vec<_>>(), &got.lines().collect::<Vec<_>>())
        {
            return failed("another output than the document has", &format!("{got}--- expected\n{expected}"));
        }
    }
    Ok(left_out)
}

#[test]
fn every_command_block_runs() {
    // Standard error itself: what is left out must be seen where the test passes, too.
    let say = |line: &str| writeln!(std::io::stderr(), "{line}").unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let machine = Machine::new(scratch.path());
    if !machine.is_demo {
        say("SKIPPED: outputs in documents: no demo slide; scripts/setup.sh fetches it");
    }
    let pages = pages();
    let results: Vec<_> = thread::scope(|scope| {
        let runs: Vec<_> =
            pages.iter().map(|page| scope.spawn(|| run(page, scratch.path(), &machine))).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    let mut faults = Vec::new();
    for result in results {
        match result {
            Ok(left_out) => left_out.iter().for_each(|line| say(line)),
            Err(fault) => faults.push(fault),
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
}

#[test]
fn every_block_has_a_language_and_no_command_hides_outside_of_blocks() {
    let mut faults = Vec::new();
    for page in pages() {
        let text = read(&page);
        let (blocks, prose) = parse(&text);
        for block in &blocks {
            let at = format!("{page}:{}", block.line);
            match block.language.as_str() {
                "" => faults.push(format!("{at}: a block without a language")),
                "bash" | "shell" | "console" => faults.push(format!("{at}: a block of commands is `sh`")),
                _ => {}
            }
            if let Some(mark) = &block.mark
                && block.marked("norun").or(block.marked("needs")).is_none_or(str::is_empty)
            {
                faults.push(format!("{at}: `{mark}` is no mark with a reason"));
            }
        }
        for (line, text) in prose {
            let command = text.strip_prefix("    ").is_some_and(|text| {
                ["origami ", "scripts/", "cargo "].iter().any(|start| text.starts_with(start))
            });
            if command {
                faults.push(format!("{page}:{line}: commands belong in a fenced `sh` block"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    let others =
        ["ARCHITECTURE", "CHANGELOG", "SECURITY", "benches/RESULTS", "evals/README", "runpod/README"];
    let more = ["CODE_OF_CONDUCT", "CONTRIBUTING", "shaders/README", "vendor/README"];
    let others = others.into_iter().chain(more).map(|page| format!("{page}.md"));
    let (mut faults, mut links) = (Vec::new(), 0);
    for page in pages().into_iter().chain(others) {
        let text = read(&page);
        for (number, line) in parse(&text).1 {
            let targets = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
            for target in targets.filter(|target| !target.contains("://")) {
                links += 1;
                let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
                let at = root().join(&page);
                let path = if file.is_empty() { at } else { at.with_file_name(file) };
                let known = anchor.is_empty()
                    || fs::read_to_string(&path).is_ok_and(|text| anchors(&text).iter().any(|a| a == anchor));
                if !path.exists() || !known {
                    faults.push(format!("{page}:{number}: {target} leads nowhere"));
                }
            }
        }
    }
    assert!(links > 50, "only {links} links found");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_readme_is_short_and_the_book_has_every_page() {
    let length = read("README.md").len();
    assert!(length <= 9000, "README.md has {length} bytes; what goes beyond 9000 belongs to docs/");
    let summary = read("docs/SUMMARY.md");
    for page in
        pages().iter().filter_map(|page| page.strip_prefix("docs/")).filter(|&page| page != "SUMMARY.md")
    {
        assert!(summary.contains(&format!("({page})")), "docs/SUMMARY.md does not have {page}");
    }
}

#[test]
fn the_example_of_the_library_is_the_one_that_is_printed_and_runs() {
    let page = read("docs/library.md");
    let printed = parse(&page).0.into_iter().find(|block| block.language == "rust").unwrap();
    assert_eq!(printed.text, include_str!("../../examples/library.rs"));

    let scratch = tempfile::tempdir().unwrap();
    let (image, out) = (scratch.path().join("tissue.png"), scratch.path().join("out"));
    origami(&["bench", "slide", "--size", "1100x1300", "--out", arg(&image)]).ok();
    origami(&["encode", "--image", arg(&image), "--out", arg(&out), "--quiet"]).ok();
    let decoded = library::decode_one(&out.join("residual_packs/residuals.bundle")).unwrap();
    assert_eq!(decoded, (1100 - 1024, 1300 - 1024));
    // An even gray leaves nothing to code but headers.
    assert!((100..1000).contains(&library::encode_one().unwrap()));
}
