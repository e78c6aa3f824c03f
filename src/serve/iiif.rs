//! IIIF Image API 3.0, level 2: parses requests and describes images. Source: <https://iiif.io/api/image/3.0/>.
//!
//! Makes no pixels; `image` does. Beyond level 2 it has the quality `bitonal`, which the official validator tests.

use serde_json::{Value, json};

use crate::image::geometry::Geometry;
use crate::web::error::ServeError;

/// Most pixels of a side of an image: `maxWidth` and `maxHeight` of `info.json`.
pub const MAX_SIDE: u32 = 8192;
/// Most pixels of an image: `maxArea` of `info.json`.
pub const MAX_AREA: u64 = 1 << 24;

/// A region of L0 in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// Left.
    pub x: u32,
    /// Top.
    pub y: u32,
    /// Width, at least 1.
    pub width: u32,
    /// Height, at least 1.
    pub height: u32,
}

/// Colours of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quality {
    /// All channels.
    Color,
    /// Luma.
    Gray,
    /// Black and white.
    Bitonal,
}

/// File format of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JPEG.
    Jpg,
    /// PNG.
    Png,
}

/// A request for an image, parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageRequest {
    /// In L0.
    pub region: Region,
    /// Width and height before rotation.
    pub size: (u32, u32),
    /// Quarter turns clockwise, 0 to 3.
    pub turns: u32,
    /// Colours.
    pub quality: Quality,
    /// File format.
    pub format: Format,
}

fn bad(what: &str, text: &str) -> ServeError {
    ServeError::Bad(format!("{what} '{text}' is not understood"))
}

/// A number without a sign; with decimals only if `fraction`.
fn number(text: &str, fraction: bool) -> Option<f64> {
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    let plain = match text.split_once('.') {
        Some((whole, part)) => fraction && digits(whole) && digits(part),
        None => digits(text),
    };
    plain.then(|| text.parse().ok()).flatten()
}

fn list<const N: usize>(text: &str, fraction: bool) -> Option<[f64; N]> {
    let numbers: Option<Vec<f64>> = text.split(',').map(|part| number(part, fraction)).collect();
    numbers?.try_into().ok()
}

fn parse_region(text: &str, geometry: &Geometry) -> Result<Region, ServeError> {
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

/// The scale that makes the largest image of a region that the limits allow; more than 1 if the region is within them.
fn largest(w: f64, h: f64) -> f64 {
    let scale = (f64::from(MAX_SIDE) / w.max(h)).min((MAX_AREA as f64 / (w * h)).sqrt());
    // A side of less than one pixel becomes one, which leaves room for the other.
    if w.min(h) * scale < 1.0 { f64::from(MAX_SIDE) / w.max(h) } else { scale }
}

fn parse_size(text: &str, region: Region) -> Result<(u32, u32), ServeError> {
    let (w, h) = (f64::from(region.width), f64::from(region.height));
    let (size, may_enlarge) = text.strip_prefix('^').map_or((text, false), |size| (size, true));
    let fail = || bad("size", text);
    let scaled = |scale: f64| ((w * scale).round().max(1.0), (h * scale).round().max(1.0));
    // Rounded down, so that it stays within the limits.
    let limited = |scale: f64| ((w * scale).floor().max(1.0), (h * scale).floor().max(1.0));
    let larger = || {
        let problem = format!("size '{text}' is larger than the region, {w}x{h}");
        match may_enlarge {
            true => ServeError::Unsupported(format!("{problem}; no image is enlarged")),
            false => ServeError::Bad(problem),
        }
    };
    let (out_w, out_h) = if size == "max" {
        match largest(w, h) {
            scale if scale < 1.0 => limited(scale),
            scale if may_enlarge && scale > 1.0 => return Err(larger()),
            _ => (w, h),
        }
    } else if let Some(percent) = size.strip_prefix("pct:") {
        let percent = number(percent, true).filter(|&p| p > 0.0).ok_or_else(fail)?;
        if percent > 100.0 {
            return Err(larger());
        }
        scaled(percent / 100.0)
    } else if let Some(inside) = size.strip_prefix('!') {
        let [bw, bh] = list::<2>(inside, false).ok_or_else(fail)?;
        if bw < 1.0 || bh < 1.0 {
            return Err(ServeError::Bad(format!("size '{text}' is empty")));
        }
        let scale = (bw / w).min(bh / h);
        if scale > 1.0 {
            // By the specification the region would be sent unscaled; the official validator expects an error.
            return Err(larger());
        }
        if scale > largest(w, h) { limited(largest(w, h)) } else { scaled(scale) }
    } else {
        match size.split_once(',').ok_or_else(fail)? {
            (width, "") => {
                let width = number(width, false).ok_or_else(fail)?;
                (width, (h * width / w).round().max(1.0))
            }
            ("", height) => {
                let height = number(height, false).ok_or_else(fail)?;
                ((w * height / h).round().max(1.0), height)
            }
            (width, height) => {
                (number(width, false).ok_or_else(fail)?, number(height, false).ok_or_else(fail)?)
            }
        }
    };
    if out_w < 1.0 || out_h < 1.0 {
        return Err(ServeError::Bad(format!("size '{text}' is empty")));
    }
    if out_w > w || out_h > h {
        return Err(larger());
    }
    let side = f64::from(MAX_SIDE);
    if out_w > side || out_h > side || out_w * out_h > MAX_AREA as f64 {
        return Err(ServeError::Bad(format!("size '{text}' is over the limits of info.json")));
    }
    Ok((out_w as u32, out_h as u32))
}

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

#[cfg(test)]
mod tests {
    use super::*;

    fn of(region: &str, size: &str, rotation: &str, file: &str) -> Result<ImageRequest, ServeError> {
        parse(&Geometry::new(1000, 600, 256).unwrap(), region, size, rotation, file)
    }

    fn shape(region: &str, size: &str) -> (Region, (u32, u32)) {
        let request = of(region, size, "0", "default.jpg").unwrap();
        (request.region, request.size)
    }

    #[test]
    fn regions_and_sizes_follow_the_specification() {
        let full = Region { x: 0, y: 0, width: 1000, height: 600 };
        assert_eq!(shape("full", "max"), (full, (1000, 600)));
        assert_eq!(shape("square", "max").0, Region { x: 200, y: 0, width: 600, height: 600 });
        assert_eq!(
            shape("900,500,300,300", "max"),
            (Region { x: 900, y: 500, width: 100, height: 100 }, (100, 100))
        );
        assert_eq!(shape("pct:10,50,50,25", "max").0, Region { x: 100, y: 300, width: 500, height: 150 });
        assert_eq!(shape("full", "500,").1, (500, 300));
        assert_eq!(shape("full", ",300").1, (500, 300));
        assert_eq!(shape("full", "pct:10").1, (100, 60));
        assert_eq!(shape("full", "70,90").1, (70, 90));
        assert_eq!(shape("full", "!200,200").1, (200, 120));
        assert_eq!(
            shape("pct:99.99,0,0.01,0.01", "max"),
            (Region { x: 999, y: 0, width: 1, height: 1 }, (1, 1))
        );
        // What may be enlarged and is not.
        for (size, want) in [
            ("^500,", (500, 300)),
            ("^,300", (500, 300)),
            ("^1000,600", (1000, 600)),
            ("^70,90", (70, 90)),
            ("^pct:100", (1000, 600)),
            ("^!200,200", (200, 120)),
            ("^!1000,9000", (1000, 600)),
        ] {
            assert_eq!(shape("full", size).1, want, "{size}");
        }
        assert_eq!(shape("0,0,7,1", "3,").1, (3, 1));
        let turned = of("full", "max", "270", "gray.png").unwrap();
        assert_eq!((turned.turns, turned.quality, turned.format), (3, Quality::Gray, Format::Png));
    }

    #[test]
    fn max_is_the_largest_image_within_the_limits() {
        let size = |width, height, size| {
            parse(&Geometry::new(width, height, 256).unwrap(), "full", size, "0", "default.jpg").unwrap().size
        };
        for text in ["max", "^max"] {
            assert_eq!(size(20_000, 1, text), (8192, 1));
            assert_eq!(size(1, 1_000_000, text), (1, 8192));
            assert_eq!(size(100_000, 3, text), (8192, 1));
            assert_eq!(size(100_000, 100_000, text), (4096, 4096));
            assert_eq!(size(8192, 2048, text), (8192, 2048));
            for (w, h) in [(9001, 8191), (123_456, 7), (8193, 2048), (65_537, 65_535)] {
                let (width, height) = size(w, h, text);
                assert!(width.max(height) <= MAX_SIDE && u64::from(width) * u64::from(height) <= MAX_AREA);
            }
        }
        assert_eq!(size(20_000, 1, "!9000,9000"), (8192, 1));
        assert_eq!(size(100_000, 100_000, "!9000,9000"), (4096, 4096));
        assert_eq!(size(20_000, 1, "8000,"), (8000, 1));
    }

    #[test]
    fn malformed_and_unsupported_requests_are_distinguished() {
        let bad = [
            ("full", "1001,", "0", "default.jpg"),
            ("full", "0,", "0", "default.jpg"),
            ("full", "!2000,3000", "0", "default.jpg"),
            ("1000,0,10,10", "max", "0", "default.jpg"),
            ("0,0,0,10", "max", "0", "default.jpg"),
            ("0,0,10", "max", "0", "default.jpg"),
            ("-1,0,10,10", "max", "0", "default.jpg"),
            ("1e3,0,10,10", "max", "0", "default.jpg"),
            ("full", "full", "0", "default.jpg"),
            ("full", "^", "0", "default.jpg"),
            ("full", "^full", "0", "default.jpg"),
            ("full", "^^max", "0", "default.jpg"),
            ("full", "pct:100.01", "0", "default.jpg"),
            ("full", "!0,10", "0", "default.jpg"),
            ("pct:0,0,0,10", "max", "0", "default.jpg"),
            ("pct:100,0,10,10", "max", "0", "default.jpg"),
            ("full", "max", "x", "default.jpg"),
            ("full", "max", "361", "default.jpg"),
            ("full", "max", "0", "nice.jpg"),
            ("full", "max", "0", "default.xyz"),
            ("full", "max", "0", "default"),
            ("18446744073709551616,0,1,1", "max", "0", "default.jpg"),
        ];
        for (region, size, rotation, file) in bad {
            assert!(
                matches!(of(region, size, rotation, file), Err(ServeError::Bad(_))),
                "{region}/{size}/{rotation}/{file}"
            );
        }
        for (size, rotation, file) in [
            ("^2000,", "0", "default.jpg"),
            ("^,601", "0", "default.jpg"),
            ("^1001,600", "0", "default.jpg"),
            ("^pct:101", "0", "default.jpg"),
            ("^!2000,2000", "0", "default.jpg"),
            ("^max", "0", "default.jpg"),
            ("max", "!0", "default.jpg"),
            ("max", "45", "default.jpg"),
            ("max", "0", "default.tif"),
        ] {
            assert!(
                matches!(of("full", size, rotation, file), Err(ServeError::Unsupported(_))),
                "{size}/{rotation}/{file}"
            );
        }
    }
}
