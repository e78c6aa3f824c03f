//! Tags that change what the pixels are: each is honoured elsewhere, refused here, or named in a warning.
//!
//! It deliberately does not know the tags of `pixel_tags`, without which a pixel has no value at all.

use super::super::error::SlideError;
use super::super::orientation::Orientation;
use super::super::positional::PositionalFile;
use super::directory::Directory;
use super::layout::Layout;
use super::pages::Page;
use super::pixel_tags::Compression;
use super::tag;

const ADVICE: &str = "save it as a plain TIFF with the program that wrote it";
/// Red, green and blue in the luma of JPEG (ITU-R BT.601).
const LUMA: [f64; 3] = [0.299, 0.587, 0.114];
/// What ReferenceBlackWhite is where all 256 values of each component are used.
const FULL_RANGE: [[f64; 6]; 2] =
    [[0.0, 255.0, 0.0, 255.0, 0.0, 255.0], [0.0, 255.0, 128.0, 255.0, 128.0, 255.0]];

/// The orientation of the page; one that TIFF does not define counts as the plain one, with a warning.
pub(super) fn orientation(directory: &Directory<'_>, warnings: &mut Vec<String>) -> Orientation {
    let value = directory.number(tag::ORIENTATION).ok().flatten().unwrap_or(1);
    Orientation::from_tag(value).unwrap_or_else(|| {
        warnings.push(format!("its orientation {value} is none of 1 to 8, so it was read as it is stored"));
        Orientation::default()
    })
}

/// Whether the page has this orientation, or says nothing of its own that counts.
pub(super) fn is_turned_as(directory: &Directory<'_>, orientation: Orientation) -> bool {
    let own = directory.number(tag::ORIENTATION).ok().flatten().and_then(Orientation::from_tag);
    own.is_none_or(|own| own == orientation)
}

/// Refuses a page whose pixels another rule makes; the warnings say which tags were not followed.
pub(super) fn check(
    file: &PositionalFile,
    page: &Page<'_>,
    layout: &Layout,
) -> Result<Vec<String>, SlideError> {
    let directory = &page.directory;
    let number = |tag| directory.number(tag).ok().flatten();
    let refuse = |what: String| Err(SlideError::unsupported(file.path(), "TIFF", what, ADVICE));
    if let Some(depth @ 2..) = number(tag::IMAGE_DEPTH) {
        return refuse(format!("a volume of {depth} planes (ImageDepth)"));
    }
    if let Some(planes @ 2..) = directory.count(tag::UIC2) {
        return refuse(format!("a MetaMorph stack of {planes} planes"));
    }
    if number(tag::MD_FILE_TAG) == Some(2) {
        return refuse("square roots for samples (MD FileTag 2)".into());
    }
    if number(tag::INDEXED).is_some_and(|indexed| indexed != 0) && number(tag::PHOTOMETRIC) != Some(3) {
        return refuse("indices into a list of colours other than RGB (Indexed)".into());
    }
    Ok(warnings(page, layout))
}

fn warnings(page: &Page<'_>, layout: &Layout) -> Vec<String> {
    let directory = &page.directory;
    let mut warnings = Vec::new();
    if layout.ycbcr && layout.compression == Compression::Jpeg {
        let luma = directory.rationals(tag::YCBCR_COEFFICIENTS);
        if differs(&luma, &[&LUMA]) {
            warnings.push(format!(
                "its YCbCrCoefficients ({}) differ from those of JPEG, by which it was decoded",
                list(&luma)
            ));
        }
    }
    let range = directory.rationals(tag::REFERENCE_BLACK_WHITE);
    if differs(&range, &[&FULL_RANGE[0], &FULL_RANGE[1]]) {
        warnings.push(format!("its ReferenceBlackWhite ({}) was not applied", list(&range)));
    }
    let curves = [
        (tag::GRAY_RESPONSE_CURVE, "GrayResponseCurve"),
        (tag::TRANSFER_FUNCTION, "TransferFunction"),
        (tag::WHITE_POINT, "WhitePoint"),
        (tag::PRIMARY_CHROMATICITIES, "PrimaryChromaticities"),
    ];
    let found: Vec<&str> =
        curves.iter().filter(|(tag, _)| directory.has(*tag)).map(|(_, name)| *name).collect();
    if !found.is_empty() && !directory.has(tag::ICC_PROFILE) {
        warnings.push(format!("its colours are described by {}, which was not applied", found.join(" and ")));
    }
    // Written by tifffile, whose description has the shape of what was saved.
    if page.description.starts_with("{\"shape\"") && page.description.contains("\"truncated\": true") {
        warnings.push(
            "its description says that it holds more planes than the file has pages: only these were read"
                .into(),
        );
    }
    if layout.is_inks() {
        warnings.push("its CMYK inks became RGB without a colour profile".into());
    }
    let colors = layout.wanted.len();
    if layout.samples > colors && !layout.is_channel() {
        let rest = layout.samples - colors;
        warnings.push(format!(
            "{rest} of its {} samples a pixel are neither colour nor opacity and were left out",
            layout.samples
        ));
    }
    let absent = layout.absent();
    if absent > 0 {
        let (all, kind) = (layout.byte_counts.len(), if layout.tiled { "tiles" } else { "strips" });
        let color = if layout.is_channel() { "black" } else { "white" };
        warnings.push(format!("{absent} of its {all} {kind} hold no byte and were read as {color}"));
    }
    warnings
}

/// Whether values are there and are none of the `usual` ones.
fn differs(values: &[f64], usual: &[&[f64]]) -> bool {
    let near = |known: &[f64]| values.iter().zip(known).all(|(a, b)| (a - b).abs() < 0.001);
    !values.is_empty() && !usual.iter().any(|known| near(known))
}

fn list(values: &[f64]) -> String {
    values.iter().map(f64::to_string).collect::<Vec<_>>().join(", ")
}
