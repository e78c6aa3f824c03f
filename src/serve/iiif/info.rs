//! `info.json`: what is said of an image.

use serde_json::{Value, json};

use super::FORMATS;
use super::request::{MAX_AREA, MAX_SIDE, Version};
use crate::image::geometry::Geometry;

/// An image to describe.
pub struct Described<'a> {
    /// The address of the image service.
    pub id: &'a str,
    /// Size of the image and of its tiles.
    pub geometry: &'a Geometry,
    /// The levels, from the full resolution down, that are stored or made of few pixels. Of the others images are made, but not
    /// recommended.
    pub cheap: &'a [u32],
    /// Micrometres per pixel across and down.
    pub microns_per_pixel: Option<(f64, f64)>,
}

/// `info.json` in a version of the API.
pub fn info(version: Version, of: &Described<'_>) -> Value {
    let Described { id, geometry, cheap, .. } = of;
    let top = geometry.top_level();
    let sizes = cheap.iter().rev().map(|down| geometry.level_size(top.saturating_sub(*down)));
    let sizes: Vec<_> = sizes
        .filter(|&(w, h)| w.max(h) <= MAX_SIDE && u64::from(w) * u64::from(h) <= MAX_AREA)
        .map(|(width, height)| json!({"width": width, "height": height}))
        .collect();
    let factors: Vec<u32> = cheap.iter().filter(|&&down| down <= 30).map(|down| 1 << down).collect();
    let mut info = json!({
        "protocol": "http://iiif.io/api/image", "width": geometry.width(), "height": geometry.height(),
        "sizes": sizes, "tiles": [{"width": geometry.tile(), "height": geometry.tile(), "scaleFactors": factors}],
    });
    let more = match version {
        Version::Three => json!({
            "@context": "http://iiif.io/api/image/3/context.json",
            "id": id, "type": "ImageService3", "profile": "level2",
            "maxWidth": MAX_SIDE, "maxHeight": MAX_SIDE, "maxArea": MAX_AREA,
            "extraQualities": ["color", "gray", "bitonal"], "extraFormats": FORMATS,
            "extraFeatures": ["regionSquare", "profileLinkHeader"],
        }),
        Version::Two => json!({
            "@context": "http://iiif.io/api/image/2/context.json",
            "@id": id,
            "profile": ["http://iiif.io/api/image/2/level2.json", {
                "maxWidth": MAX_SIDE, "maxHeight": MAX_SIDE, "maxArea": MAX_AREA,
                "qualities": ["default", "color", "gray", "bitonal"], "formats": FORMATS,
                "supports": ["regionSquare", "profileLinkHeader"],
            }],
        }),
    };
    let service = of.microns_per_pixel.and_then(physical_scale);
    if let (Some(info), Value::Object(more)) = (info.as_object_mut(), more) {
        info.extend(more);
        info.extend(service.map(|service| ("service".to_string(), service)));
    }
    info
}

/// The service that gives pixels a size. It has one for both axes, so pixels must be square to one part in a hundred. Source:
/// <https://iiif.io/api/annex/services/#physical-dimensions>.
fn physical_scale((across, down): (f64, f64)) -> Option<Value> {
    let is_square = (across - down).abs() <= 0.01 * across.max(down);
    let millimetres = (across + down) / 2.0 / 1000.0;
    (is_square && millimetres.is_finite() && millimetres > 0.0).then(|| {
        json!([{
            "@context": "http://iiif.io/api/annex/services/physdim/1/context.json",
            "profile": "http://iiif.io/api/annex/services/physdim",
            "physicalScale": millimetres, "physicalUnits": "mm",
        }])
    })
}
