//! Regions: `full`, `square`, pixels, percent.

use super::number::{bad, list};
use super::request::Region;
use crate::image::geometry::Geometry;
use crate::web::error::ServeError;

/// Parses a region, cut off at the edge of the slide.
///
/// # Errors
/// One that is malformed or empty.
pub fn parse_region(text: &str, geometry: &Geometry) -> Result<Region, ServeError> {
    let (width, height) = (geometry.width(), geometry.height());
    let (full_w, full_h) = (f64::from(width), f64::from(height));
    let [x, y, w, h] = match text {
        "full" => return Ok(Region { x: 0, y: 0, width, height }),
        "square" => {
            let side = width.min(height);
            return Ok(Region { x: (width - side) / 2, y: (height - side) / 2, width: side, height: side });
        }
        _ => match text.strip_prefix("pct:") {
            Some(pct) => {
                let [x, y, w, h] = list::<4>(pct, true).ok_or_else(|| bad("region", text))?;
                let pixels = |percent: f64, whole: f64| (percent * whole / 100.0).round();
                // A part of a pixel is that pixel, not nothing.
                let length =
                    |percent, whole| if percent > 0.0 { pixels(percent, whole).max(1.0) } else { 0.0 };
                let start = |percent, whole| {
                    if percent < 100.0 { pixels(percent, whole).min(whole - 1.0) } else { whole }
                };
                [start(x, full_w), start(y, full_h), length(w, full_w), length(h, full_h)]
            }
            None => list::<4>(text, false).ok_or_else(|| bad("region", text))?,
        },
    };
    if w < 1.0 || h < 1.0 || x >= full_w || y >= full_h {
        return Err(ServeError::Bad(format!("region '{text}' is empty: the image is {width}x{height}")));
    }
    let (right, bottom) = ((x + w).min(full_w), (y + h).min(full_h));
    Ok(Region { x: x as u32, y: y as u32, width: (right - x) as u32, height: (bottom - y) as u32 })
}
