//! JPEGs of kinds that the crate reads and never writes, such as progressive ones, and the segments of a JPEG.
#![allow(unsafe_code)]

use origami::codec::{ImageEncoder, JpegEncoder};
use origami::image::ycc::Sampling;
use turbojpeg_sys as sys;

use super::image::Image;

/// A baseline JPEG of quality 95 as any viewer's encoder makes it.
pub fn baseline(image: &Image, sampling: Sampling) -> Vec<u8> {
    of_quality(95, image, sampling)
}

/// A baseline JPEG of any quality.
pub fn of_quality(quality: u8, image: &Image, sampling: Sampling) -> Vec<u8> {
    let mut encoder = JpegEncoder::new().unwrap();
    match image.channels {
        1 => encoder.encode(image.planes().view(), quality.into()).unwrap(),
        _ => encoder.encode_rgb(&image.data, image.width, image.height, quality, sampling).unwrap(),
    }
}

/// A progressive JPEG of quality 95.
pub fn progressive(image: &Image, sampling: i32) -> Vec<u8> {
    compress(image, &[(sys::TJPARAM_TJPARAM_PROGRESSIVE, 1), (sys::TJPARAM_TJPARAM_SUBSAMP, sampling)])
}

/// A baseline JPEG of quality 95 with a restart marker after every second block.
pub fn restarts(image: &Image, sampling: i32) -> Vec<u8> {
    compress(image, &[(sys::TJPARAM_TJPARAM_RESTARTBLOCKS, 2), (sys::TJPARAM_TJPARAM_SUBSAMP, sampling)])
}

/// Red, green and blue as they are, marked by Adobe's marker with transform 0.
pub fn rgb_coded(image: &Image) -> Vec<u8> {
    let rgb = sys::TJCS_TJCS_RGB as i32;
    compress(
        image,
        &[(sys::TJPARAM_TJPARAM_SUBSAMP, sys::TJSAMP_TJSAMP_444), (sys::TJPARAM_TJPARAM_COLORSPACE, rgb)],
    )
}

fn compress(image: &Image, params: &[(sys::TJPARAM, i32)]) -> Vec<u8> {
    let (width, height) = (image.width as i32, image.height as i32);
    assert_eq!((image.channels, image.data.len()), (3, 3 * image.width * image.height));
    // SAFETY: the pixel buffer has 3 * width * height bytes by the assertion above; the result is copied before it is
    // freed.
    unsafe {
        let handle = sys::tj3Init(sys::TJINIT_TJINIT_COMPRESS as i32);
        assert!(!handle.is_null());
        assert_eq!(sys::tj3Set(handle, sys::TJPARAM_TJPARAM_QUALITY as i32, 95), 0);
        for &(param, value) in params {
            assert_eq!(sys::tj3Set(handle, param as i32, value), 0);
        }
        let (mut out, mut size) = (std::ptr::null_mut(), 0);
        let format = sys::TJPF_TJPF_RGB;
        let rc =
            sys::tj3Compress8(handle, image.data.as_ptr(), width, 0, height, format, &mut out, &mut size);
        assert_eq!(rc, 0);
        let jpeg = std::slice::from_raw_parts(out, size as usize).to_vec();
        sys::tj3Free(out.cast());
        sys::tj3Destroy(handle);
        jpeg
    }
}

/// Marker segments before the scan: marker, whole segment; and what follows from SOS on.
pub fn segments(jpeg: &[u8]) -> (Vec<(u8, Vec<u8>)>, Vec<u8>) {
    let (mut at, mut found) = (2, Vec::new());
    while jpeg[at + 1] != 0xDA {
        let end = at + 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
        found.push((jpeg[at + 1], jpeg[at..end].to_vec()));
        at = end;
    }
    (found, jpeg[at..].to_vec())
}

/// Width, height, and the sampling factors of each component, from the frame header.
pub fn frame(jpeg: &[u8]) -> (u32, u32, Vec<(u8, u8)>) {
    assert_eq!(jpeg[..2], [0xFF, 0xD8], "a JPEG");
    let (found, _) = segments(jpeg);
    let (_, header) = found.iter().find(|(marker, _)| (0xC0..=0xC2).contains(marker)).unwrap();
    let number = |at: usize| u32::from(u16::from_be_bytes([header[at], header[at + 1]]));
    (number(7), number(5), header[10..].chunks(3).map(|c| (c[1] >> 4, c[1] & 15)).collect())
}
