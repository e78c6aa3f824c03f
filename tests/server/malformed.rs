//! Requests that make no sense, over the addresses of rectangles, of marks and of other protocols: each is refused with a reason, and nothing grows.

use serde_json::Value;

use crate::kit::image::Image;
use crate::kit::program::arg;
use crate::kit::slides::{encode_tree, tree};
use crate::running::{Reply, Running, send, wait_until};
use crate::tiffs::write_tiff;
use origami::params::EncodeParams;

/// What stands where a number should.
const NUMBERS: [&str; 14] = [
    "",
    "-1",
    "+1",
    "1.5",
    "1e9",
    "0x10",
    "nan",
    "inf",
    "4294967296",
    "18446744073709551616",
    "99999999999999999999999999",
    "%00",
    "%ff",
    "1%202",
];

/// GET requests, all of them wrong.
fn addresses() -> Vec<String> {
    let mut all = Vec::new();
    for number in NUMBERS {
        for key in ["x", "y", "w", "h", "level", "scale"] {
            // This is a scale.
            if (key, number) != ("scale", "1.5") {
                all.push(format!("/api/slides/bundle/region?{key}={number}"));
            }
        }
        for pattern in ["/xyz/scan/@/0/0.jpg", "/xyz/scan/0/@/0.jpg", "/xyz/scan/0/0/@.jpg"] {
            all.push(pattern.replace('@', number));
        }
        for pattern in
            ["TileGroup@/9-0-0.jpg", "TileGroup0/@-0-0.jpg", "TileGroup0/0-@-0.jpg", "TileGroup0/0-0-@.jpg"]
        {
            all.push(format!("/zoomify/bundle/{}", pattern.replace('@', number)));
        }
        // A region that is too large is cut off at the edge.
        for pattern in ["@,0,9,9/max/0/default.jpg", "0,0,9,9/@,/0/default.jpg", "0,0,9,9/max/@/default.png"]
        {
            all.push(format!("/iiif/2/bundle/{}", pattern.replace('@', number)));
        }
    }
    for query in [
        "x=0&x=0",
        "w=0",
        "h=0",
        "x=500",
        "y=390",
        "x=499&w=2",
        "y=0&h=391",
        "mpp=0",
        "mpp=-1",
        "mpp=x",
        "mpp=1",
        "mpp=1e400",
        "mpp=NaN",
        "scale=0",
        "scale=1/0",
        "scale=0/1",
        "scale=1/2/3",
        "scale=1//2",
        "scale=-1/2",
        "scale=999999999",
        "scale=17",
        "level=32",
        "level=1&scale=1",
        "mpp=1&level=0",
        "scale=1&mpp=1",
        "format=",
        "format=bmp",
        "format=JPEG",
        "format=png&format=png",
        "channel=9",
        "z=1",
        "z=x",
        "time=-1",
        "window=9,1",
        "x=%F0%9F%98%80",
    ] {
        all.push(format!("/api/slides/scan/region?{query}"));
    }
    for path in [
        "/api/slides/none/region",
        "/api/slides/none/regions",
        "/api/slides/..%2F..%2Fetc%2Fpasswd/region",
        "/api/slides/%5C..%5Cx/region",
        "/api/slides/bundle%00/region",
        "/xyz/none/0/0/0.jpg",
        "/xyz/scan/0/0/0",
        "/xyz/scan/0/0/0.gif",
        "/xyz/scan/0/0/.jpg",
        "/xyz/scan/0/0",
        "/zoomify/none/ImageProperties.xml",
        "/zoomify/scan/imageproperties.xml",
        "/zoomify/scan/TileGroup0/0-0.jpg",
        "/zoomify/scan/TileGroup0/0-0-0-0.jpg",
        "/zoomify/scan/Group0/0-0-0.jpg",
        "/zoomify/scan/..%2F/0-0-0.jpg",
        "/dzi/none.json",
        "/dzi/scan.js",
        "/original/none.json",
        "/iiif/2/none/info.json",
        "/iiif/2/scan/full/^max/0/default.jpg",
        "/iiif/2/scan/full/9999,/0/default.jpg",
        "/iiif/1/scan/info.json",
        "/api/openapi.yaml",
        "/api",
    ] {
        all.push(path.into());
    }
    all
}

/// Bodies of many rectangles, all of them wrong.
fn bodies() -> Vec<String> {
    let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    let one = |value: &str| format!(r#"{{"regions": [{{"x": 0, "y": 0, "w": 9, "h": {value}}}]}}"#);
    let numbers =
        ["-1", "0", "1.5", "1e3", "391", "18446744073709551616", "null", "true", "\"9\"", "[]", "{}", "NaN"];
    let mut all: Vec<String> = numbers.iter().map(|number| one(number)).collect();
    for scale in [
        "1,\"scale\":0",
        "1,\"scale\":true",
        "1,\"scale\":[1]",
        "1,\"scale\":\"\"",
        "1,\"scale\":1e9",
        "1,\"level\":99",
        "1,\"mpp\":1",
        "1,\"level\":1,\"mpp\":1",
        "1,\"a\":1",
    ] {
        all.push(one(scale));
    }
    for body in [
        "",
        "{",
        "[]",
        "null",
        "1",
        "{\"regions\": {}}",
        "{\"regions\": [[]]}",
        "{\"regions\": [1]}",
        "{\"region\": []}",
        "\u{feff}{}",
        "x=1&y=2",
        &deep,
    ] {
        all.push(body.into());
    }
    all
}

/// A request about marks.
struct OfMarks {
    method: &'static str,
    path: String,
    headers: Vec<(&'static str, &'static str)>,
    body: String,
}

const MARKS: &str = "/api/slides/bundle/annotations";
const JSON: (&str, &str) = ("Content-Type", "application/json");
const NEW: (&str, &str) = ("If-None-Match", "*");
const MARK: &str =
    r#"{"type": "Feature", "geometry": {"type": "Point", "coordinates": [1, 2]}, "properties": {}}"#;

/// Requests about marks, all of them wrong.
fn marks() -> Vec<OfMarks> {
    let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    let (mut all, one) = (Vec::new(), format!("{MARKS}/a"));
    let mut add = |method, path: &str, headers: &[(&'static str, &'static str)], body: &str| {
        all.push(OfMarks { method, path: path.into(), headers: headers.to_vec(), body: body.into() });
    };
    for body in [
        "",
        "{",
        "null",
        "1",
        "\"x\"",
        "\u{feff}{}",
        "x=1&y=2",
        &deep,
        r#"{"changes": 1}"#,
        r#"{"changes": [1]}"#,
        r#"{"changes": [{}]}"#,
        r#"{"changes": [{"id": 1}]}"#,
        r#"{"changes": [{"id": "a", "revision": -1}]}"#,
        r#"{"changes": [{"id": "a", "revision": "0"}]}"#,
    ] {
        add("PUT", &one, &[JSON, NEW], body);
        add("PUT", MARKS, &[JSON, ("If-Match", "*")], body);
        add("PATCH", MARKS, &[JSON], body);
    }
    for geometry in ["1", "[]", "{", r#"{"type": "Point", "coordinates": [1e400, 2]}"#] {
        let body = format!(r#"{{"type": "Feature", "geometry": {geometry}, "properties": {{}}}}"#);
        add("PUT", &one, &[JSON, NEW], &body);
    }
    for tag in ["7", "\"x\"", "\"-1\"", "", "\"99999999999999999999999\"", "\"1\", \"2\"", "W/\"1\""] {
        add("PUT", &one, &[JSON, ("If-Match", tag)], MARK);
        add("DELETE", &one, &[("If-Match", tag)], "");
    }
    // Nothing that says what it is based on, and no JSON.
    add("PUT", &one, &[JSON], MARK);
    add("PUT", &one, &[JSON, ("If-None-Match", "\"1\"")], MARK);
    add("DELETE", &one, &[], "");
    add("PUT", &one, &[("Content-Type", "text/plain"), NEW], MARK);
    add("PUT", &one, &[NEW], MARK);
    add("POST", MARKS, &[JSON], MARK);
    add("POST", &one, &[JSON], MARK);
    let long = format!("{MARKS}/{}", "a".repeat(3000));
    for path in [&format!("{MARKS}/%ff"), &format!("{MARKS}/%00"), &format!("{MARKS}/a/b"), &long] {
        add("GET", path, &[], "");
        add("PUT", path, &[JSON, NEW], MARK);
    }
    for slide in ["none", "..%2F..%2Fetc", "%ff", "bundle%00"] {
        for path in [format!("/api/slides/{slide}/annotations"), format!("/api/slides/{slide}/annotations/a")]
        {
            add("GET", &path, &[], "");
            add("PUT", &path, &[JSON, NEW], MARK);
        }
    }
    for id in ["none", "..%2F..%2Fx", ""] {
        add("GET", &format!("{MARKS}/{id}"), &[], "");
    }
    all
}

fn refused(what: &str, reply: &Reply) {
    assert!(
        (400..500).contains(&reply.status) || reply.status == 501,
        "{what}: {} {}",
        reply.status,
        reply.text()
    );
    assert_eq!(reply.header("cache-control"), "no-store", "{what}");
    let body: Value =
        serde_json::from_slice(&reply.body).unwrap_or_else(|e| panic!("{what}: {e}: {}", reply.text()));
    let error = body["error"].as_str().unwrap();
    assert!(!error.is_empty() && error.len() < 500 && !error.contains("panic"), "{what}: {error}");
}

/// Asks twice what was asked before: then no more files are open than were, no bytes are taken, and memory has not grown.
pub fn nothing_grows(server: &Running, ask: impl Fn()) {
    let (files, memory) = (server.open_files(), server.memory_kib("VmRSS"));
    for _ in 0..2 {
        ask();
    }
    wait_until("connections are open", || server.open_files() <= files + 2);
    wait_until("bytes of requests are taken", || server.figure("origami_requests_bytes") == 0.0);
    // What threads and the allocator keep for themselves.
    let grown = server.memory_kib("VmRSS").saturating_sub(memory);
    assert!(grown < 24 << 10, "{grown} KiB more");
}

#[test]
fn three_hundred_malformed_requests_are_refused_with_a_reason_and_nothing_grows() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("bundle");
    let dzi = tree(&dir, 500, 390, 64, 3);
    encode_tree(&dzi, &dir, &EncodeParams::default());
    write_tiff(&root.path().join("scan.tif"), &Image::cells(500, 390, 3), None);
    let kept = tempfile::tempdir().unwrap();
    let server = Running::start(root.path(), &["--annotations", arg(kept.path()), "--annotations-open"]);
    let (addresses, bodies, marks) = (addresses(), bodies(), marks());
    assert!(addresses.len() + bodies.len() >= 300, "{} and {}", addresses.len(), bodies.len());
    assert!(marks.len() >= 80, "{}", marks.len());
    let ask = || {
        for address in &addresses {
            refused(address, &server.get(address));
        }
        for body in &bodies {
            refused(body, &send(&server.address, "POST", "/api/slides/bundle/regions", &[], body.as_bytes()));
        }
        for OfMarks { method, path, headers, body } in &marks {
            let what = format!("{method} {path} {headers:?} {body:.100}");
            refused(&what, &send(&server.address, method, path, headers, body.as_bytes()));
        }
    };
    ask();
    nothing_grows(&server, ask);
    assert_eq!(server.get("/api/slides/bundle/region?w=9&h=9").status, 200);
    let marks = server.get(MARKS);
    let told: Value = serde_json::from_slice(&marks.body).unwrap();
    assert!(marks.status == 200 && told["features"] == serde_json::json!([]), "{}", marks.text());
}
