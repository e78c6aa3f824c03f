//! ImageJ's descriptions: lines of `name=value`, of which the first names ImageJ.
//!
//! It deliberately does not read ImageJ's binary metadata, which has labels and display ranges.

use super::super::error::SlideError;
use super::contents::Contents;
use super::pages::Page;
use super::stack::{Channel, Stack, is_gray};
use std::path::Path;

/// The value of a name in the description; `None` where ImageJ did not write it.
pub(super) fn value<'t>(description: &'t str, name: &str) -> Option<&'t str> {
    let lines = description.strip_prefix("ImageJ=")?.lines();
    lines
        .filter_map(|line| line.split_once('='))
        .find(|(key, _)| key.trim() == name)
        .map(|(_, value)| value.trim())
}

/// Microns of the unit in which ImageJ gives the resolution.
pub(super) fn unit_um(description: &str) -> Option<f64> {
    let unit = value(description, "unit")?;
    // ImageJ writes the micro sign as an escape, as Latin-1, which is no UTF-8, or as UTF-8.
    let unit = unit.replace("\\u00B5", "u").replace(['\u{b5}', '\u{3bc}', '\u{fffd}'], "u");
    Some(match unit.to_ascii_lowercase().as_str() {
        "nm" | "nanometer" | "nanometers" => 0.001,
        "um" | "micron" | "microns" | "micrometer" | "micrometers" => 1.0,
        "mm" | "millimeter" | "millimeters" => 1000.0,
        "cm" | "centimeter" | "centimeters" => 10_000.0,
        "m" | "meter" | "meters" => 1e6,
        "inch" | "inches" => 25_400.0,
        _ => return None,
    })
}

/// The hyperstack of the slide's pages: channels run fastest, then focal planes.
pub(super) fn stack(
    path: &Path,
    contents: &Contents<'_, '_>,
    first: &Page<'_>,
    per_page: u32,
) -> Option<Result<Stack, SlideError>> {
    let text = first.description.as_str();
    let number = |name| value(text, name).map_or(Some(1), |value| value.parse::<u32>().ok());
    let images = value(text, "images").and_then(|value| value.parse::<u32>().ok()).unwrap_or(1);
    let (channels, slices, frames) = (number("channels")?, number("slices")?, number("frames")?);
    value(text, "images")?;
    let pages = contents.full.len() as u32;
    if images > pages {
        let what = format!("an ImageJ stack of {images} planes, of which {pages} have directories,");
        let advice = "save it from ImageJ as OME-TIFF";
        return Some(Err(SlideError::unsupported(path, "TIFF", what, advice)));
    }
    let all = [channels, slices, frames].iter().try_fold(1u32, |all, &count| all.checked_mul(count));
    if all != Some(pages) || per_page > 1 {
        return None;
    }
    let gray = is_gray(contents.slide());
    let named = if gray || channels > 1 { vec![Channel::default(); channels as usize] } else { Vec::new() };
    Some(Ok(Stack { are_colors: !gray, ..Stack::plain(named, 1, slices, frames) }))
}
