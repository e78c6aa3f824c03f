//! The description of the addresses: every route is in it, and what the server answers has the form that it says.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::access::ROUTES;
use crate::kit::image::Image;
use crate::kit::program::arg;
use crate::kit::slides::{encode_tree, tree};
use crate::protocols::scaled_tree;
use crate::running::{Running, send};
use crate::tiffs::{ome, write_pages, write_tiff};
use origami::params::EncodeParams;

/// The validator of a schema of the document.
fn validator(document: &Value, schema: &str) -> Validator {
    let root =
        json!({"$ref": format!("#/components/schemas/{schema}"), "components": document["components"]});
    jsonschema::validator_for(&root).unwrap()
}

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
    let document: Value = serde_json::from_slice(&server.get("/api/openapi.json").body).unwrap();
    let check = |schema: &str, address: &str, body: &[u8]| {
        let value: Value = serde_json::from_slice(body).unwrap_or_else(|e| panic!("{address}: {e}"));
        let validator = validator(&document, schema);
        let faults: Vec<_> =
            validator.iter_errors(&value).map(|e| format!("{} {e}", e.instance_path())).collect();
        assert!(faults.is_empty(), "{address} is no {schema}: {faults:#?}");
    };
    let mark = json!({"type": "Feature", "id": "m", "geometry": {"type": "Point", "coordinates": [5, 6]}, "properties": {}});
    let put = send(
        &server.address,
        "PUT",
        "/api/slides/scan/annotations/m",
        &[("Content-Type", "application/json"), ("If-None-Match", "*")],
        mark.to_string().as_bytes(),
    );
    assert_eq!(put.status, 200, "{put:?}");
    for (schema, addresses) in [
        ("Slides", &["/api/slides", "/api/slides?limit=2", "/api/slides?limit=2&offset=2&sort=-name"][..]),
        (
            "Slide",
            &[
                "/api/slides/bundle",
                "/api/slides/in%2Ftree",
                "/api/slides/scan",
                "/api/slides/stack.ome",
                "/api/slides/stack.ome?channel=1",
            ],
        ),
        ("Marks", &["/api/slides/scan/annotations", "/api/slides/bundle/annotations"]),
        ("Mark", &["/api/slides/scan/annotations/m"]),
        ("DeepZoom", &["/dzi/bundle.json", "/original/bundle.json", "/dzi/scan.json"]),
        ("Iiif3", &["/iiif/3/bundle/info.json", "/iiif/3/in%2Ftree/info.json", "/iiif/3/scan/info.json"]),
        ("Iiif2", &["/iiif/2/bundle/info.json", "/iiif/2/in%2Ftree/info.json"]),
    ] {
        for address in addresses {
            let reply = server.get(address);
            assert_eq!(reply.status, 200, "{address}: {}", reply.text());
            check(schema, address, &reply.body);
        }
    }
    for address in [
        "/nothing",
        "/dzi/none.dzi",
        "/api/slides/scan/region?x=999",
        "/api/slides?limit=0",
        "/iiif/3/scan/full/max/7/default.jpg",
        "/api/slides/scan/annotations/none",
    ] {
        let reply = server.get(address);
        assert!(reply.status >= 400, "{address}");
        check("Error", address, &reply.body);
    }
    // What is sent has to have its form as well.
    let asked = json!({"regions": [{"x": 0, "y": 0, "w": 9, "h": 9, "scale": "1/3"}, {"x": 1, "y": 0, "w": 9, "h": 9, "level": 1}]}).to_string();
    check("RegionsAsked", "the body", asked.as_bytes());
    let tar = send(&server.address, "POST", "/api/slides/scan/regions", &[], asked.as_bytes()).body;
    let length = usize::from_str_radix(std::str::from_utf8(&tar[124..135]).unwrap(), 8).unwrap();
    check("Regions", "regions.json", &tar[512..][..length]);
    // And what is wrong has not.
    for wrong in [json!({}), json!({"regions": []}), json!({"regions": [{"x": -1, "y": 0, "w": 1, "h": 1}]})]
    {
        assert!(!validator(&document, "RegionsAsked").is_valid(&wrong), "{wrong}");
        assert_eq!(
            send(&server.address, "POST", "/api/slides/scan/regions", &[], wrong.to_string().as_bytes())
                .status,
            400
        );
    }
}

/// A media type as the document names it: without parameters, but with the type of the parts.
fn plain(kind: &str) -> &str {
    let end = if kind.starts_with("multipart/related") { 2 } else { 1 };
    let at = kind.match_indices(';').nth(end - 1).map_or(kind.len(), |(at, _)| at);
    kind[..at].trim_end()
}

#[test]
fn every_address_answers_with_a_status_and_a_type_that_are_described() {
    let root = tempfile::tempdir().unwrap();
    slides(root.path());
    fs::write(root.path().join("bundle.dicom.json"), "{\"PixelSpacing\": [0.001, 0.001]}").unwrap();
    let server = Running::start(root.path(), &["--dicomweb"]);
    let document: Value = serde_json::from_slice(&server.get("/api/openapi.json").body).unwrap();
    let found: Value = serde_json::from_slice(&server.get("/dicomweb/instances?limit=1").body).unwrap();
    let uid = |tag: &str| found[0][tag]["Value"][0].as_str().unwrap().to_string();
    let uids = [("1.2", uid("0020000D")), ("1.3", uid("0020000E")), ("1.4", uid("00080018"))];
    let (mut good, mut wrong) = (0, Vec::new());
    for (path, address, _) in ROUTES.iter().filter(|(path, ..)| !path.is_empty()) {
        let Some(operation) = document["paths"][*path].get("get") else { continue };
        let mut address = address.replace('@', "bundle");
        for (placeholder, uid) in &uids {
            address = address.replace(&format!("/{placeholder}"), &format!("/{uid}"));
        }
        let reply = server.get(&address);
        let described = &operation["responses"][reply.status.to_string()];
        if described.is_null() {
            let told: Value =
                serde_json::from_slice(&reply.body).unwrap_or_else(|e| panic!("{address}: {e}"));
            assert!(validator(&document, "Error").is_valid(&told), "{address}: {reply:?}");
            assert!(!path.starts_with("/dicomweb"), "{address}: {reply:?}");
            continue;
        }
        good += 1;
        let kinds: Vec<_> = described["content"]
            .as_object()
            .map_or(Vec::new(), |kinds| kinds.keys().map(|kind| plain(kind)).collect());
        let kind = plain(reply.header("content-type"));
        if kinds.contains(&kind) == reply.body.is_empty() {
            wrong.push(format!("{address}: {kind} and {kinds:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(good > 45, "{good} addresses answer");
}
