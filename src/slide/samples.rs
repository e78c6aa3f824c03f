//! Conversion of samples to 8-bit gray or RGB over white, for all readers.
//!
//! It deliberately does not know file formats or colour profiles. Transparency is composited over white, the colour of
//! empty glass; a background colour that a PNG suggests (bKGD) is ignored on purpose.

use super::window::Window;

/// The samples of a pixel. All are 8 bits wide, or all are 16 (big-endian, as in PNG).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pixel {
    Gray,
    GrayAlpha,
    /// Gray whose colour is already multiplied by its alpha.
    GrayPremultiplied,
    Rgb,
    RgbAlpha,
    RgbPremultiplied,
    /// Cyan, magenta, yellow, black; the largest value is full ink.
    Cmyk,
}

impl Pixel {
    /// Samples per pixel as stored: 1 to 4.
    pub fn samples(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::GrayAlpha | Self::GrayPremultiplied => 2,
            Self::Rgb => 3,
            Self::RgbAlpha | Self::RgbPremultiplied | Self::Cmyk => 4,
        }
    }

    /// Channels without transparency: 1 or 3.
    pub fn channels(self) -> u8 {
        match self {
            Self::Gray | Self::GrayAlpha | Self::GrayPremultiplied => 1,
            Self::Rgb | Self::RgbAlpha | Self::RgbPremultiplied | Self::Cmyk => 3,
        }
    }

    fn premultiplied(self) -> bool {
        matches!(self, Self::GrayPremultiplied | Self::RgbPremultiplied)
    }
}

/// 16 bits to 8, rounded to the nearest of the 256 levels: 65535 -> 255, 128 -> 0, 129 -> 1.
pub(super) fn round_to_8_bits(value: u16) -> u8 {
    // At most (65535 * 255 + 32767) / 65535 = 255.
    ((u32::from(value) * 255 + 32767) / 65535) as u8
}

/// `color` at opacity `alpha` over `background`, all out of `max`, rounded to nearest.
fn over(color: u32, alpha: u32, background: u32, max: u32, premultiplied: bool) -> u32 {
    let front =
        if premultiplied { u64::from(color) * u64::from(max) } else { u64::from(color) * u64::from(alpha) };
    let sum = front + u64::from(background) * u64::from(max - alpha.min(max));
    // A premultiplied colour above its alpha is invalid; the clamp keeps the result in range.
    ((sum + u64::from(max / 2)) / u64::from(max)).min(u64::from(max)) as u32
}

/// Converts whole 8-bit pixels from `input` into `out`, which has `channels` bytes for each.
pub(super) fn convert_8(pixel: Pixel, input: &[u8], out: &mut [u8]) {
    let colors = usize::from(pixel.channels());
    if pixel.samples() == colors {
        for (to, &from) in out.iter_mut().zip(input) {
            *to = from;
        }
        return;
    }
    if pixel == Pixel::Cmyk {
        for (to, &inks) in out.chunks_exact_mut(3).zip(input.as_chunks().0) {
            to.copy_from_slice(&cmyk(inks));
        }
        return;
    }
    for (to, from) in out.chunks_exact_mut(colors).zip(input.chunks_exact(pixel.samples())) {
        let Some((&alpha, color)) = from.split_last() else { continue };
        for (to, &color) in to.iter_mut().zip(color) {
            *to = over(u32::from(color), u32::from(alpha), 255, 255, pixel.premultiplied()) as u8;
        }
    }
}

/// As [`convert_8`], from 16-bit big-endian samples. Compositing happens at 16 bits, before the rounding to 8.
pub(super) fn convert_16(pixel: Pixel, window: Window, input: &[u8], out: &mut [u8]) {
    let colors = usize::from(pixel.channels());
    let wide = |pair: &[u8]| match *pair {
        [high, low] => u16::from_be_bytes([high, low]),
        _ => 0,
    };
    if pixel.samples() == colors {
        for (to, from) in out.iter_mut().zip(input.chunks_exact(2)) {
            *to = window.level(wide(from));
        }
        return;
    }
    if pixel == Pixel::Cmyk {
        for (to, inks) in out.chunks_exact_mut(3).zip(input.as_chunks::<8>().0) {
            let mut levels = [0; 4];
            levels.iter_mut().zip(inks.chunks_exact(2)).for_each(|(to, ink)| *to = window.level(wide(ink)));
            to.copy_from_slice(&cmyk(levels));
        }
        return;
    }
    let opacity = Window { low: 0, high: window.opaque, ..window };
    for (to, from) in out.chunks_exact_mut(colors).zip(input.chunks_exact(pixel.samples() * 2)) {
        let Some((color, alpha)) = from.split_last_chunk::<2>() else { continue };
        let alpha = opacity.place(u16::from_be_bytes(*alpha), 65535);
        for (to, color) in to.iter_mut().zip(color.chunks_exact(2)) {
            let color = window.place(wide(color), 65535);
            let mixed = over(color, alpha, 65535, 65535, pixel.premultiplied());
            *to = round_to_8_bits(mixed as u16);
        }
    }
}

/// One premultiplied ARGB pixel (as OpenSlide and cairo store it) over an opaque background.
#[cfg(any(feature = "openslide", test))]
pub(super) fn argb_over(argb: u32, background: [u8; 3]) -> [u8; 3] {
    let [alpha, red, green, blue] = argb.to_be_bytes();
    if alpha == 255 {
        return [red, green, blue];
    }
    let mix =
        |color: u8, back: u8| over(u32::from(color), u32::from(alpha), u32::from(back), 255, true) as u8;
    let [back_red, back_green, back_blue] = background;
    [mix(red, back_red), mix(green, back_green), mix(blue, back_blue)]
}

/// One CMYK pixel, where 255 is full ink, to RGB: a channel is the product of what its ink and black let pass.
pub(super) fn cmyk(inks: [u8; 4]) -> [u8; 3] {
    let [c, m, y, k] = inks.map(|ink| u32::from(255 - ink));
    [c, m, y].map(|ink| ((ink * k + 127) / 255) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_bits_round_to_the_nearest_level() {
        assert_eq!(
            [0, 128, 129, 32767, 32768, 65406, 65407, 65535].map(round_to_8_bits),
            [0, 0, 1, 127, 128, 254, 255, 255]
        );
    }

    #[test]
    fn inks_take_light_away() {
        let mut out = [0; 6];
        convert_8(Pixel::Cmyk, &[255, 0, 0, 0, 0, 128, 255, 51], &mut out);
        assert_eq!(out, [0, 255, 255, 204, 102, 0]);
        let wide = [255, 255, 0, 0, 0, 0, 0, 0, 0, 0, 128, 128, 255, 255, 51, 51];
        convert_16(Pixel::Cmyk, Window::of_bits(16), &wide, &mut out);
        assert_eq!(out, [0, 255, 255, 204, 102, 0]);
    }

    #[test]
    fn opacity_has_the_range_of_the_samples() {
        let mut out = [0; 2];
        convert_16(Pixel::GrayAlpha, Window::of_bits(12), &[0x0F, 0xFF, 0x0F, 0xFF, 0, 0, 0x08, 0], &mut out);
        assert_eq!(out, [255, 127]);
    }

    #[test]
    fn transparency_shows_white() {
        let mut out = [0; 9];
        convert_8(Pixel::RgbAlpha, &[10, 20, 30, 255, 10, 20, 30, 0, 0, 255, 100, 128], &mut out);
        assert_eq!(out, [10, 20, 30, 255, 255, 255, 127, 255, 177]);
        let mut gray = [0; 2];
        convert_16(
            Pixel::GrayAlpha,
            Window::of_bits(16),
            &[0, 0, 0x80, 0, 0x12, 0x34, 0xff, 0xff],
            &mut gray,
        );
        assert_eq!(gray, [127, 18]);
    }

    #[test]
    fn premultiplied_colour_is_not_multiplied_again() {
        assert_eq!(argb_over(0x8040_2000, [255, 255, 255]), [191, 159, 127]);
        assert_eq!(argb_over(0x0000_0000, [1, 2, 3]), [1, 2, 3]);
        let mut out = [0; 3];
        convert_8(Pixel::RgbPremultiplied, &[255, 255, 255, 0], &mut out);
        assert_eq!(out, [255, 255, 255], "a colour above its alpha stays in range");
    }
}
