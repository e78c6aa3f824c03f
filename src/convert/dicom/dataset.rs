//! The attributes of an instance but its pixels (PS3.3, A.32.8, the VL Whole Slide Microscopy Image): what is computed, what is given, and a
//! placeholder for what DICOM demands and nobody knows.

use std::collections::BTreeMap;
use std::path::Path;

use dicom_core::{DataElement, PrimitiveValue, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::InMemDicomObject;
use moxcms::ColorProfile;

use super::builder::{Builder, code};
use super::given::Attributes;
use super::values::{decimal, put, put_items, put_value};
use crate::codec::jpeg2000::Colours;
use crate::convert::fit::Kind;
use crate::error::{Error, Result};

/// For a text that must be there and is not known.
const UNKNOWN: &str = "UNKNOWN";
/// The thickness of the section, where it is not given, in millimetres.
const THICKNESS_MM: f64 = 0.001;

/// What is the same in all instances of a slide.
pub struct SlideFacts<'a> {
    pub attributes: &'a Attributes,
    /// Name of the source.
    pub name: &'a str,
    /// Name and version of this program.
    pub generator: &'a str,
    /// Millimetres between pixels of the finest level, across and down.
    pub spacing: Option<(f64, f64)>,
    /// Size of the finest level in pixels.
    pub size: (u32, u32),
    pub objective_power: Option<f64>,
    pub icc: Option<&'a [u8]>,
    /// Date and time of the source's file.
    pub file_date: [String; 2],
    /// The UID of a role, such as `study`, of this slide.
    pub uid: &'a dyn Fn(&str) -> String,
}

/// What is an instance's own.
pub struct LevelFacts {
    /// Its UID.
    pub uid: String,
    /// 1 for the finest level.
    pub number: u32,
    pub size: (u32, u32),
    /// Side of a frame in pixels.
    pub tile: u32,
    pub frames: usize,
    pub kind: Kind,
    /// Photometric interpretation.
    pub photometric: &'static str,
    /// Bytes of its pixels without coding, divided by those that are stored.
    pub ratio: f64,
    /// Whether the frames are those of the source.
    pub is_original: bool,
}

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
    for (tag, vr) in [
        (tags::MANUFACTURER, VR::LO),
        (tags::MANUFACTURER_MODEL_NAME, VR::LO),
        (tags::DEVICE_SERIAL_NUMBER, VR::LO),
        (tags::SOFTWARE_VERSIONS, VR::LO),
    ] {
        of.required(tag, vr, UNKNOWN);
    }
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

/// Modules Image Pixel, Whole Slide Microscopy Image, Multi-frame Functional Groups, Multi-frame Dimension, Acquisition Context.
fn image(of: &mut Builder<'_>, slide: &SlideFacts<'_>, level: &LevelFacts) -> Result<()> {
    let image_type = match level {
        LevelFacts { number: 1, is_original: true, .. } => ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"],
        LevelFacts { number: 1, .. } => ["DERIVED", "PRIMARY", "VOLUME", "NONE"],
        _ => ["DERIVED", "PRIMARY", "VOLUME", "RESAMPLED"],
    };
    of.texts(tags::IMAGE_TYPE, VR::CS, &image_type);
    of.text(tags::SOP_INSTANCE_UID, VR::UI, &level.uid);
    of.text(tags::INSTANCE_NUMBER, VR::IS, &level.number.to_string());
    let [date, time] = slide.file_date.clone();
    of.required(tags::CONTENT_DATE, VR::DA, &date);
    of.required(tags::CONTENT_TIME, VR::TM, &time);
    of.required(tags::ACQUISITION_DATE_TIME, VR::DT, &format!("{date}{time}"));

    let is_gray = level.kind.is_gray();
    of.short(tags::SAMPLES_PER_PIXEL, if is_gray { 1 } else { 3 });
    of.text(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, level.photometric);
    if is_gray {
        of.text(tags::PRESENTATION_LUT_SHAPE, VR::CS, "IDENTITY");
        of.text(tags::RESCALE_INTERCEPT, VR::DS, "0");
        of.text(tags::RESCALE_SLOPE, VR::DS, "1");
    } else {
        of.short(tags::PLANAR_CONFIGURATION, 0);
    }
    of.short(tags::ROWS, level.tile as u16);
    of.short(tags::COLUMNS, level.tile as u16);
    for (tag, value) in [
        (tags::BITS_ALLOCATED, 8),
        (tags::BITS_STORED, 8),
        (tags::HIGH_BIT, 7),
        (tags::PIXEL_REPRESENTATION, 0),
    ] {
        of.short(tag, value);
    }
    of.text(tags::NUMBER_OF_FRAMES, VR::IS, &level.frames.to_string());
    // Whether a scanner's JPEG 2000 lost anything cannot be seen; it is not claimed that nothing was.
    of.text(tags::LOSSY_IMAGE_COMPRESSION, VR::CS, "01");
    of.text(tags::LOSSY_IMAGE_COMPRESSION_RATIO, VR::DS, &format!("{:.2}", level.ratio));
    let method = if matches!(level.kind, Kind::Jpeg2000(..)) { "ISO_15444_1" } else { "ISO_10918_1" };
    of.text(tags::LOSSY_IMAGE_COMPRESSION_METHOD, VR::CS, method);
    of.long(tags::TOTAL_PIXEL_MATRIX_COLUMNS, level.size.0);
    of.long(tags::TOTAL_PIXEL_MATRIX_ROWS, level.size.1);
    of.long(tags::TOTAL_PIXEL_MATRIX_FOCAL_PLANES, 1);
    let mut origin = InMemDicomObject::new_empty();
    for tag in [tags::X_OFFSET_IN_SLIDE_COORDINATE_SYSTEM, tags::Y_OFFSET_IN_SLIDE_COORDINATE_SYSTEM] {
        put(&mut origin, tag, VR::DS, &["0".to_string()]);
    }
    put_items(&mut of.data, tags::TOTAL_PIXEL_MATRIX_ORIGIN_SEQUENCE, vec![origin]);
    let orientation = ["0", "-1", "0", "-1", "0", "0"].map(String::from);
    let orientation = of.values(tags::IMAGE_ORIENTATION_SLIDE, &orientation);
    put(&mut of.data, tags::IMAGE_ORIENTATION_SLIDE, VR::DS, &orientation);
    for (tag, vr, assumed) in [
        (tags::VOLUMETRIC_PROPERTIES, VR::CS, "VOLUME"),
        (tags::BURNED_IN_ANNOTATION, VR::CS, "NO"),
        (tags::SPECIMEN_LABEL_IN_IMAGE, VR::CS, "NO"),
        (tags::FOCUS_METHOD, VR::CS, "AUTO"),
        (tags::EXTENDED_DEPTH_OF_FIELD, VR::CS, "NO"),
    ] {
        of.required(tag, vr, assumed);
    }
    put_items(&mut of.data, tags::ACQUISITION_CONTEXT_SEQUENCE, Vec::new());

    let mut organization = InMemDicomObject::new_empty();
    put(&mut organization, tags::DIMENSION_ORGANIZATION_UID, VR::UI, &[(slide.uid)("dimensions")]);
    put_items(&mut of.data, tags::DIMENSION_ORGANIZATION_SEQUENCE, vec![organization]);
    of.text(tags::DIMENSION_ORGANIZATION_TYPE, VR::CS, "TILED_FULL");
    scale(of, slide, level, &image_type)
}

/// The extent of the slide, and the functional groups that all frames share.
fn scale(
    of: &mut Builder<'_>,
    slide: &SlideFacts<'_>,
    level: &LevelFacts,
    image_type: &[&str],
) -> Result<()> {
    // Rows come first in DICOM: the first number is the distance downwards.
    let given = of.given.of(tags::PIXEL_SPACING).map(|values| {
        let numbers: Vec<f64> = values.iter().filter_map(|value| value.trim().parse().ok()).collect();
        match numbers[..] {
            [down, across] if down > 0.0 && across > 0.0 => Ok((across, down)),
            _ => {
                let problem = "\"PixelSpacing\": two lengths in millimetres, downwards and across, as in [0.00025, 0.00025]";
                Err(Error::input(of.given.path(), problem))
            }
        }
    });
    of.placed.insert(tags::PIXEL_SPACING);
    let Some((across, down)) = given.transpose()?.or(slide.spacing) else {
        let problem = "nothing says how large its pixels are, which DICOM demands; give the attribute \"PixelSpacing\": [DOWN, ACROSS], in millimetres";
        return Err(Error::input(Path::new(slide.name), problem));
    };
    let millimetres = |pixels: u32, each: f64| (f64::from(pixels) * each) as f32;
    put_value(&mut of.data, tags::IMAGED_VOLUME_WIDTH, VR::FL, millimetres(slide.size.0, across));
    put_value(&mut of.data, tags::IMAGED_VOLUME_HEIGHT, VR::FL, millimetres(slide.size.1, down));
    let thickness = of.values(tags::SLICE_THICKNESS, &[decimal(THICKNESS_MM)]);
    let depth =
        thickness.first().and_then(|text| text.trim().parse::<f32>().ok()).unwrap_or(THICKNESS_MM as f32);
    // The depth of the volume is in micrometres, its width and height in millimetres.
    put_value(&mut of.data, tags::IMAGED_VOLUME_DEPTH, VR::FL, depth * 1000.0);

    // Levels are rounded up, so their pixels are not exactly twice as large.
    let own = |full: u32, own: u32, each: f64| decimal(each * f64::from(full) / f64::from(own));
    let spacing = [own(slide.size.1, level.size.1, down), own(slide.size.0, level.size.0, across)];
    let mut measures = InMemDicomObject::new_empty();
    put(&mut measures, tags::PIXEL_SPACING, VR::DS, &spacing);
    put(&mut measures, tags::SLICE_THICKNESS, VR::DS, &thickness);
    let mut frame_type = InMemDicomObject::new_empty();
    put(
        &mut frame_type,
        tags::FRAME_TYPE,
        VR::CS,
        &image_type.iter().map(|part| (*part).to_string()).collect::<Vec<_>>(),
    );
    let mut path = InMemDicomObject::new_empty();
    put(&mut path, tags::OPTICAL_PATH_IDENTIFIER, VR::SH, &["1".to_string()]);
    let mut shared = InMemDicomObject::new_empty();
    for (tag, item) in [
        (tags::PIXEL_MEASURES_SEQUENCE, measures),
        (tags::WHOLE_SLIDE_MICROSCOPY_IMAGE_FRAME_TYPE_SEQUENCE, frame_type),
        (tags::OPTICAL_PATH_IDENTIFICATION_SEQUENCE, path),
    ] {
        put_items(&mut shared, tag, vec![item]);
    }
    put_items(&mut of.data, tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE, vec![shared]);
    Ok(())
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

/// The photometric interpretation of a kind of tile. `stream` is one of the tiles.
pub fn photometric(kind: Kind, stream: &[u8]) -> &'static str {
    match kind {
        Kind::Gray | Kind::Jpeg2000(Colours::Gray, _) => "MONOCHROME2",
        Kind::Rgb => "RGB",
        // The only name for luma and chroma that this class of instances has for JPEG, whatever the sampling (PS3.3, C.8.12.4.1.5): decoders take that from
        // the frame.
        Kind::Ycc(_) | Kind::Jpeg2000(Colours::Ycbcr, _) => "YBR_FULL_422",
        Kind::Jpeg2000(Colours::Rgb, _) => match crate::codec::jpeg2000::transform(stream) {
            Some(true) => "YBR_RCT",
            Some(false) => "YBR_ICT",
            None => "RGB",
        },
    }
}
