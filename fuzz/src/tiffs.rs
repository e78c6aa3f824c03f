//! Slides in TIFF that seeds are made of, by the writer of the unit tests.

#[allow(dead_code, reason = "the unit tests use more of it")]
#[path = "../../src/slide/tests/tiff_file.rs"]
mod tiff_file;

use tiff_file::{TiffFile, file_of};

use crate::seeds::codestream;

/// A JPEG of 16x16 pixels in 4:2:0, behind four bytes that say so.
const JPEG: &[u8] = include_bytes!("../seeds/jpeg/tile.jpg");
const DEFLATE: u64 = 8;
const LZW: u64 = 5;
const JPEG_TILES: u64 = 7;
const ZSTANDARD: u64 = 50_000;
const JPEG_2000: u64 = 34_712;
const APERIO_JPEG_2000: u64 = 33_005;

/// Tiles of 16x16 gray pixels.
fn pixels(at: u8) -> Vec<u8> {
    (0..=255u8).map(|pixel| pixel.wrapping_mul(7) ^ at).collect()
}

fn tiles(side: u32, compression: u64, tile: impl Fn(u8) -> Vec<u8>) -> TiffFile {
    let count = side.div_ceil(16).pow(2) as u8;
    TiffFile::tiles(side, side, 1, 16, compression, (0..count).map(tile).collect())
}

/// A tiled page of YCbCr whose tiles are JPEGs.
fn jpegs(side: u32) -> TiffFile {
    let count = side.div_ceil(16).pow(2) as usize;
    let page = TiffFile::tiles(side, side, 3, 16, JPEG_TILES, vec![JPEG[4..].to_vec(); count]);
    page.with(262, 3, vec![6]).with(530, 3, vec![2, 2])
}

/// The JPEG as its tables, and what is left.
fn split_jpeg() -> (Vec<u8>, Vec<u8>) {
    let jpeg = &JPEG[4..];
    let (mut tables, mut left, mut at) = (vec![0xff, 0xd8], vec![0xff, 0xd8], 2);
    while jpeg[at + 1] != 0xda {
        let end = at + 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
        let is_table = matches!(jpeg[at + 1], 0xdb | 0xc4);
        if is_table { &mut tables } else { &mut left }.extend_from_slice(&jpeg[at..end]);
        at = end;
    }
    tables.extend([0xff, 0xd9]);
    left.extend_from_slice(&jpeg[at..]);
    (tables, left)
}

/// Bytes in a stream of zlib with one stored block.
fn deflated(bytes: &[u8]) -> Vec<u8> {
    let length = bytes.len() as u16;
    let (a, b) = bytes.iter().fold((1u32, 0u32), |(a, b), &byte| {
        let a = (a + u32::from(byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    let head = [&[0x78, 0x01, 1][..], &length.to_le_bytes(), &(!length).to_le_bytes()].concat();
    [&head[..], bytes, &(b << 16 | a).to_be_bytes()].concat()
}

/// Bytes in a frame of Zstandard with one raw block.
fn zstandard(bytes: &[u8]) -> Vec<u8> {
    let size = bytes.len() as u32;
    let block = (size << 3 | 1).to_le_bytes();
    [&b"\x28\xb5\x2f\xfd\xa0"[..], &size.to_le_bytes(), &block[..3], bytes].concat()
}

/// Bytes in codes of LZW, none of which stands for several bytes: the table is cleared before codes of 10 bits begin.
fn lzw(bytes: &[u8]) -> Vec<u8> {
    const CLEAR: u32 = 256;
    const END: u32 = 257;
    let mut codes = Vec::new();
    for part in bytes.chunks(200) {
        codes.push(CLEAR);
        codes.extend(part.iter().copied().map(u32::from));
    }
    codes.push(END);
    let bits: Vec<u8> =
        codes.iter().flat_map(|code| (0..9).rev().map(move |bit| (code >> bit & 1) as u8)).collect();
    bits.chunks(8)
        .map(|byte| byte.iter().enumerate().fold(0, |sum, (at, bit)| sum | bit << (7 - at)))
        .collect()
}

/// A slide as Aperio's scanners write it: levels in tiles, a thumbnail, a label and a macro image.
pub fn scanned() -> Vec<u8> {
    const TEXT: &str =
        "Aperio Image Library v11.2.1\r\n48x48 [0,0 48x48] (16x16) JPEG/RGB Q=70|AppMag = 20|MPP = 0.499";
    let strip = |side: u32| TiffFile::strips(side, side, 1, vec![128; (side * side) as usize]);
    let beside = |name: &str| strip(10).text(270, &format!("Aperio Image Library v11.2.1\r\n{name} 10x10"));
    file_of(&[
        jpegs(48).text(270, TEXT),
        strip(12).text(270, "Aperio Image Library v11.2.1\r\n48x48 -> 12x12"),
        jpegs(24).text(270, "Aperio Image Library v11.2.1\r\n48x48 -> 24x24"),
        beside("label").with(254, 4, vec![1]),
        beside("macro").with(254, 4, vec![9]),
    ])
}

/// As Hamamatsu's scanners write it: an image in one JPEG, and the marks of its pages.
fn hamamatsu() -> Vec<u8> {
    let page = TiffFile::strips(16, 16, 3, JPEG[4..].to_vec());
    let page = page.with(259, 3, vec![JPEG_TILES]).with(262, 3, vec![6]);
    let page = page.with(65420, 4, vec![1]).with(65424, 4, vec![0]);
    file_of(&[page])
}

/// Every file, by a name.
pub fn all() -> Vec<(&'static str, Vec<u8>)> {
    let plain = tiles(40, 1, pixels);
    let reduced = |side: u32| tiles(side, 1, pixels).with(254, 4, vec![1]);
    let pyramid = tiles(40, 1, pixels).above(reduced(20)).above(reduced(10));
    let big = |page: TiffFile| TiffFile { big: true, ..page };
    let (tables, left) = split_jpeg();
    let abbreviated = TiffFile { chunks: vec![left; 9], ..jpegs(48) };
    let tables = tables.into_iter().map(u64::from).collect();
    let (coded, side, components) = codestream();
    let wavelet =
        |compression| TiffFile::tiles(side, side, components, side, compression, vec![coded.clone()]).bytes();
    vec![
        ("big", big(plain.clone()).bytes()),
        ("pyramid", pyramid.clone().bytes()),
        ("pyramid_big", TiffFile { big: true, ..pyramid }.bytes()),
        ("levels", file_of(&[plain.clone(), reduced(20), reduced(10)])),
        ("deflate_tiles", tiles(40, DEFLATE, |at| deflated(&pixels(at))).with(317, 3, vec![2]).bytes()),
        ("lzw_tiles", tiles(40, LZW, |at| lzw(&pixels(at))).with(317, 3, vec![2]).bytes()),
        ("zstandard_tiles", tiles(40, ZSTANDARD, |at| zstandard(&pixels(at))).bytes()),
        ("jpeg_tables", abbreviated.with(347, 7, tables).bytes()),
        ("jpeg2000", wavelet(JPEG_2000)),
        ("jpeg2000_aperio", wavelet(APERIO_JPEG_2000)),
        ("aperio", scanned()),
        ("hamamatsu", hamamatsu()),
    ]
}
