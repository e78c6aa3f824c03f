//! The attributes that describe the pixels of an instance: how they are coded, where they lie, how large they are.

use std::path::Path;

use dicom_core::VR;
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;

use super::builder::Builder;
use super::facts::{LevelFacts, SlideFacts};
use super::values::{decimal, put, put_items, put_value};
use crate::codec::jpeg2000::{self, Colours};
use crate::convert::fit::Kind;
use crate::error::{Error, Result};

/// The thickness of the section, where it is not given, in millimetres.
const THICKNESS_MM: f64 = 0.001;

/// Modules Image Pixel, Whole Slide Microscopy Image, Multi-frame Functional Groups, Multi-frame Dimension, Acquisition Context.
pub fn image(of: &mut Builder<'_>, slide: &SlideFacts<'_>, level: &LevelFacts) -> Result<()> {
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

/// The photometric interpretation of a kind of tile. `stream` is one of the tiles.
pub fn photometric(kind: Kind, stream: &[u8]) -> &'static str {
    match kind {
        Kind::Gray | Kind::Jpeg2000(Colours::Gray, _) => "MONOCHROME2",
        Kind::Rgb => "RGB",
        // The only name for luma and chroma that this class of instances has for JPEG, whatever the sampling (PS3.3, C.8.12.4.1.5): decoders take that from
        // the frame.
        Kind::Ycc(_) | Kind::Jpeg2000(Colours::Ycbcr, _) => "YBR_FULL_422",
        Kind::Jpeg2000(Colours::Rgb, _) => match jpeg2000::transform(stream) {
            Some(true) => "YBR_RCT",
            Some(false) => "YBR_ICT",
            None => "RGB",
        },
    }
}
