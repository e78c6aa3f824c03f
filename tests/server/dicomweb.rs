//! DICOMweb: searches, attributes, frames and whole instances, against the tiles of the same server and the files of `convert`.

mod converted;
mod images;
mod jpeg2000;
mod multipart;
mod refused;
mod signed;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::kit::image::Image;
use crate::kit::jpeg::baseline;
use crate::kit::program::{arg, origami};
use crate::kit::slides::{encode_tree, tree};
use crate::kit::trees::{Layout, write_tree};
use crate::running::{Reply, Running, wait_until};
use crate::tiffs::write_tiff;
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
        let sidecar = r#"{"generator": "origami 0.1.0", "scanner": "Leica Biosystems GT450"}"#;
        fs::write(from.join("baseline_pyramid.json"), sidecar).unwrap();
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
    let known = json(&get("studies?PatientID=4712&includefield=Manufacturer,ManufacturerModelName"));
    assert_eq!((text(&known[0], "00080070"), text(&known[0], "00081090")), ("Leica Biosystems", "GT450"));
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
