//! What one client, or many at once, can make the server hold in memory or write into its log: no more than its flags allow.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tiff::encoder::compression::DeflateLevel;
use tiff::encoder::{Compression, TiffEncoder, colortype};
use tiff::tags::Tag;

use crate::folders::api;
use crate::kit::image::Image;
use crate::kit::program::arg;
use crate::kit::slides::{Small, tree};
use crate::running::{Reply, Running, request, send, wait_until};
use crate::tiffs::{write_tiff, write_tiled};

const MARKS: &str = "/api/slides/one/annotations";
const JSON: (&str, &str) = ("Content-Type", "application/json");

/// A server whose slide `one` everybody may mark, and the directory of the marks.
fn marked(root: &Path, marks: &Path, flags: &[&str]) -> Running {
    tree(&root.join("one"), 60, 50, 32, 4);
    let all = [&["--annotations", arg(marks), "--annotations-open"], flags].concat();
    Running::start(root, &all)
}

fn put(server: &Running, id: &str, feature: &Value) {
    let headers = [JSON, ("If-None-Match", "*")];
    let body = feature.to_string();
    let reply = send(&server.address, "PUT", &format!("{MARKS}/{id}"), &headers, body.as_bytes());
    assert_eq!(reply.status, 200, "{}", reply.text());
}

fn patch(server: &Running, changes: &[Value]) -> Reply {
    let body = json!({"changes": changes}).to_string();
    send(&server.address, "PATCH", MARKS, &[JSON], body.as_bytes())
}

/// Of so many points: as values they take many times their text.
fn polygon(points: u32) -> Value {
    let ring: Vec<_> = (0..points).chain([0]).map(|x| json!([x, x + 1])).collect();
    json!({"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [ring]}, "properties": {}})
}

/// Asks and takes nothing of the answer.
fn idle(server: &Running, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(&server.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    stream
}

/// How many MiB more than before the server has held at most.
fn grown_mib(server: &Running, before: u64) -> u64 {
    server.memory_kib("VmHWM").saturating_sub(before) >> 10
}

#[test]
fn a_mark_that_is_changed_a_thousand_times_in_one_request_is_refused_and_conflicts_are_as_they_are_stored() {
    let (root, marks) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = marked(root.path(), marks.path(), &["--request-mb", "128"]);
    put(&server, "large", &polygon(20_000));
    put(&server, "other", &polygon(4));
    let before = server.memory_kib("VmHWM");
    let late = |id: &str| json!({"id": id, "revision": 99, "feature": null});
    let refused = patch(&server, &vec![late("large"); 1000]);
    assert!(
        refused.status == 400
            && refused.text().contains("mark \\\"large\\\": it is changed twice in one request")
    );
    let shown = patch(&server, &[late("large"), late("other"), late("none")]);
    let said: Value = serde_json::from_slice(&shown.body).unwrap();
    let kept: Value = serde_json::from_slice(&server.get(MARKS).body).unwrap();
    let conflict = |number: usize, id: &str, revision: u64| {
        let feature = kept["features"].as_array().unwrap().iter().find(|of| of["id"] == id);
        assert_eq!(said["conflicts"][number], json!({"id": id, "revision": revision, "feature": feature}));
    };
    conflict(0, "large", 1);
    conflict(1, "other", 2);
    // What is not there need not be removed.
    assert_eq!(said["conflicts"].as_array().unwrap().len(), 2);
    assert_eq!((&said["marks"], &said["revision"]), (&json!({"large": 1, "other": 2}), &json!(2)));
    let grown = grown_mib(&server, before);
    assert!(grown < 64, "{grown} MiB");
}

#[test]
fn conflicts_are_as_large_as_one_answer_may_be() {
    let (root, marks) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = marked(root.path(), marks.path(), &[]);
    let large = json!({"type": "Feature", "geometry": null, "properties": {"text": "x".repeat(6 << 20)}});
    ["a", "b", "c"].iter().for_each(|id| put(&server, id, &large));
    let late = |id: &str| json!({"id": id, "revision": 99, "feature": null});
    let all = patch(&server, &[late("a"), late("b"), late("c")]);
    assert!(
        all.status == 413 && all.text().contains("send the changes in several requests"),
        "{}",
        all.text()
    );
    assert_eq!(patch(&server, &[late("a"), late("b")]).status, 200);
}

#[test]
fn marks_that_nobody_takes_count_as_memory_of_requests() {
    const CLIENTS: usize = 30;
    let (root, marks) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let flags = ["--request-mb", "64", "--queue-timeout-ms", "300"];
    let server = marked(root.path(), marks.path(), &flags);
    let large = json!({"type": "Feature", "geometry": null, "properties": {"text": "x".repeat(6 << 20)}});
    (0..5).for_each(|number| put(&server, &number.to_string(), &large));
    let before = server.memory_kib("VmHWM");
    let clients: Vec<_> = (0..CLIENTS).map(|_| idle(&server, MARKS)).collect();
    // One of them is answered, and the others have waited in vain.
    wait_until("the others are not refused", || {
        server.figure("origami_responses_total{status=\"503\"") >= (CLIENTS - 1) as f64
    });
    let held = server.figure("origami_requests_bytes");
    assert!(held >= f64::from(30 << 20), "{held} bytes are held");
    let grown = grown_mib(&server, before);
    assert!(grown < 250, "{grown} MiB for {CLIENTS} clients");
    // Tiles have memory of their own.
    assert_eq!(server.get("/dzi/one_files/6/0_0.jpg").status, 200);
    drop(clients);
    wait_until("bytes stay taken", || server.figure("origami_requests_bytes") == 0.0);
    assert_eq!(server.get(MARKS).status, 200);
}

#[test]
fn a_fault_of_marks_has_one_line_whoever_asks_how_often() {
    let (root, marks) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(marks.path().join("one.geojson"), "another program's").unwrap();
    let server = marked(root.path(), marks.path(), &[]);
    for _ in 0..40 {
        assert_eq!(server.get(MARKS).status, 500);
    }
    let (_, log) = server.terminate();
    assert_eq!(log.matches("marks: ").count(), 1, "{log}");
}

/// Some of these lists, whose names are long, are as much as the memory of requests.
#[test]
fn lists_of_slides_wait_for_their_memory_before_they_are_made() {
    const SLIDES: usize = 1500;
    const CLIENTS: usize = 40;
    let (small, root) = (Small::new(), tempfile::tempdir().unwrap());
    let dir = root.path().join("long-".repeat(40));
    fs::create_dir(&dir).unwrap();
    fs::copy(&small.bundle, dir.join("0.bundle")).unwrap();
    for number in 1..SLIDES {
        fs::hard_link(dir.join("0.bundle"), dir.join(format!("{number}.bundle"))).unwrap();
    }
    let flags = ["--request-mb", "16", "--queue-timeout-ms", "60s", "--tokio-blocking-threads", "8"];
    let server = Running::start(root.path(), &flags);
    let described =
        |list: &Value| list["slides"].as_array().unwrap().iter().all(|slide| slide["width"] == 150);
    wait_until("slides are not described", || described(&api(&server, "/api/slides")));
    let bytes = server.get("/api/slides").body.len();
    assert!(bytes > 2 << 20, "{bytes} bytes");
    let before = server.memory_kib("VmHWM");
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let reply = request(&server.address, "GET", "/api/slides", &[]);
                assert_eq!((reply.status, reply.body.len()), (200, bytes));
            });
        }
    });
    let grown = grown_mib(&server, before);
    println!("{CLIENTS} lists of {bytes} bytes: {grown} MiB more");
    assert!(grown < 64, "{grown} MiB for {CLIENTS} lists of {bytes} bytes");
}

/// A slide with a label of so many pixels a side, which are all black.
fn write_labelled(path: &Path, side: u32) {
    let mut file = fs::File::create(path).unwrap();
    let mut encoder = TiffEncoder::new(&mut file).unwrap();
    encoder.write_image::<colortype::RGB8>(64, 64, &[90; 3 * 64 * 64]).unwrap();
    let mut encoder = encoder.with_compression(Compression::Deflate(DeflateLevel::Fast));
    let mut page = encoder.new_image::<colortype::Gray8>(side, side).unwrap();
    page.encoder().write_tag(Tag::ImageDescription, "label").unwrap();
    page.write_data(&vec![0; (side * side) as usize]).unwrap();
}

#[test]
fn labels_take_their_memory_before_they_are_decoded_and_have_a_bound() {
    let root = tempfile::tempdir().unwrap();
    write_labelled(&root.path().join("large.tif"), 8000);
    write_labelled(&root.path().join("fair.tif"), 3000);
    let flags = ["--associated", "label", "--request-mb", "64", "--queue-timeout-ms", "120s"];
    let server = Running::start(root.path(), &[&flags[..], &["--rayon-threads", "4"]].concat());
    for slide in ["large", "fair"] {
        assert_eq!(api(&server, &format!("/api/slides/{slide}"))["associated"], json!(["label"]));
    }
    let before = server.memory_kib("VmHWM");
    let large = server.get("/associated/large/label");
    assert!(large.status == 500 && large.text().contains("8000 x 8000 pixels"), "{}", large.text());
    let grown = grown_mib(&server, before);
    assert!(grown < 16, "{grown} MiB for a label that is refused");
    std::thread::scope(|scope| {
        for _ in 0..12 {
            let ask = || request(&server.address, "GET", "/associated/fair/label", &[]).status;
            scope.spawn(move || assert_eq!(ask(), 200));
        }
    });
    let grown = grown_mib(&server, before);
    println!("12 labels of 9 megapixels: {grown} MiB more");
    assert!(grown < 200, "{grown} MiB for labels of 9 megapixels");
    wait_until("bytes stay taken", || server.figure("origami_requests_bytes") == 0.0);
}

/// An RGB slide of 16 bits with a profile that is a header and many zeros.
fn write_deep(path: &Path, profile_bytes: usize) {
    let mut profile = vec![0; profile_bytes];
    profile[..4].copy_from_slice(&(profile_bytes as u32).to_be_bytes());
    for (at, text) in [(12, b"mntr"), (16, b"RGB "), (20, b"XYZ "), (36, b"acsp")] {
        profile[at..at + 4].copy_from_slice(text);
    }
    let mut file = fs::File::create(path).unwrap();
    let mut encoder = TiffEncoder::new(&mut file).unwrap();
    let mut page = encoder.new_image::<colortype::RGB16>(64, 64).unwrap();
    page.encoder().write_tag(Tag::Unknown(34_675), &profile[..]).unwrap();
    page.write_data(&vec![0x1080; 3 * 64 * 64]).unwrap();
}

#[test]
fn views_share_the_colour_profile_of_their_slide() {
    const VIEWS: usize = 80;
    let root = tempfile::tempdir().unwrap();
    write_deep(&root.path().join("deep.tif"), 12 << 20);
    let server = Running::start(root.path(), &[]);
    assert_eq!(server.get("/dzi/deep.dzi?window=0,65535").status, 200);
    let before = server.memory_kib("VmRSS");
    for number in 1..=VIEWS {
        assert_eq!(server.get(&format!("/dzi/deep.dzi?window=0,{number}")).status, 200);
    }
    let grown = server.memory_kib("VmRSS").saturating_sub(before) >> 10;
    println!("{VIEWS} views of a slide with a profile of 12 MiB: {grown} MiB more");
    assert!(grown < 160, "{grown} MiB for {VIEWS} views");
}

#[test]
fn an_image_whose_client_is_gone_holds_its_bytes_until_it_is_coded() {
    let root = tempfile::tempdir().unwrap();
    write_tiled(&root.path().join("one.tif"), 256, &[(4096, 4096)], None, "");
    write_tiff(&root.path().join("two.tif"), &Image::cells(300, 200, 1), None);
    let server = Running::start(root.path(), &["--rayon-threads", "1", "--no-prefetch"]);
    assert_eq!(server.get("/dzi/one.dzi").status, 200);
    let before = server.bytes_read();
    let client = idle(&server, "/iiif/3/one/full/4095,4095/90/default.png");
    // Once all of its tiles are read, it is scaled, turned and coded, which takes a second.
    wait_until("its tiles are not read", || server.bytes_read() >= before + 3 * 4096 * 4096);
    std::thread::sleep(Duration::from_millis(60));
    drop(client);
    std::thread::sleep(Duration::from_millis(100));
    std::thread::scope(|scope| {
        // It needs the one thread that computes.
        let other = scope.spawn(|| request(&server.address, "GET", "/tiles/two/9/0_0.jpg", &[]).status);
        let held = server.figure("origami_requests_bytes");
        assert!(!other.is_finished(), "the image was coded too soon to show anything");
        assert!(held > f64::from(48 << 20), "{held} bytes while the image is being coded");
        assert_eq!(other.join().unwrap(), 200);
    });
    wait_until("bytes stay taken", || server.figure("origami_requests_bytes") == 0.0);
}

#[test]
fn a_search_says_ten_warnings_and_counts_the_others() {
    let root = tempfile::tempdir().unwrap();
    write_tiff(&root.path().join("one.tif"), &Image::cells(300, 200, 1), None);
    fs::write(root.path().join("one.dicom.json"), r#"{"PixelSpacing": [0.0005, 0.0005]}"#).unwrap();
    let server = Running::start(root.path(), &["--dicomweb"]);
    let keys: Vec<_> = (0..7000).map(|number| format!("k{number}=1")).collect();
    let mut stream = idle(&server, &format!("/dicomweb/studies?{}", keys.join("&")));
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let text = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200") && body.contains("0020000D"), "{head}");
    assert_eq!(head.matches("warning: 299 origami ").count(), 10, "{head}");
    assert!(head.contains("The parameter k0 is not known") && head.contains("There are 6991 more warnings"));
}
