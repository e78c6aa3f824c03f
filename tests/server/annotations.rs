//! Marks on slides, of the built server: what is kept, who may change it, and what two do at once.

use std::fs;
use std::io::{BufReader, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::kit::program::{arg, origami};
use crate::kit::slides::tree;
use crate::running::{Reply, Running, read, send as send_bytes, wait_until};

const MARKS: &str = "/api/slides/one/annotations";
const KEY: &str = "a key of forty characters, and no secret";

fn point(x: u32) -> Value {
    json!({"type": "Feature", "geometry": {"type": "Point", "coordinates": [x, 2.5]}, "properties": {"objectType": "annotation"}})
}

/// A slide, and a directory for marks.
struct Place {
    root: tempfile::TempDir,
    marks: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let (root, marks) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        tree(&root.path().join("one"), 60, 50, 32, 4);
        Self { root, marks }
    }
    fn start(&self, more: &[&str]) -> Running {
        let mut flags = vec!["--annotations", arg(self.marks.path())];
        flags.extend(more);
        Running::start(self.root.path(), &flags)
    }
    fn open(&self) -> Running {
        self.start(&["--annotations-open"])
    }
    fn file(&self) -> String {
        fs::read_to_string(self.marks.path().join("one.geojson")).unwrap()
    }
}

fn send(server: &Running, method: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> Reply {
    let mut all = vec![("Content-Type", "application/json")];
    all.extend(headers);
    send_bytes(&server.address, method, path, &all, body.to_string().as_bytes())
}

fn patch(server: &Running, changes: Value) -> Value {
    let reply = send(server, "PATCH", MARKS, &[], &json!({"changes": changes}));
    assert_eq!(reply.status, 200, "{}", reply.text());
    json_of(&reply)
}

fn json_of(reply: &Reply) -> Value {
    serde_json::from_slice(&reply.body).unwrap_or_else(|e| panic!("{e}: {}", reply.text()))
}

#[test]
fn a_mark_is_put_read_changed_and_removed_by_its_revision() {
    let place = Place::new();
    let server = place.open();
    assert_eq!(json_of(&server.get("/api/slides/one"))["annotations"], json!({"write": true}));
    assert_eq!(json_of(&server.get(MARKS))["features"], json!([]));
    let one = format!("{MARKS}/a%20b");
    // Without a word on what it is based on nothing is changed.
    assert_eq!(send(&server, "PUT", &one, &[], &point(1)).status, 428);
    let made = send(&server, "PUT", &one, &[("If-None-Match", "*")], &point(1));
    assert_eq!((made.status, made.header("etag")), (200, "\"1\""), "{}", made.text());
    assert_eq!(json_of(&server.get(&one))["id"], "a b");
    assert_eq!(server.request("GET", &one, &[("If-None-Match", "\"1\"")]).status, 304);
    // Another one is there already, and this one has changed since.
    assert_eq!(send(&server, "PUT", &one, &[("If-None-Match", "*")], &point(2)).status, 409);
    let change = json!({"properties": {"name": "n", "objectType": null}});
    let changed = send(&server, "PATCH", &one, &[("If-Match", "\"1\"")], &change);
    assert_eq!((changed.status, changed.header("etag")), (200, "\"2\""), "{}", changed.text());
    assert_eq!(json_of(&changed)["properties"], json!({"name": "n"}));
    let late = send(&server, "PUT", &one, &[("If-Match", "\"1\"")], &point(3));
    let said = json_of(&late);
    assert_eq!(
        (late.status, &said["revision"], &said["feature"]["properties"]["name"]),
        (409, &json!(2), &json!("n"))
    );
    assert_eq!(server.request("DELETE", &one, &[("If-Match", "\"1\"")]).status, 409);
    assert_eq!(server.request("DELETE", &one, &[("If-Match", "\"2\"")]).status, 200);
    assert_eq!(server.get(&one).status, 404);
    assert_eq!(server.get("/api/slides/none/annotations").status, 404);
}

#[test]
fn two_who_mark_one_slide_keep_both_and_a_conflict_shows_both_versions() {
    let place = Place::new();
    let server = place.open();
    let mine = json!({"id": "mine", "revision": 0, "feature": point(1)});
    let said = patch(&server, json!([mine, {"id": "both", "feature": point(2)}]));
    assert_eq!((&said["conflicts"], &said["marks"]), (&json!([]), &json!({"mine": 1, "both": 2})));
    let said = patch(
        &server,
        json!([{"id": "theirs", "revision": 0, "feature": point(3)}, {"id": "both", "revision": 2, "feature": point(4)}]),
    );
    assert_eq!(said["conflicts"], json!([]));
    let said = patch(
        &server,
        json!([{"id": "both", "revision": 2, "feature": point(5)}, {"id": "mine", "revision": 1, "feature": null}]),
    );
    assert_eq!(said["conflicts"][0]["feature"]["geometry"]["coordinates"][0], 4);
    assert_eq!(
        (said["conflicts"][0]["revision"].as_u64(), said["conflicts"].as_array().unwrap().len()),
        (Some(4), 1)
    );
    let kept = json_of(&server.get(MARKS));
    let ids: Vec<&str> =
        kept["features"].as_array().unwrap().iter().map(|f| f["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["both", "theirs"]);
    // The file is what the address sends, and outlives the server.
    assert_eq!(place.file(), server.get(MARKS).text());
    let tag = server.get(MARKS).header("etag").to_string();
    assert_eq!(server.request("GET", MARKS, &[("If-None-Match", &tag)]).status, 304);
    drop(server);
    let server = place.open();
    assert_eq!(json_of(&server.get(MARKS)), kept);
    // All at once, where nothing was changed since.
    let all = json!({"type": "FeatureCollection", "features": [{"type": "Feature", "id": "new", "geometry": null}]});
    assert_eq!(send(&server, "PUT", MARKS, &[], &all).status, 428);
    assert_eq!(send(&server, "PUT", MARKS, &[("If-Match", "\"old\"")], &all).status, 409);
    assert_eq!(send(&server, "PUT", MARKS, &[("If-Match", &tag)], &all).status, 200);
    assert_eq!(json_of(&server.get(MARKS))["features"].as_array().unwrap().len(), 1);
    let twice = json!({"features": [{"type": "Feature", "id": "a", "geometry": null}, {"type": "Feature", "id": "a", "geometry": null}]});
    let reply = send(&server, "PUT", MARKS, &[("If-Match", "*")], &twice);
    assert!(reply.status == 400 && reply.text().contains("it is there twice"), "{}", reply.text());
    assert_eq!(json_of(&server.get(MARKS))["features"][0]["id"], "new");
    assert_eq!(server.request("DELETE", MARKS, &[("If-Match", "*")]).status, 200);
    assert_eq!(json_of(&server.get(MARKS))["features"], json!([]));
}

/// The members that programs of others write come back as they were, to the last digit.
#[test]
fn marks_as_qupath_documents_them_are_kept_whole() {
    let place = Place::new();
    let server = place.open();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/server/qupath");
    let mut given = Vec::new();
    for file in ["annotations", "array", "cells", "feature"] {
        let text = fs::read_to_string(folder.join(format!("{file}.geojson"))).unwrap();
        let whole: Value = serde_json::from_str(&text).unwrap();
        let features = match &whole {
            Value::Array(features) => features.clone(),
            _ => whole["features"].as_array().cloned().unwrap_or_else(|| vec![whole.clone()]),
        };
        given.extend(features);
    }
    // As the viewer does it: each mark has an id of its own.
    for (at, feature) in given.iter_mut().enumerate() {
        feature["id"] = format!("{at}").into();
    }
    let changes: Vec<Value> = given.iter().map(|f| json!({"id": f["id"], "feature": f})).collect();
    assert_eq!(patch(&server, json!(changes))["conflicts"], json!([]));
    assert_eq!(json_of(&server.get(MARKS))["features"], json!(given));
}

#[test]
fn who_may_see_a_slide_may_change_its_marks_only_if_that_was_granted() {
    let place = Place::new();
    let secrets = tempfile::tempdir().unwrap();
    let (tokens, key) = (secrets.path().join("tokens"), secrets.path().join("key"));
    fs::write(&tokens, "a-token-of-some-length\n").unwrap();
    fs::write(&key, KEY).unwrap();
    let change = json!({"changes": [{"id": "a", "feature": point(1)}]});
    let query = |more: &[&str]| {
        let mut args = vec!["sign", "--key-file", arg(&key), "one"];
        args.extend(more);
        origami(&args).ok().stdout.trim().to_string()
    };
    let (read, write) = (query(&[]), query(&["--annotate"]));
    let server =
        place.start(&["--token-file", arg(&tokens), "--signing-key-file", arg(&key), "--annotations-open"]);
    let try_with = |query: &str, headers: &[(&str, &str)]| {
        send(&server, "PATCH", &format!("{MARKS}?{query}"), headers, &change).status
    };
    let bearer = [("Authorization", "Bearer a-token-of-some-length")];
    assert_eq!(
        (try_with("", &[]), try_with(&read, &[]), try_with(&format!("annotate=1&{read}"), &[])),
        (401, 403, 403)
    );
    assert_eq!((try_with(&write, &[]), try_with("", &bearer)), (200, 200));
    for (query, may) in [(&read, false), (&write, true)] {
        let slide = json_of(&server.get(&format!("/api/slides/one?{query}")));
        assert_eq!(slide["annotations"]["write"], may);
        assert_eq!(server.get(&format!("{MARKS}?{query}")).status, 200);
    }
    drop(server);
    // Without credentials only where the operator says so.
    let server = place.start(&[]);
    let reply = send(&server, "PATCH", MARKS, &[], &change);
    assert!(reply.status == 403 && reply.text().contains("signed for changes"), "{}", reply.text());
    assert_eq!(server.get(MARKS).status, 200);
    let without = Running::start(place.root.path(), &[]);
    assert!(without.get(MARKS).status == 404 && without.get(MARKS).text().contains("keeps no marks"));
    assert_eq!(json_of(&without.get("/api/slides/one"))["annotations"], Value::Null);
}

#[test]
fn pages_of_other_origins_change_nothing() {
    let place = Place::new();
    let server = place.open();
    let change = json!({"changes": [{"id": "a", "feature": point(1)}]});
    let own = format!("http://{}", server.address);
    for (headers, status) in [
        (vec![("Origin", "https://evil.example.org")], 403),
        (vec![("Origin", "null")], 403),
        (vec![("Sec-Fetch-Site", "cross-site")], 403),
        (vec![("Sec-Fetch-Site", "same-site"), ("Origin", own.as_str())], 403),
        (vec![("Origin", own.as_str())], 200),
        (vec![("Sec-Fetch-Site", "same-origin"), ("Origin", own.as_str())], 200),
        (vec![], 200),
    ] {
        assert_eq!(send(&server, "PATCH", MARKS, &headers, &change).status, status, "{headers:?}");
    }
    // What a form can send is refused as well.
    let form = send_bytes(
        &server.address,
        "PATCH",
        MARKS,
        &[("Content-Type", "text/plain")],
        change.to_string().as_bytes(),
    );
    assert_eq!(form.status, 415);
}

#[test]
fn what_is_no_change_is_refused_with_a_reason_and_nothing_is_kept_of_it() {
    let place = Place::new();
    let server = place.open();
    let deep = format!("{{\"changes\":{}", "[".repeat(5000));
    for (body, says) in [
        ("", "the body"),
        ("{\"changes\":[{\"feature\":null}]}", "id"),
        ("{\"changes\":[{\"id\":\"a\",\"feature\":3}]}", "not an object"),
        ("{\"changes\":[{\"id\":\"a\",\"feature\":{\"type\":\"Feature\"}}]}", "no geometry"),
        (deep.as_str(), "the body"),
    ] {
        let reply = send_bytes(
            &server.address,
            "PATCH",
            MARKS,
            &[("Content-Type", "application/json")],
            body.as_bytes(),
        );
        assert!(reply.status == 400 && reply.text().contains(says), "{body}: {}", reply.text());
    }
    let large = vec![b' '; (8 << 20) + 1];
    assert_eq!(
        send_bytes(&server.address, "PATCH", MARKS, &[("Content-Type", "application/json")], &large).status,
        413
    );
    assert!(!place.marks.path().join("one.geojson").exists());
}

/// Whatever way a mark comes: one that cannot be drawn is refused by its name, and the others of its request with it.
#[test]
fn a_mark_that_cannot_be_drawn_is_refused_by_its_name() {
    let place = Place::new();
    let server = place.open();
    patch(&server, json!([{"id": "good", "feature": point(1)}]));
    let before = place.file();
    let feature = |geometry: &Value| json!({"type": "Feature", "id": "b d", "geometry": geometry});
    let one = format!("{MARKS}/b%20d");
    for (geometry, says) in [
        (json!({"type": "Point", "coordinates": ["a"]}), "its geometry: a position has two numbers or more"),
        (json!({"type": "Foo"}), "its geometry: \"Foo\" is no type of geometry in GeoJSON"),
        (json!({"type": "Polygon", "coordinates": 5}), "its geometry: it needs a list, of each ring"),
        (
            json!({"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1]]]}),
            "its geometry: ring 1: a ring ends where it begins",
        ),
    ] {
        let bad = feature(&geometry);
        let changes = json!({"changes": [{"id": "new", "feature": point(2)}, {"id": "b d", "feature": bad}]});
        let all = json!({"type": "FeatureCollection", "features": [bad]});
        for reply in [
            send(&server, "PATCH", MARKS, &[], &changes),
            send(&server, "PUT", MARKS, &[("If-Match", "*")], &all),
            send(&server, "PUT", &one, &[("If-None-Match", "*")], &bad),
            send(&server, "PATCH", &one, &[("If-None-Match", "*")], &bad),
        ] {
            let said = json_of(&reply)["error"].as_str().unwrap_or_default().to_string();
            assert_eq!((reply.status, said), (400, format!("mark \"b d\": {says}")));
        }
    }
    assert_eq!(place.file(), before);
    // What an earlier version took is sent as it is, and can be removed.
    drop(server);
    fs::write(place.marks.path().join("one.geojson"), before.replace("[1,2.5]", "[\"a\"]")).unwrap();
    let server = place.open();
    let seen = json_of(&server.get(MARKS));
    assert_eq!(seen["features"][0]["geometry"]["coordinates"], json!(["a"]));
    let said = patch(
        &server,
        json!([{"id": "new", "feature": point(2)}, {"id": "good", "revision": 1, "feature": null}]),
    );
    assert_eq!(said["conflicts"], json!([]));
    assert_eq!(json_of(&server.get(MARKS))["features"].as_array().unwrap().len(), 1);
}

/// Asks for a change with a body of so many bytes, none of which is sent yet.
fn announce(server: &Running, bytes: usize) -> TcpStream {
    let mut stream = TcpStream::connect(&server.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let head = format!(
        "PATCH {MARKS} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {bytes}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

fn status_of(server: &Running, stream: &TcpStream) -> u16 {
    read(&server.address, "PATCH", MARKS, &mut BufReader::new(stream)).status
}

#[test]
fn bodies_of_those_who_may_not_write_are_not_taken_in() {
    let place = Place::new();
    // Without --annotations-open nobody may.
    let server = place.start(&[]);
    assert_eq!(status_of(&server, &announce(&server, 8 << 20)), 403);
    let open = place.open();
    assert_eq!(status_of(&open, &announce(&open, (8 << 20) + 1)), 413);
}

#[test]
fn bodies_that_do_not_arrive_hold_no_more_than_the_memory_of_requests() {
    let place = Place::new();
    let server = place.start(&["--annotations-open", "--request-mb", "32", "--queue-timeout-ms", "300"]);
    let held = || server.figure("origami_requests_bytes");
    let waiting: Vec<_> = (0..2).map(|_| announce(&server, 8 << 20)).collect();
    wait_until("two bodies are waited for", || held() >= f64::from(16 << 20));
    // Half of the memory is for what is not a tile, and it is taken.
    assert_eq!(status_of(&server, &announce(&server, 8 << 20)), 503);
    assert_eq!(server.get("/dzi/one_files/6/0_0.jpg").status, 200);
    drop(waiting);
    wait_until("their memory is free again", || held() < f64::from(8 << 20));
    patch(&server, json!([{"id": "a", "feature": point(1)}]));
}

#[test]
fn another_slide_under_the_name_never_shows_the_marks_unasked_and_a_second_server_does_not_write() {
    let place = Place::new();
    let server = place.open();
    patch(&server, json!([{"id": "a", "feature": point(1)}]));
    let second = place.open();
    assert_eq!(json_of(&second.get(MARKS))["features"].as_array().unwrap().len(), 1);
    let may_write =
        |server: &Running| json_of(&server.get("/api/slides/one"))["annotations"]["write"].clone();
    assert_eq!((may_write(&server), may_write(&second)), (json!(true), json!(false)));
    let change = json!({"changes": [{"id": "b", "feature": point(2)}]});
    let reply = send(&second, "PATCH", MARKS, &[], &change);
    assert!(reply.status == 503 && reply.text().contains("the server of process"), "{}", reply.text());
    // Killed: its file stays, and writes nothing.
    drop(server);
    assert_eq!(may_write(&second), json!(true));
    drop(second);
    // A slide of another size takes the name.
    fs::remove_dir_all(place.root.path().join("one")).unwrap();
    tree(&place.root.path().join("one"), 70, 50, 32, 4);
    let server = place.open();
    let seen = json_of(&server.get(MARKS));
    assert_eq!((&seen["features"], &seen["origami"]["other"]["marks"]), (&json!([]), &json!(1)));
    assert_eq!(json_of(&server.get(&format!("{MARKS}?other=show")))["features"].as_array().unwrap().len(), 1);
    assert_eq!(send(&server, "PATCH", MARKS, &[], &change).status, 409);
    assert_eq!(send(&server, "PATCH", MARKS, &[], &json!({"adopt": true})).status, 200);
    assert_eq!(json_of(&server.get(MARKS))["features"].as_array().unwrap().len(), 1);
}
