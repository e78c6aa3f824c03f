//! What is found in files that are made here.

use std::fs;

use super::held::fields;
use super::tiff::of_tiff;
use super::{Held, dicom, of_archive, of_slide, of_tree};
use crate::archive::{Archive, AssociatedImage};
use crate::backend::CpuBackend;
use crate::backend::scheduler::Scheduler;
use crate::codec::{ImageEncoder, JpegEncoder, encode_png};
use crate::encode::{EncodeOptions, encode};
use crate::image::plane::Plane;
use crate::image::ycc::Ycc;
use crate::params::EncodeParams;
use crate::pyramid::TileMetadata;
use crate::pyramid::dzi::Descriptor;
use crate::pyramid::source::Source;
use crate::pyramid::tree::{Missing, Tree};
use crate::slide::{OpenOptions, OpenSlideUse};

const COMMENT: &[u8] = b"\xFF\xFE\x00\x0EPatient 4711";

fn jpeg(side: usize, segment: &[u8]) -> Vec<u8> {
    let gray = Ycc::gray(Plane::filled(side, side, 90));
    let plain = JpegEncoder::new().unwrap().encode(gray.view(), 90.into()).unwrap();
    [&plain[..2], segment, &plain[2..]].concat()
}

fn find<'a>(held: &'a [Held], what: &str) -> &'a Held {
    held.iter().find(|held| held.what == what).unwrap_or_else(|| panic!("{what} in {held:#?}"))
}

/// A TIFF of `pages`, each with one text in a tag, as bytes.
fn tiff(pages: &[(u16, &str)]) -> Vec<u8> {
    let mut file = b"II*\0\x08\0\0\0".to_vec();
    for (page, (tag, text)) in pages.iter().enumerate() {
        let at = file.len() as u32;
        let value = at + 2 + 12 + 4;
        let next = if page + 1 < pages.len() { value + text.len() as u32 } else { 0 };
        file.extend([1, 0]);
        file.extend(tag.to_le_bytes());
        file.extend([2, 0]);
        file.extend((text.len() as u32).to_le_bytes());
        file.extend(value.to_le_bytes());
        file.extend(next.to_le_bytes());
        file.extend(text.as_bytes());
    }
    file
}

#[test]
fn identifying_fields_of_descriptions_are_named_and_others_are_not() {
    let description = "Aperio|AppMag = 20|ScanScope ID = CPAPERIOCS|Filename = CMU-1|Date = 12/29/09|MPP = 0.499|ImageID = 1";
    let names: Vec<_> = fields("D", "page 0", description).into_iter().map(|held| held.what).collect();
    assert_eq!(names, ["D: ScanScope ID", "D: Filename", "D: Date", "D: ImageID"]);
}

#[test]
fn directories_of_a_tiff_are_searched_to_the_last() {
    let file = tiff(&[
        (270, "Aperio|User = hoffmann|AppMag = 20"),
        (305, "scanner 1"),
        (65449, "NDP.S/N=12\r\nx=1"),
    ]);
    let held = of_tiff(&file);
    assert_eq!(find(&held, "ImageDescription: User").text.as_deref(), Some("hoffmann"));
    assert_eq!(find(&held, "Software").place, "page 1, tag 305");
    assert_eq!(find(&held, "NDPI scanner properties: NDP.S/N").text.as_deref(), Some("12"));
    // A file that ends anywhere, and directories that link in a loop, end the search.
    for end in 0..file.len() {
        assert!(of_tiff(&file[..end].to_vec()).len() <= held.len());
    }
    let mut looped = tiff(&[(305, "a scanner")]);
    looped[22..26].copy_from_slice(&8u32.to_le_bytes());
    assert!(of_tiff(&looped).len() <= 1000);
}

#[test]
fn attributes_of_a_dicom_file_are_listed_also_in_sequences() {
    let element = |group: u16, number: u16, vr: &[u8; 2], value: &[u8]| {
        let length = (value.len() as u16).to_le_bytes();
        [&group.to_le_bytes(), &number.to_le_bytes(), &vr[..], &length, value].concat()
    };
    let mut file = vec![0; 128];
    file.extend(b"DICM");
    file.extend(element(2, 0x10, b"UI", b"1.2.840.10008.1.2.1\0"));
    file.extend(element(0x10, 0x10, b"PN", b"Doe^Jane"));
    file.extend(element(0x10, 0x20, b"LO", b""));
    file.extend([0x40, 0, 0x60, 5, b'S', b'Q', 0, 0, 0xFF, 0xFF, 0xFF, 0xFF]);
    file.extend([0xFE, 0xFF, 0, 0xE0, 0xFF, 0xFF, 0xFF, 0xFF]);
    file.extend(element(0x40, 0x551, b"LO", b"S-77"));
    let held = dicom::of_dicom(&file);
    let found: Vec<_> = held.iter().map(|held| (held.what.as_str(), held.text.as_deref())).collect();
    assert_eq!(found, [("PatientName", Some("Doe^Jane")), ("SpecimenIdentifier", Some("S-77"))]);
    for end in 0..file.len() {
        assert!(dicom::of_dicom(&file[..end]).len() <= 2);
    }
}

#[test]
fn images_trees_and_lossless_bundles_show_comments_of_their_tiles() {
    let dir = tempfile::tempdir().unwrap();
    let image = dir.path().join("image.jpg");
    fs::write(&image, jpeg(64, COMMENT)).unwrap();
    let options = OpenOptions { openslide: OpenSlideUse::Never, ..OpenOptions::default() };
    let held = of_slide(&image, &options).unwrap();
    assert_eq!(find(&held, "a comment").text.as_deref(), Some("Patient 4711"));
    assert_eq!(find(&held, "file name").text.as_deref(), Some("image.jpg"));

    for level in 0..=4 {
        let (folder, side) = (dir.path().join(format!("slide_files/{level}")), 1usize << level);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("0_0.jpg"), jpeg(side, COMMENT)).unwrap();
    }
    fs::write(dir.path().join("slide_files/vips-properties.xml"), "<x/>").unwrap();
    let descriptor = Descriptor { width: 16, height: 16, tile: 16, overlap: 0, format: "jpg".into() };
    fs::write(dir.path().join("slide.dzi"), descriptor.to_xml()).unwrap();
    let tree = || Tree::open(dir.path(), Missing::Refuse).unwrap();
    let held = of_tree(&tree()).unwrap();
    assert_eq!(held.iter().filter(|held| held.what == "a comment").count(), 5);
    assert_eq!(find(&held, "metadata of the slide").bytes, 4);

    let bundle = |originals: bool, tile_metadata| {
        let params = EncodeParams { originals, ..EncodeParams::default() };
        let options = EncodeOptions { tile_metadata, ..EncodeOptions::default() };
        let (mut source, scheduler) = (Source::Tree(Box::new(tree())), Scheduler::new(1).unwrap());
        let made =
            encode(&mut source, dir.path(), &params, &options, &CpuBackend::new(), &scheduler, &|_| {});
        made.map(|report| Archive::open(&report.bundle).unwrap())
    };
    let comments = |archive: &Archive| {
        of_archive(archive)
            .unwrap()
            .iter()
            .filter(|held| held.what == "a comment")
            .map(|held| held.count)
            .sum::<u64>()
    };
    let refused = bundle(true, TileMetadata::Refuse).err().unwrap().to_string();
    assert!(refused.contains("tile 4/0_0 holds a comment (16 bytes)"), "{refused}");
    // Levels 0, 1, 2 and 4 are stored.
    let kept = bundle(true, TileMetadata::Keep).unwrap();
    assert_eq!((comments(&kept), kept.meta().source.tile_metadata.as_deref()), (4, Some("kept")));
    let stripped = bundle(true, TileMetadata::Strip).unwrap();
    assert_eq!((comments(&stripped), stripped.meta().source.tile_metadata.as_deref()), (0, Some("stripped")));
    let predicted = bundle(false, TileMetadata::Refuse).unwrap();
    assert_eq!((comments(&predicted), predicted.meta().source.tile_metadata.as_deref()), (0, None));
}

#[test]
fn texts_of_a_png_are_listed() {
    let plain = encode_png(&[1, 2, 3], 3, 1, 1).unwrap();
    let chunk = [&[0, 0, 0, 9][..], b"tEXt", b"Name\0Jane", &[0; 4]].concat();
    let png = [&plain[..33], &chunk, &plain[33..]].concat();
    let found = super::png::chunks(&png);
    assert_eq!(found, [("PNG tEXt".to_string(), 9, Some("Name: Jane".to_string()))]);
    assert!(super::png::chunks(&plain).is_empty() && super::png::chunks(&png[..40]).is_empty());
}

#[test]
fn an_associated_image_survives_its_text() {
    let image = AssociatedImage::new("label", b"\x89PNG...");
    assert_eq!((image.name.as_str(), image.bytes().as_deref()), ("label", Some(&b"\x89PNG..."[..])));
    assert_eq!(AssociatedImage { png: "?".into(), ..image }.bytes(), None);
}
