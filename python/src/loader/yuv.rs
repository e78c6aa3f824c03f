//! Images as planes of Y, U and V with chroma of half the size (4:2:0): how a cache stores them, and crops of them.
//!
//! The planes lie one after the other, rows tightly packed; the sides of U and V are half of Y's, rounded up (BT.601, full range).

use std::cell::RefCell;

use origami::codec::{JpegColor, JpegDecoder};
use origami::image::plane::{Plane, PlaneRef};
use origami::image::ycc::{Sampling, Ycc};
use origami::kernels::resample::{Scratch, resample, upsample_to_444};
use origami::kernels::taps::{Axis, Filter, TapCache};

use super::image::{self, PNG};
use super::scale::Part;
use origami::pixels::Rgb;

thread_local! {
    /// Tables and scratch memory. Each thread has its own, so that a fork inherits no lock of another thread.
    static KERNEL: RefCell<(TapCache, Scratch)> = RefCell::default();
}

/// U and V of glass without colour.
const NEUTRAL: u8 = 128;

/// Bytes of an image of this size.
pub fn bytes_of(width: usize, height: usize) -> usize {
    width * height + 2 * width.div_ceil(2) * height.div_ceil(2)
}

/// The planes of a JPEG or PNG. Those of a JPEG in 4:2:0 are its own, without a loss.
///
/// # Errors
/// As of `image::decode`.
pub fn decode(bytes: &[u8]) -> Result<Ycc, String> {
    image::size(bytes)?;
    if !bytes.starts_with(PNG) {
        let opened = JpegDecoder::open(bytes).map_err(|e| e.to_string())?;
        let header = opened.header();
        if matches!(header.color, JpegColor::Gray | JpegColor::Ycc) && header.sampling.is_some() {
            return opened.planes().map(halved).map_err(|e| e.to_string());
        }
    }
    let rgb = image::decode(bytes)?;
    let plane = Plane::from_vec(3 * rgb.width, rgb.height, rgb.data);
    Ok(halved(Ycc::from_rgb(plane.view())))
}

/// Chroma brought to half the size; that of gray is neutral.
fn halved(image: Ycc) -> Ycc {
    let size = Sampling::S420.chroma_size(image.luma.width(), image.luma.height());
    let chroma = match image.chroma {
        Some(planes) if image.sampling == Sampling::S420 => planes,
        Some(planes) => planes.map(|plane| scaled(plane.view(), size)),
        None => [(); 2].map(|()| Plane::filled(size.0, size.1, NEUTRAL)),
    };
    Ycc { luma: image.luma, chroma: Some(chroma), sampling: Sampling::S420 }
}

/// The planes one after the other, into `out` of [`bytes_of`].
pub fn store(image: &Ycc, mut out: &mut [u8]) {
    for plane in std::iter::once(&image.luma).chain(image.chroma.iter().flatten()) {
        for y in 0..plane.height() {
            let Some((to, rest)) = std::mem::take(&mut out).split_at_mut_checked(plane.width()) else {
                return;
            };
            to.copy_from_slice(plane.row(y));
            out = rest;
        }
    }
}

/// The planes that [`store`] wrote.
///
/// # Errors
/// Another number of bytes than those of the size.
pub fn load(bytes: &[u8], (width, height): (usize, usize)) -> Result<Ycc, String> {
    if bytes.len() != bytes_of(width, height) {
        let wanted = bytes_of(width, height);
        return Err(format!("its {width}x{height} planes take {wanted} bytes, and it has {}", bytes.len()));
    }
    let (luma, chroma) = bytes.split_at(width * height);
    let (w, h) = Sampling::S420.chroma_size(width, height);
    let (u, v) = chroma.split_at(w * h);
    let plane = |data: &[u8], w, h| Plane::from_vec(w, h, data.to_vec());
    let planes = Some([plane(u, w, h), plane(v, w, h)]);
    Ok(Ycc { luma: plane(luma, width, height), chroma: planes, sampling: Sampling::S420 })
}

/// RGB of the planes; chroma is enlarged by a triangle filter, as libjpeg enlarges it, whose values differ by rounding.
pub fn to_rgb(image: Ycc) -> Rgb {
    let (width, height) = (image.luma.width(), image.luma.height());
    let full = KERNEL.with_borrow_mut(|(taps, _)| upsample_to_444(image, Filter::Bilinear, taps));
    Rgb { width, height, data: full.to_rgb().data().to_vec() }
}

/// Y, U and V at the size of Y, into `out` of `3 * width * height` bytes.
pub fn store_444(image: Ycc, out: &mut [u8]) {
    let full = KERNEL.with_borrow_mut(|(taps, _)| upsample_to_444(image, Filter::Bilinear, taps));
    store(&full, out);
}

fn scaled(plane: PlaneRef<'_>, (width, height): (usize, usize)) -> Plane {
    if (plane.width, plane.height) == (width, height) {
        return plane.to_plane();
    }
    let axis = |in_len, out_len| Axis::Scale { filter: Filter::Bilinear, in_len, out_len };
    KERNEL.with_borrow_mut(|(taps, scratch)| {
        let (across, down) = (taps.get(axis(plane.width, width)), taps.get(axis(plane.height, height)));
        let mut out = Plane::default();
        resample(plane, &across, &down, &mut out, scratch);
        out
    })
}

/// A part of the planes, with corner and size rounded to the grid of chroma, scaled to `side` each way, which is even.
pub fn part(image: &Ycc, part: Part, side: usize) -> Ycc {
    let (x, y) = (part.x / 2 * 2, part.y / 2 * 2);
    let (width, height) = (image.luma.width(), image.luma.height());
    let (right, bottom) =
        ((x + part.width.next_multiple_of(2)).min(width), (y + part.height.next_multiple_of(2)).min(height));
    let luma = scaled(image.luma.view().part(x, y, right - x, bottom - y), (side, side));
    let chroma = image.chroma.as_ref().map(|planes| {
        let (w, h) = (right.div_ceil(2) - x / 2, bottom.div_ceil(2) - y / 2);
        planes.each_ref().map(|plane| scaled(plane.view().part(x / 2, y / 2, w, h), (side / 2, side / 2)))
    });
    Ycc { luma, chroma, sampling: Sampling::S420 }
}

/// The middle of the planes, `side` each way, which is even, with black around a smaller image; its corner is rounded to the grid of chroma.
pub fn middle(image: &Ycc, side: usize) -> Ycc {
    let edge = |whole: usize| match whole < side {
        true => (0, (side - whole) / 4 * 2),
        false => ((whole - side) / 4 * 2, 0),
    };
    let ((from_x, to_x), (from_y, to_y)) = (edge(image.luma.width()), edge(image.luma.height()));
    let around = |plane: &Plane, factor: usize, value: u8| {
        let (x, y, side) = (from_x / factor, from_y / factor, side / factor);
        let (w, h) = (side.min(plane.width() - x), side.min(plane.height() - y));
        let mut out = Plane::filled(side, side, value);
        out.paste(to_x / factor, to_y / factor, plane.view().part(x, y, w, h));
        out
    };
    let luma = around(&image.luma, 1, 0);
    let chroma = image.chroma.as_ref().map(|planes| planes.each_ref().map(|p| around(p, 2, NEUTRAL)));
    Ycc { luma, chroma, sampling: Sampling::S420 }
}
