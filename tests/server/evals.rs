//! What the page of evaluation runs asks the built `origami evals` for: the listing, pictures, pages. How it looks and
//! behaves is for `scripts/evals.sh`.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use crate::kit::program::{Ran, arg, origami};
use crate::kit::slides::write_png;
use crate::running::Running;
use serde_json::{Value, json};

fn listed(server: &Running) -> Value {
    let reply = server.get("/api/runs");
    assert_eq!((reply.status, reply.header("content-type")), (200, "application/json"));
    serde_json::from_slice(&reply.body).unwrap()
}

fn run<'a>(all: &'a Value, id: &str) -> &'a Value {
    let found = all["runs"].as_array().unwrap().iter().find(|run| run["id"] == id);
    found.unwrap_or_else(|| panic!("no run {id} in {all}"))
}

/// A run with a picture and, where there is text for it, a manifest.
fn make(root: &Path, id: &str, manifest: Option<&str>) {
    let images = root.join(id).join("images");
    fs::create_dir_all(&images).unwrap();
    write_png(&images.join("reconstruction.png"), 20, 10, 1);
    write_png(&images.join("original.png"), 20, 10, 2);
    if let Some(text) = manifest {
        fs::write(root.join(id).join("manifest.json"), text).unwrap();
    }
}

#[test]
fn runs_are_found_by_what_they_have_at_any_of_three_depths() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    for dir in [
        "jpeg_baseline_q70/compress",
        "one/rs_444_b90_optl2_d20_l0q40/decompress",
        "one/set/uf_l3_444_optl2_l0q40/images",
        "as it is/images",
        // Not runs: nothing of a run in it, too deep, hidden, a file of that name.
        "empty/folder/here",
        "a/b/c/d/images",
        ".hidden/images",
    ] {
        fs::create_dir_all(at(dir)).unwrap();
    }
    fs::create_dir(at("only a manifest")).unwrap();
    fs::write(at("only a manifest/manifest.json"), "{}").unwrap();
    fs::create_dir(at("wrong")).unwrap();
    fs::write(at("wrong/images"), "a file").unwrap();
    fs::write(at("manifest.json"), "{}").unwrap();
    let server = Running::evals(root.path());
    let all = listed(&server);
    let ids: Vec<&str> =
        all["runs"].as_array().unwrap().iter().map(|run| run["id"].as_str().unwrap()).collect();
    assert_eq!(
        ids,
        [
            "as it is",
            "jpeg_baseline_q70",
            "one/rs_444_b90_optl2_d20_l0q40",
            "one/set/uf_l3_444_optl2_l0q40",
            "only a manifest"
        ]
    );
    assert_eq!(all["notes"], json!([]));
    let jpeg = run(&all, "jpeg_baseline_q70");
    assert_eq!(
        (&jpeg["kind"], &jpeg["codec"], &jpeg["quality"]),
        (&json!("baseline"), &json!("JPEG"), &json!(70.0))
    );
    let ours = run(&all, "one/rs_444_b90_optl2_d20_l0q40");
    assert_eq!((&ours["image"], &ours["series"]), (&json!("one"), &json!("rs_444_b90_optl2_d20")));
    assert_eq!(ours["named"]["max_delta"], 20.0);
    let nested = run(&all, "one/set/uf_l3_444_optl2_l0q40");
    assert_eq!((&nested["image"], &nested["named"]["filter"]), (&json!("one/set"), &json!("lanczos3")));
    assert_eq!(run(&all, "as it is")["label"], "as it is");
}

#[test]
fn a_manifest_is_shown_and_a_broken_one_harms_its_own_run_only() {
    let root = tempfile::tempdir().unwrap();
    let good = json!({
        "name": "rs_444_b90_l0q40", "image": "one", "image_class": "aligned", "kind": "origami", "codec": "origami",
        "label": "luma only", "parameters": {"swept": "--l0q", "value": 40}, "bytes_total": 1000, "pixels": 200,
        "metrics": {"y_psnr": 38.5, "vif": null}, "metrics_tiles": {"y_psnr": 38.0}, "timings": {"encode_s": 1.5},
        "decompression_phase": {"tiles": 3}, "size_comparison": {"of_jpeg420": 0.7}, "bytes_by_level": {"8": 900},
    });
    make(root.path(), "one/rs_444_b90_l0q40", Some(&good.to_string()));
    make(root.path(), "one/rs_444_b90_l0q50", Some("{\"metrics\": {\"y_psnr\": 3"));
    make(root.path(), "one/rs_444_b90_l0q60", Some("{\"bytes_total\": \"many\"}"));
    make(root.path(), "one/rs_444_b90_l0q70", None);
    make(root.path(), "one/directory", None);
    fs::create_dir(root.path().join("one/directory/manifest.json")).unwrap();
    let server = Running::evals(root.path());
    let all = listed(&server);
    let shown = run(&all, "one/rs_444_b90_l0q40");
    for (key, want) in [
        ("label", json!("luma only")),
        ("series", json!("luma only")),
        ("swept", json!("--l0q")),
        ("quality", json!(40.0)),
        ("image_class", json!("aligned")),
        ("bytes_total", json!(1000.0)),
        ("pixels", json!(200.0)),
        ("metrics", json!({"y_psnr": 38.5, "tiles.y_psnr": 38.0})),
        ("has_manifest", json!(true)),
        ("notes", json!([])),
    ] {
        assert_eq!(shown[key], want, "{key}");
    }
    for key in ["parameters", "timings", "decompression_phase", "size_comparison", "bytes_by_level"] {
        assert_eq!(shown["details"][key], good[key], "{key}");
    }
    let roles: Vec<_> =
        shown["images"].as_array().unwrap().iter().map(|i| (&i["name"], &i["role"])).collect();
    assert_eq!(
        roles,
        [
            (&json!("images/original.png"), &json!("original")),
            (&json!("images/reconstruction.png"), &json!("reconstruction"))
        ]
    );
    let note = |id: &str| run(&all, id)["notes"][0].as_str().unwrap_or_default().to_string();
    assert!(note("one/rs_444_b90_l0q50").contains("write it again"), "{}", note("one/rs_444_b90_l0q50"));
    assert!(note("one/rs_444_b90_l0q60").starts_with("bytes_total: expected a number"));
    for id in ["one/rs_444_b90_l0q50", "one/rs_444_b90_l0q60", "one/rs_444_b90_l0q70"] {
        let shown = run(&all, id);
        assert_eq!((&shown["bytes_total"], &shown["codec"]), (&json!(null), &json!("ORIGAMI")), "{id}");
        assert_eq!(shown["images"].as_array().unwrap().len(), 2, "{id}");
    }
    assert_eq!(run(&all, "one/directory")["has_manifest"], false);
    // Mended, and a new one: without a restart.
    let before = server.get("/api/runs").header("etag").to_string();
    assert_eq!(server.request("GET", "/api/runs", &[("If-None-Match", &before)]).status, 304);
    make(root.path(), "one/rs_444_b90_l0q50", Some("{\"bytes_total\": 7}"));
    make(root.path(), "two/jp2_baseline_q50", None);
    let reply = server.request("GET", "/api/runs", &[("If-None-Match", &before)]);
    assert_eq!(reply.status, 200);
    let all = listed(&server);
    let mended = run(&all, "one/rs_444_b90_l0q50");
    assert_eq!((&mended["bytes_total"], &mended["notes"]), (&json!(7.0), &json!([])));
    assert_eq!(run(&all, "two/jp2_baseline_q50")["codec"], "JPEG 2000");
}

#[test]
fn what_an_encode_writes_is_a_run() {
    let root = tempfile::tempdir().unwrap();
    let image = root.path().join("slide.png");
    write_png(&image, 300, 200, 3);
    let runs = root.path().join("runs");
    let out = runs.join("first");
    let encode = ["encode", "--quiet", "--manifest", "--debug-images", "--backend", "cpu"];
    origami(&[&encode[..], &["--image", arg(&image), "--out", arg(&out)]].concat()).ok();
    // By itself it is one as well.
    let alone = listed(&Running::evals(&out));
    let server = Running::evals(&runs);
    let all = listed(&server);
    let shown = run(&all, "first");
    assert_eq!(&alone["runs"][0]["metrics"], &shown["metrics"]);
    assert_eq!(alone["runs"].as_array().unwrap().len(), 1);
    assert_eq!((&shown["kind"], &shown["image"]), (&json!("origami"), &json!("slide.png")));
    assert_eq!(shown["pixels"], 60_000.0);
    let bundle = fs::metadata(out.join("residual_packs/residuals.bundle")).unwrap().len();
    assert_eq!(shown["bytes_total"], bundle as f64);
    assert!(shown["metrics"]["y_psnr"].as_f64().unwrap() > 25.0, "{shown}");
    assert_eq!(shown["details"]["parameters"]["base_quality"], 95);
    assert!(shown["details"].get("families").is_none());
    let of = |role: &str| {
        let images = shown["images"].as_array().unwrap().iter();
        images.filter(|i| i["role"] == role).map(|i| i["name"].as_str().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(of("original")[0], "images/0_0_original.png");
    assert_eq!(of("reconstruction")[0], "images/0_0_reconstruction.png");
    assert_eq!(shown["images"].as_array().unwrap().len(), 8);
}

#[test]
fn pictures_are_sent_as_they_lie_there() {
    let root = tempfile::tempdir().unwrap();
    let id = "100% & <i> ä/rs_444_l0q40";
    make(root.path(), id, None);
    let images = root.path().join(id).join("images");
    fs::write(images.join("a b#?.JPG"), b"not really a picture").unwrap();
    fs::write(images.join("notes.html"), "<script>").unwrap();
    fs::write(images.join("drawing.svg"), "<svg>").unwrap();
    let server = Running::evals(root.path());
    let escaped = "100%25%20%26%20%3Ci%3E%20%C3%A4%2Frs_444_l0q40";
    // Before anybody asked for the listing.
    let path = format!("/runs/{escaped}/images%2Freconstruction.png");
    let picture = server.get(&path);
    assert_eq!((picture.status, picture.header("content-type")), (200, "image/png"));
    assert_eq!(picture.body, fs::read(images.join("reconstruction.png")).unwrap());
    assert_eq!(picture.header("x-content-type-options"), "nosniff");
    let tag = picture.header("etag").to_string();
    assert!(tag.starts_with('"') && tag.len() == 34, "strong: {tag}");
    let again = server.request("GET", &path, &[("If-None-Match", &tag)]);
    assert_eq!((again.status, again.body.len()), (304, 0));
    let head = server.request("HEAD", &path, &[]);
    assert_eq!((head.status, head.body.len(), head.header("etag")), (200, 0, tag.as_str()));
    write_png(&images.join("reconstruction.png"), 20, 10, 9);
    let changed = server.request("GET", &path, &[("If-None-Match", &tag)]);
    assert_eq!(changed.status, 200);
    assert_eq!(changed.body, fs::read(images.join("reconstruction.png")).unwrap());
    let odd = server.get(&format!("/runs/{escaped}/images%2Fa%20b%23%3F.JPG"));
    assert_eq!((odd.status, odd.header("content-type")), (200, "image/jpeg"));
    for other in ["images%2Fnotes.html", "images%2Fdrawing.svg", "images", "manifest.json", "images%2F", ""] {
        assert_eq!(server.get(&format!("/runs/{escaped}/{other}")).status, 404, "{other}");
    }
    // One that is gone, and one that came after the listing.
    fs::remove_file(images.join("original.png")).unwrap();
    assert_eq!(server.get(&format!("/runs/{escaped}/images%2Foriginal.png")).status, 404);
    fs::write(images.join("late.webp"), b"late").unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1100));
    assert_eq!(
        server.get(&format!("/runs/{escaped}/images%2Flate.webp")).header("content-type"),
        "image/webp"
    );
}

#[test]
fn no_address_and_no_link_leads_out_of_the_folder() {
    let outside = tempfile::tempdir().unwrap();
    let secret = outside.path().join("secret.png");
    write_png(&secret, 8, 8, 5);
    fs::create_dir_all(outside.path().join("elsewhere/images")).unwrap();
    fs::copy(&secret, outside.path().join("elsewhere/images/secret.png")).unwrap();
    fs::write(outside.path().join("manifest.json"), "{\"image\": \"secret\"}").unwrap();
    let root = outside.path().join("runs");
    make(&root, "one", None);
    make(&root, "two", None);
    let images = root.join("one/images");
    symlink(&secret, images.join("link.png")).unwrap();
    symlink("../../../secret.png", images.join("relative.png")).unwrap();
    symlink(outside.path().join("elsewhere"), root.join("whole")).unwrap();
    symlink(outside.path().join("elsewhere/images"), root.join("one/decompress")).unwrap();
    symlink(outside.path().join("manifest.json"), root.join("one/manifest.json")).unwrap();
    symlink("/dev/zero", images.join("zero.png")).unwrap();
    symlink("loop.png", images.join("loop.png")).unwrap();
    // Links within the folder are fine: evals keep one original for many runs.
    symlink("../../two/images/original.png", images.join("shared.png")).unwrap();
    symlink("one", root.join("alias")).unwrap();
    Ran::from(Command::new("mkfifo").arg(images.join("pipe.png")).output().unwrap()).ok();
    let server = Running::evals(&root);
    let all = listed(&server);
    let ids: Vec<_> = all["runs"].as_array().unwrap().iter().map(|run| run["id"].clone()).collect();
    assert_eq!(ids, ["alias", "one", "two"]);
    let one = run(&all, "one");
    let names: Vec<_> = one["images"].as_array().unwrap().iter().map(|i| i["name"].clone()).collect();
    assert_eq!(names, ["images/original.png", "images/reconstruction.png", "images/shared.png"]);
    assert_eq!((&one["has_manifest"], &one["image"]), (&json!(false), &json!("")));
    assert_eq!(server.get("/runs/one/images%2Fshared.png").status, 200);
    for path in [
        "/runs/one/images%2Flink.png",
        "/runs/one/images%2Frelative.png",
        "/runs/one/images%2Fzero.png",
        "/runs/one/images%2Fpipe.png",
        "/runs/one/images%2Floop.png",
        "/runs/one/decompress%2Fsecret.png",
        "/runs/whole/images%2Fsecret.png",
        "/runs/..%2Felsewhere/images%2Fsecret.png",
        "/runs/..%2F/secret.png",
        "/runs/../secret.png",
        "/runs/one/..%2F..%2Fsecret.png",
        "/runs/one/images%2F..%2F..%2F..%2Fsecret.png",
        "/runs/one/images%2F..%2Fimages%2Foriginal.png",
        "/runs/one/images%5Coriginal.png",
        "/runs/one/images%2Foriginal.png%00",
        "/runs/%2Fetc/passwd",
        "/runs/one/%2Fetc%2Fpasswd",
        "/runs/one%2Fimages/original.png",
        "/runs/one/images/original.png",
        "/runs/./one/images%2Foriginal.png",
        "/runs/one",
        "/assets/..%2Fmod.rs",
        "/nothing",
    ] {
        let reply = server.get(path);
        assert_eq!((reply.status, reply.header("content-type")), (404, "application/json"), "{path}");
        assert!(reply.text().contains("\"error\""), "{path}: {}", reply.text());
    }
    assert_eq!(server.get("/runs/one/%ff%fe.png").status, 400);
    // Listed as a picture, then turned into a link that leads out: what counts is what is there when it is sent.
    assert_eq!(server.get("/runs/two/images%2Foriginal.png").status, 200);
    fs::remove_file(root.join("two/images/original.png")).unwrap();
    symlink(&secret, root.join("two/images/original.png")).unwrap();
    assert_eq!(server.get("/runs/two/images%2Foriginal.png").status, 404);
    assert_eq!(server.get("/runs/one/images%2Fshared.png").status, 404);
}

#[test]
fn the_page_comes_with_a_policy_and_its_assets() {
    let root = tempfile::tempdir().unwrap();
    let server = Running::evals(root.path());
    assert_eq!(listed(&server), json!({"runs": [], "notes": []}));
    let page = server.get("/");
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    let policy = page.header("content-security-policy");
    assert!(
        policy.starts_with("default-src 'none'; script-src 'self';") && !policy.contains("unsafe"),
        "{policy}"
    );
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    let text = page.text();
    let assets: Vec<&str> =
        text.split("\"/assets/").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert!(assets.len() >= 12, "{assets:?}");
    for asset in assets {
        let reply = server.get(&format!("/assets/{asset}"));
        assert_eq!((reply.status, reply.header("x-content-type-options")), (200, "nosniff"), "{asset}");
        assert!(reply.header("cache-control").contains("immutable"), "{asset}");
    }
    assert_eq!(server.get("/healthz").text(), "ok\n");
    let post = server.request("POST", "/api/runs", &[("Content-Length", "0")]);
    assert_eq!((post.status, post.header("content-type")), (405, "application/json"));
}

#[test]
fn a_large_manifest_is_refused_and_a_large_folder_cut() {
    let root = tempfile::tempdir().unwrap();
    make(root.path(), "large", None);
    let file = fs::File::create(root.path().join("large/manifest.json")).unwrap();
    file.set_len((64 << 20) + 1).unwrap();
    make(root.path(), "many", None);
    for i in 0..600 {
        fs::write(root.path().join(format!("many/images/{i:03}.png")), "").unwrap();
    }
    let server = Running::evals(root.path());
    let all = listed(&server);
    assert!(run(&all, "large")["notes"][0].as_str().unwrap().contains("larger than 64 MiB"));
    let many = run(&all, "many");
    assert_eq!(many["images"].as_array().unwrap().len(), 500);
    assert!(many["notes"][0].as_str().unwrap().contains("more than 500 pictures"));
}

/// The contract with users.
#[test]
fn help_lists_flags_and_defaults() {
    let help = origami(&["evals", "--help"]).ok().stdout;
    for word in
        ["--runs", "[default: evals/runs]", "--port", "[default: 8084]", "--bind", "[default: 127.0.0.1]"]
    {
        assert!(help.contains(word), "no {word} in {help}");
    }
}

#[test]
fn what_cannot_be_served_is_said_at_once() {
    let root = tempfile::tempdir().unwrap();
    let evals = |runs: &Path, more: &[&str]| origami(&[&["evals", "--runs", arg(runs)], more].concat());
    evals(&root.path().join("none"), &[]).fails(&["none", "--runs is where evaluation runs are"]);
    let server = Running::evals(root.path());
    let port = server.address.rsplit(':').next().unwrap().to_string();
    evals(root.path(), &["--port", &port]).ends(4, &["cannot listen", "--port"]);
    assert!(server.address.starts_with("127.0.0.1:"), "loopback unless asked otherwise");
    let (code, log) = server.terminate();
    assert_eq!((code, log.as_str()), (Some(0), ""));
}
