//! Damaged and malicious files. Each must end in an error, without a large allocation and without a panic.

use super::*;
use crate::codec::jpeg2000;

pub(super) fn refused(name: &str, bytes: &[u8]) -> SlideError {
    let folder = tempfile::tempdir().unwrap();
    // The small limit turns a large allocation into `TooLarge`, which most of these tests do not expect.
    let options = limited(64 << 20);
    let result = open_bytes(folder.path(), name, bytes, &options).and_then(|mut slide| read_all(&mut slide));
    result.expect_err(name)
}

#[test]
fn tiffs_with_wrong_offsets_and_counts() {
    let good = TiffFile::strips(8, 8, 1, vec![5; 64]);
    let cases = [
        ("offset beyond the file", good.clone().with(273, 4, vec![1 << 30])),
        ("count beyond the file", good.clone().with(257, 4, vec![1000]).with(279, 4, vec![8000])),
        ("too few strips", good.clone().with(278, 4, vec![1])),
        ("no pixels", good.clone().with(256, 4, vec![0])),
        ("no rows", good.clone().with(257, 4, vec![0])),
        ("short strip", good.clone().with(279, 4, vec![63])),
        ("no samples", good.clone().with(277, 3, vec![0])),
        ("a text for a width", good.clone().with(256, 2, vec![65, 0])),
        ("an empty width", good.clone().with(256, 4, vec![])),
        ("64-bit offset", TiffFile { big: true, ..good.clone() }.with(273, 16, vec![u64::MAX - 3])),
        ("tiny tiles of a huge image", TiffFile::tiles(u32::MAX, u32::MAX, 1, 1, 1, vec![vec![1]])),
        (
            "deflate of nothing",
            good.clone().with(259, 3, vec![8]).with(256, 4, vec![30_000]).with(257, 4, vec![500]),
        ),
        ("damaged LZW", good.clone().with(259, 3, vec![5])),
        ("JPEG without a JPEG stream", good.clone().with(259, 3, vec![7])),
        ("palette cut short", good.clone().with(262, 3, vec![3]).with(320, 3, vec![0; 30])),
    ];
    for (what, file) in cases {
        let error = refused("case.tif", &file.bytes());
        assert!(matches!(error, SlideError::Corrupt { format: "TIFF", .. }), "{what}: {error}");
    }
    let one_strip = TiffFile::strips(60_000, 60_000, 3, vec![0; 1000]).with(259, 3, vec![5]);
    let error = refused("giant.tif", &one_strip.bytes());
    assert!(matches!(error, SlideError::TooLarge { needed_bytes: 21_600_000_000, .. }), "{error}");
}

#[test]
fn tiffs_with_damaged_directories() {
    let mut file = TiffFile::strips(8, 8, 1, vec![5; 64]).bytes();
    let directory = u32::from_le_bytes(file[4..8].try_into().unwrap()) as usize;
    // The directory names itself as the next one. Only the first is read, so the loop does no harm.
    let end = file.len();
    file[end - 4..].copy_from_slice(&(directory as u32).to_le_bytes());
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(pixels(folder.path(), "loop.tif", &file).unwrap(), [5; 64]);
    // A value of 2^32 - 1 elements.
    file[directory + 2 + 4..directory + 2 + 8].copy_from_slice(&[0xFF; 4]);
    assert!(matches!(refused("count.tif", &file), SlideError::Corrupt { .. }));
    file[directory..directory + 2].copy_from_slice(&[0xFF; 2]);
    assert!(matches!(refused("entries.tif", &file), SlideError::Corrupt { .. }));
    for header in [
        &b"II*\0\xff\xff\xff\xff"[..],
        b"II+\0\x08\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff",
        b"MM\0*\0\0\0\x08",
    ] {
        assert!(matches!(refused("header.tif", header), SlideError::Corrupt { .. }));
    }
}

#[test]
fn pngs_with_impossible_sizes() {
    let header = |width: u32, height: u32| {
        let mut ihdr = b"IHDR".to_vec();
        ihdr.extend_from_slice(&width.to_be_bytes());
        ihdr.extend_from_slice(&height.to_be_bytes());
        // 16-bit RGBA, interlaced.
        ihdr.extend_from_slice(&[16, 6, 0, 0, 1]);
        let bit = |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 };
        let crc = !ihdr.iter().fold(!0u32, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), bit));
        let mut file = b"\x89PNG\r\n\x1a\n\0\0\0\x0d".to_vec();
        file.extend_from_slice(&ihdr);
        file.extend_from_slice(&crc.to_be_bytes());
        file.extend_from_slice(b"\0\0\0\0IDAT\x35\xaf\x06\x1e");
        file
    };
    for (width, height) in [(0, 5), (5, 0), (u32::MAX, u32::MAX), (0x7FFF_FFFF, 0x7FFF_FFFF)] {
        let error = refused("size.png", &header(width, height));
        assert!(!matches!(error, SlideError::Io { .. }), "{error}");
    }
    let error = refused("large.png", &header(64250, 64250));
    assert!(matches!(error, SlideError::TooLarge { .. }), "{error}");
}

#[test]
fn a_huge_size_in_a_small_file_is_refused_or_streams() {
    // The header of a small progressive JPEG, its size replaced by 64250x64250.
    let mut jpeg = encode_jpeg(&picture(32, 32, 3), 32, 3, JpegKind::Progressive);
    let frame = jpeg.windows(2).position(|pair| pair == [0xFF, 0xC2]).unwrap();
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0xFA, 0xFA, 0xFA, 0xFA]);
    let folder = tempfile::tempdir().unwrap();
    let error = open_bytes(folder.path(), "giant.jpg", &jpeg, &built_in()).unwrap_err();
    assert!(matches!(error, SlideError::TooLarge { .. }), "{error}");
    // A baseline JPEG streams, so it opens; reading ends at the first missing row.
    let mut jpeg = encode_jpeg(&picture(32, 32, 1), 32, 1, JpegKind::Baseline);
    let frame = jpeg.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0xFA, 0xFA, 0xFA, 0xFA]);
    let mut slide = open_bytes(folder.path(), "giant.jpg", &jpeg, &built_in()).unwrap();
    let Access::Sequential(rows) = &mut slide.access else { unreachable!() };
    let first = rows.read_rows(8, &mut vec![0; 8 * 64250]).unwrap_err();
    let again = rows.read_rows(8, &mut vec![0; 8 * 64250]).unwrap_err();
    assert_eq!(first.to_string(), again.to_string(), "a failed decoder repeats its error");
}

#[test]
fn a_progressive_jpeg_of_a_thousand_scans_is_refused() {
    let mut jpeg = encode_jpeg(&picture(32, 32, 1), 32, 1, JpegKind::Progressive);
    let last = jpeg.windows(2).rposition(|pair| pair == [0xFF, 0xDA]).unwrap();
    let scan = jpeg[last..jpeg.len() - 2].to_vec();
    let end = jpeg.len() - 2;
    jpeg.splice(end..end, scan.repeat(1000));
    let error = refused("scans.jpg", &jpeg);
    assert!(matches!(error, SlideError::Corrupt { .. }), "{error}");
}

#[test]
fn random_damage_never_panics() {
    let folder = tempfile::tempdir().unwrap();
    let jpeg = encode_jpeg(&picture(40, 24, 3), 40, 3, JpegKind::Baseline);
    let tiled =
        TiffFile::tiles(40, 24, 3, 40, 7, vec![encode_jpeg(&picture(40, 40, 3), 40, 3, JpegKind::Baseline)]);
    let gray = TiffFile::strips(16, 16, 1, picture(16, 16, 1));
    let level = ruzstd::encoding::CompressionLevel::Fastest;
    let frame = ruzstd::encoding::compress_to_vec(picture(16, 16, 1).as_slice(), level);
    let wide = TiffFile::strips(8, 16, 1, picture(16, 16, 1)).with(258, 3, vec![16]).with(274, 3, vec![6]);
    let text = "<OME xmlns=\"openmicroscopy.org\"><Image><Pixels SizeC=\"1\" SizeZ=\"1\" SizeT=\"1\" \
                PhysicalSizeX=\"1\"><Channel Color=\"255\"/><TiffData IFD=\"0\"/></Pixels></Image></OME>";
    let half = TiffFile::strips(8, 8, 1, picture(8, 8, 1)).with(254, 4, vec![1]);
    let codestream = jpeg2000::tests::gray();
    let seeds = [
        ("a.jpg", jpeg),
        ("b.tif", tiled.bytes()),
        ("c.tif", gray.bytes()),
        ("d.tif", TiffFile::tiles(16, 16, 1, 16, 50000, vec![frame]).bytes()),
        ("e.tif", wide.bytes()),
        ("f.tif", file_of(&[gray.clone().text(270, text).above(half.clone()), half])),
        ("h.dcm", hostile_dicoms::dicom().bytes()),
        ("g.tif", TiffFile::tiles(4, 3, 1, 4, 34712, vec![codestream]).with(323, 4, vec![3]).bytes()),
    ];
    let mut random = 0x2545_F491_4F6C_DD1D_u64;
    let mut next = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random as usize
    };
    for (name, seed) in seeds {
        for _ in 0..300 {
            let mut bytes = seed.clone();
            for _ in 0..1 + next() % 4 {
                let at = next() % bytes.len();
                bytes[at] = [next() as u8, 0, 0xFF, bytes[at] ^ 1 << (next() % 8)][next() % 4];
            }
            let small = |slide: &Slide| u64::from(slide.info.width) * u64::from(slide.info.height) < 1 << 20;
            if let Ok(mut slide) = open_bytes(folder.path(), name, &bytes, &limited(16 << 20))
                && small(&slide)
            {
                let _ = read_all(&mut slide);
            }
        }
    }
}

#[test]
fn damaged_compressed_tiles_are_refused_by_their_place() {
    let data = picture(64, 64, 1);
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::none());
    std::io::Write::write_all(&mut encoder, &data).unwrap();
    let good = encoder.finish().unwrap();
    let with = |tile: Vec<u8>| TiffFile::tiles(128, 64, 1, 64, 8, vec![good.clone(), tile]);
    let folder = tempfile::tempdir().unwrap();
    assert!(pixels(folder.path(), "good.tif", &with(good.clone()).bytes()).is_ok());
    // Stored without compression, so that zeroed bytes decode without an error; only the checksum knows.
    let mut zeroed = good.clone();
    zeroed[1000..1100].fill(0);
    for (what, tile) in [
        ("zeroed", zeroed),
        ("without checksum", good[..good.len() - 4].to_vec()),
        ("cut", good[..2000].to_vec()),
    ] {
        let error = refused("tile.tif", &with(tile).bytes()).to_string();
        assert!(error.contains("tile at column 1, row 0"), "{what}: {error}");
        assert_eq!(error.contains("checksum does not match"), what == "zeroed", "{error}");
    }
    for compression in [5, 32773] {
        let tiles = TiffFile::tiles(128, 64, 1, 64, compression, vec![vec![0x80, 0x0B, 0x60]; 2]);
        let error = refused("short.tif", &tiles.bytes());
        assert!(matches!(error, SlideError::Corrupt { .. }), "{compression}: {error}");
    }
}

#[test]
fn an_image_without_a_single_byte_is_refused() {
    let empty = TiffFile::tiles(128, 64, 1, 64, 7, vec![vec![]; 2]);
    let error = refused("empty.tif", &empty.bytes()).to_string();
    assert!(error.contains("no tile or strip holds a byte"), "{error}");
    let planes = vec![vec![1; 4096], vec![], vec![1; 4096]];
    let error =
        refused("planes.tif", &TiffFile::tiles(64, 64, 3, 64, 1, planes).with(284, 3, vec![2]).bytes());
    assert!(error.to_string().contains("some of its planes"), "{error}");
}

#[test]
fn the_damaged_tile_of_the_cases_folder_is_named() {
    let Some(data) = test_data() else { return };
    let opened = Slide::open(&data.join("cases/deflate-tile-damaged.tif"), &built_in());
    let error = opened.and_then(|mut slide| read_all(&mut slide)).unwrap_err().to_string();
    assert!(error.contains("tile at column"), "{error}");
}
