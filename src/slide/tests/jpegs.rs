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
    let mut bare = file.clone();
    if let Some(adobe) = bare.windows(2).position(|pair| pair == [0xFF, 0xEE]) {
        bare.drain(adobe..adobe + 16);
    }
    let profile = icc::tests::profile(b"prtr", b"CMYK");
    let segment = [&b"\xff\xe2\0\x94ICC_PROFILE\0\x01\x01"[..], &profile].concat();
    let with_profile = [&file[..2], &segment, &file[2..]].concat();
    for (name, file) in [("Adobe", file), ("bare", bare), ("profile", with_profile)] {
        let mut slide = open_bytes(folder.path(), "cmyk.jpg", &file, &built_in()).unwrap();
        let read = read_all(&mut slide).unwrap();
        let expected = [255, 255, 255, 0, 255, 255, 0, 0, 0];
        assert!(max_difference(&read[..9], &expected) <= 8, "{name}: {:?}", &read[..9]);
        assert_eq!(slide.info.icc_profile, None, "{name}");
        assert_eq!(
            slide.info.warnings.len(),
            if name == "profile" { 2 } else { 1 },
            "{:?}",
            slide.info.warnings
        );
    }
}

#[test]
fn an_orientation_is_applied() {
    let folder = tempfile::tempdir().unwrap();
    let stored = encode_jpeg(&picture(40, 24, 3), 40, 3, JpegKind::Baseline);
    let plain = pixels(folder.path(), "plain.jpg", &stored).unwrap();
    let turned = |value: u8| {
        let exif = [b"Exif\0\0", exif::tests::exif(value).as_slice()].concat();
        let segment = [&[0xFF, 0xE1, 0, exif.len() as u8 + 2][..], &exif].concat();
        let file = [&stored[..2], &segment, &stored[2..]].concat();
        open_bytes(folder.path(), "turned.jpg", &file, &built_in()).unwrap()
    };
    let mut right = turned(6);
    assert_eq!(
        (right.info.width, right.info.height, right.info.levels.as_slice()),
        (24, 40, &[(24, 40)][..])
    );
    let read = read_all(&mut right).unwrap();
    // The first column, from below, is the first row.
    let first: Vec<u8> = (0..24).flat_map(|row| plain[(23 - row) * 120..][..3].to_vec()).collect();
    assert_eq!(read[..72], first);
    let mut half = read_all(&mut turned(3)).unwrap();
    half.reverse();
    let reversed: Vec<u8> = plain.chunks_exact(3).flat_map(|rgb| [rgb[2], rgb[1], rgb[0]]).collect();
    assert_eq!(half, reversed);
    let odd = turned(9);
    assert!(
        odd.info.warnings[0].contains("orientation 9") && odd.info.width == 40,
        "{:?}",
        odd.info.warnings
    );
}

#[test]
fn jpegs_of_the_cases_folder_are_turned_and_not_black() {
    let Some(data) = test_data() else { return };
    let open = |name: &str| Slide::open(&data.join("cases").join(name), &built_in()).unwrap();
    let slide = open("orientation6.jpg");
    assert_eq!((slide.info.width, slide.info.height), (400, 640));
    for name in ["cmyk-no-adobe.jpg", "cmyk-with-profile.jpg"] {
        let mut slide = open(name);
        let read = read_all(&mut slide).unwrap();
        let mean = read.iter().map(|&sample| u64::from(sample)).sum::<u64>() / read.len() as u64;
        assert!(mean > 60, "{name}: {mean}");
        assert_eq!(slide.info.icc_profile, None, "{name}");
    }
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
    let profile = icc::tests::profile(b"mntr", b"RGB ");
    for (number, part) in [(2u8, &profile[50..]), (1, &profile[..50])] {
        let mut segment = b"\xff\xe2\0\0ICC_PROFILE\0".to_vec();
        segment.extend_from_slice(&[number, 2]);
        segment.extend_from_slice(part);
        segment[3] = segment.len() as u8 - 2;
        file.splice(20..20, segment);
    }
    let slide = open_bytes(folder.path(), "a.jpg", &file, &built_in()).unwrap();
    assert_eq!(slide.info.microns_per_pixel, Some((0.4, 0.4)));
    assert_eq!((slide.info.icc_profile, slide.info.warnings.len()), (Some(profile.clone()), 0));
    // Without its first part, which was put in last.
    file.drain(20..20 + 18 + 50);
    let slide = open_bytes(folder.path(), "a.jpg", &file, &built_in()).unwrap();
    assert_eq!(slide.info.icc_profile, None);
    let warnings = ["its colour profile was left out: of its 2 parts, 1 are there"];
    assert_eq!(slide.info.warnings, warnings);
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
