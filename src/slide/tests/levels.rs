//! Smaller resolutions of a TIFF that are what they seem, and other images in its file.

use super::*;

/// A tiled gray page; each tile of 64 x 64 pixels has one value, or no bytes.
fn tiled(width: u32, height: u32, values: &[Option<u8>]) -> TiffFile {
    let tiles = values.iter().map(|value| value.map_or(Vec::new(), |value| vec![value; 64 * 64])).collect();
    TiffFile::tiles(width, height, 1, 64, 1, tiles)
}

/// A page of one value.
fn plain(width: u32, height: u32, value: u8) -> TiffFile {
    tiled(width, height, &vec![Some(value); (width.div_ceil(64) * height.div_ceil(64)) as usize])
}

fn open_as(pages: &[TiffFile], selection: Selection) -> Slide {
    let folder = tempfile::tempdir().unwrap();
    let options = OpenOptions { selection, ..built_in() };
    open_bytes(folder.path(), "levels.tif", &file_of(pages), &options).unwrap()
}

fn open(pages: &[TiffFile]) -> Slide {
    open_as(pages, Selection::default())
}

#[test]
fn a_level_that_differs_from_the_slide_is_left_out() {
    let map = (0..768).map(|at| at * 85).collect::<Vec<u64>>();
    let level = || plain(64, 64, 9);
    let bytes = |page: TiffFile| page.with(258, 3, vec![8]);
    for (level, why) in [
        (level().with(262, 3, vec![3]).with(320, 3, map), "pixels are of another kind"),
        (bytes(level().with(339, 3, vec![2])), "pixels are of another kind"),
        (level().with(274, 3, vec![2]), "turned or mirrored in another way"),
        (level().with(262, 3, vec![8]), "L*a*b*"),
    ] {
        for pages in [vec![plain(128, 128, 5).above(level.clone())], vec![plain(128, 128, 5), level]] {
            let info = open(&pages).info;
            let told = info.warnings.join("; ");
            assert_eq!(info.levels, [(128, 128)], "{why}");
            assert!(
                told.contains("a smaller resolution of 64x64 pixels was left out") && told.contains(why),
                "{told}"
            );
        }
    }
    let turned = plain(128, 128, 5).with(274, 3, vec![2]);
    for level in [level(), level().with(274, 3, vec![2]), level().with(274, 3, vec![0])] {
        assert_eq!(open(&[turned.clone().above(level)]).info.levels.len(), 2);
    }
}

#[test]
fn a_level_without_tiles_that_the_slide_has_is_left_out() {
    let full = |values: &[Option<u8>]| tiled(256, 128, values);
    let all = [Some(5); 8];
    let half = |values: [Option<u8>; 2]| tiled(128, 64, &values);
    let info = open(&[full(&all).above(half([Some(5), None]))]).info;
    assert_eq!(info.levels, [(256, 128)]);
    assert!(
        info.warnings[0].contains("its pixel at 64, 0 lies in a part that holds no byte"),
        "{:?}",
        info.warnings
    );
    // Empty glass, which scanners leave out in every resolution.
    let left = [Some(5), Some(5), None, None, Some(5), Some(5), None, None];
    assert_eq!(open(&[full(&left).above(half([Some(5), None]))]).info.levels.len(), 2);
    assert_eq!(open(&[full(&left).above(half([None, Some(5)]))]).info.levels.len(), 1);
    // Strips of another height.
    let mut strips = TiffFile::strips(128, 64, 1, Vec::new()).with(259, 3, vec![8]).with(278, 4, vec![32]);
    let zlib = |bytes: &[u8]| {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, bytes).unwrap();
        encoder.finish().unwrap()
    };
    strips.chunks = vec![zlib(&[5; 128 * 32]), vec![]];
    let full =
        TiffFile { chunks: vec![zlib(&vec![5; 256 * 128])], ..TiffFile::strips(256, 128, 1, Vec::new()) };
    let full = full.with(259, 3, vec![8]);
    assert_eq!(open(&[full.clone(), strips.clone()]).info.levels.len(), 1);
    strips.chunks[1] = strips.chunks[0].clone();
    assert_eq!(open(&[full, strips]).info.levels.len(), 2);
}

/// OME-XML of images of a plane each, in pages of their own.
fn ome(names: &[&str]) -> String {
    let image = |(page, name): (usize, &&str)| {
        format!(
            "<Image ID=\"Image:{page}\" Name=\"{name}\"><Pixels SizeC=\"1\" SizeZ=\"1\" SizeT=\"1\">\
             <TiffData IFD=\"{page}\" PlaneCount=\"1\"/></Pixels></Image>"
        )
    };
    let images: String = names.iter().enumerate().map(image).collect();
    format!("<OME xmlns=\"http://www.openmicroscopy.org/Schemas/OME/2016-06\">{images}</OME>")
}

#[test]
fn another_image_of_an_ome_tiff_is_neither_a_level_nor_a_plane() {
    let slide = open(&[plain(128, 128, 5).text(270, &ome(&["", "red"])), plain(64, 64, 9)]);
    assert_eq!(
        (slide.info.levels.as_slice(), slide.info.associated.as_slice()),
        (&[(128, 128)][..], &["page 1".into()][..])
    );
    let why = "image 1 of its OME-XML (\"red\", page 1 of 64x64 pixels) is another image and was left out";
    assert_eq!(slide.info.warnings, [why]);
    assert_eq!(slide.associated_image("page 1").unwrap().rgb[0], 9);
    let mut slide = open(&[plain(128, 128, 5).text(270, &ome(&["one", "two"])), plain(128, 128, 9)]);
    assert!(
        slide.info.warnings[0].contains("(\"two\", page 1 of 128x128 pixels)"),
        "{:?}",
        slide.info.warnings
    );
    assert_eq!(read_all(&mut slide).unwrap()[0], 5);
    // Levels of an image lie below its pages, and a page that no image lists may be one.
    let below = plain(128, 128, 5).text(270, &ome(&["", "red"])).above(plain(64, 64, 6));
    assert_eq!(open(&[below, plain(64, 64, 9)]).info.levels, [(128, 128), (64, 64)]);
    let unlisted = [plain(128, 128, 5).text(270, &ome(&[""])), plain(64, 64, 6)];
    assert_eq!(open(&unlisted).info.levels, [(128, 128), (64, 64)]);
    // Several pages of another image are told once.
    let planes = "SizeC=\"1\" SizeZ=\"2\" SizeT=\"1\"><TiffData IFD=\"1\" PlaneCount=\"2\"/>";
    let many = ome(&["", ""])
        .replace("SizeC=\"1\" SizeZ=\"1\" SizeT=\"1\"><TiffData IFD=\"1\" PlaneCount=\"1\"/>", planes);
    let info = open(&[plain(128, 128, 5).text(270, &many), plain(64, 64, 8), plain(64, 64, 9)]).info;
    assert_eq!(
        info.warnings,
        ["image 1 of its OME-XML (page 1 of 64x64 pixels) is another image and was left out"]
    );
}

/// A row of pixels of 16 bits.
fn wide(samples: u64, values: &[u16]) -> TiffFile {
    let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let page = TiffFile::strips(values.len() as u32 / samples as u32, 1, samples, bytes);
    page.with(258, 3, vec![16; samples as usize])
}

#[test]
fn a_declared_range_is_of_its_own_sample_and_of_colours_together() {
    let rgb = wide(3, &[765, 38250, 1785, 0, 0, 38250]);
    let mut slide = open(&[rgb.with(341, 3, vec![765, 38250, 1785])]);
    assert_eq!(read_all(&mut slide).unwrap(), [5, 255, 12, 0, 0, 255]);
    assert!(slide.info.warnings[0].contains("0 to 38250"), "{:?}", slide.info.warnings);
    let five = wide(5, &[100, 200, 300, 400, 500, 50, 100, 150, 200, 250]);
    let five = five.with(341, 3, vec![100, 200, 300, 400, 500]).with(340, 3, vec![0, 0, 0, 200, 0]);
    for (channel, want) in [(0, [255, 128]), (3, [255, 0]), (4, [255, 128])] {
        let chosen = Selection { channels: vec![channel], ..Selection::default() };
        assert_eq!(read_all(&mut open_as(std::slice::from_ref(&five), chosen)).unwrap(), want, "{channel}");
    }
    // The channels of one image in a page each.
    let channels = ["Red", "Green", "Blue"].map(|name| format!("<Channel Name=\"{name}\"/>")).concat();
    let text = ome(&[""])
        .replace("SizeC=\"1\"", "SizeC=\"3\"")
        .replace("<TiffData IFD=\"0\" PlaneCount=\"1\"/>", &channels);
    let page = |value: u16| wide(1, &[value, 0]).with(341, 3, vec![value.into()]);
    let mut slide = open(&[page(765).text(270, &text), page(38250), page(1785)]);
    assert_eq!(read_all(&mut slide).unwrap(), [5, 255, 12, 0, 0, 0]);
}

#[test]
fn images_beside_the_slide_are_turned_and_seen_in_their_window() {
    let slide = || plain(128, 128, 5);
    let label = |page: TiffFile| page.text(270, "label");
    let image = |page: TiffFile| open(&[slide(), label(page)]).associated_image("label").unwrap();
    let turned = image(TiffFile::strips(3, 2, 1, vec![1, 2, 3, 4, 5, 6]).with(274, 3, vec![6]));
    assert_eq!((turned.width, turned.height), (2, 3));
    assert_eq!(turned.rgb.chunks(3).map(|pixel| pixel[0]).collect::<Vec<_>>(), [4, 1, 5, 2, 6, 3]);
    assert_eq!(image(wide(3, &[0, 4095, 2048])).rgb, [0, 255, 128], "12 bits in 16");
    assert_eq!(image(wide(1, &[0, 4, 16])).rgb, [0, 0, 0, 64, 64, 64, 255, 255, 255]);
    assert_eq!(
        image(wide(1, &[0, 4, 16]).with(341, 3, vec![8])).rgb,
        [0, 0, 0, 128, 128, 128, 255, 255, 255]
    );
    let float: Vec<u8> = [-0.5f32, 0.5].iter().flat_map(|value| value.to_le_bytes()).collect();
    let float = TiffFile::strips(2, 1, 1, float).with(258, 3, vec![32]).with(339, 3, vec![3]);
    assert_eq!(image(float).rgb, [0, 0, 0, 255, 255, 255]);
}

#[test]
fn opacity_of_less_than_8_bits_shows_white() {
    // Black, white and gray 5, of which the first is hidden and the last is half so.
    let interleaved = TiffFile::strips(3, 1, 2, vec![0x00, 0xFF, 0x5F]).with(258, 3, vec![4, 4]);
    let interleaved = interleaved.with(262, 3, vec![1]).with(338, 3, vec![2]);
    let read = |page: &TiffFile| read_all(&mut open(std::slice::from_ref(page))).unwrap();
    assert_eq!(read(&interleaved), [255, 255, 85]);
    let mut planar = interleaved.clone().with(284, 3, vec![2]);
    planar.chunks = vec![vec![0x0F, 0x50], vec![0x0F, 0xF0]];
    assert_eq!(read(&planar), [255, 255, 85]);
    assert_eq!(read(&interleaved.with(262, 3, vec![0])), [255, 0, 170]);
    assert!(open(&[planar]).info.warnings.is_empty());
}
