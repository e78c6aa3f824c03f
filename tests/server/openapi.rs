//! The description of the addresses: every route is in it, and what the server answers has the form that it says. The client of these tests
//! holds every other answer to it as well.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::access::{ROUTES, Seen};
use crate::described::{check, is_valid};
use crate::kit::image::Image;
use crate::kit::program::arg;
use crate::kit::slides::{encode_tree, tree};
use crate::protocols::scaled_tree;
use crate::running::{Reply, Running, send};
use crate::tiffs::{ome, write_pages, write_tiff};
use origami::params::EncodeParams;

fn slides(root: &Path) {
    let dir = root.join("bundle");
    let dzi = tree(&dir, 300, 260, 64, 3);
    encode_tree(&dzi, &dir, &EncodeParams::default());
    scaled_tree(&root.join("in/tree"), &json!([0.5, 0.5]));
    write_tiff(&root.join("scan.tif"), &Image::cells(300, 200, 3), None);
    let pages: Vec<_> = (0..4).map(|seed| Image::tissue(300, 200, seed).to_gray()).collect();
    write_pages(&root.join("stack.ome.tif"), &pages, &ome(&["a", "b"], 2));
    fs::write(root.join("bad.dzi"), "<nothing/>").unwrap();
}

#[test]
fn every_route_is_described() {
    let root = tempfile::tempdir().unwrap();
    let server = Running::start(root.path(), &["--dicomweb"]);
    let reply = server.get("/api/openapi.json");
    assert_eq!((reply.status, reply.header("content-type")), (200, "application/json"));
    let document: Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(
        (document["openapi"].as_str(), document["info"]["version"].as_str()),
        (Some("3.1.0"), Some(env!("CARGO_PKG_VERSION")))
    );
    assert_eq!(document["servers"][0]["url"], format!("http://{}", server.address));
    let described: BTreeSet<_> = document["paths"].as_object().unwrap().keys().map(String::as_str).collect();
    let routes: BTreeSet<_> =
        ROUTES.iter().map(|(route, ..)| *route).filter(|route| !route.is_empty()).collect();
    assert_eq!(described, routes);
    for (route, _, seen) in ROUTES.iter().filter(|(route, ..)| !route.is_empty()) {
        for (method, operation) in document["paths"][*route].as_object().unwrap() {
            let is_open = operation["security"] == json!([]);
            assert_eq!(is_open, *seen == Seen::ByAll, "{method} {route}");
        }
    }
    // Every method that is described is one that the server takes, and every other is refused.
    for (path, operations) in document["paths"].as_object().unwrap() {
        let (_, address, _) = ROUTES.iter().find(|(route, ..)| route == path).unwrap();
        let address = address.replace('@', "none");
        for method in ["GET", "PUT", "POST", "PATCH", "DELETE"] {
            let takes = server.request(method, &address, &[]).status != 405;
            assert_eq!(takes, operations.get(method.to_lowercase()).is_some(), "{method} {path}");
        }
    }
    let page = server.get("/api/docs");
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(page.header("content-security-policy").starts_with("default-src 'none'"));
    assert!(page.text().contains("/assets/docs.js?v="));
}

#[test]
fn what_the_server_answers_has_the_form_that_is_described() {
    let (root, marks) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    slides(root.path());
    let server = Running::start(root.path(), &["--annotations", arg(marks.path()), "--annotations-open"]);
    let mark = json!({"type": "Feature", "id": "m", "geometry": {"type": "Point", "coordinates": [5, 6]}, "properties": {}});
    let put = send(
        &server.address,
        "PUT",
        "/api/slides/scan/annotations/m",
        &[("Content-Type", "application/json"), ("If-None-Match", "*")],
        mark.to_string().as_bytes(),
    );
    assert_eq!(put.status, 200, "{put:?}");
    for address in [
        "/api/slides",
        "/api/slides?limit=2",
        "/api/slides?limit=2&offset=2&sort=-name",
        "/api/slides/bundle",
        "/api/slides/in%2Ftree",
        "/api/slides/scan",
        "/api/slides/scan?sources=1",
        "/api/slides/bundle?sources=1",
        "/api/slides/stack.ome",
        "/api/slides/stack.ome?channel=1",
        "/api/slides/scan/annotations",
        "/api/slides/bundle/annotations",
        "/api/slides/scan/annotations/m",
        "/dzi/bundle.json",
        "/original/bundle.json",
        "/dzi/scan.json",
        "/iiif/3/bundle/info.json",
        "/iiif/3/in%2Ftree/info.json",
        "/iiif/3/scan/info.json",
        "/iiif/2/bundle/info.json",
        "/iiif/2/in%2Ftree/info.json",
    ] {
        let reply = server.request("GET", address, &[("Accept-Encoding", "gzip")]);
        assert_eq!(reply.status, 200, "{address}: {}", reply.text());
    }
    // What is sent has to have its form as well.
    let asked = json!({"regions": [{"x": 0, "y": 0, "w": 9, "h": 9, "scale": "1/3"}, {"x": 1, "y": 0, "w": 9, "h": 9, "level": 1}]}).to_string();
    assert!(is_valid("RegionsAsked", &serde_json::from_str(&asked).unwrap()));
    let tar = send(&server.address, "POST", "/api/slides/scan/regions", &[], asked.as_bytes()).body;
    let length = usize::from_str_radix(std::str::from_utf8(&tar[124..135]).unwrap(), 8).unwrap();
    assert!(is_valid("Regions", &serde_json::from_slice(&tar[512..][..length]).unwrap()));
    // And what is wrong has not.
    for wrong in [json!({}), json!({"regions": []}), json!({"regions": [{"x": -1, "y": 0, "w": 1, "h": 1}]})]
    {
        assert!(!is_valid("RegionsAsked", &wrong), "{wrong}");
        assert_eq!(
            send(&server.address, "POST", "/api/slides/scan/regions", &[], wrong.to_string().as_bytes())
                .status,
            400
        );
    }
}

#[test]
fn every_address_answers_as_it_is_described() {
    let root = tempfile::tempdir().unwrap();
    slides(root.path());
    fs::write(root.path().join("bundle.dicom.json"), "{\"PixelSpacing\": [0.001, 0.001]}").unwrap();
    let server = Running::start(root.path(), &["--dicomweb"]);
    let found: Value = serde_json::from_slice(&server.get("/dicomweb/instances?limit=1").body).unwrap();
    let uid = |tag: &str| found[0][tag]["Value"][0].as_str().unwrap().to_string();
    let uids = [("1.2", uid("0020000D")), ("1.3", uid("0020000E")), ("1.4", uid("00080018"))];
    let mut good = 0;
    for (_, address, _) in ROUTES {
        let mut address = address.replace('@', "bundle");
        for (placeholder, uid) in &uids {
            address = address.replace(&format!("/{placeholder}"), &format!("/{uid}"));
        }
        let status = server.get(&address).status;
        assert!(status < 400 || !address.starts_with("/dicomweb"), "{address}: {status}");
        good += usize::from(status < 400);
    }
    assert!(good > 45, "{good} addresses answer");
}

/// A reply with this header in place of its own; without it, if it is empty.
fn with(reply: &Reply, name: &str, value: &str) -> Reply {
    let mut other = reply.clone();
    other.headers.insert(name.into(), value.into());
    other.headers.retain(|_, value| !value.is_empty());
    other
}

#[test]
fn an_answer_that_is_not_described_is_found() {
    let root = tempfile::tempdir().unwrap();
    tree(&root.path().join("one"), 60, 50, 32, 4);
    let server = Running::start(root.path(), &[]);
    let get = |path: &str| server.get(path);
    let (list, tile, none) = (get("/api/slides"), get("/tiles/one/0/0_0.jpg"), get("/tiles/one/0/9_9.jpg"));
    let (region, head) = (get("/api/slides/one/region"), server.request("HEAD", "/api/slides", &[]));
    let refused = server.request("POST", "/api/slides", &[]);
    let with_status = |reply: &Reply, status| Reply { status, ..reply.clone() };
    let with_body = |reply: &Reply, body: &str| Reply { body: body.into(), ..reply.clone() };
    let mut slides: Value = serde_json::from_slice(&list.body).unwrap();
    slides["total"] = "one".into();
    let (of_list, of_tile, of_region) =
        ("/api/slides?limit=9", "/tiles/one/0/0_0.jpg", "/api/slides/one/region");
    for (method, path, reply, says) in [
        ("GET", of_list, with_status(&list, 201), "201"),
        ("GET", of_list, with_status(&list, 206), "206"),
        ("GET", of_list, with(&list, "content-type", "text/plain"), "text/plain"),
        ("GET", of_list, with(&list, "content-type", ""), "application/json"),
        ("GET", of_list, with(&list, "etag", ""), "ETag"),
        ("GET", of_list, with(&list, "etag", "W/\"0\""), "ETag"),
        ("GET", of_list, with_body(&list, "{"), "no JSON"),
        ("GET", of_list, with_body(&list, &slides.to_string()), "/total"),
        ("GET", of_list, with_body(&list, "{}"), "Slides"),
        ("GET", of_list, with_body(&list, ""), "no body"),
        ("HEAD", of_list, with_body(&head, "{}"), "HEAD has a body"),
        ("GET", of_tile, with_status(&tile, 304), "none is described"),
        ("GET", of_tile, with_body(&none, "{\"error\": \"\"}"), "Error"),
        ("GET", of_tile, with(&none, "content-type", "text/html"), "text/html"),
        ("GET", of_tile, with_status(&none, 418), "418"),
        ("GET", of_tile, with_status(&none, 401), "WWW-Authenticate"),
        ("GET", of_tile, with_status(&none, 406), "406"),
        ("GET", of_region, with(&region, "origami-width", ""), "Origami-Width"),
        ("GET", of_region, with(&region, "origami-height", "0"), "Origami-Height"),
        ("GET", "/nothing", tile.clone(), "no such address"),
        ("GET", "/tiles/one/0", list.clone(), "no such address"),
        ("PUT", of_list, list.clone(), "no such address with this method"),
        ("POST", of_list, with(&refused, "allow", "GET,HEAD,POST"), "it allows"),
        ("POST", of_list, with(&refused, "allow", ""), "Allow"),
        ("OPTIONS", of_tile, with(&tile, "access-control-allow-methods", "GET"), "no body"),
        ("GET", of_tile, with(&tile, "x-request-id", ""), "X-Request-Id"),
    ] {
        let Err(fault) = check(method, path, &reply) else { panic!("{method} {path}: {says}") };
        assert!(fault.contains(says), "{method} {path}: {says}: {fault}");
    }
    for (method, path, reply) in [
        ("GET", of_list, &list),
        ("HEAD", of_list, &head),
        ("GET", of_tile, &tile),
        ("GET", of_tile, &none),
        ("GET", of_region, &region),
        ("POST", of_list, &refused),
    ] {
        assert_eq!(check(method, path, reply), Ok(()), "{method} {path}");
    }
}
