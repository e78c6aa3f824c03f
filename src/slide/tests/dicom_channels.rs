//! Which planes of a DICOM slide are shown, and in which colours.

use super::dicom_files::*;
use super::dicoms::{read, rle, selected};
use super::*;
use dicom_core::VR;
use dicom_dictionary_std::{tags, uids};

#[test]
fn planes_are_chosen_and_never_guessed() {
    let folder = tempfile::tempdir().unwrap();
    let plain = |value: u8| vec![value; 16 * 16];
    let frames = (1..=4).map(plain).collect();
    let syntax = uids::EXPLICIT_VR_LITTLE_ENDIAN;
    let full =
        DicomFile { paths: vec!["DAPI", "FITC"], planes: 2, ..DicomFile::of(16, 16, 16, 1, syntax, frames) };
    let places = [(0.002, "FITC"), (0.001, "FITC"), (0.002, "DAPI"), (0.001, "DAPI")];
    let sparse = DicomFile {
        frames: [4, 3, 2, 1].map(plain).to_vec(),
        places: Some(places.map(|(z, path)| (1, 1, z, path)).to_vec()),
        ..full.clone()
    };
    for file in [full, sparse] {
        let path = file.write(folder.path(), "a.dcm");
        let refused = |channels: &[u32], z| selected(&path, channels, z).unwrap_err().to_string();
        assert!(refused(&[], None).contains("2 channels: 0 DAPI, 1 FITC"), "{}", refused(&[], None));
        assert!(refused(&[1], None).contains("2 focal planes"));
        assert!(refused(&[2], Some(0)).contains("no channel 2"));
        assert!(refused(&[0], Some(2)).contains("no focal plane 2"));
        // Planes in order of depth, then optical paths (PS3.3 section C.7.6.17.3).
        for (channel, z, value) in [(0, 0, 1), (0, 1, 2), (1, 0, 3), (1, 1, 4)] {
            let mut slide = selected(&path, &[channel], Some(z)).unwrap();
            assert_eq!(read_all(&mut slide).unwrap(), plain(value), "channel {channel}, plane {z}");
        }
    }
}

#[test]
fn sixteen_bits_are_shown_through_a_window() {
    let folder = tempfile::tempdir().unwrap();
    let values: Vec<u16> = (0..256).map(|at| 1000 + at * 10).collect();
    let little: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let big: Vec<u8> = values.iter().flat_map(|value| value.to_be_bytes()).collect();
    let deep = |syntax, frame: Vec<u8>, stored: u16| {
        DicomFile::of(16, 16, 16, 1, syntax, vec![frame]).with(tags::BITS_ALLOCATED, VR::US, 16u16).with(
            tags::BITS_STORED,
            VR::US,
            stored,
        )
    };
    let shown = |file: &DicomFile, window| {
        let selection = Selection { window, ..Selection::default() };
        let options = OpenOptions { selection, ..built_in() };
        let mut slide = Slide::open(&file.write(folder.path(), "a.dcm"), &options).unwrap();
        (read_all(&mut slide).unwrap(), slide.info.warnings[0].clone())
    };
    let between = |low: u32, high: u32| -> Vec<u8> {
        let level = |value: u32| ((value - low) * 255 + (high - low) / 2) / (high - low);
        values.iter().map(|&value| level(u32::from(value).clamp(low, high)) as u8).collect()
    };
    let native = deep(uids::EXPLICIT_VR_LITTLE_ENDIAN, little.clone(), 16);
    let (found, said) = shown(&native, None);
    assert!(
        found == between(1000, 3550) && said.contains("1000 to 3550") && said.contains("measured"),
        "{said}"
    );
    assert!(shown(&native, Some((0, 2000))).0 == between(0, 2000));
    let (found, said) = shown(&deep(uids::EXPLICIT_VR_LITTLE_ENDIAN, little, 12), None);
    assert!(found == between(0, 4095) && said.contains("declares"), "{said}");
    assert!(shown(&deep(uids::RLE_LOSSLESS, rle(&big, 2), 12), None).0 == between(0, 4095));
    let inverted = DicomFile { photometric: "MONOCHROME1", ..native.clone() };
    assert!(
        shown(&inverted, None).0 == between(1000, 3550).iter().map(|level| 255 - level).collect::<Vec<_>>()
    );
    let window = DicomFile { window: Some(("2000.5", "1001")), ..native };
    let (found, said) = shown(&window, None);
    assert!(found == between(1500, 2500) && said.contains("1500 to 2500"), "{said}");
    let curve = |name| DicomFile { window_function: Some(name), ..window.clone() };
    assert!(shown(&curve("SIGMOID"), None).1.contains("(SIGMOID) was not applied"));
    let (_, said) = shown(&curve("LINEAR_EXACT"), None);
    assert!(said.contains("1500 to 2501") && !said.contains("not applied"), "{said}");
    let eight = DicomFile::rgb(16, 16, 16, &[0; 768]).write(folder.path(), "a.dcm");
    let selection = Selection { window: Some((0, 9)), ..Selection::default() };
    let error = Slide::open(&eight, &OpenOptions { selection, ..built_in() }).unwrap_err();
    assert!(matches!(error, SlideError::NothingToChoose { .. }), "{error}");
}

#[test]
fn samples_lie_where_the_high_bit_says_and_nothing_beside_them_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let values: Vec<u16> = (0..256).map(|at| at * 16).collect();
    let want: Vec<u8> = values.iter().map(|&value| ((u32::from(value) * 255 + 2047) / 4095) as u8).collect();
    let file = |syntax, stored: &dyn Fn(u16) -> u16, high: u16| {
        let stored: Vec<u16> = values.iter().map(|&value| stored(value)).collect();
        let frame = match syntax {
            uids::RLE_LOSSLESS => {
                rle(&stored.iter().flat_map(|value| value.to_be_bytes()).collect::<Vec<_>>(), 2)
            }
            _ => stored.iter().flat_map(|value| value.to_le_bytes()).collect(),
        };
        let file =
            DicomFile::of(16, 16, 16, 1, syntax, vec![frame]).with(tags::BITS_ALLOCATED, VR::US, 16u16);
        file.with(tags::BITS_STORED, VR::US, 12u16)
            .with(tags::HIGH_BIT, VR::US, high)
            .write(folder.path(), "a.dcm")
    };
    for syntax in [uids::EXPLICIT_VR_LITTLE_ENDIAN, uids::RLE_LOSSLESS] {
        assert!(read(&file(syntax, &|value| value << 4 | 7, 15)) == want, "{syntax}");
        assert!(read(&file(syntax, &|value| value | 0x5000, 11)) == want, "graphics above, {syntax}");
        for high in [10, 16] {
            let error =
                Slide::open(&file(syntax, &|value| value, high), &built_in()).unwrap_err().to_string();
            assert!(error.contains(&format!("12 bits in 16 up to bit {high} (High Bit)")), "{error}");
        }
    }
    let coded = crate::codec::encode_deep_jpeg(
        &values.iter().map(|&value| value as i16).collect::<Vec<_>>(),
        (16, 16),
    );
    let coded = DicomFile::of(16, 16, 16, 1, uids::JPEG_EXTENDED12_BIT, vec![coded])
        .with(tags::BITS_ALLOCATED, VR::US, 16u16)
        .with(tags::BITS_STORED, VR::US, 12u16)
        .with(tags::HIGH_BIT, VR::US, 15u16);
    let error = Slide::open(&coded.write(folder.path(), "a.dcm"), &built_in()).unwrap_err().to_string();
    assert!(error.contains("(High Bit)"), "{error}");
}

#[test]
fn optical_paths_may_lie_in_a_file_each() {
    let folder = tempfile::tempdir().unwrap();
    let file = |path, value: u8| DicomFile {
        paths: vec![path],
        instance: format!("1.2.3.2.{value}"),
        ..DicomFile::of(16, 16, 16, 1, uids::EXPLICIT_VR_LITTLE_ENDIAN, vec![vec![value; 256]])
    };
    let first = file("A", 1).write(folder.path(), "a.dcm");
    file("B", 2).write(folder.path(), "b.dcm");
    assert!(selected(&first, &[], None).is_err());
    assert_eq!(read_all(&mut selected(&first, &[1], None).unwrap()).unwrap(), [2; 256]);
    file("A", 3).write(folder.path(), "c.dcm");
    let error = selected(&first, &[0], None).unwrap_err().to_string();
    assert!(error.contains("several images of one size"), "{error}");
}

/// A palette of 256 entries from black to a colour.
fn palette(color: [u8; 3], bits: u16) -> Palette {
    let entry = |at: usize, part: u8| (at * usize::from(part) / 255) as u16;
    let data = color.map(|part| {
        (0..256).flat_map(|at| (entry(at, part) * if bits == 16 { 257 } else { 1 }).to_le_bytes()).collect()
    });
    Palette { descriptor: [256, 0, bits], data }
}

#[test]
fn several_channels_are_blended_in_their_palettes_or_colours() {
    let folder = tempfile::tempdir().unwrap();
    let ramp = |factor: usize| (0..256).map(|at| (at * factor % 256) as u8).collect::<Vec<u8>>();
    let (one, two) = (ramp(1), ramp(7));
    let plain = DicomFile {
        paths: vec!["DAPI", "FITC"],
        ..DicomFile::of(16, 16, 16, 1, uids::EXPLICIT_VR_LITTLE_ENDIAN, vec![one.clone(), two.clone()])
    };
    let path = plain.write(folder.path(), "a.dcm");
    let mut slide = selected(&path, &[0, 1], None).unwrap();
    assert_eq!((slide.info.channels, slide.info.levels.len()), (3, 1));
    let want: Vec<u8> = one.iter().zip(&two).flat_map(|(&one, &two)| [one, two, 0]).collect();
    assert!(read_all(&mut slide).unwrap() == want, "red and green");
    assert!(slide.stored_tiles().err().unwrap().contains("several channels"));
    // Blue and a colour of 8 bits, in any order.
    for (bits, order) in [(8, [0, 1]), (16, [1, 0])] {
        let palettes = vec![Some(palette([0, 0, 255], bits)), Some(palette([255, 51, 0], bits))];
        let path = DicomFile { palettes, ..plain.clone() }.write(folder.path(), "a.dcm");
        let got = read_all(&mut selected(&path, &order, None).unwrap()).unwrap();
        let part = |level: u8, part: usize| (usize::from(level) * part / 255) as u8;
        let want: Vec<u8> = one.iter().zip(&two).flat_map(|(&one, &two)| [two, part(two, 51), one]).collect();
        assert!(got == want, "{bits} bits");
    }
    let rgb = DicomFile { paths: vec!["1", "2"], ..DicomFile::rgb(16, 16, 16, &[0; 768]) };
    let rgb = DicomFile { frames: [&rgb.frames[..], &rgb.frames[..]].concat(), ..rgb };
    let error = selected(&rgb.write(folder.path(), "a.dcm"), &[0, 1], None).unwrap_err().to_string();
    assert!(error.contains("channel 0, whose pixels are colours"), "{error}");
}

#[test]
fn a_channel_is_shown_in_the_colour_that_was_chosen_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let ramp: Vec<u8> = (0..=255).collect();
    let file = DicomFile {
        paths: vec!["DAPI", "FITC"],
        palettes: vec![None, Some(palette([0, 0, 255], 8))],
        ..DicomFile::of(16, 16, 16, 1, uids::EXPLICIT_VR_LITTLE_ENDIAN, vec![vec![0; 256], ramp.clone()])
    };
    let path = file.write(folder.path(), "a.dcm");
    let selection = Selection { channels: vec![1], colors: vec![(1, [255, 51, 0])], ..Selection::default() };
    let mut slide = Slide::open(&path, &OpenOptions { selection, ..built_in() }).unwrap();
    let want: Vec<u8> =
        ramp.iter().flat_map(|&level| [level, ((usize::from(level) * 51 + 127) / 255) as u8, 0]).collect();
    assert!(slide.info.channels == 3 && read_all(&mut slide).unwrap() == want);
    assert!(slide.stored_tiles().err().unwrap().contains("a colour that was chosen"));
    let selection = Selection { colors: vec![(1, [255, 51, 0])], ..Selection::default() };
    let error = Slide::open(&path, &OpenOptions { selection, ..built_in() }).unwrap_err().to_string();
    assert!(error.contains("no channel of it was chosen"), "{error}");
}

#[test]
fn a_palette_is_used_or_named() {
    let folder = tempfile::tempdir().unwrap();
    let gray: Vec<u8> = (0..=255).collect();
    let file = DicomFile {
        palettes: vec![Some(palette([0, 255, 0], 16))],
        ..DicomFile::of(16, 16, 16, 1, uids::EXPLICIT_VR_LITTLE_ENDIAN, vec![gray.clone()])
    };
    let mut slide = Slide::open(&file.write(folder.path(), "a.dcm"), &built_in()).unwrap();
    assert!(slide.info.warnings.iter().any(|text| text.contains("colours of the palette")));
    let green: Vec<u8> = gray.iter().flat_map(|&level| [0, level, 0]).collect();
    assert!(slide.info.channels == 3 && read_all(&mut slide).unwrap() == green);
    // Values of 16 bits have an entry each; those beyond have the last one.
    let values: Vec<u8> = (0..256u16).flat_map(|at| (at * 2).to_le_bytes()).collect();
    let deep = DicomFile { frames: vec![values], ..file.clone() }
        .with(tags::BITS_ALLOCATED, VR::US, 16u16)
        .with(tags::BITS_STORED, VR::US, 12u16);
    let path = deep.write(folder.path(), "a.dcm");
    let got = read(&path);
    assert!(got.chunks(3).zip(0..).all(|(pixel, at)| pixel == [0, (at * 2).min(255) as u8, 0]));
    // A window is about gray.
    let selection = Selection { window: Some((0, 510)), ..Selection::default() };
    let mut slide = Slide::open(&path, &OpenOptions { selection, ..built_in() }).unwrap();
    assert!(slide.info.warnings.iter().any(|text| text.contains("a window was chosen")));
    assert!(read_all(&mut slide).unwrap() == gray);
    let mut broken = file;
    broken.palettes[0].as_mut().unwrap().data[1].truncate(100);
    let mut slide = Slide::open(&broken.write(folder.path(), "a.dcm"), &built_in()).unwrap();
    assert!(slide.info.warnings.iter().any(|text| text.contains("50 entries, expected 256")));
    assert!(read_all(&mut slide).unwrap() == gray);
}
