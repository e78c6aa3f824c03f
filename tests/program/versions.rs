//! Files of every version of the program, as `tests/versions` keeps them: this build opens each. And files with the next version number,
//! which it refuses in one line that says what to do. docs/versions.md states what is promised.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::kit::files::copy_all;
use crate::kit::program::{arg, origami};
use crate::kit::versions::{files_in, versions};
use origami::archive::Archive;
use origami::codec::{CodecId, decoder};

fn json(args: &[&str]) -> Value {
    serde_json::from_str(&origami(args).ok().stdout).unwrap()
}

/// The codecs of a bundle's payloads and tiles.
fn codecs(bundle: &Path) -> BTreeSet<u16> {
    let archive = Archive::open(bundle).unwrap();
    let mut found: BTreeSet<_> = archive.tiles().iter().map(|tile| tile.codec as u16).collect();
    for family in archive.families() {
        found.extend(archive.read_head(family).unwrap().iter().map(|payload| payload.codec as u16));
    }
    found
}

#[test]
fn every_bundle_and_pack_decodes_to_what_its_encoder_saw() {
    for version in versions() {
        let (bundles, mut found) = (files_in(&version.join("bundles")), BTreeSet::new());
        assert!(bundles.len() >= 13, "{bundles:?}");
        for file in bundles.iter().chain([&version.join("slide.pack")]) {
            let own = codecs(file);
            let missing = own.iter().find_map(|&codec| decoder(CodecId::from_u16(codec)?).err());
            match missing {
                None => drop(origami(&["verify", "--deep", "-q", arg(file)]).ok()),
                Some(why) => println!("SKIPPED: {}: {why}", file.display()),
            }
            found.extend(own);
        }
        let known: BTreeSet<_> =
            (0..=u16::MAX).filter(|&number| CodecId::from_u16(number).is_some()).collect();
        if version.ends_with(env!("CARGO_PKG_VERSION")) {
            assert_eq!(found, known, "files of this version have each of its codecs");
        }
    }
}

#[test]
fn every_bundle_is_decoded_to_tiles() {
    for version in versions() {
        for file in files_in(&version.join("bundles")) {
            if codecs(&file)
                .iter()
                .any(|&codec| CodecId::from_u16(codec).is_none_or(|codec| decoder(codec).is_err()))
            {
                println!("SKIPPED: {}: a codec is not in this build", file.display());
                continue;
            }
            let out = tempfile::tempdir().unwrap();
            origami(&["decode", "-q", "--bundle", arg(&file), "--out", arg(out.path())]).ok();
            assert!(out.path().join("decoded_pyramid.dzi").is_file(), "{}", file.display());
        }
    }
}

/// A queue with a unit that is done and one that waits, and its results.
#[cfg(feature = "jobs")]
fn results(version: &Path) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("results");
    copy_all(&version.join("results"), &out);
    (dir, out)
}

#[cfg(feature = "jobs")]
#[test]
fn every_queue_is_read_and_made_again_from_its_results() {
    for version in versions() {
        let (_dir, out) = results(&version);
        let count = |status: &Value, state: &str| status["units"][state]["units"].as_u64().unwrap();
        let status = json(&["jobs", "status", "--json", "--out", arg(&out)]);
        assert_eq!((count(&status, "done"), count(&status, "waiting")), (1, 1), "{status:#}");
        origami(&["jobs", "cancel", "--all", "--out", arg(&out)]).ok();
        let status = json(&["jobs", "status", "--json", "--out", arg(&out)]);
        assert_eq!((count(&status, "done"), count(&status, "cancelled")), (1, 1), "{status:#}");

        fs::remove_file(out.join("jobs.queue")).unwrap();
        origami(&["jobs", "reconcile", "--out", arg(&out)]).ok();
        let status = json(&["jobs", "status", "--json", "--out", arg(&out)]);
        assert_eq!((count(&status, "done"), count(&status, "waiting")), (1, 1), "{status:#}");
    }
}

#[cfg(feature = "serve")]
#[test]
fn every_setting_is_still_one() {
    for version in versions() {
        let file = version.join("serve.toml");
        let text = fs::read_to_string(&file).unwrap();
        let names: Vec<_> = text.lines().filter_map(|line| Some(line.split_once(" = ")?.0)).collect();
        assert!(names.len() > 30, "{names:?}");
        let settings = json(&["serve", "--config", arg(&file), "--print-config", "--json"]);
        for name in names {
            let rows = settings["settings"].as_array().unwrap();
            let row = rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("{name}"));
            assert_eq!(row["from"], "file", "{name}");
        }
    }
}

#[cfg(feature = "tour")]
#[test]
fn every_tour_is_read() {
    for version in versions() {
        origami(&["tour", "check", arg(&version.join("tour.json"))]).ok();
    }
}

/// Writes a file of today's version anew with `bytes` at `at`, and returns its path.
fn patched(dir: &Path, file: &Path, at: usize, bytes: &[u8]) -> PathBuf {
    let mut all = fs::read(file).unwrap();
    all[at..at + bytes.len()].copy_from_slice(bytes);
    let path = dir.join(file.file_name().unwrap());
    fs::write(&path, all).unwrap();
    path
}

fn newest() -> PathBuf {
    versions().pop().unwrap()
}

#[test]
fn an_archive_of_the_next_version_is_refused_in_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let next = (origami::image::spec::VERSION + 1).to_le_bytes();
    for file in ["bundles/turbojpeg.bundle", "slide.pack"] {
        let file = patched(dir.path(), &newest().join(file), 4, &next);
        let says = [arg(&file), "format version", "written by a newer origami", "update this program"];
        for command in ["verify", "inspect"] {
            let ran = origami(&[command, arg(&file)]);
            assert!(ran.code.is_some_and(|code| code != 0), "{ran:?}");
            let code = ran.code.unwrap();
            ran.ends(code, &says);
        }
    }
    let bundle = dir.path().join("turbojpeg.bundle");
    let out = dir.path().join("out");
    let ran = origami(&["decode", "--bundle", arg(&bundle), "--out", arg(&out)]);
    let code = ran.code.unwrap();
    ran.ends(code, &["written by a newer origami", "update this program"]);
    assert!(!out.join("decoded_pyramid.dzi").exists());
}

/// `PRAGMA user_version` lies at byte 60 of an SQLite file.
#[cfg(feature = "jobs")]
#[test]
fn a_queue_and_results_of_the_next_version_are_refused_in_one_line() {
    let (_dir, out) = results(&newest());
    let queue = out.join("jobs.queue");
    let bytes = fs::read(&queue).unwrap();
    let next = u32::from_be_bytes(bytes[60..64].try_into().unwrap()) + 1;
    patched(&out, &queue, 60, &next.to_be_bytes());
    let before = fs::read(&queue).unwrap();
    origami(&["jobs", "status", "--out", arg(&out)]).fails(&[
        arg(&queue),
        "written by a newer origami",
        "update this program",
    ]);
    assert!(fs::read(&queue).unwrap() == before, "the queue is left as it is");

    fs::remove_file(&queue).unwrap();
    let unit =
        files_in(&out.join("units")).into_iter().find(|unit| unit.join("manifest.json").exists()).unwrap();
    let manifest = unit.join("manifest.json");
    let mut value: Value = serde_json::from_slice(&fs::read(&manifest).unwrap()).unwrap();
    value["schema"] = (value["schema"].as_u64().unwrap() + 1).into();
    value["unit"]["something"] = "new".into();
    fs::write(&manifest, value.to_string()).unwrap();
    origami(&["jobs", "reconcile", "--out", arg(&out)]).damaged(&[
        "manifest.json",
        "written by a newer origami",
        "update this program",
    ]);
    assert!(manifest.exists());
}

#[cfg(feature = "tour")]
#[test]
fn a_tour_of_the_next_version_is_refused_with_its_line() {
    let dir = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(newest().join("tour.json")).unwrap();
    let tour = dir.path().join("tour.json");
    fs::write(&tour, text.replace("\"1.3\"", "\"2.0\"")).unwrap();
    let ran = origami(&["tour", "check", arg(&tour)]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    let said = format!("{}{}", ran.stdout, ran.stderr);
    assert!(said.contains("version \"2.0\" is not known; this program reads 1.3"), "{said}");
}
