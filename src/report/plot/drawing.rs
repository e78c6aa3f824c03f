//! A drawing as a list of shapes in points: what a layout makes, and what `svg` and `png` turn into files.
//!
//! The origin is the left upper corner. Nothing here knows what is drawn.

use super::font;
use crate::report::picture::Picture;

/// Red, green, blue.
pub type Rgb = [u8; 3];

/// A colour by its role, which a page may set for light and dark, or a fixed one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Paint {
    /// The background.
    Paper,
    /// Text and lines that matter.
    Ink,
    /// Captions, axes.
    Muted,
    /// Rules and frames.
    Rule,
    /// A place without data.
    Absent,
    /// A colour that stands for data.
    Fixed(Rgb),
}

/// Where a text lies relative to its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// The point is its left end.
    Start,
    /// The point is its middle.
    Middle,
    /// The point is its right end.
    End,
}

/// A rectangle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Area {
    /// Left edge.
    pub x: f64,
    /// Upper edge.
    pub y: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
}

impl Area {
    /// A rectangle by its corner and size.
    pub fn new(x: f64, y: f64, width: f64, height: f64) -> Self {
        Self { x, y, width, height }
    }
}

/// A rectangle of a map, which says what it is when pointed at.
#[derive(Clone, Debug)]
pub struct Cell {
    /// Where it lies.
    pub area: Area,
    /// Its colour.
    pub rgb: Rgb,
    /// What it is.
    pub title: String,
}

/// One shape.
#[derive(Clone, Debug)]
pub enum Shape {
    /// A filled rectangle.
    Fill(Area, Paint),
    /// The cells of a map, which touch without seams.
    Cells(Vec<Cell>),
    /// A picture, scaled to an area.
    Image(Area, Picture),
    /// A text on a baseline.
    Text {
        /// Horizontal position of the anchor.
        x: f64,
        /// Baseline.
        y: f64,
        /// Height of the letters, as CSS counts it.
        size: f64,
        /// Which end of the text is at `x`.
        anchor: Anchor,
        /// Its colour.
        paint: Paint,
        /// One line.
        text: String,
    },
    /// A line through points.
    Line(Vec<(f64, f64)>, Paint),
    /// A disc: centre and radius.
    Dot(f64, f64, f64, Paint),
}

/// Shapes on a sheet, the later over the earlier.
#[derive(Clone, Debug, Default)]
pub struct Drawing {
    /// Width of the sheet.
    pub width: f64,
    /// Height of the sheet.
    pub height: f64,
    /// What it says where it cannot be seen.
    pub description: String,
    /// What is on it.
    pub shapes: Vec<Shape>,
}

impl Drawing {
    /// Adds a filled rectangle.
    pub fn fill(&mut self, area: Area, paint: Paint) {
        self.shapes.push(Shape::Fill(area, paint));
    }

    /// Adds a text of which `x` is the left end.
    pub fn text(&mut self, x: f64, y: f64, size: f64, paint: Paint, text: impl Into<String>) {
        self.anchored(x, y, size, Anchor::Start, paint, text);
    }

    /// Adds a text.
    pub fn anchored(
        &mut self,
        x: f64,
        y: f64,
        size: f64,
        anchor: Anchor,
        paint: Paint,
        text: impl Into<String>,
    ) {
        self.shapes.push(Shape::Text { x, y, size, anchor, paint, text: text.into() });
    }

    /// Adds a text, shortened at its end where it is wider than `width`.
    pub fn fitted(&mut self, x: f64, y: f64, size: f64, paint: Paint, text: &str, width: f64) {
        let mut shown = text.to_string();
        while font::width(&shown, size) > width && shown.chars().count() > 1 {
            shown =
                shown.trim_end_matches('…').chars().rev().skip(1).collect::<Vec<_>>().iter().rev().collect();
            shown.push('…');
        }
        self.text(x, y, size, paint, shown);
    }
}
