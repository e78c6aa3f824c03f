//! A JPEG made larger at its right and lower edge: its blocks stay as they are.

use std::ffi::{c_int, c_short};

use turbojpeg_sys as sys;

use super::handle::failed;
use super::transform::{WHOLE, handle, transform};
use crate::codec::error::Result;

/// Samples of a block, each way.
const SIDE: usize = 8;

/// Blocks of a component, each way, that the image has; and the row of blocks that came last.
struct Own {
    columns: usize,
    rows: usize,
    last: Vec<[i16; 64]>,
}

/// The JPEG with `width` x `height` pixels, at least as many as it has. The blocks that hold its pixels keep their coefficients. Those
/// next to them are their mirror images, so that chroma is raised at the edge as it was; the others are flat and take few bytes.
///
/// # Errors
/// Damaged bytes, an unusual sampling, a size below that of the image.
pub fn pad(jpeg: &[u8], width: usize, height: usize) -> Result<Vec<u8>> {
    // One scan in Huffman codes, whatever there was.
    let mut whole = transform(handle()?, jpeg, WHOLE, sys::TJXOPT_OPTIMIZE)?;
    let mut own = complete(&mut whole).ok_or_else(|| failed("its header cannot be found".into()))?;
    let region = sys::tjregion { x: 0, y: 0, w: width as i32, h: height as i32 };
    let extension = sys::tjtransform {
        r: region,
        op: sys::TJXOP_TJXOP_NONE as i32,
        options: (sys::TJXOPT_CROP | sys::TJXOPT_OPTIMIZE) as i32,
        data: (&raw mut own).cast(),
        customFilter: Some(fill),
    };
    let handle = &mut handle()?;
    let (mut out, mut size) = (std::ptr::null_mut::<u8>(), 0);
    // SAFETY: pointer and length of one live slice; one transform, whose `data` is the list that `fill` expects and that lives until
    // the call is over; TurboJPEG allocates the result, whose pointer is null.
    let rc = unsafe {
        sys::tj3Transform(handle.0, whole.as_ptr(), whole.len() as _, 1, &mut out, &mut size, &extension)
    };
    let padded = match !out.is_null() && rc == 0 {
        // SAFETY: TurboJPEG succeeded, so it has written `size` bytes to the buffer that it allocated.
        true => unsafe { std::slice::from_raw_parts(out, size as usize) }.to_vec(),
        false => Vec::new(),
    };
    // SAFETY: null, or memory of TurboJPEG; freed once.
    unsafe { sys::tj3Free(out.cast()) };
    handle.check(rc)?;
    Ok(padded)
}

/// Where the frame header lies behind its marker and length: precision, height, width, the number of components; of each its name, sampling and
/// table.
fn frame_header(jpeg: &[u8]) -> Option<usize> {
    let mut at = 2;
    loop {
        let &[0xFF, marker, high, low] = jpeg.get(at..)?.first_chunk::<4>()? else { return None };
        if matches!(marker, 0xC0..=0xC2) {
            return Some(at + 4);
        }
        at += 2 + usize::from(u16::from_be_bytes([high, low]));
    }
}

/// The sampling of each component.
fn factors(jpeg: &[u8], frame: usize) -> Option<Vec<(usize, usize)>> {
    let sampling = |i: usize| {
        let byte = *jpeg.get(frame + 7 + 3 * i)?;
        Some((usize::from(byte >> 4), usize::from(byte & 15)))
    };
    (0..usize::from(*jpeg.get(frame + 5)?)).map(sampling).collect()
}

/// How many samples across and down each component has in an MCU, as the header says. Empty where there is no header.
pub fn sampling_factors(jpeg: &[u8]) -> Vec<(usize, usize)> {
    frame_header(jpeg).and_then(|frame| factors(jpeg, frame)).unwrap_or_default()
}

/// Lets the header of a sequential JPEG of one scan count whole MCUs: their blocks are all there, but libjpeg takes over only those MCUs
/// that are full of pixels. Returns the blocks of each component.
fn complete(jpeg: &mut [u8]) -> Option<Vec<Own>> {
    let frame = frame_header(jpeg)?;
    let count = usize::from(*jpeg.get(frame + 5)?);
    if count == 1 {
        // The sampling of a single component has no meaning.
        *jpeg.get_mut(frame + 7)? = 0x11;
    }
    let factors = factors(jpeg, frame)?;
    let across = factors.iter().map(|&(across, _)| across).max().filter(|&most| most > 0)?;
    let down = factors.iter().map(|&(_, down)| down).max().filter(|&most| most > 0)?;
    let mut mcus = [0; 2];
    for (number, (offset, most)) in [(frame + 3, across), (frame + 1, down)].into_iter().enumerate() {
        let bytes: &mut [u8; 2] = jpeg.get_mut(offset..offset + 2)?.try_into().ok()?;
        let count = usize::from(u16::from_be_bytes(*bytes)).div_ceil(SIDE * most);
        *bytes = u16::try_from(count * SIDE * most).ok()?.to_be_bytes();
        mcus[number] = count;
    }
    let own = |(across, down)| Own { columns: mcus[0] * across, rows: mcus[1] * down, last: Vec::new() };
    Some(factors.into_iter().map(own).collect())
}

/// Called by TurboJPEG with every row of blocks of every component, in order: fills those beyond the image.
///
/// # Safety
/// `transform` points to the transform of [`pad`]; `blocks` points to the coefficients of `row`.
unsafe extern "C" fn fill(
    blocks: *mut c_short,
    row: sys::tjregion,
    _plane: sys::tjregion,
    component: c_int,
    _transform_number: c_int,
    transform: *mut sys::tjtransform,
) -> c_int {
    // SAFETY: `data` is the list of `pad`, which does not touch it during the call.
    let all = unsafe { &mut *(*transform).data.cast::<Vec<Own>>() };
    let Some(own) = all.get_mut(component as usize) else { return -1 };
    let columns = row.w as usize / SIDE;
    // SAFETY: TurboJPEG passes `row.w` x 8 coefficients, 64 for each block, one block after the other.
    let coefficients = unsafe { std::slice::from_raw_parts_mut(blocks, 64 * columns) };
    let blocks: &mut [[i16; 64]] = coefficients.as_chunks_mut().0;
    let number = row.y as usize / SIDE;
    if number >= own.rows {
        for (block, above) in blocks.iter_mut().zip(&own.last) {
            match number == own.rows {
                true => *block = mirrored(above, SIDE),
                false => block[0] = above[0],
            }
        }
        return 0;
    }
    let (inside, outside) = blocks.split_at_mut(own.columns.min(columns));
    if let (Some(edge), Some((first, others))) = (inside.last(), outside.split_first_mut()) {
        *first = mirrored(edge, 1);
        others.iter_mut().for_each(|block| block[0] = edge[0]);
    }
    own.last = blocks.to_vec();
    0
}

/// A block mirrored left to right, with `step` 1, or upside down, with 8: the coefficients of its odd frequencies change their sign.
fn mirrored(block: &[i16; 64], step: usize) -> [i16; 64] {
    std::array::from_fn(|i| if i / step % 2 == 1 { block[i].wrapping_neg() } else { block[i] })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::testing::image;
    use crate::codec::{ImageEncoder, JpegEncoder, crop_jpeg, decode_foreign, foreign_pixels};
    use crate::image::family::Pixels;
    use crate::image::plane::Plane;
    use crate::image::ycc::Sampling;

    /// What viewers show.
    fn seen(jpeg: &[u8]) -> Plane {
        match foreign_pixels(jpeg, None).unwrap() {
            Pixels::Rgb(rgb) => rgb,
            Pixels::Ycc(planes) => planes.luma,
        }
    }

    #[test]
    fn what_is_there_keeps_its_coefficients() {
        let all = [Sampling::Gray, Sampling::S444, Sampling::S422, Sampling::S420, Sampling::S440];
        for sampling in all {
            for (width, height) in [(1, 1), (8, 16), (17, 63), (64, 33), (40, 64), (63, 63), (16, 16)] {
                let planes = image(width, height, sampling);
                let jpeg = JpegEncoder::new().unwrap().encode(planes.view(), 90.into()).unwrap();
                let padded = pad(&jpeg, 64, 64).unwrap();
                let whole = decode_foreign(&padded, Some((64, 64))).unwrap();
                assert_eq!(whole.sampling, sampling);
                let was = decode_foreign(&jpeg, None).unwrap();
                let back = decode_foreign(&crop_jpeg(&padded, width, height).unwrap(), None).unwrap();
                assert_eq!(back, was, "{sampling:?} {width}x{height}");
                for y in 0..height {
                    assert_eq!(whole.luma.row(y)[..width], *was.luma.row(y), "{sampling:?} {width}x{height}");
                }
                // Where the image ends with an MCU, viewers show its edge as before. Elsewhere a hidden sample may count.
                if width.is_multiple_of(16) && height.is_multiple_of(16) {
                    let (seen, before) = (seen(&padded), seen(&jpeg));
                    for y in 0..height {
                        let mut pairs = seen.row(y).iter().zip(before.row(y)).take(before.width());
                        assert!(pairs.all(|(a, b)| a.abs_diff(*b) <= 1), "{sampling:?} {width}x{height}");
                    }
                }
            }
        }
    }

    #[test]
    fn wrong_files_and_sizes_are_refused() {
        let planes = image(32, 32, Sampling::S420);
        let jpeg = JpegEncoder::new().unwrap().encode(planes.view(), 90.into()).unwrap();
        assert!(pad(&jpeg[..jpeg.len() / 2], 64, 64).is_err());
        assert!(pad(b"no JPEG", 64, 64).is_err());
        assert!(complete(&mut [0xFF, 0xD8, 0xFF, 0xC0, 0, 11, 8]).is_none());
    }
}
