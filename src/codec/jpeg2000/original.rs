//! An original tile in JPEG 2000: one byte that says what the components are, and the codestream as its slide has it.
//!
//! The image may be larger than the tile: what lies past the tile's right and lower edge is padding of the slide's.

use super::{Decoded, Header, codestream, decode, has_transform, header};
use crate::codec::error::{Error, Result};
use crate::image::family::Pixels;
use crate::image::plane::Plane;
use crate::image::spec::MAX_TILE;
use crate::image::ycc::{Sampling, Ycc};

/// Memory for one tile: the largest there is, with some to spare.
const LIMIT_BYTES: u64 = 1 << 30;

/// What the components of a codestream are, once its own colour transform is undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colours {
    /// One component, 0 is black.
    Gray,
    /// Red, green, blue.
    Rgb,
    /// Luma, Cb, Cr as in JFIF; Cb and Cr may be subsampled.
    Ycbcr,
}

impl Colours {
    /// Of a file that declares YCbCr: a codestream with a transform of its own decodes to RGB all the same.
    pub fn declared_ycbcr(stored: &[u8]) -> Self {
        if codestream(stored).is_some_and(has_transform) { Colours::Rgb } else { Colours::Ycbcr }
    }

    fn byte(self) -> u8 {
        match self {
            Colours::Gray => 0x01,
            Colours::Rgb => 0x03,
            Colours::Ycbcr => 0x13,
        }
    }

    fn from_byte(byte: u8) -> Option<Self> {
        [Colours::Gray, Colours::Rgb, Colours::Ycbcr].into_iter().find(|colours| colours.byte() == byte)
    }
}

fn failed(problem: impl Into<String>) -> Error {
    Error::Image { what: "JPEG 2000 tile".into(), problem: problem.into() }
}

/// The payload of a stored tile of `size` (width, height) pixels: `stored` is a codestream, alone or in a JP2 file. It is
/// decoded once, as a check.
///
/// # Errors
/// No codestream; more than 8 bits; other components than `colours` says; a smaller image; damaged bytes.
pub fn pack(colours: Colours, stored: &[u8], size: (usize, usize)) -> Result<Vec<u8>> {
    let stream = codestream(stored).ok_or_else(|| failed("no codestream"))?;
    let payload = [&[colours.byte()], stream].concat();
    planes(&payload, size)?;
    Ok(payload)
}

/// Checks the headers of a payload without decoding it.
///
/// # Errors
/// As [`pack`], except for damage further on.
pub fn check(payload: &[u8], (width, height): (usize, usize)) -> Result<(Colours, &[u8], Header)> {
    let (&first, stream) = payload.split_first().ok_or_else(|| failed("it is empty"))?;
    let colours = Colours::from_byte(first).ok_or_else(|| failed(format!("colours of kind {first}")))?;
    if !stream.starts_with(super::START) {
        return Err(failed("no codestream follows its first byte"));
    }
    let found = header(stream)?;
    let count = if colours == Colours::Gray { 1 } else { 3 };
    if found.bits != 8 || found.components != count {
        let (components, bits) = (found.components, found.bits);
        return Err(failed(format!("{components} components at {bits} bits, expected {count} at 8")));
    }
    if found.is_subsampled && colours != Colours::Ycbcr {
        return Err(failed("subsampled components that are not YCbCr"));
    }
    let (across, down) = (found.width as usize, found.height as usize);
    let largest = MAX_TILE as usize;
    if !(width..=largest).contains(&across) || !(height..=largest).contains(&down) {
        return Err(failed(format!("an image of {across}x{down} pixels for a tile of {width}x{height}")));
    }
    Ok((colours, stream, found))
}

/// The components of a payload, cropped to the tile, as planes of `size`.
fn components(payload: &[u8], size: (usize, usize)) -> Result<(Colours, Header, Vec<Plane>)> {
    let (colours, stream, _) = check(payload, size)?;
    let Decoded { header, components } = decode(stream, LIMIT_BYTES)?;
    let across = header.width as usize;
    let cropped = |component: &Vec<u16>| {
        let rows = component.chunks_exact(across).take(size.1);
        let samples = rows.flat_map(|row| row.iter().take(size.0)).map(|&sample| sample as u8).collect();
        Plane::from_vec(size.0, size.1, samples)
    };
    let planes = components.iter().map(cropped).collect();
    Ok((colours, header, planes))
}

/// The planes of a payload: gray or 4:4:4. Components that are YCbCr and not subsampled come as they are, others as RGB in YCbCr.
///
/// # Errors
/// As [`pack`].
pub fn planes(payload: &[u8], size: (usize, usize)) -> Result<Ycc> {
    let (colours, header, mut planes) = components(payload, size)?;
    match (colours, planes.len()) {
        (Colours::Gray, 1) => Ok(Ycc::gray(planes.swap_remove(0))),
        (Colours::Ycbcr, 3) if !header.is_subsampled => Ok(ycc(planes)),
        _ => Ok(Ycc::from_rgb(interleaved(&planes, size).view())),
    }
}

/// The pixels of a payload: gray or RGB.
///
/// # Errors
/// As [`pack`].
pub fn pixels(payload: &[u8], size: (usize, usize)) -> Result<Pixels> {
    let (colours, header, mut planes) = components(payload, size)?;
    match (colours, planes.len()) {
        (Colours::Gray, 1) => Ok(Pixels::Ycc(Ycc::gray(planes.swap_remove(0)))),
        (Colours::Ycbcr, 3) if !header.is_subsampled => Ok(Pixels::Rgb(ycc(planes).to_rgb())),
        _ => Ok(Pixels::Rgb(interleaved(&planes, size))),
    }
}

fn ycc(planes: Vec<Plane>) -> Ycc {
    let mut planes = planes.into_iter();
    let (luma, cb, cr) = (planes.next(), planes.next(), planes.next());
    Ycc {
        luma: luma.unwrap_or_default(),
        chroma: cb.zip(cr).map(<[Plane; 2]>::from),
        sampling: Sampling::S444,
    }
}

fn interleaved(planes: &[Plane], (width, height): (usize, usize)) -> Plane {
    let mut rgb = vec![0; 3 * width * height];
    for (at, plane) in planes.iter().enumerate() {
        for (to, &from) in rgb.iter_mut().skip(at).step_by(3).zip(plane.data()) {
            *to = from;
        }
    }
    Plane::from_vec(3 * width, height, rgb)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::jpeg2000::tests::gray;

    #[test]
    fn a_payload_is_its_colours_and_the_codestream_as_it_is() {
        let stream = gray();
        let payload = pack(Colours::Gray, &stream, (3, 2)).unwrap();
        assert_eq!(payload[1..], stream);
        let planes = planes(&payload, (3, 2)).unwrap();
        assert_eq!((planes.luma.data(), planes.sampling), (&[128; 6][..], Sampling::Gray));
        assert!(matches!(pixels(&payload, (4, 3)), Ok(Pixels::Ycc(_))));
        for (colours, size, words) in [
            (Colours::Rgb, (4, 3), "1 components at 8 bits, expected 3 at 8"),
            (Colours::Gray, (5, 3), "4x3 pixels for a tile of 5x3"),
        ] {
            let error = pack(colours, &stream, size).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
        let mut wrong = payload;
        wrong[0] = 9;
        assert!(check(&wrong, (4, 3)).unwrap_err().to_string().contains("kind 9"));
        assert!(check(&[], (4, 3)).is_err() && check(&[1, 0xFF], (4, 3)).is_err());
    }
}
