//! The descriptions of PerkinElmer's and Akoya's TIFFs (QPTIFF): XML in every page.
//!
//! It deliberately does not know pages.

/// The root element of a description.
const ROOT: &str = "PerkinElmer-QPI-ImageDescription";

/// The type of image in lower case, without blanks: `fullresolution`, `reducedresolution`, `thumbnail`, `overview`, `label`;
/// `None` where the description is another.
pub(super) fn image_type(description: &str) -> Option<String> {
    element(description, "ImageType").map(|text| text.to_ascii_lowercase().replace(' ', ""))
}

/// The text of an element directly below the root.
fn element(description: &str, name: &str) -> Option<String> {
    if !description.contains(ROOT) {
        return None;
    }
    let document = roxmltree::Document::parse(description.trim_start_matches('\u{feff}')).ok()?;
    let root = document.root_element();
    let found = root.children().find(|node| node.has_tag_name(name))?;
    (root.tag_name().name() == ROOT).then(|| found.text().unwrap_or_default().trim().to_string())
}
