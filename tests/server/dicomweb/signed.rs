//! Signatures of one slide: they open its study, as far as it is this slide's, and nothing else.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

use super::multipart::parts;
use super::{INSTANCE, JANE, JOHN, SERIES, STUDY, Site, json, text, value};
use crate::kit::program::arg;
use crate::running::{Reply, Running};
use origami::serve::{ALL, SigningKey};

struct Signed {
    server: Running,
    key: SigningKey,
}

impl Signed {
    fn start(site: &Site) -> Self {
        let secrets = tempfile::tempdir().unwrap();
        let key = secrets.path().join("key");
        fs::write(&key, "k".repeat(40)).unwrap();
        let server = site.start(&["--signing-key-file", arg(&key)]);
        Self { server, key: SigningKey::read(&key).unwrap() }
    }

    /// Good for so many seconds from now.
    fn query(&self, name: &str, seconds: i64) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        self.key.query(name, now.checked_add_signed(seconds).unwrap())
    }

    fn get(&self, path: &str, query: &str) -> Reply {
        let joint = if path.contains('?') { '&' } else { '?' };
        self.server.get(&format!("/dicomweb/{path}{joint}{query}"))
    }
}

/// The paths of all that belongs to an instance.
fn below(instance: &Value) -> Vec<String> {
    let study = format!("studies/{}", text(instance, STUDY));
    let series = format!("{study}/series/{}", text(instance, SERIES));
    let one = format!("{series}/instances/{}", text(instance, INSTANCE));
    let of =
        |base: &str, parts: &[&str]| parts.iter().map(|part| format!("{base}{part}")).collect::<Vec<_>>();
    [
        of(&study, &["", "/series", "/instances", "/metadata", "/thumbnail"]),
        of(&series, &["", "/instances", "/metadata", "/thumbnail"]),
        of(&one, &["", "/metadata", "/frames/1", "/frames/1/rendered", "/rendered", "/thumbnail"]),
        of(&one, &["/bulkdata/pixels", "/bulkdata/icc"]),
    ]
    .concat()
}

#[test]
fn a_signature_of_a_slide_opens_its_study_and_nothing_else() {
    let site = Site::new();
    let signed = Signed::start(&site);
    let (all, mine) = (signed.query(ALL, 60), signed.query("plain", 60));
    let everything = json(&signed.get("instances", &all));
    let study = |query: &str| json(&signed.get("studies?PatientID=4711", query))[0].clone();
    assert_eq!(study(&mine), study(&all));
    let is_own = |of: &&Value| text(of, STUDY) == text(&study(&all), STUDY);
    let (own, others): (Vec<_>, Vec<_>) = everything.as_array().unwrap().iter().partition(is_own);
    assert!(own.len() > 1 && others.len() > 1);
    for scope in ["studies", "series", "instances"] {
        let reply = signed.get(scope, &mine);
        assert!(!reply.headers.contains_key("warning"), "of slides that are left out nothing is said");
        let (found, want) = (json(&reply), if scope == "instances" { own.len() } else { 1 });
        assert_eq!(found.as_array().unwrap().len(), want, "{scope}");
        assert!(found.as_array().unwrap().iter().all(|of| is_own(&of)), "{scope}: {found}");
    }
    for query in ["studies?PatientID=4712", "instances?TotalPixelMatrixColumns=700", "series?offset=1"] {
        assert_eq!(signed.get(query, &mine).status, 204, "{query}");
    }
    for path in own.iter().flat_map(|of| below(of)) {
        let reply = signed.get(&path, &mine);
        assert_eq!(reply.status, 200, "{path}: {}", reply.text());
        assert!(reply.body == signed.get(&path, &all).body || path.ends_with("/metadata"), "{path}");
    }
    for path in others.iter().flat_map(|of| below(of)) {
        assert_eq!(signed.get(&path, &all).status, 200, "{path}");
        let (reply, nothing) = (signed.get(&path, &mine), signed.get("studies/1.2/series", &mine));
        assert_eq!((reply.status, reply.body), (404, nothing.body), "{path}");
    }
    // What the attributes refer to is signed as they are.
    for query in [&mine, &all] {
        let of = &json(&signed.get(&below(own[0])[10], query))[0];
        for bulk in [&of["7FE00010"], &value(of, "00480105")["00282000"]] {
            let address = bulk["BulkDataURI"].as_str().unwrap();
            let path = address.strip_prefix(&format!("http://{}", signed.server.address)).unwrap();
            assert!(path.ends_with(query.as_str()), "{address}");
            assert!(!parts(&signed.server.get(path)).is_empty(), "{address}");
        }
    }
    let annotating = signed.key.query_to_annotate("case/lossless", 4_000_000_000);
    assert_eq!(text(&json(&signed.get("studies", &annotating))[0], "00100020"), "4712");
    // One that is left out is no secret to who holds its signature.
    let left_out = signed.get("studies", &signed.query("noscale", 60));
    assert_eq!((left_out.status, left_out.header("warning").contains("1 slide is left out")), (204, true));
    for (query, says) in [
        (signed.query("plain", -5), "expired"),
        (signed.query("case%2Flossless", 60), "invalid"),
        (signed.query("no such slide", 60), "invalid"),
        (mine.replace("expires=", "expires=1"), "invalid"),
        (mine[..mine.len() - 2].to_string(), "invalid"),
    ] {
        for path in ["studies".to_string(), "nothing".to_string()].into_iter().chain(below(own[0])) {
            let reply = signed.get(&path, &query);
            let told = if path == "nothing" { "invalid" } else { says };
            assert!(reply.status == 403 && reply.text().contains(told), "{path}?{query}: {}", reply.text());
        }
    }
    assert_eq!(signed.server.get("/dicomweb/studies").status, 401);
}

#[test]
fn of_a_study_of_several_slides_a_signature_opens_its_own() {
    let site = Site::new();
    for (name, given, number) in [("plain", JANE, 1), ("case/lossless", JOHN, 2)] {
        let more = format!("{{\"StudyInstanceUID\": \"1.2.3\", \"SeriesNumber\": \"{number}\", ");
        let path = site.root.path().join(format!("{name}.dicom.json"));
        fs::write(path, given.replacen('{', &more, 1)).unwrap();
    }
    let signed = Signed::start(&site);
    let all = signed.query(ALL, 60);
    let series = json(&signed.get("studies/1.2.3/series", &all));
    assert_eq!(series.as_array().unwrap().len(), 2, "{series}");
    for (name, number) in [("plain", 1), ("case/lossless", 2)] {
        let mine = signed.query(name, 60);
        let study = json(&signed.get("studies", &mine));
        assert_eq!(
            (study.as_array().unwrap().len(), value(&study[0], "00201206")),
            (1, &1.into()),
            "{study}"
        );
        let found = json(&signed.get("studies/1.2.3/series", &mine));
        assert_eq!((found.as_array().unwrap().len(), value(&found[0], "00200011")), (1, &number.into()));
        let metadata = json(&signed.get("studies/1.2.3/metadata", &mine));
        assert!(metadata.as_array().unwrap().iter().all(|of| text(of, SERIES) == text(&found[0], SERIES)));
        for of in series.as_array().unwrap() {
            let path = format!("studies/1.2.3/series/{}/metadata", text(of, SERIES));
            let want = if text(of, SERIES) == text(&found[0], SERIES) { 200 } else { 404 };
            assert_eq!(signed.get(&path, &mine).status, want, "{name}: {path}");
            assert_eq!(signed.get(&path, &all).status, 200);
        }
    }
}
