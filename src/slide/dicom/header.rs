//! What a file says about its image, collected element by element; nothing is checked but what is needed to go on.
//!
//! Text that names a patient, a case or a container is deliberately never read.

use super::super::error::SlideError;
use super::super::positional::PositionalFile;
use super::elements::FORMAT;
use super::elements::{Element, Elements, Encoding, Event};
use super::palette::Lookup;
use super::value::Value;
use dicom_core::Tag;
use dicom_core::dictionary::{UidDictionary, UidDictionaryEntry};
use dicom_dictionary_std::{StandardSopClassDictionary, tags, uids};

/// Largest value that is read, colour profiles apart.
const MAX_VALUE_BYTES: u32 = 4096;
/// Largest colour profile.
const MAX_ICC_BYTES: u32 = 16 << 20;
/// Largest part of a palette: 2^16 entries of 16 bits.
const MAX_PALETTE_BYTES: u32 = 1 << 17;
/// The mark after the preamble, and where it stands.
const MARK: (u64, &[u8; 4]) = (128, b"DICM");

/// One way of light through the slide: a stain, a fluorescent colour.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct OpticalPath {
    pub identifier: String,
    pub objective_power: Option<f64>,
    pub icc_profile: Option<Vec<u8>>,
    pub lookup: Lookup,
}

/// Where a frame lies, as its own functional groups say.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Position {
    /// Upper left pixel, from 1.
    pub column: Option<i64>,
    pub row: Option<i64>,
    /// Millimetres from the glass.
    pub z: Option<f64>,
    pub path: Option<String>,
}

/// Parts of one image in several files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Concatenation {
    pub uid: Option<String>,
    pub total: Option<u32>,
    /// The place of this file among the parts, from 1.
    pub number: Option<u32>,
    /// Frames before those of this file.
    pub frame_offset: Option<u32>,
}

/// The elements of a file that the reader uses. `None` where the file lacks one.
#[derive(Debug, Clone, Default)]
pub(super) struct Header {
    pub sop_class: Option<String>,
    pub instance: Option<String>,
    pub series: Option<String>,
    pub frame_of_reference: Option<String>,
    /// The pyramid of resolutions that the image belongs to.
    pub pyramid: Option<String>,
    /// Of the scanner, and its model.
    pub maker: Option<String>,
    pub model: Option<String>,
    /// Values of Image Type; the third is what the image shows.
    pub image_type: Vec<String>,
    pub organization: Option<String>,
    pub concatenation: Concatenation,
    pub samples: Option<u32>,
    pub photometric: Option<String>,
    pub planar: Option<u32>,
    pub frames: Option<u32>,
    pub rows: Option<u32>,
    pub columns: Option<u32>,
    pub bits_allocated: Option<u32>,
    pub bits_stored: Option<u32>,
    pub high_bit: Option<u32>,
    pub signed: bool,
    pub burned_in: bool,
    pub label_in_image: bool,
    /// Millimetres across and down.
    pub volume: (Option<f64>, Option<f64>),
    pub total_columns: Option<u32>,
    pub total_rows: Option<u32>,
    pub absent_lab: Option<[f64; 3]>,
    pub focal_planes: Option<u32>,
    pub paths: Vec<OpticalPath>,
    /// Millimetres from pixel to pixel, down and across.
    pub spacing: Option<(f64, f64)>,
    /// Centre and width of the window of values that is to be shown.
    pub window: (Option<f64>, Option<f64>),
    /// What lies between its ends: a line where nothing is said.
    pub window_function: Option<String>,
    /// Slope and intercept that the window's values have been computed with.
    pub rescale: (Option<f64>, Option<f64>),
    pub positions: Vec<Position>,
    /// The optical path of all frames that name none.
    pub shared_path: Option<String>,
    pub extended_offsets: Option<Element>,
    pub pixels: Option<Element>,
}

/// Whether the file carries DICOM's mark. A file that cannot be read does not.
pub(super) fn is_dicom(file: &PositionalFile) -> bool {
    let mut mark = [0; 4];
    file.read_exact_at(MARK.0, &mut mark).is_ok() && mark == *MARK.1
}

/// What [`read`] is to do after an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    Continue,
    Stop,
}

/// The UID of a file's transfer syntax, and where its data set begins.
pub(super) fn transfer_syntax(file: &PositionalFile) -> Result<(String, u64), SlideError> {
    let corrupt = |place, problem| SlideError::corrupt(file.path(), FORMAT, place, problem);
    if !is_dicom(file) {
        return Err(corrupt("byte 128", "no DICM mark there: no DICOM file, or one without its preamble"));
    }
    let mut elements = Elements::new(file, MARK.0 + 4, Encoding::ExplicitVr);
    let (mut uid, mut end) = (None, elements.position());
    // Group 2 always has types. The first element of another group may not be readable here.
    while let Ok(Some(Event::Element(element))) = elements.next() {
        if element.tag.group() != 0x0002 {
            break;
        }
        if element.tag == tags::TRANSFER_SYNTAX_UID {
            uid = elements.value(element, MAX_VALUE_BYTES)?.and_then(|value| value.text());
        }
        end = elements.position();
    }
    Ok((uid.ok_or_else(|| corrupt("file meta information", "no transfer syntax"))?, end))
}

impl Header {
    /// Reads elements from `at` to the pixel data, or until `after` says stop, which is asked after each element of the data set
    /// itself. Headers may take `limit_bytes` of memory.
    pub fn read(
        file: &PositionalFile,
        encoding: Encoding,
        at: u64,
        limit_bytes: u64,
        after: impl Fn(&Self) -> Next,
    ) -> Result<Self, SlideError> {
        let (mut header, mut path_bytes) = (Self::default(), 0);
        let mut elements = Elements::new(file, at, encoding);
        while let Some(event) = elements.next()? {
            match event {
                Event::Item => header.item(elements.path()),
                Event::Element(element) => {
                    let limit = match element.tag {
                        tags::ICC_PROFILE => MAX_ICC_BYTES,
                        _ if elements.path().last() == Some(&tags::PALETTE_COLOR_LOOKUP_TABLE_SEQUENCE) => {
                            MAX_PALETTE_BYTES
                        }
                        _ => MAX_VALUE_BYTES,
                    };
                    match (elements.path(), element.tag) {
                        ([], tags::PIXEL_DATA) => {
                            header.pixels = Some(element);
                            return Ok(header);
                        }
                        ([], tags::EXTENDED_OFFSET_TABLE) => header.extended_offsets = Some(element),
                        (path, tag) if is_used(path) => {
                            if let Some(value) = elements.value(element, limit)? {
                                if names_path(path, tag) {
                                    path_bytes += value.bytes.len() as u64;
                                }
                                header.set(path, tag, &value);
                            }
                        }
                        _ => {}
                    }
                    if elements.path().is_empty() && after(&header) == Next::Stop {
                        return Ok(header);
                    }
                }
            }
            let positions = header.positions.len() as u64 * size_of::<Position>() as u64;
            let paths = header.paths.len() as u64 * size_of::<OpticalPath>() as u64;
            let needed = positions + paths + path_bytes;
            if needed > limit_bytes {
                let what = "the list of frames and of optical paths";
                return Err(SlideError::too_large(
                    file.path(),
                    what,
                    needed,
                    limit_bytes,
                    "allow more memory",
                ));
            }
        }
        Ok(header)
    }

    fn item(&mut self, path: &[Tag]) {
        match path {
            [tags::OPTICAL_PATH_SEQUENCE] => self.paths.push(OpticalPath::default()),
            [tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE] => self.positions.push(Position::default()),
            _ => {}
        }
    }

    fn set(&mut self, path: &[Tag], tag: Tag, value: &Value) {
        match path {
            [] => self.set_image(tag, value),
            [tags::OPTICAL_PATH_SEQUENCE] => {
                let Some(path) = self.paths.last_mut() else { return };
                match tag {
                    tags::OPTICAL_PATH_IDENTIFIER => path.identifier = value.text().unwrap_or_default(),
                    tags::OBJECTIVE_LENS_POWER => path.objective_power = value.numbers().first().copied(),
                    tags::ICC_PROFILE => path.icc_profile = Some(value.bytes.clone()),
                    _ => {}
                }
            }
            [tags::OPTICAL_PATH_SEQUENCE, tags::PALETTE_COLOR_LOOKUP_TABLE_SEQUENCE] => {
                if let Some(path) = self.paths.last_mut() {
                    path.lookup.set(tag, value);
                }
            }
            [_, tags::PIXEL_MEASURES_SEQUENCE] if tag == tags::PIXEL_SPACING && self.spacing.is_none() => {
                self.spacing = match value.numbers()[..] {
                    [down, across, ..] => Some((down, across)),
                    _ => None,
                }
            }
            [tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE, _] => {
                let number = value.numbers().first().copied();
                match tag {
                    tags::WINDOW_CENTER => self.window.0 = number,
                    tags::WINDOW_WIDTH => self.window.1 = number,
                    tags::VOILUT_FUNCTION => self.window_function = value.text(),
                    tags::OPTICAL_PATH_IDENTIFIER => self.shared_path = value.text(),
                    tags::RESCALE_SLOPE => self.rescale.0 = number,
                    tags::RESCALE_INTERCEPT => self.rescale.1 = number,
                    _ => {}
                }
            }
            [tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, _] => {
                let Some(position) = self.positions.last_mut() else { return };
                match tag {
                    tags::COLUMN_POSITION_IN_TOTAL_IMAGE_PIXEL_MATRIX => position.column = value.whole(),
                    tags::ROW_POSITION_IN_TOTAL_IMAGE_PIXEL_MATRIX => position.row = value.whole(),
                    tags::Z_OFFSET_IN_SLIDE_COORDINATE_SYSTEM => {
                        position.z = value.numbers().first().copied()
                    }
                    tags::OPTICAL_PATH_IDENTIFIER => position.path = value.text(),
                    _ => {}
                }
            }
            _ => {}
        }
    }

    /// An element of the data set itself.
    fn set_image(&mut self, tag: Tag, value: &Value) {
        let says_yes = || value.text().as_deref() == Some("YES");
        let number = || value.numbers().first().copied();
        match tag {
            tags::SOP_CLASS_UID => self.sop_class = value.text(),
            tags::SOP_INSTANCE_UID => self.instance = value.text(),
            tags::SERIES_INSTANCE_UID => self.series = value.text(),
            tags::FRAME_OF_REFERENCE_UID => self.frame_of_reference = value.text(),
            tags::PYRAMID_UID => self.pyramid = value.text(),
            tags::MANUFACTURER => self.maker = value.text(),
            tags::MANUFACTURER_MODEL_NAME => self.model = value.text(),
            tags::IMAGE_TYPE => self.image_type = value.texts(),
            tags::DIMENSION_ORGANIZATION_TYPE => self.organization = value.text(),
            tags::CONCATENATION_UID => self.concatenation.uid = value.text(),
            tags::IN_CONCATENATION_TOTAL_NUMBER => self.concatenation.total = value.count(),
            tags::IN_CONCATENATION_NUMBER => self.concatenation.number = value.count(),
            tags::CONCATENATION_FRAME_OFFSET_NUMBER => self.concatenation.frame_offset = value.count(),
            tags::SAMPLES_PER_PIXEL => self.samples = value.count(),
            tags::PHOTOMETRIC_INTERPRETATION => self.photometric = value.text(),
            tags::PLANAR_CONFIGURATION => self.planar = value.count(),
            tags::NUMBER_OF_FRAMES => self.frames = value.count(),
            tags::ROWS => self.rows = value.count(),
            tags::COLUMNS => self.columns = value.count(),
            tags::BITS_ALLOCATED => self.bits_allocated = value.count(),
            tags::BITS_STORED => self.bits_stored = value.count(),
            tags::HIGH_BIT => self.high_bit = value.count(),
            tags::PIXEL_REPRESENTATION => self.signed = value.count() == Some(1),
            tags::BURNED_IN_ANNOTATION => self.burned_in = says_yes(),
            tags::SPECIMEN_LABEL_IN_IMAGE => self.label_in_image = says_yes(),
            tags::IMAGED_VOLUME_WIDTH => self.volume.0 = number(),
            tags::IMAGED_VOLUME_HEIGHT => self.volume.1 = number(),
            tags::TOTAL_PIXEL_MATRIX_COLUMNS => self.total_columns = value.count(),
            tags::TOTAL_PIXEL_MATRIX_ROWS => self.total_rows = value.count(),
            tags::RECOMMENDED_ABSENT_PIXEL_CIE_LAB_VALUE => {
                self.absent_lab = value.numbers().first_chunk::<3>().copied();
            }
            tags::TOTAL_PIXEL_MATRIX_FOCAL_PLANES => self.focal_planes = value.count(),
            _ => {}
        }
    }

    /// The kind of object, where it is not a whole-slide image.
    pub fn other_class(&self) -> Option<String> {
        match self.sop_class.as_deref() {
            Some(uids::VL_WHOLE_SLIDE_MICROSCOPY_IMAGE_STORAGE) => None,
            None => Some("no SOP class".into()),
            Some(uid) => {
                let entry = StandardSopClassDictionary.by_uid(uid);
                Some(entry.map_or_else(|| format!("the SOP class {uid}"), |entry| entry.name().to_string()))
            }
        }
    }
}

/// Whether a value is kept for an optical path, or names that of a frame: there may be as many as there are items.
fn names_path(path: &[Tag], tag: Tag) -> bool {
    path.first() == Some(&tags::OPTICAL_PATH_SEQUENCE) || tag == tags::OPTICAL_PATH_IDENTIFIER
}

/// Whether values of the innermost of these sequences are used.
fn is_used(path: &[Tag]) -> bool {
    matches!(
        path,
        [] | [tags::OPTICAL_PATH_SEQUENCE]
            | [tags::OPTICAL_PATH_SEQUENCE, tags::PALETTE_COLOR_LOOKUP_TABLE_SEQUENCE]
            | [
                tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE,
                tags::PIXEL_MEASURES_SEQUENCE
                    | tags::FRAME_VOILUT_SEQUENCE
                    | tags::OPTICAL_PATH_IDENTIFICATION_SEQUENCE
                    | tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE
            ]
            | [
                tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE,
                tags::PIXEL_MEASURES_SEQUENCE
                    | tags::PLANE_POSITION_SLIDE_SEQUENCE
                    | tags::OPTICAL_PATH_IDENTIFICATION_SEQUENCE
            ]
    )
}
