//! What is kept of jobs: requests as large as they may be, notes that cannot be read, versions of results, and files that hang.

use std::fs;

use serde_json::json;

use super::{Site, object};
use crate::hangs::hanging_reads;
use crate::kit::files::contents;
use crate::kit::program::program;
use crate::kit::slides;
use crate::running::wait_until;

#[test]
fn the_largest_requests_do_not_keep_the_service_from_starting_and_what_would_is_refused() {
    let Some(site) = Site::new("large requests") else { return };
    slides::write_png(&site.path("slides/a.png"), 150, 130, 7);
    let service = site.serve(&[]);
    // Pretty, with a line for each number, it would be four times as long.
    let zeros = json!({"jobId": "zeros", "source": "a.png", "options": {"tile": 32}, "x": vec![0; 250_000]});
    assert_eq!(service.post("/encode", &zeros).0, 202);
    let camera = json!([{"time": 0}, {"time": 1}]);
    let tour = json!({"jobId": "tour", "slide": "a.png", "camera": camera, "x": vec![0; 250_000], "options": {"width": 64, "height": 48, "fps": 5}});
    assert_eq!(service.post("/render", &tour).0, 202);
    // Numbers that are longer once they are read.
    let longer = format!("{{\"source\": \"a.png\", \"x\": [{}0]}}", "1e15,".repeat(100_000));
    let refused = service.post_text("/encode", &longer);
    assert_eq!((refused.status, &object(&refused)["error"]["code"]), (413, &"REQUEST_TOO_LARGE".into()));
    assert!(refused.text().contains("more than 786432"), "{refused:?}");
    // A warning is longer than its field, and there are as many fields as a body has room for.
    let fields: String = (0..50_000).map(|number| format!(",\"{number}\":0")).collect();
    let many =
        format!("{{\"jobId\": \"many\", \"source\": \"a.png\", \"options\": {{\"tile\": 32}}{fields}}}");
    assert_eq!(service.post_text("/encode", &many).status, 202);
    let warnings = service.status("many")["warnings"].as_array().unwrap().len();
    assert_eq!(warnings, 101);
    for job in ["zeros", "tour", "many"] {
        service.wait_for(job, "completed");
    }
    // It lies in its note alone now.
    wait_until("it is not filed", || {
        object(&service.get("/queue/status"))["recent"].as_array().unwrap().len() == 3
    });
    assert_eq!(object(&service.get("/api/render/zeros"))["request"], zeros);
    assert_eq!(service.post("/encode", &zeros).1["message"], "it is done already");
    let sizes: Vec<_> = contents(&site.path("out/notes")).into_iter().map(|(_, bytes)| bytes.len()).collect();
    assert!(sizes.len() == 3 && sizes.iter().all(|&size| size < 1 << 20), "{sizes:?}");
    assert_eq!(service.terminate().0, Some(0));
    // Written by a program without that limit, or by something else.
    fs::create_dir_all(site.path("out/notes/open")).unwrap();
    for (name, text) in [
        ("open/large", vec![b' '; 2 << 20]),
        ("open/text", b"no JSON".to_vec()),
        ("ended/other", b"{}".to_vec()),
    ] {
        fs::write(site.path("out/notes").join(format!("{name}.json")), text).unwrap();
    }
    let service = site.serve(&[]);
    assert_eq!(
        (&service.status("tour")["status"], &service.status("zeros")["status"]),
        (&"completed".into(), &"completed".into())
    );
    assert_eq!(object(&service.get("/api/render/tour"))["request"], tour);
    let (code, log) = service.terminate();
    assert_eq!(code, Some(0));
    for name in ["open/large.json", "open/text.json", "ended/other.json"] {
        let line = log.lines().find(|line| line.contains(name)).unwrap_or_else(|| panic!("{name}: {log}"));
        assert!(line.contains("WARN") && line.contains("remove it") && line.contains("left out"), "{line}");
    }
}

#[test]
fn jobs_that_wait_take_about_the_memory_of_their_texts() {
    let Some(site) = Site::new("memory of jobs") else { return };
    // Long enough that the others wait.
    super::backend::video(&site.path("slides/long.mp4"), 60);
    let service = site.serve(&["--max-jobs", "1"]);
    let request = |number: usize| {
        json!({
            "jobId": format!("j{number}"), "videoUrl": "long.mp4", "options": {"width": 960, "height": 720},
            "scenario": {"cues": [{"text": format!("x{number}"), "start": 0, "end": 60}]}, "x": vec![0; 250_000],
        })
    };
    assert_eq!(service.post("/render", &request(0)).0, 202);
    service.wait_for_frames("j0");
    let before = service.memory_kib("VmRSS") >> 10;
    for number in 1..=30 {
        assert_eq!(service.post("/render", &request(number)).0, 202);
    }
    std::thread::sleep(std::time::Duration::from_secs(1));
    let after = service.memory_kib("VmRSS") >> 10;
    eprintln!("{before} MiB, with 30 jobs {after} MiB");
    assert!(after < before + 120, "{before} MiB, then {after} MiB");
    let cancelled = &service.post("/api/render/queue/clear", &json!({})).1["cancelled"];
    assert!(cancelled.as_u64() >= Some(29), "at most the first has ended: {cancelled}");
}

#[test]
fn a_result_has_a_tag_and_parts_of_another_version_are_not_sent() {
    let Some(site) = Site::new("versions of results") else { return };
    slides::write_png(&site.path("slides/a.png"), 150, 130, 7);
    let service = site.serve(&[]);
    let request =
        |quality: u32| json!({"jobId": "e", "source": "a.png", "options": {"tile": 32, "resq": quality}});
    assert_eq!(service.post("/encode", &request(50)).0, 202);
    service.wait_for("e", "completed");
    let path = "/api/render/e/result";
    let whole = service.get(path);
    let tag = whole.header("etag").to_string();
    assert!(tag.starts_with('"') && tag.len() > 4, "{whole:?}");
    let part = |held: &str| service.request("GET", path, &[("Range", "bytes=4-7"), ("If-Range", held)]);
    let same = part(&tag);
    assert_eq!((same.status, &same.body[..], same.header("etag")), (206, &whole.body[4..8], &*tag));
    assert_eq!(service.request("GET", path, &[("If-None-Match", &tag)]).status, 304);
    wait_until("it is not filed", || {
        object(&service.get("/queue/status"))["recent"].as_array().unwrap().len() == 1
    });
    assert_eq!(service.post("/encode", &request(20)).0, 202);
    service.wait_for("e", "completed");
    let other = part(&tag);
    assert_eq!((other.status, other.header("etag") == tag), (200, false), "{:?}", other.headers);
    assert_eq!(other.body.len(), service.get(path).body.len());
}

#[test]
fn files_of_jobs_that_hang_end_their_requests() {
    let Some(site) = Site::new("files of jobs that hang") else { return };
    let Some(library) = hanging_reads(site.dir.path()) else {
        println!("SKIPPED: no C compiler");
        return;
    };
    slides::write_png(&site.path("slides/stuck.hangs"), 150, 130, 7);
    let (out, temp) = (site.path("out"), site.path("temp"));
    let flags = [
        "--jobs",
        "--read-timeout-ms",
        "500",
        "--out",
        out.to_str().unwrap(),
        "--temp-dir",
        temp.to_str().unwrap(),
    ];
    let mut program = program();
    let server =
        crate::running::Running::of(program.env("LD_PRELOAD", &library), &site.path("slides"), &flags);
    let request = json!({"jobId": "e", "source": "stuck.hangs", "options": {"tile": 32}});
    fs::write(site.path("slides/stuck.hangs.now"), "").unwrap();
    let (status, answer) = server.post("/encode", &request);
    assert_eq!((status, &answer["error"]["code"]), (503, &"STORAGE_ACCESS_ERROR".into()), "{answer}");
    assert!(answer["error"]["message"].as_str().unwrap().contains("in time"), "{answer}");
    assert_eq!(server.get("/queue/status").status, 200);
    let (code, log) = server.terminate();
    assert!(code == Some(0) && log.contains("do not answer within 500 ms"), "{code:?}: {log}");
}
