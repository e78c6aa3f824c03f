//! Coded images. The first four bytes are width and height less one, the sampling that belongs there, and where a part begins.

use origami::codec::{
    CodecId, Foreign, Shape, decode_foreign, decode_png, decoder, extras, foreign_pixels, unpacked,
    without_extras,
};
use origami::image::geometry::Rect;
use origami::image::ycc::{Sampling, Ycc};

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

pub fn png(data: &[u8]) {
    drop(decode_png(data, 1 << 20));
}
