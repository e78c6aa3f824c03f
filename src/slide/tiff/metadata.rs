//! What a TIFF tells about the scan: resolution, objective, colour profile.
//!
//! All of it is optional: a value that makes no sense is left out, never an error. It deliberately knows one scanner's
//! dialect only, Aperio's (`|MPP = 0.4990|AppMag = 20|` in the description), since its files open without OpenSlide.

use super::super::resolution;
use super::directory::Directory;

/// A tag that only Hamamatsu's NDPI files carry.
pub(super) const NDPI_MARK: u16 = 65420;
/// Bytes of a colour profile at most.
const ICC_LIMIT_BYTES: usize = 16 << 20;

/// Aperio's figure, else the resolution tags when a microscope could have them.
pub(super) fn microns_per_pixel(directory: &Directory<'_>) -> Option<(f64, f64)> {
    if let Some(mpp) = aperio(directory, "MPP") {
        return resolution::plausible(mpp, mpp);
    }
    let unit_um = match directory.number(296).ok()?.unwrap_or(2) {
        2 => 25_400.0,
        3 => 10_000.0,
        _ => return None,
    };
    resolution::from_density(directory.fraction(282)?, directory.fraction(283)?, unit_um)
}

/// The objective's magnification, if Aperio's description gives it.
pub(super) fn objective_power(directory: &Directory<'_>) -> Option<f64> {
    aperio(directory, "AppMag").filter(|power| *power > 0.0 && power.is_finite())
}

/// Tag 34675.
pub(super) fn icc_profile(directory: &Directory<'_>) -> Option<Vec<u8>> {
    let profile = directory.bytes(34675).ok()??;
    (1..=ICC_LIMIT_BYTES).contains(&profile.len()).then_some(profile)
}

/// The number after `name = ` in Aperio's description.
fn aperio(directory: &Directory<'_>, name: &str) -> Option<f64> {
    let description = directory.bytes(270).ok()??;
    let text = String::from_utf8_lossy(&description);
    let fields = text.strip_prefix("Aperio")?.split('|');
    let mut values = fields.filter_map(|field| field.split_once('=')).filter(|(key, _)| key.trim() == name);
    values.next()?.1.trim_matches(|c: char| c.is_whitespace() || c == '\0').parse().ok()
}
