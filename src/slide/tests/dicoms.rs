//! DICOM slides: every way to store the same picture gives the same pixels, and what is not the slide stays out.

use super::dicom_files::*;
use super::*;
use dicom_core::VR;
use dicom_core::dicom_value;
use dicom_core::value::PrimitiveValue;
use dicom_dictionary_std::{tags, uids};
use std::path::Path;

pub(super) const SIZE: (u32, u32) = (50, 35);

pub(super) fn read(path: &Path) -> Vec<u8> {
    read_all(&mut Slide::open(path, &built_in()).unwrap()).unwrap()
}

pub(super) fn selected(path: &Path, channels: &[u32], z: Option<u32>) -> Result<Slide, SlideError> {
    let selection = Selection { channels: channels.to_vec(), z, ..Selection::default() };
    Slide::open(path, &OpenOptions { selection, ..built_in() })
}

/// A frame with a literal segment for each plane.
pub(super) fn rle(frame: &[u8], planes: usize) -> Vec<u8> {
    let segment = |plane: usize| {
        let bytes: Vec<u8> = frame.iter().skip(plane).step_by(planes).copied().collect();
        bytes.chunks(128).flat_map(|run| [&[run.len() as u8 - 1], run].concat()).collect::<Vec<u8>>()
    };
    let segments: Vec<_> = (0..planes).map(segment).collect();
    let mut header = vec![planes as u32];
    let mut at = 64;
    for segment in &segments {
        header.push(at);
        at += segment.len() as u32;
    }
    header.resize(16, 0);
    [header.iter().flat_map(|number| number.to_le_bytes()).collect(), segments.concat()].concat()
}

pub(super) fn jpeg_frames(pixels: &[u8]) -> Vec<Vec<u8>> {
    let encode = |frame: Vec<u8>| encode_jpeg(&frame, 16, 3, JpegKind::Baseline);
    tiles(SIZE.0, SIZE.1, 16, 3, pixels).into_iter().map(encode).collect()
}

#[test]
fn every_way_to_store_the_same_pixels_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let pixels = picture(SIZE.0, SIZE.1, 3);
    let rgb = DicomFile::rgb(SIZE.0, SIZE.1, 16, &pixels);
    let planes = |frame: &Vec<u8>| {
        (0..3).flat_map(|c| frame.iter().skip(c).step_by(3).copied().collect::<Vec<_>>()).collect::<Vec<u8>>()
    };
    let coded = |table, fragments| DicomFile {
        syntax: uids::RLE_LOSSLESS,
        frames: rgb.frames.iter().map(|frame| rle(frame, 3)).collect(),
        table,
        fragments,
        ..rgb.clone()
    };
    let cases = [
        ("explicit", rgb.clone()),
        ("implicit", DicomFile { syntax: uids::IMPLICIT_VR_LITTLE_ENDIAN, ..rgb.clone() }),
        ("planar", DicomFile { planar: 1, frames: rgb.frames.iter().map(planes).collect(), ..rgb.clone() }),
        ("RLE, basic offset table", coded(Table::Basic, 1)),
        ("RLE, extended offset table", coded(Table::Extended, 1)),
        ("RLE, no table", coded(Table::Empty, 1)),
        ("RLE, fragments", coded(Table::Basic, 3)),
    ];
    for (what, file) in cases {
        assert!(read(&file.write(folder.path(), "a.dcm")) == pixels, "{what}");
    }
    let gray = picture(SIZE.0, SIZE.1, 1);
    let mut file = DicomFile::of(
        SIZE.0,
        SIZE.1,
        16,
        1,
        uids::EXPLICIT_VR_LITTLE_ENDIAN,
        tiles(SIZE.0, SIZE.1, 16, 1, &gray),
    );
    assert!(read(&file.write(folder.path(), "a.dcm")) == gray);
    file.photometric = "MONOCHROME1";
    let inverted: Vec<u8> = gray.iter().map(|sample| !sample).collect();
    assert!(read(&file.write(folder.path(), "a.dcm")) == inverted);
}

#[test]
fn ycbcr_without_coding_becomes_rgb() {
    let folder = tempfile::tempdir().unwrap();
    let full = DicomFile {
        photometric: "YBR_FULL",
        ..DicomFile::of(
            2,
            1,
            2,
            3,
            uids::EXPLICIT_VR_LITTLE_ENDIAN,
            vec![vec![76, 85, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0]],
        )
    };
    assert_eq!(read(&full.write(folder.path(), "a.dcm")), [254, 0, 0, 76, 255, 28]);
    let frame = vec![10, 20, 128, 128, 30, 40, 128, 128];
    let half = DicomFile { photometric: "YBR_FULL_422", frames: vec![frame], ..full };
    assert_eq!(read(&half.write(folder.path(), "a.dcm")), [10, 10, 10, 20, 20, 20]);
}

#[test]
fn sparse_tiles_lie_where_they_say_and_missing_ones_have_the_recommended_colour() {
    let folder = tempfile::tempdir().unwrap();
    let pixels = picture(32, 32, 3);
    let mut file = DicomFile::rgb(32, 32, 16, &pixels);
    file.frames = vec![file.frames[3].clone(), file.frames[0].clone(), file.frames[2].clone()];
    file.places = Some(vec![(17, 17, 0.0, "1"), (1, 1, 0.0, "1"), (1, 17, 0.0, "1")]);
    let mut slide = Slide::open(&file.write(folder.path(), "a.dcm"), &built_in()).unwrap();
    assert!(
        slide.info.warnings[0].contains("1 tiles are not in the file and are shown white"),
        "{:?}",
        slide.info
    );
    let found = read_all(&mut slide).unwrap();
    for (index, (found, expected)) in found.chunks(3).zip(pixels.chunks(3)).enumerate() {
        let absent = index % 32 >= 16 && index / 32 < 16;
        assert_eq!(found, if absent { &[255; 3] } else { expected }, "pixel {index}");
    }
    // L* 53.6: the middle of sRGB.
    let lab = dicom_value!(U16, [35118, 32896, 32896]);
    let gray = file.clone().with(tags::RECOMMENDED_ABSENT_PIXEL_CIE_LAB_VALUE, VR::US, lab);
    assert_eq!(read(&gray.write(folder.path(), "a.dcm"))[16 * 3..17 * 3], [128; 3]);
    let off =
        DicomFile { places: Some(vec![(18, 17, 0.0, "1"), (1, 1, 0.0, "1"), (1, 17, 0.0, "1")]), ..file };
    let error = Slide::open(&off.write(folder.path(), "a.dcm"), &built_in()).unwrap_err();
    assert!(matches!(error, SlideError::Unsupported { .. }), "{error}");
}

#[test]
fn a_series_is_one_slide_whichever_file_is_given() {
    let folder = tempfile::tempdir().unwrap();
    let (fine, coarse) = (picture(SIZE.0, SIZE.1, 3), picture(25, 18, 3));
    let one = DicomFile { spacing: (0.001, 0.0005), ..DicomFile::rgb(25, 18, 16, &coarse) };
    let one = one.write(folder.path(), "1.dcm");
    DicomFile::rgb(SIZE.0, SIZE.1, 16, &fine).write(folder.path(), "2.dcm");
    let view =
        |shows, width| DicomFile { shows, ..DicomFile::rgb(width, 16, 16, &vec![9; width as usize * 48]) };
    let label = view("LABEL", 400).write(folder.path(), "0-label.dcm");
    view("OVERVIEW", 300).write(folder.path(), "overview");
    view("THUMBNAIL", 16).write(folder.path(), "thumbnail.dcm");
    let other = DicomFile { series: "1.2.3.99", ..DicomFile::rgb(16, 16, 16, &[0; 768]) };
    other.write(folder.path(), "other.dcm");
    std::fs::write(folder.path().join("notes.txt"), "no slide").unwrap();
    for path in [&one, &label] {
        let mut slide = Slide::open(path, &built_in()).unwrap();
        assert_eq!(slide.info.levels, [SIZE, (25, 18)]);
        assert_eq!(slide.info.associated, ["label", "macro", "thumbnail"]);
        assert_eq!((slide.info.format.as_str(), slide.info.tile), ("dicom", Some((16, 16))));
        assert_eq!(slide.info.microns_per_pixel, Some((0.25, 0.5)));
        assert_eq!((slide.info.objective_power, &slide.info.scanner), (Some(20.0), &None));
        assert!(slide.info.warnings.is_empty(), "{:?}", slide.info.warnings);
        assert!(read_all(&mut slide).unwrap() == fine);
        let Access::Random(regions) = &slide.access else { unreachable!() };
        let mut out = vec![0; 25 * 18 * 3];
        regions.read_level(1, Region { x: 0, y: 0, width: 25, height: 18 }, &mut out).unwrap();
        assert!(out == coarse);
        assert!(matches!(
            regions.read_level(2, Region { x: 0, y: 0, width: 1, height: 1 }, &mut [0; 3]),
            Err(SlideError::NoLevel { level: 2, .. })
        ));
        let macro_image = slide.associated_image("macro").unwrap();
        assert_eq!((macro_image.width, macro_image.height, macro_image.rgb[0]), (300, 16, 9));
    }
    let error = Slide::open(folder.path(), &built_in()).unwrap_err().to_string();
    assert!(error.contains("2 series") && error.contains("0-label.dcm, other.dcm"), "{error}");
    std::fs::remove_file(folder.path().join("other.dcm")).unwrap();
    assert_eq!(Slide::open(folder.path(), &built_in()).unwrap().info.levels.len(), 2);
}

#[test]
fn a_label_alone_is_no_slide() {
    let folder = tempfile::tempdir().unwrap();
    let label = DicomFile { shows: "LABEL", ..DicomFile::rgb(16, 16, 16, &[0; 768]) };
    let error = Slide::open(&label.write(folder.path(), "a.dcm"), &built_in()).unwrap_err();
    assert!(error.to_string().contains("only of its label"), "{error}");
}

#[test]
fn a_concatenation_is_one_image_and_a_missing_part_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let pixels = picture(SIZE.0, SIZE.1, 3);
    let whole = DicomFile::rgb(SIZE.0, SIZE.1, 16, &pixels);
    let part = |number: u16, range: std::ops::Range<usize>| DicomFile {
        instance: format!("1.2.3.2.{number}"),
        frames: whole.frames[range.clone()].to_vec(),
        concatenation: Some((number, 3, range.start as u32)),
        ..whole.clone()
    };
    part(3, 9..12).write(folder.path(), "a.dcm");
    part(1, 0..5).write(folder.path(), "b.dcm");
    let middle = part(2, 5..9).write(folder.path(), "c.dcm");
    assert!(read(&middle) == pixels);
    std::fs::remove_file(middle).unwrap();
    let error = Slide::open(&folder.path().join("a.dcm"), &built_in()).unwrap_err();
    assert!(error.to_string().contains("2 of 3 parts are there, and frame 6 is in none"), "{error}");
    // Without the number of frames before a part, the parts have numbers.
    let empty =
        |file: DicomFile| file.with(tags::CONCATENATION_FRAME_OFFSET_NUMBER, VR::UL, PrimitiveValue::Empty);
    empty(part(3, 9..12)).write(folder.path(), "a.dcm");
    let first = empty(part(1, 0..5)).write(folder.path(), "b.dcm");
    let middle = empty(part(2, 5..9)).write(folder.path(), "c.dcm");
    assert!(read(&first) == pixels);
    let number = |number: u16| (tags::IN_CONCATENATION_NUMBER, VR::US, PrimitiveValue::from(number));
    for wrong in [number(1), (tags::IN_CONCATENATION_NUMBER, VR::US, PrimitiveValue::Empty)] {
        let mut file = empty(part(2, 5..9));
        file.extra.push(wrong);
        file.write(folder.path(), "c.dcm");
        let error = Slide::open(&middle, &built_in()).unwrap_err().to_string();
        assert!(error.contains("its order is unknown"), "{error}");
    }
}

#[test]
fn what_is_not_read_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let rgb = DicomFile::rgb(16, 16, 16, &[0; 768]);
    let bits = |bits: u16| (tags::BITS_ALLOCATED, VR::US, PrimitiveValue::from(bits));
    let text = |tag, text: &str| (tag, VR::CS, PrimitiveValue::from(text));
    let cases = [
        (
            "3 samples of 16 bits in 16",
            vec![
                bits(16),
                (tags::BITS_STORED, VR::US, 16u16.into()),
                text(tags::PHOTOMETRIC_INTERPRETATION, "YBR_FULL"),
            ],
        ),
        ("signed samples", vec![(tags::PIXEL_REPRESENTATION, VR::US, 1u16.into())]),
        ("\"PALETTE COLOR\"", vec![text(tags::PHOTOMETRIC_INTERPRETATION, "PALETTE COLOR")]),
        ("CT Image Storage", vec![text(tags::SOP_CLASS_UID, uids::CT_IMAGE_STORAGE)]),
    ];
    for (expected, extra) in cases {
        let error =
            Slide::open(&DicomFile { extra, ..rgb.clone() }.write(folder.path(), "a.dcm"), &built_in())
                .unwrap_err();
        assert!(
            matches!(error, SlideError::Unsupported { .. }) && error.to_string().contains(expected),
            "{error}"
        );
    }
    let htj2k = DicomFile { syntax: uids::HTJ2K_LOSSLESS, ..rgb.clone() }.write(folder.path(), "a.dcm");
    // Also where another file of the slide is given.
    let coarse = DicomFile::rgb(8, 8, 16, &[0; 192]).write(folder.path(), "b.dcm");
    for path in [htj2k, coarse] {
        let error = Slide::open(&path, &built_in()).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("a.dcm: DICOM with the transfer syntax 1.2.840.10008.1.2.4.201 (High-Throughput"),
            "{error}"
        );
    }
}

#[test]
fn profiles_fit_the_pixels_or_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let profile = |space: &[u8; 4]| {
        let mut profile = vec![0; 130];
        profile[3] = 129;
        profile[12..16].copy_from_slice(b"scnr");
        profile[16..20].copy_from_slice(space);
        profile[36..40].copy_from_slice(b"acsp");
        profile
    };
    let open = |bytes: Vec<u8>| {
        let mut file = DicomFile::rgb(16, 16, 16, &[0; 768]);
        file.profile = Some(bytes);
        Slide::open(&file.write(folder.path(), "a.dcm"), &built_in()).unwrap().info
    };
    assert_eq!(open(profile(b"RGB ")).icc_profile.unwrap(), profile(b"RGB ")[..129]);
    for wrong in [profile(b"CMYK"), vec![1; 130], vec![0; 2]] {
        let info = open(wrong);
        assert!(info.icc_profile.is_none() && info.warnings[0].contains("colour profile"), "{info:?}");
    }
}

#[test]
fn the_case_files_have_their_sizes_and_microns() {
    let Some(data) = test_data() else { return };
    let open = |name: &str| Slide::open(&data.join("cases").join(name), &built_in()).unwrap();
    let mut small = open("sm_image.dcm");
    assert_eq!((small.info.width, small.info.height, small.info.channels), (50, 50, 3));
    assert_eq!(read_all(&mut small).unwrap().len(), 7500);
    let jpeg = open("gcp-jpeg.dcm");
    assert_eq!((jpeg.info.width, jpeg.info.height), (957, 715));
    let (across, down) = jpeg.info.microns_per_pixel.unwrap();
    assert!((across - 16.78).abs() < 0.01 && (down - 16.78).abs() < 0.01, "{across} {down}");
    assert_eq!(jpeg.stored_tiles().unwrap().side_px(), 256);
}

#[test]
fn the_scanner_is_its_maker_and_its_model() {
    let folder = tempfile::tempdir().unwrap();
    let named = [(tags::MANUFACTURER, "Leica"), (tags::MANUFACTURER_MODEL_NAME, "GT450 DX")];
    let extra = named.map(|(tag, text)| (tag, VR::LO, PrimitiveValue::from(text))).to_vec();
    let path = DicomFile { extra, ..DicomFile::rgb(16, 16, 16, &[0; 768]) }.write(folder.path(), "a.dcm");
    assert_eq!(Slide::open(&path, &built_in()).unwrap().info.scanner.as_deref(), Some("Leica GT450 DX"));
}
