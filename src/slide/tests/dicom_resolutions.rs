//! The same plane in every resolution of a DICOM slide, and what is no resolution of it.

use super::dicom_files::*;
use super::dicoms::selected;
use super::*;
use dicom_core::VR;
use dicom_dictionary_std::{tags, uids};
use std::path::Path;

const EXPLICIT: &str = uids::EXPLICIT_VR_LITTLE_ENDIAN;

/// Gray images of one tile, each plane of one value. The full size is 32 x 32, and those of other sizes have the pixel spacing for it.
fn gray(side: u32, values: &[u8]) -> DicomFile {
    let frames = values.iter().map(|&value| vec![value; 32 * 32]).collect();
    let factor = 32.0 / f64::from(side);
    DicomFile {
        spacing: (0.0005 * factor, 0.00025 * factor),
        ..DicomFile::of(side, side, 32, 1, EXPLICIT, frames)
    }
}

fn of_path(side: u32, path: &'static str, value: u8) -> DicomFile {
    DicomFile { paths: vec![path], instance: format!("1.2.3.2.{side}.{value}"), ..gray(side, &[value]) }
}

/// The first pixel of every resolution.
fn values(slide: &Slide) -> Vec<u8> {
    let Access::Random(pixels) = &slide.access else { unreachable!() };
    let channels = usize::from(slide.info.channels);
    let value = |level| {
        let mut out = vec![0; channels];
        pixels.read_level(level, Region { x: 0, y: 0, width: 1, height: 1 }, &mut out).unwrap();
        out
    };
    (0..slide.info.levels.len()).flat_map(value).collect()
}

/// Sizes and warnings.
fn told(path: &Path) -> (Vec<(u32, u32)>, String) {
    let info = Slide::open(path, &built_in()).unwrap().info;
    (info.levels, info.warnings.join("; "))
}

#[test]
fn a_channels_number_is_its_optical_path_in_every_resolution_and_whichever_file_is_given() {
    let folder = tempfile::tempdir().unwrap();
    let files =
        [("a", 32, "DAPI", 60), ("b", 32, "FITC", 200), ("c", 16, "FITC", 201), ("d", 16, "DAPI", 61)];
    let write = |(name, side, path, value): (&str, u32, &'static str, u8)| {
        of_path(side, path, value).write(folder.path(), name)
    };
    for path in files.map(write) {
        let error = selected(&path, &[], None).unwrap_err().to_string();
        assert!(error.contains("2 channels: 0 DAPI, 1 FITC"), "{error}");
        assert_eq!(values(&selected(&path, &[0], None).unwrap()), [60, 61]);
        assert_eq!(values(&selected(&path, &[1], None).unwrap()), [200, 201]);
        assert_eq!(values(&selected(&path, &[0, 1], None).unwrap()), [60, 200, 0, 61, 201, 0]);
    }
    // One file lists them in another order, or lacks one.
    let folder = tempfile::tempdir().unwrap();
    let full = DicomFile { paths: vec!["DAPI", "FITC"], ..gray(32, &[60, 200]) }.write(folder.path(), "1");
    DicomFile { paths: vec!["FITC", "DAPI"], ..gray(16, &[201, 61]) }.write(folder.path(), "2");
    of_path(8, "FITC", 202).write(folder.path(), "3");
    let slide = selected(&full, &[0], None).unwrap();
    assert_eq!((values(&slide), slide.info.levels), (vec![60, 61], vec![(32, 32), (16, 16)]));
    let why = "its resolution of 8x8 lacks the optical path \"DAPI\" and was left out";
    assert_eq!(slide.info.warnings, [why]);
    assert_eq!(values(&selected(&full, &[1], None).unwrap()), [200, 201, 202]);
    let slide = selected(&full, &[0, 1], None).unwrap();
    assert_eq!((values(&slide), slide.info.warnings), (vec![60, 200, 0, 61, 201, 0], vec![why.to_string()]));
    // A path that the finest resolution lacks, and one that is not named.
    let folder = tempfile::tempdir().unwrap();
    let full = of_path(32, "DAPI", 60).write(folder.path(), "1");
    of_path(16, "FITC", 201).write(folder.path(), "2");
    let (levels, warnings) = told(&full);
    assert!(levels.len() == 1 && warnings.contains("\"FITC\" is not in the finest resolution"), "{warnings}");
    DicomFile { paths: vec![], ..of_path(16, "", 61) }.write(folder.path(), "2");
    assert_eq!(told(&full), (vec![(32, 32), (16, 16)], String::new()));
}

#[test]
fn a_path_that_all_frames_share_is_theirs() {
    let folder = tempfile::tempdir().unwrap();
    let both = DicomFile { paths: vec!["DAPI", "FITC"], ..gray(32, &[60, 200]) };
    let path = both.write(folder.path(), "1");
    let shared = DicomFile {
        paths: vec!["DAPI", "FITC"],
        places: Some(vec![(1, 1, 0.0, "")]),
        shared_path: Some("FITC"),
        ..gray(16, &[201])
    };
    shared.write(folder.path(), "2");
    assert_eq!(values(&selected(&path, &[0], None).unwrap()), [60]);
    assert_eq!(values(&selected(&path, &[1], None).unwrap()), [200, 201]);
}

#[test]
fn a_focal_plane_is_the_same_depth_in_every_resolution() {
    let folder = tempfile::tempdir().unwrap();
    let planes = |side, values: &[u8]| DicomFile { planes: values.len() as u32, ..gray(side, values) };
    let path = planes(32, &[10, 11, 12, 13, 14]).write(folder.path(), "1");
    planes(16, &[20, 21, 22]).write(folder.path(), "2");
    planes(8, &[30, 31, 32, 33, 34]).write(folder.path(), "3");
    let slide = selected(&path, &[], Some(2)).unwrap();
    assert_eq!(values(&slide), [12, 32], "the depths are unknown");
    assert_eq!(slide.info.warnings, ["its resolution of 16x16 has other focal planes and was left out"]);
    let at = |depths: &[f64]| Some(depths.iter().map(|&z| (1, 1, z, "1")).collect());
    let deep = |side, depths: &[f64], values: &[u8]| DicomFile { places: at(depths), ..gray(side, values) };
    deep(32, &[0.0, 0.001, 0.002, 0.003, 0.004], &[10, 11, 12, 13, 14]).write(folder.path(), "1");
    deep(16, &[0.0, 0.002, 0.0040001], &[20, 21, 22]).write(folder.path(), "2");
    deep(8, &[0.001, 0.002, 0.003, 0.004, 0.005], &[30, 31, 32, 33, 34]).write(folder.path(), "3");
    deep(4, &[0.003], &[40]).write(folder.path(), "4");
    for (z, want) in
        [(0, &[10, 20][..]), (1, &[11, 30]), (2, &[12, 21, 31]), (3, &[13, 32, 40]), (4, &[14, 22, 33])]
    {
        assert_eq!(values(&selected(&path, &[], Some(z)).unwrap()), want, "{z}");
    }
}

#[test]
fn images_that_are_no_smaller_copies_are_no_resolutions() {
    let folder = tempfile::tempdir().unwrap();
    let uid = |file: DicomFile, uid: &str| file.with(tags::PYRAMID_UID, VR::UI, uid);
    let full = uid(gray(32, &[1]), "1.2.3.7").write(folder.path(), "1");
    let long = DicomFile { size: (16, 30), ..gray(16, &[2]) };
    let near = DicomFile { size: (31, 31), instance: "1.2.3.2.31".into(), ..gray(32, &[2]) };
    let part = DicomFile { spacing: (0.0005, 0.00025), ..gray(16, &[2]) };
    let wide = DicomFile { spacing: (0.001, 0.00025), ..gray(16, &[2]) };
    let hole = DicomFile { places: Some(vec![]), frames: vec![], ..gray(16, &[]) };
    for (file, why) in [
        (long, "16x30 has other proportions than 32x32"),
        (near, "31x31 has other proportions than 32x32"),
        (part, "16x16 has a pixel spacing that does not fit its size"),
        (wide, "16x16 has a pixel spacing that does not fit its size"),
        (uid(gray(16, &[2]), "1.2.3.8"), "16x16 belongs to another pyramid (Pyramid UID)"),
        (hole, "16x16 lacks tiles that the finest one has"),
    ] {
        file.write(folder.path(), "2");
        let (levels, warnings) = told(&full);
        assert!(
            levels == [(32, 32)] && warnings == format!("its resolution of {why} and was left out"),
            "{why}: {levels:?}, {warnings}"
        );
    }
    for (side, file) in [
        (16, uid(gray(16, &[2]), "1.2.3.7")),
        (15, gray(15, &[2])),
        (20, gray(20, &[2])),
        (16, DicomFile { spacing: (0.00101, 0.0005), ..gray(16, &[2]) }),
    ] {
        file.write(folder.path(), "2");
        assert_eq!(told(&full), (vec![(32, 32), (side, side)], String::new()));
    }
}

#[test]
fn tiles_that_are_missing_in_all_resolutions_are_no_difference() {
    let folder = tempfile::tempdir().unwrap();
    let tiles = |side: u32, places: Vec<Place>| DicomFile {
        frames: vec![vec![5; 64]; places.len()],
        places: Some(places),
        tile: (8, 8),
        ..gray(side, &[])
    };
    // The right half is empty.
    let left = (0..4).flat_map(|y| [1, 9].map(|x| (x, 1 + 8 * y, 0.0, "1"))).collect();
    let path = tiles(32, left).write(folder.path(), "1");
    tiles(16, vec![(1, 1, 0.0, "1"), (1, 9, 0.0, "1")]).write(folder.path(), "2");
    assert_eq!(told(&path).0, [(32, 32), (16, 16)]);
    tiles(16, vec![(1, 1, 0.0, "1")]).write(folder.path(), "2");
    assert_eq!(told(&path).0, [(32, 32)]);
}
