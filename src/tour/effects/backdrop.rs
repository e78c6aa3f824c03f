//! CSS's `backdropFilter`: what is under a caption's box, blurred or in other colours. In integers: the same bytes everywhere.
//!
//! The functions are those of the W3C's Filter Effects, level 1. A blur is three box blurs, as there. Pixels beyond the box do not come
//! into it: those at its edge are repeated.

/// A filter: functions, applied in turn.
#[derive(Clone, Debug, PartialEq)]
pub struct Backdrop(Vec<Function>);

#[derive(Clone, Debug, PartialEq)]
enum Function {
    /// Lengths of three boxes in pixels, and how many of each lie before the pixel.
    Blur([(usize, usize); 3]),
    /// Red, green and blue from red, green, blue and 1: in 65536ths.
    Matrix([[i64; 4]; 3]),
}

/// Functions with a number or percentage.
const NAMES: [&str; 6] = ["brightness", "contrast", "grayscale", "invert", "saturate", "sepia"];
/// Longest blur, in pixels.
const MAX_BLUR: f64 = 100.0;
/// Most functions of a filter.
const MAX_FUNCTIONS: usize = 8;

impl Backdrop {
    /// Reads a value such as `blur(6px) brightness(120%)`, or `none`.
    ///
    /// # Errors
    /// What is expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let expected = || {
            let names = NAMES.join(", ");
            format!("none, blur(0px to 100px), or {names} with a number or percentage, 8 functions at most")
        };
        if text.trim() == "none" {
            return Ok(Self(Vec::new()));
        }
        let (mut rest, mut functions) = (text.trim(), Vec::new());
        while !rest.is_empty() {
            let (name, after) = rest.split_once('(').ok_or_else(expected)?;
            let (value, after) = after.split_once(')').ok_or_else(expected)?;
            functions.push(Function::parse(name.trim(), value.trim()).ok_or_else(expected)?);
            rest = after.trim_start();
        }
        let is_good = (1..=MAX_FUNCTIONS).contains(&functions.len());
        is_good.then_some(Self(functions)).ok_or_else(expected)
    }

    /// Whether it changes nothing.
    pub fn is_none(&self) -> bool {
        self.0.is_empty()
    }

    /// Filters the pixels of a box: interleaved 8-bit RGB.
    pub fn apply(&self, width: usize, rgb: &mut [u8]) {
        if width == 0 {
            return;
        }
        for function in &self.0 {
            match function {
                Function::Matrix(matrix) => rgb.chunks_exact_mut(3).for_each(|pixel| mixed(matrix, pixel)),
                Function::Blur(boxes) => {
                    let height = rgb.len() / (3 * width);
                    for &of_box in boxes {
                        for start in (0..3 * width * height).step_by(3 * width) {
                            (0..3).for_each(|channel| blur_line(rgb, start + channel, 3, width, of_box));
                        }
                        (0..3 * width).for_each(|start| blur_line(rgb, start, 3 * width, height, of_box));
                    }
                }
            }
        }
    }
}

impl Function {
    fn parse(name: &str, value: &str) -> Option<Self> {
        if name == "blur" {
            let sigma: f64 =
                value.strip_suffix("px").or((value == "0").then_some("0"))?.trim().parse().ok()?;
            return (0.0..=MAX_BLUR).contains(&sigma).then(|| Self::Blur(boxes(sigma)));
        }
        let amount = match value.strip_suffix('%') {
            Some(percent) => percent.trim().parse::<f64>().ok()? / 100.0,
            None => value.parse().ok()?,
        };
        if !(0.0..=100.0).contains(&amount) {
            return None;
        }
        // These go no further than the whole.
        let part = amount.min(1.0);
        let scaled = |scale: f64, offset: f64| -> [[f64; 4]; 3] {
            let row = |i: usize| [0, 1, 2].map(|j| if i == j { scale } else { 0.0 });
            [0, 1, 2].map(|i| [row(i)[0], row(i)[1], row(i)[2], 255.0 * offset])
        };
        // From each colour towards a mix of all three.
        let towards = |mix: [[f64; 3]; 3], part: f64| -> [[f64; 4]; 3] {
            let at = |i: usize, j: usize| part * mix[i][j] + if i == j { 1.0 - part } else { 0.0 };
            [0, 1, 2].map(|i| [at(i, 0), at(i, 1), at(i, 2), 0.0])
        };
        let matrix = match name {
            "brightness" => scaled(amount, 0.0),
            "contrast" => scaled(amount, 0.5 - 0.5 * amount),
            "invert" => scaled(1.0 - 2.0 * part, part),
            "grayscale" => towards([[0.2126, 0.7152, 0.0722]; 3], part),
            "saturate" => towards([[0.213, 0.715, 0.072]; 3], 1.0 - amount),
            "sepia" => {
                let mix = [[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]];
                towards(mix, part)
            }
            _ => return None,
        };
        Some(Self::Matrix(matrix.map(|row| row.map(|value| (value * 65536.0).round() as i64))))
    }
}

fn mixed(matrix: &[[i64; 4]; 3], pixel: &mut [u8]) {
    let &mut [r, g, b] = pixel else { return };
    let (r, g, b) = (i64::from(r), i64::from(g), i64::from(b));
    for (value, [of_r, of_g, of_b, more]) in pixel.iter_mut().zip(matrix) {
        *value = ((of_r * r + of_g * g + of_b * b + more + 32768) >> 16).clamp(0, 255) as u8;
    }
}

/// The boxes of a Gaussian blur: of an even length two lie half a pixel to either side, and the third is longer by one.
fn boxes(sigma: f64) -> [(usize, usize); 3] {
    let length = (sigma * 3.0 * std::f64::consts::TAU.sqrt() / 4.0 + 0.5).floor() as usize;
    match length {
        0 | 1 => [(1, 0); 3],
        _ if length % 2 == 1 => [(length, length / 2); 3],
        _ => [(length, length / 2), (length, length / 2 - 1), (length + 1, length / 2)],
    }
}

/// Replaces `count` values, `step` apart, by their means over a box.
fn blur_line(all: &mut [u8], start: usize, step: usize, count: usize, (length, before): (usize, usize)) {
    if length < 2 || count == 0 {
        return;
    }
    let line: Vec<u32> = all[start..].iter().step_by(step).take(count).map(|&value| value.into()).collect();
    let at = |index: usize| line[index.saturating_sub(before).min(count - 1)];
    let mut sum: u32 = (0..length).map(at).sum();
    for index in 0..count {
        all[start + index * step] = ((sum + length as u32 / 2) / length as u32) as u8;
        sum = sum + at(index + length) - at(index);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(filter: &str, width: usize, rgb: &[u8]) -> Vec<u8> {
        let mut out = rgb.to_vec();
        Backdrop::parse(filter).unwrap().apply(width, &mut out);
        out
    }

    #[test]
    fn colours_are_those_of_the_standard() {
        let pixel = [200, 100, 50];
        for (filter, wanted) in [
            ("brightness(50%)", [100, 50, 25]),
            ("brightness(2)", [255, 200, 100]),
            ("contrast(0)", [128, 128, 128]),
            ("invert(1)", [55, 155, 205]),
            ("grayscale(100%)", [118, 118, 118]),
            ("saturate(0)", [118, 118, 118]),
            ("saturate(100%)", pixel),
            ("sepia(1)", [165, 147, 114]),
            ("invert(1) invert(1)", pixel),
            ("blur(0)", pixel),
            (" none ", pixel),
        ] {
            assert_eq!(applied(filter, 1, &pixel), wanted, "{filter}");
        }
    }

    #[test]
    fn a_blur_spreads_evenly_and_keeps_what_is_even() {
        let even = [9; 3 * 40 * 30];
        assert_eq!(applied("blur(5px)", 40, &even), even);
        let (width, height) = (41, 41);
        let mut dot = vec![0; 3 * width * height];
        dot[3 * (20 * width + 20)..][..3].copy_from_slice(&[255; 3]);
        for filter in ["blur(1px)", "blur(1.5px)"] {
            let blurred = applied(filter, width, &dot);
            let at = |x: usize, y: usize| blurred[3 * (y * width + x)];
            assert!(at(20, 20) < 100 && at(21, 20) > 0, "{filter}");
            for away in 0..20 {
                let around = [at(20 - away, 20), at(20 + away, 20), at(20, 20 - away), at(20, 20 + away)];
                assert!(around.iter().all(|&value| value.abs_diff(around[0]) <= 1), "{filter}: {around:?}");
            }
        }
    }

    #[test]
    fn what_is_no_such_filter_is_refused() {
        for text in [
            "",
            "blur",
            "blur(5)",
            "blur(-1px)",
            "blur(1e9px)",
            "blur(NaNpx)",
            "url(x)",
            "none none",
            "hue-rotate(90deg)",
            "blur(1rem)",
            "sepia(x)",
            "sepia(-1)",
        ] {
            assert!(Backdrop::parse(text).is_err(), "{text}");
        }
        assert!(Backdrop::parse(&"sepia(1) ".repeat(9)).is_err());
    }
}
