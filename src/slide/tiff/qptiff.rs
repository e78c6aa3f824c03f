//! The descriptions of PerkinElmer's and Akoya's TIFFs (QPTIFF): XML in every page.
//!
//! It deliberately does not know the scan profile in them.

use super::stack::Channel;
use super::xml;

/// The root element of a description.
const ROOT: &str = "PerkinElmer-QPI-ImageDescription";

/// The type of image in lower case, without blanks: `fullresolution`, `reducedresolution`, `thumbnail`, `overview`, `label`;
/// `None` where the description is another.
pub(super) fn image_type(description: &str) -> Option<String> {
    element(description, "ImageType").map(|text| text.to_ascii_lowercase().replace(' ', ""))
}

/// The magnification of the objective (`20x`).
pub(super) fn objective_power(description: &str) -> Option<f64> {
    let text =
        element(description, "Objective").or_else(|| element(description, "ObjectiveMagnification"))?;
    let number: String = text.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    number.parse().ok()
}

/// The channel of a page: its name and colour.
pub(super) fn channel(description: &str) -> Channel {
    Channel {
        name: element(description, "Name").or_else(|| element(description, "Biomarker")),
        color: element(description, "Color").and_then(|color| rgb(&color)),
    }
}

/// `255,128,0`.
fn rgb(text: &str) -> Option<[u8; 3]> {
    let parts: Vec<u8> = text.split(',').map_while(|part| part.trim().parse().ok()).collect();
    parts.try_into().ok()
}

/// The text of an element directly below the root.
fn element(description: &str, name: &str) -> Option<String> {
    if !description.contains(ROOT) {
        return None;
    }
    let document = xml::parse(description).ok()?;
    let root = document.root_element();
    let found = root.children().find(|node| node.has_tag_name(name))?;
    (root.tag_name().name() == ROOT).then(|| found.text().unwrap_or_default().trim().to_string())
}
