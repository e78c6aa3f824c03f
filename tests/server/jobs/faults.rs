//! What is left when something is killed, cancelled, full or down.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tiff::encoder::{TiffEncoder, colortype};

use super::Site;
use super::backend::{Backend, video};
use crate::kit::ffmpeg;
use crate::kit::image::Image;
use crate::kit::object_server::ObjectServer;
use crate::kit::program::{arg, program};
use crate::running::{Running, wait_until};

/// Frames of the video of tests that kill something: it takes some seconds.
const LONG: usize = 600;

/// A site with a video of so many frames, and a request for it.
fn long(test: &str) -> Option<(Site, Value)> {
    let site = Site::new(test)?;
    video(&site.path("slides/long.mp4"), LONG as u32 / 10);
    let request = json!({
        "jobId": "long", "videoUrl": "long.mp4", "options": {"width": 960, "height": 720},
        "scenario": {"cues": [{"text": "x", "start": 0, "end": 60}]},
    });
    Some((site, request))
}

/// The video of a job is whole, and there is one.
fn check_video(site: &Site, done: &Value) {
    assert_eq!(done["result"]["frames"], LONG, "{done}");
    let film = done["result"]["url"].as_str().unwrap();
    assert_eq!(ffmpeg::frames(Path::new(film)).len(), LONG);
    let attempts = Path::new(film).parent().unwrap().parent().unwrap();
    assert_eq!(fs::read_dir(attempts).unwrap().count(), 1, "attempts that do not count");
    wait_until("something is left", || site.is_clean());
}

#[test]
fn a_job_whose_service_is_killed_ends_once_after_the_next_start() {
    let Some((site, mut request)) = long("a service that is killed") else { return };
    let backend = Backend::start(&site.path("source.mp4"), 1);
    request["callbackUrl"] = backend.url("callback").into();
    let service = site.serve(&[]);
    assert_eq!(service.post("/render", &request).0, 202);
    service.wait_for_frames("long");
    drop(service);
    wait_until("ffmpeg outlives the service", || site.encoders().is_empty());
    let service = site.serve(&[]);
    let done = service.wait_for("long", "completed");
    wait_until("the address is not told", || !backend.finals("long").is_empty());
    check_video(&site, &done);
    assert_eq!(backend.finals("long").len(), 1);
    drop(service);
    let service = site.serve(&[]);
    assert_eq!(service.status("long")["status"], "completed");
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(backend.finals("long").len(), 1, "told again after another start");
}

/// A worker that is killed when dropped.
struct Worker(std::process::Child);

impl Drop for Worker {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn a_job_whose_worker_is_killed_is_done_once_by_another_and_nothing_is_left() {
    let Some((site, request)) = long("a worker that is killed") else { return };
    let service = site.serve(&[]);
    assert_eq!(service.post("/render", &request).0, 202);
    service.wait_for_frames("long");
    // The service hands the job back, and a worker takes it.
    assert_eq!(service.terminate().0, Some(0));
    let (out, temp) = (site.path("out"), site.path("temp"));
    let args =
        ["worker", "--out", arg(&out), "--temp-dir", arg(&temp), "--lease", "1s", "--backend", "cpu", "-q"];
    let start = || Worker(program().args(args).spawn().unwrap());
    let worker = start();
    wait_until("the worker does not code", || !site.encoders().is_empty());
    let folders = || fs::read_dir(&temp).unwrap().count();
    assert_eq!(folders(), 1);
    drop(worker);
    wait_until("ffmpeg outlives the worker", || site.encoders().is_empty());
    assert_eq!(folders(), 1, "what a kill leaves");
    let _second = start();
    wait_until("the second worker does not code", || !site.encoders().is_empty());
    assert_eq!(folders(), 1, "the next worker removes it");
    let manifests =
        || crate::kit::files::listing(&out).iter().filter(|name| name.ends_with("manifest.json")).count();
    wait_until("the job is not done", || manifests() == 1);
    let service = site.serve(&[]);
    let done = service.wait_for("long", "completed");
    check_video(&site, &done);
    assert_eq!(manifests(), 1);
}

#[test]
fn a_job_whose_ffmpeg_is_killed_is_done_by_another_attempt() {
    let Some((site, request)) = long("an ffmpeg that is killed") else { return };
    let service = site.serve(&[]);
    assert_eq!(service.post("/render", &request).0, 202);
    service.wait_for_frames("long");
    for pid in site.encoders() {
        assert!(Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap().success());
    }
    let done = service.wait_for("long", "completed");
    assert_eq!(done["attempt"], 2, "{done}");
    check_video(&site, &done);
}

#[test]
fn a_job_that_is_cancelled_leaves_nothing_and_can_be_sent_again() {
    let Some((site, request)) = long("a job that is cancelled") else { return };
    let service = site.serve(&["--max-jobs", "1"]);
    assert_eq!(service.post("/render", &request).0, 202);
    service.wait_for_frames("long");
    let mut second = request.clone();
    second["jobId"] = "second".into();
    second["options"] = json!({"width": 64, "height": 48});
    assert_eq!(service.post("/render", &second).1["message"], "queued at place 1");
    let other = json!({"jobId": "long", "videoUrl": "long.mp4", "scenario": {"cues": []}});
    assert_eq!(service.post("/render", &other).1["error"]["code"], "CONFLICT");
    assert_eq!(service.post("/api/render/queue/clear", &json!({})).1["cancelled"], 1);
    assert_eq!(service.status("second")["status"], "cancelled");
    let (status, answer) = service.post("/api/render/long/cancel", &json!({}));
    assert_eq!(
        (status, &answer["status"], &answer["error"]["code"]),
        (200, &"cancelled".into(), &"CANCELLED".into())
    );
    let began = Instant::now();
    wait_until("something is left", || site.is_clean());
    eprintln!("free after {:?}", began.elapsed());
    assert_eq!(service.post("/api/render/long/cancel", &json!({})).0, 409);
    let attempts: Vec<_> =
        crate::kit::files::contents(&site.path("out/units")).into_iter().map(|(name, _)| name).collect();
    wait_until("files of the attempt are left", || {
        !crate::kit::files::contents(&site.path("out/units"))
            .iter()
            .any(|(name, _)| name.contains("attempts"))
    });
    assert!(attempts.iter().any(|name| name.ends_with("unit.json")), "{attempts:?}");
    assert_eq!(service.post("/render", &request).0, 202);
    assert_eq!(service.wait_for("long", "completed")["result"]["frames"], LONG);
}

#[test]
fn an_address_that_fails_five_times_is_told_once_that_a_job_has_ended() {
    let Some(site) = Site::new("callbacks that fail") else { return };
    let backend = Backend::start(&site.path("source.mp4"), 1);
    backend.refuse_finals(5);
    let key = site.path("key");
    fs::write(&key, "k".repeat(40)).unwrap();
    let mut program = program();
    let service = site.serve_by(
        program.env("CALLBACK_RETRY_COUNT", "6").env("BACKEND_CALLBACK_URL", backend.url("callback")),
        &["--allow-private-addresses", "--callback-key-file", arg(&key)],
    );
    let request = json!({"jobId": "one", "videoUrl": backend.url("v.mp4"), "scenario": {"cues": []}, "options": {"width": 64, "height": 48}});
    assert_eq!(service.post("/render", &request).0, 202);
    wait_until("the address is not told", || service.status("one")["callback"]["state"] == "delivered");
    let finals = backend.finals("one");
    assert_eq!((finals.len(), &service.status("one")["callback"]["tries"]), (1, &6.into()));
    let all: Vec<Value> = backend.calls().into_iter().filter(|call| call["event"] == "completed").collect();
    assert_eq!(all.len(), 6);
    assert!(all.iter().all(|call| call["id"] == all[0]["id"]), "the same in each try");
    assert!(
        backend
            .requests()
            .iter()
            .filter(|head| head.starts_with("POST"))
            .all(|head| head.contains("origami-signature: t="))
    );
}

#[test]
fn storage_that_is_down_is_named_and_the_job_goes_on_when_it_is_back() {
    let Some((site, request)) = long("storage that is down") else { return };
    let server = ObjectServer::start();
    let mut program = program();
    let queue = site.path("queue");
    let service = site.serve_by(
        program.envs(server.environment("secret")).env("S3_BUCKET", "bucket"),
        &["--allow-private-addresses", "--out", "s3://bucket/results", "--queue", arg(&queue)],
    );
    assert_eq!(service.post("/render", &request).0, 202);
    service.wait_for_frames("long");
    server.set_down(true);
    wait_until("the attempt does not fail", || {
        service.status("long")["error"]["code"] == "STORAGE_ACCESS_ERROR"
    });
    let (status, answer) =
        service.post("/render", &json!({"videoUrl": "long.mp4", "scenario": {"cues": []}}));
    assert_eq!((status, &answer["error"]["code"]), (503, &"STORAGE_ACCESS_ERROR".into()), "{answer}");
    server.set_down(false);
    let done = service.wait_for("long", "completed");
    let key = done["result"]["url"].as_str().unwrap().strip_prefix("s3://").unwrap().to_string();
    fs::write(site.path("film.mp4"), server.object(&key).unwrap()).unwrap();
    assert_eq!(ffmpeg::frames(&site.path("film.mp4")).len(), LONG);
    let part = service.request("GET", "/api/render/long/result", &[("Range", "bytes=4-7")]);
    assert_eq!(part.text(), "ftyp");
}

/// Cancels a job that waits for a store, which goes on to hang.
fn cancel_while_held(service: &Running, server: &ObjectServer, job: &str) {
    wait_until("the store is not asked", || server.held() > 0);
    assert_eq!(service.post(&format!("/api/render/{job}/cancel"), &json!({})).1["status"], "cancelled");
}

#[test]
fn a_job_that_waits_for_a_slide_far_away_ends_when_it_is_cancelled() {
    let Some(site) = Site::new("a slide at a store that hangs") else { return };
    let server = ObjectServer::start();
    let image = Image::cells(3000, 3000, 5);
    let mut file = std::io::Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut file).unwrap();
    encoder.write_image::<colortype::RGB8>(3000, 3000, &image.data).unwrap();
    let bytes = file.into_inner();
    let slide = server.put("b/slide.tif", &bytes);
    // Rows that are read for frames, and neither to open the slide nor for the sample of bytes that it is known by.
    server.hold("slide.tif", bytes.len() / 2..bytes.len() / 2 + 4096);
    let mut program = program();
    let service = site.serve_by(program.envs(server.environment("secret")), &["--allow-private-addresses"]);
    let request = json!({"jobId": "far", "slide": slide, "camera": [{"time": 0}, {"time": 1}],
        "options": {"width": 96, "height": 64, "fps": 5}});
    assert_eq!(service.post("/render", &request).0, 202);
    cancel_while_held(&service, &server, "far");
    let began = Instant::now();
    wait_until("something is left", || site.is_clean());
    // The request itself ends after 30 s, and is made again then.
    assert!(began.elapsed() < Duration::from_secs(20) && server.held() > 0, "{:?}", began.elapsed());
    server.release();
    assert_eq!(service.post("/render", &request).0, 202);
    assert_eq!(service.wait_for("far", "completed")["result"]["frames"], 5);
}

#[test]
fn a_job_that_waits_for_the_store_of_the_results_makes_room_when_it_is_cancelled() {
    let Some(site) = Site::new("results at a store that hangs") else { return };
    video(&site.path("slides/a.mp4"), 1);
    let server = ObjectServer::start();
    let (mut program, queue) = (program(), site.path("queue"));
    let service = site.serve_by(
        program.envs(server.environment("secret")).env("S3_BUCKET", "bucket"),
        &["--out", "s3://bucket/results", "--queue", arg(&queue), "--max-jobs", "1"],
    );
    let request = |name: &str, width: u32| json!({"jobId": name, "videoUrl": "a.mp4", "options": {"width": width, "height": 48}, "scenario": {"cues": []}});
    server.hold(".part", 0..usize::MAX);
    for (name, width) in [("one", 64), ("two", 48)] {
        assert_eq!(service.post("/render", &request(name, width)).0, 202);
    }
    cancel_while_held(&service, &server, "one");
    let began = Instant::now();
    wait_until("the next job does not begin", || service.status("two")["status"] == "processing");
    assert!(began.elapsed() < Duration::from_secs(20) && server.held() > 0, "{:?}", began.elapsed());
    server.release();
    service.wait_for("two", "completed");
}

#[test]
fn a_disk_that_is_full_is_named_and_nothing_is_left_on_it() {
    let Some((site, request)) = long("a disk that is full") else { return };
    let temp = site.path("temp");
    let mounted =
        Command::new("mount").args(["-t", "tmpfs", "-o", "size=200k", "tmpfs", arg(&temp)]).output();
    if !mounted.is_ok_and(|output| output.status.success()) {
        let text = "SKIPPED: a disk that is full: a file system cannot be mounted here\n";
        std::io::stderr().write_all(text.as_bytes()).unwrap();
        return;
    }
    let _mounted = Unmount(temp);
    let service = site.serve(&["--attempts", "1"]);
    assert_eq!(service.post("/render", &request).0, 202);
    let failed = service.wait_for("long", "failed");
    assert_eq!(failed["error"]["code"], "STORAGE_ACCESS_ERROR", "{failed}");
    wait_until("something is left", || site.is_clean());
    drop(service);
}

/// Unmounts a file system.
struct Unmount(PathBuf);

impl Drop for Unmount {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
    }
}
