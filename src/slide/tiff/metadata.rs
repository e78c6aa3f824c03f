//! Metadata of the scan in a TIFF: resolution, objective, colour profile.
//!
//! All of it is optional: an implausible value is left out, never an error. What a description states in microns comes before
//! the resolution tags, which are mostly for printing: OME-XML, Aperio's (`|MPP = 0.4990|AppMag = 20|`), ImageJ's unit.

use super::super::{info, resolution};
use super::directory::Directory;
use super::pages::Page;
use super::{imagej, ome, qptiff, tag};

/// Largest colour profile.
const MAX_ICC_BYTES: usize = 16 << 20;

/// What a file says of the scan.
#[derive(Debug, Default)]
pub(super) struct Scan {
    pub microns_per_pixel: Option<(f64, f64)>,
    pub objective_power: Option<f64>,
}

impl Scan {
    /// That of the slide's page. OME-XML and ImageJ's description stand in the first page of the file.
    pub fn of(slide: &Page<'_>, first: &Page<'_>) -> Self {
        if ome::is_ome(&first.description) {
            let (microns, objective_power) = ome::scan(&first.description, slide.number);
            let microns_per_pixel = microns.or_else(|| by_tags(&slide.directory));
            return Self { microns_per_pixel, objective_power };
        }
        let text = slide.description.as_str();
        let stated = match (aperio(text, "MPP"), imagej::unit_um(&first.description)) {
            (Some(mpp), _) => resolution::stated(mpp, mpp),
            (None, Some(unit_um)) => {
                density(&slide.directory).and_then(|(x, y)| resolution::stated(unit_um / x, unit_um / y))
            }
            _ => None,
        };
        let power = aperio(text, "AppMag").or_else(|| qptiff::objective_power(text));
        Self {
            microns_per_pixel: stated.or_else(|| by_tags(&slide.directory)),
            objective_power: power.filter(|power| *power > 0.0 && power.is_finite()),
        }
    }
}

/// Pixels per unit, across and down.
fn density(directory: &Directory<'_>) -> Option<(f64, f64)> {
    directory.rational(tag::X_RESOLUTION).zip(directory.rational(tag::Y_RESOLUTION))
}

/// The resolution tags, where they are plausible for a microscope.
fn by_tags(directory: &Directory<'_>) -> Option<(f64, f64)> {
    let unit_um = match directory.number(tag::RESOLUTION_UNIT).ok()?.unwrap_or(2) {
        2 => 25_400.0,
        3 => 10_000.0,
        _ => return None,
    };
    let (x, y) = density(directory)?;
    resolution::from_density(x, y, unit_um)
}

/// The scanner, by the tags of the slide's page or of the file's first one; Aperio's files have its maker in their description.
pub(super) fn scanner(slide: &Page<'_>, first: &Page<'_>) -> Option<String> {
    let of = |page: &Page<'_>| {
        let [maker, model] = [tag::MAKE, tag::MODEL].map(|tag| page.directory.text(tag));
        info::scanner(Some(&maker), Some(&model))
    };
    let text = &slide.description;
    // `convert` writes that form as well, for slides of any scanner.
    let is_aperio = text.starts_with("Aperio") && !text.contains(", form written by ");
    of(slide).or_else(|| of(first)).or_else(|| is_aperio.then(|| "Aperio".into()))
}

/// The ICC colour profile.
pub(super) fn icc_profile(directory: &Directory<'_>) -> Option<Vec<u8>> {
    let profile = directory.bytes(tag::ICC_PROFILE).ok()??;
    (1..=MAX_ICC_BYTES).contains(&profile.len()).then_some(profile)
}

/// The number after `name = ` in Aperio's image description.
fn aperio(description: &str, name: &str) -> Option<f64> {
    let fields = description.strip_prefix("Aperio")?.split('|');
    let mut values = fields.filter_map(|field| field.split_once('=')).filter(|(key, _)| key.trim() == name);
    values.next()?.1.trim().parse().ok()
}
