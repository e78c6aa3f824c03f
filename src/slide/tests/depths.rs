//! Samples of more than 8 bits: which values become black and white.

use super::*;

fn open(page: &TiffFile, window: Option<(u32, u32)>) -> Result<Slide, SlideError> {
    let folder = tempfile::tempdir().unwrap();
    let selection = Selection { window, ..Selection::default() };
    open_bytes(folder.path(), "deep.tif", &page.bytes(), &OpenOptions { selection, ..built_in() })
}

/// The pixels, and what is told.
fn read(page: &TiffFile, window: Option<(u32, u32)>) -> (Vec<u8>, String) {
    let mut slide = open(page, window).unwrap();
    (read_all(&mut slide).unwrap(), slide.info.warnings.join("; "))
}

/// A page of 16-bit samples, little-endian.
fn wide(samples: u64, values: &[u16]) -> TiffFile {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let width = values.len() as u32 / samples as u32;
    TiffFile::strips(width, 1, samples, bytes).with(258, 3, vec![16; samples as usize])
}

#[test]
fn a_single_channel_is_seen_in_its_measured_window() {
    let (pixels, told) = read(&wide(1, &[1000, 2000, 3000, 4000]), None);
    assert_eq!(pixels, [0, 85, 170, 255]);
    assert!(
        told.contains("16 bits; the values 1000 to 4000") && told.contains("measured on all pixels"),
        "{told}"
    );
    let (pixels, told) = read(&wide(1, &[7, 7]), None);
    assert_eq!((pixels, told.as_str()), (vec![0, 0], ""));
    let inverse = wide(1, &[1000, 2000, 3000, 4000]).with(262, 3, vec![0]);
    assert_eq!(read(&inverse, None).0, [255, 170, 85, 0]);
}

#[test]
fn signed_wide_and_floating_numbers_are_seen_in_their_measured_window() {
    let page = |bits: u64, format: u64, bytes: Vec<u8>| {
        let width = (bytes.len() as u64 * 8 / bits) as u32;
        TiffFile::strips(width, 1, 1, bytes).with(258, 3, vec![bits]).with(339, 3, vec![format])
    };
    let signed: Vec<u8> = [-100i16, 0, 100, 200].iter().flat_map(|value| value.to_le_bytes()).collect();
    let (pixels, told) = read(&page(16, 2, signed.clone()), None);
    assert_eq!(pixels, [0, 85, 170, 255]);
    assert!(told.contains("signed numbers of 16 bits; the values -100 to 200"), "{told}");
    assert_eq!(read(&page(16, 2, signed), Some((0, 100))).0, [0, 0, 255, 255]);
    assert_eq!(read(&page(8, 2, vec![0x80, 0, 0x7F]), None).0, [0, 128, 255]);
    let wide: Vec<u8> = [0u32, 1 << 30, 1 << 31].iter().flat_map(|value| value.to_le_bytes()).collect();
    assert_eq!(read(&page(32, 1, wide.clone()), None).0, [0, 128, 255]);
    let inverse = page(32, 1, wide).with(262, 3, vec![0]);
    assert_eq!(read(&inverse, None).0, [255, 127, 0]);
    let float: Vec<u8> = [-0.5f32, 0.0, f32::NAN, 0.5].iter().flat_map(|value| value.to_le_bytes()).collect();
    let (pixels, told) = read(&page(32, 3, float), None);
    assert_eq!(pixels, [0, 128, 0, 255]);
    assert!(told.contains("floating-point numbers of 32 bits; the values -0.5 to 0.5"), "{told}");
    let double: Vec<u8> = [1e300f64, 0.0].iter().flat_map(|value| value.to_le_bytes()).collect();
    assert_eq!(read(&page(64, 3, double), None).0, [255, 0]);
}

#[test]
fn inks_become_rgb() {
    let inks = vec![255, 0, 0, 0, 0, 128, 255, 51];
    let page = TiffFile::strips(2, 1, 4, inks.clone()).with(262, 3, vec![5]);
    let (pixels, told) = read(&page, None);
    assert_eq!(pixels, [0, 255, 255, 204, 102, 0]);
    assert!(told.contains("CMYK inks became RGB without a colour profile"), "{told}");
    let wide =
        wide(4, &inks.iter().map(|&ink| u16::from(ink) * 257).collect::<Vec<_>>()).with(262, 3, vec![5]);
    assert_eq!(read(&wide, None).0, pixels);
    let error = |page: TiffFile| open(&page, None).unwrap_err().to_string();
    assert!(error(page.clone().with(332, 3, vec![2])).contains("inks other than CMYK"));
    assert!(error(page.with(336, 3, vec![255, 0])).contains("DotRange"));
}

#[test]
fn rgb_has_its_full_range_unless_it_is_dark() {
    let (pixels, told) = read(&wide(3, &[0, 257, 65535, 128, 129, 1000]), None);
    assert_eq!((pixels, told.as_str()), (vec![0, 1, 255, 0, 1, 4], ""));
    let (pixels, told) = read(&wide(3, &[0, 4000, 2000, 1000, 16, 8]), None);
    assert_eq!(pixels, [0, 249, 125, 62, 1, 0]);
    assert!(told.contains("the values 0 to 4095"), "{told}");
}

#[test]
fn a_declared_range_comes_before_a_measured_one_and_a_choice_before_both() {
    let page = wide(1, &[100, 600, 1100]).with(340, 3, vec![100]).with(341, 3, vec![1100]);
    let (pixels, told) = read(&page, None);
    assert_eq!(pixels, [0, 128, 255]);
    assert!(told.contains("100 to 1100") && told.contains("declares"), "{told}");
    let (pixels, told) = read(&page, Some((600, 1100)));
    assert_eq!(pixels, [0, 0, 255]);
    assert!(told.contains("600 to 1100") && told.contains("asked for"), "{told}");
    assert!(matches!(open(&page, Some((5, 70_000))), Err(SlideError::NoSuchWindow { .. })));
    let narrow = TiffFile::strips(2, 1, 1, vec![1, 2]);
    assert!(matches!(open(&narrow, Some((0, 9))), Err(SlideError::NothingToChoose { .. })));
    let wrong = open(&wide(1, &[1, 2]).with(340, 3, vec![9]).with(341, 3, vec![3]), None).unwrap_err();
    assert!(wrong.to_string().contains("a range of 9 to 3"), "{wrong}");
}

#[test]
fn packed_samples_of_odd_depths_are_read() {
    // 12 bits: 0x000, 0xFFF, 0x800, 0x7FF.
    let packed = TiffFile::strips(4, 1, 1, vec![0x00, 0x0F, 0xFF, 0x80, 0x07, 0xFF]).with(258, 3, vec![12]);
    let (pixels, told) = read(&packed, None);
    assert_eq!(pixels, [0, 255, 128, 127]);
    assert!(told.contains("12 bits; the values 0 to 4095"), "{told}");
    // 10 bits, two rows of three pixels, each row from a whole byte on.
    let row = [0b1111_1111, 0b1100_0000, 0b0000_1000, 0b0000_0000];
    let packed = TiffFile::strips(3, 2, 1, row.repeat(2)).with(258, 3, vec![10]);
    assert_eq!(read(&packed, None).0, [255, 0, 128, 255, 0, 128]);
}

#[test]
fn all_levels_have_the_window_of_the_slide() {
    let tile = |value: u16| value.to_le_bytes().repeat(64 * 64);
    let page =
        |width, tiles: Vec<Vec<u8>>| TiffFile::tiles(width, 64, 1, 64, 1, tiles).with(258, 3, vec![16]);
    let level = page(64, vec![tile(1500)]).with(257, 4, vec![32]).with(254, 4, vec![1]);
    let slide = open(&page(128, vec![tile(1000), tile(2000)]).above(level), None).unwrap();
    let Access::Random(pixels) = &slide.access else { unreachable!() };
    let mut out = [0];
    pixels.read_level(1, Region { x: 0, y: 0, width: 1, height: 1 }, &mut out).unwrap();
    assert_eq!((slide.info.levels.len(), out), (2, [128]));
}

#[test]
fn deep_files_of_the_cases_folder_are_visible() {
    let Some(data) = test_data() else { return };
    let open = |name: &str| Slide::open(&data.join("cases").join(name), &built_in()).unwrap();
    let mut slide = open("twelve-bits-in-sixteen.tif");
    let pixels = read_all(&mut slide).unwrap();
    assert!(pixels.contains(&0) && pixels.contains(&255));
    assert!(slide.info.warnings[0].contains("measured"), "{:?}", slide.info.warnings);
    assert_eq!(open("rgb-3c-16b.tiff").info.warnings, [""; 0]);
}
