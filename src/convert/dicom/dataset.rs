//! The attributes of an instance but its pixels (PS3.3, A.32.8, the VL Whole Slide Microscopy Image): what is computed, what is given, and a
//! placeholder for what DICOM demands and nobody knows.

use std::collections::BTreeMap;

use dicom_core::{DataElement, PrimitiveValue, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::InMemDicomObject;
use moxcms::ColorProfile;

use super::builder::{Builder, code};
use super::facts::{LevelFacts, SlideFacts};
use super::image::image;
use super::values::{decimal, put, put_items};
use crate::error::{Error, Result};

/// For a text that must be there and is not known.
const UNKNOWN: &str = "UNKNOWN";

/// The dataset of an instance without its pixel data, and what was assumed in it: keywords with their values.
///
/// # Errors
/// An attribute that is given and is this program's to compute; a scale that is not known and not given.
pub fn dataset(
    slide: &SlideFacts<'_>,
    level: &LevelFacts,
) -> Result<(InMemDicomObject, BTreeMap<String, String>)> {
    let mut of = Builder::new(slide.attributes);
    patient_and_study(&mut of, slide);
    equipment(&mut of, slide);
    image(&mut of, slide, level)?;
    optical_path(&mut of, slide, level);
    specimen(&mut of, slide);
    for (tag, attribute) in slide.attributes.iter() {
        if of.placed.contains(&tag) {
            continue;
        }
        if of.data.get(tag).is_some() {
            let problem =
                format!("\"{}\": it is computed from the pixels and cannot be given", attribute.name);
            return Err(Error::input(slide.attributes.path(), problem));
        }
        if attribute.vr == VR::SQ {
            let items = attribute.codes.iter().map(|parts| code(parts.each_ref().map(String::as_str)));
            put_items(&mut of.data, tag, items.collect());
            continue;
        }
        put(&mut of.data, tag, attribute.vr, &attribute.values);
    }
    Ok((of.data, of.placeholders))
}

/// Modules Patient, General Study, General Series, Frame of Reference, SOP Common.
fn patient_and_study(of: &mut Builder<'_>, slide: &SlideFacts<'_>) {
    of.text(tags::SPECIFIC_CHARACTER_SET, VR::CS, "ISO_IR 192");
    of.may_be_empty(&[
        (tags::PATIENT_NAME, VR::PN),
        (tags::PATIENT_ID, VR::LO),
        (tags::PATIENT_BIRTH_DATE, VR::DA),
        (tags::PATIENT_SEX, VR::CS),
        (tags::STUDY_DATE, VR::DA),
        (tags::STUDY_TIME, VR::TM),
        (tags::REFERRING_PHYSICIAN_NAME, VR::PN),
        (tags::STUDY_ID, VR::SH),
        (tags::ACCESSION_NUMBER, VR::SH),
    ]);
    for (tag, role) in [
        (tags::STUDY_INSTANCE_UID, "study"),
        (tags::SERIES_INSTANCE_UID, "series"),
        (tags::FRAME_OF_REFERENCE_UID, "frame of reference"),
        (tags::PYRAMID_UID, "pyramid"),
    ] {
        of.computed(tag, VR::UI, (slide.uid)(role));
    }
    of.computed(tags::SERIES_NUMBER, VR::IS, "1".into());
    of.text(tags::MODALITY, VR::CS, "SM");
    of.text(tags::POSITION_REFERENCE_INDICATOR, VR::LO, "SLIDE_CORNER");
    of.text(tags::SOP_CLASS_UID, VR::UI, uids::VL_WHOLE_SLIDE_MICROSCOPY_IMAGE_STORAGE);
}

/// Modules General Equipment and Enhanced General Equipment: the scanner. This program is a contributing one.
fn equipment(of: &mut Builder<'_>, slide: &SlideFacts<'_>) {
    of.known_or(tags::MANUFACTURER, VR::LO, slide.maker, UNKNOWN);
    of.known_or(tags::MANUFACTURER_MODEL_NAME, VR::LO, slide.model, UNKNOWN);
    of.required(tags::DEVICE_SERIAL_NUMBER, VR::LO, UNKNOWN);
    of.required(tags::SOFTWARE_VERSIONS, VR::LO, UNKNOWN);
    let mut program = InMemDicomObject::new_empty();
    put_items(
        &mut program,
        tags::PURPOSE_OF_REFERENCE_CODE_SEQUENCE,
        vec![code(["109103", "DCM", "Modifying Equipment"])],
    );
    for (tag, vr, text) in [
        (tags::MANUFACTURER, VR::LO, "ORIGAMI developers"),
        (tags::MANUFACTURER_MODEL_NAME, VR::LO, "origami convert"),
        (tags::SOFTWARE_VERSIONS, VR::LO, slide.generator),
    ] {
        put(&mut program, tag, vr, &[text.to_string()]);
    }
    put_items(&mut of.data, tags::CONTRIBUTING_EQUIPMENT_SEQUENCE, vec![program]);
}

/// Module Optical Path.
fn optical_path(of: &mut Builder<'_>, slide: &SlideFacts<'_>, level: &LevelFacts) {
    of.long(tags::NUMBER_OF_OPTICAL_PATHS, 1);
    let mut path = InMemDicomObject::new_empty();
    put(&mut path, tags::OPTICAL_PATH_IDENTIFIER, VR::SH, &["1".to_string()]);
    for (tag, assumed) in [
        (tags::ILLUMINATION_TYPE_CODE_SEQUENCE, ["111744", "DCM", "Brightfield illumination"]),
        (tags::ILLUMINATION_COLOR_CODE_SEQUENCE, ["414298005", "SCT", "Full Spectrum"]),
    ] {
        let items = of.codes(tag, assumed);
        put_items(&mut path, tag, items);
    }
    let power = of.given.of(tags::OBJECTIVE_LENS_POWER).map(<[String]>::to_vec);
    of.placed.insert(tags::OBJECTIVE_LENS_POWER);
    if let Some(power) = power.or_else(|| slide.objective_power.map(|power| vec![decimal(power)])) {
        put(&mut path, tags::OBJECTIVE_LENS_POWER, VR::DS, &power);
    }
    if !level.kind.is_gray() {
        let mut icc = match slide.icc {
            Some(icc) => icc.to_vec(),
            None => {
                of.placeholders.insert("ICCProfile".into(), "sRGB".into());
                srgb()
            }
        };
        if !icc.len().is_multiple_of(2) {
            icc.push(0);
        }
        path.put(DataElement::new(tags::ICC_PROFILE, VR::OB, PrimitiveValue::from(icc)));
    }
    put_items(&mut of.data, tags::OPTICAL_PATH_SEQUENCE, vec![path]);
}

/// A profile of sRGB, the same bytes in every run.
fn srgb() -> Vec<u8> {
    let mut bytes = ColorProfile::new_srgb().encode().unwrap_or_default();
    // The date of its creation, which would be now (ICC.1, 7.2.10): 1 January 2000.
    if let Some(date) = bytes.get_mut(24..36) {
        date.copy_from_slice(&[0x07, 0xD0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0]);
    }
    bytes
}

/// Module Specimen.
fn specimen(of: &mut Builder<'_>, slide: &SlideFacts<'_>) {
    of.required(tags::CONTAINER_IDENTIFIER, VR::LO, UNKNOWN);
    put_items(&mut of.data, tags::ISSUER_OF_THE_CONTAINER_IDENTIFIER_SEQUENCE, Vec::new());
    put_items(
        &mut of.data,
        tags::CONTAINER_TYPE_CODE_SEQUENCE,
        vec![code(["433466003", "SCT", "Microscope slide"])],
    );
    let mut item = InMemDicomObject::new_empty();
    let identifier = of.values(tags::SPECIMEN_IDENTIFIER, &[UNKNOWN.to_string()]);
    put(&mut item, tags::SPECIMEN_IDENTIFIER, VR::LO, &identifier);
    let uid =
        of.given.of(tags::SPECIMEN_UID).map_or_else(|| vec![(slide.uid)("specimen")], <[String]>::to_vec);
    of.placed.insert(tags::SPECIMEN_UID);
    put(&mut item, tags::SPECIMEN_UID, VR::UI, &uid);
    for (tag, vr) in
        [(tags::SPECIMEN_SHORT_DESCRIPTION, VR::LO), (tags::SPECIMEN_DETAILED_DESCRIPTION, VR::UT)]
    {
        of.placed.insert(tag);
        if let Some(values) = of.given.of(tag) {
            put(&mut item, tag, vr, values);
        }
    }
    put_items(&mut item, tags::ISSUER_OF_THE_SPECIMEN_IDENTIFIER_SEQUENCE, Vec::new());
    put_items(&mut item, tags::SPECIMEN_PREPARATION_SEQUENCE, Vec::new());
    put_items(&mut of.data, tags::SPECIMEN_DESCRIPTION_SEQUENCE, vec![item]);
}
