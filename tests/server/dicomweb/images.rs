//! The forms of frames, rendered images, bulk data.

use serde_json::Value;

use super::multipart::parts;
use super::{INSTANCE, Site, filter_of, json, series_of, text, value};
use crate::running::Reply;
use origami::codec::decode_foreign;

#[test]
fn frames_come_in_the_form_that_is_asked_for() {
    let site = Site::new();
    let server = site.start(&["--cors", "*"]);
    let series = series_of(&server, filter_of("plain"));
    let instance = format!(
        "{series}/instances/{}",
        text(&json(&server.get(&format!("{series}/metadata")))[0], INSTANCE)
    );
    let ask = |path: &str, accept: &str| {
        server.request("GET", &format!("{instance}/{path}"), &[("Accept", accept)])
    };
    let plain = parts(&server.get(&format!("{instance}/frames/2"))).remove(0).body;
    let octets = "application/octet-stream; transfer-syntax=*";
    let single = ask("frames/2", "image/jpeg");
    assert_eq!(
        (single.header("content-type"), &single.body),
        ("image/jpeg; transfer-syntax=1.2.840.10008.1.2.4.50", &plain)
    );
    assert_eq!(ask("frames/2", octets).body, plain);
    let several = parts(&ask(
        "frames/3,2,2",
        "multipart/related; type=\"application/octet-stream\"; transfer-syntax=*",
    ));
    assert_eq!(several.len(), 3);
    assert!(several[1].body == plain && several[2].body == plain && several[0].body != plain);
    assert_eq!(several[1].kind(), "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.4.50");
    assert_eq!(server.get(&format!("{instance}/frames/2?accept=image/jpeg")).body, plain);
    for (path, accept, names) in [
        ("frames/2", "image/png", "image/jpeg"),
        (
            "frames/2",
            "multipart/related; type=\"application/octet-stream\"",
            "transfer-syntax=1.2.840.10008.1.2.4.50",
        ),
        ("frames/1,2", "image/jpeg", "multipart/related; type=\"image/jpeg\""),
        ("metadata", "application/dicom+xml", "application/dicom+json"),
        ("rendered", "image/gif", "image/png"),
        ("bulkdata/icc", "image/jpeg", "application/octet-stream"),
    ] {
        let reply = ask(path, accept);
        let told: Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(reply.status, 406, "{path} {accept}");
        assert!(told["error"].as_str().unwrap().contains(names), "{told}");
    }
    // Tags, heads, and what browsers ask ahead.
    for path in
        ["frames/2", "frames/1,2", "metadata", "rendered", "frames/2/rendered", "thumbnail", "bulkdata/icc"]
    {
        let address = format!("{instance}/{path}");
        let reply = server.get(&address);
        let tag = reply.header("etag").to_string();
        assert!(reply.status == 200 && !tag.is_empty(), "{path}");
        let again = server.request("GET", &address, &[("If-None-Match", &tag)]);
        assert_eq!((again.status, again.body.len()), (304, 0), "{path}");
        let head = server.request("HEAD", &address, &[]);
        assert_eq!((head.status, head.body.len(), head.header("etag")), (200, 0, tag.as_str()), "{path}");
        assert!(reply.header("vary").contains("accept"), "{path}");
    }
    // Parts of an answer that is in one piece.
    for (path, accept) in
        [("frames/2", "image/jpeg"), ("frames/2", "*/*"), ("bulkdata/icc", "application/octet-stream")]
    {
        let address = format!("{instance}/{path}");
        let get =
            |more: &[(&str, &str)]| server.request("GET", &address, &[&[("Accept", accept)], more].concat());
        let whole = get(&[]);
        let (size, tag) = (whole.body.len(), whole.header("etag"));
        assert_eq!(whole.header("accept-ranges"), "bytes", "{path}");
        for (range, part) in [("bytes=0-9", 0..10), ("bytes=-7", size - 7..size), ("bytes=20-", 20..size)] {
            let got = get(&[("Range", range)]);
            let told = format!("bytes {}-{}/{size}", part.start, part.end - 1);
            assert_eq!((got.status, got.header("content-range")), (206, told.as_str()), "{path} {range}");
            assert!(got.body == whole.body[part] && got.header("etag") == tag, "{path} {range}");
            assert_eq!(get(&[("Range", range), ("If-Range", tag)]).status, 206);
            assert_eq!(get(&[("Range", range), ("If-Range", "\"other\"")]).body, whole.body);
            assert_eq!(get(&[("Range", range), ("If-None-Match", tag)]).status, 304);
            let head = server.request("HEAD", &address, &[("Accept", accept), ("Range", range)]);
            assert_eq!((head.status, head.header("content-range")), (200, ""), "{path} {range}");
        }
        let beyond = get(&[("Range", "bytes=9999999-")]);
        assert_eq!(
            (beyond.status, beyond.header("content-range")),
            (416, format!("bytes */{size}").as_str())
        );
        assert_eq!(get(&[("Range", "bytes=5-1")]).body, whole.body);
    }
    let ahead = [
        ("Origin", "http://a"),
        ("Access-Control-Request-Method", "GET"),
        ("Access-Control-Request-Headers", "accept,authorization"),
    ];
    let ahead = server.request("OPTIONS", &format!("{instance}/frames/1"), &ahead);
    assert!(ahead.header("access-control-allow-headers").to_lowercase().contains("accept"), "{ahead:?}");
}

#[test]
fn images_are_rendered_and_profiles_are_bulk_data() {
    let site = Site::new();
    let server = site.start(&[]);
    let series = series_of(&server, filter_of("case/lossless"));
    let metadata = json(&server.get(&format!("{series}/metadata")));
    let instance = format!("{series}/instances/{}", text(&metadata[0], INSTANCE));
    let size = |reply: &Reply, kind: &str| {
        assert_eq!((reply.status, reply.header("content-type")), (200, kind), "{}", reply.text());
        if kind == "image/png" {
            let side = |at: usize| u32::from_be_bytes(reply.body[at..at + 4].try_into().unwrap()) as usize;
            return (side(16), side(20));
        }
        let image = decode_foreign(&reply.body, None).unwrap();
        (image.luma.width(), image.luma.height())
    };
    let get = |path: &str| server.get(&format!("{instance}/{path}"));
    assert_eq!(size(&get("rendered"), "image/jpeg"), (301, 200));
    assert_eq!(size(&get("rendered?viewport=100,100"), "image/jpeg"), (100, 66));
    assert_eq!(size(&get("rendered?viewport=100,100&accept=image/png"), "image/png"), (100, 66));
    assert_eq!(size(&get("thumbnail"), "image/jpeg"), (256, 170));
    assert_eq!(size(&get("frames/1/rendered"), "image/jpeg"), (64, 64));
    assert_eq!(size(&get("frames/20/rendered?accept=image/png"), "image/png"), (64, 64));
    let above = series.split("/series").next().unwrap();
    assert_eq!(size(&server.get(&format!("{above}/thumbnail?viewport=90,60")), "image/jpeg"), (90, 60));
    assert_eq!(size(&server.get(&format!("{series}/thumbnail")), "image/jpeg"), (256, 170));
    let path = &value(&metadata[0], "00480105")["00282000"];
    let address =
        path["BulkDataURI"].as_str().unwrap().strip_prefix(&format!("http://{}", server.address)).unwrap();
    let profile = parts(&server.get(address)).remove(0).body;
    assert_eq!(&profile[36..40], b"acsp");
    assert!(server.request("GET", address, &[("Accept", "application/octet-stream")]).body == profile);
}
