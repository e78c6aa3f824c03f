//! The font of drawings: how wide a text is, and the outlines of its glyphs.
//!
//! Roboto Regular (Apache-2.0), which `scripts/npm-files.sh` fetches; `vendor/README.md` records its origin. A picture with pixels has
//! its glyphs from here. A browser takes a font of its own, so a layout leaves room.

use std::sync::LazyLock;

use ttf_parser::{Face, GlyphId, OutlineBuilder};

static FACE: LazyLock<Option<Face<'static>>> =
    LazyLock::new(|| Face::parse(include_bytes!("../../../vendor/roboto/Roboto_400Regular.ttf"), 0).ok());

/// Calls `each` with every glyph and the position of its left end, in units of the font; returns the width of the text in them, and
/// the units of the letters' height.
fn walk(text: &str, each: &mut dyn FnMut(&Face<'_>, GlyphId, f64)) -> (f64, f64) {
    let Some(face) = &*FACE else { return (0.0, 1.0) };
    let mut x = 0.0;
    for letter in text.chars() {
        let glyph = face.glyph_index(letter).unwrap_or_default();
        each(face, glyph, x);
        x += f64::from(face.glyph_hor_advance(glyph).unwrap_or_default());
    }
    (x, f64::from(face.units_per_em()))
}

/// The width of a text of a size, in the unit of the size. Letters that the font lacks have the width of its box for them.
pub fn width(text: &str, size: f64) -> f64 {
    let (units, em) = walk(text, &mut |_, _, _| {});
    units * size / em
}

/// Draws the outlines of a text of a size whose baseline begins at (`x`, `y`).
pub fn outline(text: &str, size: f64, (x, y): (f64, f64), pen: &mut dyn OutlineBuilder) {
    walk(text, &mut |face, glyph, left| {
        let scale = size / f64::from(face.units_per_em());
        face.outline_glyph(glyph, &mut Placed { x: x + left * scale, y, scale, pen });
    });
}

/// Moves and scales outlines: the font counts upwards, a drawing downwards.
struct Placed<'a> {
    x: f64,
    y: f64,
    scale: f64,
    pen: &'a mut dyn OutlineBuilder,
}

impl Placed<'_> {
    fn at(&self, x: f32, y: f32) -> (f32, f32) {
        ((self.x + self.scale * f64::from(x)) as f32, (self.y - self.scale * f64::from(y)) as f32)
    }
}

impl OutlineBuilder for Placed<'_> {
    fn move_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.at(x, y);
        self.pen.move_to(x, y);
    }
    fn line_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.at(x, y);
        self.pen.line_to(x, y);
    }
    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let ((x1, y1), (x, y)) = (self.at(x1, y1), self.at(x, y));
        self.pen.quad_to(x1, y1, x, y);
    }
    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let ((x1, y1), (x2, y2), (x, y)) = (self.at(x1, y1), self.at(x2, y2), self.at(x, y));
        self.pen.curve_to(x1, y1, x2, y2, x, y);
    }
    fn close(&mut self) {
        self.pen.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_as_wide_as_its_letters() {
        assert!(width("m", 16.0) > 2.0 * width("i", 16.0));
        assert_eq!(width("mm", 10.0), 2.0 * width("m", 10.0));
        assert!(
            (width("0123456789", 10.0) - 10.0 * width("0", 10.0)).abs() < 1e-9,
            "digits are of one width"
        );
        for letter in "µ×·–…é≥Ωж".chars() {
            let face = FACE.as_ref().expect("the font is whole");
            assert!(face.glyph_index(letter).is_some(), "{letter}");
        }
    }
}
