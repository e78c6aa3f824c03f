//! JPEGs of 12 bits a sample, by TurboJPEG.

use turbojpeg_sys as sys;

use super::handle::{Handle, failed};
use crate::codec::error::Result;
use crate::image::spec::MAX_JPEG_SCANS;

/// Decodes a gray JPEG of 9 to 12 bits and `size` (width, height) pixels. Its bits, and its samples row by row.
///
/// # Errors
/// Damaged bytes; another size; other bits; colours.
pub fn decode_deep(jpeg: &[u8], size: (usize, usize), limit_bytes: u64) -> Result<(u32, Vec<u16>)> {
    let mut handle = Handle::new(sys::TJINIT_TJINIT_DECOMPRESS)?;
    handle.set(sys::TJPARAM_TJPARAM_STOPONWARNING, 1)?;
    handle.set(sys::TJPARAM_TJPARAM_SCANLIMIT, MAX_JPEG_SCANS)?;
    let megabytes = i32::try_from(limit_bytes >> 20).unwrap_or(i32::MAX);
    handle.set(sys::TJPARAM_TJPARAM_MAXMEMORY, megabytes.max(1))?;
    // SAFETY: the handle is live; the pointer and length are those of a slice.
    let rc = unsafe { sys::tj3DecompressHeader(handle.0, jpeg.as_ptr(), jpeg.len() as _) };
    handle.check(rc)?;
    let found = (handle.get(sys::TJPARAM_TJPARAM_JPEGWIDTH), handle.get(sys::TJPARAM_TJPARAM_JPEGHEIGHT));
    let bits = handle.get(sys::TJPARAM_TJPARAM_PRECISION);
    let is_gray = handle.get(sys::TJPARAM_TJPARAM_COLORSPACE) == sys::TJCS_TJCS_GRAY as i32;
    if (found.0 as usize, found.1 as usize) != size || !(9..=12).contains(&bits) || !is_gray {
        let color = if is_gray { "gray" } else { "coloured" };
        return Err(failed(format!(
            "a {color} image of {}x{} pixels at {bits} bits, expected a gray one of {}x{} at 9 to 12",
            found.0, found.1, size.0, size.1
        )));
    }
    let mut samples = vec![0i16; size.0 * size.1];
    let format = sys::TJPF_TJPF_GRAY as libc::c_int;
    // SAFETY: as above; the buffer has a row of `width` samples for each of the `height` rows of the header, which were compared
    // with `size`. A pitch of 0 is that of rows without gaps.
    let rc = unsafe {
        sys::tj3Decompress12(handle.0, jpeg.as_ptr(), jpeg.len() as _, samples.as_mut_ptr(), 0, format)
    };
    handle.check(rc)?;
    Ok((bits as u32, samples.into_iter().map(|sample| sample.max(0) as u16).collect()))
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A gray JPEG of 12 bits.
    pub fn encode_deep(samples: &[i16], (width, height): (usize, usize)) -> Vec<u8> {
        assert_eq!(samples.len(), width * height);
        let mut handle = Handle::new(sys::TJINIT_TJINIT_COMPRESS).unwrap();
        for (param, value) in [
            (sys::TJPARAM_TJPARAM_SUBSAMP, sys::TJSAMP_TJSAMP_GRAY),
            (sys::TJPARAM_TJPARAM_QUALITY, 100),
            (sys::TJPARAM_TJPARAM_PRECISION, 12),
        ] {
            handle.set(param, value).unwrap();
        }
        let (mut out, mut length) = (std::ptr::null_mut(), 0);
        // SAFETY: the samples are as many as the sizes say; TurboJPEG allocates the result, which is copied and freed once.
        unsafe {
            let (width, height) = (width as libc::c_int, height as libc::c_int);
            let format = sys::TJPF_TJPF_GRAY as libc::c_int;
            let rc = sys::tj3Compress12(
                handle.0,
                samples.as_ptr(),
                width,
                0,
                height,
                format,
                &mut out,
                &mut length,
            );
            handle.check(rc).unwrap();
            let jpeg = std::slice::from_raw_parts(out, length as usize).to_vec();
            sys::tj3Free(out.cast());
            jpeg
        }
    }

    #[test]
    fn twelve_bits_come_back() {
        let samples: Vec<i16> = (0..33 * 20).map(|i| (i * 6 % 4096) as i16).collect();
        let jpeg = encode_deep(&samples, (33, 20));
        let (bits, back) = decode_deep(&jpeg, (33, 20), 1 << 24).unwrap();
        assert_eq!(bits, 12);
        assert!(back.iter().zip(&samples).all(|(&got, &want)| got.abs_diff(want as u16) < 16));
        for size in [(20, 33), (32, 20)] {
            assert!(decode_deep(&jpeg, size, 1 << 24).is_err());
        }
        assert!(decode_deep(&jpeg[..jpeg.len() / 2], (33, 20), 1 << 24).is_err());
    }
}
