//! What a search knows of a slide, with the attributes that are given in a file beside it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use dicom_core::header::Header;
use dicom_core::{Tag, VR};
use dicom_dictionary_std::tags;

use super::pyramid::{Look, Pyramid};
use crate::archive::BUNDLE_NAME;
use crate::convert::Attributes;
use crate::error::{Error, Result};
use crate::image::geometry::Geometry;
use crate::serve::bounds::Bounds;
use crate::serve::discovery::{SlideFiles, Stamp, stamp};
use crate::serve::options::ServeOptions;
use crate::serve::slide::Slide;
use crate::store::is_address;

/// What a search knows of a slide.
pub struct Described {
    /// Its name in addresses.
    pub name: String,
    /// Hash of everything that its tiles depend on.
    pub identity: u128,
    pub geometry: Geometry,
    pub study: String,
    pub series: String,
    /// UIDs of its instances, the finest first.
    pub instances: Vec<String>,
    /// Attributes that all instances share and a search may ask for.
    pub shared: BTreeMap<Tag, (VR, Vec<String>)>,
    /// Its file, and what is given beside it.
    pub file: PathBuf,
    pub attributes: Attributes,
}

impl Described {
    /// Of an open slide, with what is given beside its files.
    ///
    /// # Errors
    /// A slide that is no instance, with the reason; attributes that are wrong or cannot be read.
    pub fn of(slide: &Slide, files: &SlideFiles, options: &ServeOptions) -> Result<Self> {
        let path = attributes_path(files);
        if !Bounds::new(&options.slides).hold_file(&path) {
            return Err(Error::input(&path, "it is a link that leads out of the directory of slides"));
        }
        let attributes = Attributes::read_if_there(&path)?;
        let pyramid = Pyramid::of(slide, files.path(), attributes.clone(), &options.output)?;
        let mut shared = BTreeMap::new();
        for element in &pyramid.dataset(0, &Look::default())? {
            let (tag, vr) = (element.tag(), element.vr());
            let is_meant = SEARCHED.contains(&tag) || attributes.of(tag).is_some();
            if let Some(values) = element.value().primitive().filter(|_| is_meant) {
                shared.insert(tag, (vr, values.to_multi_str().into_owned()));
            }
        }
        let one = |tag: Tag| {
            let value = shared.get(&tag).and_then(|(_, values): &(VR, Vec<String>)| values.first());
            value.map(|uid| uid.trim_end_matches('\0').to_string()).unwrap_or_default()
        };
        Ok(Self {
            name: files.name.clone(),
            identity: slide.identity,
            geometry: slide.geometry,
            study: one(tags::STUDY_INSTANCE_UID),
            series: one(tags::SERIES_INSTANCE_UID),
            instances: pyramid.uids(),
            shared,
            file: files.path().into(),
            attributes,
        })
    }

    /// Estimated bytes.
    pub fn weight(&self) -> u32 {
        let values =
            self.shared.values().map(|(_, values)| 96 + values.iter().map(|v| 24 + v.len()).sum::<usize>());
        let given = self.attributes.iter().count() * 192;
        u32::try_from(80 * self.instances.len() + given + values.sum::<usize>()).unwrap_or(u32::MAX)
    }
}

/// The file of a slide's attributes: `NAME.dicom.json`, by the slide's name, beside its file; of the usual layout beside the slide's directory.
fn attributes_path(files: &SlideFiles) -> PathBuf {
    let path = files.path();
    let is_usual = path.file_name() == Some(BUNDLE_NAME.as_ref());
    let home = if is_usual { path.ancestors().nth(2).unwrap_or(path) } else { path };
    let name = files.name.rsplit('/').next().unwrap_or_default();
    home.with_file_name(format!("{name}.dicom.json"))
}

/// Of the file of attributes; at an address, which is paid for, they are read once.
pub fn stamp_of(files: &SlideFiles) -> Stamp {
    let path = attributes_path(files);
    if is_address(&path) { Stamp::default() } else { stamp([path.as_path()]) }
}

/// Attributes that all instances of a slide share and a search may ask for, if something is known of them.
const SEARCHED: [Tag; 27] = [
    tags::SPECIFIC_CHARACTER_SET,
    tags::SOP_CLASS_UID,
    tags::STUDY_DATE,
    tags::CONTENT_DATE,
    tags::ACQUISITION_DATE_TIME,
    tags::STUDY_TIME,
    tags::CONTENT_TIME,
    tags::ACCESSION_NUMBER,
    tags::MODALITY,
    tags::MANUFACTURER,
    tags::REFERRING_PHYSICIAN_NAME,
    tags::MANUFACTURER_MODEL_NAME,
    tags::PYRAMID_UID,
    tags::PATIENT_NAME,
    tags::PATIENT_ID,
    tags::PATIENT_BIRTH_DATE,
    tags::PATIENT_SEX,
    tags::DEVICE_SERIAL_NUMBER,
    tags::SOFTWARE_VERSIONS,
    tags::STUDY_INSTANCE_UID,
    tags::SERIES_INSTANCE_UID,
    tags::STUDY_ID,
    tags::SERIES_NUMBER,
    tags::FRAME_OF_REFERENCE_UID,
    tags::CONTAINER_IDENTIFIER,
    tags::BURNED_IN_ANNOTATION,
    tags::BITS_ALLOCATED,
];
