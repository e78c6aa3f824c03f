//! The same of what lies beside slides, of scanned slides and packs, and of the folders of marks and of the cache.

use std::fs;
use std::path::Path;

use serde_json::json;

use super::{REQUESTS, at_once, each_at_once, hanging_reads, pipe};
use crate::folders::{api, names};
use crate::kit::program::{arg, program};
use crate::kit::slides::{Small, tree};
use crate::running::{Running, send, wait_until};
use crate::tiffs::write_tiled;

const MARKS: &str = "/api/slides/good/annotations";

#[test]
fn a_pipe_beside_a_slide_is_refused_and_holds_nothing() {
    let (small, dir) = (Small::new(), tempfile::tempdir().unwrap());
    let (root, marks) = (dir.path().join("root"), dir.path().join("marks"));
    fs::create_dir_all(&root).unwrap();
    fs::create_dir_all(&marks).unwrap();
    for name in ["good", "other"] {
        fs::copy(&small.bundle, root.join(format!("{name}.bundle"))).unwrap();
    }
    // In place of marks, of attributes for DICOM, of what is said of a tree, of a scanned slide.
    pipe(&marks.join("good.geojson"));
    pipe(&root.join("good.dicom.json"));
    let dzi = tree(&root.join("tree"), 150, 130, 32, 3);
    pipe(&dzi.with_extension("json"));
    pipe(&root.join("scan.tif"));
    let flags = ["--dicomweb", "--annotations", arg(&marks), "--annotations-open"];
    let server = Running::start(&root, &flags);
    for (path, status) in [
        (MARKS, 500),
        ("/tiles/tree/8/1_1.jpg", 500),
        ("/tiles/scan/8/1_1.jpg", 404),
        ("/dicomweb/studies", 204),
        ("/api/slides/other/annotations", 200),
        ("/tiles/good/8/1_1.jpg", 200),
        ("/readyz", 200),
    ] {
        assert_eq!(at_once(&server, path, REQUESTS), vec![status; REQUESTS], "{path}");
    }
    assert_eq!(names(&server), ["good", "other"]);
    let (code, log) = server.terminate();
    assert_eq!(code, Some(0), "{log}");
    for file in ["good.geojson", "good.dicom.json", "baseline_pyramid.json"] {
        assert!(log.lines().any(|line| line.contains(file) && line.contains("a pipe")), "{file}: {log}");
    }
}

/// Slides whose reads hold every thread that computes and those that take their place, with one more.
const SCANS: usize = 33;

/// Hangs from now on.
fn hang(path: &Path) {
    let name = path.file_name().unwrap().to_string_lossy();
    fs::write(path.with_file_name(format!("{name}.now")), "").unwrap();
}

#[test]
fn scanned_slides_packs_and_marks_that_hang_keep_no_other_slide_from_being_served() {
    let (small, dir) = (Small::new(), tempfile::tempdir().unwrap());
    let Some(library) = hanging_reads(dir.path()) else {
        println!("SKIPPED: no C compiler");
        return;
    };
    let (root, marks) = (dir.path().join("root"), dir.path().join("marks.hangs"));
    let packs = root.join("packs/residual_packs");
    fs::create_dir_all(&packs).unwrap();
    fs::create_dir_all(&marks).unwrap();
    fs::copy(&small.bundle, root.join("good.bundle")).unwrap();
    let link = |target: &Path, name: &Path| std::os::unix::fs::symlink(target, name).unwrap();
    // Links, because names decide what is a slide.
    let (scan, pack) = (root.join("scan.hangs"), root.join("pack.hangs"));
    write_tiled(&scan, 256, &[(1024, 1024)], None, "");
    link(&scan, &root.join("scan.tif"));
    for number in 0..SCANS {
        link(&scan, &root.join(format!("scan{number}.tif")));
    }
    for file in fs::read_dir(small.bundle.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path()) {
        if file.extension().is_some_and(|extension| extension == "pack") {
            fs::copy(&file, packs.join(file.file_name().unwrap())).unwrap();
        }
    }
    fs::rename(packs.join("1_0.pack"), &pack).unwrap();
    link(&pack, &packs.join("1_0.pack"));
    let flags =
        [
            &[
                "--read-timeout-ms",
                "500",
                "--no-prefetch",
                "--queue-timeout-ms",
                "60s",
                "--rayon-threads",
                "1",
            ][..],
            &["--annotations", arg(&marks), "--annotations-open"],
        ]
        .concat();
    let server = Running::of(program().env("LD_PRELOAD", &library), &root, &flags);
    assert_eq!(api(&server, "/api/slides/scan")["width"], 1024);
    for number in 0..SCANS {
        assert_eq!(api(&server, &format!("/api/slides/scan{number}"))["width"], 1024);
    }
    assert_eq!(api(&server, "/api/slides/packs")["width"], 150);
    let mark = json!({
        "type": "Feature", "geometry": {"type": "Point", "coordinates": [1, 2]}, "properties": {"objectType": "annotation"},
    });
    let headers = [("Content-Type", "application/json"), ("If-None-Match", "*")];
    let made = send(&server.address, "PUT", &format!("{MARKS}/a"), &headers, mark.to_string().as_bytes());
    assert_eq!(made.status, 200, "{}", made.text());
    // Marks hold threads that read files, packs and scanned slides those that compute: there is one, and 32 may take its place.
    let scanned = "/api/slides/scan/region?x=0&y=0&w=1000&h=1000";
    for (path, hangs, times) in [
        (scanned, &scan, 6),
        ("/tiles/scan/10/0_0.jpg", &scan, 6),
        ("/tiles/packs/8/4_1.jpg", &pack, 6),
        (MARKS, &marks, 6),
    ] {
        hang(hangs);
        assert_eq!(at_once(&server, path, times), vec![503; times], "{path}");
        for tile in ["1_1", "0_3", "4_0"] {
            assert_eq!(server.get(&format!("/tiles/good/8/{tile}.jpg")).status, 200, "{tile} beside {path}");
        }
        assert_eq!(server.get("/readyz").status, 200, "beside {path}");
    }
    // All of these: the server is not ready until the storage answers.
    let scans: Vec<_> = (0..SCANS).map(|number| format!("/tiles/scan{number}/10/0_0.jpg")).collect();
    for some in scans.chunks(3) {
        assert_eq!(each_at_once(&server, some), vec![503; some.len()]);
    }
    wait_until("all threads hang", || server.get("/readyz").status == 503);
    let refused = server.get("/readyz").text();
    assert!(
        refused.contains("storage that does not answer holds every thread that makes tiles"),
        "{refused}"
    );
    fs::remove_file(root.join("scan.hangs.now")).unwrap();
    wait_until("the storage answers", || server.get("/readyz").status == 200);
    assert_eq!(server.get("/tiles/good/8/2_1.jpg").status, 200);
    let (code, log) = server.terminate();
    assert_eq!(code, Some(0), "{log}");
}

/// A server whose cache on disk may hang.
#[cfg(feature = "rocksdb")]
fn with_cache(library: &Path, root: &Path, cache: &Path) -> Running {
    let flags =
        ["--cache-dir", arg(cache), "--no-prefetch", "--read-timeout-ms", "500", "--tokio-workers", "4"];
    Running::of(program().env("LD_PRELOAD", library), root, &flags)
}

/// Tiles that the cache on disk has taken.
#[cfg(feature = "rocksdb")]
fn written(server: &Running) -> f64 {
    server.figure("origami_warm_writes_total{result=\"written\"}")
}

#[cfg(feature = "rocksdb")]
#[test]
fn a_cache_on_disk_that_hangs_holds_some_threads_and_not_the_server() {
    use crate::running::unchecked;

    const ASKED: usize = 12;
    let (small, dir) = (Small::new(), tempfile::tempdir().unwrap());
    let Some(library) = hanging_reads(dir.path()) else {
        println!("SKIPPED: no C compiler");
        return;
    };
    let (root, cache) = (dir.path().join("root"), dir.path().join("cache.hangs"));
    fs::create_dir(&root).unwrap();
    fs::copy(&small.bundle, root.join("one.bundle")).unwrap();
    let tiles: Vec<_> =
        (0..4).flat_map(|y| (0..5).map(move |x| format!("/tiles/one/8/{x}_{y}.jpg"))).collect();
    let server = with_cache(&library, &root, &cache);
    for tile in &tiles {
        assert_eq!(server.get(tile).status, 200, "{tile}");
        // The rest of a family is made while no other tile is asked for.
        wait_until("a family is not made", || server.figure("origami_families_in_flight") == 0.0);
    }
    // With the six of L1 that they are made with.
    wait_until("tiles are not written", || written(&server) >= (tiles.len() + 6) as f64);
    assert_eq!(server.terminate().0, Some(0));

    let server = with_cache(&library, &root, &cache);
    let hot = &tiles[0];
    assert_eq!(server.get(hot).status, 200);
    assert!(server.figure("origami_warm_reads_total{result=\"hit\"}") > 0.0, "nothing comes from the disk");
    hang(&cache);
    let asked: Vec<_> = tiles[1..=ASKED]
        .iter()
        .map(|tile| {
            let (address, tile) = (server.address.clone(), tile.clone());
            std::thread::spawn(move || unchecked(&address, "GET", &tile, &[], b""))
        })
        .collect();
    // Two hang on threads for connections, of which there are four; the others wait elsewhere, and no longer than they may.
    wait_until("reads that hang are waited for", || {
        asked.iter().filter(|of| of.is_finished()).count() >= ASKED - 2
    });
    for path in ["/healthz", "/readyz", hot] {
        assert_eq!(server.get(path).status, 200, "{path}");
    }
    drop(server);
    let answered = asked.into_iter().filter_map(|of| of.join().unwrap().ok().flatten());
    let statuses: Vec<_> = answered.map(|reply| reply.status).collect();
    assert!(statuses.len() >= ASKED - 2 && statuses.iter().all(|&status| status == 503), "{statuses:?}");
}

/// What it has not written is lost, which is said.
#[cfg(feature = "rocksdb")]
#[test]
fn a_cache_on_disk_that_hangs_does_not_keep_the_server_from_its_end() {
    let (small, dir) = (Small::new(), tempfile::tempdir().unwrap());
    let Some(library) = hanging_reads(dir.path()) else {
        println!("SKIPPED: no C compiler");
        return;
    };
    let (root, cache) = (dir.path().join("root"), dir.path().join("cache.hangs"));
    fs::create_dir(&root).unwrap();
    fs::copy(&small.bundle, root.join("one.bundle")).unwrap();
    let server = with_cache(&library, &root, &cache);
    assert_eq!(server.get("/tiles/one/8/1_1.jpg").status, 200);
    // In the database's memory: the response does not wait for that.
    wait_until("the tile is not written", || written(&server) >= 1.0);
    hang(&cache);
    let (code, log) = server.terminate();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("the cache on disk does not answer"), "{log}");
}
