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
