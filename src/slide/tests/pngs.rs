use super::*;
use ::png::{BitDepth, ColorType, Encoder, PixelDimensions, Unit};

fn encode(
    width: u32,
    color: ColorType,
    depth: BitDepth,
    data: &[u8],
    set: impl FnOnce(&mut Encoder<&mut Vec<u8>>),
) -> Vec<u8> {
    let mut out = Vec::new();
    let bits = color.samples() * depth as usize * width as usize;
    let height = (data.len() / bits.div_ceil(8)) as u32;
    let mut encoder = Encoder::new(&mut out, width, height);
    encoder.set_color(color);
    encoder.set_depth(depth);
    set(&mut encoder);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(data).unwrap();
    writer.finish().unwrap();
    out
}

#[test]
fn eight_bit_gray_and_rgb_are_exact() {
    let folder = tempfile::tempdir().unwrap();
    for (color, channels) in [(ColorType::Grayscale, 1), (ColorType::Rgb, 3)] {
        let data = picture(61, 47, channels);
        let file = encode(61, color, BitDepth::Eight, &data, |_| ());
        let mut slide = open_bytes(folder.path(), "a.png", &file, &built_in()).unwrap();
        assert_eq!((slide.info.width, slide.info.height, u32::from(slide.info.channels)), (61, 47, channels));
        assert!(matches!(slide.access, Access::Sequential(_)));
        assert_eq!(read_all(&mut slide).unwrap(), data);
        let Access::Sequential(rows) = &mut slide.access else { unreachable!() };
        let more = rows.read_rows(1, &mut vec![0; 61 * channels as usize]);
        assert!(matches!(more, Err(SlideError::OutOfBounds { .. })), "there is no row below the last");
    }
}

#[test]
fn sixteen_bits_palettes_and_transparency_become_eight_bits_over_white() {
    let folder = tempfile::tempdir().unwrap();
    let wide =
        encode(2, ColorType::Grayscale, BitDepth::Sixteen, &[0, 128, 0, 129, 0xff, 0xff, 0x80, 0], |_| ());
    assert_eq!(pixels(folder.path(), "16.png", &wide).unwrap(), [0, 1, 255, 128]);
    let palette = encode(2, ColorType::Indexed, BitDepth::One, &[0b0100_0000], |encoder| {
        encoder.set_palette(vec![10, 20, 30, 40, 50, 60]);
        encoder.set_trns(vec![255, 0]);
    });
    assert_eq!(pixels(folder.path(), "palette.png", &palette).unwrap(), [10, 20, 30, 255, 255, 255]);
    let alpha = encode(2, ColorType::Rgba, BitDepth::Eight, &[9, 9, 9, 255, 0, 255, 100, 128], |_| ());
    assert_eq!(pixels(folder.path(), "alpha.png", &alpha).unwrap(), [9, 9, 9, 127, 255, 177]);
}

#[test]
fn only_a_resolution_plausible_for_a_microscope_is_used() {
    let folder = tempfile::tempdir().unwrap();
    for (per_metre, expected) in [(2835, None), (2_000_000, Some((0.5, 0.5)))] {
        let file = encode(4, ColorType::Grayscale, BitDepth::Eight, &[0; 16], |encoder| {
            encoder.set_pixel_dims(Some(PixelDimensions {
                xppu: per_metre,
                yppu: per_metre,
                unit: Unit::Meter,
            }));
        });
        let slide = open_bytes(folder.path(), "a.png", &file, &built_in()).unwrap();
        assert_eq!(slide.info.microns_per_pixel, expected);
    }
}

#[test]
fn truncated_and_altered_files_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let file = encode(61, ColorType::Rgb, BitDepth::Eight, &picture(61, 47, 3), |_| ());
    for cut in [8, 20, 33, 60, file.len() / 2, file.len() - 13] {
        assert!(pixels(folder.path(), "cut.png", &file[..cut]).is_err(), "cut at {cut}");
    }
    let mut altered = file.clone();
    altered[file.len() / 2] ^= 0x10;
    assert!(pixels(folder.path(), "altered.png", &altered).is_err());
}

#[test]
fn files_of_pngsuite_are_read_except_those_named_x() {
    let Some(data) = test_data() else { return };
    let mut read = 0;
    for entry in std::fs::read_dir(data.join("torture/pngsuite")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !name.ends_with(".png") {
            continue;
        }
        let result = Slide::open(&path, &built_in()).and_then(|mut slide| read_all(&mut slide));
        assert_eq!(result.is_err(), name.starts_with('x'), "{name}: {:?}", result.err());
        read += 1;
    }
    assert!(read > 100, "only {read} files");
    // Pairs of one picture, interlaced and not.
    for kind in ["0g01", "0g16", "2c08", "2c16", "3p04", "4a08", "4a16", "6a16"] {
        let both = ["basi", "basn"].map(|prefix| {
            let path = data.join(format!("torture/pngsuite/{prefix}{kind}.png"));
            read_all(&mut Slide::open(&path, &built_in()).unwrap()).unwrap()
        });
        assert_eq!(both[0], both[1], "{kind}");
        let interlaced = data.join(format!("torture/pngsuite/basi{kind}.png"));
        assert!(
            matches!(Slide::open(&interlaced, &limited(100)), Err(SlideError::TooLarge { .. })),
            "{kind}"
        );
    }
}

#[test]
fn an_orientation_is_applied_wherever_its_chunk_lies() {
    let folder = tempfile::tempdir().unwrap();
    let data = picture(6, 4, 3);
    let file = encode(6, ColorType::Rgb, BitDepth::Eight, &data, |_| ());
    let chunk = |value: u8| {
        let exif = exif::tests::exif(value);
        let body = [b"eXIf", exif.as_slice()].concat();
        let bit = |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 };
        let crc = !body.iter().fold(!0u32, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), bit));
        [&(exif.len() as u32).to_be_bytes()[..], &body, &crc.to_be_bytes()].concat()
    };
    for at in [33, file.len() - 12] {
        let with = |value: u8| [&file[..at], &chunk(value), &file[at..]].concat();
        let mut right = open_bytes(folder.path(), "6.png", &with(6), &built_in()).unwrap();
        assert_eq!((right.info.width, right.info.height), (4, 6));
        let first: Vec<u8> = (0..4).rev().flat_map(|row| data[row * 18..row * 18 + 3].to_vec()).collect();
        assert_eq!(read_all(&mut right).unwrap()[..12], first);
        assert_eq!(pixels(folder.path(), "1.png", &with(1)).unwrap(), data);
    }
}

#[test]
fn a_gamma_that_is_not_applied_is_told() {
    let folder = tempfile::tempdir().unwrap();
    for (gamma, told) in [(1.0, true), (0.45455, false)] {
        let file = encode(4, ColorType::Grayscale, BitDepth::Eight, &[0; 16], |encoder| {
            encoder.set_source_gamma(::png::ScaledFloat::new(gamma));
        });
        let slide = open_bytes(folder.path(), "a.png", &file, &built_in()).unwrap();
        assert_eq!(slide.info.warnings.len(), usize::from(told), "{:?}", slide.info.warnings);
    }
}

#[test]
fn a_damaged_profile_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let profile = icc::tests::profile(b"mntr", b"RGB ");
    let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, &profile).unwrap();
    let packed = packed.finish().unwrap();
    let file = encode(4, ColorType::Rgb, BitDepth::Eight, &picture(4, 4, 3), |_| ());
    // Signature and IHDR take 33 bytes.
    let with = |packed: &[u8], flip: u8| {
        let body = [b"iCCP", &b"a\0\0"[..], packed].concat();
        let mut crc = flate2::Crc::new();
        crc.update(&body);
        let length = (body.len() as u32 - 4).to_be_bytes();
        let sum = (crc.sum() ^ u32::from(flip)).to_be_bytes();
        [&file[..33], &length, &body, &sum, &file[33..]].concat()
    };
    for (case, bytes, is_whole) in [
        ("whole", with(&packed, 0), true),
        ("checksum", with(&packed, 1), false),
        ("cut off", with(&packed[..packed.len() / 2], 0), false),
    ] {
        let info = open_bytes(folder.path(), "a.png", &bytes, &built_in()).unwrap().info;
        assert_eq!(info.icc_profile.is_some(), is_whole, "{case}");
        let said = ["its colour profile was left out: it is damaged"];
        assert_eq!(info.warnings, if is_whole { &[][..] } else { &said[..] }, "{case}");
    }
}
