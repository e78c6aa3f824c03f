//! What a client sees: the two requests of the contract, tours, encodes, WebSockets, refusals.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use super::backend::{Backend, video};
use super::{Site, object};
use crate::kit::object_server::ObjectServer;
use crate::kit::program::{arg, origami, program};
use crate::kit::{ffmpeg, slides};
use crate::running::{Running, send, wait_until};

#[test]
fn the_two_requests_of_the_contract_are_accepted_and_their_videos_are_whole() {
    let Some(site) = Site::new("requests of the contract") else { return };
    let backend = Backend::start(&site.path("source.mp4"), 1);
    let service = site.serve(&[]);
    let (status, answer) = service.post("/render", &json!({
        "jobId": "test-001", "videoUrl": backend.url("analyzed-video.mp4"),
        "scenario": {"version": "1.3", "cues": [{"text": "안녕하세요", "start": 0.5, "end": 2.3, "speaker": "Speaker_01",
            "emotion": "neutral", "style": {"fontSize": "24px", "color": "white", "fontFamily": "Noto Sans CJK"}}]},
        "options": {"width": 1920, "height": 1080, "fps": 30}, "callbackUrl": backend.url("api/render/callback"),
    }));
    assert_eq!((status, &answer["status"], &answer["job_id"]), (202, &"accepted".into(), &"test-001".into()));
    assert!(answer["estimated_time"].as_f64().is_some_and(|seconds| seconds > 0.0), "{answer}");
    let simple = json!({
        "jobId": "test-simple", "videoUrl": backend.url("test.mp4"), "scenario": {"cues": []}, "options": {},
        "callbackUrl": backend.url("callback"),
    });
    assert_eq!(service.post("/api/render/process", &simple).0, 202);
    for (job, frames) in [("test-001", 30), ("test-simple", 10)] {
        let done = service.wait_for(job, "completed");
        assert_eq!((&done["result"]["frames"], &done["progress"]), (&frames.into(), &100.0.into()), "{done}");
        let film = service.get(&format!("/api/render/{job}/result"));
        fs::write(site.path("film.mp4"), &film.body).unwrap();
        assert_eq!(ffmpeg::frames(&site.path("film.mp4")).len(), frames);
        assert_eq!(done["result"]["bytes"], film.body.len());
    }
    let part = service.request("GET", "/api/render/test-001/result", &[("Range", "bytes=4-7")]);
    assert_eq!((part.status, part.text()), (206, "ftyp".into()));
    wait_until("the addresses are not told", || {
        backend.finals("test-001").len() + backend.finals("test-simple").len() == 2
    });
    let told = &backend.finals("test-001")[0];
    assert_eq!((&told["event"], &told["result"]["frames"]), (&"completed".into(), &30.into()));
    assert!(backend.calls().iter().any(|call| call["event"] == "progress"));
    // The same again is the same job, and is not told again.
    assert_eq!(service.post("/render", &simple).1["message"], "it is done already");
    assert_eq!(backend.finals("test-simple").len(), 1);
    let health = object(&service.get("/health"));
    assert_eq!(
        (&health["status"], &health["streaming"]["total_frames_dropped"]),
        (&"healthy".into(), &0.into())
    );
    assert_eq!(service.figure("origami_job_frames_total{result=\"rendered\"}"), 40.0);
    assert!(site.is_clean());
}

#[test]
fn a_tour_over_a_slide_is_rendered_and_what_is_not_drawn_is_kept() {
    let Some(site) = Site::new("a tour by the service") else { return };
    slides::write_png(&site.path("slides/a.png"), 300, 200, 7);
    let service = site.serve(&[]);
    let request = json!({
        "jobId": "한 & 1/2", "slide": "a.png", "scenario": {"camera": [{"time": 0}, {"time": 1}], "segments_note": "kept",
            "cues": [{"text": "x", "start": 0, "end": 1, "mood": "dark"}]},
        "options": {"width": 64, "height": 48, "fps": 5},
    });
    assert_eq!(service.post("/render", &request).0, 202);
    let name = "%ED%95%9C%20%26%201%2F2";
    let done = service.wait_for(name, "completed");
    assert_eq!((&done["result"]["frames"], &done["callback"]["state"]), (&5.into(), &"none".into()));
    let places: Vec<_> =
        done["warnings"].as_array().unwrap().iter().map(|warning| &warning["place"]).collect();
    assert!(places.contains(&&"scenario.cues[0].mood".into()), "{done}");
    assert_eq!(object(&service.get(&format!("/api/render/{name}")))["request"], request);
    // Another name for the same work: it is done already.
    let other = Value::Object(
        request.as_object().unwrap().clone().into_iter().chain([("jobId".into(), "two".into())]).collect(),
    );
    assert_eq!(service.post("/render", &other).0, 202);
    assert_eq!(service.wait_for("two", "completed")["result"]["url"], done["result"]["url"]);
    let frames = frames_of_websocket(&service.address, &format!("/api/render/{name}/ws"));
    assert_eq!(frames.last().unwrap()["status"], "completed");
    let queue = object(&service.get("/queue/status"));
    assert_eq!(
        (&queue["queue_length"], queue["recent"].as_array().unwrap().len()),
        (&0.into(), 2),
        "{queue}"
    );
}

#[test]
fn an_encode_is_a_job_as_well() {
    let Some(site) = Site::new("an encode by the service") else { return };
    slides::write_png(&site.path("slides/a.png"), 150, 130, 7);
    let service = site.serve(&[]);
    let request =
        json!({"jobId": "e", "source": "a.png", "destination": "bundles/a.bundle", "options": {"tile": 32}});
    assert_eq!(service.post("/encode", &request).0, 202);
    let done = service.wait_for("e", "completed");
    let bundle = PathBuf::from(done["result"]["url"].as_str().unwrap());
    assert!(bundle.ends_with("out/bundles/a.bundle"), "{done}");
    origami(&["verify", arg(&bundle)]).ok();
    for wrong in [json!({"tile": "x"}), json!({"out": "/etc"}), json!([])] {
        let (status, answer) = service.post("/encode", &json!({"source": "a.png", "options": wrong}));
        assert_eq!((status, &answer["error"]["code"]), (400, &"SCENARIO_PARSE_ERROR".into()), "{answer}");
    }
    let outside = json!({"source": "a.png", "destination": "../a.bundle"});
    assert_eq!(service.post("/encode", &outside).0, 400);
}

/// The texts of a WebSocket until its end.
fn frames_of_websocket(address: &str, path: &str) -> Vec<Value> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let head = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut all = Vec::new();
    stream.read_to_end(&mut all).unwrap();
    let end = all.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4;
    let head = String::from_utf8_lossy(&all[..end]);
    assert!(head.starts_with("HTTP/1.1 101 ") && head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
    let (mut rest, mut texts, mut closed) = (&all[end..], Vec::new(), false);
    while let [first, length, ..] = *rest {
        let (length, at) = match length {
            126 => (usize::from(u16::from_be_bytes([rest[2], rest[3]])), 4),
            length => (usize::from(length), 2),
        };
        let payload = &rest[at..at + length];
        match first {
            0x81 => texts.push(serde_json::from_slice(payload).unwrap()),
            0x88 => closed = payload == 1000u16.to_be_bytes(),
            other => panic!("{other:x}"),
        }
        rest = &rest[at + length..];
    }
    assert!(closed);
    texts
}

#[test]
fn wrong_requests_are_refused_with_a_code_and_what_to_do() {
    let Some(site) = Site::new("wrong requests") else { return };
    video(&site.path("slides/v.mp4"), 1);
    fs::write(site.path("slides/a.png"), "no picture").unwrap();
    let service = site.serve(&[]);
    let refused = |body: &str, status: u16, code: &str, says: &str| {
        let reply = service.post_text("/render", body);
        let error = object(&reply)["error"].clone();
        assert_eq!((reply.status, error["code"].as_str().unwrap()), (status, code), "{body:.200}: {error}");
        assert!(error["message"].as_str().unwrap().contains(says), "{error}");
        error
    };
    let parse = "SCENARIO_PARSE_ERROR";
    refused("{", 400, parse, "no JSON");
    refused("[]", 400, parse, "object");
    refused(&"[".repeat(5000), 400, parse, "64 levels");
    refused(&format!("{{\"a\": \"{}\"}}", "x".repeat(600_000)), 413, "REQUEST_TOO_LARGE", "524288");
    let wrong = |more: Value| {
        let mut body = json!({"jobId": "x", "videoUrl": "v.mp4", "scenario": {"cues": []}});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body.to_string()
    };
    for job in ["", "a\u{7}", "queue"] {
        refused(&wrong(json!({"jobId": job})), 400, parse, "jobId");
    }
    let cue = refused(
        &wrong(json!({"scenario": {"cues": [{"text": "x", "start": 2, "end": 1}]}})),
        400,
        parse,
        "scenario.cues[0]",
    );
    assert!(cue["details"]["context"].as_str().unwrap().starts_with("line 1, column "), "{cue}");
    refused(&wrong(json!({"options": {"width": 8000}})), 400, parse, "4096");
    refused(&wrong(json!({"options": {"width": 33}})), 400, parse, "odd");
    refused(&wrong(json!({"options": {"duration": 4000}})), 400, parse, "3600");
    for path in ["../secret", "/etc/passwd", "nothing.mp4"] {
        refused(&wrong(json!({"videoUrl": path})), 400, parse, "videoUrl");
    }
    refused(&wrong(json!({"videoUrl": "file:///etc/passwd"})), 400, "CONNECTION_ERROR", "videoUrl");
    let slide = json!({"slide": "a.png", "camera": [{"time": 0}, {"time": 1}], "scenario": {"cues": []}});
    refused(&slide.to_string(), 400, parse, "slide");
    assert_eq!(service.get("/api/render/nothing/status").status, 404);
    assert_eq!(service.post("/api/render/nothing/cancel", &json!({})).1["error"]["code"], "NOT_FOUND");
    let foreign = [("Origin", "http://elsewhere")];
    assert_eq!(send(&service.address, "POST", "/api/render/queue/clear", &foreign, b"").status, 403);
    // What is no video is known when it is opened.
    fs::write(site.path("slides/text.mp4"), "#EXTM3U\nfile:///etc/passwd\n").unwrap();
    assert_eq!(
        service.post("/render", &json!({"jobId": "t", "videoUrl": "text.mp4", "scenario": {"cues": []}})).0,
        202
    );
    assert_eq!(service.wait_for("t", "failed")["error"]["code"], "INVALID_VIDEO_FORMAT");
}

#[test]
fn credentials_are_asked_for() {
    let Some(site) = Site::new("credentials of the service") else { return };
    fs::write(site.path("tokens"), "a-token-of-some-length\n").unwrap();
    let service = site.serve(&["--token-file", arg(&site.path("tokens"))]);
    assert_eq!(service.get("/health").status, 200);
    for path in ["/queue/status", "/metrics", "/api/render/a/status", "/api/render/a/result", "/nothing"] {
        assert_eq!(service.get(path).status, 401, "{path}");
    }
    assert_eq!(service.post("/render", &json!({})).1["error"]["code"], "UNAUTHORIZED");
    let token = [("Authorization", "Bearer a-token-of-some-length")];
    assert_eq!(service.request("GET", "/queue/status", &token).status, 200);
}

#[test]
fn the_tile_server_has_the_same_addresses_where_it_is_asked_to() {
    let Some(site) = Site::new("jobs beside tiles") else { return };
    slides::write_png(&site.path("slides/a.png"), 300, 200, 7);
    fs::write(site.path("tokens"), "a-token-of-some-length\n").unwrap();
    let (out, temp, tokens) = (site.path("out"), site.path("temp"), site.path("tokens"));
    let jobs = ["--jobs", "--out", arg(&out), "--temp-dir", arg(&temp), "--token-file", arg(&tokens)];
    let server = Running::start(&site.path("slides"), &jobs);
    assert_eq!(server.get("/health").status, 200);
    assert_eq!((server.get("/queue/status").status, server.get("/api/slides").status), (401, 401));
    let token = ("Authorization", "Bearer a-token-of-some-length");
    let request = json!({
        "jobId": "one", "slide": "a", "camera": [{"time": 0}, {"time": 1}], "scenario": {"cues": []},
        "options": {"width": 64, "height": 48, "fps": 5},
    });
    let sent = send(&server.address, "POST", "/render", &[token], request.to_string().as_bytes());
    assert_eq!(sent.status, 202, "{sent:?}");
    wait_until("the job is not done", || {
        object(&server.request("GET", "/api/render/one/status", &[token]))["status"] == "completed"
    });
    assert_eq!(server.request("GET", "/api/slides", &[token]).status, 200);
    let metrics = server.request("GET", "/metrics", &[token]).text();
    assert!(
        metrics.contains("origami_cache_tiles")
            && metrics.contains("origami_jobs_ended_total{status=\"completed\"} 1")
    );
    assert!(!metrics.contains("# EOF"));
    let open_metrics = [token, ("Accept", "application/openmetrics-text")];
    let metrics = server.request("GET", "/metrics", &open_metrics).text();
    assert!(metrics.ends_with("# EOF\n") && metrics.matches("# EOF").count() == 1);
    // A service that is asked to end hands back what it works on, and ends.
    assert_eq!(server.terminate().0, Some(0));
}

#[test]
fn a_second_service_over_a_queue_in_a_file_is_refused() {
    let Some(site) = Site::new("two services") else { return };
    let _first = site.serve(&[]);
    let (out, temp) = (site.path("out"), site.path("temp"));
    let args =
        ["jobs", "serve", "--port", "0", "--backend", "cpu", "--out", arg(&out), "--temp-dir", arg(&temp)];
    let second = origami(&args);
    assert_eq!(second.code, Some(1), "{second:?}");
    assert!(second.stderr.contains("another service"), "{second:?}");
}

#[test]
fn addresses_that_only_this_machine_reaches_are_refused_however_they_are_written() {
    let Some(site) = Site::new("private addresses") else { return };
    let backend = Backend::start(&site.path("source.mp4"), 1);
    let service = site.serve_by(&mut program(), &[]);
    let port = backend.address.rsplit(':').next().unwrap();
    for host in ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "10.0.0.1"] {
        for field in ["videoUrl", "callbackUrl", "slide"] {
            let mut body = json!({"videoUrl": "https://1.1.1.1/a.mp4", "scenario": {"cues": []}});
            if field == "slide" {
                body = json!({"camera": [{"time": 0}, {"time": 1}], "scenario": {"cues": []}});
            }
            body[field] = format!("http://{host}:{port}/a.mp4").into();
            let (status, answer) = service.post("/render", &body);
            let error = &answer["error"];
            assert_eq!((status, &error["code"]), (400, &"CONNECTION_ERROR".into()), "{host}: {answer}");
            assert!(error["message"].as_str().unwrap().contains("--allow-private-addresses"), "{answer}");
        }
    }
    // Schemes have no case; a slide that is encoded is not read from the web at all.
    let loud = json!({"slide": format!("HTTP://127.0.0.1:{port}/a.svs"), "camera": [{"time": 0}, {"time": 1}], "scenario": {}});
    assert_eq!(service.post("/render", &loud).1["error"]["code"], "CONNECTION_ERROR");
    for source in ["HTTP://127.0.0.1/a.svs", "https://1.1.1.1/a.svs"] {
        assert_eq!(
            service.post("/encode", &json!({"source": source})).1["error"]["code"],
            "CONNECTION_ERROR"
        );
    }
    assert!(backend.requests().is_empty());
}

#[test]
fn a_tour_over_a_slide_at_an_address_is_rendered() {
    let Some(site) = Site::new("a tour over a slide at an address") else { return };
    let server = ObjectServer::start();
    slides::write_png(&site.path("a.png"), 300, 200, 7);
    let web = server.put("b/a.png", &fs::read(site.path("a.png")).unwrap());
    let mut program = program();
    program.envs(server.environment("planted-secret"));
    let service = site.serve_by(&mut program, &["--allow-private-addresses"]);
    for (job, slide) in [("web", web.as_str()), ("bucket", "s3://b/a.png")] {
        let request = json!({
            "jobId": job, "slide": slide, "camera": [{"time": 0}, {"time": 1}], "scenario": {"cues": []},
            "options": {"width": 64, "height": 48, "fps": 5},
        });
        let (status, answer) = service.post("/render", &request);
        assert_eq!(status, 202, "{answer}");
        assert_eq!(service.wait_for(job, "completed")["result"]["frames"], 5);
    }
    let absent = json!({"slide": "s3://b/absent.png", "camera": [{"time": 0}], "options": {"duration": 1}});
    assert_eq!(service.post("/render", &absent).0, 400);
    assert!(server.seen().iter().any(|seen| seen.path == "b/a.png"));
    assert!(site.is_clean());
}
