//! A drawing as PNG: on white, two pixels a point.

use tiny_skia::{
    Color, FillRule, FilterQuality, IntSize, Paint as Brush, Path, PathBuilder, Pixmap, PixmapPaint, Rect,
    Stroke, Transform,
};
use ttf_parser::OutlineBuilder;

use super::drawing::{Anchor, Area, Drawing, Paint, Rgb, Shape};
use super::font;
use crate::error::Result;
use crate::report::picture::Picture;

/// Pixels a point.
const SCALE: f32 = 2.0;
/// Largest side of a sheet in points: a layout's are far below.
const MAX_POINTS: f64 = 4096.0;

/// The drawing as a file.
///
/// # Errors
/// Lack of memory.
pub fn encode(drawing: &Drawing) -> Result<Vec<u8>> {
    let side = |points: f64| (points.clamp(1.0, MAX_POINTS) as f32 * SCALE).ceil() as u32;
    let (width, height) = (side(drawing.width), side(drawing.height));
    let Some(mut sheet) = Pixmap::new(width, height) else {
        return Picture::white(width as usize, height as usize).png();
    };
    sheet.fill(Color::WHITE);
    for shape in &drawing.shapes {
        draw(&mut sheet, shape);
    }
    let rgb = sheet.pixels().iter().flat_map(|pixel| [pixel.red(), pixel.green(), pixel.blue()]).collect();
    Picture { width: width as usize, height: height as usize, rgb }.png()
}

fn draw(sheet: &mut Pixmap, shape: &Shape) {
    let scale = Transform::from_scale(SCALE, SCALE);
    match shape {
        Shape::Fill(area, paint) => fill(sheet, area, rgb(*paint)),
        Shape::Cells(cells) => cells.iter().for_each(|cell| fill(sheet, &cell.area, cell.rgb)),
        Shape::Image(area, picture) => image(sheet, area, picture),
        Shape::Text { x, y, size, anchor, paint, text } => {
            let back = match anchor {
                Anchor::Start => 0.0,
                Anchor::Middle => font::width(text, *size) / 2.0,
                Anchor::End => font::width(text, *size),
            };
            let mut pen = Pen(PathBuilder::new());
            font::outline(text, *size, (x - back, *y), &mut pen);
            fill_path(sheet, pen.0.finish(), *paint);
        }
        Shape::Line(points, paint) => {
            let mut path = PathBuilder::new();
            for (i, &(x, y)) in points.iter().enumerate() {
                if i == 0 { path.move_to(x as f32, y as f32) } else { path.line_to(x as f32, y as f32) }
            }
            if let Some(path) = path.finish() {
                let stroke = Stroke { width: 1.5, ..Stroke::default() };
                sheet.stroke_path(&path, &brush(rgb(*paint)), &stroke, scale, None);
            }
        }
        Shape::Dot(x, y, radius, paint) => {
            fill_path(sheet, PathBuilder::from_circle(*x as f32, *y as f32, *radius as f32), *paint);
        }
    }
}

/// Fills a rectangle whose edges a layout has put on whole pixels.
fn fill(sheet: &mut Pixmap, area: &Area, rgb: Rgb) {
    let [x, y, width, height] = [area.x, area.y, area.width, area.height].map(|v| v as f32);
    if let Some(rect) = Rect::from_xywh(x, y, width, height) {
        sheet.fill_rect(rect, &brush(rgb), Transform::from_scale(SCALE, SCALE), None);
    }
}

fn fill_path(sheet: &mut Pixmap, path: Option<Path>, paint: Paint) {
    if let Some(path) = path {
        let scale = Transform::from_scale(SCALE, SCALE);
        sheet.fill_path(&path, &brush(rgb(paint)), FillRule::Winding, scale, None);
    }
}

fn image(sheet: &mut Pixmap, area: &Area, picture: &Picture) {
    let rgba = picture.rgb.chunks_exact(3).flat_map(|p| [p[0], p[1], p[2], 255]).collect();
    let size = IntSize::from_wh(picture.width as u32, picture.height as u32);
    let Some(pixels) = size.and_then(|size| Pixmap::from_vec(rgba, size)) else { return };
    let scale = |points: f64, pixels: usize| points as f32 * SCALE / pixels as f32;
    let place = Transform::from_row(
        scale(area.width, picture.width),
        0.0,
        0.0,
        scale(area.height, picture.height),
        area.x as f32 * SCALE,
        area.y as f32 * SCALE,
    );
    let paint = PixmapPaint { quality: FilterQuality::Bicubic, ..PixmapPaint::default() };
    sheet.draw_pixmap(0, 0, pixels.as_ref(), &paint, place, None);
}

fn brush([r, g, b]: Rgb) -> Brush<'static> {
    let mut brush = Brush::default();
    brush.set_color_rgba8(r, g, b, 255);
    brush
}

/// The colours of a light page, as in `plot.css`.
fn rgb(paint: Paint) -> Rgb {
    match paint {
        Paint::Paper => [0xff, 0xff, 0xff],
        Paint::Ink => [0x1f, 0x23, 0x28],
        Paint::Muted => [0x57, 0x60, 0x6a],
        Paint::Rule => [0xd0, 0xd7, 0xde],
        Paint::Absent => [0xe4, 0xe7, 0xea],
        Paint::Fixed(rgb) => rgb,
    }
}

/// Builds a path from the outlines of glyphs.
struct Pen(PathBuilder);

impl OutlineBuilder for Pen {
    fn move_to(&mut self, x: f32, y: f32) {
        self.0.move_to(x, y);
    }
    fn line_to(&mut self, x: f32, y: f32) {
        self.0.line_to(x, y);
    }
    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        self.0.quad_to(x1, y1, x, y);
    }
    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        self.0.cubic_to(x1, y1, x2, y2, x, y);
    }
    fn close(&mut self) {
        self.0.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_colours_are_those_of_the_style_sheet() {
        let css = include_str!("plot.css");
        let light = css.split("@media").next().unwrap();
        for (role, paint) in [
            ("paper", Paint::Paper),
            ("ink", Paint::Ink),
            ("muted", Paint::Muted),
            ("rule", Paint::Rule),
            ("absent", Paint::Absent),
        ] {
            let [r, g, b] = rgb(paint);
            assert!(light.contains(&format!(".{role} {{ fill: #{r:02x}{g:02x}{b:02x}; }}")), "{role}");
        }
    }
}
