//! Help: short enough for a page, complete, and true about ranges and defaults. And what else is asked of the program itself: its
//! version, and the nearest name where one is mistyped.

pub mod read;

use serde_json::Value;

use self::read::{Flag, commands, flags, help};
use crate::kit::program::{Ran, origami, program};

/// Lines and columns of `-h`.
const PAGE: (usize, usize) = (40, 100);
const HEADINGS: [&str; 10] =
    ["Input", "Quality", "Output", "Speed", "Safety", "Network", "Cache", "Access", "Logging", "Help"];
/// Flags whose values are neither words nor numbers of a range.
const WITHOUT_RANGE: [&str; 6] = ["--bind", "--host", "--region", "--scale", "--url", "--window"];

/// Every flag of every command, with the command and its whole help.
fn all_flags() -> Vec<(String, String, Flag)> {
    let all = commands().into_iter().flat_map(|command| {
        let help = help(&command, "--help");
        flags(&help).into_iter().map(move |flag| (command.join(" "), help.clone(), flag))
    });
    let all: Vec<_> = all.collect();
    assert!(all.len() > 150, "only {} flags found", all.len());
    all
}

#[test]
fn short_help_is_a_page_and_leads_to_the_long_one() {
    let commands = commands();
    assert!(commands.len() > 15, "{commands:?}");
    for command in commands {
        let (short, long) = (help(&command, "-h"), help(&command, "--help"));
        let columns = |text: &str| text.lines().map(|line| line.chars().count()).max();
        assert!(short.lines().count() <= PAGE.0, "{command:?}: {} lines\n{short}", short.lines().count());
        assert!(columns(&short) <= Some(PAGE.1) && columns(&long) <= Some(PAGE.1), "{command:?}\n{long}");
        assert!(short.trim_end().lines().last().unwrap().starts_with("--help has everything"), "{short}");
        assert!(long.lines().count() > short.lines().count() && long.contains("\nExamples:\n"), "{long}");
    }
}

#[test]
fn every_flag_has_a_group_and_a_text_and_its_default_is_named() {
    let mut faults = Vec::new();
    for (command, help, flag) in all_flags() {
        let at = format!("{command} {}", flag.spec);
        if !HEADINGS.contains(&flag.heading.as_str()) {
            faults.push(format!("{at}: under {:?}", flag.heading));
        }
        if flag.text.trim().is_empty() {
            faults.push(format!("{at}: no help"));
        }
        let usage = help.lines().find(|line| line.starts_with("Usage:")).unwrap();
        let is_required = usage.contains(&format!(" {} <", flag.long()));
        let has_default = flag.text.contains("[default: ");
        if flag.takes_value() && flag.heading != "Input" && !is_required && !has_default {
            faults.push(format!("{at}: no default: {}", flag.text));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Gives a flag a value and, after it, a flag that does not exist: the error says whether the value was refused before.
fn tried(command: &str, flag: &Flag, value: &str) -> Ran {
    let given = format!("{}={value}", flag.long());
    let words = command.split_whitespace().chain([given.as_str(), "--no-such-flag"]);
    origami(&words.collect::<Vec<_>>()).refused(&[])
}

#[test]
fn ranges_that_help_names_are_those_that_are_held() {
    let (mut ranges, mut without) = (0, Vec::new());
    for (command, _, flag) in all_flags().into_iter().filter(|(.., flag)| flag.takes_value()) {
        let Some((low, high)) = flag.range() else {
            let refuses_words = tried(&command, &flag, "x").stderr.contains("invalid value");
            if refuses_words && !flag.text.contains("[possible values: ") {
                without.push(flag.long().to_string());
            }
            continue;
        };
        ranges += 1;
        for value in [low, high] {
            tried(&command, &flag, value).refused(&["unexpected argument '--no-such-flag'"]);
        }
        let named = format!("{low} to {high}");
        let end = low.split_once('x').map_or(named.clone(), |(low, _)| format!("{low} to "));
        // Below 0 there is no size and no duration.
        let below = (!low.starts_with('0')).then(|| moved(low, -1));
        for value in below.into_iter().chain([moved(high, 1)]) {
            tried(&command, &flag, &value).refused(&["invalid value", flag.long(), &end]);
        }
    }
    assert!(ranges > 60, "only {ranges} ranges found");
    without.sort();
    without.dedup();
    assert_eq!(without, WITHOUT_RANGE);
}

/// A value with its first number moved: `1024TiB` by 1 is `1025TiB`.
fn moved(value: &str, by: i128) -> String {
    let (number, unit) = value.split_at(value.find(|c: char| !c.is_ascii_digit()).unwrap_or(value.len()));
    format!("{}{unit}", number.parse::<i128>().unwrap() + by)
}

#[test]
fn the_nearest_name_is_suggested() {
    origami(&["encod"]).refused(&["unrecognized subcommand 'encod'", "'encode'"]);
    origami(&["encode", "--targt-size", "900k"]).refused(&["'--targt-size'", "'--target-size'"]);
    for (word, meant) in [("check", "verify"), ("plot", "inspect --plot"), ("report", "encode --report")] {
        origami(&[word]).refused(&[&format!("a similar subcommand exists: '{meant}'")]);
    }
    origami(&["encode", "--preset", "balancd"]).refused(&["'balancd'", "a similar value exists: 'balanced'"]);
    origami(&["bench", "kernls"]).refused(&["'kernls'", "'kernels'"]);
    origami(&["completions", "fsh"]).refused(&["'fsh'", "'fish'"]);
}

#[test]
fn values_have_units_and_those_that_are_no_values_are_told_how_they_look() {
    let refused = |flag: &str, value: &str, says: &[&str]| {
        origami(&["encode", "x.svs", flag, value]).refused(&["invalid value", flag]).refused(says);
    };
    refused("--target-size", "900q", &["1.5GB", "64MiB", "in bytes"]);
    refused("--max-memory", "much", &["64MiB", "in MiB"]);
    refused("--baseq", "101", &["1 to 100"]);
    refused("--tile", "0", &["1 to 4096"]);
    refused("--threads", "1025", &["0 to 1024"]);
    // A bare number of --max-memory is in MiB; both are read, and then the file is missing.
    for memory in ["1024", "1GiB", "1.5 GB", "900m"] {
        assert_eq!(origami(&["encode", "x.svs", "--max-memory", memory]).code, Some(1), "{memory}");
    }
}

#[test]
fn the_version_is_short_and_on_request_complete() {
    let version = format!("origami {}\n", env!("CARGO_PKG_VERSION"));
    for flag in ["-V", "--version"] {
        assert_eq!(origami(&[flag]).ok().stdout, version);
        let verbose = origami(&[flag, "--verbose"]).ok().stdout;
        assert!(verbose.starts_with(&version), "{verbose}");
        for row in
            ["commit", "features", "backends", "kernels", "encoders", "libjpeg-turbo", "openslide", "libjxl"]
        {
            let found = verbose
                .lines()
                .any(|line| line.strip_prefix(row).is_some_and(|rest| !rest.trim().is_empty()));
            assert!(found, "no {row} in {verbose}");
        }
    }
    let json: Value = serde_json::from_str(&origami(&["-V", "--verbose", "--json"]).ok().stdout).unwrap();
    assert_eq!((&json["schema"], &json["command"]), (&1.into(), &"version".into()));
    assert_eq!(json["version"], env!("CARGO_PKG_VERSION"));
    assert!(json["features"].as_array().unwrap().contains(&"cli".into()), "{json:#}");
    assert!(json["backends"].as_array().unwrap().contains(&"cpu".into()), "{json:#}");
    assert!(json["openslide"]["found"].is_boolean() && json["libjxl"]["found"].is_boolean(), "{json:#}");
    origami(&["--verbose"]).refused(&["--version"]);
    origami(&["--"]).refused(&["Usage: origami"]);
}

/// Libraries that the program opens at run time, as glibc's loader reports them.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn opened(arguments: &[&str]) -> Vec<&'static str> {
    let ran: Ran = program().args(arguments).env("LD_DEBUG", "libs").output().unwrap().into();
    assert!(ran.stderr.contains("find library="), "the loader reports nothing: {ran:?}");
    let names = ["libvulkan", "libopenslide", "libjxl"];
    names.into_iter().filter(|name| ran.stderr.contains(&format!("find library={name}"))).collect()
}

#[test]
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn help_and_version_open_no_library_and_no_gpu() {
    for command in commands() {
        for flag in ["-h", "--help"] {
            let words: Vec<_> = command.iter().map(String::as_str).chain([flag]).collect();
            assert_eq!(opened(&words), [""; 0], "{words:?}");
        }
    }
    assert_eq!(opened(&["--version"]), [""; 0]);
    assert_eq!(opened(&["encode", "--no-such-flag"]), [""; 0]);
    // The details ask the libraries, but no GPU.
    assert!(!opened(&["--version", "--verbose"]).contains(&"libvulkan"));
    // What is looked for is reported where it is used.
    if cfg!(feature = "gpu") {
        assert!(opened(&["doctor"]).contains(&"libvulkan"));
    }
}
