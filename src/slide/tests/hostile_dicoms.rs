//! Damaged and malicious DICOM files. Each must end in an error, without a large allocation and without a panic.

use super::dicom_files::*;
use super::hostile::refused;
use super::*;

/// A good DICOM slide: RGB, six tiles, sparse.
pub(super) fn dicom() -> DicomFile {
    let mut file = DicomFile::rgb(40, 24, 16, &picture(40, 24, 3));
    let places = (0..6).map(|frame| (frame % 3 * 16 + 1, frame / 3 * 16 + 1, 0.0, "1"));
    file.places = Some(places.collect());
    file
}

#[test]
fn dicoms_with_wrong_numbers() {
    use dicom_core::VR;
    use dicom_dictionary_std::{tags, uids};
    let good = dicom();
    let full = DicomFile { places: None, ..good.clone() };
    let rle = DicomFile { syntax: uids::RLE_LOSSLESS, frames: vec![vec![0; 64]; 6], ..full.clone() };
    let number = |tag, value: u32| good.clone().with(tag, VR::UL, value);
    let count = |file: &DicomFile, text: &str| file.clone().with(tags::NUMBER_OF_FRAMES, VR::IS, text);
    let far = |column, row| {
        let mut file = good.clone();
        file.places.as_mut().unwrap()[2] = (column, row, 0.0, "1");
        file
    };
    let cases = [
        ("no width", number(tags::TOTAL_PIXEL_MATRIX_COLUMNS, 0)),
        ("no tile", good.clone().with(tags::ROWS, VR::US, 0u16)),
        ("frames that are not there", count(&full, "600")),
        ("billions of frames", count(&full, "4294967295")),
        ("fewer frames than tiles", count(&full, "5")),
        ("more positions than frames", count(&good, "5")),
        ("a width of 2^32", full.clone().with(tags::TOTAL_PIXEL_MATRIX_COLUMNS, VR::UL, u32::MAX)),
        ("more fragments than frames", DicomFile { table: Table::Empty, fragments: 3, ..rle.clone() }),
        ("RLE without segments", rle),
        ("a position left of the slide", far(-15, 1)),
        ("a position right of the slide", far(49, 1)),
        ("two frames at one place", far(1, 1)),
        ("2^31 focal planes", full.with(tags::TOTAL_PIXEL_MATRIX_FOCAL_PLANES, VR::UL, 1u32 << 31)),
    ];
    for (what, file) in cases {
        let error = refused("case.dcm", &file.bytes());
        assert!(matches!(error, SlideError::Corrupt { format: "DICOM", .. }), "{what}: {error}");
    }
    let giant = good.with(tags::ROWS, VR::US, 65535u16).with(tags::COLUMNS, VR::US, 65535u16);
    assert!(matches!(refused("giant.dcm", &giant.bytes()), SlideError::TooLarge { .. }));
}

#[test]
fn dicoms_cut_anywhere_are_errors() {
    let good = dicom().bytes();
    let folder = tempfile::tempdir().unwrap();
    // The last byte may be padding.
    for length in (1..good.len() - 1).step_by(7) {
        let cut = open_bytes(folder.path(), "a.dcm", &good[..length], &built_in());
        let error = cut.and_then(|mut slide| read_all(&mut slide)).expect_err("cut");
        assert!(
            matches!(error, SlideError::Corrupt { .. } | SlideError::Unsupported { .. }),
            "{length}: {error}"
        );
    }
}

#[test]
fn dicom_sequences_of_any_depth_and_size_end_in_an_error() {
    let element = |tag: u16, vr: &[u8; 2], length: u32| {
        [&0x0040u16.to_le_bytes()[..], &tag.to_le_bytes(), vr, &[0, 0], &length.to_le_bytes()].concat()
    };
    let item = [0xFE, 0xFF, 0x00, 0xE0, 0xFF, 0xFF, 0xFF, 0xFF];
    let deep = [element(0x0555, b"SQ", u32::MAX), item.to_vec()].concat().repeat(100_000);
    let cases = [
        ("a hundred thousand levels", deep),
        ("a sequence longer than the file", element(0x0555, b"SQ", 1 << 30)),
        ("a value longer than the file", element(0x0555, b"UN", 1 << 30)),
        ("an end of nothing", vec![0xFE, 0xFF, 0x0D, 0xE0, 0, 0, 0, 0]),
        ("an item of nothing", item.to_vec()),
        (
            "an end without an item",
            [element(0x0555, b"SQ", u32::MAX), vec![0xFE, 0xFF, 0x0D, 0xE0, 0, 0, 0, 0], item.to_vec()]
                .concat(),
        ),
    ];
    let good = dicom().bytes();
    // After the file meta information, before the data set.
    let group_bytes = u32::from_le_bytes(good[140..144].try_into().unwrap()) as usize;
    for (what, hostile) in cases {
        let mut bytes = good.clone();
        bytes.splice(144 + group_bytes..144 + group_bytes, hostile);
        let error = refused("case.dcm", &bytes);
        assert!(matches!(error, SlideError::Corrupt { format: "DICOM", .. }), "{what}: {error}");
    }
}

#[test]
fn offset_tables_that_cannot_be_right_are_not_believed() {
    use dicom_dictionary_std::uids;
    let pixels = picture(32, 16, 1);
    let frames: Vec<_> = tiles(32, 16, 16, 1, &pixels);
    // A literal run for each half.
    let rle = |frame: &Vec<u8>| {
        let mut stored = [vec![1u8, 0, 0, 0, 64], vec![0; 59]].concat();
        frame.chunks(128).for_each(|run| stored.extend([&[127], run].concat()));
        stored
    };
    let stored: Vec<_> = frames.iter().map(rle).collect();
    let file = DicomFile::of(32, 16, 16, 1, uids::RLE_LOSSLESS, stored);
    let good = file.bytes();
    let folder = tempfile::tempdir().unwrap();
    assert!(super::pixels(folder.path(), "a.dcm", &good).unwrap() == pixels);
    let pixel_data = good.windows(4).position(|tag| tag == [0xE0, 0x7F, 0x10, 0x00]).unwrap();
    // After the element's header and that of the table's item: two offsets.
    let table = pixel_data + 12 + 8;
    for offsets in [[0u32, 0], [8, 0], [u32::MAX; 2], [0, u32::MAX]] {
        let mut bytes = good.clone();
        bytes[table..table + 4].copy_from_slice(&offsets[0].to_le_bytes());
        bytes[table + 4..table + 8].copy_from_slice(&offsets[1].to_le_bytes());
        assert!(super::pixels(folder.path(), "a.dcm", &bytes).unwrap() == pixels, "{offsets:?}");
    }
    // One that rises, but points between fragments.
    let mut bytes = good;
    bytes[table + 4..table + 8].copy_from_slice(&100u32.to_le_bytes());
    assert!(matches!(refused("a.dcm", &bytes), SlideError::Corrupt { .. }));
}

#[cfg(feature = "jpegls")]
#[test]
fn random_damage_of_jpeg_ls_frames_never_panics() {
    use charls::{CharLS, FrameInfo, InterleaveMode};
    use dicom_dictionary_std::uids;
    let folder = tempfile::tempdir().unwrap();
    let mut random = 0x9E37_79B9_7F4A_7C15_u64;
    for (mode, times) in
        [(InterleaveMode::None, 20), (InterleaveMode::Line, 20), (InterleaveMode::Sample, 300)]
    {
        let mut coder = CharLS::default();
        coder.set_interleave_mode(mode).unwrap();
        let info = FrameInfo { width: 32, height: 32, bits_per_sample: 8, component_count: 3 };
        let good = coder.encode(info, 0, &picture(32, 32, 3)).unwrap();
        for _ in 0..times {
            let mut frame = good.clone();
            for _ in 0..3 {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                // Half of the damage is in the header.
                let range = if random & 1 == 0 { 60 } else { frame.len() };
                frame[(random >> 8) as usize % range] = (random >> 40) as u8;
            }
            let file = DicomFile::of(32, 32, 32, 3, uids::JPEGLS_LOSSLESS, vec![frame]);
            let _ = open_bytes(folder.path(), "a.dcm", &file.bytes(), &limited(16 << 20))
                .and_then(|mut slide| read_all(&mut slide));
        }
    }
}

#[test]
fn optical_paths_take_no_more_memory_than_there_is() {
    // 200 profiles of 64 KiB.
    let mut file = DicomFile { profile: Some(vec![0; 64 << 10]), ..dicom() };
    file.paths = vec!["1"; 200];
    let folder = tempfile::tempdir().unwrap();
    let path = file.write(folder.path(), "a.dcm");
    let open = |max_memory_bytes| Slide::open(&path, &OpenOptions { max_memory_bytes, ..built_in() });
    let error = open(8 << 20).unwrap_err();
    assert!(
        matches!(error, SlideError::TooLarge { .. }) && error.to_string().contains("optical paths"),
        "{error}"
    );
    let beyond = open(64 << 20);
    assert!(!matches!(beyond, Err(SlideError::TooLarge { .. })), "{beyond:?}");
}
