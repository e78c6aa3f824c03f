//! What the viewer asks the built server for: pages, assets, and the original beside the reconstruction. How it looks and
//! behaves is for `scripts/browser.sh`.

#[path = "support/http.rs"]
#[allow(dead_code, reason = "shared with tests/http.rs")]
mod http;
mod support;

use std::fs;

use http::Running;
use origami::archive::{BUNDLE_NAME, PACK_DIR};
use origami::coding::EncodeParams;
use support::{contents, encode_tree, tree};

#[test]
fn the_original_is_served_beside_the_reconstruction() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("both");
    let dzi = tree(&dir, 300, 200, 64, 4);
    encode_tree(&dzi, &dir, &EncodeParams::default());
    fs::copy(dir.join(PACK_DIR).join(BUNDLE_NAME), root.path().join("alone.bundle")).unwrap();
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
    for path in ["/", "/viewer/100%25%20%3Ci%3E"] {
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
