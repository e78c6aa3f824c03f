//! Tests of the readers through [`Slide::open`], with files made in code.

mod bounds;
mod compressions;
mod depths;
mod dicom_channels;
mod dicom_coded;
mod dicom_files;
mod dicom_resolutions;
mod dicoms;
mod fixtures;
mod hostile;
mod hostile_dicoms;
mod jpegs;
mod levels;
mod meaning;
#[cfg(feature = "openslide")]
mod openslides;
mod pages;
mod planes;
mod pngs;
mod tiff_file;
mod tiffs;

use super::*;
use fixtures::*;
use tiff_file::*;

#[test]
fn files_of_unknown_format_are_refused_with_advice() {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in [("text.txt", &b"hello, slide"[..]), ("short.tif", b"II*")] {
        let error = open_bytes(folder.path(), name, bytes, &built_in()).unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, SlideError::UnknownFormat { .. }), "{text}");
        assert!(text.contains(name) && text.contains("TIFF"), "{text}");
    }
    let empty = open_bytes(folder.path(), "empty.png", b"", &built_in()).unwrap_err();
    assert!(matches!(empty, SlideError::Corrupt { .. }) && empty.to_string().contains("empty"), "{empty}");
    assert!(matches!(Slide::open(&folder.path().join("none"), &built_in()), Err(SlideError::Io { .. })));
    assert!(matches!(Slide::open(folder.path(), &built_in()), Err(SlideError::UnknownFormat { .. })));
}

#[test]
fn a_scanners_extension_is_never_read_as_a_common_format() {
    let folder = tempfile::tempdir().unwrap();
    let jpeg = encode_jpeg(&picture(16, 16, 3), 16, 3, JpegKind::Baseline);
    let error = open_bytes(folder.path(), "thumbnail.mrxs", &jpeg, &built_in()).unwrap_err();
    assert!(matches!(error, SlideError::NeedsOpenSlide { .. }), "{error}");
}

#[test]
fn regions_and_buffers_are_checked() {
    let folder = tempfile::tempdir().unwrap();
    let file = TiffFile::strips(8, 8, 1, picture(8, 8, 1)).bytes();
    let slide = open_bytes(folder.path(), "a.tif", &file, &built_in()).unwrap();
    let Access::Random(regions) = &slide.access else { panic!("TIFF is random access") };
    for (x, y, width, height) in [(1, 0, 8, 8), (0, 8, 1, 1), (u32::MAX, 0, 2, 1), (0, 0, u32::MAX, u32::MAX)]
    {
        let result = regions.read(x, y, width, height, &mut [0; 64]);
        assert!(matches!(result, Err(SlideError::OutOfBounds { .. })), "{x} {y} {width} {height}");
    }
    assert!(matches!(regions.read(0, 0, 8, 8, &mut [0; 63]), Err(SlideError::BufferSize { .. })));
    regions.read(8, 8, 0, 0, &mut []).unwrap();
    assert!(matches!(slide.associated_image("label"), Err(SlideError::NoAssociatedImage { .. })));
}

#[test]
fn formats_that_are_not_read_are_named_with_the_tool_that_converts_them() {
    let folder = tempfile::tempdir().unwrap();
    let tiff = TiffFile::strips(8, 8, 1, vec![5; 64]).bytes();
    let jpeg = encode_jpeg(&picture(16, 16, 3), 16, 3, JpegKind::Baseline);
    for (name, bytes, tool) in [
        ("slide.vsi", tiff.as_slice(), "bfconvert"),
        ("SLIDE.VSI", tiff.as_slice(), "bfconvert"),
        ("slide.bin", b"ZISRAWFILE\0\0\0", "bfconvert"),
        ("slide.czi", jpeg.as_slice(), "bfconvert"),
        ("slide.lif", b"anything", "bfconvert"),
        ("slide.isyntax", b"<DataObject>", "isyntax-to-tiff"),
        ("slide.mds", tiff.as_slice(), "viewer"),
    ] {
        for options in [built_in(), OpenOptions::default()] {
            let error = open_bytes(folder.path(), name, bytes, &options).unwrap_err();
            assert!(matches!(error, SlideError::NotRead { .. }), "{name}: {error}");
            let text = error.to_string();
            assert!(text.contains(tool) && !text.contains("damaged") && text.lines().count() == 1, "{text}");
        }
    }
}
