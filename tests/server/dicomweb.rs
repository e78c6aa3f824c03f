//! DICOMweb: searches, attributes, frames and whole instances, against the tiles of the same server and the files of `convert`.

mod multipart;
mod refused;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use dicom_core::header::Header;
use serde_json::Value;

use self::multipart::{find, parts};
use crate::kit::compare::planes;
use crate::kit::image::Image;
use crate::kit::jpeg::baseline;
use crate::kit::program::{arg, origami};
use crate::kit::slides::{encode_tree, tree};
use crate::kit::trees::{Layout, write_tree};
use crate::running::{Reply, Running, wait_until};
use crate::tiffs::write_tiff;
use origami::codec::decode_foreign;
use origami::image::geometry::Geometry;
use origami::image::ycc::Sampling;
use origami::params::EncodeParams;

const JANE: &str = r#"{"PixelSpacing": [0.0005, 0.00025], "PatientName": "DOE^JANE", "PatientID": "4711", "StudyDate": "20240131",
    "AccessionNumber": "S24-1", "SeriesDescription": "HE"}"#;
const JOHN: &str = r#"{"PixelSpacing": [0.0005, 0.0005], "PatientName": "Müller^John", "PatientID": "4712", "StudyDate": "20240229"}"#;
const NOBODY: &str = r#"{"PixelSpacing": [0.001, 0.001]}"#;

/// Name, size and tile of the slides that are served.
const SLIDES: [(&str, (u32, u32), u32); 3] =
    [("case/lossless", (301, 200), 64), ("plain", (333, 270), 64), ("scan", (700, 300), 256)];

/// A root with a slide of each kind, and some that are no instances.
struct Site {
    root: tempfile::TempDir,
}

impl Site {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let (at, work) = (|name: &str| root.path().join(name), tempfile::tempdir().unwrap());
        fs::create_dir_all(at("case")).unwrap();
        let dzi = tree(&work.path().join("tree"), 333, 270, 64, 1);
        fs::copy(encode_tree(&dzi, &work.path().join("plain"), &EncodeParams::default()), at("plain.bundle"))
            .unwrap();
        fs::write(at("plain.dicom.json"), JANE).unwrap();
        let layout = Layout { tile: 64, overlap: 0, format: "jpg" };
        let code = |_, part: &Image| baseline(part, Sampling::S420);
        write_tree(&work.path().join("own"), "baseline_pyramid", &Image::tissue(301, 200, 3), layout, &code);
        let (from, to) = (work.path().join("own"), work.path().join("lossless"));
        origami(&["encode", "-q", "--pyramid", arg(&from), "--out", arg(&to), "--preset", "lossless"]).ok();
        fs::copy(to.join("residual_packs/residuals.bundle"), at("case/lossless.bundle")).unwrap();
        fs::write(at("case/lossless.dicom.json"), JOHN).unwrap();
        write_tiff(&at("scan.tiff"), &Image::tissue(700, 300, 5), None);
        fs::write(at("scan.dicom.json"), NOBODY).unwrap();
        // Without a scale, and a tree.
        let dzi = tree(&work.path().join("small"), 60, 50, 32, 4);
        fs::copy(encode_tree(&dzi, &work.path().join("out"), &EncodeParams::default()), at("noscale.bundle"))
            .unwrap();
        tree(&at("a tree"), 60, 50, 32, 6);
        Self { root }
    }

    fn start(&self, flags: &[&str]) -> Running {
        Running::start(self.root.path(), &[&["--dicomweb", "--no-prefetch"], flags].concat())
    }

    fn file(&self, name: &str) -> PathBuf {
        let extension = if name == "scan" { "tiff" } else { "bundle" };
        self.root.path().join(format!("{name}.{extension}"))
    }

    /// The slide as `convert` writes it.
    fn converted(&self, name: &str, out: &Path, flags: &[&str]) -> PathBuf {
        let (file, to) = (self.file(name), out.join(format!("{}.dicom", name.replace('/', "-"))));
        let given = self.root.path().join(format!("{name}.dicom.json"));
        let args = ["convert", arg(&file), "--to", "dicom", "--out", arg(&to), "--attributes", arg(&given)];
        origami(&[&args[..], flags].concat()).ok();
        to
    }
}

fn json(reply: &Reply) -> Value {
    assert_eq!(
        (reply.status, reply.header("content-type")),
        (200, "application/dicom+json"),
        "{}",
        reply.text()
    );
    serde_json::from_slice(&reply.body).unwrap()
}

/// The first value of an attribute.
fn value<'a>(of: &'a Value, tag: &str) -> &'a Value {
    &of[tag]["Value"][0]
}

fn text<'a>(of: &'a Value, tag: &str) -> &'a str {
    value(of, tag).as_str().unwrap_or("")
}

const STUDY: &str = "0020000D";
const SERIES: &str = "0020000E";
const INSTANCE: &str = "00080018";

/// The path of the series of a patient, as a search gives it.
fn series_of(server: &Running, filter: &str) -> String {
    let found = json(&server.get(&format!("/dicomweb/series?{filter}")));
    assert_eq!(found.as_array().unwrap().len(), 1, "{filter}: {found}");
    format!("/dicomweb/studies/{}/series/{}", text(&found[0], STUDY), text(&found[0], SERIES))
}

fn filter_of(name: &str) -> &'static str {
    match name {
        "plain" => "PatientID=4711",
        "case/lossless" => "PatientID=4712",
        // The last by name.
        _ => "offset=2",
    }
}

#[test]
fn searches_find_what_matches_and_say_what_they_do_not_do() {
    let site = Site::new();
    let server = site.start(&[]);
    let get = |path: &str| server.get(&format!("/dicomweb/{path}"));
    let all = get("studies");
    assert!(all.header("warning").contains("2 slides are left out"), "{:?}", all.headers);
    let all = json(&all);
    assert_eq!(all.as_array().unwrap().len(), 3, "{all}");
    let names: Vec<_> =
        all.as_array().unwrap().iter().map(|of| &value(of, "00100010")["Alphabetic"]).collect();
    assert_eq!(
        names,
        ["Müller^John", "DOE^JANE", ""]
            .map(|name| if name.is_empty() { Value::Null } else { name.into() })
            .iter()
            .collect::<Vec<_>>()
    );
    for of in all.as_array().unwrap() {
        assert_eq!((text(of, "00080061"), text(of, "00080056")), ("SM", "ONLINE"));
        assert_eq!(value(of, "00201206"), 1);
        assert!(text(of, STUDY).starts_with("2.25."));
        let url = text(of, "00081190");
        assert_eq!(url, format!("http://{}/dicomweb/studies/{}", server.address, text(of, STUDY)));
    }
    let count = |path: &str| {
        let reply = get(path);
        if reply.status == 204 { 0 } else { json(&reply).as_array().unwrap().len() }
    };
    for (query, want) in [
        ("studies?PatientID=4711", 1),
        ("studies?PatientID=47*", 2),
        ("studies?PatientID=471%3F", 2),
        ("studies?PatientName=doe*", 1),
        ("studies?PatientName=m%C3%BCller*", 1),
        ("studies?00100020=4712", 1),
        ("studies?StudyDate=20240101-20240201", 1),
        ("studies?StudyDate=20240131-", 2),
        ("studies?StudyDate=20230101", 0),
        ("studies?AccessionNumber=S24-1", 1),
        ("studies?ModalitiesInStudy=SM", 3),
        ("studies?ModalitiesInStudy=CT", 0),
        ("studies?Modality=SM", 3),
        ("studies?PatientName=", 3),
        ("studies?limit=2", 2),
        ("studies?limit=2&offset=2", 1),
        ("studies?limit=2&offset=3", 0),
        ("studies?limit=0", 0),
        ("series?SeriesDescription=H?", 1),
        ("series?Modality=SM&PatientID=4711", 1),
        ("instances?InstanceNumber=1", 3),
        ("instances?InstanceNumber=1&Rows=64", 2),
        ("instances?TotalPixelMatrixColumns=700", 1),
    ] {
        assert_eq!(count(query), want, "{query}");
    }
    let told = get("studies?fuzzymatching=true&PatientName=doe*");
    assert!(told.status == 200 && told.headers.contains_key("warning"), "{told:?}");
    let study = &json(&get("studies?PatientID=4711"))[0];
    let below = format!("studies/{}", text(study, STUDY));
    let series = json(&get(&format!("{below}/series")));
    assert_eq!((series.as_array().unwrap().len(), text(&series[0], "0008103E")), (1, "HE"));
    let instances = json(&get(&format!("{below}/series/{}/instances", text(&series[0], SERIES))));
    assert_eq!(json(&get(&format!("{below}/instances"))), instances);
    assert_eq!(value(&series[0], "00201209"), instances.as_array().unwrap().len());
    assert_eq!(value(study, "00201208"), instances.as_array().unwrap().len());
    let geometry = Geometry::new(333, 270, 64).unwrap();
    for (down, of) in instances.as_array().unwrap().iter().enumerate() {
        let level = geometry.top_level() - down as u32;
        let (columns, rows) = geometry.tiles(level);
        assert_eq!(value(of, "00280008"), columns * rows, "{of}");
        assert_eq!(
            (value(of, "00480006"), value(of, "00480007")),
            (&geometry.level_size(level).0.into(), &geometry.level_size(level).1.into())
        );
        assert_eq!((value(of, "00280010"), value(of, "00200013")), (&64.into(), &(down + 1).into()));
    }
    let more = json(&get("studies?PatientID=4711&includefield=Manufacturer,00200052"));
    assert_eq!(text(&more[0], "00080070"), "UNKNOWN");
    assert!(text(&more[0], "00200052").starts_with("2.25."));
    // What is said beside the slide is looked at for every search.
    fs::write(site.root.path().join("plain.dicom.json"), JANE.replace("4711", "9999")).unwrap();
    assert_eq!((count("studies?PatientID=4711"), count("studies?PatientID=9999")), (0, 1));
    fs::write(site.root.path().join("plain.dicom.json"), "{").unwrap();
    let broken = get("studies?PatientID=9999");
    assert_eq!(broken.status, 204);
    assert!(broken.headers.contains_key("warning"), "a slide that is left out is told");
    let (_, log) = server.terminate();
    assert!(
        log.contains("noscale")
            && log.contains("how large its pixels are")
            && log.contains("plain.dicom.json"),
        "{log}"
    );
}

/// The frames of an instance that `convert` wrote.
fn frames(path: &Path) -> Vec<Vec<u8>> {
    let object = dicom_object::open_file(path).unwrap();
    object.element(dicom_dictionary_std::tags::PIXEL_DATA).unwrap().fragments().unwrap().to_vec()
}

/// All attributes of a file but those of groups 2 and 7FE0, as texts.
fn attributes(path: &Path) -> BTreeMap<String, String> {
    let object = dicom_object::open_file(path).unwrap();
    let named = object
        .iter()
        .filter(|element| element.tag().group() < 0x7FE0 && element.value().primitive().is_some());
    let of = |element: &dicom_object::mem::InMemElement| {
        let tag = element.tag();
        let text = element.to_multi_str().unwrap().join("\\");
        (format!("{:04X}{:04X}", tag.group(), tag.element()), text.trim_end_matches(['\0', ' ']).to_string())
    };
    named.map(of).collect()
}

#[test]
fn frames_uids_and_attributes_are_those_of_convert_and_frames_the_tiles_of_the_server() {
    let (site, out) = (Site::new(), tempfile::tempdir().unwrap());
    for flags in [&[][..], &["--tile-quality", "80"]] {
        let server = site.start(flags);
        for (name, size, tile) in SLIDES {
            let quality = if flags.is_empty() { "95" } else { "80" };
            let files = site.converted(name, &out.path().join(quality), &["--quality", quality]);
            let series = series_of(&server, filter_of(name));
            let geometry = Geometry::new(size.0, size.1, tile).unwrap();
            let metadata = json(&server.get(&format!("{series}/metadata")));
            let metadata = metadata.as_array().unwrap();
            assert_eq!(metadata.len(), fs::read_dir(&files).unwrap().count(), "{name}");
            for (down, of) in metadata.iter().enumerate() {
                let file = files.join(format!("level-{down}.dcm"));
                compare_attributes(&format!("{name} {down} {quality}"), of, &attributes(&file));
                let instance = format!("{series}/instances/{}", text(of, INSTANCE));
                assert_eq!(json(&server.get(&format!("{instance}/metadata")))[0], *of, "{name} {down}");
                let level = geometry.top_level() - down as u32;
                let (columns, _) = geometry.tiles(level);
                for (number, want) in frames(&file).iter().enumerate() {
                    let case = format!("{name} {down} frame {}", number + 1);
                    let reply = server.get(&format!("{instance}/frames/{}", number + 1));
                    let [part] = &parts(&reply)[..] else { panic!("{case}: one part") };
                    assert_eq!(part.kind(), "image/jpeg; transfer-syntax=1.2.840.10008.1.2.4.50");
                    assert!(want.starts_with(&part.body) && want.len() - part.body.len() < 2, "{case}");
                    let (x, y) = (number as u32 % columns, number as u32 / columns);
                    let served = server
                        .get(&format!("/dzi/{}_files/{level}/{x}_{y}.jpg", name.replace('/', "%2F")))
                        .body;
                    compare_tile(&case, &served, &part.body, tile as usize);
                }
            }
        }
    }
}

fn compare_attributes(case: &str, json: &Value, file: &BTreeMap<String, String>) {
    for (tag, want) in file {
        let values = json[tag]["Value"].as_array().cloned().unwrap_or_default();
        let plain = |value: &Value| match value {
            Value::String(text) => text.clone(),
            Value::Object(name) => name["Alphabetic"].as_str().unwrap().to_string(),
            other => other.to_string(),
        };
        let got: Vec<_> = values.iter().map(plain).collect();
        let same = |a: &str, b: &str| {
            a == b
                || a.parse::<f64>()
                    .ok()
                    .zip(b.parse().ok())
                    .is_some_and(|(a, b): (f64, f64)| (a - b).abs() < 1e-9)
        };
        let equal = got.len() == want.split('\\').filter(|text| !text.is_empty()).count()
            && got.iter().zip(want.split('\\')).all(|(a, b)| same(a, b.trim()));
        assert!(equal, "{case}: {tag} is {got:?}, in the file {want:?}");
    }
}

/// A frame is the tile; at an edge its pixels are those of the tile.
fn compare_tile(case: &str, tile: &[u8], frame: &[u8], side: usize) {
    if tile == frame {
        return;
    }
    let (tile, frame) =
        (decode_foreign(tile, None).unwrap(), decode_foreign(frame, Some((side, side))).unwrap());
    assert!((tile.luma.width(), tile.luma.height()) != (side, side), "{case}: other bytes than the tile's");
    for (want, padded) in planes(&tile).into_iter().zip(planes(&frame)) {
        let got = padded.view().part(0, 0, want.width(), want.height()).to_plane();
        assert!(*want == got, "{case}: other pixels than the tile's");
    }
}

#[test]
fn instances_are_sent_whole_as_convert_writes_them() {
    let (site, out) = (Site::new(), tempfile::tempdir().unwrap());
    let server = site.start(&[]);
    const PIXELS: [u8; 6] = [0xE0, 0x7F, 0x10, 0, b'O', b'B'];
    for (name, ..) in SLIDES {
        let files = site.converted(name, out.path(), &[]);
        let series = series_of(&server, filter_of(name));
        let reply = server.get(&series);
        let sent = parts(&reply);
        assert_eq!(sent.len(), fs::read_dir(&files).unwrap().count());
        for (down, part) in sent.iter().enumerate() {
            assert_eq!(part.kind(), "application/dicom; transfer-syntax=1.2.840.10008.1.2.4.50");
            let file = files.join(format!("level-{down}.dcm"));
            let want = fs::read(&file).unwrap();
            let at = find(&want, &PIXELS).unwrap();
            assert!(part.body[..at] == want[..at], "{name} {down}: other bytes before the pixels");
            assert_eq!(
                part.body[at..at + 20],
                [&PIXELS[..], &[0, 0, 255, 255, 255, 255, 0xFE, 0xFF, 0, 0xE0, 0, 0, 0, 0]].concat()
            );
            let copy = out.path().join("copy.dcm");
            fs::write(&copy, &part.body).unwrap();
            assert!(frames(&copy) == frames(&file), "{name} {down}: other frames");
            let instance = format!(
                "{series}/instances/{}",
                text(&json(&server.get(&format!("{series}/metadata")))[down], INSTANCE)
            );
            let alone = server.request("GET", &instance, &[("Accept", "application/dicom")]);
            assert!(alone.status == 200 && alone.body == part.body, "{name} {down}: alone");
            let pixels = parts(&server.get(&format!("{instance}/bulkdata/pixels")));
            let frames = frames(&file);
            assert_eq!(pixels.len(), frames.len());
            assert!(
                pixels.iter().zip(&frames).all(|(part, frame)| frame.starts_with(&part.body)),
                "{name} {down}"
            );
        }
    }
    let study = server.get(series_of(&server, filter_of("plain")).split("/series").next().unwrap());
    assert!(!parts(&study).is_empty());
}

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

#[test]
fn a_search_keeps_no_slide_open_and_copies_are_left_out() {
    let root = tempfile::tempdir().unwrap();
    let work = tempfile::tempdir().unwrap();
    for seed in 0..30 {
        let dzi = tree(&work.path().join(format!("tree{seed}")), 40, 30, 32, seed);
        let bundle = encode_tree(&dzi, &work.path().join(format!("out{seed}")), &EncodeParams::default());
        fs::copy(bundle, root.path().join(format!("s{seed:02}.bundle"))).unwrap();
        fs::write(root.path().join(format!("s{seed:02}.dicom.json")), NOBODY).unwrap();
    }
    let server = Running::start(root.path(), &["--dicomweb"]);
    let count = |path: &str| json(&server.get(path)).as_array().unwrap().len();
    assert_eq!(server.get("/healthz").status, 200);
    let before = server.open_files();
    assert_eq!(count("/dicomweb/studies"), 30);
    assert!(server.open_files() <= before + 4, "{} files are open, {before} before", server.open_files());
    // Two names must not give one instance two patients.
    fs::copy(root.path().join("s00.bundle"), root.path().join("t.bundle")).unwrap();
    fs::write(root.path().join("t.dicom.json"), JANE).unwrap();
    fs::remove_file(root.path().join("s29.bundle")).unwrap();
    wait_until("the copy is not seen", || {
        server.get("/dicomweb/studies").header("warning").contains("1 slide is left out")
    });
    assert_eq!(count("/dicomweb/studies"), 29);
    assert_eq!(server.get("/dicomweb/studies?PatientID=4711").status, 204);
}

#[test]
fn there_is_none_unless_it_is_asked_for() {
    let site = Site::new();
    let server = Running::start(site.root.path(), &[]);
    for path in ["studies", "series", "instances", "studies/1.2/metadata"] {
        assert_eq!(server.get(&format!("/dicomweb/{path}")).status, 404, "{path}");
    }
    let root = site.root.path();
    origami(&[
        "serve",
        "--backend",
        "cpu",
        "--slides-root",
        arg(root),
        "--dicomweb",
        "--output-format",
        "webp",
    ])
    .refused(&["--dicomweb", "JPEG", "--output-format"]);
}
