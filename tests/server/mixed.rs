//! A folder as archives have it: slides of every kind among files that are broken, locked or nothing.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;
use tiff::encoder::{TiffEncoder, colortype};
use tiff::tags::Tag;

use crate::folders::{api, is_served, names};
use crate::kit::dicom::write_dicom;
use crate::kit::image::Image;
use crate::kit::jpeg::baseline;
use crate::kit::pipeline::{encode_to, tree_source};
use crate::kit::slides::tree;
use crate::kit::trees::{Layout as Tiling, write_other_tree, write_tree, zip_tree};
use crate::running::{Running, as_a_user};
use crate::tiffs::{ome, write_pages};
use origami::encode::EncodeOptions;
use origami::image::ycc::Sampling;
use origami::params::EncodeParams;
use origami::pyramid::tree::Layout;
use origami::slide::openslide_library;

/// As Aperio's scanners describe a slide.
pub const APERIO: &str =
    "Aperio Image Library v11.2.1\r\n700x520 [0,0 700x520] (256x256)|AppMag = 20|MPP = 0.5";

/// An SVS, as far as its reader needs one: a TIFF with Aperio's description.
fn write_svs(path: &Path, image: &Image) {
    let mut file = fs::File::create(path).unwrap();
    let mut encoder = TiffEncoder::new(&mut file).unwrap();
    let mut page = encoder.new_image::<colortype::RGB8>(image.width as u32, image.height as u32).unwrap();
    page.encoder().write_tag(Tag::ImageDescription, APERIO).unwrap();
    page.write_data(&image.data).unwrap();
}

/// An NDPI of one page, a JPEG: its directory lies at an offset of 64 bits, and Hamamatsu's tags mark it.
pub fn write_ndpi(path: &Path, image: &Image) {
    let jpeg = baseline(image, Sampling::S420);
    let mut file = b"II*\0\0\0\0\0\0\0\0\0".to_vec();
    file.extend(&jpeg);
    let density = file.len() as u32;
    file.extend([40_000_u32, 1].iter().flat_map(|n| n.to_le_bytes()));
    let (width, height) = (image.width as u32, image.height as u32);
    let entries: [(u16, u16, u32); 12] = [
        (256, 4, width),
        (257, 4, height),
        (259, 3, 7),
        (273, 4, 12),
        (278, 4, height),
        (279, 4, jpeg.len() as u32),
        (282, 5, density),
        (283, 5, density),
        (296, 3, 3),
        (65_420, 3, 1),
        (65_421, 11, 20_f32.to_bits()),
        (65_424, 9, 0),
    ];
    let at = file.len() as u64;
    file[4..12].copy_from_slice(&at.to_le_bytes());
    file.extend((entries.len() as u16).to_le_bytes());
    for (tag, kind, value) in entries {
        file.extend(tag.to_le_bytes());
        file.extend(kind.to_le_bytes());
        file.extend(1_u32.to_le_bytes());
        file.extend(value.to_le_bytes());
    }
    file.extend(0_u64.to_le_bytes());
    // The upper halves of the values.
    file.extend([0; 4 * 12]);
    fs::write(path, file).unwrap();
}

#[test]
fn a_folder_of_everything_is_served_for_what_is_good_and_names_the_rest_once() {
    let root = tempfile::tempdir().unwrap();
    let path = |name: &str| root.path().join(name);
    let image = |seed: u64| Image::cells(700, 520, seed);
    write_svs(&path("a.svs"), &image(1));
    write_ndpi(&path("b.ndpi"), &image(2));
    fs::create_dir_all(path("series")).unwrap();
    write_dicom(&path("series/1.dcm"), &image(3), "1.2.3.4", 1);
    write_dicom(&path("series/2.dcm"), &image(3).halved(), "1.2.3.4", 2);
    tree(&path("in/deep-zoom"), 700, 520, 64, 4);
    write_other_tree(&path("in/zoomify"), Layout::Zoomify, &image(5), 64);
    let tiling = Tiling { tile: 64, overlap: 0, format: "jpg" };
    let code = |_, part: &Image| baseline(part, Sampling::S420);
    let dzi = write_tree(&path("work/x"), "scan", &image(6), tiling, &|id, part| code(id, part));
    zip_tree(&dzi, &path("in/zip.szi"));
    let dzi = tree(&path("work/y"), 700, 520, 64, 7);
    let out =
        encode_to(tree_source(&dzi), &path("work/y"), &EncodeParams::default(), &EncodeOptions::default());
    fs::rename(out.unwrap().bundle, path("in/encoded.bundle")).unwrap();
    fs::remove_dir_all(path("work")).unwrap();
    let channels: Vec<_> = (8..11).map(|seed| image(seed).to_gray()).collect();
    write_pages(&path("in/channels.tif"), &channels, &ome(&["DAPI", "FITC", "Cy5"], 1));
    // What is not served.
    fs::write(path("broken.svs"), "II*\0 and nothing").unwrap();
    fs::create_dir(path("locked")).unwrap();
    write_svs(&path("locked/x.svs"), &image(1));
    fs::create_dir(path("nothing")).unwrap();
    fs::write(path("notes.txt"), "no slide").unwrap();
    let may = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    may(root.path(), 0o755);
    may(&path("locked"), 0);

    let copy = tempfile::tempdir().unwrap();
    let server = Running::of(&mut as_a_user(&path("locked"), copy.path()), root.path(), &[]);
    let mut good = vec![
        ("a", image(1), 256),
        ("in%2Fchannels", channels[0].clone(), 256),
        ("in%2Fdeep-zoom", image(4), 64),
        ("in%2Fencoded", image(7), 64),
        ("in%2Fzip", image(6), 64),
        ("in%2Fzoomify", image(5), 64),
        ("series", image(3), 256),
    ];
    let mut bad =
        vec![("broken.svs", "TIFF"), ("locked", "Permission denied"), ("nothing", "no slide in it")];
    match openslide_library() {
        Ok(_) => good.insert(1, ("b", image(2), 256)),
        Err(reason) => {
            println!("SKIPPED: the pixels of b.ndpi: {reason}");
            bad.insert(0, ("b.ndpi", "OpenSlide"));
        }
    }
    let listed: Vec<_> = good.iter().map(|(name, ..)| name.replace("%2F", "/")).collect();
    assert_eq!(names(&server), listed, "{}", api(&server, "/api/slides")["skipped"]);
    for (name, image, tile) in &good {
        is_served(&server, name, image, *tile, 25.0);
    }
    let described = api(&server, "/api/slides/a");
    assert_eq!((&described["objective_power"], &described["scanner"]), (&20.0.into(), &"Aperio".into()));
    // A scanned slide has the bytes of its files, a tree has many.
    let bytes =
        |files: &[&str]| files.iter().map(|name| fs::metadata(path(name)).unwrap().len()).sum::<u64>();
    for (name, files) in [
        ("a", &["a.svs"][..]),
        ("series", &["series/1.dcm", "series/2.dcm"]),
        ("in%2Fchannels", &["in/channels.tif"]),
        ("in%2Fencoded", &["in/encoded.bundle"]),
    ] {
        assert_eq!(api(&server, &format!("/api/slides/{name}"))["stored_bytes"], bytes(files), "{name}");
    }
    assert!(api(&server, "/api/slides/in%2Fdeep-zoom")["stored_bytes"].is_null());
    for name in ["a", "in%2Fencoded", "in%2Fdeep-zoom"] {
        assert!(api(&server, &format!("/api/slides/{name}"))["source_bytes"].is_null(), "{name}");
    }
    assert_eq!(api(&server, "/api/slides/in%2Fchannels")["view"], "channel=0");
    let second = api(&server, "/api/slides/in%2Fchannels?channel=1");
    assert_eq!(second["planes"]["shown"]["channels"][0], 1);
    let list = api(&server, "/api/slides");
    let skipped: Vec<_> = list["skipped"].as_array().unwrap().iter().map(told).collect();
    assert_eq!(skipped.len(), bad.len(), "{skipped:?}");
    for ((path, reason), (name, says)) in skipped.iter().zip(&bad) {
        assert!(path == name && reason.contains(says), "{path}: {reason}");
    }
    let (_, log) = server.terminate();
    assert_eq!(log.matches("broken.svs").count(), 1, "{log}");
    may(&path("locked"), 0o755);
}

/// Path and reason of what is not served.
fn told(skipped: &Value) -> (String, String) {
    let text = |key: &str| skipped[key].as_str().unwrap().to_string();
    (text("path"), text("reason"))
}
