//! IIIF Image API 3.0, level 2: parses requests and describes images. Source: <https://iiif.io/api/image/3.0/>.
//!
//! Makes no pixels; `image` does. Beyond level 2 it has the quality `bitonal`, which the official validator tests.

mod number;
mod region;
mod request;
mod size;
#[cfg(test)]
mod tests;

use serde_json::{Value, json};

use self::number::{bad, number};
use self::region::parse_region;
pub use self::request::{Format, ImageRequest, MAX_AREA, MAX_SIDE, Quality, Region};
use self::size::parse_size;
use crate::image::geometry::Geometry;
use crate::web::error::ServeError;

/// Parses `{region}/{size}/{rotation}/{quality}.{format}`.
///
/// # Errors
/// A request that is malformed, not supported, empty or too large.
pub fn parse(
    geometry: &Geometry,
    region: &str,
    size: &str,
    rotation: &str,
    file: &str,
) -> Result<ImageRequest, ServeError> {
    let region = parse_region(region, geometry)?;
    let size = parse_size(size, region)?;
    if rotation.starts_with('!') {
        return Err(ServeError::Unsupported("mirroring is not supported".into()));
    }
    let degrees = number(rotation, true).filter(|&d| d <= 360.0).ok_or_else(|| bad("rotation", rotation))?;
    if degrees % 90.0 != 0.0 {
        return Err(ServeError::Unsupported("rotations are multiples of 90 degrees".into()));
    }
    let (quality, format) = file.split_once('.').ok_or_else(|| bad("quality and format", file))?;
    let quality = match quality {
        "default" | "color" => Quality::Color,
        "gray" => Quality::Gray,
        "bitonal" => Quality::Bitonal,
        _ => return Err(bad("quality", quality)),
    };
    let format = match format {
        "jpg" => Format::Jpg,
        "png" => Format::Png,
        "tif" | "gif" | "jp2" | "pdf" | "webp" => {
            return Err(ServeError::Unsupported(format!(
                "format '{format}' is not supported; jpg and png are"
            )));
        }
        _ => return Err(bad("format", format)),
    };
    Ok(ImageRequest { region, size, turns: (degrees / 90.0) as u32 % 4, quality, format })
}

/// `info.json` of the image with the address `id`.
pub fn info(id: &str, geometry: &Geometry) -> Value {
    let top = geometry.top_level();
    let sizes = (0..=top).map(|level| geometry.level_size(level));
    let sizes: Vec<_> = sizes
        .filter(|&(w, h)| w.max(h) <= MAX_SIDE && u64::from(w) * u64::from(h) <= MAX_AREA)
        .map(|(width, height)| json!({"width": width, "height": height}))
        .collect();
    let factors: Vec<u32> = (0..=top.min(30)).map(|down| 1 << down).collect();
    json!({
        "@context": "http://iiif.io/api/image/3/context.json",
        "id": id, "type": "ImageService3", "protocol": "http://iiif.io/api/image", "profile": "level2",
        "width": geometry.width(), "height": geometry.height(), "maxWidth": MAX_SIDE, "maxHeight": MAX_SIDE, "maxArea": MAX_AREA,
        "sizes": sizes, "tiles": [{"width": geometry.tile(), "height": geometry.tile(), "scaleFactors": factors}],
        "extraQualities": ["color", "gray", "bitonal"], "extraFormats": ["jpg", "png"],
        "extraFeatures": ["regionSquare", "profileLinkHeader"],
    })
}
