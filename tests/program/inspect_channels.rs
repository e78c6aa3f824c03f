//! `inspect` of a slide of several channels, without a choice.

use std::fs::File;

use serde_json::Value;
use tiff::encoder::{TiffEncoder, colortype::Gray8};

use crate::kit::program::{arg, origami};

#[test]
fn channels_are_listed_where_none_was_chosen() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("channels.tif");
    let mut encoder = TiffEncoder::new(File::create(&path).unwrap()).unwrap();
    for value in [10, 20, 30] {
        encoder.write_image::<Gray8>(40, 30, &[value; 1200]).unwrap();
    }
    drop(encoder);
    let said = origami(&["inspect", arg(&path), "--openslide", "never"]).ok().stdout;
    assert!(said.contains("3: 0, 1, 2; to choose with --channel") && said.contains("40x30"), "{said}");
    let object = |flags: &[&str]| -> Value {
        let said = origami(&[&["inspect", arg(&path), "--openslide", "never", "--json"], flags].concat())
            .ok()
            .stdout;
        serde_json::from_str(&said).unwrap()
    };
    let all = object(&[]);
    assert_eq!(all["channels_to_choose"], serde_json::json!(["0", "1", "2"]));
    let one = object(&["--channel", "1"]);
    assert_eq!(one["channels_to_choose"], serde_json::json!([]));
    let identity = |value: &Value| value["identity"].as_str().unwrap().to_string();
    assert_eq!(identity(&one), identity(&all) + "-c1", "no choice, no mark of one");
    let fails = origami(&["encode", "--slide", arg(&path), "--out", arg(dir.path()), "--openslide", "never"]);
    fails.ends(2, &["3 channels", "--channel"]);
}
