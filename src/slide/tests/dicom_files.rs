//! DICOM files made in code by `dicom-object`, which shares no code with the reader but the table of tags.

use dicom_core::value::{DataSetSequence, PixelFragmentSequence};
use dicom_core::{DataElement, PrimitiveValue, Tag, VR, dicom_value};
use dicom_dictionary_std::{tags, uids};
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};
use std::path::{Path, PathBuf};

/// How frames are found.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Table {
    Basic,
    Empty,
    Extended,
}

/// Where a frame lies: column, row (from 1), depth in millimetres, optical path.
pub(super) type Place = (i32, i32, f64, &'static str);

/// The palette of an optical path: entries, first value and bits; red, green and blue.
#[derive(Clone)]
pub(super) struct Palette {
    pub descriptor: [u16; 3],
    pub data: [Vec<u8>; 3],
}

impl Palette {
    fn item(&self) -> InMemDicomObject {
        let descriptor = PrimitiveValue::U16(self.descriptor.to_vec().into());
        let tables = [
            (tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR, tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DATA),
            (tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR, tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DATA),
            (tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR, tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DATA),
        ];
        item(tables.into_iter().zip(&self.data).flat_map(|((about, table), data)| {
            let data = PrimitiveValue::from(data.clone());
            [(about, VR::US, descriptor.clone()), (table, VR::OW, data)]
        }))
    }
}

/// One file of a series.
#[derive(Clone)]
pub(super) struct DicomFile {
    pub syntax: &'static str,
    /// Width and height of the whole image.
    pub size: (u32, u32),
    pub tile: (u16, u16),
    pub samples: u16,
    pub photometric: &'static str,
    pub planar: u16,
    /// Stored frames.
    pub frames: Vec<Vec<u8>>,
    pub shows: &'static str,
    pub series: &'static str,
    pub instance: String,
    /// The optical path of frames that name none.
    pub shared_path: Option<&'static str>,
    /// Positions of the frames: tiled sparse. Without them, tiled full.
    pub places: Option<Vec<Place>>,
    pub paths: Vec<&'static str>,
    pub planes: u32,
    /// Millimetres from pixel to pixel, down and across.
    pub spacing: (f64, f64),
    /// Centre and width of the window to be shown.
    pub window: Option<(&'static str, &'static str)>,
    /// The palettes of the optical paths, in their order.
    pub palettes: Vec<Option<Palette>>,
    /// The colour profile of each optical path.
    pub profile: Option<Vec<u8>>,
    /// What lies between the ends of the window.
    pub window_function: Option<&'static str>,
    /// Number, parts, frames before.
    pub concatenation: Option<(u16, u16, u32)>,
    pub table: Table,
    /// Fragments of each frame.
    pub fragments: usize,
    /// Elements that replace or add to those above.
    pub extra: Vec<(Tag, VR, PrimitiveValue)>,
}

fn item(elements: impl IntoIterator<Item = (Tag, VR, PrimitiveValue)>) -> InMemDicomObject {
    let mut object = InMemDicomObject::new_empty();
    for (tag, vr, value) in elements {
        object.put(DataElement::new(tag, vr, value));
    }
    object
}

fn put_sequence(object: &mut InMemDicomObject, tag: Tag, items: Vec<InMemDicomObject>) {
    object.put(DataElement::new(tag, VR::SQ, DataSetSequence::from(items)));
}

impl DicomFile {
    /// RGB tiles without coding, on a full grid.
    pub fn rgb(width: u32, height: u32, tile: u16, pixels: &[u8]) -> Self {
        Self::of(
            width,
            height,
            tile,
            3,
            uids::EXPLICIT_VR_LITTLE_ENDIAN,
            tiles(width, height, tile, 3, pixels),
        )
    }

    pub fn of(
        width: u32,
        height: u32,
        tile: u16,
        samples: u16,
        syntax: &'static str,
        frames: Vec<Vec<u8>>,
    ) -> Self {
        Self {
            syntax,
            size: (width, height),
            tile: (tile, tile),
            samples,
            photometric: if samples == 1 { "MONOCHROME2" } else { "RGB" },
            planar: 0,
            frames,
            shows: "VOLUME",
            series: "1.2.3.1",
            instance: format!("1.2.3.2.{width}.{height}"),
            shared_path: None,
            places: None,
            paths: vec!["1"],
            planes: 1,
            spacing: (0.0005, 0.00025),
            window: None,
            palettes: Vec::new(),
            profile: None,
            window_function: None,
            concatenation: None,
            table: Table::Basic,
            fragments: 1,
            extra: Vec::new(),
        }
    }

    pub fn with(mut self, tag: Tag, vr: VR, value: impl Into<PrimitiveValue>) -> Self {
        self.extra.push((tag, vr, value.into()));
        self
    }

    fn elements(&self) -> InMemDicomObject {
        let text = |text: &str| PrimitiveValue::from(text);
        let mut object = item([
            (tags::IMAGE_TYPE, VR::CS, dicom_value!(Strs, ["ORIGINAL", "PRIMARY", self.shows, "NONE"])),
            (tags::SOP_CLASS_UID, VR::UI, text(uids::VL_WHOLE_SLIDE_MICROSCOPY_IMAGE_STORAGE)),
            (tags::SOP_INSTANCE_UID, VR::UI, text(&self.instance)),
            (tags::PATIENT_NAME, VR::PN, text("Doe^Jane")),
            (tags::SERIES_INSTANCE_UID, VR::UI, text(self.series)),
            (tags::FRAME_OF_REFERENCE_UID, VR::UI, text("1.2.3.3")),
            (tags::SAMPLES_PER_PIXEL, VR::US, self.samples.into()),
            (tags::PHOTOMETRIC_INTERPRETATION, VR::CS, text(self.photometric)),
            (tags::NUMBER_OF_FRAMES, VR::IS, text(&self.frames.len().to_string())),
            (tags::ROWS, VR::US, self.tile.1.into()),
            (tags::COLUMNS, VR::US, self.tile.0.into()),
            (tags::BITS_ALLOCATED, VR::US, 8u16.into()),
            (tags::BITS_STORED, VR::US, 8u16.into()),
            (tags::HIGH_BIT, VR::US, 7u16.into()),
            (tags::PIXEL_REPRESENTATION, VR::US, 0u16.into()),
            (tags::CONTAINER_IDENTIFIER, VR::LO, text("CASE 1234")),
            (tags::TOTAL_PIXEL_MATRIX_COLUMNS, VR::UL, self.size.0.into()),
            (tags::TOTAL_PIXEL_MATRIX_ROWS, VR::UL, self.size.1.into()),
            (tags::TOTAL_PIXEL_MATRIX_FOCAL_PLANES, VR::UL, self.planes.into()),
        ]);
        let kind = if self.places.is_some() { "TILED_SPARSE" } else { "TILED_FULL" };
        object.put(DataElement::new(tags::DIMENSION_ORGANIZATION_TYPE, VR::CS, kind));
        if self.samples == 3 {
            object.put(DataElement::new(
                tags::PLANAR_CONFIGURATION,
                VR::US,
                PrimitiveValue::from(self.planar),
            ));
        }
        if let Some((number, total, before)) = self.concatenation {
            object.put(DataElement::new(tags::CONCATENATION_UID, VR::UI, "1.2.3.4"));
            object.put(DataElement::new(tags::IN_CONCATENATION_NUMBER, VR::US, PrimitiveValue::from(number)));
            object.put(DataElement::new(
                tags::IN_CONCATENATION_TOTAL_NUMBER,
                VR::US,
                PrimitiveValue::from(total),
            ));
            object.put(DataElement::new(
                tags::CONCATENATION_FRAME_OFFSET_NUMBER,
                VR::UL,
                PrimitiveValue::from(before),
            ));
        }
        self.put_groups(&mut object);
        let stored = self.extra.iter().rev().find(|(tag, ..)| *tag == tags::BITS_STORED);
        if let Some(Ok(stored)) = stored.map(|(_, _, value)| value.to_int::<u16>()) {
            object.put(DataElement::new(tags::HIGH_BIT, VR::US, PrimitiveValue::from(stored - 1)));
        }
        for (tag, vr, value) in &self.extra {
            object.put(DataElement::new(*tag, *vr, value.clone()));
        }
        object
    }

    /// Optical paths, spacing and positions.
    fn put_groups(&self, object: &mut InMemDicomObject) {
        let path = |(number, name): (usize, &&str)| {
            let lens = (tags::OBJECTIVE_LENS_POWER, VR::DS, PrimitiveValue::from("20"));
            let profile =
                self.profile.clone().map(|bytes| (tags::ICC_PROFILE, VR::OB, PrimitiveValue::from(bytes)));
            let name = (tags::OPTICAL_PATH_IDENTIFIER, VR::SH, PrimitiveValue::from(*name));
            let mut path = item([name, lens].into_iter().chain(profile));
            if let Some(Some(palette)) = self.palettes.get(number) {
                put_sequence(&mut path, tags::PALETTE_COLOR_LOOKUP_TABLE_SEQUENCE, vec![palette.item()]);
            }
            path
        };
        let paths = self.paths.iter().enumerate().map(path).collect();
        put_sequence(object, tags::OPTICAL_PATH_SEQUENCE, paths);
        let mut shared = InMemDicomObject::new_empty();
        let (down, across) = (self.spacing.0.to_string(), self.spacing.1.to_string());
        let spacing = item([(tags::PIXEL_SPACING, VR::DS, dicom_value!(Strs, [down, across]))]);
        put_sequence(&mut shared, tags::PIXEL_MEASURES_SEQUENCE, vec![spacing]);
        if let Some((center, width)) = self.window {
            let text = |tag, text| (tag, VR::DS, PrimitiveValue::from(text));
            let function = self.window_function.map(|name| (tags::VOILUT_FUNCTION, VR::CS, name.into()));
            let window = [text(tags::WINDOW_CENTER, center), text(tags::WINDOW_WIDTH, width)];
            let window = item(window.into_iter().chain(function));
            put_sequence(&mut shared, tags::FRAME_VOILUT_SEQUENCE, vec![window]);
        }
        if let Some(name) = self.shared_path {
            let path = item([(tags::OPTICAL_PATH_IDENTIFIER, VR::SH, PrimitiveValue::from(name))]);
            put_sequence(&mut shared, tags::OPTICAL_PATH_IDENTIFICATION_SEQUENCE, vec![path]);
        }
        put_sequence(object, tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE, vec![shared]);
        let Some(places) = &self.places else { return };
        let group = |&(column, row, z, path): &Place| {
            let mut group = InMemDicomObject::new_empty();
            let position = item([
                (tags::Z_OFFSET_IN_SLIDE_COORDINATE_SYSTEM, VR::DS, PrimitiveValue::from(z.to_string())),
                (tags::COLUMN_POSITION_IN_TOTAL_IMAGE_PIXEL_MATRIX, VR::SL, column.into()),
                (tags::ROW_POSITION_IN_TOTAL_IMAGE_PIXEL_MATRIX, VR::SL, row.into()),
            ]);
            put_sequence(&mut group, tags::PLANE_POSITION_SLIDE_SEQUENCE, vec![position]);
            let path = item([(tags::OPTICAL_PATH_IDENTIFIER, VR::SH, PrimitiveValue::from(path))]);
            put_sequence(&mut group, tags::OPTICAL_PATH_IDENTIFICATION_SEQUENCE, vec![path]);
            group
        };
        put_sequence(object, tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, places.iter().map(group).collect());
    }

    fn put_pixels(&self, object: &mut InMemDicomObject) {
        let native =
            [uids::EXPLICIT_VR_LITTLE_ENDIAN, uids::IMPLICIT_VR_LITTLE_ENDIAN].contains(&self.syntax);
        if native {
            let mut pixels = self.frames.concat();
            pixels.resize(pixels.len().next_multiple_of(2), 0);
            let vr = if self.syntax == uids::IMPLICIT_VR_LITTLE_ENDIAN { VR::OW } else { VR::OB };
            object.put(DataElement::new(tags::PIXEL_DATA, vr, PrimitiveValue::from(pixels)));
            return;
        }
        let (mut fragments, mut offsets, mut at) = (Vec::new(), Vec::new(), 0u64);
        for frame in &self.frames {
            offsets.push(at);
            let part = frame.len().div_ceil(self.fragments).next_multiple_of(2);
            for bytes in frame.chunks(part) {
                let mut bytes = bytes.to_vec();
                bytes.resize(bytes.len().next_multiple_of(2), 0);
                at += bytes.len() as u64 + 8;
                fragments.push(bytes);
            }
        }
        let basic = if self.table == Table::Basic {
            offsets.iter().map(|&at| at as u32).collect()
        } else {
            Vec::new()
        };
        if self.table == Table::Extended {
            let values = PrimitiveValue::U64(offsets.into());
            object.put(DataElement::new(tags::EXTENDED_OFFSET_TABLE, VR::OV, values));
        }
        object.put(DataElement::new(tags::PIXEL_DATA, VR::OB, PixelFragmentSequence::new(basic, fragments)));
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut object = self.elements();
        self.put_pixels(&mut object);
        let meta = FileMetaTableBuilder::new()
            .transfer_syntax(self.syntax)
            .media_storage_sop_class_uid(uids::VL_WHOLE_SLIDE_MICROSCOPY_IMAGE_STORAGE)
            .media_storage_sop_instance_uid(self.instance.as_str());
        let mut bytes = Vec::new();
        object.with_meta(meta).unwrap().write_all(&mut bytes).unwrap();
        bytes
    }

    pub fn write(&self, folder: &Path, name: &str) -> PathBuf {
        let path = folder.join(name);
        std::fs::write(&path, self.bytes()).unwrap();
        path
    }
}

/// The tiles of a picture, row by row; those at the edges are filled up with 77.
pub(super) fn tiles(width: u32, height: u32, tile: u16, samples: u32, pixels: &[u8]) -> Vec<Vec<u8>> {
    let side = u32::from(tile);
    let sample = |x: u32, y: u32, c: u32| {
        if x < width && y < height { pixels[((y * width + x) * samples + c) as usize] } else { 77 }
    };
    let cut = |left: u32, top: u32| {
        let rows = (top..top + side).flat_map(|y| (left..left + side).map(move |x| (x, y)));
        rows.flat_map(|(x, y)| (0..samples).map(move |c| sample(x, y, c))).collect()
    };
    let tops = (0..height).step_by(tile.into());
    tops.flat_map(|top| (0..width).step_by(tile.into()).map(move |left| (left, top)))
        .map(|(x, y)| cut(x, y))
        .collect()
}
