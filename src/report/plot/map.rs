//! A map of a slide's families, coloured by a value of each, with the slide at the same scale beside or below it, a scale bar and a
//! legend.

use super::drawing::{Anchor, Area, Cell, Drawing, Paint};
use super::scale::{Colors, round_below, ticks};
use crate::image::geometry::{FamilyId, Geometry};
use crate::report::numbers::thousands;
use crate::report::picture::Picture;

/// Size of captions and labels.
pub const SMALL: f64 = 13.0;
/// Most height of the map and of the slide, beside each other and below each other.
const MAX_HEIGHTS: (f64, f64) = (560.0, 400.0);
/// Least width of a map with its caption.
const MIN_COLUMN: f64 = 180.0;
const GAP: f64 = 32.0;
const CAPTION: f64 = 22.0;
/// Cells at least this wide have a line between them.
const GRID_FROM: f64 = 12.0;
const LEGEND: f64 = 300.0;

/// A map, before it has a place.
pub struct Map<'a> {
    /// Slide and tile size.
    pub geometry: &'a Geometry,
    /// Microns per pixel of L0, for the scale bar.
    pub microns_per_pixel: Option<(f64, f64)>,
    /// What the colours mean, with the unit.
    pub caption: &'a str,
    /// Families, each with its value and what it says when pointed at.
    pub cells: Vec<(FamilyId, f64, String)>,
    /// Values of the lowest and the highest colour; values beyond have the colour of the nearer end.
    pub range: (f64, f64),
    /// The colours.
    pub colors: Colors,
    /// Values as the legend writes them.
    pub label: &'a dyn Fn(f64) -> String,
    /// The slide.
    pub slide: Option<Picture>,
}

/// How much of the sheet the map takes, and where the slide is.
struct Layout {
    width: f64,
    height: f64,
    /// From the corner of the map to that of the slide.
    to_slide: (f64, f64),
}

impl Map<'_> {
    /// Draws the map at (`x`, `y`), at most `room` wide; returns the height that it takes.
    pub fn draw(self, sheet: &mut Drawing, x: f64, y: f64, room: f64) -> f64 {
        let Layout { width, height, to_slide } = self.layout(room);
        let top = y + CAPTION;
        sheet.text(x, y + SMALL, SMALL, Paint::Muted, self.caption);
        sheet.fill(Area::new(x, top, width, height), Paint::Absent);
        self.draw_cells(sheet, Area::new(x, top, width, height));
        let mut bottom = top + height;
        let Self { slide, .. } = &self;
        if let Some(slide) = slide {
            let place = Area::new(x + to_slide.0, top + to_slide.1, width, height);
            sheet.text(
                place.x,
                place.y - CAPTION + SMALL,
                SMALL,
                Paint::Muted,
                "The slide, at the same scale",
            );
            sheet.shapes.push(super::drawing::Shape::Image(place, slide.clone()));
            bottom = place.y + height;
        }
        self.draw_scale_bar(sheet, x, bottom + 16.0, width);
        // The legend ends where the pictures end, and leaves room for the scale bar and the mark of absent families.
        let right = (if slide.is_some() { to_slide.0 } else { 0.0 }) + width;
        let left = (right - LEGEND).clamp(320.0, room - LEGEND);
        self.draw_legend(sheet, Area::new(x + left, bottom + 16.0, LEGEND, 12.0));
        bottom + 52.0 - y
    }

    /// The slide beside the map, or below it where both are then clearly larger.
    fn layout(&self, room: f64) -> Layout {
        let (w, h) = (f64::from(self.geometry.width()), f64::from(self.geometry.height()));
        let fit = |width: f64, height: f64| (width / w).min(height / h);
        let (beside, below) = match self.slide {
            Some(_) => (fit((room - GAP) / 2.0, MAX_HEIGHTS.0), fit(room, MAX_HEIGHTS.1)),
            None => (fit(room, MAX_HEIGHTS.0), 0.0),
        };
        let is_beside = 1.3 * beside >= below;
        let scale = if is_beside { beside } else { below };
        // Whole points, so that every edge lies on a pixel. A slide that is a hundred times as long as wide stays visible.
        let (width, height) = ((w * scale).round().max(3.0), (h * scale).round().max(3.0));
        let to_slide = match is_beside {
            true => (width.max(MIN_COLUMN) + GAP, 0.0),
            false => (0.0, height + GAP / 2.0 + CAPTION),
        };
        Layout { width, height, to_slide }
    }

    fn draw_cells(&self, sheet: &mut Drawing, map: Area) {
        let (low, high) = self.range;
        let half_points = |value: f64| (2.0 * value).round() / 2.0;
        let (sx, sy) =
            (map.width / f64::from(self.geometry.width()), map.height / f64::from(self.geometry.height()));
        let side = f64::from(self.geometry.tile()) * 4.0 * sx;
        let line = if side >= GRID_FROM { 1.0 } else { 0.0 };
        let cell = |(id, value, title): &(FamilyId, f64, String)| {
            let rect = self.geometry.family_rect(*id);
            let left = half_points(f64::from(rect.x) * sx);
            let top = half_points(f64::from(rect.y) * sy);
            let right = half_points(f64::from(rect.x + rect.width) * sx);
            let bottom = half_points(f64::from(rect.y + rect.height) * sy);
            let (inner_x, inner_y) = (right < map.width, bottom < map.height);
            let width = (right - left - if inner_x { line } else { 0.0 }).max(0.5);
            let height = (bottom - top - if inner_y { line } else { 0.0 }).max(0.5);
            let part = if high > low { (value - low) / (high - low) } else { 1.0 };
            let area = Area::new(map.x + left, map.y + top, width, height);
            Cell { area, rgb: self.colors.at(part), title: title.clone() }
        };
        sheet.shapes.push(super::drawing::Shape::Cells(self.cells.iter().map(cell).collect()));
    }

    /// A bar of a round length, in millimetres where the slide's scale is known, else in pixels.
    fn draw_scale_bar(&self, sheet: &mut Drawing, x: f64, y: f64, map_width: f64) {
        let points_a_pixel = map_width / f64::from(self.geometry.width());
        let (unit, pixels_a_unit) = match self.microns_per_pixel {
            Some((across, _)) => ("mm", 1000.0 / across),
            None => ("px", 1.0),
        };
        let length = round_below(160.0 / points_a_pixel / pixels_a_unit);
        let points = (length * pixels_a_unit * points_a_pixel).round();
        sheet.fill(Area::new(x, y + 4.0, points, 3.0), Paint::Ink);
        for end in [x, x + points - 1.0] {
            sheet.fill(Area::new(end, y, 1.0, 11.0), Paint::Ink);
        }
        let length = if length >= 1000.0 { thousands(length as u64) } else { length.to_string() };
        sheet.text(x, y + 26.0, SMALL, Paint::Ink, format!("{length} {unit}"));
    }

    fn draw_legend(&self, sheet: &mut Drawing, bar: Area) {
        let (low, high) = self.range;
        for i in 0..bar.width as usize {
            let rgb = self.colors.at((i as f64 + 0.5) / bar.width);
            // Each covers the seam to the one before where the sheet is scaled.
            let (x, width) = (bar.x + i as f64, (bar.width - i as f64).min(2.0));
            sheet.fill(Area::new(x, bar.y, width, bar.height), Paint::Fixed(rgb));
        }
        let at = |value: f64| if high > low { (value - low) / (high - low) * bar.width } else { bar.width };
        let mut label = |value: f64, anchor: Anchor| {
            let x = bar.x + at(value);
            sheet.fill(
                Area::new(x.round().min(bar.x + bar.width - 1.0), bar.y + bar.height, 1.0, 4.0),
                Paint::Muted,
            );
            sheet.anchored(x, bar.y + 29.0, SMALL, anchor, Paint::Ink, (self.label)(value));
        };
        label(high, Anchor::End);
        if high > low {
            label(low, Anchor::Start);
            let inner = ticks(low, high, 3).into_iter().filter(|&tick| (80.0..220.0).contains(&at(tick)));
            inner.for_each(|tick| label(tick, Anchor::Middle));
        }
        if self.cells.len() < self.geometry.family_count() as usize {
            sheet.fill(Area::new(bar.x - 100.0, bar.y, 12.0, 12.0), Paint::Absent);
            sheet.text(bar.x - 82.0, bar.y + 10.0, SMALL, Paint::Ink, "not here");
        }
    }
}
