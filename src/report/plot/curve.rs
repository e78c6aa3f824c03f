//! Bytes and quality of a slide at several qualities, and where an encode stands among them.

use super::drawing::{Anchor, Area, Drawing, Paint, Shape};
use super::map::SMALL;
use super::scale::{Colors, ticks};
use crate::report::numbers::round_bytes;

/// What one quality gives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CurvePoint {
    /// Quality of the residual, 1 to 100.
    pub quality: u8,
    /// Bytes of the bundle.
    pub bytes: u64,
    /// PSNR of L0 luma in dB.
    pub y_psnr: f64,
}

/// Draws estimates at several qualities and, as a larger dot, what the encode gave.
pub fn draw(estimates: &[CurvePoint], encoded: CurvePoint) -> Drawing {
    let mut sheet = Drawing {
        width: 896.0,
        height: 330.0,
        description: "Bytes and Y-PSNR by quality".into(),
        ..Drawing::default()
    };
    let chart = Area::new(60.0, 24.0, 800.0, 250.0);
    let base = chart.y + chart.height;
    let mut points: Vec<_> = estimates.iter().filter(|point| point.y_psnr.is_finite()).collect();
    points.sort_by_key(|point| point.bytes);
    let most = points.iter().map(|point| point.bytes).chain([encoded.bytes]).max().unwrap_or(1) as f64 * 1.08;
    let values =
        || points.iter().map(|point| point.y_psnr).chain(Some(encoded.y_psnr).filter(|db| db.is_finite()));
    let low = values().fold(f64::INFINITY, f64::min).floor() - 1.0;
    let high = values().fold(f64::NEG_INFINITY, f64::max).ceil() + 1.0;
    let x = |bytes: u64| chart.x + bytes as f64 / most * chart.width;
    let y = |db: f64| base - (db - low) / (high - low) * chart.height;
    for tick in ticks(low, high, 5) {
        sheet.fill(Area::new(chart.x, y(tick).round(), chart.width, 1.0), Paint::Rule);
        sheet.anchored(chart.x - 8.0, y(tick) + 4.0, SMALL, Anchor::End, Paint::Muted, tick.to_string());
    }
    for tick in ticks(0.0, most, 6) {
        let at = chart.x + tick / most * chart.width;
        sheet.fill(Area::new(at.round(), base, 1.0, 5.0), Paint::Muted);
        sheet.anchored(at, base + 19.0, SMALL, Anchor::Middle, Paint::Muted, round_bytes(tick));
    }
    sheet.fill(Area::new(chart.x, base, chart.width, 1.0), Paint::Muted);
    sheet.text(0.0, 12.0, SMALL, Paint::Muted, "Y-PSNR in dB");
    sheet.anchored(
        chart.x + chart.width,
        base + 40.0,
        SMALL,
        Anchor::End,
        Paint::Muted,
        "bytes of the bundle",
    );
    sheet.shapes.push(Shape::Line(points.iter().map(|p| (x(p.bytes), y(p.y_psnr))).collect(), Paint::Ink));
    for point in &points {
        let (x, y) = (x(point.bytes), y(point.y_psnr));
        sheet.shapes.push(Shape::Dot(x, y, 4.0, Paint::Ink));
        sheet.anchored(x - 2.0, y - 10.0, SMALL, Anchor::Middle, Paint::Ink, point.quality.to_string());
    }
    if encoded.y_psnr.is_finite() {
        let (x, y) = (x(encoded.bytes), y(encoded.y_psnr));
        sheet.shapes.push(Shape::Dot(x, y, 7.0, Paint::Fixed(Colors::Viridis.at(0.6))));
        sheet.text(x + 12.0, y + 18.0, SMALL, Paint::Ink, format!("this bundle ({})", encoded.quality));
    }
    sheet
}
