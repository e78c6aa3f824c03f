//! The built server, over sockets: the bytes of `decode`, one reconstruction however many ask, and no way in.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Barrier};
use std::time::Duration;

use crate::kit::files::contents;
use crate::kit::program::{arg, decoded, origami};
use crate::kit::slides::{encode_tree, tree};
use crate::running::{Running, request, wait_until};
use origami::archive::{BUNDLE_NAME, PACK_DIR};
use origami::codec::Entropy;
use origami::image::geometry::Geometry;
use origami::params::{EncodeParams, Subsamp};

/// A root with the slide `one`: tree and bundle; 700 x 650 in tiles of 64.
fn root() -> tempfile::TempDir {
    root_of(&EncodeParams::default())
}

/// As [`root`], encoded otherwise.
fn root_of(params: &EncodeParams) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("one");
    let dzi = tree(&dir, 700, 650, 64, 3);
    encode_tree(&dzi, &dir, params);
    root
}

fn bundle(root: &Path) -> std::path::PathBuf {
    root.join("one").join(PACK_DIR).join(BUNDLE_NAME)
}

/// Every tile that `decode` writes, by level, column and row.
fn all_decoded(bundle: &Path, flags: &[&str]) -> Vec<(String, Vec<u8>)> {
    let files = decoded(bundle, flags);
    assert!(files.len() > 100);
    files
}

#[test]
fn a_served_tile_is_the_tile_that_decode_writes() {
    every_tile_is_served_as_decoded(&EncodeParams::default());
}

#[test]
fn a_served_tile_with_corrected_chroma_is_the_tile_that_decode_writes() {
    let params = EncodeParams { chroma_residual_quality: Some(60), ..EncodeParams::default() };
    every_tile_is_served_as_decoded(&EncodeParams {
        subsamp: Subsamp::S420,
        l0_scale_pct: 75,
        ..params.clone()
    });
    // Residuals in stripes of their own, and baselines repacked.
    let entropy = if cfg!(feature = "lepton") { Entropy::CONTEXT } else { Entropy::ADAPTIVE };
    every_tile_is_served_as_decoded(&EncodeParams { entropy, ..params });
}

fn every_tile_is_served_as_decoded(params: &EncodeParams) {
    let root = root_of(params);
    fs::copy(bundle(root.path()), root.path().join("alone.bundle")).unwrap();
    let cases: [(&[&str], &[&str], &str); 4] = [
        (&[], &[], "image/jpeg"),
        (
            &["--tile-subsamp", "444", "--tile-quality", "80"],
            &["--tile-subsamp", "444", "--quality", "80"],
            "image/jpeg",
        ),
        (&["--grayscale-only"], &["--grayscale"], "image/jpeg"),
        (&["--output-format", "webp"], &["--output-format", "webp"], "image/webp"),
    ];
    for (serve, decode, kind) in cases {
        let server = Running::start(root.path(), serve);
        for (tile, want) in all_decoded(&bundle(root.path()), decode) {
            // Both addresses, both kinds of slide; the second time from the cache.
            for path in [
                format!("/tiles/one/{tile}"),
                format!("/dzi/alone_files/{tile}"),
                format!("/tiles/one/{tile}"),
            ] {
                let reply = server.get(&path);
                assert_eq!((reply.status, reply.header("content-type")), (200, kind), "{path}");
                assert!(reply.body == want, "{serve:?}: {path} is not what decode writes");
            }
        }
        let dzi = server.get("/dzi/one.dzi").text();
        let format = if kind == "image/webp" { "webp" } else { "jpg" };
        assert!(dzi.contains(&format!("Format=\"{format}\"")) && dzi.contains("Overlap=\"0\""), "{dzi}");
    }
}

#[test]
fn a_tree_without_an_archive_is_served_as_it_is_and_preferred_on_request() {
    let root = tempfile::tempdir().unwrap();
    let dzi = tree(&root.path().join("plain"), 300, 200, 64, 4);
    let server = Running::start(root.path(), &[]);
    let files = contents(&dzi.with_file_name("baseline_pyramid_files"));
    for (tile, want) in &files {
        assert!(&server.get(&format!("/tiles/plain/{tile}")).body == want, "{tile}");
    }
    assert_eq!(server.figure("origami_families_reconstructed_total"), 0.0);
    drop(server);
    encode_tree(&dzi, &root.path().join("plain"), &EncodeParams::default());
    let server = Running::start(root.path(), &["--prefer-original"]);
    for (tile, want) in &files {
        assert!(&server.get(&format!("/tiles/plain/{tile}")).body == want, "{tile}");
    }
    // A tree that is written anew shows under other tags, whatever its archive says.
    let tag = |server: &Running| server.get("/tiles/plain/9/0_0.jpg").header("etag").to_string();
    let before = tag(&server);
    fs::write(&dzi, fs::read(&dzi).unwrap()).unwrap();
    wait_until("the old tag stays", || tag(&server) != before);
}

#[test]
fn many_clients_on_one_cold_family_cause_one_reconstruction() {
    let root = root();
    let server = Running::start(root.path(), &[]);
    let geometry = Geometry::new(700, 650, 64).unwrap();
    let id = geometry.family(1, 1).unwrap();
    let tiles: Vec<_> = geometry.family_tiles(id, 0).chain(geometry.family_tiles(id, 1)).collect();
    assert_eq!(tiles.len(), 20);
    let gate = Arc::new(Barrier::new(400));
    let replies: Vec<_> = (0..400)
        .map(|i| {
            let (gate, address, tile) = (gate.clone(), server.address.clone(), tiles[i % 20]);
            std::thread::spawn(move || {
                gate.wait();
                let path = format!("/tiles/one/{}/{}_{}.jpg", tile.level, tile.x, tile.y);
                (tile, request(&address, "GET", &path, &[]))
            })
        })
        .collect::<Vec<_>>()
        .into_iter()
        .map(|thread| thread.join().unwrap())
        .collect();
    let mut bodies = HashSet::new();
    for (tile, reply) in replies {
        assert_eq!(reply.status, 200);
        bodies.insert((tile, reply.body));
    }
    assert_eq!(bodies.len(), 20, "every client got the same bytes of its tile");
    assert_eq!(server.figure("origami_families_reconstructed_total"), 1.0);
    assert_eq!(
        server.figure("origami_tiles_total{level=\"L0\",outcome=\"cold\"}")
            + server.figure("origami_tiles_total{level=\"L1\",outcome=\"cold\"}"),
        1.0
    );
}

#[test]
fn a_client_that_has_a_tile_gets_no_body() {
    let root = root();
    let server = Running::start(root.path(), &["--cors", "*", "--cache-control", "private, max-age=60"]);
    let path = "/tiles/one/10/3_2.jpg";
    let first = server.request("GET", path, &[("Origin", "http://elsewhere")]);
    let tag = first.header("etag").to_string();
    assert!(tag.starts_with('"') && tag.len() > 10, "{first:?}");
    assert_eq!(first.header("cache-control"), "private, max-age=60");
    assert_eq!(first.header("access-control-allow-origin"), "*");
    assert!(!first.header("x-request-id").is_empty());
    for held in [tag.as_str(), "*", &format!("\"other\", {tag}"), &format!("W/{tag}")] {
        let again = server.request("GET", path, &[("If-None-Match", held)]);
        assert_eq!((again.status, again.body.len(), again.header("etag")), (304, 0, tag.as_str()), "{held}");
    }
    assert_eq!(server.request("GET", path, &[("If-None-Match", "\"other\"")]).status, 200);
    let head = server.request("HEAD", path, &[]);
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), first.body.len().to_string());
    assert_ne!(server.get("/tiles/one/10/3_3.jpg").header("etag"), tag);
    // Two machines with a copy of one file agree.
    let copy = tempfile::tempdir().unwrap();
    fs::create_dir(copy.path().join("one")).unwrap();
    fs::create_dir(copy.path().join("one").join(PACK_DIR)).unwrap();
    fs::copy(bundle(root.path()), bundle(copy.path())).unwrap();
    assert_eq!(Running::start(copy.path(), &[]).get(path).header("etag"), tag);
}

#[test]
fn what_is_not_there_is_not_found_and_nothing_leaks() {
    let root = root();
    fs::write(root.path().join("secret.txt"), "secret").unwrap();
    let server = Running::start(root.path(), &[]);
    for path in [
        "/tiles/two/10/0_0.jpg",
        "/tiles/one/11/0_0.jpg",
        "/tiles/one/10/99_0.jpg",
        "/tiles/one/10/4294967296_0.jpg",
        "/tiles/one/10/-1_0.jpg",
        "/tiles/one/10/+1_0.jpg",
        "/tiles/one/10/0_0.txt",
        "/tiles/one/10/0_0",
        "/tiles/one/x/0_0.jpg",
        "/tiles/..%2fone/10/0_0.jpg",
        "/tiles/%2e%2e/10/0_0.jpg",
        "/tiles/..%5c..%5csecret.txt/10/0_0.jpg",
        "/dzi/..%2f..%2fetc%2fpasswd.dzi",
        "/dzi/secret.txt",
        "/dzi/one",
        "/secret.txt",
        "/../secret.txt",
        "/api/slides/two",
        "/thumbnails/..%2fone",
        "/nothing",
    ] {
        let reply = server.get(path);
        assert_eq!(reply.status, 404, "{path}: {reply:?}");
        assert_eq!(reply.text(), r#"{"error":"not found"}"#, "{path}");
    }
    assert_eq!(server.request("POST", "/tiles/one/10/0_0.jpg", &[]).status, 405);
    assert_eq!((server.get("/healthz").status, server.get("/readyz").status), (200, 200));
}

#[test]
fn slides_come_change_and_go_while_it_runs() {
    let root = root();
    let server = Running::start(root.path(), &[]);
    let names = |server: &Running| {
        let list: serde_json::Value = serde_json::from_str(&server.get("/api/slides").text()).unwrap();
        list["slides"]
            .as_array()
            .unwrap()
            .iter()
            .map(|s| s["name"].as_str().unwrap().to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&server), ["one"]);
    let before = server.get("/tiles/one/10/0_0.jpg");
    fs::copy(bundle(root.path()), root.path().join("new.bundle")).unwrap();
    wait_until("a bundle is added", || names(&server) == ["new", "one"]);
    // Encoded again with other parameters: other tiles under another tag.
    let params = EncodeParams { residual_quality: 20, ..EncodeParams::default() };
    encode_tree(&root.path().join("one/baseline_pyramid.dzi"), &root.path().join("one"), &params);
    wait_until("a bundle is replaced", || {
        server.get("/tiles/one/10/0_0.jpg").header("etag") != before.header("etag")
    });
    let after = server.get("/tiles/one/10/0_0.jpg");
    let want =
        all_decoded(&bundle(root.path()), &[]).into_iter().find(|(tile, _)| tile == "10/0_0.jpg").unwrap().1;
    assert!(after.body == want && after.body != before.body);
    fs::remove_file(root.path().join("new.bundle")).unwrap();
    wait_until("a bundle is taken away", || server.get("/tiles/new/10/0_0.jpg").status == 404);
}

#[test]
fn a_damaged_slide_is_refused_and_the_server_lives() {
    let root = root();
    let mut bytes = fs::read(bundle(root.path())).unwrap();
    let middle = bytes.len() / 2;
    fs::write(root.path().join("short.bundle"), &bytes[..middle]).unwrap();
    bytes[middle] ^= 1;
    fs::write(root.path().join("spoilt.bundle"), &bytes).unwrap();
    fs::create_dir_all(root.path().join("old/residual_packs/L0")).unwrap();
    fs::write(root.path().join("old/residual_packs/L0/0_0.jpg"), "").unwrap();
    let server = Running::start(root.path(), &[]);
    let mut broken = 0;
    for (tile, _) in all_decoded(&bundle(root.path()), &[]) {
        let reply = server.get(&format!("/tiles/spoilt/{tile}"));
        assert!(reply.status == 200 || reply.status == 500, "{reply:?}");
        if reply.status == 500 {
            broken += 1;
            assert!(!reply.text().contains(arg(root.path())), "a path leaks: {}", reply.text());
        }
    }
    assert!(broken > 0);
    for slide in ["short", "old"] {
        let reply = server.get(&format!("/tiles/{slide}/10/0_0.jpg"));
        assert_eq!(reply.status, 500, "{reply:?}");
        assert!(!reply.text().contains(arg(root.path())));
    }
    assert_eq!(server.get("/tiles/one/10/0_0.jpg").status, 200);
    let (code, log) = server.terminate();
    assert_eq!(code, Some(0));
    assert!(log.contains("spoilt") && log.contains("byte") && log.contains("short.bundle"), "{log}");
    assert!(log.contains("encode it again"), "{log}");
}

#[test]
fn a_flag_that_contradicts_a_record_refuses_the_slide_not_the_server() {
    let root = root();
    let server = Running::start(root.path(), &["--upsample-filter", "bicubic"]);
    assert_eq!(server.get("/tiles/one/10/0_0.jpg").status, 500);
    assert_eq!(server.get("/healthz").status, 200);
    let (_, log) = server.terminate();
    assert!(log.contains("the upsampling filter bicubic contradicts"), "{log}");
    origami(&["serve", "--slides-root", arg(&root.path().join("nothing"))])
        .fails(&["nothing", "--slides-root"]);
}

#[test]
fn a_build_without_rocksdb_says_how_to_get_a_cache_on_disk() {
    if cfg!(feature = "rocksdb") {
        return;
    }
    let root = root();
    let cache = root.path().join("cache");
    let args = ["serve", "--port", "0", "--slides-root", arg(root.path()), "--cache-dir", arg(&cache)];
    origami(&args).refused(&["--cache-dir: ", "`cargo build --release --features rocksdb`"]);
}

#[test]
fn requests_in_flight_are_finished_when_it_is_told_to_end() {
    let root = root();
    let server = Running::start(root.path(), &[]);
    let address = server.address.clone();
    let clients: Vec<_> = (0..30)
        .map(|i| {
            let address = address.clone();
            std::thread::spawn(move || {
                let path = format!("/tiles/one/10/{}_{}.jpg", i % 10, i / 10);
                std::panic::catch_unwind(|| request(&address, "GET", &path, &[]).status)
            })
        })
        .collect();
    std::thread::sleep(Duration::from_millis(5));
    let (code, _) = server.terminate();
    assert_eq!(code, Some(0));
    // A client that was connected has its answer; the others found no server.
    let answers: Vec<_> = clients.into_iter().map(|client| client.join().unwrap()).collect();
    assert!(answers.iter().flatten().all(|&status| status == 200), "{answers:?}");
}

/// Tiles by address, each as it is sent now, with its tag.
fn sent(server: &Running, slide: &str, tiles: &[(String, Vec<u8>)]) -> Vec<(String, Vec<u8>)> {
    let get = |(tile, _): &(String, Vec<u8>)| {
        let reply = server.get(&format!("/tiles/{slide}/{tile}"));
        (reply.header("etag").to_string(), reply.body)
    };
    tiles.iter().map(get).collect()
}

#[test]
fn the_tree_behind_an_archive_with_gaps_shows_no_old_tile() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("part");
    let dzi = tree(&dir, 700, 650, 64, 5);
    let args = [
        "encode",
        "-q",
        "--backend",
        "cpu",
        "--pyramid",
        arg(&dzi),
        "--out",
        arg(&dir),
        "--max-parents",
        "1",
    ];
    origami(&args).ok();
    let server = Running::start(root.path(), &[]);
    let files = || contents(&dir.join("baseline_pyramid_files"));
    let old = files();
    let before = sent(&server, "part", &old);
    assert!(old.iter().zip(&before).filter(|((_, file), (_, body))| file == body).count() > 100);

    // Another tree of the same size in its place, tile by tile, its descriptor untouched.
    let other = tempfile::tempdir().unwrap();
    tree(other.path(), 700, 650, 64, 6);
    for (tile, bytes) in contents(&other.path().join("baseline_pyramid_files")) {
        let to = dir.join("baseline_pyramid_files").join(tile);
        fs::write(to.with_extension("new"), bytes).unwrap();
        fs::rename(to.with_extension("new"), to).unwrap();
    }
    let new = files();
    assert!(old != new);
    // Whatever does not come from the one family of the archive.
    let is_new = || {
        let after = sent(&server, "part", &new);
        let tiles = new.iter().zip(before.iter().zip(&after));
        tiles.filter(|((_, file), (_, (_, body)))| file == body).count() > 100
            && new
                .iter()
                .zip(before.iter().zip(&after))
                .all(|(_, ((tag, was), (new_tag, is)))| (tag == new_tag) == (was == is))
    };
    wait_until("old tiles, or other bytes under one tag", is_new);
}

#[test]
fn packs_that_come_later_and_packs_that_are_replaced_show() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("packs");
    let dzi = tree(&dir, 700, 650, 64, 5);
    let encoded = |quality: &str| {
        let out = tempfile::tempdir().unwrap();
        let args =
            ["encode", "-q", "--pack", "--resq", quality, "--pyramid", arg(&dzi), "--out", arg(out.path())];
        origami(&args).ok();
        let want = all_decoded(&out.path().join(PACK_DIR).join(BUNDLE_NAME), &[]);
        (out, want)
    };
    let place = dir.join(PACK_DIR);
    fs::create_dir(&place).unwrap();
    let put = |from: &Path, which: &dyn Fn(&str) -> bool| {
        for entry in fs::read_dir(from.join(PACK_DIR)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if name.ends_with(".pack") && which(name) {
                // In place: the directory does not change.
                fs::write(place.join(name), fs::read(&path).unwrap()).unwrap();
            }
        }
    };
    let (first, want) = encoded("50");
    put(first.path(), &|name| name == "0_0.pack");
    let server = Running::start(root.path(), &[]);
    let large = |tiles: &[(String, Vec<u8>)]| -> Vec<(String, Vec<u8>)> {
        let of = |(tile, _): &&(String, Vec<u8>)| tile.starts_with("10/") || tile.starts_with("9/");
        tiles.iter().filter(of).cloned().collect()
    };
    let (want, right) = (large(&want), |want: &[(String, Vec<u8>)]| {
        sent(&server, "packs", want).iter().zip(want).all(|((_, body), (_, want))| body == want)
    });
    assert!(!right(&want), "the tree fills the gaps");
    put(first.path(), &|_| true);
    wait_until("tiles of the tree where there are packs", || right(&want));
    let (second, other) = encoded("20");
    let other = large(&other);
    assert!(other != want);
    put(second.path(), &|_| true);
    wait_until("packs that were replaced", || right(&other));
}

#[test]
fn every_refusal_is_json_and_may_not_be_kept() {
    let root = root();
    let server = Running::start(root.path(), &[]);
    for (method, path, status) in [
        ("GET", "/tiles/%ff/10/0_0.jpg", 400),
        ("GET", "/nothing", 404),
        ("POST", "/tiles/one/10/0_0.jpg", 405),
        ("GET", "/iiif/3/one/full/max/7/default.png", 501),
    ] {
        let reply = server.request(method, path, &[]);
        assert_eq!(reply.status, status, "{path}: {reply:?}");
        assert_eq!(
            (reply.header("content-type"), reply.header("cache-control")),
            ("application/json", "no-store")
        );
        let body: serde_json::Value = serde_json::from_str(&reply.text()).unwrap();
        assert!(!body["error"].as_str().unwrap().is_empty());
    }
    assert_eq!(server.request("POST", "/api/slides", &[]).header("allow"), "GET,HEAD");
}

#[test]
fn iiif_is_for_pages_of_all_origins_whatever_tiles_are_for() {
    let root = root();
    let server = Running::start(root.path(), &["--cors", "https://a.example"]);
    let origin = |path: &str| {
        let reply = server.request("GET", path, &[("Origin", "https://b.example")]);
        reply.header("access-control-allow-origin").to_string()
    };
    assert_eq!(origin("/iiif/3/one/info.json"), "*");
    assert_eq!(origin("/tiles/one/10/0_0.jpg"), "https://a.example");
    for cors in
        ["https://a.example, https://b.example", "a.example", "https://a.example/", "https://*.example"]
    {
        let args = ["serve", "--port", "0", "--slides-root", arg(root.path()), "--cors", cors];
        origami(&args).refused(&["--cors", cors]);
    }
}
