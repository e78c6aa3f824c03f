use super::*;
use std::path::PathBuf;

fn options(openslide: OpenSlideUse) -> OpenOptions {
    OpenOptions { openslide, ..built_in() }
}

/// The Aperio slide, opened through OpenSlide; `None` where the slide or OpenSlide is missing.
fn aperio() -> Option<(PathBuf, Slide)> {
    let path = test_data()?.join("dev/CMU-1-Small-Region.svs");
    match Slide::open(&path, &options(OpenSlideUse::Auto)) {
        Ok(slide) if slide.info.format == "aperio" => Some((path, slide)),
        _ => {
            println!("SKIPPED: OpenSlide is not installed");
            None
        }
    }
}

#[test]
fn an_aperio_slide_is_the_same_with_and_without_openslide() {
    let Some((path, mut with)) = aperio() else { return };
    let mut without = Slide::open(&path, &options(OpenSlideUse::Never)).unwrap();
    assert_eq!((with.info.width, with.info.height, with.info.channels), (2220, 2967, 3));
    assert_eq!(with.info.microns_per_pixel, without.info.microns_per_pixel);
    assert_eq!(with.info.objective_power, without.info.objective_power);
    assert_eq!(without.info.format, "tiff");
    let read = |slide: &mut Slide| {
        let Access::Random(regions) = &slide.access else { unreachable!() };
        let mut out = vec![0; 2220 * 2967 * 3];
        regions.read(0, 0, 2220, 2967, &mut out).unwrap();
        out
    };
    assert!(read(&mut with) == read(&mut without), "sample for sample");
}

#[test]
fn associated_images_are_read_by_name() {
    let Some((_, slide)) = aperio() else { return };
    for name in ["label", "macro", "thumbnail"] {
        assert!(slide.info.associated.iter().any(|known| known == name), "{name}");
    }
    let label = slide.associated_image("label").unwrap();
    assert_eq!((label.width, label.height, label.rgb.len()), (387, 463, 387 * 463 * 3));
    assert!(label.rgb.iter().any(|&sample| sample > 0));
    let error = slide.associated_image("lable").unwrap_err().to_string();
    assert!(error.contains("label, macro, thumbnail"), "{error}");
}

#[test]
fn openslide_only_never_uses_another_reader() {
    let folder = tempfile::tempdir().unwrap();
    let jpeg = encode_jpeg(&picture(16, 16, 3), 16, 3, JpegKind::Baseline);
    let error = open_bytes(folder.path(), "a.jpg", &jpeg, &options(OpenSlideUse::Only)).unwrap_err();
    let expected = matches!(error, SlideError::OpenSlideLacks { .. } | SlideError::NeedsOpenSlide { .. });
    assert!(expected, "{error}");
}

/// Four tiles of 64x64, of which the last one is missing all but its first bytes.
fn with_a_damaged_tile() -> Vec<u8> {
    let tile = picture(64, 64, 3);
    let chunks = vec![tile.clone(), tile.clone(), tile.clone(), tile[..10].to_vec()];
    TiffFile::tiles(128, 128, 3, 64, 1, chunks).bytes()
}

#[test]
fn a_damaged_tile_takes_no_other_with_it() {
    let folder = tempfile::tempdir().unwrap();
    // The name says that OpenSlide reads it.
    let opened = open_bytes(folder.path(), "a.scn", &with_a_damaged_tile(), &options(OpenSlideUse::Auto));
    let slide = match opened {
        Err(SlideError::NeedsOpenSlide { .. }) => {
            println!("SKIPPED: OpenSlide is not installed");
            return;
        }
        opened => opened.unwrap(),
    };
    let Access::Random(regions) = &slide.access else { unreachable!() };
    let read = |x, y| {
        let mut out = vec![0; 64 * 64 * 3];
        regions.read(x, y, 64, 64, &mut out).map(|()| out).map_err(|e| e.to_string())
    };
    let whole = picture(64, 64, 3);
    for _ in 0..2 {
        let error = read(64, 64).unwrap_err();
        assert!(error.contains("a.scn") && error.contains("64x64 pixels at (64, 64)"), "{error}");
        assert!(read(0, 0).unwrap() == whole);
    }
    // Also beside reads that fail.
    std::thread::scope(|scope| {
        for number in 0..4 {
            let (read, whole) = (&read, &whole);
            scope.spawn(move || {
                for _ in 0..8 {
                    match number % 2 {
                        0 => assert!(read(64, 64).is_err()),
                        _ => assert!(read(0, 64).unwrap() == *whole),
                    }
                }
            });
        }
    });
}

#[test]
fn a_slide_that_was_replaced_is_not_opened_again_after_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let opened = open_bytes(folder.path(), "a.scn", &with_a_damaged_tile(), &options(OpenSlideUse::Auto));
    let Ok(slide) = opened else {
        println!("SKIPPED: OpenSlide is not installed");
        return;
    };
    let Access::Random(regions) = &slide.access else { unreachable!() };
    let mut out = vec![0; 64 * 64 * 3];
    assert!(regions.read(64, 64, 64, 64, &mut out).is_err());
    let other = TiffFile::tiles(128, 64, 3, 64, 1, vec![vec![7; 64 * 64 * 3]; 2]).bytes();
    std::fs::rename(folder.path().join("a.scn"), folder.path().join("old")).unwrap();
    std::fs::write(folder.path().join("a.scn"), other).unwrap();
    let error = regions.read(0, 0, 64, 64, &mut out).unwrap_err().to_string();
    assert!(error.contains("replaced"), "{error}");
}
