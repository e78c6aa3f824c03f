//! Requests to the tile server from which mutations begin: one of each route and method at least.

use origami::serve::ALL;
use serde_json::Value;

use crate::server::{TOKEN, address, ask, key};

/// Far from now.
const EXPIRES: u64 = 4_000_000_000;

/// Addresses that are read. `@` is the slide; `%S`, `%E` and `%I` are study, series and instance of DICOM.
const READ: [&str; 66] = [
    "/",
    "/compare?slides=slide,scan",
    "/jobs",
    "/login?next=/viewer/slide",
    "/logout",
    "/assets/list.js",
    "/api/docs",
    "/api/openapi.json",
    "/api/slides?limit=2&offset=1&sort=-name&search=s",
    "/api/slides/@",
    "/api/slides/@/annotations",
    "/api/slides/@/annotations?other=show",
    "/api/slides/@/annotations/a",
    "/api/slides/@/region?x=3&y=5&w=40&h=30&scale=0.5",
    "/api/slides/@/region?w=16&h=16&scale=1/3&format=png",
    "/api/slides/scan/region?w=16&h=16&channel=0,2&color=0:ff8000&z=0&t=0&window=0:10-90&format=webp",
    "/dzi/@.dzi",
    "/dzi/@_files/7/0_0.jpg",
    "/dzi/@_files/5/1_0.png?channel=0",
    "/dzi/scan_files/6/0_0.webp",
    "/tiles/@/7/1_0.jpg",
    "/original/tree.dzi",
    "/original/tree_files/4/0_0.jpg",
    "/original/@_files/7/0_0.jpg",
    "/families/@/7/1_0.jpg",
    "/thumbnails/@",
    "/thumbnails/scan?width=20&height=20",
    "/associated/scan/label",
    "/associated/scan/macro?width=8",
    "/zoomify/@/ImageProperties.xml",
    "/zoomify/@/TileGroup0/0-0-0.jpg",
    "/xyz/@/2/1/0.jpg",
    "/iiif/2/@",
    "/iiif/2/@/info.json",
    "/iiif/2/@/full/full/0/default.jpg",
    "/iiif/2/@/0,0,32,32/16,/90/gray.png",
    "/iiif/2/@/pct:10,10,50,50/pct:50/180/bitonal.png",
    "/iiif/2/@/square/!20,20/0/color.webp",
    "/iiif/3/@",
    "/iiif/3/@/info.json",
    "/iiif/3/@/0,0,32,32/max/0/default.jpg",
    "/iiif/3/@/full/^200,/270/default.png",
    "/iiif/3/@/square/^!20,20/!0/default.jpg",
    "/viewer/@",
    "/embed/@",
    "/healthz",
    "/readyz",
    "/metrics",
    "/dicomweb/studies?PatientName=Doe*&limit=2&offset=0&includefield=all",
    "/dicomweb/series?StudyInstanceUID=%S&fuzzymatching=true",
    "/dicomweb/instances?includefield=00280010,SeriesNumber",
    "/dicomweb/studies/%S/series",
    "/dicomweb/studies/%S/instances?StudyDate=19000101-20991231",
    "/dicomweb/studies/%S/series/%E/instances",
    "/dicomweb/studies/%S/metadata",
    "/dicomweb/studies/%S/series/%E/metadata",
    "/dicomweb/studies/%S/series/%E/instances/%I/metadata",
    "/dicomweb/studies/%S",
    "/dicomweb/studies/%S/series/%E",
    "/dicomweb/studies/%S/series/%E/instances/%I",
    "/dicomweb/studies/%S/series/%E/instances/%I/frames/1,2",
    "/dicomweb/studies/%S/series/%E/instances/%I/bulkdata/pixels",
    "/dicomweb/studies/%S/series/%E/instances/%I/rendered?viewport=16,16,0,0,32,32&quality=50",
    "/dicomweb/studies/%S/series/%E/instances/%I/frames/1/rendered",
    "/dicomweb/studies/%S/series/%E/thumbnail?viewport=16,16",
    "/nothing/@",
];

const FEATURE: &str =
    r#"{"type":"Feature","geometry":{"type":"Point","coordinates":[3,4]},"properties":{"name":"n"}}"#;

/// Requests with a body: method, address, headers, body.
fn sent() -> Vec<(&'static str, &'static str, &'static str, String)> {
    const JSON: &str = "Content-Type: application/json\r\n";
    const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";
    const OLD: &str = "Content-Type: application/geo+json\r\nIf-Match: \"1\"\r\n";
    const NEW: &str = "Content-Type: application/json\r\nIf-None-Match: *\r\n";
    const ANY: &str = "Content-Type: application/geo+json\r\nIf-Match: *\r\n";
    let changes = format!(
        r#"{{"changes":[{{"id":"a","revision":1,"feature":{FEATURE}}},{{"id":"b","revision":9,"feature":null}}]}}"#
    );
    let all = format!(r#"{{"type":"FeatureCollection","features":[{FEATURE}]}}"#);
    let regions =
        r#"{"regions":[{"x":0,"y":0,"w":16,"h":16},{"x":8,"y":8,"w":32,"h":9,"scale":0.5}],"format":"png"}"#;
    let one = FEATURE.to_string();
    vec![
        ("POST", "/api/slides/@/regions", JSON, regions.into()),
        ("PATCH", "/api/slides/@/annotations", JSON, changes),
        ("PUT", "/api/slides/@/annotations", ANY, all),
        ("DELETE", "/api/slides/@/annotations", "If-Match: *\r\n", String::new()),
        ("PUT", "/api/slides/@/annotations/a", OLD, one.clone()),
        ("PUT", "/api/slides/@/annotations/c", NEW, one.clone()),
        ("PATCH", "/api/slides/@/annotations/a", OLD, r#"{"properties":{"name":null}}"#.into()),
        ("DELETE", "/api/slides/@/annotations/a", "If-Match: \"1\"\r\n", String::new()),
        ("POST", "/login", FORM, format!("token={TOKEN}&next=%2Fviewer%2Fslide")),
        ("POST", "/logout", FORM, "next=%2F".into()),
        ("OPTIONS", "/api/slides", "Origin: null\r\nAccess-Control-Request-Method: GET\r\n", String::new()),
        ("HEAD", "/thumbnails/@", "If-None-Match: \"a\"\r\n", String::new()),
        ("GET", "/dicomweb/studies", "Accept: application/dicom+json\r\n", String::new()),
        (
            "GET",
            "/dicomweb/studies/%S",
            "Accept: multipart/related; type=\"application/dicom\"\r\n",
            String::new(),
        ),
        (
            "GET",
            "/dicomweb/studies/%S/series/%E/instances/%I/frames/1",
            "Accept: multipart/related; type=\"image/jpeg\"; transfer-syntax=*\r\n",
            String::new(),
        ),
        (
            "GET",
            "/dicomweb/studies/%S/series/%E/instances/%I/bulkdata/pixels",
            "Range: bytes=0-9\r\n",
            String::new(),
        ),
        (
            "GET",
            "/",
            "Accept-Encoding: gzip\r\nAccept-Language: de-DE,fr;q=0.5\r\nCookie: origami-session=1.2.3\r\n",
            String::new(),
        ),
        (
            "GET",
            "/iiif/3/@/info.json",
            "X-Forwarded-Proto: https\r\nX-Forwarded-Host: b\r\nX-Forwarded-Prefix: /p\r\nX-Request-Id: 7\r\n",
            String::new(),
        ),
    ]
}

/// Study, series and an instance of the served bundle.
fn uids() -> [String; 3] {
    let head = "GET /dicomweb/instances HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAccept: application/dicom+json\r\n\r\n";
    // A machine that is busy may let the patience of the client run out.
    let answer = std::iter::repeat_with(|| ask(address(), head.as_bytes())).find(|answer| !answer.is_empty());
    let answer = answer.unwrap_or_default();
    let text = String::from_utf8_lossy(&answer);
    let list = text.find('[').zip(text.rfind(']')).map(|(from, to)| &text[from..=to]);
    let list: Value = list.and_then(|list| serde_json::from_str(list).ok()).unwrap_or_default();
    let uid = |tag: &str| match list[0][tag]["Value"][0].as_str() {
        Some(uid) => uid.to_string(),
        None => panic!("no instance of DICOM: {text}"),
    };
    [uid("0020000D"), uid("0020000E"), uid("00080018")]
}

/// Every request, by a name; with a signature or not.
pub fn all(is_signed: bool) -> Vec<(String, Vec<u8>)> {
    let [study, series, instance] = uids();
    let fill = |path: &str| {
        path.replace('@', "slide").replace("%S", &study).replace("%E", &series).replace("%I", &instance)
    };
    let of_slide = key().query_to_annotate("slide", EXPIRES);
    let of_all = key().query_to_annotate(ALL, EXPIRES);
    let write = |method: &str, path: &str, headers: &str, body: &str| {
        let mut path = fill(path);
        if is_signed {
            let joint = if path.contains('?') { '&' } else { '?' };
            let signature = if path.contains("/slide/") { &of_slide } else { &of_all };
            path = format!("{path}{joint}{signature}");
        }
        let length =
            if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
        format!("{method} {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{headers}{length}\r\n{body}")
            .into_bytes()
    };
    let mut out = Vec::new();
    for (at, path) in READ.iter().enumerate() {
        out.push((format!("read{at}"), write("GET", path, "", "")));
    }
    for (at, (method, path, headers, body)) in sent().into_iter().enumerate() {
        out.push((format!("sent{at}"), write(method, path, headers, &body)));
    }
    if is_signed {
        let bearer = format!(
            "GET /api/slides HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
        );
        out.push(("token".into(), bearer.into_bytes()));
    }
    out
}
