//! The list of slides in pages: searched and sorted without reading a slide that is not on the page.

use std::fs::{self, File};
use std::time::{Duration, Instant, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::folders::{api, names};
use crate::kit::slides::{encode_tree, tree};
use crate::running::Running;
use origami::params::EncodeParams;

fn bundle() -> (tempfile::TempDir, std::path::PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let bundle = encode_tree(
        &tree(&dir.path().join("one"), 150, 130, 32, 3),
        &dir.path().join("one"),
        &EncodeParams::default(),
    );
    (dir, bundle)
}

fn listed(list: &Value) -> Vec<&str> {
    list["slides"].as_array().unwrap().iter().map(|slide| slide["name"].as_str().unwrap()).collect()
}

#[test]
fn a_page_is_searched_and_sorted_and_reads_no_other_slide() {
    let ((_dir, bundle), root) = (bundle(), tempfile::tempdir().unwrap());
    for (name, days) in [("b", 3), ("a & b", 1), ("more/b", 2), ("more/deep/c", 4), ("more/z", 5)] {
        let path = root.path().join(format!("{name}.bundle"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::copy(&bundle, &path).unwrap();
        let at = UNIX_EPOCH + Duration::from_secs(1_700_000_000 + 86_400 * days);
        File::options().write(true).open(&path).unwrap().set_modified(at).unwrap();
    }
    // No slide at all: only who reads it finds out.
    fs::write(root.path().join("more/y.bundle"), "nothing").unwrap();
    // A server that has read nothing yet: its start report would.
    let server = Running::start(root.path(), &[]);
    let first = api(&server, "/api/slides?limit=2");
    assert_eq!(listed(&first), ["a & b", "b"]);
    assert_eq!((&first["next"], &first["slides"][0]["width"]), (&json!(2), &json!(150)));
    assert_eq!(first["slides"][0]["modified"], 1_700_000_000 + 86_400);
    assert_eq!(first["slides"][0]["levels"], Value::Null);
    assert_eq!(listed(&api(&server, "/api/slides?limit=2&offset=2")), ["more/b", "more/deep/c"]);
    assert_eq!(
        listed(&api(&server, "/api/slides?limit=9&sort=folder")),
        ["a & b", "b", "more/b", "more/z", "more/deep/c"]
    );
    assert_eq!(listed(&api(&server, "/api/slides?limit=2&sort=date")), ["a & b", "more/b"]);
    assert_eq!(listed(&api(&server, "/api/slides?limit=9&search=A+%26")), ["a & b"]);
    let last = api(&server, "/api/slides?limit=2&offset=4");
    assert_eq!((listed(&last), &last["next"], &last["total"]), (vec!["more/z"], &Value::Null, &json!(5)));
    assert_eq!((last["skipped"].as_array().unwrap().len(), &last["skipped_total"]), (1, &json!(1)));
    assert_eq!(names(&server), ["a & b", "b", "more/b", "more/deep/c", "more/z"]);
    for wrong in ["limit=0", "limit=501", "sort=size", "search=%ff", "offset=x"] {
        let reply = server.get(&format!("/api/slides?{wrong}"));
        assert_eq!(reply.status, 400, "{wrong}");
        assert!(reply.text().contains(wrong.split('=').next().unwrap()), "{wrong}: {}", reply.text());
    }
    let tag = server.get("/api/slides?limit=2").header("etag").to_string();
    assert_eq!(server.request("GET", "/api/slides?limit=2", &[("If-None-Match", &tag)]).status, 304);
}

#[test]
fn a_page_of_ten_thousand_slides_reads_those_that_are_on_it() {
    let ((_dir, bundle), root) = (bundle(), tempfile::tempdir().unwrap());
    for n in 0..10_000 {
        let folder = root.path().join(format!("{:02}", n % 100));
        fs::create_dir_all(&folder).unwrap();
        fs::hard_link(&bundle, folder.join(format!("{n:05}.bundle")))
            .or_else(|_| fs::copy(&bundle, folder.join(format!("{n:05}.bundle"))).map(|_| ()))
            .unwrap();
    }
    let server = Running::start(root.path(), &[]);
    let bundle_bytes = fs::metadata(&bundle).unwrap().len();
    for query in ["limit=60", "limit=60&sort=folder&offset=5000", "limit=60&sort=-date&search=77"] {
        let (started, before) = (Instant::now(), server.bytes_read());
        let page = api(&server, &format!("/api/slides?{query}"));
        let (took, read) = (started.elapsed(), server.bytes_read() - before);
        assert!(read < 120 * bundle_bytes, "{query}: {read} bytes, of bundles of {bundle_bytes}");
        assert_eq!(page["slides"].as_array().unwrap().len(), 60, "{query}");
        println!("{query}: {} of {} slides in {took:?}, {read} bytes read", 60, page["total"]);
    }
    // What is read does count.
    let before = server.bytes_read();
    api(&server, "/api/slides/00%2F00000");
    assert!(server.bytes_read() > before);
}
