//! One frame, decoded to 8-bit gray or RGB.
//!
//! It deliberately does not know files. Sizes come from a checked [`Format`]; what a coded frame says of itself is checked against it.

use super::super::deflate;
use super::super::fault::Fault;
use super::super::jpeg::decoder::Decoder;
use super::super::jpeg::header::{ColorModel, Header};
use super::super::window::Window;
use super::deep_jpeg;
use super::format::{Color, Format};
#[cfg(feature = "jpegls")]
use super::jpeg_ls;
use super::palette::Palette;
use super::rle;
use super::syntax::Coding;
use crate::codec::jpeg2000;

const TOO_LARGE: &str = "a frame larger than the memory";

/// Decodes a stored frame to `width * height * channels` bytes. `window` is for samples in 16 bits; a palette makes three bytes of
/// each gray value.
pub(super) fn decode(
    format: &Format,
    stored: Vec<u8>,
    window: Window,
    palette: Option<&Palette>,
    limit_bytes: u64,
) -> Result<Vec<u8>, Fault> {
    let Some(palette) = palette else { return plain(format, stored, window, limit_bytes) };
    // A palette is about stored values, whatever they would be without it.
    let format = &Format { color: Color::Gray { invert: false }, ..*format };
    Ok(match format.is_deep {
        true => {
            deep(format, stored, limit_bytes)?.into_iter().flat_map(|value| palette.color(value)).collect()
        }
        false => {
            let levels = plain(format, stored, window, limit_bytes)?;
            levels.into_iter().flat_map(|level| palette.color(level.into())).collect()
        }
    })
}

/// As [`decode`], without a palette.
fn plain(format: &Format, stored: Vec<u8>, window: Window, limit_bytes: u64) -> Result<Vec<u8>, Fault> {
    if format.is_deep {
        let levels =
            deep(format, stored, limit_bytes)?.into_iter().map(|value| window.level(value)).collect();
        return Ok(to_rgb(format.color, levels));
    }
    let wanted = usize::try_from(format.decoded_bytes()).map_err(|_| TOO_LARGE)?;
    let samples = match format.coding {
        Coding::Jpeg => return jpeg(format, &stored, wanted, limit_bytes),
        Coding::Native | Coding::Deflate => native(format, stored)?,
        Coding::Rle => rle::decode(&stored, usize::from(format.channels()), wanted)?,
        Coding::Jpeg2000 => return jpeg_2000(format, &stored, limit_bytes),
        #[cfg(feature = "jpegls")]
        Coding::JpegLs => match jpeg_ls::decode(format, &stored)? {
            frame if frame.in_planes => interleave(&frame.samples),
            frame => frame.samples,
        },
    };
    Ok(to_rgb(format.color, samples))
}

/// The samples of a frame that is stored without a picture's coding, pixel by pixel.
fn native(format: &Format, mut stored: Vec<u8>) -> Result<Vec<u8>, Fault> {
    if format.coding == Coding::Deflate {
        let wanted = format.native_bytes().and_then(|bytes| usize::try_from(bytes).ok()).ok_or(TOO_LARGE)?;
        stored = deflate::inflate(&stored, wanted)?;
        if stored.len() < wanted {
            return Err(format!("deflate: it ends after {} of {wanted} bytes", stored.len()).into());
        }
    }
    Ok(match format.planar {
        true if format.is_deep => interleave(stored.as_chunks::<2>().0).concat(),
        true => interleave(&stored),
        false => stored,
    })
}

/// The values of a frame of samples in 16 bits, pixel by pixel.
pub(super) fn deep(format: &Format, stored: Vec<u8>, limit_bytes: u64) -> Result<Vec<u16>, Fault> {
    let count = usize::try_from(format.decoded_bytes()).map_err(|_| TOO_LARGE)?;
    let samples = |bytes: &[u8], join: fn([u8; 2]) -> u16| {
        bytes.as_chunks().0.iter().map(|&pair| format.sample(join(pair))).collect()
    };
    Ok(match format.coding {
        Coding::Native | Coding::Deflate => samples(&native(format, stored)?, u16::from_le_bytes),
        // Of each sample the plane of high bytes comes first.
        Coding::Rle => {
            let planes = 2 * usize::from(format.channels());
            let bytes = rle::decode(&stored, planes, count.checked_mul(2).ok_or(TOO_LARGE)?)?;
            samples(&bytes, u16::from_be_bytes)
        }
        Coding::Jpeg2000 => {
            let decoded = jpeg_2000_components(format, &stored, limit_bytes)?;
            check_transform(format, &decoded.header, &stored)?;
            joined(&decoded.components)
        }
        #[cfg(feature = "jpegls")]
        Coding::JpegLs => {
            let frame = jpeg_ls::decode(format, &stored)?;
            let values: Vec<u16> = match format.bits {
                ..=8 => frame.samples.into_iter().map(u16::from).collect(),
                _ => frame.samples.as_chunks().0.iter().map(|&pair| u16::from_ne_bytes(pair)).collect(),
            };
            if frame.in_planes { interleave(&values) } else { values }
        }
        Coding::Jpeg => deep_jpeg::decode(format, &stored, limit_bytes)?,
    })
}

/// Three planes as pixels of three samples.
fn interleave<T: Copy>(planes: &[T]) -> Vec<T> {
    let (red, rest) = planes.split_at(planes.len() / 3);
    let (green, blue) = rest.split_at(rest.len() / 2);
    red.iter().zip(green).zip(blue).flat_map(|((&red, &green), &blue)| [red, green, blue]).collect()
}

/// Components as pixels.
fn joined(components: &[Vec<u16>]) -> Vec<u16> {
    let count = components.len();
    let mut samples = vec![0; count * components.first().map_or(0, Vec::len)];
    for (at, component) in components.iter().enumerate() {
        samples.iter_mut().skip(at).step_by(count).zip(component).for_each(|(to, &from)| *to = from);
    }
    samples
}

/// Decoded samples as gray or RGB.
fn to_rgb(color: Color, mut samples: Vec<u8>) -> Vec<u8> {
    match color {
        Color::Gray { invert: false } | Color::Rgb | Color::JpegTransform => {}
        Color::Gray { invert: true } => samples.iter_mut().for_each(|sample| *sample = !*sample),
        Color::Ycbcr { half: false } => {
            for pixel in samples.as_chunks_mut::<3>().0 {
                *pixel = ycbcr(*pixel);
            }
        }
        Color::Ycbcr { half: true } => {
            let pairs = samples.as_chunks::<4>().0;
            samples = pairs
                .iter()
                .flat_map(|&[one, two, cb, cr]| [[one, cb, cr], [two, cb, cr]])
                .flat_map(ycbcr)
                .collect();
        }
    }
    samples
}

/// YCbCr of full range to RGB, rounded to nearest (PS3.3 section C.7.6.3.1.2; ITU-R BT.601 with 8 bits).
fn ycbcr([y, cb, cr]: [u8; 3]) -> [u8; 3] {
    // In units of 1 / 587000, so that every coefficient is whole.
    const UNIT: i64 = 587_000;
    let (y, cb, cr) = (i64::from(y) * UNIT, i64::from(cb) - 128, i64::from(cr) - 128);
    let (red, blue) = (1402 * 587 * cr, 1772 * 587 * cb);
    let green = -(114 * 1772 * cb) - 299 * 1402 * cr;
    [red, green, blue].map(|part| (y + part + UNIT / 2).div_euclid(UNIT).clamp(0, 255) as u8)
}

/// Baseline or extended JPEG at 8 bits.
fn jpeg(format: &Format, stored: &[u8], wanted: usize, limit_bytes: u64) -> Result<Vec<u8>, Fault> {
    let header = Header::parse(stored)?;
    check_jpeg(format, &header)?;
    if header.multi_scan() && header.coefficient_bytes() > limit_bytes {
        return Err("a progressive JPEG that needs more memory than allowed".into());
    }
    let mut decoder = Decoder::new(Box::new(stored), limit_bytes.saturating_add(64 << 20))?;
    let shape = decoder.header()?;
    if (shape.width, shape.height) != (header.width, header.height) {
        return Err("two readers of the JPEG header disagree".into());
    }
    let channels = format.channels();
    decoder.start((channels == 3).then(|| jpeg_model(format, &header)), channels)?;
    let mut out = vec![0; wanted];
    decoder.rows(&mut out, format.width as usize * usize::from(channels))?;
    if format.color == (Color::Gray { invert: true }) {
        out.iter_mut().for_each(|sample| *sample = !*sample);
    }
    Ok(out)
}

/// A JPEG 2000 image of the size, components and bits that the file declares.
fn jpeg_2000_components(
    format: &Format,
    stored: &[u8],
    limit_bytes: u64,
) -> Result<jpeg2000::Decoded, Fault> {
    let decoded = jpeg2000::decode(stored, limit_bytes)?;
    let header = &decoded.header;
    let found = (header.width, header.height, header.components, header.bits);
    let wanted = (format.width, format.height, usize::from(format.channels()), format.bits);
    if found == wanted {
        return Ok(decoded);
    }
    let text =
        |(width, height, count, bits)| format!("{width}x{height} pixels of {count} samples at {bits} bits");
    Err(format!("a JPEG 2000 image of {}, expected {}", text(found), text(wanted)).into())
}

/// JPEG 2000. Its own colour transform, where it has one, is undone by the decoder.
fn jpeg_2000(format: &Format, stored: &[u8], limit_bytes: u64) -> Result<Vec<u8>, Fault> {
    let jpeg2000::Decoded { header, components } = jpeg_2000_components(format, stored, limit_bytes)?;
    let samples = joined(&components).into_iter().map(|sample| sample as u8).collect();
    match check_transform(format, &header, stored)? {
        true if matches!(format.color, Color::Ycbcr { .. }) => Ok(samples),
        _ => Ok(to_rgb(format.color, samples)),
    }
}

/// Whether a decoded codestream is RGB or gray already; an error where the file declares a transform that it does not have.
fn check_transform(format: &Format, header: &jpeg2000::Header, stored: &[u8]) -> Result<bool, Fault> {
    let is_rgb = header.components == 1 || header.is_subsampled || jpeg2000::has_transform(stored);
    match format.color {
        Color::JpegTransform if !is_rgb => {
            Err("its file declares a colour transform, and its JPEG 2000 codestream has none".into())
        }
        _ => Ok(is_rgb),
    }
}

/// Checks what a JPEG says of itself against the file.
pub(super) fn check_jpeg(format: &Format, header: &Header) -> Result<(), String> {
    let found = (header.width, header.height, header.components.len());
    let wanted = (format.width, format.height, usize::from(format.channels()));
    if header.precision != 8 || matches!(header.sof, 3 | 5..=7 | 11 | 13..=15) {
        return Err(format!(
            "a JPEG of {} bits, process {}; expected baseline at 8",
            header.precision, header.sof
        ));
    }
    if found != wanted {
        let text = |(width, height, components)| format!("{width}x{height} pixels of {components} samples");
        return Err(format!("a JPEG of {}, expected {}", text(found), text(wanted)));
    }
    Ok(())
}

/// The color model of a JPEG of three components: what its markers say, else what the file declares.
pub(super) fn jpeg_model(format: &Format, header: &Header) -> ColorModel {
    let declared = if format.color == Color::Rgb { ColorModel::Rgb } else { ColorModel::YCbCr };
    // Components 1, 2, 3 are YCbCr by custom only; a declaration is better.
    let named_rgb = header.components.first().is_some_and(|component| component.id == b'R');
    let marked = header.adobe.is_some() || header.jfif || named_rgb;
    header.color_model().filter(|_| marked).unwrap_or(declared)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ycbcr_follows_the_standards_matrix() {
        assert_eq!(ycbcr([128, 128, 128]), [128; 3]);
        // 76 + 1.402 * 127 = 254.05; 76 - 0.3441 * -43 - 0.7141 * 127 = 0.10; 76 + 1.772 * -43 = -0.2.
        assert_eq!(ycbcr([76, 85, 255]), [254, 0, 0]);
        assert_eq!(ycbcr([255, 0, 0]), [76, 255, 28]);
        let half = to_rgb(Color::Ycbcr { half: true }, vec![10, 20, 128, 128]);
        assert_eq!(half, [10, 10, 10, 20, 20, 20]);
        assert_eq!(interleave(&[1, 2, 3, 4, 5, 6]), [1, 3, 5, 2, 4, 6]);
    }
}
