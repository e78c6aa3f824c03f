//! `docs/incidents.md` has every warning and error that the server, workers and services log: a line of the program that it lacks fails here.

use std::fs;
use std::path::{Path, PathBuf};

/// Where what operators see is logged.
const PLACES: &[&str] = &[
    "src/serve",
    "src/web",
    "src/gpu",
    "src/store",
    "src/jobs",
    "src/service",
    "src/cli/serve",
    "src/cli/jobs",
];

fn sources(at: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(at).unwrap_or_else(|e| panic!("{}: {e}", at.display())) {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => sources(&path, into),
            false if path.extension().is_some_and(|end| end == "rs") => into.push(path),
            false => {}
        }
    }
}

/// The text of the macro's message: its first string, without the breaks that only the source has.
fn message(call: &str) -> Option<String> {
    let (_, rest) = call.split_once('"')?;
    let (text, _) = rest.split_once('"')?;
    let joined =
        text.split("\\\n").enumerate().map(|(at, line)| if at == 0 { line } else { line.trim_start() });
    Some(joined.collect())
}

/// The longest part of a message that is the same in every line of the log.
fn fixed(message: &str) -> &str {
    let parts = message.split(['{', '}']).enumerate().filter(|(at, _)| at % 2 == 0).map(|(_, part)| part);
    parts.max_by_key(|part| part.len()).unwrap_or_default().trim_matches([' ', ':', ';', ',', '.'])
}

#[test]
fn every_warning_and_error_of_a_server_has_its_remedy() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/incidents.md")).unwrap();
    let mut files = Vec::new();
    PLACES.iter().map(|place| root.join(place)).for_each(|place| sources(&place, &mut files));
    let (mut found, mut missing) = (0, Vec::new());
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        for call in ["tracing::warn!(", "tracing::error!("] {
            for (at, _) in text.match_indices(call) {
                let whole = message(&text[at + call.len()..]).unwrap_or_default();
                let fixed = fixed(&whole);
                found += 1;
                // A line that is the words of an error says itself what to do.
                if fixed.len() >= 5 && !page.contains(fixed) {
                    missing.push(format!("{}: {whole:?}", file.display()));
                }
            }
        }
    }
    assert!(found > 30, "{found}");
    assert!(missing.is_empty(), "not in docs/incidents.md:\n{}", missing.join("\n"));
}

#[test]
fn parts_of_messages() {
    assert_eq!(message("slide = name, \"refused: {e}\")").unwrap(), "refused: {e}");
    assert_eq!(message("\n  \"one \\\n   two {x} three\"").unwrap(), "one two {x} three");
    assert_eq!(fixed("{}: damaged ({e}); moved to {}, begun anew"), "begun anew");
    assert_eq!(fixed("{e}; the worker starts again in {} s"), "the worker starts again in");
}
