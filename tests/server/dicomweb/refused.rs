//! Requests that are wrong: each gets its status and a body that says why, and the server goes on.

use serde_json::Value;

use super::{INSTANCE, Site, filter_of, json, series_of, text};
use crate::malformed::nothing_grows;

/// What stands where a UID should.
const NO_UIDS: [&str; 20] = [
    "a",
    "uid",
    "0x1",
    "1_2",
    "1.2.3.",
    "1%202",
    "1;2",
    "1..2",
    ".1",
    "1.",
    "1.2.x",
    "%20",
    "-1",
    "1,2",
    "1%2F2",
    "*",
    "..%2F..",
    "%00",
    "1.2%0A",
    "9999999999999999999999999999999999999999999999999999999999999999999999",
];

#[test]
fn malformed_requests_are_refused_with_a_reason() {
    let site = Site::new();
    let server = site.start(&[]);
    let series = series_of(&server, filter_of("plain"));
    let study = series.split("/series").next().unwrap().to_string();
    let metadata = json(&server.get(&format!("{series}/metadata")));
    let instance = format!("{series}/instances/{}", text(&metadata[0], INSTANCE));
    let mut asked: Vec<(String, &str, u16)> = Vec::new();
    for uid in NO_UIDS {
        for path in [
            format!("/dicomweb/studies/{uid}"),
            format!("/dicomweb/studies/{uid}/metadata"),
            format!("/dicomweb/studies/{uid}/series"),
            format!("{study}/series/{uid}/metadata"),
            format!("{study}/series/{uid}/instances"),
            format!("{series}/instances/{uid}"),
            format!("{series}/instances/{uid}/frames/1"),
        ] {
            asked.push((path, "", 400));
        }
        asked.push((
            format!("/dicomweb/studies?StudyInstanceUID={uid}"),
            "",
            if uid == "1,2" { 204 } else { 400 },
        ));
    }
    for unknown in [
        "/dicomweb/studies/1.2.3".into(),
        "/dicomweb/studies/1.2.3/metadata".into(),
        format!("{study}/series/1.2.3"),
        format!("{series}/instances/1.2.3/frames/1"),
        format!("{instance}/frames/999999"),
        format!("{instance}/frames/1,999999"),
        format!("{instance}/bulkdata/other"),
        format!("{instance}/frames"),
        "/dicomweb".into(),
        "/dicomweb/".into(),
        "/dicomweb/patients".into(),
    ] {
        asked.push((unknown, "", 404));
    }
    for frames in [
        "0",
        "-1",
        "1.5",
        "a",
        "1,",
        ",1",
        "1,,2",
        "1;2",
        "0x1",
        "%20",
        "1%202",
        "99999999999999999999",
        "1,0",
    ] {
        asked.push((format!("{instance}/frames/{frames}"), "", 400));
        asked.push((format!("{instance}/frames/{frames}/rendered"), "", 400));
    }
    asked.push((format!("{instance}/frames/{}", vec!["1"; 1001].join(",")), "", 400));
    for query in [
        "limit=-1",
        "limit=x",
        "limit=1.5",
        "offset=-1",
        "offset=",
        "limit=99999999999999999999999",
        "fuzzymatching=maybe",
        "includefield=nothing",
        "StudyDate=yesterday",
        "StudyDate=2024",
        "StudyTime=noon",
        "PatientID=%zz",
        "PatientID=%ff",
        "PatientID=%00",
        "InstanceNumber=one",
    ] {
        for of in ["studies", "series", "instances"] {
            asked.push((format!("/dicomweb/{of}?{query}"), "", 400));
        }
    }
    for accept in ["image", "/", "image/jpeg;q=7", "image/jpeg;q", "a b/c", "\"/\""] {
        for path in ["frames/1", "metadata", "rendered", "thumbnail", "bulkdata/icc"] {
            asked.push((format!("{instance}/{path}"), accept, 400));
        }
    }
    for accept in [
        "image/gif",
        "text/html",
        "application/dicom+xml",
        "video/mp4",
        "multipart/related; type=\"video/mp4\"",
    ] {
        for path in ["", "/frames/1", "/metadata", "/rendered", "/bulkdata/icc"] {
            asked.push((format!("{instance}{path}"), accept, 406));
        }
        asked.push(("/dicomweb/studies".into(), accept, 406));
    }
    for viewport in ["", "5", "0,0", "-1,5", "a,b", "5,5,5", "99999,1"] {
        asked.push((format!("{instance}/rendered?viewport={viewport}"), "", 400));
        asked.push((format!("{instance}/thumbnail?viewport={viewport}"), "", 400));
    }
    for query in ["quality=0", "quality=101", "quality=x", "window=1,2,linear", "annotation=patient"] {
        asked.push((format!("{instance}/rendered?{query}"), "", 400));
    }
    assert!(asked.len() >= 300, "{}", asked.len());
    let ask = || {
        for (path, accept, status) in &asked {
            let headers = [("Accept", *accept)];
            let reply = server.request("GET", path, if accept.is_empty() { &[] } else { &headers });
            assert_eq!(reply.status, *status, "{path} {accept}: {}", reply.text());
            if *status != 204 {
                let told: Value = serde_json::from_slice(&reply.body)
                    .unwrap_or_else(|e| panic!("{path}: {e}: {}", reply.text()));
                assert!(told["error"].as_str().is_some_and(|text| text.len() > 4), "{path}: {told}");
                assert_eq!(reply.header("cache-control"), "no-store", "{path}");
            }
        }
    };
    ask();
    nothing_grows(&server, ask);
    for method in ["POST", "PUT", "DELETE", "PATCH"] {
        for path in ["/dicomweb/studies", &instance, &format!("{instance}/frames/1")] {
            assert_eq!(server.request(method, path, &[]).status, 405, "{method} {path}");
        }
    }
    assert_eq!(server.get(&format!("{instance}/frames/1")).status, 200);
    let (code, log) = server.terminate();
    assert!(code == Some(0) && !log.contains("panicked"), "{log}");
}
