//! Compressions of TIFF chunks beyond those that the `tiff` crate writes.

use super::*;
use crate::codec::jpeg2000;

fn read(page: &TiffFile) -> Result<Vec<u8>, SlideError> {
    let folder = tempfile::tempdir().unwrap();
    pixels(folder.path(), "a.tif", &page.bytes())
}

#[test]
fn zstandard_is_exact_and_its_checksum_is_verified() {
    let data = picture(64, 64, 3);
    let level = ruzstd::encoding::CompressionLevel::Fastest;
    let frame = ruzstd::encoding::compress_to_vec(data.as_slice(), level);
    let page = |frame: Vec<u8>| TiffFile::tiles(64, 64, 3, 64, 50000, vec![frame]);
    assert_eq!(read(&page(frame.clone())).unwrap(), data);
    for at in [frame.len() - 1, frame.len() / 2] {
        let mut bad = frame.clone();
        bad[at] ^= 0x55;
        let error = read(&page(bad)).unwrap_err();
        assert!(matches!(error, SlideError::Corrupt { .. }), "{at}: {error}");
    }
    assert!(read(&page(frame[..frame.len() / 2].to_vec())).is_err());
    // Differences to the left, as with LZW.
    let mut rows = data.clone();
    rows.chunks_exact_mut(192)
        .for_each(|row| (3..192).rev().for_each(|i| row[i] = row[i].wrapping_sub(row[i - 3])));
    let frame = ruzstd::encoding::compress_to_vec(rows.as_slice(), level);
    assert_eq!(read(&page(frame).with(317, 3, vec![2])).unwrap(), data);
}

#[cfg(feature = "webp")]
#[test]
fn webp_tiles_are_exact() {
    let data = picture(64, 64, 3);
    let file = webp::Encoder::from_rgb(&data, 64, 64).encode_lossless().to_vec();
    let page = |file: Vec<u8>, samples| TiffFile::tiles(60, 50, samples, 64, 50001, vec![file]);
    let expected: Vec<u8> = data.chunks_exact(192).take(50).flat_map(|row| row[..180].to_vec()).collect();
    assert_eq!(read(&page(file.clone(), 3)).unwrap(), expected);
    let with_opacity = page(file.clone(), 4).with(338, 3, vec![2]);
    assert_eq!(read(&with_opacity).unwrap(), expected, "a file without opacity is opaque");
    let half = webp::Encoder::from_rgba(&[200, 100, 0, 0].repeat(64 * 64), 64, 64).encode_lossless().to_vec();
    assert_eq!(read(&page(half, 4).with(338, 3, vec![2])).unwrap()[..3], [255; 3]);
    let error = read(&page(file[..file.len() / 2].to_vec(), 3)).unwrap_err();
    assert!(matches!(error, SlideError::Corrupt { .. }), "{error}");
    let small = webp::Encoder::from_rgb(&data[..32 * 32 * 3], 32, 32).encode_lossless().to_vec();
    assert!(read(&page(small, 3)).unwrap_err().to_string().contains("32x32"));
}

#[test]
fn jpeg_2000_tiles_are_read() {
    let page = |width, samples| {
        TiffFile::tiles(width, 3, samples, 4, 34712, vec![jpeg2000::tests::gray()]).with(323, 4, vec![3])
    };
    assert_eq!(read(&page(4, 1)).unwrap(), [128; 12]);
    assert_eq!(read(&page(3, 1)).unwrap(), [128; 9], "the padding is cut off");
    let error = read(&page(4, 3)).unwrap_err().to_string();
    assert!(error.contains("1 components at 8 bits, expected 3"), "{error}");
}

#[test]
fn an_intact_tile_that_no_decoder_takes_is_not_called_damaged() {
    let mut fast = jpeg2000::tests::gray();
    fast[6] = 0x40;
    let fast = TiffFile::tiles(4, 3, 1, 4, 34712, vec![fast]).with(323, 4, vec![3]);
    let mut deep = encode_jpeg(&picture(16, 16, 1), 16, 1, JpegKind::Baseline);
    let frame = deep.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
    (deep[frame + 1], deep[frame + 4]) = (0xC1, 12);
    let deep = TiffFile::tiles(16, 16, 1, 16, 7, vec![deep]);
    let old = TiffFile::tiles(16, 16, 1, 16, 5, vec![vec![0, 1, 2, 3]]);
    for (page, words) in [(fast, "HTJ2K"), (deep, "another depth than 8 bits"), (old, "before TIFF 5")] {
        let error = read(&page).unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, SlideError::Unsupported { .. }) && text.contains(words), "{text}");
        assert!(text.contains("tile at column 0, row 0") && !text.contains("damaged"), "{text}");
    }
}

#[test]
fn the_jpeg_2000_of_the_cases_folder_is_read_without_openslide() {
    let Some(data) = test_data() else { return };
    let mut slide = Slide::open(&data.join("cases/tiff-jpeg2000.tif"), &built_in()).unwrap();
    assert_eq!(read_all(&mut slide).unwrap().len(), 600 * 400 * 3);
}
