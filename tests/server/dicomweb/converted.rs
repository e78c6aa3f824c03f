//! Frames, UIDs, attributes and whole instances against the files of `convert` and the tiles of the same server.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use dicom_core::header::Header;
use serde_json::Value;

use super::multipart::{find, parts};
use super::{INSTANCE, SLIDES, Site, filter_of, json, series_of, text};
use crate::kit::compare::planes;
use origami::codec::decode_foreign;
use origami::image::geometry::Geometry;

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
