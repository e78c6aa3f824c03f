//! The addresses that `--jobs` adds are in the OpenAPI document of a server that has them. The client of these tests holds what they answer to it, here and in the
//! tests of the service alone.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::object;
use crate::described::{check_in_full, is_valid};
use crate::kit::program::arg;
use crate::kit::slides;
use crate::running::{Reply, Running, send};

/// Every route, and an address of it.
const ROUTES: [(&str, &str); 12] = [
    ("/render", "/render"),
    ("/encode", "/encode"),
    ("/queue/status", "/queue/status"),
    ("/health", "/health"),
    ("/api/render/{job_id}", "/api/render/none"),
    ("/api/render/{job_id}/status", "/api/render/none/status"),
    ("/api/render/{job_id}/ws", "/api/render/none/ws"),
    ("/api/render/{job_id}/result", "/api/render/none/result"),
    ("/api/render/{job_id}/cancel", "/api/render/none/cancel"),
    ("/api/render/queue/clear", "/api/render/queue/clear"),
    ("/api/render/process", "/api/render/process"),
    ("/api/render/queue/status", "/api/render/queue/status"),
];

/// A tile server over a picture, with jobs, and the folder of its results.
fn server(root: &Path, flags: &[&str]) -> (Running, tempfile::TempDir) {
    slides::write_png(&root.join("a.png"), 150, 130, 7);
    let work = tempfile::tempdir().unwrap();
    let out = work.path().join("out");
    let fixed = ["--jobs", "--out", arg(&out), "--temp-dir", arg(work.path())];
    (Running::start(root, &[&fixed[..], flags].concat()), work)
}

fn document(server: &Running) -> Value {
    object(&server.get("/api/openapi.json"))
}

/// The names in a part of a document.
fn names(document: &Value, place: &str) -> BTreeSet<String> {
    document.pointer(place).unwrap().as_object().unwrap().keys().cloned().collect()
}

#[test]
fn a_server_describes_the_addresses_of_jobs_exactly_where_it_has_them() {
    let root = tempfile::tempdir().unwrap();
    let (jobs, _work) = server(root.path(), &[]);
    let plain = Running::start(root.path(), &[]);
    let (with, without) = (document(&jobs), document(&plain));
    let [described, others] = [&with, &without].map(|document| names(document, "/paths"));
    let added: BTreeSet<&str> = described.difference(&others).map(String::as_str).collect();
    let routes: BTreeSet<&str> = ROUTES.iter().map(|(route, _)| *route).collect();
    assert_eq!(added, routes);
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/service/http.rs");
    let source = fs::read_to_string(source).unwrap();
    let routed = source.split(".route(").skip(1).map(|rest| rest.split('"').nth(1).unwrap());
    // These two are of the service alone: the tile server has its own.
    let routed: BTreeSet<&str> = routed.filter(|route| !["/healthz", "/metrics"].contains(route)).collect();
    assert_eq!(routed, routes);
    // The rest of the document is the same.
    for path in &others {
        assert_eq!(with["paths"][path], without["paths"][path], "{path}");
    }
    for part in ["schemas", "parameters", "responses", "headers"] {
        let [all, fewer] = [&with, &without].map(|document| names(document, &format!("/components/{part}")));
        assert!(all.is_superset(&fewer), "{part}");
        assert_eq!(all == fewer, ["responses", "headers"].contains(&part), "{part}");
        for name in &fewer {
            assert_eq!(with["components"][part][name], without["components"][part][name], "{name}");
        }
    }
    // Every method that is described is one that the server takes, and every other is refused. Without jobs there is nothing.
    for (route, address) in ROUTES {
        for method in ["GET", "PUT", "POST", "PATCH", "DELETE"] {
            let takes = jobs.request(method, address, &[]).status != 405;
            let operation = with["paths"][route].get(method.to_lowercase());
            assert_eq!(takes, operation.is_some(), "{method} {route}");
            let is_open = operation.map(|operation| operation["security"] == json!([]));
            assert!(is_open.is_none_or(|is_open| is_open == (route == "/health")), "{method} {route}");
            assert_eq!(plain.request(method, address, &[]).status, 404, "{method} {route}");
        }
    }
}

#[test]
fn what_the_addresses_of_jobs_answer_has_the_form_that_is_described() {
    let root = tempfile::tempdir().unwrap();
    let (server, _work) = server(root.path(), &[]);
    let asked = json!({"jobId": "one", "source": "a.png", "options": {"tile": 32}, "mood": "dark"});
    assert!(is_valid("EncodeAsked", &asked) && !is_valid("EncodeAsked", &json!({"jobId": "one"})));
    assert_eq!(server.post("/encode", &asked).0, 202);
    let done = server.wait_for("one", "completed");
    assert!(is_valid("Job", &done) && !is_valid("JobRecord", &done), "{done}");
    assert_eq!(done["warnings"][0]["place"], "mood", "{done}");
    let get = |path: &str, range: &str| {
        let headers = [("Range", range)];
        server.request("GET", path, if range.is_empty() { &[] } else { &headers })
    };
    let size = done["result"]["bytes"].as_u64().unwrap();
    let behind = format!("bytes={size}-");
    for (path, range, status) in [
        ("/api/render/one", "", 200),
        ("/api/render/one/status", "", 200),
        ("/api/render/one/result", "", 200),
        ("/api/render/one/result", "bytes=0-3", 206),
        ("/api/render/one/result", behind.as_str(), 416),
        ("/api/render/one/ws", "", 400),
        ("/api/render/none", "", 404),
        ("/api/render/none/result", "", 404),
        ("/api/render/%FF/status", "", 400),
        ("/api/render/%FF/ws", "", 400),
        ("/api/render/queue/status", "", 200),
        ("/queue/status", "", 200),
        ("/health", "", 200),
        ("/jobs", "", 200),
        ("/metrics", "", 200),
    ] {
        assert_eq!(get(path, range).status, status, "{path} {range}");
        let is_there = [200, 206, 416].contains(&status);
        assert_eq!(server.request("HEAD", path, &[]).status == 200, is_there, "{path}");
    }
    let beyond = get("/api/render/one/result", &behind);
    assert_eq!(beyond.header("content-range"), format!("bytes */{size}"));
    assert_eq!(object(&beyond)["error"]["code"], "RANGE_NOT_SATISFIABLE");
    let queue = object(&get("/queue/status", ""));
    assert_eq!(queue["recent"][0]["job_id"], "one", "{queue}");
    for (path, body, status) in [
        ("/encode", json!({"source": "none.png"}).to_string(), 400),
        ("/render", "{".to_string(), 400),
        ("/api/render/process", "x".repeat(600_000), 413),
        ("/api/render/one/cancel", String::new(), 409),
        ("/api/render/none/cancel", String::new(), 404),
        ("/api/render/queue/clear", String::new(), 200),
    ] {
        assert_eq!(server.post_text(path, &body).status, status, "{path}");
    }
    let foreign = [("Origin", "http://elsewhere")];
    assert_eq!(send(&server.address, "POST", "/render", &foreign, b"").status, 403);
}

#[test]
fn who_may_not_see_jobs_is_refused_as_it_is_described() {
    let (root, secrets) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let [tokens, key] = ["tokens", "key"].map(|name| secrets.path().join(name));
    fs::write(&tokens, "a-token-of-some-length\n").unwrap();
    fs::write(&key, "k".repeat(40)).unwrap();
    let flags = ["--token-file", arg(&tokens), "--signing-key-file", arg(&key)];
    let (server, _work) = server(root.path(), &flags);
    for (_, address) in ROUTES {
        for method in ["GET", "POST", "PUT"] {
            let status = server.request(method, address, &[]).status;
            let is_open = address == "/health";
            let open = if method == "GET" { 200 } else { 405 };
            assert_eq!(status, if is_open { open } else { 401 }, "{method} {address}");
            let wrong = server.request(method, &format!("{address}?expires=9999999999&signature=0"), &[]);
            assert_eq!(wrong.status, if is_open { open } else { 403 }, "{method} {address}");
        }
    }
    assert_eq!(server.get("/api/openapi.json").status, 200);
}

#[test]
fn an_answer_of_jobs_that_is_not_described_is_found() {
    let root = tempfile::tempdir().unwrap();
    let (server, _work) = server(root.path(), &[]);
    let (health, none) = (server.get("/health"), server.get("/api/render/none"));
    let with_body = |reply: &Reply, body: Value| Reply { body: body.to_string().into(), ..reply.clone() };
    let mut other = object(&health);
    other["queue_length"] = "none".into();
    for (path, reply, says) in [
        ("/health", Reply { status: 201, ..health.clone() }, "201"),
        ("/health", with_body(&health, other), "queue_length"),
        ("/health", none.clone(), "404"),
        ("/api/render/none", with_body(&none, json!({"error": "none"})), "JobError"),
        ("/api/render/none", Reply { status: 401, ..none.clone() }, "WWW-Authenticate"),
        ("/api/render/none", Reply { status: 206, ..none.clone() }, "206"),
    ] {
        let Err(fault) = check_in_full("GET", path, &reply) else { panic!("{path}: {says}") };
        assert!(fault.contains(says), "{path}: {says}: {fault}");
    }
    assert_eq!(check_in_full("GET", "/health", &health), Ok(()));
    assert_eq!(check_in_full("GET", "/api/render/none", &none), Ok(()));
}
