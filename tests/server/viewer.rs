//! What the viewer asks the built server for: pages, assets, and the original beside the reconstruction. How it looks and
//! behaves is for `scripts/browser.sh`.

use std::fs;

use crate::kit::data::real_slide;
use crate::kit::files::contents;
use crate::kit::jpeg::frame;
use crate::kit::program::{arg, origami};
use crate::kit::slides::{encode_tree, tree};
use crate::running::{Running, wait_until};
use origami::params::EncodeParams;

#[test]
fn the_original_is_served_beside_the_reconstruction() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("both");
    let dzi = tree(&dir, 300, 200, 64, 4);
    let bundle = encode_tree(&dzi, &dir, &EncodeParams::default());
    fs::copy(bundle, root.path().join("alone.bundle")).unwrap();
    let server = Running::start(root.path(), &[]);
    let mut differ = 0;
    for (tile, want) in contents(&dzi.with_file_name("baseline_pyramid_files")) {
        let served = server.get(&format!("/tiles/both/{tile}"));
        // The second time from the cache, which holds both sides of each tile.
        for _ in 0..2 {
            let original = server.get(&format!("/original/both_files/{tile}"));
            assert_eq!((original.status, original.header("content-type")), (200, "image/jpeg"), "{tile}");
            assert!(original.body == want, "{tile} is not the tree's");
            assert_ne!(original.header("etag"), served.header("etag"), "{tile}");
        }
        differ += usize::from(served.body != want);
        assert_eq!(server.get(&format!("/original/alone_files/{tile}")).status, 404, "{tile}");
    }
    assert!(differ > 10, "{differ} tiles are reconstructed");
    let descriptor = server.get("/original/both.dzi");
    assert_eq!(descriptor.body, server.get("/dzi/both.dzi").body);
    assert_eq!(server.get("/original/alone.dzi").status, 404);
    assert_eq!(server.get("/original/both_files/9/9_9.jpg").status, 404);
    assert!(server.get("/api/slides/both").text().contains("\"has_original\":true"));
    assert!(server.get("/api/slides/alone").text().contains("\"has_original\":false"));
    drop(server);
    // Both sides would be the same.
    let server = Running::start(root.path(), &["--prefer-original"]);
    let told = server.get("/api/slides/both").text();
    assert!(told.contains("\"has_original\":false") && told.contains("\"lossy\":null"), "{told}");
}

#[test]
fn pages_come_with_a_policy_and_assets_are_kept_for_good() {
    let root = tempfile::tempdir().unwrap();
    tree(&root.path().join("100% <i>"), 100, 80, 64, 1);
    let server = Running::start(root.path(), &[]);
    for path in ["/", "/compare", "/jobs", "/embed/100%25%20%3Ci%3E", "/viewer/100%25%20%3Ci%3E"] {
        let page = server.get(path);
        assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"), "{path}");
        let policy = page.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(page.header("x-content-type-options"), "nosniff");
        assert_eq!(page.header("cache-control"), "no-cache");
        let text = page.text();
        assert!(!text.contains("<i>"), "names reach the page by script only");
        for rest in text.split("\"/assets/").skip(1) {
            let path = format!("/assets/{}", rest.split('"').next().unwrap());
            let asset = server.get(&path);
            assert_eq!((asset.status, asset.header("x-content-type-options")), (200, "nosniff"), "{path}");
            assert!(asset.header("cache-control").contains("immutable"), "{path}: {asset:?}");
            let tag = asset.header("etag").to_string();
            assert_eq!(server.request("GET", &path, &[("If-None-Match", &tag)]).status, 304, "{path}");
            let other = format!("{}?v=other", path.split('?').next().unwrap());
            assert_eq!(server.get(&other).header("cache-control"), "no-cache", "{other}");
        }
    }
    let missing = server.get("/viewer/none");
    assert_eq!((missing.status, missing.header("content-type")), (404, "text/html; charset=utf-8"));
    assert_eq!(server.get("/assets/none.js").status, 404);
    assert_eq!(server.get("/assets/..%2fviewer.rs").status, 404);
}

#[test]
fn an_address_that_is_none_has_a_page_for_browsers_and_json_for_programs() {
    const PAGE: (&str, &str) =
        ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8");
    let root = tempfile::tempdir().unwrap();
    tree(&root.path().join("one"), 100, 80, 64, 1);
    let server = Running::start(root.path(), &[]);
    let policy = server.get("/").header("content-security-policy").to_string();
    for path in ["/nonsense", "/nonsense/more", "/viewer", "/viewer/one/more", "/slides"] {
        let page = server.request("GET", path, &[PAGE]);
        assert_eq!((page.status, page.header("content-type")), (404, "text/html; charset=utf-8"), "{path}");
        assert_eq!(page.header("content-security-policy"), policy, "{path}");
        assert_eq!(page.header("x-content-type-options"), "nosniff", "{path}");
        let text = page.text();
        assert!(text.contains("There is no page at this address.") && text.contains("href=\"/\""), "{text}");
        let german = server.request("GET", path, &[PAGE, ("Accept-Language", "de")]).text();
        assert!(german.contains("<html lang=\"de\">") && german.contains("\"/assets/de.js?v="), "{german}");
        // What a browser has kept of it is no answer.
        let tag = page.header("etag").to_string();
        assert_eq!(server.request("GET", path, &[PAGE, ("If-None-Match", &tag)]).status, 404, "{path}");
        let head = server.request("HEAD", path, &[PAGE]);
        assert_eq!((head.status, head.body.len()), (404, 0), "{path}");
        for accept in [&[][..], &[("Accept", "*/*")], &[("Accept", "application/json, text/html;q=0.9")]] {
            let reply = server.request("GET", path, accept);
            assert_eq!((reply.status, reply.header("content-type")), (404, "application/json"), "{path}");
        }
        let posted = server.request("POST", path, &[PAGE]);
        assert_eq!((posted.status, posted.header("content-type")), (404, "application/json"), "{path}");
    }
    for path in [
        "/api/nonsense",
        "/tiles/one",
        "/dzi/one/2",
        "/iiif/nonsense",
        "/dicomweb/nonsense",
        "/assets/none.js",
    ] {
        let reply = server.request("GET", path, &[PAGE]);
        assert_eq!((reply.status, reply.header("content-type")), (404, "application/json"), "{path}");
    }
}

#[test]
fn only_the_given_origins_may_frame_a_slide() {
    let root = tempfile::tempdir().unwrap();
    tree(&root.path().join("one"), 100, 80, 64, 1);
    let ancestors = |server: &Running, path: &str| {
        let policy = server.get(path).header("content-security-policy").to_string();
        policy.split("frame-ancestors ").nth(1).unwrap_or_default().to_string()
    };
    let server = Running::start(root.path(), &[]);
    assert_eq!(ancestors(&server, "/embed/one"), "'none'");
    assert!(server.get("/api/slides/one").text().contains("\"embed\":false"));
    let missing = server.get("/embed/none");
    assert_eq!((missing.status, missing.header("content-type")), (404, "text/html; charset=utf-8"));
    drop(server);
    let given = ["--embed-origin", "https://a.example", "--embed-origin", "http://b.example:8080"];
    let server = Running::start(root.path(), &given);
    assert_eq!(ancestors(&server, "/embed/one"), "https://a.example http://b.example:8080");
    assert!(server.get("/api/slides/one").text().contains("\"embed\":true"));
    for path in ["/", "/compare", "/viewer/one"] {
        assert_eq!(ancestors(&server, path), "'self'", "{path}");
    }
    for wrong in ["*", "a.example", "https://a.example/page", "https://a.example; script-src *", "'self'"] {
        let args = ["serve", "--port", "0", "--slides-root", arg(root.path()), "--embed-origin", wrong];
        origami(&args).refused(&["--embed-origin", wrong]);
    }
}

/// Width and height.
fn size(jpeg: &[u8]) -> (u32, u32) {
    let (width, height, _) = frame(jpeg);
    (width, height)
}

#[test]
fn thumbnails_are_made_to_measure_and_never_enlarged() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("one");
    encode_tree(&tree(&dir, 500, 300, 64, 4), &dir, &EncodeParams::default());
    let server = Running::start(root.path(), &[]);
    let plain = server.get("/thumbnails/one");
    assert_eq!((plain.status, size(&plain.body)), (200, (63, 38)));
    assert_eq!(plain.body, server.get("/tiles/one/6/0_0.jpg").body);
    // What it does not know is for others.
    assert_eq!(server.get("/thumbnails/one?v=3&token=x").body, plain.body);
    for (query, want) in [
        ("width=100", (100, 60)),
        ("height=100", (167, 100)),
        ("width=100&height=16", (27, 16)),
        ("token=x&height=200&width=100", (100, 60)),
        ("width=16", (16, 10)),
        ("width=1024", (500, 300)),
    ] {
        let reply = server.get(&format!("/thumbnails/one?{query}"));
        assert_eq!((reply.status, reply.header("content-type")), (200, "image/jpeg"), "{query}");
        assert_eq!(size(&reply.body), want, "{query}");
        // The picture is that of the same size in IIIF, under a tag of its own; of the size of a level of one tile IIIF has that tile.
        let iiif = server.get(&format!("/iiif/3/one/full/{},{}/0/default.jpg", want.0, want.1));
        let is_level = want == (16, 10);
        let same = if is_level { server.get("/tiles/one/4/0_0.jpg").body } else { reply.body.clone() };
        assert!(iiif.body == same && iiif.header("etag") != reply.header("etag"), "{query}");
        let tag = reply.header("etag").to_string();
        let again =
            server.request("GET", &format!("/thumbnails/one?{query}"), &[("If-None-Match", tag.as_str())]);
        assert_eq!((again.status, again.body.len()), (304, 0), "{query}");
        assert_eq!(again.header("cache-control"), reply.header("cache-control"));
    }
    let tag = |query: &str| server.get(&format!("/thumbnails/one?{query}")).header("etag").to_string();
    assert_ne!(tag("width=100"), tag("width=101"));
    assert_eq!(tag("width=100"), tag("width=100&height=60"), "what is the same picture has the same tag");
    for query in
        ["width=15", "width=1025", "height=0", "width=", "width=ten", "height=1e2", "width=99999999999"]
    {
        let reply = server.get(&format!("/thumbnails/one?{query}"));
        assert_eq!((reply.status, reply.header("content-type")), (400, "application/json"), "{query}");
        assert!(reply.text().contains("16 to 1024"), "{}", reply.text());
    }
    assert_eq!(server.get("/thumbnails/two?width=100").status, 404);
}

#[test]
fn a_description_names_the_file_below_the_root() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("more").join("one");
    tree(&dir, 100, 80, 64, 1);
    let server = Running::start(root.path(), &[]);
    let told = server.get("/api/slides/more%2Fone").text();
    assert!(told.contains("\"file\":\"more/one/baseline_pyramid.dzi\""), "{told}");
    assert!(!told.contains(root.path().to_str().unwrap()), "{told}");
}

#[test]
fn who_has_the_list_already_gets_no_body() {
    let root = tempfile::tempdir().unwrap();
    tree(&root.path().join("one"), 100, 80, 64, 1);
    let server = Running::start(root.path(), &[]);
    let list = server.get("/api/slides");
    assert_eq!((list.header("content-type"), list.header("cache-control")), ("application/json", "no-cache"));
    let tag = list.header("etag").to_string();
    assert_eq!(server.request("GET", "/api/slides", &[("If-None-Match", &tag)]).status, 304);
    tree(&root.path().join("two"), 100, 80, 64, 1);
    wait_until("a slide that is added does not show", || {
        server.request("GET", "/api/slides", &[("If-None-Match", &tag)]).status != 304
    });
}

#[test]
fn a_label_is_shown_only_where_the_server_was_told_to() {
    let Some(file) = real_slide("a_label_is_shown_only_where_the_server_was_told_to") else { return };
    let root = tempfile::tempdir().unwrap();
    fs::copy(file, root.path().join("raw.svs")).unwrap();
    tree(&root.path().join("tree"), 100, 80, 64, 1);
    let names = |server: &Running, slide: &str| {
        let described: serde_json::Value =
            serde_json::from_str(&server.get(&format!("/api/slides/{slide}")).text()).unwrap();
        described["associated"].clone()
    };
    let server = Running::start(root.path(), &[]);
    assert_eq!(names(&server, "raw"), serde_json::json!([]));
    assert_eq!(server.get("/associated/raw/label").status, 404);
    drop(server);
    let server = Running::start(root.path(), &["--associated", "label", "--associated", "barcode"]);
    assert_eq!(names(&server, "raw"), serde_json::json!(["label"]));
    assert_eq!(names(&server, "tree"), serde_json::json!([]));
    let label = server.get("/associated/raw/label");
    assert_eq!((label.status, label.header("content-type")), (200, "image/jpeg"));
    assert_eq!(size(&label.body), (387, 463));
    let tag = label.header("etag").to_string();
    assert_eq!(server.request("GET", "/associated/raw/label", &[("If-None-Match", &tag)]).status, 304);
    for missing in ["raw/macro", "raw/barcode", "raw/none", "tree/label", "none/label"] {
        assert_eq!(server.get(&format!("/associated/{missing}")).status, 404, "{missing}");
    }
}

#[test]
fn a_viewer_begins_with_little_on_a_slow_link() {
    const MOST_BYTES: usize = 150_000;
    let root = tempfile::tempdir().unwrap();
    tree(&root.path().join("one"), 100, 80, 64, 1);
    let server = Running::start(root.path(), &[]);
    for language in ["en", "de", "ja"] {
        let page = server.request("GET", "/viewer/one", &[("Accept-Language", language)]).text();
        let mut named: Vec<String> = page
            .split("\"/assets/")
            .skip(1)
            .map(|rest| format!("/assets/{}", rest.split('"').next().unwrap()))
            .collect();
        named.push("/viewer/one".into());
        let sent = |path: &String| {
            let asked = [("Accept-Encoding", "gzip"), ("Accept-Language", language)];
            let reply = server.request("GET", path, &asked);
            assert_eq!(reply.header("content-encoding"), "gzip", "{path}");
            reply.body.len()
        };
        let bytes: usize = named.iter().map(sent).sum();
        assert!(named.len() > 10 && bytes <= MOST_BYTES, "{language}: {bytes} bytes before the first tile");
        // Only the language of the user.
        assert_eq!(
            named.iter().filter(|path| path.contains("/ja.js")).count(),
            usize::from(language == "ja")
        );
    }
}
