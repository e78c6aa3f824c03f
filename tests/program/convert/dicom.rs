//! To DICOM, read by `dicom-object`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::{compare_planes, convert};
use crate::kit::files::{contents, no_leftovers};
use crate::kit::image::Image;
use crate::kit::jpeg::baseline;
use crate::kit::program::{arg, decoded};
use crate::kit::slides::{encode_tree, tree, write_png};
use crate::kit::trees::{Layout, write_tree};
use origami::codec::decode_foreign;
use origami::image::geometry::{Geometry, TileId};
use origami::image::ycc::Sampling;
use origami::params::EncodeParams;
use origami::slide::{OpenOptions, Slide};
/// The frames of an instance, as its basic offset table has them.
pub fn frames(path: &Path) -> Vec<Vec<u8>> {
    let object = dicom_object::open_file(path).unwrap();
    let pixels = object.element(dicom_dictionary_std::tags::PIXEL_DATA).unwrap();
    pixels.fragments().unwrap().to_vec()
}

/// The values of an attribute as a text.
pub fn attribute(path: &Path, name: &str) -> String {
    let object = dicom_object::open_file(path).unwrap();
    object
        .element_by_name(name)
        .unwrap_or_else(|e| panic!("{name}: {e}"))
        .to_str()
        .unwrap()
        .trim()
        .to_string()
}

const GIVEN: &str = r#"{
    "PatientName": "Müller^Jane", "PatientID": "4711", "AccessionNumber": "S24-1", "StudyDate": "20240131",
    "ContainerIdentifier": "S24-1-A1", "SpecimenIdentifier": "S24-1-A", "Manufacturer": "Maker", "ManufacturerModelName": "M1",
    "DeviceSerialNumber": 17, "SoftwareVersions": ["1.0", "2.0"], "PixelSpacing": [0.0005, 0.00025], "SliceThickness": 0.004,
    "AcquisitionDateTime": "20240131101500", "ContentDate": "20240131", "ContentTime": "101500", "FocusMethod": "MANUAL",
    "ExtendedDepthOfField": "NO", "BurnedInAnnotation": "NO", "SpecimenLabelInImage": "NO", "VolumetricProperties": "VOLUME",
    "ImageOrientationSlide": [0, -1, 0, -1, 0, 0],
    "IlluminationTypeCodeSequence": {"CodeValue": "111744", "CodingSchemeDesignator": "DCM", "CodeMeaning": "Brightfield illumination"},
    "IlluminationColorCodeSequence": [{"CodeValue": "414298005", "CodingSchemeDesignator": "SCT", "CodeMeaning": "Full Spectrum"}]
}"#;

#[test]
fn dicom_of_a_bundle_has_the_tiles_that_decode_writes_and_what_it_is_given() {
    let dir = tempfile::tempdir().unwrap();
    let given = dir.path().join("given.json");
    fs::write(&given, GIVEN).unwrap();
    for (width, height, tile) in [(333, 270, 64), (97, 64, 48), (5, 3, 16)] {
        let case = format!("{width}x{height} in tiles of {tile}");
        let work = dir.path().join(format!("{width}"));
        let bundle = encode_tree(
            &tree(&work.join("tree"), width, height, tile, 1),
            &work.join("out"),
            &EncodeParams::default(),
        );
        let out = work.join("slide.dicom");
        convert(&bundle, "dicom", &out, &["--attributes", arg(&given), "--strict"]).ok();
        let want: BTreeMap<_, _> = decoded(&bundle, &["--icc", "none"]).into_iter().collect();
        let geometry = Geometry::new(width as u32, height as u32, tile).unwrap();
        let levels = fs::read_dir(&out).unwrap().count() as u32;
        for down in 0..levels {
            let (level, file) = (geometry.top_level() - down, out.join(format!("level-{down}.dcm")));
            let (columns, rows) = geometry.tiles(level);
            let frames = frames(&file);
            assert_eq!(frames.len() as u32, columns * rows, "{case}: level {level}");
            assert_eq!((columns, rows) == (1, 1), down + 1 == levels, "{case}: the last level is one frame");
            let (across, tall) = geometry.level_size(level);
            assert_eq!(attribute(&file, "TotalPixelMatrixColumns"), across.to_string(), "{case}");
            assert_eq!(attribute(&file, "TotalPixelMatrixRows"), tall.to_string(), "{case}");
            for (number, frame) in frames.iter().enumerate() {
                let (x, y) = (number as u32 % columns, number as u32 / columns);
                let case = format!("{case}: {level}/{x}_{y}");
                let tile_of = &want[&format!("{level}/{x}_{y}.jpg")];
                let rect = geometry.tile_rect(TileId { level, x, y }).unwrap();
                if (rect.width, rect.height) == (tile, tile) {
                    // A frame of an odd number of bytes has a zero behind it.
                    assert!(
                        frame.starts_with(tile_of) && frame.len() - tile_of.len() < 2,
                        "{case}: other bytes"
                    );
                } else {
                    let side = tile as usize;
                    let padded = decode_foreign(frame, Some((side, side))).unwrap();
                    compare_planes(&case, &decode_foreign(tile_of, None).unwrap(), &padded);
                }
            }
        }
        let finest = out.join("level-0.dcm");
        for (name, value) in [
            ("PatientName", "Müller^Jane"),
            ("DeviceSerialNumber", "17"),
            ("SoftwareVersions", "1.0\\2.0"),
            ("StudyDate", "20240131"),
            ("PatientSex", ""),
            ("FocusMethod", "MANUAL"),
            ("PhotometricInterpretation", "YBR_FULL_422"),
        ] {
            assert_eq!(attribute(&finest, name), value, "{case}: {name}");
        }
        // Our own reader sees one slide of that size and scale, and gives the tiles back.
        let slide = Slide::open(&finest, &OpenOptions::default()).unwrap();
        assert_eq!((slide.info.width as usize, slide.info.height as usize), (width, height), "{case}");
        assert_eq!(slide.info.microns_per_pixel, Some((0.25, 0.5)), "{case}");
        // The same again is the same bytes; another quality has other UIDs.
        let again = work.join("again.dicom");
        convert(&bundle, "dicom", &again, &["--attributes", arg(&given)]).ok();
        assert_eq!(contents(&out), contents(&again), "{case}");
        let other = work.join("other.dicom");
        convert(&bundle, "dicom", &other, &["--attributes", arg(&given), "--quality", "80"]).ok();
        for down in 0..levels {
            let name = format!("level-{down}.dcm");
            for uid in ["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"] {
                let [usual, coarser] = [&out, &other].map(|at| attribute(&at.join(&name), uid));
                assert!(coarser.starts_with("2.25.") && usual != coarser, "{case}: {name}: {uid} {usual}");
            }
        }
    }
}

#[test]
fn a_scanner_that_is_known_is_no_placeholder_and_what_is_given_wins() {
    let dir = tempfile::tempdir().unwrap();
    let layout = Layout { tile: 48, overlap: 0, format: "jpg" };
    let image = Image::tissue(97, 64, 8);
    let dzi = write_tree(dir.path(), "a", &image, layout, &|_, part| baseline(part, Sampling::S420));
    let sidecar = |scanner: Option<&str>| {
        let text =
            json!({"generator": "origami 0.1.0", "microns_per_pixel": [0.25, 0.25], "scanner": scanner});
        fs::write(dir.path().join("a.json"), text.to_string()).unwrap();
    };
    let given = dir.path().join("given.json");
    fs::write(&given, r#"{"Manufacturer": "Maker"}"#).unwrap();
    let known = Some("Leica Biosystems GT450");
    let mut series = BTreeSet::new();
    for (name, scanner, flags, maker, model, assumed) in [
        ("known", known, &[][..], "Leica Biosystems", "GT450", [false, false]),
        ("given", known, &["--attributes", arg(&given)][..], "Maker", "GT450", [false, false]),
        ("maker", Some("Leica"), &[][..], "Leica", "UNKNOWN", [false, true]),
        ("model", Some("X1"), &[][..], "UNKNOWN", "X1", [true, false]),
        ("none", None, &[][..], "UNKNOWN", "UNKNOWN", [true, true]),
    ] {
        sidecar(scanner);
        let out = dir.path().join(format!("{name}.dicom"));
        let said = convert(&dzi, "dicom", &out, &[flags, &["--json"]].concat()).ok().stdout;
        let json: Value = serde_json::from_str(&said).unwrap();
        let told = ["Manufacturer", "ManufacturerModelName"].map(|of| json["placeholders"].get(of).is_some());
        assert_eq!(told, assumed, "{name}: {said}");
        let file = out.join("level-0.dcm");
        let [own_maker, own_model] = ["Manufacturer", "ManufacturerModelName"].map(|of| attribute(&file, of));
        assert_eq!((&*own_maker, &*own_model), (maker, model), "{name}");
        series.insert(attribute(&file, "SeriesInstanceUID"));
    }
    assert_eq!(series.len(), 1, "UIDs are made of what decides the frames");
}

#[test]
fn what_dicom_demands_and_nobody_knows_is_told_or_refused() {
    let dir = tempfile::tempdir().unwrap();
    let png = dir.path().join("a.png");
    write_png(&png, 70, 50, 3);
    let out = dir.path().join("a.dicom");
    convert(&png, "dicom", &out, &[]).fails(&["a.png", "how large its pixels are", "PixelSpacing"]);
    assert!(!out.exists());
    let given = dir.path().join("given.json");
    let with = |text: &str, extra: &[&str]| {
        fs::write(&given, text).unwrap();
        convert(&png, "dicom", &out, &[&["--attributes", arg(&given)], extra].concat())
    };
    for (text, says) in [
        ("[]", "no JSON object"),
        ("{", "no JSON"),
        (r#"{"PatientNam": "x"}"#, "no such keyword"),
        (r#"{"Rows": 5, "PixelSpacing": [1, 1]}"#, "computed from the pixels"),
        (r#"{"StudyDate": "31.1.2024"}"#, "YYYYMMDD"),
        (r#"{"StudyInstanceUID": "one"}"#, "no UID"),
        (r#"{"PixelSpacing": [1]}"#, "two lengths in millimetres"),
        (r#"{"PixelData": "AA"}"#, "cannot be given"),
        (r#"{"SpecimenDescriptionSequence": []}"#, "a sequence or binary data"),
        (r#"{"IlluminationTypeCodeSequence": {"CodeValue": "1"}}"#, "CodingSchemeDesignator"),
        (r#"{"PatientID": {"a": 1}}"#, "a text, a number or a list"),
        (r#"{"TransferSyntaxUID": "1.2.840.10008.1.2.1"}"#, "how the file is written"),
        (r#"{"MediaStorageSOPInstanceUID": "1.2.3"}"#, "how the file is written"),
        (r#"{"ImageOrientationSlide": [0, -1]}"#, "it has 6 values, and 2 are given"),
        (r#"{"PatientID": ["1", "2"]}"#, "it has 1 value, and 2 are given"),
        (r#"{"BurnedInAnnotation": "MAYBE"}"#, "is not one of its values: YES, NO"),
        (r#"{"StudyDate": "20240231"}"#, "no date"),
    ] {
        with(text, &[]).fails(&["given.json", says]);
        assert!(!out.exists(), "{text}");
    }
    with(r#"{"PixelSpacing": [0.0005, 0.0005]}"#, &["--strict"]).fails(&[
        "a.png",
        "Manufacturer",
        "allow placeholders",
    ]);
    assert!(!out.exists());
    let said = with(r#"{"PixelSpacing": [0.0005, 0.0005], "Manufacturer": "Maker"}"#, &["--json"]).ok();
    let json: Value = serde_json::from_str(&said.stdout).unwrap();
    let placeholders = json["placeholders"].as_object().unwrap();
    assert_eq!(placeholders["ManufacturerModelName"], "UNKNOWN");
    assert_eq!(placeholders["ICCProfile"], "sRGB");
    assert!(!placeholders.contains_key("Manufacturer"));
    convert(&png, "tiff", &dir.path().join("a.tiff"), &["--strict"]).refused(&["--to dicom"]);
    no_leftovers(dir.path());
}
