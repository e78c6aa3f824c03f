//! Images that other programs coded, to planes: the original tiles of a source.
//!
//! Takes more than other payloads are: codestreams of JPEG 2000, and besides gray and YCbCr in the usual samplings also JPEGs whose components are R, G and B, which
//! some scanners write.

use super::id::CodecId;
use super::jpeg2000;
use super::turbo::{Color, Decoder, Header, Opened};
use crate::codec::error::{Error, Result};
use crate::image::family::Pixels;
use crate::image::plane::Plane;
use crate::image::ycc::{Sampling, Ycc};

/// An original tile of a source, as archives store it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreign {
    /// [`CodecId::Jpeg`] or [`CodecId::Jpeg2000`].
    pub codec: CodecId,
    /// A JPEG file, or a payload of [`jpeg2000::pack`].
    pub bytes: Vec<u8>,
}

impl Foreign {
    /// A JPEG file.
    pub fn jpeg(bytes: Vec<u8>) -> Self {
        Self { codec: CodecId::Jpeg, bytes }
    }

    /// Its planes: of a JPEG as [`decode_foreign`] gives them, of JPEG 2000 gray or 4:4:4. `size` is that of the tile.
    ///
    /// # Errors
    /// As [`decode_foreign`]; another codec.
    pub fn planes(&self, size: (usize, usize)) -> Result<Ycc> {
        match self.codec {
            CodecId::Jpeg2000 => jpeg2000::planes(&self.bytes, size),
            _ => decode_foreign(&self.bytes, Some(size)),
        }
    }

    /// Its pixels as viewers of the source show them: of a JPEG as [`foreign_pixels`] gives them. `size` is that of the tile.
    ///
    /// # Errors
    /// As [`Self::planes`].
    pub fn pixels(&self, size: (usize, usize)) -> Result<Pixels> {
        match self.codec {
            CodecId::Jpeg2000 => jpeg2000::pixels(&self.bytes, size),
            _ => foreign_pixels(&self.bytes, Some(size)),
        }
    }
}

fn failed(problem: String) -> Error {
    Error::Image { what: "JPEG".into(), problem }
}

/// Opens a JPEG and checks its size.
fn sized(jpeg: &[u8], size: Option<(usize, usize)>) -> Result<Opened<'_>> {
    let opened = Decoder::open(jpeg)?;
    let Header { width, height, .. } = opened.header();
    match size.filter(|&size| size != (width, height)) {
        Some((w, h)) => Err(failed(format!("the image is {width}x{height} where {w}x{h} belongs"))),
        None => Ok(opened),
    }
}

/// As [`sized`]; also checks that [`decode_foreign`] can decode it.
fn open(jpeg: &[u8], size: Option<(usize, usize)>) -> Result<Opened<'_>> {
    let opened = sized(jpeg, size)?;
    let Header { color, sampling, .. } = opened.header();
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

/// Decodes a JPEG to the pixels that libjpeg gives, which are what viewers of the file show: gray, or RGB whose chroma libjpeg-turbo
/// has raised ("fancy upsampling"). Any sampling is good. The size is checked as in [`decode_foreign`].
///
/// # Errors
/// Not a JPEG, another size, CMYK, damaged bytes.
pub fn foreign_pixels(jpeg: &[u8], size: Option<(usize, usize)>) -> Result<Pixels> {
    let opened = sized(jpeg, size)?;
    let Header { width, height, color, .. } = opened.header();
    match color {
        Color::Gray => Ok(Pixels::Ycc(opened.planes()?)),
        _ => Ok(Pixels::Rgb(Plane::from_vec(3 * width, height, opened.rgb()?))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{ImageEncoder, JpegEncoder};
    use crate::image::geometry::Rect;

    fn noise(width: usize, height: usize) -> Plane {
        let sample = |i: usize| ((i as u32).wrapping_mul(2_654_435_761) >> 24) as u8;
        Plane::from_vec(width, height, (0..width * height).map(sample).collect())
    }

    /// libjpeg's triangle filter along a row of chroma at half width: `jdsample.c`, `h2v1_fancy_upsample`.
    fn h2v1(row: &[u8], width: usize) -> Vec<u8> {
        let at = |i: i64| i32::from(row[i.clamp(0, row.len() as i64 - 1) as usize]);
        let sample = |x: usize| {
            let (near, far) =
                (x as i64 / 2, if x.is_multiple_of(2) { x as i64 / 2 - 1 } else { x as i64 / 2 + 1 });
            ((3 * at(near) + at(far) + 1 + (x as i32 & 1)) >> 2) as u8
        };
        (0..width).map(sample).collect()
    }

    #[test]
    fn pixels_are_those_of_libjpeg() {
        let (width, height) = (37, 11);
        let rgb = noise(3 * width, height);
        for sampling in [Sampling::S444, Sampling::S422] {
            let jpeg =
                JpegEncoder::new().unwrap().encode_rgb(rgb.data(), width, height, 80, sampling).unwrap();
            let planes = decode_foreign(&jpeg, Some((width, height))).unwrap();
            let raised = planes.chroma.as_ref().unwrap().each_ref().map(|plane| {
                let row = |y| match sampling {
                    Sampling::S444 => plane.row(y).to_vec(),
                    _ => h2v1(plane.row(y), width),
                };
                Plane::from_vec(width, height, (0..height).flat_map(row).collect())
            });
            let want = Ycc { luma: planes.luma, chroma: Some(raised), sampling: Sampling::S444 }.to_rgb();
            let Pixels::Rgb(got) = foreign_pixels(&jpeg, None).unwrap() else { panic!("colour") };
            assert_eq!(got, want, "{sampling:?}");
        }
        let gray = Ycc::gray(noise(width, height));
        let jpeg = JpegEncoder::new().unwrap().encode(gray.view(), 80.into()).unwrap();
        assert!(matches!(foreign_pixels(&jpeg, None), Ok(Pixels::Ycc(_))));
        assert!(foreign_pixels(&jpeg, Some((1, 1))).is_err());
    }

    #[test]
    fn pixels_of_a_part_are_those_of_the_whole() {
        let (width, height) = (93, 71);
        let rgb = noise(3 * width, height);
        for sampling in Sampling::YCC {
            let jpeg =
                JpegEncoder::new().unwrap().encode_rgb(rgb.data(), width, height, 80, sampling).unwrap();
            let whole = Decoder::open(&jpeg).unwrap().rgb().unwrap();
            for at in 0..400usize {
                // All corners, and sides from 1 on.
                let (x, y) = (at * 7 % width, at * 5 % height);
                let (w, h) = (1 + at * 11 % (width - x), 1 + at * 13 % (height - y));
                let [x, y, w, h] = [x, y, w, h].map(|n| n as u32);
                let part = Rect { x, y, width: w, height: h };
                let (made, pixels) = Decoder::open(&jpeg).unwrap().rgb_around(part).unwrap();
                for row in part.rows() {
                    let of = |pixels: &[u8], stride: usize, (left, top): (usize, usize)| {
                        pixels[3 * ((row - top) * stride + part.x as usize - left)..][..3 * w as usize]
                            .to_vec()
                    };
                    assert_eq!(
                        of(&pixels, made.width as usize, (made.x as usize, made.y as usize)),
                        of(&whole, width, (0, 0)),
                        "{sampling:?}, {part:?} of {made:?}: row {row}"
                    );
                }
            }
        }
    }
}
