//! Completions load in their shells, and man pages are what `man` reads.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::help::read::commands;
use crate::kit::files::listing;
use crate::kit::program::{Ran, arg, origami};

/// Whether a program is here; says so where it is not.
fn is_here(program: &str, what: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok();
    if !found {
        // Standard error itself: what is left out must be seen where the test passes, too.
        let line = format!("SKIPPED: {what}: no {program}; scripts/setup.sh installs it\n");
        std::io::stderr().write_all(line.as_bytes()).unwrap();
    }
    found
}

/// The completions for a shell as a file.
fn completions(shell: &str, dir: &Path) -> PathBuf {
    let path = dir.join(shell);
    fs::write(&path, origami(&["completions", shell]).ok().stdout).unwrap();
    path
}

/// Runs a shell without the user's settings.
fn run(shell: &str, arguments: &[&str], home: &Path) -> Ran {
    let mut command = Command::new(shell);
    command.args(arguments).env("HOME", home).env("XDG_CONFIG_HOME", home).env("XDG_DATA_HOME", home);
    let ran: Ran = command.output().unwrap().into();
    let ran = ran.ok();
    assert!(ran.stderr.is_empty(), "{ran:?}");
    ran
}

#[test]
fn bash_completes_commands_flags_and_values() {
    if !is_here("bash", "completions of bash") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let file = completions("bash", dir.path());
    run("bash", &["-n", arg(&file)], dir.path());
    let completed = |words: &str| {
        let last = words.split(' ').count() - 1;
        let script = format!(
            "source {}; complete -p origami >/dev/null
             COMP_WORDS=({words}); COMP_CWORD={last}
             _origami origami \"${{COMP_WORDS[{last}]}}\" \"${{COMP_WORDS[{}]}}\"
             printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            arg(&file),
            last - 1
        );
        run("bash", &["--norc", "-c", &script], dir.path()).stdout
    };
    assert_eq!(completed("origami enc"), "encode\n");
    assert_eq!(completed("origami encode --target-s"), "--target-size\n");
    assert_eq!(completed("origami encode --preset bal"), "balanced\n");
    assert!(completed("origami bench ").contains("kernels\n"));
}

#[test]
fn zsh_takes_the_completions() {
    if !is_here("zsh", "completions of zsh") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let file = completions("zsh", dir.path());
    run("zsh", &["-n", arg(&file)], dir.path());
    let script =
        format!("autoload -Uz compinit && compinit -u -D && source {} && print $_comps[origami]", arg(&file));
    assert_eq!(run("zsh", &["-f", "-c", &script], dir.path()).stdout, "_origami\n");
}

#[test]
fn fish_completes_commands_and_flags() {
    if !is_here("fish", "completions of fish") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let file = completions("fish", dir.path());
    run("fish", &["--no-execute", arg(&file)], dir.path());
    let completed = |words: &str| {
        let script = format!("source {}; complete -C '{words}'", arg(&file));
        run("fish", &["--no-config", "-c", &script], dir.path()).stdout
    };
    assert!(completed("origami enc").starts_with("encode\t"));
    assert!(completed("origami encode --target-s").starts_with("--target-size\t"));
}

#[test]
fn powershell_has_completions_and_other_shells_are_refused() {
    let script = origami(&["completions", "powershell"]).ok().stdout;
    assert!(script.contains("Register-ArgumentCompleter") && script.contains("'--target-size'"));
    origami(&["completions", "tcsh"]).refused(&["tcsh", "bash, zsh, fish, powershell"]);
}

#[test]
fn man_pages_of_all_commands_are_whole() {
    let dir = tempfile::tempdir().unwrap();
    let pages = dir.path().join("share/man1");
    // A page that is there is replaced.
    for _ in 0..2 {
        origami(&["man", arg(&pages)]).ok();
    }
    let names = commands().into_iter().map(|command| format!("origami-{}", command.join("-")));
    let names: BTreeSet<_> = names.map(|name| format!("{}.1", name.trim_end_matches('-'))).collect();
    assert_eq!(listing(&pages).into_iter().collect::<BTreeSet<_>>(), names);

    let (has_man, has_mandoc) =
        (is_here("man", "man pages in man"), is_here("mandoc", "man pages in mandoc"));
    for name in &names {
        let path = pages.join(name);
        let page = fs::read_to_string(&path).unwrap();
        assert!(page.contains(&format!(".TH {} 1 ", name.trim_end_matches(".1"))), "{page}");
        for section in ["NAME", "SYNOPSIS", "DESCRIPTION", "EXAMPLES", "EXIT STATUS", "FILES", "ENVIRONMENT"]
        {
            let begins = |line: &str| line.starts_with(".SH") && line.contains(section);
            assert!(page.lines().any(begins), "{name}: no {section}\n{page}");
        }
        let requests = ["SH", "TH", "TP", "br", "ie", "el", "nh", "RS", "RE", "sp", "PP", "IP"];
        for line in page.lines().filter(|line| line.starts_with('.')) {
            let request = line[1..].split_whitespace().next().unwrap_or("");
            assert!(requests.contains(&request), "{name}: {line}");
        }
        if has_man {
            let ran =
                Command::new("man").args(["--warnings", "-l"]).arg(&path).env("MANPAGER", "cat").output();
            let ran = Ran::from(ran.unwrap()).ok();
            assert!(ran.stderr.is_empty() && ran.stdout.contains("EXIT STATUS"), "{ran:?}");
        }
        if has_mandoc {
            let ran = Command::new("mandoc").args(["-T", "lint", "-W", "error"]).arg(&path).output();
            Ran::from(ran.unwrap()).ok();
        }
    }

    let page = fs::read_to_string(pages.join("origami.1")).unwrap();
    let (_, page) = page.split_once(".SH ENVIRONMENT\n").unwrap();
    let document =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/environment.md")).unwrap();
    let (_, document) = document.split_once("### Of the program and the library\n").unwrap();
    let (document, _) = document.split_once("\n### ").unwrap();
    let rows = document.lines().filter_map(|line| line.strip_prefix("| `"));
    let named = rows.map(|row| row.split(['=', '`']).next().unwrap()).collect::<BTreeSet<_>>();
    let bold = page.split("\\fB").skip(1).map(|text| text.split('\\').next().unwrap());
    assert_eq!(bold.collect::<BTreeSet<_>>(), named);
}

#[test]
fn man_pages_go_nowhere_but_into_a_directory() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "kept").unwrap();
    origami(&["man", arg(&file)]).fails(&[arg(&file)]);
    assert_eq!(fs::read(&file).unwrap(), b"kept");
}
