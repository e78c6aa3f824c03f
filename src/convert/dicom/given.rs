//! What a DICOM instance must say and no slide's file knows, of patient, study, specimen and equipment: from a JSON file.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry, VirtualVr};
use dicom_core::{Tag, VR};
use dicom_dictionary_std::StandardDataDictionary;
use serde_json::Value;

use super::allowed::fault_of_list;
use super::values::fault;
use crate::error::{Error, Result};

/// Most bytes of such a file.
const MAX_BYTES: u64 = 1 << 20;
/// Commands, the head of a file and directories of files have groups up to this one.
const LAST_GROUP_OF_FILES: u16 = 4;

/// Attributes with their values, by tag.
#[derive(Clone, Debug, Default)]
pub struct Attributes {
    path: PathBuf,
    values: BTreeMap<Tag, Attribute>,
}

/// One of them.
#[derive(Clone, Debug)]
pub struct Attribute {
    /// Its keyword.
    pub name: String,
    /// The kind of its values.
    pub vr: VR,
    /// Its values as texts.
    pub values: Vec<String>,
    /// Of a sequence of codes: value, scheme and meaning of each.
    pub codes: Vec<[String; 3]>,
}

impl Attributes {
    /// Reads a JSON object whose names are keywords of DICOM (PS3.6), such as `PatientName`, and whose values are texts, numbers or lists of them; of sequences
    /// of codes objects with `CodeValue`, `CodingSchemeDesignator` and `CodeMeaning`.
    ///
    /// # Errors
    /// No such file, no JSON object; a keyword that DICOM does not have, or that stands for other things than texts and numbers; a value that DICOM
    /// does not allow there. The message names the keyword.
    pub fn read(path: &Path) -> Result<Self> {
        Self::parse(path, &crate::store::read(path, MAX_BYTES).map_err(Error::io("read", path))?)
    }

    /// As [`Self::read`]; none where there is no such file.
    ///
    /// # Errors
    /// As there.
    pub fn read_if_there(path: &Path) -> Result<Self> {
        match crate::store::read(path, MAX_BYTES) {
            Ok(bytes) => Self::parse(path, &bytes),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(Self::default()),
            Err(e) => Err(Error::io("read", path)(e)),
        }
    }

    fn parse(path: &Path, bytes: &[u8]) -> Result<Self> {
        let wrong = |problem: String| Error::input(path, problem);
        let json: Value = serde_json::from_slice(bytes).map_err(|e| wrong(format!("no JSON: {e}")))?;
        let Value::Object(object) = json else {
            return Err(wrong("it is no JSON object of keywords and values".into()));
        };
        let mut values = BTreeMap::new();
        for (name, value) in object {
            let told = |problem: &str| wrong(format!("\"{name}\": {problem}"));
            let entry = StandardDataDictionary.by_name(&name);
            let entry = entry.ok_or_else(|| {
                told("DICOM has no such keyword; they are written as in PatientName and ContainerIdentifier")
            })?;
            if entry.tag().group() <= LAST_GROUP_OF_FILES {
                return Err(told("it says how the file is written and cannot be given"));
            }
            let VirtualVr::Exact(vr) = entry.vr() else {
                return Err(told("it belongs to the pixels and cannot be given"));
            };
            if vr == VR::SQ && name.ends_with("CodeSequence") {
                let codes = codes(value).map_err(told)?;
                values.insert(entry.tag(), Attribute { name: name.clone(), vr, values: Vec::new(), codes });
                continue;
            }
            if matches!(vr, VR::SQ | VR::OB | VR::OW | VR::OD | VR::OF | VR::OL | VR::OV | VR::UN | VR::AT) {
                return Err(told("a sequence or binary data cannot be given, only texts, numbers and codes"));
            }
            let list = match value {
                Value::Array(list) => list,
                Value::Null => Vec::new(),
                one => vec![one],
            };
            let mut texts = Vec::new();
            for value in list {
                let text = match value {
                    Value::String(text) => text,
                    Value::Number(number) => number.to_string(),
                    _ => return Err(told("a value is a text, a number or a list of them")),
                };
                if let Some(problem) = fault(vr, &text) {
                    return Err(told(&format!("\"{}\" {problem}", text.escape_debug())));
                }
                texts.push(text);
            }
            if let Some(problem) = fault_of_list(entry.tag(), vr, &texts) {
                return Err(told(&problem));
            }
            values
                .insert(entry.tag(), Attribute { name: name.clone(), vr, values: texts, codes: Vec::new() });
        }
        Ok(Self { path: path.into(), values })
    }

    /// Where they were read from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The values of an attribute; `None` where it is not given, or empty.
    pub fn of(&self, tag: Tag) -> Option<&[String]> {
        self.values.get(&tag).map(|attribute| &attribute.values[..]).filter(|values| !values.is_empty())
    }

    /// The codes of a sequence; empty where it is not given.
    pub fn codes_of(&self, tag: Tag) -> &[[String; 3]] {
        self.values.get(&tag).map_or(&[], |attribute| &attribute.codes)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (Tag, &Attribute)> {
        self.values.iter().map(|(tag, attribute)| (*tag, attribute))
    }
}

/// The items of a sequence of codes.
fn codes(value: Value) -> std::result::Result<Vec<[String; 3]>, &'static str> {
    const FORM: &str = "a code is an object of three texts: CodeValue, CodingSchemeDesignator, CodeMeaning";
    let list = match value {
        Value::Array(list) => list,
        one => vec![one],
    };
    let parts = [("CodeValue", VR::SH), ("CodingSchemeDesignator", VR::SH), ("CodeMeaning", VR::LO)];
    let item = |item: Value| {
        let object = item.as_object().filter(|object| object.len() == parts.len())?;
        let part = |(name, vr): (&str, VR)| {
            let text =
                object.get(name)?.as_str().filter(|text| !text.is_empty() && fault(vr, text).is_none())?;
            Some(text.to_string())
        };
        Some([part(parts[0])?, part(parts[1])?, part(parts[2])?])
    };
    list.into_iter().map(|value| item(value).ok_or(FORM)).collect()
}
