//! IIIF Image API 3.0 and 2.1, level 2: parses requests. `info` describes images. Sources: <https://iiif.io/api/image/3.0/> and
//! <https://iiif.io/api/image/2.1/>.
//!
//! Makes no pixels; `image` does. Beyond level 2 it has the quality `bitonal`, which the official validator tests.

mod info;
mod number;
mod region;
mod request;
mod size;
#[cfg(test)]
mod tests;

pub use self::info::{Described, info};
use self::number::{bad, number};
use self::region::parse_region;
pub use self::request::{Format, ImageRequest, MAX_AREA, MAX_SIDE, Quality, Region, Version};
use self::size::parse_size;
use crate::image::geometry::Geometry;
use crate::web::error::ServeError;

/// The formats of images.
const FORMATS: &[&str] = if cfg!(feature = "webp") { &["jpg", "png", "webp"] } else { &["jpg", "png"] };

/// Parses `{region}/{size}/{rotation}/{quality}.{format}`.
///
/// # Errors
/// A request that is malformed, not supported, empty or too large.
pub fn parse(
    (version, geometry): (Version, &Geometry),
    region: &str,
    size: &str,
    rotation: &str,
    file: &str,
) -> Result<ImageRequest, ServeError> {
    let region = parse_region(region, geometry)?;
    let size = parse_size(version, size, region)?;
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
        "webp" if cfg!(feature = "webp") => Format::Webp,
        "tif" | "gif" | "jp2" | "pdf" | "webp" => {
            let names = FORMATS.join(", ");
            return Err(ServeError::Unsupported(format!("format '{format}' is not supported; {names} are")));
        }
        _ => return Err(bad("format", format)),
    };
    Ok(ImageRequest { region, size, turns: (degrees / 90.0) as u32 % 4, quality, format })
}
