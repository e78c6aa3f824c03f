//! What is said of one input, in both forms.

use serde_json::Value;

use crate::cli::print::one_line;

/// Rows of text, and the same as an object.
pub struct Answer {
    pub text: Vec<String>,
    pub value: Value,
}

/// A row of text: what it is, and its value.
pub fn row(label: &str, text: impl std::fmt::Display) -> String {
    format!("{label:<18}{}", one_line(&text.to_string()))
}

/// Microns per pixel, objective and scanner, where they are known.
pub fn scan_rows(
    microns_per_pixel: Option<(f64, f64)>,
    objective_power: Option<f64>,
    scanner: Option<&str>,
) -> Vec<String> {
    let microns = microns_per_pixel.map(|(x, y)| row("microns per pixel", format!("{x:.4} x {y:.4}")));
    let objective = objective_power.map(|power| row("objective", format!("{power}x")));
    microns.into_iter().chain(objective).chain(scanner.map(|scanner| row("scanner", scanner))).collect()
}
