//! Coded images. The first four bytes are width and height less one, the sampling that belongs there, and where a part begins.

use std::sync::OnceLock;

use origami::codec::{
    CodecId, Foreign, Shape, decode_foreign, decode_png, decoder, extras, foreign_pixels, unpacked,
    without_extras,
};
use origami::image::geometry::Rect;
use origami::image::ycc::{Sampling, Ycc};
use origami::output::icc::Profile;

/// Of the byte of the sampling: a context payload is also decoded as one of [`MOST_PX`].
const CLAIMS_MOST: u8 = 0x80;
/// The side of the largest family.
const MOST_PX: usize = 16_384;
/// So few bytes cannot describe so many pixels.
const FEW_BYTES: usize = 64;

/// The shape that an image must have, and its bytes.
fn split(data: &[u8]) -> Option<(Shape, u8, &[u8])> {
    let (&[width, height, sampling, part], bytes) = data.split_first_chunk()?;
    let sampling = match sampling % 4 {
        0 => None,
        1 => Some(Sampling::Gray),
        2 => Some(Sampling::S420),
        _ => Some(Sampling::S444),
    };
    let side = |less_one: u8| usize::from(less_one) + 1;
    Some((Shape { width: side(width), height: side(height), sampling }, part, bytes))
}

fn decode(codec: CodecId, data: &[u8]) {
    let Some((shape, part, bytes)) = split(data) else { return };
    let Ok(mut decoder) = decoder(codec) else { return };
    let Ok(whole) = decoder.decode(bytes, shape) else { return };
    assert_eq!((whole.luma.width(), whole.luma.height()), (shape.width, shape.height));
    let y = u32::from(part) % shape.height as u32;
    let rect = Rect { x: 0, y, width: shape.width as u32, height: shape.height as u32 - y };
    let mut image = Ycc::default();
    if let Ok(true) = decoder.decode_part(bytes, shape, rect, &mut image) {
        let rows = y as usize..shape.height;
        assert!(rows.clone().all(|y| image.luma.row(y) == whole.luma.row(y)), "rows {rows:?} differ");
    }
}

pub fn jpeg(data: &[u8]) {
    decode(CodecId::Jpeg, data);
    let Some((shape, _, bytes)) = split(data) else { return };
    drop(decode_foreign(bytes, Some((shape.width, shape.height))));
    drop(foreign_pixels(bytes, Some((shape.width, shape.height))));
    drop(extras(bytes));
    drop(without_extras(bytes.to_vec(), |profile| profile.len() > 3));
}

pub fn context(data: &[u8]) {
    decode(CodecId::Context, data);
    // A few bytes that claim the residual of the largest family must not take its time.
    if let Some((shape, _, bytes)) = split(data).filter(|(.., bytes)| bytes.len() <= FEW_BYTES)
        && data[2] & CLAIMS_MOST != 0
        && let Ok(mut decoder) = decoder(CodecId::Context)
    {
        drop(decoder.decode(bytes, Shape { width: MOST_PX, height: MOST_PX, ..shape }));
    }
}

pub fn lepton(data: &[u8]) {
    decode(CodecId::Lepton, data);
    let Some((shape, _, bytes)) = split(data) else { return };
    drop(unpacked(CodecId::Lepton, bytes.to_vec(), shape.width, shape.height));
}

pub fn vp8(data: &[u8]) {
    decode(CodecId::Webp, data);
}

pub fn jpegxl(data: &[u8]) {
    decode(CodecId::JpegXl, data);
}

pub fn jpeg2000(data: &[u8]) {
    let Some((shape, _, bytes)) = split(data) else { return };
    let image = Foreign { codec: CodecId::Jpeg2000, bytes: bytes.to_vec() };
    drop(image.planes((shape.width, shape.height)));
    drop(image.pixels((shape.width, shape.height)));
}

/// A frame in JPEG-LS, of 8x8 pixels in a slide of DICOM. The first byte says whether it is gray.
pub fn jpegls(data: &[u8]) {
    const RGB: &[u8] = include_bytes!("../seeds/dicom/jpegls");
    const GRAY: &[u8] = include_bytes!("../seeds/dicom/jpegls_gray");
    /// The element of the pixels in fragments, and an empty table of offsets.
    const PIXELS: &[u8] = b"\xe0\x7f\x10\0OB\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\0\0\0\0";
    static HEADS: OnceLock<[&[u8]; 2]> = OnceLock::new();
    let heads = HEADS.get_or_init(|| {
        [GRAY, RGB].map(|file| {
            let at = file.windows(PIXELS.len()).position(|window| window == PIXELS);
            &file[..at.expect("pixels") + PIXELS.len()]
        })
    });
    let Some((kind, frame)) = data.split_first() else { return };
    let padding = frame.len() % 2;
    let length = (frame.len() + padding) as u32;
    let item = [&b"\xfe\xff\0\xe0"[..], &length.to_le_bytes(), frame, &[0][..padding]].concat();
    let file = [heads[usize::from(kind % 2)], &item, b"\xfe\xff\xdd\xe0\0\0\0\0"].concat();
    crate::files::dicom(&file);
}

/// A colour profile.
pub fn icc(data: &[u8]) {
    if let Ok(profile) = Profile::parse(data) {
        let pixels: Vec<u8> = (0..16 * profile.channels()).map(|at| at as u8 * 5).collect();
        assert_eq!(profile.to_srgb(&pixels).len(), 48);
        assert_ne!(profile.name(), Some(""));
    }
}

pub fn png(data: &[u8]) {
    drop(decode_png(data, 1 << 20));
}
