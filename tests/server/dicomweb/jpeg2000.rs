//! Slides of JPEG 2000 in a lossless bundle: their frames are sent as they are stored, under the type and transfer syntax of what they are.

use std::fs;

use serde_json::Value;

use super::multipart::{find, parts};
use super::{INSTANCE, NOBODY, json, series_of, text, value};
use crate::kit::jpeg2000::{codestream, tiff};
use crate::kit::program::{arg, origami};
use crate::running::Running;

const JPEG: &str = "1.2.840.10008.1.2.4.50";
const JPEG2000: &str = "1.2.840.10008.1.2.4.91";

#[test]
fn codestreams_are_passed_on_and_named_as_what_they_are() {
    let (root, work) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    // YCbCr of Aperio, RGB of Aperio, the number that is registered.
    for (compression, photometric) in [(33003, "YBR_FULL_422"), (33005, "RGB"), (34712, "RGB")] {
        let tiles: Vec<_> = (0..6).map(|i| codestream(3, &format!("Kakadu-{compression}-{i}"))).collect();
        let slide = work.path().join(format!("{compression}.svs"));
        fs::write(&slide, tiff(150, 100, compression, &tiles)).unwrap();
        let out = work.path().join(compression.to_string());
        origami(&["encode", "-q", arg(&slide), "--out", arg(&out), "--preset", "lossless"]).ok();
        let bundle = root.path().join(format!("s{compression}.bundle"));
        fs::copy(out.join("residual_packs/residuals.bundle"), &bundle).unwrap();
        let given = NOBODY.replace('{', &format!("{{\"PatientID\": \"{compression}\", "));
        fs::write(bundle.with_extension("dicom.json"), given).unwrap();
        let server = Running::start(root.path(), &["--dicomweb", "--no-prefetch"]);
        let series = series_of(&server, &format!("PatientID={compression}"));
        let metadata = json(&server.get(&format!("{series}/metadata")));
        let [full, half, ..] = &metadata.as_array().unwrap()[..] else { panic!("{metadata}") };
        let told = |of: &Value| [text(of, "00083002"), text(of, "00280004")].map(str::to_string);
        assert_eq!(told(full), [JPEG2000, photometric], "{compression}");
        assert_eq!(text(full, "00282114"), "ISO_15444_1", "{compression}: how it was compressed");
        assert_eq!(told(half), [JPEG, "YBR_FULL_422"], "{compression}: L1 is made by the server");
        let instance = format!("{series}/instances/{}", text(full, INSTANCE));
        let ask = |path: &str, accept: &str| {
            server.request("GET", &format!("{instance}/{path}"), &[("Accept", accept)])
        };
        let (image, octets) = (
            format!("image/jp2; transfer-syntax={JPEG2000}"),
            format!("application/octet-stream; transfer-syntax={JPEG2000}"),
        );
        // Twice: made, and of the cache.
        for (number, want) in (1..).zip(&tiles).chain((1..).zip(&tiles)) {
            let frame = format!("frames/{number}");
            let [part] = &parts(&server.get(&format!("{instance}/{frame}")))[..] else { panic!("one part") };
            assert_eq!((part.kind(), part.body == *want), (image.as_str(), true), "{compression} {frame}");
            for (accept, kind) in [
                ("image/jp2", &image),
                (&image, &image),
                ("image/jpeg, image/jp2;q=0.5", &image),
                ("application/octet-stream; transfer-syntax=*", &octets),
                (&octets, &octets),
            ] {
                let reply = ask(&frame, accept);
                assert_eq!((reply.status, reply.header("content-type")), (200, kind.as_str()), "{accept}");
                assert!(reply.body == *want, "{compression} {frame} as {accept}");
            }
        }
        let several = parts(&ask("frames/6,1", "multipart/related; type=\"image/jp2\""));
        assert!(several.len() == 2 && several[0].body == tiles[5] && several[1].body == tiles[0]);
        let all = parts(&ask(
            "bulkdata/pixels",
            "multipart/related; type=\"application/octet-stream\"; transfer-syntax=*",
        ));
        assert!(all.iter().map(|part| &part.body).eq(&tiles) && all[0].kind() == octets);
        for accept in [
            "image/jpeg",
            "multipart/related; type=\"image/jpeg\"",
            &format!("multipart/related; type=\"image/jp2\"; transfer-syntax={JPEG}"),
            "multipart/related; type=\"application/octet-stream\"",
        ] {
            let reply = ask("frames/1", accept);
            let told: Value = serde_json::from_slice(&reply.body).unwrap();
            let told = told["error"].as_str().unwrap();
            assert!(
                reply.status == 406 && told.contains("image/jp2") && told.contains(JPEG2000),
                "{accept}: {told}"
            );
        }
        // Browsers show none.
        for (accept, magic) in [("image/jpeg", &b"\xFF\xD8"[..]), ("image/png", b"\x89PNG")] {
            let shown = ask("frames/6/rendered", accept);
            assert!(shown.status == 200 && shown.body.starts_with(magic), "{compression} {accept}");
        }
        // A whole instance, and the file of `convert`.
        let alone = server.request("GET", &instance, &[("Accept", "application/dicom")]);
        let syntax = format!("application/dicom; transfer-syntax={JPEG2000}");
        assert_eq!((alone.status, alone.header("content-type")), (200, syntax.as_str()));
        let to = work.path().join(format!("{compression}.dicom"));
        let given = bundle.with_extension("dicom.json");
        origami(&["convert", arg(&bundle), "--to", "dicom", "--out", arg(&to), "--attributes", arg(&given)])
            .ok();
        let file = fs::read(to.join("level-0.dcm")).unwrap();
        for part in tiles.iter().chain([&text(full, INSTANCE).as_bytes().to_vec(), &JPEG2000.into()]) {
            assert!(find(&file, part).is_some() && find(&alone.body, part).is_some(), "{compression}");
        }
        assert_eq!(value(full, "00280008"), 6);
    }
}
