use super::*;
use ::tiff::encoder::{Compression, DeflateLevel, TiffEncoder, TiffKindBig, TiffKindStandard, colortype};
use std::io::Cursor;

#[test]
fn strips_of_every_compression_are_exact() {
    let folder = tempfile::tempdir().unwrap();
    let data = picture(101, 83, 3);
    let deflate = Compression::Deflate(DeflateLevel::Fast);
    let all = [
        ("none", Compression::Uncompressed),
        ("LZW", Compression::Lzw),
        ("deflate", deflate),
        ("PackBits", Compression::Packbits),
    ];
    for (name, compression) in all {
        let mut out = Cursor::new(Vec::new());
        let mut encoder = TiffEncoder::new(&mut out).unwrap().with_compression(compression);
        let mut image = encoder.new_image::<colortype::RGB8>(101, 83).unwrap();
        image.rows_per_strip(9).unwrap();
        image.write_data(&data).unwrap();
        assert_eq!(pixels(folder.path(), "a.tif", out.get_ref()).unwrap(), data, "{name}");
    }
}

#[test]
fn big_tiff_and_sixteen_bits_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let mut big = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::<_, TiffKindBig>::new_generic(&mut big).unwrap();
    encoder.write_image::<colortype::Gray16>(2, 2, &[0, 129, 65535, 32768]).unwrap();
    assert_eq!(big.get_ref()[2], 43);
    assert_eq!(pixels(folder.path(), "big.tif", big.get_ref()).unwrap(), [0, 1, 255, 128]);
    let mut alpha = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::<_, TiffKindStandard>::new_generic(&mut alpha).unwrap();
    encoder.write_image::<colortype::RGBA8>(1, 1, &[0, 255, 100, 128]).unwrap();
    let length = pixels(folder.path(), "alpha.tif", alpha.get_ref()).unwrap().len();
    assert_eq!(length, 3, "a fourth sample is not a colour");
}

#[test]
fn palettes_inverted_gray_and_planes_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let gray = TiffFile::strips(4, 1, 1, vec![0, 1, 2, 255]);
    let map = |index: u64| [index * 257, (255 - index) * 257, 10 * 257];
    let planes = (0..3).flat_map(|c| (0..256).map(move |index| map(index)[c])).collect();
    let palette = gray.clone().with(262, 3, vec![3]).with(320, 3, planes);
    let expected = [0, 255, 10, 1, 254, 10, 2, 253, 10, 255, 0, 10];
    assert_eq!(pixels(folder.path(), "palette.tif", &palette.bytes()).unwrap(), expected);
    let inverse = gray.with(262, 3, vec![0]);
    assert_eq!(pixels(folder.path(), "inverse.tif", &inverse.bytes()).unwrap(), [255, 254, 253, 0]);
    let mut planar = TiffFile::strips(2, 1, 3, vec![]).with(284, 3, vec![2]);
    planar.chunks = vec![vec![1, 2], vec![3, 4], vec![5, 6]];
    assert_eq!(pixels(folder.path(), "planar.tif", &planar.bytes()).unwrap(), [1, 3, 5, 2, 4, 6]);
}

/// Splits a JPEG into a tables-only stream and an image without tables, as TIFF stores them.
fn split_tables(jpeg: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let (mut tables, mut image, mut offset) = (vec![0xFF, 0xD8], vec![0xFF, 0xD8], 2);
    loop {
        let length = 2 + usize::from(u16::from_be_bytes([jpeg[offset + 2], jpeg[offset + 3]]));
        match jpeg[offset + 1] {
            0xDB | 0xC4 => tables.extend_from_slice(&jpeg[offset..offset + length]),
            0xDA => break,
            _ => image.extend_from_slice(&jpeg[offset..offset + length]),
        }
        offset += length;
    }
    image.extend_from_slice(&jpeg[offset..]);
    tables.extend_from_slice(&[0xFF, 0xD9]);
    (tables, image)
}

/// A picture of 50x40 pixels as four JPEG tiles of 32x32, and the picture itself.
fn jpeg_chunks(kind: JpegKind) -> (Vec<Vec<u8>>, Vec<u8>) {
    tiled_picture(50, 40, |part| encode_jpeg(part, 32, 3, kind))
}

#[test]
fn the_colour_model_of_the_jpeg_overrides_the_tag() {
    let folder = tempfile::tempdir().unwrap();
    for kind in [JpegKind::Baseline, JpegKind::Rgb] {
        let (chunks, expected) = jpeg_chunks(kind);
        for photometric in [2, 6] {
            let file = TiffFile::tiles(50, 40, 3, 32, 7, chunks.clone()).with(262, 3, vec![photometric]);
            let read = pixels(folder.path(), "a.tif", &file.bytes()).unwrap();
            assert!(max_difference(&read, &expected) <= 6, "photometric {photometric}");
        }
    }
}

#[test]
fn shared_tables_are_used_and_the_tag_decides_where_the_jpeg_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let (chunks, expected) = jpeg_chunks(JpegKind::Rgb);
    let split: Vec<_> = chunks.iter().map(|chunk| split_tables(chunk)).collect();
    let tables = split[0].0.iter().map(|&byte| byte.into()).collect::<Vec<u64>>();
    // Without an Adobe marker, and with components numbered, the JPEG does not tell its colour model.
    let without_model = |image: &[u8], first: u8| {
        let mut image = image.to_vec();
        let adobe = image.windows(2).position(|pair| pair == [0xFF, 0xEE]).unwrap();
        image.drain(adobe..adobe + 16);
        let frame = image.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
        let scan = image.windows(2).position(|pair| pair == [0xFF, 0xDA]).unwrap();
        for index in 0..3 {
            image[frame + 10 + 3 * index] = first + index as u8;
            image[scan + 5 + 2 * index] = first + index as u8;
        }
        image
    };
    for first in [0, 1] {
        let images: Vec<_> = split.iter().map(|(_, image)| without_model(image, first)).collect();
        let file = TiffFile::tiles(50, 40, 3, 32, 7, images).with(347, 7, tables.clone());
        let mut slide = open_bytes(folder.path(), "rgb.tif", &file.bytes(), &built_in()).unwrap();
        assert!(max_difference(&read_all(&mut slide).unwrap(), &expected) <= 6, "from {first}");
        // The tile as a file of its own says what its colours are.
        let tile = slide.stored_tiles().unwrap().tile(0, 0).unwrap().bytes;
        let alone = pixels(folder.path(), "tile.jpg", &tile).unwrap();
        assert!(max_difference(&alone[..96], &expected[..96]) <= 6, "from {first}");
        let wrong = pixels(folder.path(), "ycbcr.tif", &file.clone().with(262, 3, vec![6]).bytes()).unwrap();
        assert!(max_difference(&wrong, &expected) > 50, "the tag decides");
    }
}

#[test]
fn a_tile_of_zero_bytes_is_white() {
    let folder = tempfile::tempdir().unwrap();
    let file = TiffFile::tiles(32, 16, 1, 16, 1, vec![vec![7; 256], vec![]]);
    let read = pixels(folder.path(), "sparse.tif", &file.bytes()).unwrap();
    assert_eq!((read[0], read[15], read[16], read[31]), (7, 7, 255, 255));
}

#[test]
fn resolution_tags_and_aperio_descriptions_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = TiffFile::strips(4, 4, 1, vec![0; 16]);
    let info = |file: &TiffFile| open_bytes(folder.path(), "a.tif", &file.bytes(), &built_in()).unwrap().info;
    let rational = |value: u64| vec![value | 1 << 32];
    let dense = |value| file.clone().with(282, 5, rational(value)).with(283, 5, rational(value));
    assert_eq!(info(&dense(72)).microns_per_pixel, None);
    assert_eq!(info(&dense(20_000).with(296, 3, vec![3])).microns_per_pixel, Some((0.5, 0.5)));
    let text = "Aperio Image Library v11\r\n4x4|AppMag = 20|MPP = 0.4990\0";
    let aperio = info(&dense(72).with(270, 2, text.bytes().map(u64::from).collect()));
    assert_eq!((aperio.microns_per_pixel, aperio.objective_power), (Some((0.499, 0.499)), Some(20.0)));
    let made_by =
        |tag, name: &str| file.clone().with(tag, 2, name.bytes().chain([0]).map(u64::from).collect());
    assert_eq!((aperio.scanner.as_deref(), info(&file).scanner), (Some("Aperio"), None));
    assert_eq!(info(&made_by(272, "C13210")).scanner.as_deref(), Some("C13210"));
    assert_eq!(info(&made_by(271, "Hamamatsu")).scanner.as_deref(), Some("Hamamatsu"));
    let with_profile = |space| {
        let profile = icc::tests::profile(b"mntr", space);
        let info = info(&file.clone().with(34675, 7, profile.iter().map(|&byte| byte.into()).collect()));
        (info.icc_profile == Some(profile), info.warnings.len())
    };
    assert_eq!((with_profile(b"GRAY"), with_profile(b"RGB ")), ((true, 0), (false, 1)));
}

#[test]
fn many_threads_read_the_same_slide() {
    let folder = tempfile::tempdir().unwrap();
    let (chunks, expected) = jpeg_chunks(JpegKind::Baseline);
    let file = TiffFile::tiles(50, 40, 3, 32, 7, chunks).bytes();
    let slide = open_bytes(folder.path(), "a.tif", &file, &built_in()).unwrap();
    let Access::Random(regions) = &slide.access else { unreachable!() };
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                let mut out = vec![0; 50 * 40 * 3];
                regions.read(0, 0, 50, 40, &mut out).unwrap();
                assert!(max_difference(&out, &expected) <= 6);
            });
        }
    });
}

#[test]
fn a_tiff_with_a_wrong_photometric_tag_has_the_right_colours() {
    let Some(data) = test_data() else { return };
    let read =
        |name: &str| read_all(&mut Slide::open(&data.join("dev").join(name), &built_in()).unwrap()).unwrap();
    assert!(max_difference(&read("OS-1-detail.ome.tif"), &read("OS-1-detail.png")) <= 3);
}
