//! DICOM frames that are coded: JPEG, JPEG 2000, JPEG-LS, deflate.

use super::dicom_files::*;
use super::dicoms::{SIZE, jpeg_frames, read};
use super::*;
use dicom_core::VR;
use dicom_dictionary_std::{tags, uids};

#[test]
fn jpeg_frames_are_decoded_by_their_markers_else_by_the_declaration() {
    let folder = tempfile::tempdir().unwrap();
    let pixels = picture(SIZE.0, SIZE.1, 3);
    let file = DicomFile::of(SIZE.0, SIZE.1, 16, 3, uids::JPEG_BASELINE8_BIT, jpeg_frames(&pixels));
    let declared = |photometric, frames: &[Vec<u8>]| {
        let file = DicomFile { photometric, frames: frames.to_vec(), ..file.clone() };
        let mut slide = Slide::open(&file.write(folder.path(), "a.dcm"), &built_in()).unwrap();
        let warned = slide.info.warnings.iter().any(|text| text.contains("JPEG frames say"));
        (max_difference(&read_all(&mut slide).unwrap(), &pixels), warned)
    };
    let (difference, warned) = declared("YBR_FULL_422", &file.frames);
    assert!(difference <= 6 && !warned);
    // The frames are JFIF, which is YCbCr.
    let (difference, warned) = declared("RGB", &file.frames);
    assert!(difference <= 6 && warned);
    // RGB, with and without the Adobe marker that says so.
    let rgb: Vec<_> = tiles(SIZE.0, SIZE.1, 16, 3, &pixels)
        .iter()
        .map(|frame| encode_jpeg(frame, 16, 3, JpegKind::Rgb))
        .collect();
    let (difference, warned) = declared("YBR_FULL_422", &rgb);
    assert!(difference <= 6 && warned);
    let unmarked: Vec<_> = rgb.iter().map(|jpeg| without_markers(jpeg)).collect();
    let (difference, warned) = declared("RGB", &unmarked);
    assert!(difference <= 6 && !warned);
    assert!(declared("YBR_FULL_422", &unmarked).0 > 50, "the declaration decides");
}

/// A JPEG without its Adobe marker and with components 1, 2, 3.
fn without_markers(jpeg: &[u8]) -> Vec<u8> {
    let mut jpeg = jpeg.to_vec();
    let find = |jpeg: &[u8], marker: u8| jpeg.windows(2).position(|pair| pair == [0xFF, marker]).unwrap();
    let adobe = find(&jpeg, 0xEE);
    jpeg.drain(adobe..adobe + 16);
    let (frame, scan) = (find(&jpeg, 0xC0), find(&jpeg, 0xDA));
    for index in 0..3 {
        jpeg[frame + 10 + 3 * index] = index as u8 + 1;
        jpeg[scan + 5 + 2 * index] = index as u8 + 1;
    }
    jpeg
}

#[test]
fn jpeg_2000_frames_are_decoded() {
    let folder = tempfile::tempdir().unwrap();
    // A picture of 4 x 3 pixels, every one 128.
    let frames = vec![crate::codec::jpeg2000::tests::gray()];
    let mut file = DicomFile::of(4, 3, 4, 1, uids::JPEG2000_LOSSLESS, frames);
    file.tile = (4, 3);
    assert_eq!(read(&file.write(folder.path(), "a.dcm")), [128; 12]);
    file.tile = (4, 4);
    let path = file.write(folder.path(), "a.dcm");
    let error = read_all(&mut Slide::open(&path, &built_in()).unwrap()).unwrap_err().to_string();
    assert!(error.contains("frame 1, tile at column 0, row 0") && error.contains("4x3 pixels"), "{error}");
}

#[cfg(feature = "jpegls")]
#[test]
fn jpeg_ls_frames_of_every_interleaving_are_exact() {
    use charls::{CharLS, FrameInfo, InterleaveMode};
    let folder = tempfile::tempdir().unwrap();
    let encode = |pixels: &[u8], count: i32, mode: InterleaveMode| {
        let mut coder = CharLS::default();
        coder.set_interleave_mode(mode).unwrap();
        let info = FrameInfo { width: 16, height: 16, bits_per_sample: 8, component_count: count };
        coder.encode(info, 0, pixels).unwrap()
    };
    let pixels = picture(16, 16, 3);
    let planes: Vec<u8> = (0..3).flat_map(|c| pixels.iter().skip(c).step_by(3).copied()).collect();
    for (mode, stored) in
        [(InterleaveMode::None, &planes), (InterleaveMode::Line, &pixels), (InterleaveMode::Sample, &pixels)]
    {
        let frame = encode(stored, 3, mode);
        let file = DicomFile::of(16, 16, 16, 3, uids::JPEGLS_LOSSLESS, vec![frame.clone()]);
        assert!(read(&file.write(folder.path(), "a.dcm")) == pixels, "{mode:?}");
        // Data that end too early before the marker: an error at once, where CharLS alone may take half a minute.
        for length in (frame.len() / 4..frame.len() - 40).step_by(frame.len() / 7) {
            let short = [&frame[..length], b"\xFF\xD9"].concat();
            let file = DicomFile::of(16, 16, 16, 3, uids::JPEGLS_LOSSLESS, vec![short]);
            let path = file.write(folder.path(), "a.dcm");
            assert!(read_all(&mut Slide::open(&path, &built_in()).unwrap()).is_err(), "{mode:?}: {length}");
        }
        let cut = frame[..frame.len() / 2].to_vec();
        let file = DicomFile::of(16, 16, 16, 3, uids::JPEGLS_LOSSLESS, vec![cut]);
        let path = file.write(folder.path(), "a.dcm");
        let error = read_all(&mut Slide::open(&path, &built_in()).unwrap()).unwrap_err();
        assert!(error.to_string().contains("it was cut"), "{error}");
    }
    let gray = picture(16, 16, 1);
    let file =
        DicomFile::of(16, 16, 16, 1, uids::JPEGLS_LOSSLESS, vec![encode(&gray, 1, InterleaveMode::None)]);
    assert!(read(&file.write(folder.path(), "a.dcm")) == gray);
}

#[test]
fn jpeg_frames_are_taken_unchanged_and_cropped_at_the_edge() {
    let folder = tempfile::tempdir().unwrap();
    let pixels = picture(SIZE.0, SIZE.1, 3);
    let frames = jpeg_frames(&pixels);
    let file = DicomFile {
        photometric: "YBR_FULL_422",
        ..DicomFile::of(SIZE.0, SIZE.1, 16, 3, uids::JPEG_BASELINE8_BIT, frames.clone())
    };
    let slide = Slide::open(&file.write(folder.path(), "a.dcm"), &built_in()).unwrap();
    let tiles = slide.stored_tiles().unwrap();
    assert_eq!(tiles.side_px(), 16);
    assert!(tiles.tile(1, 0).unwrap().bytes == frames[1], "byte for byte, without padding");
    let corner = tiles.tile(3, 2).unwrap().bytes;
    let size = turbojpeg::decompress(&corner, turbojpeg::PixelFormat::RGB).unwrap();
    assert_eq!((size.width, size.height), (2, 3));
    let rgb = DicomFile::rgb(SIZE.0, SIZE.1, 16, &pixels).write(folder.path(), "a.dcm");
    let slide = Slide::open(&rgb, &built_in()).unwrap();
    assert!(slide.stored_tiles().err().unwrap().contains("neither as JPEG nor as JPEG 2000"));
}

/// Deflate without a zlib header.
fn deflated(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn deflated_files_and_deflated_frames_are_exact() {
    let folder = tempfile::tempdir().unwrap();
    let pixels = picture(SIZE.0, SIZE.1, 3);
    let plain = DicomFile::rgb(SIZE.0, SIZE.1, 16, &pixels);
    let frames: Vec<_> = plain.frames.iter().map(|frame| deflated(frame)).collect();
    let coded = DicomFile { syntax: uids::DEFLATED_IMAGE_FRAME_COMPRESSION, frames, ..plain.clone() };
    assert!(read(&coded.write(folder.path(), "a.dcm")) == pixels);
    let mut cut = coded;
    cut.frames[0].truncate(20);
    let error = read_all(&mut Slide::open(&cut.write(folder.path(), "a.dcm"), &built_in()).unwrap());
    assert!(error.unwrap_err().to_string().contains("frame 1"), "a frame that was cut");
    // The whole data set.
    let path = folder.path().join("a.dcm");
    std::fs::write(&path, deflated_whole(&plain)).unwrap();
    assert!(read(&path) == pixels);
    let small = OpenOptions { max_memory_bytes: 4000, ..built_in() };
    let error = Slide::open(&path, &small).unwrap_err().to_string();
    assert!(error.contains("deflate"), "{error}");
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() - 9]).unwrap();
    let error = Slide::open(&path, &built_in()).unwrap_err().to_string();
    assert!(error.contains("breaks off"), "{error}");
}

/// A file whose data set is deflated. The file meta information stays as it is, but for the syntax that it names.
fn deflated_whole(file: &DicomFile) -> Vec<u8> {
    let bytes = file.bytes();
    let data = bytes.windows(4).position(|tag| tag == [8, 0, 8, 0]).unwrap();
    let meta = &bytes[..data];
    let (from, to) = (b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.1.99");
    let at = meta.windows(from.len()).position(|part| part == from).unwrap();
    let longer = [&meta[..at - 2], &[meta[at - 2] + 2, 0], &to[..], &meta[at + from.len()..]].concat();
    [longer, deflated(&bytes[data..])].concat()
}

#[test]
fn deflated_files_of_a_series_share_a_quarter_of_the_memory() {
    let folder = tempfile::tempdir().unwrap();
    let picture = picture(64, 64, 3);
    let levels = [(64, "a.dcm"), (32, "b.dcm")].map(|(side, name)| {
        let spacing = (0.0005 * f64::from(64 / side), 0.00025 * f64::from(64 / side));
        let file =
            DicomFile { spacing, ..DicomFile::rgb(side, side, 16, &picture[..(side * side * 3) as usize]) };
        std::fs::write(folder.path().join(name), deflated_whole(&file)).unwrap();
        file.bytes().len() as u64
    });
    let open = |bytes: u64| {
        let options = OpenOptions { max_memory_bytes: 4 * bytes, ..built_in() };
        Slide::open(&folder.path().join("a.dcm"), &options).map(|slide| slide.info.levels.len())
    };
    // The syntax is longer than that of the file that is not deflated.
    let both: u64 = levels.iter().sum::<u64>() + 16;
    assert_eq!(open(both).unwrap(), 2);
    // What is left does not hold the head of the second file, or not its pixels.
    let error = open(levels[0] + 16).unwrap_err();
    let is_of_pixels = error.to_string().contains("deflate of more than");
    assert!(is_of_pixels || matches!(error, SlideError::TooLarge { .. }), "{error}");
}

#[test]
fn a_listing_inflates_as_far_as_the_series_and_no_more_than_16_mib() {
    let folder = tempfile::tempdir().unwrap();
    let file = DicomFile::rgb(16, 16, 16, &picture(16, 16, 3));
    // Before the series, by its number.
    let before = |bytes: usize| {
        let zeros = dicom_core::PrimitiveValue::from(vec![0u8; bytes]);
        deflated_whole(&file.clone().with(dicom_core::Tag(0x0009, 0x1001), VR::OB, zeros))
    };
    let path = folder.path().join("a.dcm");
    for (bytes, is_found) in [(0, true), (70 << 10, true), (15 << 20, true), (17 << 20, false)] {
        std::fs::write(&path, before(bytes)).unwrap();
        let found = crate::slide::dicom_files(std::slice::from_ref(&path));
        assert_eq!(
            (found.slides.len(), found.damaged.len()),
            if is_found { (1, 0) } else { (0, 1) },
            "{bytes}"
        );
    }
}

#[test]
fn jpeg_frames_of_12_bits_are_read_through_a_window() {
    let folder = tempfile::tempdir().unwrap();
    let samples: Vec<i16> = (0..256).map(|at| at * 16).collect();
    let frame = crate::codec::encode_deep_jpeg(&samples, (16, 16));
    let file = DicomFile::of(16, 16, 16, 1, uids::JPEG_EXTENDED12_BIT, vec![frame])
        .with(tags::BITS_ALLOCATED, VR::US, 16u16)
        .with(tags::BITS_STORED, VR::US, 12u16);
    let got = read(&file.write(folder.path(), "a.dcm"));
    let want: Vec<u8> = samples.iter().map(|&value| ((i32::from(value) * 255 + 2047) / 4095) as u8).collect();
    assert!(max_difference(&got, &want) <= 1);
}

#[test]
fn colours_of_16_bits_are_read_whatever_their_coding() {
    let folder = tempfile::tempdir().unwrap();
    let values: Vec<u16> = (0..16 * 16 * 3).map(|at| (at * 85) as u16).collect();
    let little: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let big: Vec<u8> = values.iter().flat_map(|value| value.to_be_bytes()).collect();
    let planes: Vec<u8> =
        (0..3).flat_map(|c| values.iter().skip(c).step_by(3).flat_map(|value| value.to_le_bytes())).collect();
    let want: Vec<u8> =
        values.iter().map(|&value| ((u32::from(value) * 255 + 32767) / 65535) as u8).collect();
    let file = |syntax, frame: Vec<u8>, planar| {
        let file = DicomFile { planar, ..DicomFile::of(16, 16, 16, 3, syntax, vec![frame]) };
        file.with(tags::BITS_ALLOCATED, VR::US, 16u16).with(tags::BITS_STORED, VR::US, 16u16)
    };
    let explicit = uids::EXPLICIT_VR_LITTLE_ENDIAN;
    let rle = super::dicoms::rle(&big, 6);
    for file in [file(explicit, little, 0), file(explicit, planes, 1), file(uids::RLE_LOSSLESS, rle, 0)] {
        assert!(read(&file.write(folder.path(), "a.dcm")) == want, "{} {}", file.syntax, file.planar);
    }
}
