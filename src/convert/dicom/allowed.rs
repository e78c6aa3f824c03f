//! How many values an attribute may have, and which: of those that are often given for a slide.
//!
//! Source: DICOM PS3.3, C.7 and C.8.12; PS3.6.

use dicom_core::{Tag, VR};
use dicom_dictionary_std::tags;

/// Attributes of so many values. Pixel Spacing is checked where it is used.
const COUNTS: [(Tag, usize); 1] = [(tags::IMAGE_ORIENTATION_SLIDE, 6)];
/// Attributes of one value that is one of these.
const TERMS: [(Tag, &[&str]); 6] = [
    (tags::BURNED_IN_ANNOTATION, &["YES", "NO"]),
    (tags::EXTENDED_DEPTH_OF_FIELD, &["YES", "NO"]),
    (tags::FOCUS_METHOD, &["AUTO", "MANUAL"]),
    (tags::PATIENT_SEX, &["M", "F", "O"]),
    (tags::SPECIMEN_LABEL_IN_IMAGE, &["YES", "NO"]),
    (tags::VOLUMETRIC_PROPERTIES, &["VOLUME"]),
];
/// Other attributes of one value.
const SINGLE: [Tag; 24] = [
    tags::ACCESSION_NUMBER,
    tags::ACQUISITION_DATE_TIME,
    tags::CONTAINER_IDENTIFIER,
    tags::CONTENT_DATE,
    tags::CONTENT_TIME,
    tags::DEVICE_SERIAL_NUMBER,
    tags::FRAME_OF_REFERENCE_UID,
    tags::MANUFACTURER,
    tags::MANUFACTURER_MODEL_NAME,
    tags::OBJECTIVE_LENS_POWER,
    tags::PATIENT_BIRTH_DATE,
    tags::PATIENT_ID,
    tags::PATIENT_NAME,
    tags::PYRAMID_UID,
    tags::REFERRING_PHYSICIAN_NAME,
    tags::SERIES_INSTANCE_UID,
    tags::SERIES_NUMBER,
    tags::SLICE_THICKNESS,
    tags::SPECIMEN_IDENTIFIER,
    tags::SPECIMEN_UID,
    tags::STUDY_DATE,
    tags::STUDY_ID,
    tags::STUDY_INSTANCE_UID,
    tags::STUDY_TIME,
];

/// What is wrong with the values of an attribute together; `None` where that is right, or not known here. None at all are right: the attribute is then
/// as if it were not given.
pub fn fault_of_list(tag: Tag, vr: VR, values: &[String]) -> Option<String> {
    let count = COUNTS.iter().find(|(known, _)| *known == tag).map(|&(_, count)| count);
    let terms = TERMS.iter().find(|(known, _)| *known == tag).map(|&(_, terms)| terms);
    // A backslash does not divide these texts, so they are one value whatever the attribute (PS3.5, 6.2).
    let is_single =
        terms.is_some() || SINGLE.contains(&tag) || matches!(vr, VR::ST | VR::LT | VR::UT | VR::UR);
    let wanted = count.or(is_single.then_some(1));
    if let Some(wanted) = wanted.filter(|wanted| !values.is_empty() && values.len() != *wanted) {
        let plural = if wanted == 1 { "value" } else { "values" };
        return Some(format!("it has {wanted} {plural}, and {} are given", values.len()));
    }
    let may_be_empty = tag == tags::PATIENT_SEX;
    let is_other = |value: &&String| {
        !(may_be_empty && value.is_empty()) && terms.is_some_and(|terms| !terms.contains(&value.as_str()))
    };
    let other = values.iter().find(is_other);
    other.map(|other| {
        format!(
            "\"{}\" is not one of its values: {}",
            other.escape_debug(),
            terms.unwrap_or_default().join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_values_and_terms_are_those_of_the_standard() {
        let fault = |tag, vr, values: &[&str]| {
            fault_of_list(tag, vr, &values.iter().map(|value| (*value).to_string()).collect::<Vec<_>>())
        };
        for (tag, vr, good, bad) in [
            (tags::IMAGE_ORIENTATION_SLIDE, VR::DS, &["0", "-1", "0", "-1", "0", "0"][..], &["0", "-1"][..]),
            (tags::BURNED_IN_ANNOTATION, VR::CS, &["NO"], &["MAYBE"]),
            (tags::PATIENT_SEX, VR::CS, &[], &["M", "F"]),
            (tags::PATIENT_NAME, VR::PN, &["DOE^JANE"], &["DOE^JANE", "ROE^RICHARD"]),
            (tags::SPECIMEN_DETAILED_DESCRIPTION, VR::UT, &["a"], &["a", "b"]),
        ] {
            assert_eq!(fault(tag, vr, good), None, "{tag}");
            assert!(fault(tag, vr, bad).is_some(), "{tag}");
        }
        assert_eq!(fault(tags::SOFTWARE_VERSIONS, VR::LO, &["1", "2"]), None);
    }
}
