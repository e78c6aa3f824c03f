//! A DICOM whole-slide image, made by `dicom-object`: uncompressed RGB on a full grid, in one file or several.

use std::path::Path;

use dicom_core::value::DataSetSequence;
use dicom_core::{DataElement, PrimitiveValue, Tag, VR, dicom_value};
use dicom_dictionary_std::{tags, uids};
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};

use super::image::Image;

/// Side of the frames in pixels.
const FRAME: usize = 128;

/// Writes one resolution of a series: the full one divided by `factor`.
pub fn write_dicom(path: &Path, image: &Image, series: &str, factor: u32) {
    let instance = format!("{series}.{}", image.width);
    let text = PrimitiveValue::from;
    let elements: [(Tag, VR, PrimitiveValue); 18] = [
        (tags::IMAGE_TYPE, VR::CS, dicom_value!(Strs, ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"])),
        (tags::SOP_CLASS_UID, VR::UI, text(uids::VL_WHOLE_SLIDE_MICROSCOPY_IMAGE_STORAGE)),
        (tags::SOP_INSTANCE_UID, VR::UI, text(&instance)),
        (tags::SERIES_INSTANCE_UID, VR::UI, text(series)),
        (tags::FRAME_OF_REFERENCE_UID, VR::UI, text("1.2.3.3")),
        (tags::SAMPLES_PER_PIXEL, VR::US, 3u16.into()),
        (tags::PLANAR_CONFIGURATION, VR::US, 0u16.into()),
        (tags::PHOTOMETRIC_INTERPRETATION, VR::CS, text("RGB")),
        (tags::ROWS, VR::US, (FRAME as u16).into()),
        (tags::COLUMNS, VR::US, (FRAME as u16).into()),
        (tags::BITS_ALLOCATED, VR::US, 8u16.into()),
        (tags::BITS_STORED, VR::US, 8u16.into()),
        (tags::HIGH_BIT, VR::US, 7u16.into()),
        (tags::PIXEL_REPRESENTATION, VR::US, 0u16.into()),
        (tags::TOTAL_PIXEL_MATRIX_COLUMNS, VR::UL, (image.width as u32).into()),
        (tags::TOTAL_PIXEL_MATRIX_ROWS, VR::UL, (image.height as u32).into()),
        (tags::TOTAL_PIXEL_MATRIX_FOCAL_PLANES, VR::UL, 1u32.into()),
        (tags::DIMENSION_ORGANIZATION_TYPE, VR::CS, text("TILED_FULL")),
    ];
    let mut object = InMemDicomObject::new_empty();
    for (tag, vr, value) in elements {
        object.put(DataElement::new(tag, vr, value));
    }
    let mut optical = InMemDicomObject::new_empty();
    optical.put(DataElement::new(tags::OPTICAL_PATH_IDENTIFIER, VR::SH, text("1")));
    put_items(&mut object, tags::OPTICAL_PATH_SEQUENCE, optical);
    let mut spacing = InMemDicomObject::new_empty();
    let millimetres = (0.0005 * f64::from(factor)).to_string();
    let both = dicom_value!(Strs, [millimetres.clone(), millimetres]);
    spacing.put(DataElement::new(tags::PIXEL_SPACING, VR::DS, both));
    let mut shared = InMemDicomObject::new_empty();
    put_items(&mut shared, tags::PIXEL_MEASURES_SEQUENCE, spacing);
    put_items(&mut object, tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE, shared);
    let (count, pixels) = frames(image);
    object.put(DataElement::new(tags::NUMBER_OF_FRAMES, VR::IS, text(&count.to_string())));
    object.put(DataElement::new(tags::PIXEL_DATA, VR::OB, PrimitiveValue::from(pixels)));
    let meta = FileMetaTableBuilder::new()
        .transfer_syntax(uids::EXPLICIT_VR_LITTLE_ENDIAN)
        .media_storage_sop_class_uid(uids::VL_WHOLE_SLIDE_MICROSCOPY_IMAGE_STORAGE)
        .media_storage_sop_instance_uid(&*instance);
    object.with_meta(meta).unwrap().write_to_file(path).unwrap();
}

fn put_items(object: &mut InMemDicomObject, tag: Tag, item: InMemDicomObject) {
    object.put(DataElement::new(tag, VR::SQ, DataSetSequence::from(vec![item])));
}

/// The number of frames and their pixels, row by row, white beyond the image.
fn frames(image: &Image) -> (usize, Vec<u8>) {
    let (columns, rows) = (image.width.div_ceil(FRAME), image.height.div_ceil(FRAME));
    let whole = image.padded(columns * FRAME, rows * FRAME);
    let places = (0..rows).flat_map(|y| (0..columns).map(move |x| (x, y)));
    let frames = places.flat_map(|(x, y)| whole.cut(x * FRAME, y * FRAME, FRAME, FRAME).data);
    (columns * rows, frames.collect())
}
