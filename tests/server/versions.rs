//! What servers of every version keep, as `tests/versions` has it: marks, a cache on disk, tokens and signed addresses.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::kit::files::copy_all;
use crate::kit::program::arg;
use crate::kit::versions::versions;
use crate::running::{Running, send};

const MARKS: &str = "/api/slides/slide/annotations";

/// A root with the slide that the files are about.
fn root(version: &Path) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    fs::copy(version.join("bundles/turbojpeg.bundle"), root.path().join("slide.bundle")).unwrap();
    root
}

fn kept(from: &Path) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    copy_all(from, dir.path());
    dir
}

fn add_a_mark(server: &Running) -> u16 {
    let feature = json!({"type": "Feature", "geometry": {"type": "Point", "coordinates": [1, 2]}});
    let changes = json!({"changes": [{"id": "c", "revision": 0, "feature": feature}]}).to_string();
    send(&server.address, "PATCH", MARKS, &[("Content-Type", "application/json")], changes.as_bytes()).status
}

#[test]
fn marks_of_every_version_are_shown_and_changed() {
    for version in versions() {
        let (root, marks) = (root(&version), kept(&version.join("annotations")));
        let server = Running::start(root.path(), &["--annotations", arg(marks.path()), "--annotations-open"]);
        let shown: Value = serde_json::from_slice(&server.get(MARKS).body).unwrap();
        let ids: Vec<_> =
            shown["features"].as_array().unwrap().iter().map(|mark| mark["id"].clone()).collect();
        assert_eq!(ids, ["a", "b"], "{shown:#}");
        assert_eq!(add_a_mark(&server), 200);
        let shown: Value = serde_json::from_slice(&server.get(MARKS).body).unwrap();
        assert_eq!(shown["features"].as_array().unwrap().len(), 3);
        assert_eq!(shown["features"][0]["properties"]["classification"]["name"], "Tumor");
    }
}

#[test]
fn marks_of_the_next_version_are_refused_and_left_as_they_are() {
    let version = versions().pop().unwrap();
    let (root, marks) = (root(&version), kept(&version.join("annotations")));
    let start = || Running::start(root.path(), &["--annotations", arg(marks.path()), "--annotations-open"]);
    let server = start();
    assert_eq!(add_a_mark(&server), 200);
    drop(server);
    let file = marks.path().join("slide.geojson");
    let text = fs::read_to_string(&file).unwrap();
    let next = text.replacen("\"origami\":{\"version\":1,", "\"origami\":{\"version\":2,\"layers\":[],", 1);
    assert!(next != text, "{text}");
    fs::write(&file, &next).unwrap();
    let server = start();
    assert_eq!((server.get(MARKS).status, add_a_mark(&server)), (500, 500));
    assert_eq!(fs::read_to_string(&file).unwrap(), next);
    let log = server.terminate().1;
    for word in [arg(&file), "version 2, written by a newer origami", "update this program"] {
        assert!(log.contains(word), "no {word:?} in {log}");
    }
}

#[test]
fn tokens_and_signed_addresses_of_every_version_are_good() {
    for version in versions() {
        let root = root(&version);
        let (tokens, key) = (version.join("tokens"), version.join("key"));
        let marks = tempfile::tempdir().unwrap();
        let flags = [
            "--token-file",
            arg(&tokens),
            "--signing-key-file",
            arg(&key),
            "--annotations",
            arg(marks.path()),
        ];
        let server = Running::start(root.path(), &flags);
        assert_eq!(server.get("/dzi/slide.dzi").status, 401);
        let token = fs::read_to_string(&tokens).unwrap().lines().last().unwrap().to_string();
        let header = format!("Bearer {token}");
        assert_eq!(server.request("GET", "/dzi/slide.dzi", &[("Authorization", &header)]).status, 200);
        let signed: Value = serde_json::from_slice(&fs::read(version.join("signed.json")).unwrap()).unwrap();
        for (name, may_write) in [("read", false), ("annotate", true)] {
            let query = signed[name].as_str().unwrap();
            assert_eq!(server.get(&format!("/dzi/slide.dzi?{query}")).status, 200, "{name}");
            let about: Value =
                serde_json::from_slice(&server.get(&format!("/api/slides/slide?{query}")).body).unwrap();
            assert_eq!(about["annotations"], json!({"write": may_write}), "{name}");
        }
    }
}

/// The tiles of the family that an earlier server made are sent from its cache: none is made again.
#[cfg(feature = "rocksdb")]
#[test]
fn caches_of_every_version_are_read() {
    for version in versions() {
        let (root, cache) = (root(&version), kept(&version.join("cache")));
        let server = Running::start(root.path(), &["--cache-dir", arg(cache.path())]);
        let sent = server.get("/tiles/slide/7/5_1.jpg").body;
        let bundle = root.path().join("slide.bundle");
        let made = crate::kit::program::decoded(&bundle, &[]);
        assert!(made.iter().any(|(name, bytes)| name == "7/5_1.jpg" && *bytes == sent));
        assert_eq!(server.figure("origami_warm_reads_total{result=\"hit\"}"), 1.0);
        assert_eq!(server.figure("origami_families_reconstructed_total"), 0.0);
    }
}
