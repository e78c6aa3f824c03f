//! Metadata of the scan in a TIFF: resolution, objective, colour profile.
//!
//! All of it is optional: an implausible value is left out, never an error. Of the scanners' own conventions it knows only
//! Aperio's (`|MPP = 0.4990|AppMag = 20|` in the description), whose files open without OpenSlide.

use super::super::resolution;
use super::directory::Directory;
use super::tag;

/// Largest colour profile.
const MAX_ICC_BYTES: usize = 16 << 20;

/// Aperio's value, else the resolution tags where they are plausible for a microscope.
pub(super) fn microns_per_pixel(directory: &Directory<'_>) -> Option<(f64, f64)> {
    if let Some(mpp) = aperio(directory, "MPP") {
        return resolution::plausible(mpp, mpp);
    }
    let unit_um = match directory.number(tag::RESOLUTION_UNIT).ok()?.unwrap_or(2) {
        2 => 25_400.0,
        3 => 10_000.0,
        _ => return None,
    };
    resolution::from_density(
        directory.rational(tag::X_RESOLUTION)?,
        directory.rational(tag::Y_RESOLUTION)?,
        unit_um,
    )
}

/// The objective's magnification, if Aperio's description gives it.
pub(super) fn objective_power(directory: &Directory<'_>) -> Option<f64> {
    aperio(directory, "AppMag").filter(|power| *power > 0.0 && power.is_finite())
}

/// The ICC colour profile.
pub(super) fn icc_profile(directory: &Directory<'_>) -> Option<Vec<u8>> {
    let profile = directory.bytes(tag::ICC_PROFILE).ok()??;
    (1..=MAX_ICC_BYTES).contains(&profile.len()).then_some(profile)
}

/// The number after `name = ` in Aperio's image description.
fn aperio(directory: &Directory<'_>, name: &str) -> Option<f64> {
    let description = directory.bytes(tag::IMAGE_DESCRIPTION).ok()??;
    let text = String::from_utf8_lossy(&description);
    let fields = text.strip_prefix("Aperio")?.split('|');
    let mut values = fields.filter_map(|field| field.split_once('=')).filter(|(key, _)| key.trim() == name);
    values.next()?.1.trim_matches(|c: char| c.is_whitespace() || c == '\0').parse().ok()
}
