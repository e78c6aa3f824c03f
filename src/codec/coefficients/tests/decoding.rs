//! The decoder against libjpeg-turbo: good files, files of others, damaged files, parts.

use super::extreme;
use crate::codec::coefficients::decoder::decode;
use crate::codec::coefficients::entry::{EntryPoints, Point};
use crate::codec::coefficients::{Decoder, Encoder};
use crate::codec::testing::{SIZES, image, planes, shape};
use crate::codec::{EncoderKind, ImageDecoder, ImageEncoder, ImageRole, Quality, Shape, turbo};
use crate::image::geometry::Rect;
use crate::image::ycc::{Sampling, Ycc};
use crate::kernels::testing::Rng;

/// All samplings.
fn samplings() -> impl Iterator<Item = Sampling> {
    [Sampling::Gray].into_iter().chain(Sampling::YCC)
}

fn coded(image: &Ycc, quality: Quality, stripe: usize) -> Vec<u8> {
    let mut encoder = Encoder::new().unwrap();
    encoder.set_stripes(stripe);
    encoder.encode(image.view(), quality).unwrap()
}

/// Decodes both ways and compares images and errors. Returns whether there is an image.
fn assert_as_turbo(case: &str, bytes: &[u8], expect: Shape) -> bool {
    let theirs = turbo::Decoder.decode(bytes, expect);
    let ours = Decoder.decode(bytes, expect);
    match (&theirs, &ours) {
        (Ok(theirs), Ok(ours)) => assert!(theirs == ours, "{case}: other samples"),
        (Err(theirs), Err(ours)) => assert_eq!(theirs.to_string(), ours.to_string(), "{case}"),
        _ => panic!("{case}: libjpeg-turbo says {:?}, not {:?}", theirs.err(), ours.err()),
    }
    theirs.is_ok()
}

#[test]
fn good_files_are_decoded_here_to_the_planes_of_libjpeg_turbo() {
    for sampling in samplings() {
        for (width, height) in SIZES {
            for (name, image) in
                [("noise", image(width, height, sampling)), ("extreme", extreme(width, height, sampling))]
            {
                for (quality, stripe) in [(1, 0), (50, 16), (90, 64), (100, 0)] {
                    let case =
                        format!("{name} {sampling:?} {width}x{height}, quality {quality}, stripes {stripe}");
                    let bytes = coded(&image, quality.into(), stripe);
                    assert!(
                        decode(&bytes, shape(&image), None, None, &mut Ycc::default()).is_some(),
                        "{case}"
                    );
                    assert!(assert_as_turbo(&case, &bytes, shape(&image)));
                }
            }
        }
    }
}

#[test]
fn files_of_every_encoder_decode_alike() {
    for kind in [EncoderKind::Turbojpeg, EncoderKind::Mozjpeg, EncoderKind::Jpegli] {
        if !kind.is_built() {
            println!("SKIPPED: {} is not built", kind.name());
            continue;
        }
        for role in [ImageRole::Residual, ImageRole::Baseline] {
            for sampling in [Sampling::Gray, Sampling::S444, Sampling::S420] {
                let image = image(145, 83, sampling);
                let mut encoder = kind.encoder(role).unwrap();
                encoder.set_stripes(32);
                let bytes = encoder.encode(image.view(), 70.into()).unwrap();
                let case = format!("{} {role:?} {sampling:?}", kind.name());
                assert!(assert_as_turbo(&case, &bytes, shape(&image)));
                assert!(!assert_as_turbo(&case, &bytes, Shape { width: 144, ..shape(&image) }));
            }
        }
    }
}

#[test]
fn damage_is_what_libjpeg_turbo_makes_of_it() {
    let mut rng = Rng::new(11);
    let mut random = |below: usize| rng.next() as usize % below;
    for (sampling, stripe) in [(Sampling::Gray, 0), (Sampling::Gray, 32), (Sampling::S420, 32)] {
        let source = image(70, 120, sampling);
        let good = coded(&source, 70.into(), stripe);
        let data = good.windows(2).position(|pair| pair == [0xFF, 0xDA]).unwrap() + 20;
        let (mut images, tries) = (0, 3000);
        for i in 0..tries {
            let mut bytes = good.clone();
            for _ in 0..1 + i % 3 {
                // Half of it in the head, a quarter at the very end.
                let at = match i % 4 {
                    0 | 1 => random(data),
                    2 => data + random(bytes.len() - data),
                    _ => bytes.len() - 1 - random(12),
                };
                bytes[at] = if i % 2 == 0 { random(256) as u8 } else { bytes[at] ^ (1 << random(8)) };
            }
            if i % 5 == 0 {
                let at = data + random(bytes.len() - data);
                bytes.splice(at..at + random(3).min(bytes.len() - at), vec![random(256) as u8; random(3)]);
            }
            images += usize::from(assert_as_turbo(&format!("{sampling:?} {i}"), &bytes, shape(&source)));
        }
        assert!(images > tries / 20, "{images} of {tries} are images");
        for cut in 0..good.len() {
            assert!(!assert_as_turbo("cut short", &good[..cut], shape(&source)), "{cut} bytes");
        }
    }
}

#[test]
fn what_is_unusual_is_left_to_libjpeg_turbo() {
    let source = image(48, 40, Sampling::S444);
    let good = coded(&source, 80.into(), 0);
    let is_here = |bytes: &[u8]| decode(bytes, shape(&source), None, None, &mut Ycc::default()).is_some();
    assert!(is_here(&good));
    let at = |marker: u8| good.windows(2).position(|pair| pair == [0xFF, marker]).unwrap();
    let adobe = |transform: u8| {
        let segment = [b"\xFF\xEE\0\x0EAdobe\0\x64\0\0\0\0".as_slice(), &[transform]].concat();
        [&good[..at(0xDB)], &segment, &good[at(0xDB)..]].concat()
    };
    // Components of other numbers; without JFIF, those of RGB.
    let mut renamed = good.clone();
    for (component, letter) in b"RGB".iter().enumerate() {
        renamed[at(0xC0) + 10 + 3 * component] = *letter;
        renamed[at(0xDA) + 5 + 2 * component] = *letter;
    }
    let rgb = [&renamed[..2], &renamed[at(0xDB)..]].concat();
    let mut precise = good.clone();
    precise[at(0xC0) + 4] = 12;
    for (case, bytes) in [
        ("Adobe's YCbCr", adobe(1)),
        ("Adobe's RGB", adobe(0)),
        ("other numbers", renamed),
        ("RGB by numbers", rgb),
        ("12 bits", precise),
        ("bytes behind the end", [&good[..], b"more"].concat()),
        ("no file", Vec::new()),
    ] {
        assert!(!is_here(&bytes), "{case}");
        assert_as_turbo(case, &bytes, shape(&source));
    }
}

#[test]
fn a_part_is_the_same_part_of_the_whole_and_nothing_else_is_lost() {
    for sampling in samplings() {
        let source = image(150, 131, sampling);
        for stripe in [0, 32] {
            let bytes = coded(&source, 75.into(), stripe);
            let whole = turbo::Decoder.decode(&bytes, shape(&source)).unwrap();
            let mut image = Ycc::default();
            let parts =
                [(0, 0, 1, 1), (149, 130, 1, 1), (40, 33, 64, 31), (13, 70, 90, 20), (96, 0, 54, 131)];
            let parts = parts.map(|(x, y, width, height)| Rect { x, y, width, height });
            for part in parts {
                assert!(Decoder.decode_part(&bytes, shape(&source), part, &mut image).unwrap());
            }
            for part in parts {
                let case = format!("{sampling:?} stripes {stripe}: {part:?}");
                assert_part(&case, &image, &whole, part);
            }
        }
    }
}

/// Compares the samples of a part of two images.
fn assert_part(case: &str, ours: &Ycc, theirs: &Ycc, part: Rect) {
    let sampling = theirs.sampling;
    for (index, (ours, theirs)) in planes(ours).into_iter().zip(planes(theirs)).enumerate() {
        let (fx, fy) = if index == 0 { (1, 1) } else { sampling.factors() };
        let columns = part.columns().start / fx..part.columns().end.div_ceil(fx);
        for y in part.rows().start / fy..part.rows().end.div_ceil(fy) {
            assert!(ours.row(y)[columns.clone()] == theirs.row(y)[columns.clone()], "{case}: row {y}");
        }
    }
}

/// A part of an image at random, of up to 200 pixels a side.
fn any_part(rng: &mut Rng, width: usize, height: usize) -> Rect {
    let mut span = |whole: usize| {
        let length = 1 + rng.next() as usize % whole.min(200);
        ((rng.next() as usize % (whole - length + 1)) as u32, length as u32)
    };
    let ((x, width), (y, height)) = (span(width), span(height));
    Rect { x, y, width, height }
}

#[test]
fn entry_points_change_no_sample() {
    let mut rng = Rng::new(17);
    for sampling in samplings() {
        let (width, height) = (700, 210);
        for (name, source) in
            [("noise", image(width, height, sampling)), ("extreme", extreme(width, height, sampling))]
        {
            for (quality, stripe) in [(50, 32), (100, 64), (90, 0)] {
                let bytes = coded(&source, quality.into(), stripe);
                let whole = turbo::Decoder.decode(&bytes, shape(&source)).unwrap();
                let points = EntryPoints::default();
                for turn in 0..60 {
                    let part = any_part(&mut rng, width, height);
                    let case =
                        format!("{name} {sampling:?}, quality {quality}, stripes {stripe}, {turn}: {part:?}");
                    // The samples of a plane of its own: nothing of the parts before.
                    let mut image = Ycc::default();
                    let done = decode(&bytes, shape(&source), Some(part), Some(&points), &mut image);
                    assert!(done.is_some(), "{case}");
                    assert_part(&case, &image, &whole, part);
                }
                let all = Rect { x: 0, y: 0, width: width as u32, height: height as u32 };
                let mut image = Ycc::default();
                decode(&bytes, shape(&source), Some(all), Some(&points), &mut image).unwrap();
                assert_part(name, &image, &whole, all);
                let taken = points.taken();
                assert!(taken > 30 && taken * size_of::<Point>() <= EntryPoints::bytes(width, height) + 1024);
            }
        }
    }
}

#[test]
fn entry_points_make_no_image_of_damaged_bytes() {
    let mut rng = Rng::new(18);
    let mut images = 0;
    for sampling in [Sampling::Gray, Sampling::S420] {
        let source = image(300, 96, sampling);
        let good = coded(&source, 90.into(), 32);
        let data = good.windows(2).position(|pair| pair == [0xFF, 0xDA]).unwrap() + 14;
        for turn in 0..300 {
            let mut bytes = good.clone();
            let at = data + rng.next() as usize % (bytes.len() - data);
            bytes[at] = rng.byte();
            let points = EntryPoints::default();
            for read in 0..6 {
                let part = any_part(&mut rng, 300, 96);
                let (mut with, mut without) = (Ycc::default(), Ycc::default());
                let first = decode(&bytes, shape(&source), Some(part), Some(&points), &mut with);
                let second = decode(&bytes, shape(&source), Some(part), None, &mut without);
                // With entry points fewer bits are read, so less damage is met; what is decoded both ways is the same.
                assert!(first.is_some() || second.is_none(), "{sampling:?}, {turn}, {read}: {part:?}");
                if second.is_some() {
                    assert_part(&format!("{sampling:?}, {turn}, {read}: {part:?}"), &with, &without, part);
                    images += 1;
                }
            }
        }
    }
    assert!(images > 300, "{images} parts of damaged files are images");
}
