//! Changes to a JPEG that keep its coefficients.

use turbojpeg_sys as sys;

use super::handle::Handle;
use crate::codec::error::Result;
use crate::image::spec::MAX_JPEG_SCANS;

/// The top left `width` x `height` pixels of a JPEG with all its application markers, and Huffman tables made for this part.
///
/// # Errors
/// Damaged bytes, an unusual sampling, a size over that of the image.
pub fn crop(jpeg: &[u8], width: usize, height: usize) -> Result<Vec<u8>> {
    cut(jpeg, (0, 0), (width, height))
}

/// As [`crop`], from another corner (x, y) on, which lies on the grid of the JPEG's MCUs.
///
/// # Errors
/// As [`crop`]; a corner off the grid.
pub fn cut(jpeg: &[u8], (x, y): (usize, usize), (width, height): (usize, usize)) -> Result<Vec<u8>> {
    let region = sys::tjregion { x: x as i32, y: y as i32, w: width as i32, h: height as i32 };
    transform(handle()?, jpeg, region, sys::TJXOPT_CROP | sys::TJXOPT_OPTIMIZE)
}

/// Parts of a JPEG, each given by its corner (x, y) and its size, as [`cut`] gives them; the JPEG is decoded once.
///
/// # Errors
/// As [`cut`].
pub fn cut_all(jpeg: &[u8], parts: &[[usize; 4]]) -> Result<Vec<Vec<u8>>> {
    let region =
        |&[x, y, w, h]: &[usize; 4]| sys::tjregion { x: x as i32, y: y as i32, w: w as i32, h: h as i32 };
    let regions: Vec<_> = parts.iter().map(region).collect();
    transforms(handle()?, jpeg, &regions, sys::TJXOPT_CROP | sys::TJXOPT_OPTIMIZE)
}

/// A JPEG with a restart marker after every `rows` MCU rows; Huffman tables made for that.
///
/// # Errors
/// Damaged bytes.
#[cfg(feature = "mozjpeg")]
pub fn with_restarts(jpeg: &[u8], rows: usize) -> Result<Vec<u8>> {
    let mut handle = handle()?;
    handle.set(sys::TJPARAM_TJPARAM_RESTARTROWS, rows as i32)?;
    transform(handle, jpeg, WHOLE, sys::TJXOPT_OPTIMIZE)
}

/// The same JPEG in sequential arithmetic codes (ITU-T T.81, annex D). An empty block costs hundredths of a bit there; in Huffman codes
/// it has two codes of a bit each at least.
///
/// # Errors
/// Damaged bytes, an unusual sampling.
pub fn arithmetic(jpeg: &[u8]) -> Result<Vec<u8>> {
    transform(handle()?, jpeg, WHOLE, sys::TJXOPT_ARITHMETIC)
}

/// The region of a whole image.
pub(super) const WHOLE: sys::tjregion = sys::tjregion { x: 0, y: 0, w: 0, h: 0 };

pub(super) fn handle() -> Result<Handle> {
    let mut handle = Handle::new(sys::TJINIT_TJINIT_TRANSFORM)?;
    handle.set(sys::TJPARAM_TJPARAM_STOPONWARNING, 1)?;
    handle.set(sys::TJPARAM_TJPARAM_SCANLIMIT, MAX_JPEG_SCANS)?;
    Ok(handle)
}

pub(super) fn transform(handle: Handle, jpeg: &[u8], region: sys::tjregion, options: u32) -> Result<Vec<u8>> {
    Ok(transforms(handle, jpeg, &[region], options)?.pop().unwrap_or_default())
}

/// One result for each region; the JPEG is decoded once.
fn transforms(
    mut handle: Handle,
    jpeg: &[u8],
    regions: &[sys::tjregion],
    options: u32,
) -> Result<Vec<Vec<u8>>> {
    let of = |&r: &sys::tjregion| sys::tjtransform {
        r,
        op: sys::TJXOP_TJXOP_NONE as i32,
        options: options as i32,
        data: std::ptr::null_mut(),
        customFilter: None,
    };
    let transforms: Vec<_> = regions.iter().map(of).collect();
    let mut out = vec![std::ptr::null_mut::<u8>(); regions.len()];
    let mut sizes = vec![0; regions.len()];
    // SAFETY: pointer and length of one live slice; as many transforms, results and sizes as there are regions. TurboJPEG allocates
    // the results, whose pointers are null.
    let rc = unsafe {
        sys::tj3Transform(
            handle.0,
            jpeg.as_ptr(),
            jpeg.len() as _,
            regions.len() as i32,
            out.as_mut_ptr(),
            sizes.as_mut_ptr(),
            transforms.as_ptr(),
        )
    };
    let done = handle.check(rc);
    let mut outputs = Vec::with_capacity(regions.len());
    for (pointer, size) in out.into_iter().zip(sizes) {
        if !pointer.is_null() && rc == 0 {
            // SAFETY: TurboJPEG succeeded, so it has written `size` bytes to the buffer that it allocated.
            outputs.push(unsafe { std::slice::from_raw_parts(pointer, size as usize) }.to_vec());
        }
        // SAFETY: the buffer is TurboJPEG's or null, which `tj3Free` accepts; it is freed once.
        unsafe { sys::tj3Free(pointer.cast()) };
    }
    done.map(|()| outputs)
}
