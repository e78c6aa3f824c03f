//! Which page of a TIFF is the slide, which are its levels, and what else is in the file.

use super::*;

/// A tiled gray page of one value.
fn plain(width: u32, height: u32, value: u8) -> TiffFile {
    let tiles = width.div_ceil(64) * height.div_ceil(64);
    TiffFile::tiles(width, height, 1, 64, 1, vec![vec![value; 64 * 64]; tiles as usize])
}

/// A page in one strip.
fn strip(width: u32, height: u32, value: u8) -> TiffFile {
    TiffFile::strips(width, height, 1, vec![value; (width * height) as usize])
}

fn open(pages: &[TiffFile]) -> Result<Slide, SlideError> {
    let folder = tempfile::tempdir().unwrap();
    open_bytes(folder.path(), "pages.tif", &file_of(pages), &built_in())
}

/// The value of the first pixel of every level.
fn values(slide: &Slide) -> Vec<u8> {
    let Access::Random(pixels) = &slide.access else { unreachable!() };
    let value = |level| {
        let mut out = [0];
        pixels.read_level(level, Region { x: 0, y: 0, width: 1, height: 1 }, &mut out).unwrap();
        out[0]
    };
    (0..slide.info.levels.len()).map(value).collect()
}

#[test]
fn the_slide_is_the_largest_page_and_never_a_label_that_comes_first() {
    let label = strip(100, 75, 1).with(254, 4, vec![1]);
    let slide = open(&[label, plain(400, 300, 2), plain(100, 75, 3).with(254, 4, vec![1])]).unwrap();
    assert_eq!((slide.info.width, slide.info.height), (400, 300));
    assert_eq!(slide.info.levels, [(400, 300), (100, 75)]);
    assert_eq!(values(&slide), [2, 3], "the label has the size of the level and is none");
    assert_eq!(slide.info.associated, ["page 0"]);
    assert!(slide.info.warnings[0].contains("page 0 of 100x75"), "{:?}", slide.info.warnings);
}

#[test]
fn a_label_larger_than_the_slide_is_none_by_its_description() {
    for text in ["label", "Label image", "macro", "Overview", "Aperio Image Library v11\nlabel 900x900"] {
        let slide = open(&[strip(900, 900, 1).text(270, text), plain(400, 300, 2)]).unwrap();
        assert_eq!((slide.info.width, values(&slide)), (400, vec![2]), "{text}");
        let name = &slide.info.associated[0];
        assert!(text.to_lowercase().contains(name), "{name} of {text}");
        assert_eq!(slide.associated_image(name).unwrap().rgb[..3], [1, 1, 1]);
    }
    for page in [
        strip(9, 9, 1).text(270, "label"),
        strip(9, 9, 1).with(254, 4, vec![1]),
        strip(9, 9, 1).with(255, 3, vec![2]),
        strip(9, 9, 1).with(254, 4, vec![4]),
    ] {
        let error = open(&[page]).unwrap_err().to_string();
        assert!(error.contains("no page but labels"), "{error}");
    }
}

#[test]
fn smaller_copies_are_levels_in_the_chain_and_below_the_slide() {
    let reduced = |page: TiffFile| page.with(254, 4, vec![1]);
    let chain =
        [plain(401, 301, 1), plain(200, 150, 2), strip(133, 100, 9), plain(101, 76, 3), plain(300, 60, 8)];
    let slide = open(&chain).unwrap();
    assert_eq!(slide.info.levels, [(401, 301), (200, 150), (101, 76)]);
    assert_eq!((values(&slide), slide.info.warnings.len()), (vec![1, 2, 3], 2));
    let below = plain(401, 301, 1).above(reduced(plain(201, 151, 2))).above(reduced(plain(101, 76, 3)));
    let slide = open(&[below]).unwrap();
    assert_eq!(slide.info.levels, [(401, 301), (201, 151), (101, 76)]);
    assert_eq!((values(&slide), slide.info.warnings.len()), (vec![1, 2, 3], 0));
    // A page that shows a smaller one, with the slide below it, as camera files have it.
    let slide = open(&[reduced(strip(40, 30, 1)).above(plain(400, 300, 2))]).unwrap();
    assert_eq!((slide.info.width, values(&slide)), (400, vec![2]));
}

#[test]
fn masks_are_left_out_and_circles_end() {
    let slide = open(&[plain(400, 300, 1), plain(400, 300, 2).with(254, 4, vec![4])]).unwrap();
    assert_eq!((values(&slide), slide.info.associated.len()), (vec![1], 0));
    let mut file = plain(64, 64, 5).bytes();
    let first: [u8; 4] = file[4..8].try_into().unwrap();
    let end = file.len();
    file[end - 4..].copy_from_slice(&first);
    let folder = tempfile::tempdir().unwrap();
    let slide = open_bytes(folder.path(), "circle.tif", &file, &built_in()).unwrap();
    assert!(slide.info.warnings[0].contains("circle"), "{:?}", slide.info.warnings);
    file[end - 4..].copy_from_slice(&[0xFF; 4]);
    let error = open_bytes(folder.path(), "cut.tif", &file, &built_in()).unwrap_err();
    assert!(matches!(error, SlideError::Corrupt { .. }), "{error}");
}

#[test]
fn private_layouts_are_left_to_openslide() {
    let xmp = "<?xml version=\"1.0\"?><Metadata><iScan Magnification=\"40\"/></Metadata>";
    for page in [
        plain(64, 64, 1).with(65420, 4, vec![1]),
        plain(64, 64, 1).text(270, "<scn xmlns=\"http://www.leica-microsystems.com/scn/2010/10/01\"/>"),
        plain(64, 64, 1).text(270, "Background Color=E6E6E6;OverlapsXY= 64 64;"),
        plain(64, 64, 1).with(700, 1, xmp.bytes().map(u64::from).collect()),
    ] {
        let error = open(&[page]).unwrap_err().to_string();
        assert!(error.contains("private layout") && error.contains("OpenSlide reads it"), "{error}");
    }
}

#[test]
fn the_levels_and_images_of_real_files_are_found() {
    let Some(data) = test_data() else { return };
    let path = data.join("cases/label-is-first-page.tif");
    let slide = Slide::open(&path, &OpenOptions::default()).unwrap();
    assert_eq!(slide.info.levels, [(4000, 3000), (1000, 750)]);
    assert_eq!(slide.info.associated, ["label"]);
    let slide = Slide::open(&data.join("dev/CMU-1-Small-Region.svs"), &built_in()).unwrap();
    assert_eq!(slide.info.levels, [(2220, 2967)]);
    assert_eq!(slide.info.associated, ["thumbnail", "label", "macro"]);
    assert_eq!(slide.info.warnings, [""; 0]);
    let label = slide.associated_image("label").unwrap();
    assert_eq!((label.width, label.height), (387, 463));
}
