//! NDPI files that are made here: one JPEG with restart intervals, and the page that names them.

use std::fs;
use std::path::Path;

use crate::codec::{ImageEncoder, JpegEncoder, decode_foreign};
use crate::image::plane::Plane;
use crate::image::ycc::{Sampling, Ycc, YccRef};
use crate::slide::{Access, OpenOptions, OpenSlideUse, Selection, Slide, SlideError};

fn planes(width: usize, height: usize, sampling: Sampling) -> Ycc {
    let plane = |w: usize, h: usize, seed: usize| {
        let sample = |i: usize| ((i % w) * 3 + (i / w) * seed + (i * i) % 17) as u8;
        Plane::from_vec(w, h, (0..w * h).map(sample).collect())
    };
    let (cw, ch) = sampling.chroma_size(width, height);
    let chroma = (sampling != Sampling::Gray).then(|| [plane(cw, ch, 5), plane(cw, ch, 7)]);
    Ycc { luma: plane(width, height, 2), chroma, sampling }
}

/// A JPEG with a restart marker after every row of MCUs.
fn jpeg(width: usize, height: usize, sampling: Sampling) -> Vec<u8> {
    let mut encoder = JpegEncoder::new().unwrap();
    encoder.set_stripes(8 * sampling.factors().1);
    encoder.encode(planes(width, height, sampling).view(), 90.into()).unwrap()
}

/// Where the restart intervals begin.
fn starts(jpeg: &[u8]) -> Vec<u32> {
    let scan = jpeg.windows(2).position(|pair| pair == [0xFF, 0xDA]).unwrap();
    let first = scan + 2 + usize::from(u16::from_be_bytes([jpeg[scan + 2], jpeg[scan + 3]]));
    let marks =
        (first..jpeg.len() - 1).filter(|&at| jpeg[at] == 0xFF && (0xD0..=0xD7).contains(&jpeg[at + 1]));
    std::iter::once(first).chain(marks.map(|at| at + 2)).map(|at| at as u32).collect()
}

/// A file of one page, `pages` times.
fn ndpi(path: &Path, size: (u32, u32), jpeg: &[u8], starts: &[u32], pages: u32) {
    let depths: Vec<i32> = (0..pages).map(|page| page as i32).collect();
    planes_file(path, size, &vec![(jpeg, starts); pages as usize], &depths);
}

/// A file of a page for each JPEG, with the places where its restart intervals begin, at these depths.
fn planes_file(path: &Path, (width, height): (u32, u32), jpegs: &[(&[u8], &[u32])], depths: &[i32]) {
    let mut file = b"II*\0\0\0\0\0\0\0\0\0".to_vec();
    let mut offsets = Vec::new();
    for (jpeg, starts) in jpegs {
        let (offset, length) = (file.len() as u32, jpeg.len() as u32);
        file.extend(*jpeg);
        let list = if starts.len() == 1 { starts[0] } else { file.len() as u32 };
        file.extend(starts.iter().flat_map(|start| start.to_le_bytes()));
        offsets.push((offset, length, starts.len() as u32, list));
    }
    let density = file.len() as u32;
    file.extend([40_000u32, 1].iter().flat_map(|n| n.to_le_bytes()));
    let entries: [(u16, u16, u32, u32); 11] = [
        (256, 4, 1, width),
        (257, 4, 1, height),
        (259, 3, 1, 7),
        (273, 4, 1, 0),
        (279, 4, 1, 0),
        (282, 5, 1, density),
        (283, 5, 1, density),
        (296, 3, 1, 3),
        (65421, 11, 1, 20f32.to_bits()),
        (65424, 9, 1, 0),
        (65426, 4, 0, 0),
    ];
    let mut at = file.len() as u64;
    file[4..12].copy_from_slice(&at.to_le_bytes());
    for (page, (&(offset, length, intervals, list), &depth)) in offsets.iter().zip(depths).enumerate() {
        file.extend((entries.len() as u16 + 1).to_le_bytes());
        let all = entries[..8].iter().chain([&(65420, 3, 1, 1)]).chain(&entries[8..]);
        for &(tag, kind, count, value) in all {
            let (count, value) = match tag {
                273 => (count, offset),
                279 => (count, length),
                65424 => (count, depth as u32),
                65426 => (intervals, list),
                _ => (count, value),
            };
            file.extend(tag.to_le_bytes());
            file.extend(kind.to_le_bytes());
            file.extend(count.to_le_bytes());
            file.extend(value.to_le_bytes());
        }
        at += 2 + 12 * 16 + 8;
        file.extend(if page + 1 < offsets.len() { at } else { 0 }.to_le_bytes());
        file.extend([0; 4 * 12]);
    }
    fs::write(path, file).unwrap();
}

/// Without gaps between rows.
fn packed(image: YccRef<'_>) -> Ycc {
    let chroma = image.chroma.map(|planes| planes.map(|plane| plane.to_plane()));
    Ycc { luma: image.luma.to_plane(), chroma, sampling: image.sampling }
}

fn open(path: &Path) -> Result<Slide, crate::slide::SlideError> {
    Slide::open(path, &OpenOptions { openslide: OpenSlideUse::Never, ..OpenOptions::default() })
}

#[test]
fn tiles_have_the_coefficients_of_the_huge_jpeg() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("slide.ndpi");
    for sampling in [Sampling::S444, Sampling::S422, Sampling::S420, Sampling::Gray] {
        for (width, height) in [(600, 530), (256, 256), (40, 25), (513, 300)] {
            let whole = jpeg(width, height, sampling);
            ndpi(&path, (width as u32, height as u32), &whole, &starts(&whole), 1);
            let slide = open(&path).unwrap_or_else(|e| panic!("{sampling:?} {width}x{height}: {e}"));
            assert_eq!((slide.info.width, slide.info.height), (width as u32, height as u32));
            assert_eq!(
                (slide.info.microns_per_pixel, slide.info.objective_power),
                (Some((0.25, 0.25)), Some(20.0))
            );
            let want = decode_foreign(&whole, None).unwrap();
            let tiles = slide.stored_tiles().unwrap();
            for (row, column) in
                (0..height.div_ceil(256)).flat_map(|y| (0..width.div_ceil(256)).map(move |x| (y, x)))
            {
                let got =
                    decode_foreign(&tiles.tile(column as u32, row as u32).unwrap().bytes, None).unwrap();
                let (w, h) = (256.min(width - 256 * column), 256.min(height - 256 * row));
                let want = packed(want.view().part(256 * column, 256 * row, w, h));
                assert!(packed(got.view()) == want, "{sampling:?} {width}x{height}: tile {column}_{row}");
            }
            assert!(tiles.tile(9, 0).is_err() && tiles.tile(0, 9).is_err());
        }
    }
}

#[test]
fn a_focal_plane_is_chosen_by_its_depth() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("slide.ndpi");
    let flat = |value: u8| {
        let mut encoder = JpegEncoder::new().unwrap();
        encoder.set_stripes(8);
        encoder.encode(Ycc::gray(Plane::filled(64, 40, value)).view(), 90.into()).unwrap()
    };
    let jpegs = [flat(20), flat(220), flat(120)];
    let starts: Vec<Vec<u32>> = jpegs.iter().map(|jpeg| starts(jpeg)).collect();
    let pages: Vec<(&[u8], &[u32])> =
        jpegs.iter().zip(&starts).map(|(jpeg, starts)| (&jpeg[..], &starts[..])).collect();
    planes_file(&path, (64, 40), &pages, &[0, 4000, -4000]);
    let with = |z| {
        let selection = Selection { z, ..Selection::default() };
        Slide::open(
            &path,
            &OpenOptions { openslide: OpenSlideUse::Never, selection, ..OpenOptions::default() },
        )
    };
    assert!(matches!(with(None), Err(SlideError::ChoosePlane { count: 3, .. })));
    assert!(matches!(with(Some(3)), Err(SlideError::NoSuchPlane { given: 3, count: 3, .. })));
    for (z, value) in [(0, 120u8), (1, 20), (2, 220)] {
        let slide = with(Some(z)).unwrap();
        let Access::Random(pixels) = &slide.access else { panic!("regions") };
        let mut out = vec![0; 64 * 40];
        pixels.read(0, 0, 64, 40, &mut out).unwrap();
        assert!(out.iter().all(|&got| got.abs_diff(value) <= 2), "plane {z}: {}", out[0]);
    }
    let selection = Selection { channels: vec![0], ..Selection::default() };
    let options = OpenOptions { openslide: OpenSlideUse::Never, selection, ..OpenOptions::default() };
    assert!(matches!(Slide::open(&path, &options), Err(SlideError::NothingToChoose { .. })));
}

#[test]
fn values_have_64_bits_in_files_of_more_than_4_gb() {
    use std::io::{Seek, SeekFrom, Write};
    let dir = tempfile::tempdir().unwrap();
    let (path, near) = (dir.path().join("slide.ndpi"), dir.path().join("near.ndpi"));
    let whole = jpeg(300, 200, Sampling::S420);
    ndpi(&near, (300, 200), &whole, &starts(&whole), 1);
    let small = fs::read(&near).unwrap();
    // The same bytes 5 GiB further on: a hole, of which a file system stores nothing.
    let far = 5u64 << 30;
    let page = u64::from_le_bytes(small[4..12].try_into().unwrap());
    let mut moved = small[12..].to_vec();
    let at = (page - 12) as usize;
    let count = usize::from(u16::from_le_bytes([moved[at], moved[at + 1]]));
    for entry in 0..count {
        let tag = u16::from_le_bytes([moved[at + 2 + 12 * entry], moved[at + 3 + 12 * entry]]);
        // What is a place in the file: the JPEG, two densities, the list of restart intervals.
        if [273, 282, 283, 65426].contains(&tag) {
            let low = at + 2 + 12 * entry + 8;
            let value = u64::from(u32::from_le_bytes(moved[low..low + 4].try_into().unwrap())) + far;
            moved[low..low + 4].copy_from_slice(&(value as u32).to_le_bytes());
            let high = at + 2 + 12 * count + 8 + 4 * entry;
            moved[high..high + 4].copy_from_slice(&((value >> 32) as u32).to_le_bytes());
        }
    }
    let mut file = fs::File::create(&path).unwrap();
    file.write_all(b"II*\0").unwrap();
    file.write_all(&(page + far).to_le_bytes()).unwrap();
    file.seek(SeekFrom::Start(12 + far)).unwrap();
    file.write_all(&moved).unwrap();
    drop(file);
    let tile = |path: &Path| open(path).unwrap().stored_tiles().unwrap().tile(1, 0).unwrap().bytes;
    assert!(tile(&path) == tile(&near), "the same tile from both");
    assert_eq!(open(&path).unwrap().info.microns_per_pixel, Some((0.25, 0.25)));
}

#[test]
fn what_cannot_be_cut_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("slide.ndpi");
    let whole = jpeg(300, 200, Sampling::S420);
    let all = starts(&whole);
    let refused = |starts: &[u32], pages: u32, jpeg: &[u8]| {
        ndpi(&path, (300, 200), jpeg, starts, pages);
        open(&path).expect_err("a refusal").to_string()
    };
    assert!(refused(&all, 2, &whole).contains("2 focal planes, 0 to 1; choose one"));
    assert!(refused(&all[..5], 1, &whole).contains("5 restart intervals where it should have 13"));
    let plain =
        JpegEncoder::new().unwrap().encode(planes(300, 200, Sampling::S420).view(), 90.into()).unwrap();
    assert!(refused(&starts(&plain), 1, &plain).contains("without restart intervals"));
    let mut backwards = all.clone();
    backwards.swap(1, 2);
    assert!(refused(&backwards, 1, &whole).contains("do not follow one another"));
    // A file that ends anywhere gives an error and no panic.
    ndpi(&path, (300, 200), &whole, &all, 1);
    let file = fs::read(&path).unwrap();
    for end in (0..file.len()).step_by(97) {
        fs::write(&path, &file[..end]).unwrap();
        assert!(open(&path).is_err());
    }
}
