//! PNG: tiles of PNG pyramids, and output without another lossy step.
//!
//! Gray and RGB of 8 bits; other depths are converted to these, those of 16 bits over their full range, and alpha is laid over white.

use crate::codec::error::{Error, Result};

fn codec(problem: impl std::fmt::Display) -> Error {
    Error::Image { what: "PNG".into(), problem: problem.to_string() }
}

/// Samples, channels (1 or 3), width and height of a decoded PNG.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pixels {
    /// Interleaved 8-bit samples, rows tightly packed.
    pub data: Vec<u8>,
    /// 1 (gray) or 3 (RGB).
    pub channels: usize,
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
}

/// Decodes a PNG of at most `max_pixels`.
///
/// # Errors
/// Damaged bytes, too many pixels.
pub fn decode_png(bytes: &[u8], max_pixels: usize) -> Result<Pixels> {
    let mut decoder = png::Decoder::new(std::io::Cursor::new(bytes));
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().map_err(codec)?;
    let (width, height) = (reader.info().width as usize, reader.info().height as usize);
    if width.saturating_mul(height) > max_pixels {
        return Err(codec(format!("the image is {width}x{height}, more pixels than belong here")));
    }
    let size = reader.output_buffer_size().ok_or_else(|| codec("too large"))?;
    let mut data = vec![0; size];
    let info = reader.next_frame(&mut data).map_err(codec)?;
    data.truncate(info.buffer_size());
    if info.bit_depth == png::BitDepth::Sixteen {
        let nearest = |pair: &[u8; 2]| ((u32::from(u16::from_be_bytes(*pair)) * 255 + 32_767) / 65_535) as u8;
        data = data.as_chunks::<2>().0.iter().map(nearest).collect();
    }
    let over_white = |sample: u8, alpha: u8| {
        let a = u32::from(alpha);
        ((u32::from(sample) * a + 255 * (255 - a) + 127) / 255) as u8
    };
    let (data, channels) = match info.color_type {
        png::ColorType::Grayscale => (data, 1),
        png::ColorType::Rgb => (data, 3),
        png::ColorType::GrayscaleAlpha => (data.chunks_exact(2).map(|p| over_white(p[0], p[1])).collect(), 1),
        png::ColorType::Rgba => (
            data.chunks_exact(4)
                .flat_map(|p| [over_white(p[0], p[3]), over_white(p[1], p[3]), over_white(p[2], p[3])])
                .collect(),
            3,
        ),
        png::ColorType::Indexed => return Err(codec("a palette that was not expanded")),
    };
    Ok(Pixels { data, channels, width, height })
}

/// What the header of a PNG says beside its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PngHeader {
    /// Bits of a sample.
    pub bits: u8,
    /// Bytes of its colour profile; 0 for none.
    pub icc_bytes: usize,
}

/// Reads the header of a PNG.
///
/// # Errors
/// Damaged bytes.
pub fn png_header(bytes: &[u8]) -> Result<PngHeader> {
    let reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().map_err(codec)?;
    let info = reader.info();
    let icc_bytes = info.icc_profile.as_ref().map_or(0, |profile| profile.len());
    Ok(PngHeader { bits: info.bit_depth as u8, icc_bytes })
}

/// Codes interleaved 8-bit samples of 1 or 3 channels.
///
/// # Errors
/// Lack of memory.
pub fn encode_png(data: &[u8], channels: usize, width: usize, height: usize) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, width as u32, height as u32);
    encoder.set_color(if channels == 1 { png::ColorType::Grayscale } else { png::ColorType::Rgb });
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    let mut writer = encoder.write_header().map_err(codec)?;
    writer.write_image_data(data).map_err(codec)?;
    writer.finish().map_err(codec)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_bits_become_the_nearest_of_eight() {
        let values = [0_u16, 128, 129, 255, 256, 385, 386, 32_768, 65_406, 65_407, 65_535];
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, values.len() as u32, 1);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::Sixteen);
        let data: Vec<u8> = values.iter().flat_map(|value| value.to_be_bytes()).collect();
        encoder.write_header().unwrap().write_image_data(&data).unwrap();
        assert_eq!(decode_png(&bytes, values.len()).unwrap().data, [0, 0, 1, 1, 1, 1, 2, 128, 254, 255, 255]);
        assert_eq!(png_header(&bytes).unwrap(), PngHeader { bits: 16, icc_bytes: 0 });
    }

    #[test]
    fn pixels_come_back_exactly() {
        for channels in [1, 3] {
            let data: Vec<u8> = (0..7 * 5 * channels).map(|i| (i * 37) as u8).collect();
            let bytes = encode_png(&data, channels, 7, 5).unwrap();
            assert_eq!(decode_png(&bytes, 35).unwrap(), Pixels { data, channels, width: 7, height: 5 });
            assert!(decode_png(&bytes, 34).is_err());
            for cut in 0..bytes.len() - 12 {
                assert!(decode_png(&bytes[..cut], 35).is_err(), "cut at {cut}");
            }
        }
    }
}
