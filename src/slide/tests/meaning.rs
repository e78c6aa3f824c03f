//! Tags that change what the pixels of a TIFF are: honoured, refused by name, or told in a warning.

use super::*;

fn open(page: &TiffFile) -> Result<Slide, SlideError> {
    let folder = tempfile::tempdir().unwrap();
    open_bytes(folder.path(), "tags.tif", &page.bytes(), &built_in())
}

fn read(page: &TiffFile) -> Vec<u8> {
    open(page).and_then(|mut slide| read_all(&mut slide)).unwrap()
}

/// An RGB page of 6 x 4 pixels.
fn rgb() -> TiffFile {
    TiffFile::strips(6, 4, 3, picture(6, 4, 3))
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn reversed_bits_are_put_in_order_before_and_after_compression() {
    let reversed = |bytes: &[u8]| bytes.iter().map(|byte| byte.reverse_bits()).collect::<Vec<u8>>();
    let data = picture(6, 4, 3);
    let plain = TiffFile { chunks: vec![reversed(&data)], ..rgb().with(266, 3, vec![2]) };
    assert_eq!(read(&plain), data);
    let deflated = reversed(&zlib(&data));
    let deflated = TiffFile { chunks: vec![deflated], ..rgb().with(259, 3, vec![8]).with(266, 3, vec![2]) };
    assert_eq!(read(&deflated), data);
    let bits = TiffFile::strips(8, 1, 1, vec![0b1110_0000]).with(258, 3, vec![1]).with(266, 3, vec![2]);
    assert_eq!(read(&bits), [0, 0, 0, 0, 0, 255, 255, 255]);
}

#[test]
fn all_orientations_turn_pixels_levels_and_densities() {
    let tile = |value: u8| vec![value; 64 * 64];
    let level = TiffFile::tiles(64, 32, 1, 64, 1, vec![tile(9)]).with(254, 4, vec![1]);
    // A tile of ones on the left, one of twos on the right.
    let slide = TiffFile::tiles(128, 64, 1, 64, 1, vec![tile(1), tile(2)]).above(level);
    for (tag, size, corners) in [
        (1, (128, 64), [1, 2, 1]),
        (2, (128, 64), [2, 1, 2]),
        (3, (128, 64), [2, 1, 2]),
        (4, (128, 64), [1, 2, 1]),
        (5, (64, 128), [1, 1, 2]),
        (6, (64, 128), [1, 1, 2]),
        (7, (64, 128), [2, 2, 1]),
        (8, (64, 128), [2, 2, 1]),
    ] {
        let dense = |value: u64| vec![value | 1 << 32];
        let page = slide.clone().with(274, 3, vec![tag]).with(296, 3, vec![3]);
        let page = page.with(282, 5, dense(40_000)).with(283, 5, dense(20_000));
        let slide = open(&page).unwrap();
        let turned = size.0 < size.1;
        assert_eq!((slide.info.width, slide.info.height), size, "{tag}");
        assert_eq!(slide.info.levels[1], if turned { (32, 64) } else { (64, 32) }, "{tag}");
        assert_eq!(
            slide.info.microns_per_pixel,
            Some(if turned { (0.5, 0.25) } else { (0.25, 0.5) }),
            "{tag}"
        );
        let Access::Random(pixels) = &slide.access else { unreachable!() };
        let found = [(0, 0), (size.0 - 1, 0), (0, size.1 - 1)].map(|(x, y)| {
            let mut out = [0];
            pixels.read(x, y, 1, 1, &mut out).unwrap();
            out[0]
        });
        assert_eq!(found, corners, "{tag}");
    }
    let odd = open(&slide.with(274, 3, vec![0])).unwrap();
    assert!(odd.info.warnings[0].contains("orientation 0"), "{:?}", odd.info.warnings);
}

#[test]
fn jpeg_tiles_are_not_taken_from_a_turned_slide() {
    let (tiles, _) = tiled_picture(50, 40, |part| encode_jpeg(part, 32, 3, JpegKind::Baseline));
    let page = TiffFile::tiles(50, 40, 3, 32, 7, tiles).with(262, 3, vec![6]);
    assert!(open(&page).unwrap().stored_tiles().is_ok());
    let reason = open(&page.with(274, 3, vec![3])).unwrap().stored_tiles().err().unwrap();
    assert!(reason.contains("Orientation"), "{reason}");
}

#[test]
fn colours_in_separate_jpegs_are_read() {
    let plane = |c: usize| -> Vec<u8> {
        let (_, whole) = tiled_picture(32, 32, |_| Vec::new());
        whole.chunks_exact(3).map(|rgb| rgb[c]).collect()
    };
    let planes: Vec<_> = (0..3).map(plane).collect();
    let chunks = planes.iter().map(|plane| encode_jpeg(plane, 32, 1, JpegKind::Baseline)).collect();
    let page = TiffFile::tiles(32, 32, 3, 32, 7, chunks).with(284, 3, vec![2]);
    let expected: Vec<u8> = (0..32 * 32).flat_map(|i| [planes[0][i], planes[1][i], planes[2][i]]).collect();
    assert!(max_difference(&read(&page), &expected) <= 4);
    let reason = open(&page).unwrap().stored_tiles().err().unwrap();
    assert!(reason.contains("PlanarConfiguration"), "{reason}");
    let error = open(&page.with(262, 3, vec![6])).unwrap_err().to_string();
    assert!(error.contains("YCbCr in separate planes"), "{error}");
}

#[test]
fn meanings_that_are_not_supported_are_refused_by_name() {
    let gray = TiffFile::strips(8, 2, 1, vec![0; 128]);
    let wide = |bits: u64| gray.clone().with(258, 3, vec![bits]);
    let map = vec![0; 768];
    for (page, name) in [
        (gray.clone().with(262, 3, vec![5]), "inks other than CMYK"),
        (gray.clone().with(262, 3, vec![8]), "L*a*b*"),
        (gray.clone().with(262, 3, vec![4]), "mask"),
        (gray.clone().with(262, 3, vec![32803]), "camera"),
        (rgb().with(262, 3, vec![6]), "YCbCr colours outside JPEG"),
        (wide(24), "samples of 24 bits"),
        (wide(16).with(339, 3, vec![3]), "floating-point samples of 16 bits"),
        (rgb().with(339, 3, vec![2; 3]), "signed samples of 8 bits in pixels that are not gray"),
        (wide(32).with(339, 3, vec![6]), "complex"),
        (rgb().with(258, 3, vec![8, 8, 16]), "different depths"),
        (gray.clone().with(317, 3, vec![2]), "predictor 2 on 8-bit samples, uncompressed"),
        (gray.clone().with(259, 3, vec![8]).with(317, 3, vec![3]), "predictor 3"),
        (gray.clone().with(32997, 4, vec![7]), "volume of 7 planes"),
        (gray.clone().with(33629, 5, vec![0; 6]), "MetaMorph stack of 6"),
        (gray.clone().with(33445, 4, vec![2]), "square roots"),
        (gray.clone().with(346, 3, vec![1]), "Indexed"),
        (gray.clone().with(259, 3, vec![4]), "fax"),
        (gray.clone().with(259, 3, vec![6]), "old-style JPEG"),
        (gray.clone().with(259, 3, vec![34887]), "LERC"),
        (gray.clone().with(262, 3, vec![3]).with(320, 3, map).with(258, 3, vec![16]), "palette"),
    ] {
        let error = open(&page).unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, SlideError::Unsupported { .. }) && text.contains(name), "{name}: {text}");
        assert!(!text.contains("damaged"), "{text}");
    }
}

#[test]
fn tags_that_are_not_followed_are_told() {
    let rational =
        |values: &[f64]| values.iter().map(|v| ((v * 1000.0) as u64) | 1000 << 32).collect::<Vec<_>>();
    let (tiles, _) = tiled_picture(32, 32, |part| encode_jpeg(part, 32, 3, JpegKind::Baseline));
    let jpeg = TiffFile::tiles(32, 32, 3, 32, 7, tiles).with(262, 3, vec![6]);
    let usual = jpeg.clone().with(529, 5, rational(&[0.299, 0.587, 0.114]));
    let usual = usual.with(532, 5, rational(&[0.0, 255.0, 128.0, 255.0, 128.0, 255.0]));
    for (page, name) in [
        (usual, ""),
        (jpeg.clone().with(529, 5, rational(&[0.2126, 0.7152, 0.0722])), "YCbCrCoefficients"),
        (jpeg.with(532, 5, rational(&[16.0, 235.0, 128.0, 240.0, 128.0, 240.0])), "ReferenceBlackWhite"),
        (rgb().with(301, 3, vec![0; 768]), "TransferFunction"),
        (rgb().with(318, 5, rational(&[0.3, 0.3])), "WhitePoint"),
        (TiffFile::strips(2, 1, 4, vec![9; 8]).with(338, 3, vec![0]), "1 of its 4 samples"),
        (TiffFile::strips(2, 1, 4, vec![9; 8]).with(338, 3, vec![2]), ""),
        (
            rgb().text(270, "{\"shape\": [3, 4, 6, 3], \"truncated\": true}"),
            "more planes than the file has pages",
        ),
        (rgb().text(270, "{\"shape\": [4, 6, 3]}"), ""),
    ] {
        let warnings = open(&page).unwrap().info.warnings;
        let found = warnings.first().map_or("", |warning| warning.as_str());
        assert!(
            if name.is_empty() { found.is_empty() } else { found.contains(name) },
            "{name}: {warnings:?}"
        );
    }
}

#[test]
fn the_tags_of_the_cases_folder_are_honoured() {
    let Some(data) = test_data() else { return };
    let read = |name: &str| {
        read_all(&mut Slide::open(&data.join("cases").join(name), &built_in()).unwrap()).unwrap()
    };
    assert!(read("fillorder2.tif") == read("fillorder1-same-pixels.tif"));
    let turned = Slide::open(&data.join("cases/orientation6.tif"), &built_in()).unwrap();
    assert_eq!((turned.info.width, turned.info.height), (400, 640));
    let rgb = read("jpeg-photometric-rgb-ids123.tif");
    let corner = Slide::open(&data.join("cases/jpeg-planar-separate.tif"), &built_in()).unwrap();
    assert_eq!((rgb.len(), corner.info.channels), (512 * 512 * 3, 3));
}
