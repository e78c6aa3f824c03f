//! What the answers of all addresses have alike: entity tags, what caches are told, and what pages of other servers may read.

use std::fs;

use serde_json::Value;

use crate::access::ROUTES;
use crate::kit::data::real_slide;
use crate::kit::image::Image;
use crate::kit::program::arg;
use crate::kit::slides::{encode_tree, tree};
use crate::running::{Reply, Running, send, wait_until};
use crate::tiffs::write_tiff;
use origami::params::EncodeParams;

/// A page of another server.
const ORIGIN: &str = "https://viewer.example.org";

/// What such a page may read besides the body.
const EXPOSED: &str = "etag,origami-width,origami-height,warning,content-range";

/// What the slide of DICOMweb is found by.
const GIVEN: &str = r#"{"PixelSpacing": [0.0005, 0.0005], "PatientID": "4711"}"#;

/// Routes whose answer has no entity tag: its status, and what caches are told.
const UNTAGGED: [(&str, u16, &str); 10] = [
    // A header and no body.
    ("/families/{slide}/{level}/{tile}", 204, "public, max-age=3600"),
    // They lead elsewhere.
    ("/iiif/3/{identifier}", 303, ""),
    ("/iiif/2/{identifier}", 303, ""),
    // True at the moment.
    ("/healthz", 200, "no-store"),
    ("/readyz", 200, "no-store"),
    ("/metrics", 200, "no-store"),
    // Made for who asks.
    ("/login", 200, "no-store"),
    ("/logout", 200, "no-store"),
    // It is asked by POST.
    ("/api/slides/{slide}/regions", 405, "no-store"),
    // There is none.
    ("", 404, "no-store"),
];

/// Slides for every route, and where marks are kept.
struct Site {
    root: tempfile::TempDir,
    marks: tempfile::TempDir,
    has_label: bool,
}

impl Site {
    fn new() -> Self {
        let (root, marks) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let dir = root.path().join("one");
        encode_tree(&tree(&dir, 150, 130, 32, 3), &dir, &EncodeParams::default());
        write_tiff(&root.path().join("scan.tiff"), &Image::tissue(300, 200, 5), None);
        fs::write(root.path().join("scan.dicom.json"), GIVEN).unwrap();
        let folder = root.path().join("labelled");
        let has_label = real_slide("addresses of labels have entity tags").is_some_and(|file| {
            fs::create_dir(&folder).unwrap();
            fs::copy(file, folder.join("raw.svs")).is_ok()
        });
        Self { root, marks, has_label }
    }

    fn start(&self, more: &[&str]) -> Running {
        let marks = arg(self.marks.path());
        let flags = ["--dicomweb", "--associated", "label", "--annotations", marks, "--annotations-open"];
        let server = Running::start(self.root.path(), &[&flags[..], more].concat());
        // What is not open yet changes the list.
        wait_until("the list is not whole", || !server.get("/api/slides").text().contains("\"pending\""));
        server
    }

    /// The addresses of all routes that this site has an answer for.
    fn addresses(&self, server: &Running) -> Vec<(&'static str, String)> {
        let found: Value =
            serde_json::from_slice(&server.get("/dicomweb/instances?PatientID=4711").body).unwrap();
        let of = |tag: &str| found[0][tag]["Value"][0].as_str().unwrap().to_string();
        let uids = [("1.2", of("0020000D")), ("1.3", of("0020000E")), ("1.4", of("00080018"))];
        let address = |template: &str| {
            let parts = template.split('/').map(|part| {
                let uid = uids.iter().find(|(placeholder, _)| *placeholder == part);
                uid.map_or(part, |(_, uid)| uid.as_str()).replace('@', "one")
            });
            parts.collect::<Vec<_>>().join("/")
        };
        let of_labels = |route: &str| route.starts_with("/associated");
        let all = ROUTES.iter().filter(|(route, ..)| self.has_label || !of_labels(route));
        all.map(|(route, template, _)| {
            let address = address(template);
            (*route, if of_labels(route) { address.replace("one", "labelled%2Fraw") } else { address })
        })
        .collect()
    }
}

fn ask(server: &Running, address: &str, held: &str) -> Reply {
    let headers = [("Origin", ORIGIN), ("If-None-Match", held)];
    server.request("GET", address, &headers[..if held.is_empty() { 1 } else { 2 }])
}

/// Which pages may read an answer, and which headers of it.
fn readers(reply: &Reply) -> (&str, &str) {
    (reply.header("access-control-allow-origin"), reply.header("access-control-expose-headers"))
}

/// What [`readers`] says of an address, with and without `--cors`. IIIF is for all.
fn wanted(address: &str, has_cors: bool) -> (&'static str, &'static str) {
    match (address.starts_with("/iiif/"), has_cors) {
        (true, _) => ("*", EXPOSED),
        (false, true) => (ORIGIN, EXPOSED),
        (false, false) => ("", ""),
    }
}

#[test]
fn answers_of_all_addresses_are_tagged_and_shared_alike() {
    let site = Site::new();
    let server = site.start(&["--cors", ORIGIN]);
    let mark =
        br#"{"type": "Feature", "geometry": {"type": "Point", "coordinates": [1, 2]}, "properties": {}}"#;
    let headers = [("Content-Type", "application/json"), ("If-None-Match", "*")];
    let put = send(&server.address, "PUT", "/api/slides/one/annotations/a", &headers, mark);
    assert_eq!(put.status, 200, "{}", put.text());
    let addresses = site.addresses(&server);
    assert!(addresses.len() + 1 >= ROUTES.len(), "{}", addresses.len());
    for (route, address) in &addresses {
        let first = ask(&server, address, "");
        let (tag, control) = (first.header("etag"), first.header("cache-control"));
        assert_eq!(readers(&first), wanted(address, true), "{address}");
        if let Some((_, status, told)) = UNTAGGED.iter().find(|(of, ..)| of == route) {
            assert_eq!((first.status, tag, control), (*status, "", *told), "{address}");
            continue;
        }
        assert_eq!(first.status, 200, "{address}: {}", first.text());
        assert!(tag.len() > 2 && tag.starts_with('"') && tag.ends_with('"'), "{address}: {tag}");
        assert!(["no-cache", "public, max-age=3600"].contains(&control), "{address}: {control}");
        let again = ask(&server, address, tag);
        assert_eq!((again.status, again.body.len()), (304, 0), "{address}");
        assert_eq!((again.header("etag"), again.header("cache-control")), (tag, control), "{address}");
        assert_eq!(readers(&again), wanted(address, true), "{address}");
        assert_eq!(ask(&server, address, "\"0\"").status, 200, "{address}");
    }
    // Nothing that is missing may be kept: it may be there in a moment.
    for (route, template, _) in ROUTES.iter().filter(|(_, template, _)| template.contains('@')) {
        let address = template.replace('@', "none");
        let missing = ask(&server, &address, "*");
        let status = if *route == "/api/slides/{slide}/regions" { 405 } else { 404 };
        let got = (missing.status, missing.header("etag"), missing.header("cache-control"));
        assert_eq!(got, (status, "", "no-store"), "{address}");
        assert_eq!(readers(&missing), wanted(&address, true), "{address}");
    }
    drop(server);
    let server = site.start(&[]);
    for (_, address) in site.addresses(&server) {
        assert_eq!(readers(&ask(&server, &address, "")), wanted(&address, false), "{address}");
    }
}

#[test]
fn the_description_of_a_slide_is_sent_again_when_it_says_something_else() {
    let site = Site::new();
    let server = site.start(&[]);
    let open = ask(&server, "/api/slides/one", "");
    assert!(open.text().contains("\"annotations\":{\"write\":true}"), "{}", open.text());
    drop(server);
    let server = Running::start(site.root.path(), &[]);
    let closed = ask(&server, "/api/slides/one", open.header("etag"));
    assert_eq!(closed.status, 200);
    assert!(closed.text().contains("\"annotations\":null"), "{}", closed.text());
    assert_ne!(closed.header("etag"), open.header("etag"));
}
