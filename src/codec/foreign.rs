//! JPEGs that other programs wrote, to planes: the original tiles of a source.
//!
//! Takes more than other payloads are: besides gray and YCbCr in the usual samplings also JPEGs whose components are R, G and B, which
//! some scanners write.

use super::turbo::{Color, Decoder, Header, Opened};
use crate::codec::error::{Error, Result};
use crate::image::plane::Plane;
use crate::image::ycc::{Sampling, Ycc};

fn failed(problem: String) -> Error {
    Error::Image { what: "JPEG".into(), problem }
}

/// Opens a JPEG and checks its size and that [`decode_foreign`] can decode it.
fn open(jpeg: &[u8], size: Option<(usize, usize)>) -> Result<Opened<'_>> {
    let opened = Decoder::open(jpeg)?;
    let Header { width, height, color, sampling, .. } = opened.header();
    if let Some((w, h)) = size.filter(|&size| size != (width, height)) {
        return Err(failed(format!("the image is {width}x{height} where {w}x{h} belongs")));
    }
    match (color, sampling) {
        (Color::Gray | Color::Ycc, Some(_)) | (Color::Rgb, Some(Sampling::S444)) => Ok(opened),
        (Color::Cmyk, _) => Err(failed("CMYK, where gray, YCbCr or RGB belongs".into())),
        _ => Err(failed("an unusual sampling of its components".into())),
    }
}

/// The header of a JPEG that [`decode_foreign`] can decode, of `size` (width, height) pixels.
///
/// # Errors
/// Not a JPEG, another size, CMYK, an unusual sampling.
pub fn foreign_header(jpeg: &[u8], size: (usize, usize)) -> Result<Header> {
    open(jpeg, Some(size)).map(|opened| opened.header())
}

/// Decodes a JPEG to its own planes, one of R, G and B to 4:4:4. It must have `size` (width, height) pixels, which is checked before memory
/// is allocated.
///
/// # Errors
/// As [`foreign_header`]; damaged bytes.
pub fn decode_foreign(jpeg: &[u8], size: Option<(usize, usize)>) -> Result<Ycc> {
    let opened = open(jpeg, size)?;
    let header = opened.header();
    if header.color != Color::Rgb {
        return opened.planes();
    }
    let rgb = Plane::from_vec(3 * header.width, header.height, opened.rgb()?);
    Ok(Ycc::from_rgb(rgb.view()))
}
