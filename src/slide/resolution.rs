//! Microns per pixel from what files declare.
//!
//! Most files carry a density for printing (72 or 96 dots per inch), which says nothing about a microscope. So a density is
//! used only when it is plausible for a slide scanner: at least 1 nm and under 10 um per pixel, in both directions. A value
//! that a file states in microns is used as it is.

const PLAUSIBLE_UM: std::ops::Range<f64> = 0.001..10.0;

/// Both values if both are plausible for a microscope.
pub(super) fn plausible(x_um: f64, y_um: f64) -> Option<(f64, f64)> {
    // NaN and infinity are outside every range.
    (PLAUSIBLE_UM.contains(&x_um) && PLAUSIBLE_UM.contains(&y_um)).then_some((x_um, y_um))
}

/// Both values as stated, if they are lengths at all.
pub(super) fn stated(x_um: f64, y_um: f64) -> Option<(f64, f64)> {
    let is_length = |um: f64| um.is_finite() && um > 0.0;
    (is_length(x_um) && is_length(y_um)).then_some((x_um, y_um))
}

/// Microns per pixel from pixels per unit. The unit is `unit_um` microns long: 25400 for an inch, 10000 for a centimetre,
/// 1e6 for a metre.
pub(super) fn from_density(x_per_unit: f64, y_per_unit: f64, unit_um: f64) -> Option<(f64, f64)> {
    plausible(unit_um / x_per_unit, unit_um / y_per_unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn print_densities_are_not_microscopes() {
        assert_eq!(from_density(72.0, 72.0, 25_400.0), None);
        assert_eq!(from_density(300.0, 300.0, 25_400.0), None);
        assert_eq!(from_density(0.0, 0.0, 10_000.0), None);
        assert_eq!(from_density(20_000.0, 20_000.0, 10_000.0), Some((0.5, 0.5)));
        assert_eq!(plausible(f64::NAN, 0.5), None);
        assert_eq!(
            (stated(f64::NAN, 0.5), stated(0.0, 0.5), stated(65.25, 12.0)),
            (None, None, Some((65.25, 12.0)))
        );
    }
}
