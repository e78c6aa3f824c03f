//! Metadata of a slide, and the sidecar that keeps it beside a tree.

use serde::{Deserialize, Serialize};

/// What is known of a slide besides its pixels. Written beside a tree as `NAME.json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SlideMetadata {
    /// The program that wrote the file. It tells a sidecar from another program's JSON of the same name.
    #[serde(default)]
    pub generator: String,
    /// File name of the slide, without its directory.
    #[serde(default)]
    pub source: String,
    /// Format of the slide: "aperio", "tiff", "png", ...
    #[serde(default)]
    pub format: String,
    /// Horizontal and vertical size of an L0 pixel in micrometres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub microns_per_pixel: Option<(f64, f64)>,
    /// Magnification of the objective.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objective_power: Option<f64>,
    /// Maker and model of the scanner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scanner: Option<String>,
    /// What this program made the tree of, and how: a tree that has the same origin has the same tiles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// File name of the ICC profile beside this file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icc_profile: Option<String>,
}

/// What a tree was made of, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The identity of the slide ([`super::identity`]), or the content hash of the archive.
    pub source: String,
    /// Parameters that decide the tiles, in words.
    pub parameters: String,
}

/// Name and version of this program, as [`SlideMetadata::generator`] and the archive's `tool` record it.
pub fn generator() -> String {
    format!("origami {}", env!("CARGO_PKG_VERSION"))
}

/// Whether a file is a sidecar: another program's JSON may have its name, and the field `generator` marks ours.
pub fn is_sidecar(text: &[u8]) -> bool {
    serde_json::from_slice::<serde_json::Value>(text).ok().is_some_and(|value| {
        value["generator"].as_str().is_some_and(|generator| generator.starts_with("origami "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn microns_keep_their_last_digit() {
        let mut state = 1u64;
        for _ in 0..100_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let microns = 0.1 + (state >> 11) as f64 / (1u64 << 53) as f64;
            let written =
                SlideMetadata { microns_per_pixel: Some((microns, microns)), ..SlideMetadata::default() };
            let text = serde_json::to_string(&written).unwrap();
            assert_eq!(serde_json::from_str::<SlideMetadata>(&text).unwrap(), written, "{text}");
        }
    }
}
