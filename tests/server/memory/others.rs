//! Bundles with other payloads, trees in a zip file, slides at addresses, frames of DICOMweb.

use std::fs;

use super::{bundle, holds, limit_mib, load, start, takes_no_more};
use crate::kit::image::Image;
use crate::kit::jpeg::baseline;
use crate::kit::pipeline::ready_encoders;
use crate::kit::program::program;
use crate::kit::trees::{Layout, write_tree, zip_tree};
use origami::codec::{BaselineCoder, EncoderKind, Entropy, ResidualCoder};
use origami::image::geometry::Geometry;
use origami::image::ycc::Sampling;
use origami::params::EncodeParams;

#[test]
fn families_of_other_coders() {
    let image = Image::cells(2048, 1536, 3);
    let entropy = Entropy { baseline: BaselineCoder::Huffman, residual: ResidualCoder::Context };
    let (root, geometry) = bundle(&image, 256, &EncodeParams { entropy, ..EncodeParams::default() });
    takes_no_more("bundle with context-coded residuals", root.path(), &geometry, &[], &[]);
    for kind in ready_encoders() {
        if matches!(kind, EncoderKind::Jpegxl | EncoderKind::Webp) {
            let params = EncodeParams { residual_encoder: Some(kind), ..EncodeParams::default() };
            let (root, geometry) = bundle(&image, 256, &params);
            takes_no_more(&format!("bundle with residuals by {kind:?}"), root.path(), &geometry, &[], &[]);
        }
    }
}

#[test]
fn trees_in_a_zip_file() {
    let (root, work) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let layout = Layout { tile: 256, overlap: 0, format: "jpg" };
    let code = |_, part: &Image| baseline(part, Sampling::S420);
    let dzi = write_tree(&work.path().join("tree"), "one", &Image::cells(2048, 1536, 3), layout, &code);
    zip_tree(&dzi, &root.path().join("one.szi"));
    let geometry = Geometry::new(2048, 1536, 256).unwrap();
    takes_no_more("zip file", root.path(), &geometry, &[], &[]);
}

#[cfg(feature = "remote")]
#[test]
fn slides_at_addresses() {
    use std::path::Path;

    /// Blocks of files are kept beside the parts of the sum.
    const BLOCKS_MIB: u64 = 8;
    let store = crate::kit::object_server::ObjectServer::start();
    let (root, geometry) = bundle(&Image::cells(3072, 2048, 3), 256, &EncodeParams::default());
    store.put("b/lab/one.bundle", &fs::read(root.path().join("one.bundle")).unwrap());
    let mut command = program();
    command.envs(store.environment("planted-secret"));
    let flags = ["--block-cache-mb", &BLOCKS_MIB.to_string()];
    let server = start(&mut command, Path::new("s3://b/lab"), &flags);
    assert_eq!(server.get("/api/slides/one").status, 200);
    load(&server, &super::tiles_of("one", &geometry));
    holds("bundle at an address", &server, limit_mib(256, 0) + BLOCKS_MIB);
}

#[test]
fn frames_of_dicomweb() {
    let (root, geometry) = bundle(&Image::cells(2048, 1536, 3), 256, &EncodeParams::default());
    fs::write(root.path().join("one.dicom.json"), r#"{"PixelSpacing": [0.0005, 0.0005]}"#).unwrap();
    let server = start(&mut program(), root.path(), &["--dicomweb"]);
    let found = server.get("/dicomweb/instances?InstanceNumber=1");
    assert_eq!(found.status, 200, "{}", found.text());
    let found: serde_json::Value = serde_json::from_slice(&found.body).unwrap();
    let uid = |tag: &str| found[0][tag]["Value"][0].as_str().unwrap();
    let [study, series, instance] = ["0020000D", "0020000E", "00080018"].map(uid);
    let below = format!("/dicomweb/studies/{study}/series/{series}/instances/{instance}");
    let (columns, rows) = geometry.tiles(geometry.top_level());
    let mut paths: Vec<_> = (1..=columns * rows).map(|number| format!("{below}/frames/{number}")).collect();
    // Several frames in one answer.
    paths.extend((1..columns * rows - 8).map(|first| {
        let list: Vec<_> = (first..first + 8).map(|number| number.to_string()).collect();
        format!("{below}/frames/{}", list.join(","))
    }));
    load(&server, &paths);
    holds("frames of DICOMweb", &server, limit_mib(256, 0));
}
