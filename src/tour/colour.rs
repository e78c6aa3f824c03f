//! Colours as CSS writes them.

/// A colour in sRGB with its opacity, 0 to 255.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rgba {
    /// Red.
    pub r: u8,
    /// Green.
    pub g: u8,
    /// Blue.
    pub b: u8,
    /// 255 is opaque.
    pub a: u8,
}

impl Rgba {
    /// An opaque colour, `0xRRGGBB`.
    pub const fn opaque(rgb: u32) -> Self {
        let [_, r, g, b] = rgb.to_be_bytes();
        Self { r, g, b, a: 255 }
    }

    /// The same with another opacity.
    pub const fn with_alpha(self, a: u8) -> Self {
        Self { a, ..self }
    }

    /// How far two colours differ in lightness, whatever their opacity: WCAG's contrast ratio, from 1 to 21.
    pub fn contrast(self, other: Self) -> f64 {
        let (one, two) = (self.luminance(), other.luminance());
        (one.max(two) + 0.05) / (one.min(two) + 0.05)
    }

    fn luminance(self) -> f64 {
        let linear = |value: u8| {
            let share = f64::from(value) / 255.0;
            if share <= 0.04045 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(self.r) + 0.7152 * linear(self.g) + 0.0722 * linear(self.b)
    }
}

/// A colour by its name in CSS, as `#rgb`, `#rgba`, `#rrggbb`, `#rrggbbaa`, `rgb(r, g, b)` or `rgba(r, g, b, a)`.
pub fn parse(text: &str) -> Option<Rgba> {
    let text = text.trim().to_ascii_lowercase();
    if let Some(digits) = text.strip_prefix('#') {
        return hexadecimal(digits);
    }
    if let Some(inside) =
        text.strip_suffix(')').and_then(|t| t.strip_prefix("rgba(").or(t.strip_prefix("rgb(")))
    {
        return function(inside);
    }
    if text == "transparent" {
        return Some(Rgba { r: 0, g: 0, b: 0, a: 0 });
    }
    NAMED.iter().find(|(name, _)| *name == text).map(|&(_, rgb)| Rgba::opaque(rgb))
}

fn hexadecimal(digits: &str) -> Option<Rgba> {
    let digit = |c: char| c.to_digit(16).map(|d| d as u8);
    let digits: Vec<u8> = digits.chars().map(digit).collect::<Option<_>>()?;
    match digits[..] {
        [r, g, b] => Some(Rgba { r: r * 17, g: g * 17, b: b * 17, a: 255 }),
        [r, g, b, a] => Some(Rgba { r: r * 17, g: g * 17, b: b * 17, a: a * 17 }),
        [r, s, g, h, b, c] => Some(Rgba { r: r * 16 + s, g: g * 16 + h, b: b * 16 + c, a: 255 }),
        [r, s, g, h, b, c, a, d] => Some(Rgba { r: r * 16 + s, g: g * 16 + h, b: b * 16 + c, a: a * 16 + d }),
        _ => None,
    }
}

/// Three numbers from 0 to 255 and perhaps an opacity from 0 to 1, or percentages; commas, spaces or a slash between them.
fn function(inside: &str) -> Option<Rgba> {
    let parts: Vec<&str> = inside.split([',', ' ', '/']).filter(|part| !part.is_empty()).collect();
    let number = |part: &str, whole: f64| {
        let value = match part.strip_suffix('%') {
            Some(percent) => percent.parse::<f64>().ok()? / 100.0,
            None => part.parse::<f64>().ok()? / whole,
        };
        value.is_finite().then(|| (value.clamp(0.0, 1.0) * 255.0).round() as u8)
    };
    let ([r, g, b] | [r, g, b, _]) = parts[..] else { return None };
    let a = parts.get(3).map_or(Some(255), |part| number(part, 1.0))?;
    Some(Rgba { r: number(r, 255.0)?, g: number(g, 255.0)?, b: number(b, 255.0)?, a })
}

/// The names of CSS Color Module Level 4.
#[rustfmt::skip]
const NAMED: &[(&str, u32)] = &[
    ("aliceblue", 0xf0f8ff), ("antiquewhite", 0xfaebd7), ("aqua", 0x00ffff), ("aquamarine", 0x7fffd4), ("azure", 0xf0ffff),
    ("beige", 0xf5f5dc), ("bisque", 0xffe4c4), ("black", 0x000000), ("blanchedalmond", 0xffebcd), ("blue", 0x0000ff),
    ("blueviolet", 0x8a2be2), ("brown", 0xa52a2a), ("burlywood", 0xdeb887), ("cadetblue", 0x5f9ea0), ("chartreuse", 0x7fff00),
    ("chocolate", 0xd2691e), ("coral", 0xff7f50), ("cornflowerblue", 0x6495ed), ("cornsilk", 0xfff8dc), ("crimson", 0xdc143c),
    ("cyan", 0x00ffff), ("darkblue", 0x00008b), ("darkcyan", 0x008b8b), ("darkgoldenrod", 0xb8860b), ("darkgray", 0xa9a9a9),
    ("darkgreen", 0x006400), ("darkgrey", 0xa9a9a9), ("darkkhaki", 0xbdb76b), ("darkmagenta", 0x8b008b), ("darkolivegreen", 0x556b2f),
    ("darkorange", 0xff8c00), ("darkorchid", 0x9932cc), ("darkred", 0x8b0000), ("darksalmon", 0xe9967a), ("darkseagreen", 0x8fbc8f),
    ("darkslateblue", 0x483d8b), ("darkslategray", 0x2f4f4f), ("darkslategrey", 0x2f4f4f), ("darkturquoise", 0x00ced1),
    ("darkviolet", 0x9400d3), ("deeppink", 0xff1493), ("deepskyblue", 0x00bfff), ("dimgray", 0x696969), ("dimgrey", 0x696969),
    ("dodgerblue", 0x1e90ff), ("firebrick", 0xb22222), ("floralwhite", 0xfffaf0), ("forestgreen", 0x228b22), ("fuchsia", 0xff00ff),
    ("gainsboro", 0xdcdcdc), ("ghostwhite", 0xf8f8ff), ("gold", 0xffd700), ("goldenrod", 0xdaa520), ("gray", 0x808080),
    ("green", 0x008000), ("greenyellow", 0xadff2f), ("grey", 0x808080), ("honeydew", 0xf0fff0), ("hotpink", 0xff69b4),
    ("indianred", 0xcd5c5c), ("indigo", 0x4b0082), ("ivory", 0xfffff0), ("khaki", 0xf0e68c), ("lavender", 0xe6e6fa),
    ("lavenderblush", 0xfff0f5), ("lawngreen", 0x7cfc00), ("lemonchiffon", 0xfffacd), ("lightblue", 0xadd8e6), ("lightcoral", 0xf08080),
    ("lightcyan", 0xe0ffff), ("lightgoldenrodyellow", 0xfafad2), ("lightgray", 0xd3d3d3), ("lightgreen", 0x90ee90),
    ("lightgrey", 0xd3d3d3), ("lightpink", 0xffb6c1), ("lightsalmon", 0xffa07a), ("lightseagreen", 0x20b2aa), ("lightskyblue", 0x87cefa),
    ("lightslategray", 0x778899), ("lightslategrey", 0x778899), ("lightsteelblue", 0xb0c4de), ("lightyellow", 0xffffe0),
    ("lime", 0x00ff00), ("limegreen", 0x32cd32), ("linen", 0xfaf0e6), ("magenta", 0xff00ff), ("maroon", 0x800000),
    ("mediumaquamarine", 0x66cdaa), ("mediumblue", 0x0000cd), ("mediumorchid", 0xba55d3), ("mediumpurple", 0x9370db),
    ("mediumseagreen", 0x3cb371), ("mediumslateblue", 0x7b68ee), ("mediumspringgreen", 0x00fa9a), ("mediumturquoise", 0x48d1cc),
    ("mediumvioletred", 0xc71585), ("midnightblue", 0x191970), ("mintcream", 0xf5fffa), ("mistyrose", 0xffe4e1), ("moccasin", 0xffe4b5),
    ("navajowhite", 0xffdead), ("navy", 0x000080), ("oldlace", 0xfdf5e6), ("olive", 0x808000), ("olivedrab", 0x6b8e23),
    ("orange", 0xffa500), ("orangered", 0xff4500), ("orchid", 0xda70d6), ("palegoldenrod", 0xeee8aa), ("palegreen", 0x98fb98),
    ("paleturquoise", 0xafeeee), ("palevioletred", 0xdb7093), ("papayawhip", 0xffefd5), ("peachpuff", 0xffdab9), ("peru", 0xcd853f),
    ("pink", 0xffc0cb), ("plum", 0xdda0dd), ("powderblue", 0xb0e0e6), ("purple", 0x800080), ("rebeccapurple", 0x663399),
    ("red", 0xff0000), ("rosybrown", 0xbc8f8f), ("royalblue", 0x4169e1), ("saddlebrown", 0x8b4513), ("salmon", 0xfa8072),
    ("sandybrown", 0xf4a460), ("seagreen", 0x2e8b57), ("seashell", 0xfff5ee), ("sienna", 0xa0522d), ("silver", 0xc0c0c0),
    ("skyblue", 0x87ceeb), ("slateblue", 0x6a5acd), ("slategray", 0x708090), ("slategrey", 0x708090), ("snow", 0xfffafa),
    ("springgreen", 0x00ff7f), ("steelblue", 0x4682b4), ("tan", 0xd2b48c), ("teal", 0x008080), ("thistle", 0xd8bfd8),
    ("tomato", 0xff6347), ("turquoise", 0x40e0d0), ("violet", 0xee82ee), ("wheat", 0xf5deb3), ("white", 0xffffff),
    ("whitesmoke", 0xf5f5f5), ("yellow", 0xffff00), ("yellowgreen", 0x9acd32),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_of_css_are_read() {
        assert_eq!(parse("white"), Some(Rgba::opaque(0xffffff)));
        assert_eq!(parse(" RebeccaPurple "), Some(Rgba::opaque(0x663399)));
        assert_eq!(parse("#1a2"), Some(Rgba::opaque(0x11aa22)));
        assert_eq!(parse("#11223380"), Some(Rgba::opaque(0x112233).with_alpha(128)));
        assert_eq!(parse("rgba(255, 0, 10, 0.5)"), Some(Rgba { r: 255, g: 0, b: 10, a: 128 }));
        assert_eq!(parse("rgb(100% 0% 0% / 20%)"), Some(Rgba { r: 255, g: 0, b: 0, a: 51 }));
        for wrong in
            ["", "#", "#12345", "#ggg", "rgb(1,2)", "rgb(1,2,3,4,5)", "rgba(nan,0,0,1)", "wite", "#é"]
        {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn contrast_is_that_of_wcag() {
        let (black, white) = (Rgba::opaque(0), Rgba::opaque(0xffffff));
        assert!((black.contrast(white) - 21.0).abs() < 1e-9 && (white.contrast(black) - 21.0).abs() < 1e-9);
        assert!((white.contrast(white.with_alpha(0)) - 1.0).abs() < 1e-9);
        // The lightest grey that passes for text on white.
        assert!((white.contrast(Rgba::opaque(0x767676)) - 4.54).abs() < 0.005);
    }

    #[test]
    fn names_are_sorted_and_unique() {
        assert!(NAMED.is_sorted_by(|a, b| a.0 < b.0));
        assert_eq!(NAMED.len(), 148);
    }
}
