//! JPEGs of anybody's making, to planes: tiles that are kept as their source has them.
//!
//! Wider than what archives hold otherwise: besides gray and YCbCr in the usual samplings also RGB coded as such, which some scanners
//! write. Knows nothing of what the image is for.

use super::{JpegColor, JpegDecoder, JpegHeader, OpenedJpeg};
use crate::codec::error::{Error, Result};
use crate::image::plane::Plane;
use crate::image::ycc::{Sampling, Ycc};

fn failed(problem: String) -> Error {
    Error::Image { what: "JPEG".into(), problem }
}

/// Opens it and holds its header to the size and to what [`decode_foreign`] decodes.
fn open(jpeg: &[u8], size: Option<(usize, usize)>) -> Result<OpenedJpeg<'_>> {
    let opened = JpegDecoder::open(jpeg)?;
    let JpegHeader { width, height, color, sampling, .. } = opened.header();
    if let Some((w, h)) = size.filter(|&size| size != (width, height)) {
        return Err(failed(format!("the image is {width}x{height} where {w}x{h} belongs")));
    }
    match (color, sampling) {
        (JpegColor::Gray | JpegColor::Ycc, Some(_)) | (JpegColor::Rgb, Some(Sampling::S444)) => Ok(opened),
        (JpegColor::Cmyk, _) => Err(failed("CMYK, where gray, YCbCr or RGB belongs".into())),
        _ => Err(failed("an unusual sampling of its components".into())),
    }
}

/// The header alone, checked.
///
/// # Errors
/// No JPEG, another size, components that are not decoded.
pub fn foreign_header(jpeg: &[u8], size: (usize, usize)) -> Result<JpegHeader> {
    open(jpeg, Some(size)).map(|opened| opened.header())
}

/// Decodes to its own planes; RGB to 4:4:4. `size` is what it must be, checked before memory is asked for.
///
/// # Errors
/// As [`foreign_header`]; damaged bytes.
pub fn decode_foreign(jpeg: &[u8], size: Option<(usize, usize)>) -> Result<Ycc> {
    let opened = open(jpeg, size)?;
    let header = opened.header();
    if header.color != JpegColor::Rgb {
        return opened.planes();
    }
    let rgb = Plane::from_vec(3 * header.width, header.height, opened.rgb()?);
    Ok(Ycc::from_rgb(rgb.view()))
}

/// Most bytes that a JPEG of such an image may have to be stored repacked: three planes, none of them smaller coded than as it is, and
/// headers. Whoever unpacks it takes no more.
pub fn max_repacked_bytes(width: usize, height: usize) -> usize {
    let padded = |n: usize| n.next_multiple_of(16);
    6 * padded(width) * padded(height) + (1 << 20)
}
