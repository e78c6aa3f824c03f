//! A dataset that is put together: each attribute is computed, given, empty, or a placeholder that is told.

use std::collections::{BTreeMap, BTreeSet};

use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry};
use dicom_core::{Tag, VR};
use dicom_dictionary_std::{StandardDataDictionary, tags};
use dicom_object::InMemDicomObject;

use super::given::Attributes;
use super::values::{put, put_value};

/// A dataset that is being put together.
pub struct Builder<'a> {
    pub given: &'a Attributes,
    pub data: InMemDicomObject,
    /// Given attributes that have found their place.
    pub placed: BTreeSet<Tag>,
    /// What was assumed, by keyword.
    pub placeholders: BTreeMap<String, String>,
}

fn keyword(tag: Tag) -> String {
    StandardDataDictionary.by_tag(tag).map_or_else(|| tag.to_string(), |entry| entry.alias().to_string())
}

impl<'a> Builder<'a> {
    /// An empty one.
    pub fn new(given: &'a Attributes) -> Self {
        let data = InMemDicomObject::new_empty();
        Self { given, data, placed: BTreeSet::new(), placeholders: BTreeMap::new() }
    }

    /// The values of an attribute: the given ones, else those of `assumed`, which is then told.
    pub fn values(&mut self, tag: Tag, assumed: &[String]) -> Vec<String> {
        if let Some(values) = self.given.of(tag) {
            self.placed.insert(tag);
            return values.to_vec();
        }
        self.placeholders.insert(keyword(tag), assumed.join("\\"));
        assumed.to_vec()
    }

    /// An attribute that must have a value.
    pub fn required(&mut self, tag: Tag, vr: VR, assumed: &str) {
        let values = self.values(tag, &[assumed.to_string()]);
        put(&mut self.data, tag, vr, &values);
    }

    /// The same, where something may be known.
    pub fn known_or(&mut self, tag: Tag, vr: VR, known: Option<&str>, assumed: &str) {
        match known {
            Some(value) => self.computed(tag, vr, value.to_string()),
            None => self.required(tag, vr, assumed),
        }
    }

    /// Attributes that may be empty.
    pub fn may_be_empty(&mut self, attributes: &[(Tag, VR)]) {
        for &(tag, vr) in attributes {
            let values = self.given.of(tag).unwrap_or_default().to_vec();
            self.placed.insert(tag);
            put(&mut self.data, tag, vr, &values);
        }
    }

    /// An attribute that is computed from others, unless it is given.
    pub fn computed(&mut self, tag: Tag, vr: VR, value: String) {
        let values = self.given.of(tag).map_or_else(|| vec![value], <[String]>::to_vec);
        self.placed.insert(tag);
        put(&mut self.data, tag, vr, &values);
    }

    /// The items of a sequence of codes: the given ones, else the assumed one, which is then told.
    pub fn codes(&mut self, tag: Tag, assumed: [&str; 3]) -> Vec<InMemDicomObject> {
        self.placed.insert(tag);
        let given = self.given.codes_of(tag);
        if given.is_empty() {
            self.placeholders.insert(keyword(tag), assumed[2].into());
            return vec![code(assumed)];
        }
        given.iter().map(|parts| code(parts.each_ref().map(String::as_str))).collect()
    }

    pub fn texts(&mut self, tag: Tag, vr: VR, values: &[&str]) {
        put(&mut self.data, tag, vr, &values.iter().map(|value| (*value).to_string()).collect::<Vec<_>>());
    }

    pub fn text(&mut self, tag: Tag, vr: VR, value: &str) {
        self.texts(tag, vr, &[value]);
    }

    pub fn short(&mut self, tag: Tag, value: u16) {
        put_value(&mut self.data, tag, VR::US, value);
    }

    pub fn long(&mut self, tag: Tag, value: u32) {
        put_value(&mut self.data, tag, VR::UL, value);
    }
}

/// A code of a scheme, as items of code sequences have it.
pub fn code([value, scheme, meaning]: [&str; 3]) -> InMemDicomObject {
    let mut item = InMemDicomObject::new_empty();
    for (tag, vr, text) in [
        (tags::CODE_VALUE, VR::SH, value),
        (tags::CODING_SCHEME_DESIGNATOR, VR::SH, scheme),
        (tags::CODE_MEANING, VR::LO, meaning),
    ] {
        put(&mut item, tag, vr, &[text.to_string()]);
    }
    item
}
