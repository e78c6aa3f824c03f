use super::*;

#[test]
fn every_jpeg_coding_gives_the_same_picture() {
    let folder = tempfile::tempdir().unwrap();
    for (samples, kinds) in [
        (1, &[JpegKind::Baseline, JpegKind::Progressive, JpegKind::Arithmetic][..]),
        (3, &[JpegKind::Baseline, JpegKind::Progressive, JpegKind::Arithmetic, JpegKind::Rgb][..]),
    ] {
        let original = picture(133, 77, samples);
        for &kind in kinds {
            let file = encode_jpeg(&original, 133, samples, kind);
            let mut slide = open_bytes(folder.path(), "a.jpg", &file, &built_in()).unwrap();
            assert_eq!(u32::from(slide.info.channels), samples);
            assert!(max_difference(&read_all(&mut slide).unwrap(), &original) <= 6);
        }
    }
}

#[test]
fn cmyk_becomes_rgb() {
    let folder = tempfile::tempdir().unwrap();
    // Adobe's inverted inks: 255 is no ink.
    let inks: Vec<u8> = [[255, 255, 255, 255], [0, 255, 255, 255], [255, 255, 255, 0]].concat().repeat(64);
    let rows: Vec<u8> = inks.chunks_exact(4).cycle().take(3 * 64).flatten().copied().collect();
    let file = encode_jpeg(&rows, 3, 4, JpegKind::Cmyk);
    let read = pixels(folder.path(), "cmyk.jpg", &file).unwrap();
    assert!(max_difference(&read[..9], &[255, 255, 255, 0, 255, 255, 0, 0, 0]) <= 8, "{:?}", &read[..9]);
}

#[test]
fn a_truncated_image_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let original = picture(133, 77, 3);
    for kind in [JpegKind::Baseline, JpegKind::Progressive, JpegKind::Arithmetic] {
        let file = encode_jpeg(&original, 133, 3, kind);
        for cut in [3, 30, file.len() / 4, file.len() / 2, file.len() - 40] {
            assert!(
                pixels(folder.path(), "cut.jpg", &file[..cut]).is_err(),
                "cut at {cut} of {}",
                file.len()
            );
        }
    }
}

#[test]
fn the_memory_limit_binds_progressive_images_and_not_baseline_ones() {
    let folder = tempfile::tempdir().unwrap();
    let original = picture(640, 640, 3);
    let progressive = encode_jpeg(&original, 640, 3, JpegKind::Progressive);
    // 640 * 640 * 3 coefficients of two bytes.
    let error = open_bytes(folder.path(), "p.jpg", &progressive, &limited(2_457_599)).unwrap_err();
    assert!(matches!(error, SlideError::TooLarge { needed_bytes: 2_457_600, .. }), "{error}");
    open_bytes(folder.path(), "p.jpg", &progressive, &limited(2_457_600)).unwrap();
    let baseline = encode_jpeg(&original, 640, 3, JpegKind::Baseline);
    let mut slide = open_bytes(folder.path(), "b.jpg", &baseline, &limited(1000)).unwrap();
    assert!(max_difference(&read_all(&mut slide).unwrap(), &original) <= 6);
}

#[test]
fn colour_profiles_and_densities_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let mut file = encode_jpeg(&picture(16, 16, 3), 16, 3, JpegKind::Baseline);
    // JFIF: unit 2 is centimetres; 25000 per centimetre is 0.4 um per pixel.
    assert_eq!(&file[6..11], b"JFIF\0");
    file[13] = 2;
    file[14..18].copy_from_slice(&[0x61, 0xA8, 0x61, 0xA8]);
    for (number, part) in [(2u8, "world"), (1, "hello ")] {
        let mut segment = b"\xff\xe2\0\0ICC_PROFILE\0".to_vec();
        segment.extend_from_slice(&[number, 2]);
        segment.extend_from_slice(part.as_bytes());
        segment[3] = segment.len() as u8 - 2;
        file.splice(20..20, segment);
    }
    let slide = open_bytes(folder.path(), "a.jpg", &file, &built_in()).unwrap();
    assert_eq!(slide.info.microns_per_pixel, Some((0.4, 0.4)));
    assert_eq!(slide.info.icc_profile.as_deref(), Some(&b"hello world"[..]));
}

#[test]
fn all_jpegs_of_the_torture_folder_are_read_except_the_incomplete_one() {
    let Some(data) = test_data() else { return };
    let mut read = 0;
    for entry in std::fs::read_dir(data.join("torture/zune-jpeg")).unwrap() {
        let path = entry.unwrap().path();
        let result = Slide::open(&path, &built_in()).and_then(|mut slide| read_all(&mut slide));
        assert_eq!(result.is_err(), path.ends_with("incomplete_image.jpg"), "{path:?}: {:?}", result.err());
        read += 1;
    }
    assert!(read >= 20, "only {read} files");
}
