//! What a search asks for (PS3.18, 8.3.4 and 10.6): the query of an address.

use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry, VirtualVr};
use dicom_core::{Tag, VR};
use dicom_dictionary_std::StandardDataDictionary;

use super::matching::has_wildcards;
use crate::serve::choice::decoded;
use crate::web::error::ServeError;

/// Most bytes of a value.
const MAX_VALUE_BYTES: usize = 4096;
/// Most values to compare with.
const MAX_FILTERS: usize = 64;
/// Most warnings of an answer, each a header.
const MAX_WARNINGS: usize = 10;
/// Keys that are no attributes and are looked at elsewhere, or need no answer.
const OTHER_KEYS: [&str; 7] =
    ["accept", "annotate", "charset", "emptyvaluematching", "expires", "multiplevaluematching", "signature"];

/// What is searched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    Studies,
    Series,
    Instances,
}

/// A search.
#[derive(Debug, Default, PartialEq)]
pub struct Search {
    /// Attributes with what they are compared with.
    pub filters: Vec<(Tag, VR, String)>,
    /// Attributes that are asked for besides the usual ones.
    pub include: Vec<Tag>,
    /// Whether all attributes are.
    pub include_all: bool,
    /// Most results.
    pub limit: Option<usize>,
    /// Results to leave out at the start.
    pub offset: usize,
    /// What was not done: no more than an answer says.
    warnings: Vec<String>,
    /// How many warnings there are besides.
    unsaid: usize,
}

impl Search {
    /// Reads a query.
    ///
    /// # Errors
    /// A number that is none, a value that no attribute of its kind can have.
    pub fn parse(query: &str) -> Result<Self, ServeError> {
        let mut search = Self::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let text = |text: &str| decoded(text).filter(|text| text.len() <= MAX_VALUE_BYTES);
            let (Some(key), Some(value)) = (text(key), text(value)) else {
                let says = format!("give up to {MAX_VALUE_BYTES} bytes of percent-encoded UTF-8");
                return Err(ServeError::Bad(format!("{key}: {says}")));
            };
            search.take(&key, value)?;
        }
        if search.filters.len() > MAX_FILTERS {
            return Err(ServeError::Bad(format!("a query of more than {MAX_FILTERS} attributes")));
        }
        Ok(search)
    }

    fn take(&mut self, key: &str, value: String) -> Result<(), ServeError> {
        let number = || {
            let digits = value.bytes().all(|byte| byte.is_ascii_digit());
            let says = || ServeError::Bad(format!("{key} '{value}': give a number from 0"));
            value.parse::<usize>().ok().filter(|_| digits).ok_or_else(says)
        };
        match key.to_ascii_lowercase().as_str() {
            "limit" => self.limit = Some(number()?),
            "offset" => self.offset = number()?,
            "fuzzymatching" => match value.as_str() {
                "true" => self.warn(
                    "The fuzzymatching parameter is not supported. Only literal matching has been performed.",
                ),
                "false" => {}
                _ => return Err(ServeError::Bad(format!("{key} '{value}': give true or false"))),
            },
            "includefield" => {
                for name in value.split(',').map(str::trim) {
                    match attribute(name) {
                        _ if name == "all" => self.include_all = true,
                        Some((tag, _)) => self.include.push(tag),
                        None => {
                            return Err(ServeError::Bad(format!("{key} '{name}': no attribute of DICOM")));
                        }
                    }
                }
            }
            lower if OTHER_KEYS.contains(&lower) => {}
            _ => match attribute(key) {
                Some((tag, vr)) => {
                    check(key, vr, &value)?;
                    // A list of UIDs may come one by one.
                    let same = self.filters.iter_mut().find(|(known, ..)| *known == tag && vr == VR::UI);
                    match same {
                        Some((.., list)) => *list += &format!(",{value}"),
                        None => self.filters.push((tag, vr, value)),
                    }
                }
                None => self.warn(&format!("The parameter {} is not known and was ignored.", plain(key))),
            },
        }
        Ok(())
    }

    /// Adds a warning.
    pub fn warn(&mut self, text: &str) {
        match self.warnings.len() < MAX_WARNINGS {
            true => self.warnings.push(text.into()),
            false => self.unsaid += 1,
        }
    }

    /// Adds a warning that is said before all others.
    pub fn warn_first(&mut self, text: &str) {
        self.warnings.insert(0, text.into());
        self.unsaid += usize::from(self.warnings.len() > MAX_WARNINGS);
        self.warnings.truncate(MAX_WARNINGS);
    }

    /// The warnings, for as many headers. Of more than an answer says, the last one says how many there are.
    pub fn warnings(&self) -> Vec<String> {
        let mut all = self.warnings.clone();
        if let (Some(last), 1..) = (all.last_mut(), self.unsaid) {
            *last = format!("There are {} more warnings about this search.", self.unsaid + 1);
        }
        all
    }
}

/// An attribute by its keyword or by the eight digits of its tag.
fn attribute(name: &str) -> Option<(Tag, VR)> {
    let of_tag = || {
        let digits = name.len() == 8 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = u32::from_str_radix(name, 16).ok().filter(|_| digits)?;
        StandardDataDictionary.by_tag(Tag((number >> 16) as u16, number as u16))
    };
    let entry = StandardDataDictionary.by_name(name).or_else(of_tag)?;
    match entry.vr() {
        VirtualVr::Exact(vr) => Some((entry.tag(), vr)),
        _ => Some((entry.tag(), VR::UN)),
    }
}

/// The name of a key as a header can have it.
pub fn plain(text: &str) -> String {
    text.chars().filter(|letter| letter.is_ascii_alphanumeric() || ".-_".contains(*letter)).take(64).collect()
}

/// Refuses what no value of this kind is.
fn check(key: &str, vr: VR, value: &str) -> Result<(), ServeError> {
    let wrong = |how: &str| Err(ServeError::Bad(format!("{key} '{value}': {how}")));
    let dates = |most: usize| {
        value.split('-').count() <= 2
            && value.split('-').all(|part| {
                part.trim().len() <= most
                    && part.trim().bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
            })
    };
    match vr {
        _ if value.is_empty() => Ok(()),
        VR::UI if !value.split([',', '\\']).all(|uid| is_uid(uid.trim())) => {
            wrong("a UID has numbers with dots between them; of several, commas between them")
        }
        VR::DA if !dates(8) || value.split('-').any(|part| !matches!(part.trim().len(), 0 | 8)) => {
            wrong("give a date as 20240131, or a range as 20240101-20240131")
        }
        VR::TM if !dates(13) => wrong("give a time as 101500, or a range as 1000-1200"),
        VR::DS | VR::IS | VR::US | VR::UL | VR::FL | VR::FD if value.trim().parse::<f64>().is_err() => {
            wrong("give a number")
        }
        _ if value.chars().any(char::is_control) => wrong("it has control characters"),
        _ if !has_wildcards(vr) || value.len() <= 256 => Ok(()),
        _ => wrong("give at most 256 bytes"),
    }
}

/// Whether a text may be a UID.
pub fn is_uid(text: &str) -> bool {
    let is_part = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    text.len() <= 64 && text.split('.').all(is_part)
}

#[cfg(test)]
mod tests {
    use dicom_dictionary_std::tags;

    use super::*;

    #[test]
    fn a_query_names_attributes_by_keyword_or_tag() {
        let search = Search::parse(
            "PatientName=DOE%5EJ*&00100020=4711&limit=5&offset=2&includefield=StudyDescription,00080060",
        )
        .unwrap();
        assert_eq!(
            search.filters,
            [(tags::PATIENT_NAME, VR::PN, "DOE^J*".into()), (tags::PATIENT_ID, VR::LO, "4711".into())]
        );
        assert_eq!(search.include, [tags::STUDY_DESCRIPTION, tags::MODALITY]);
        assert_eq!((search.limit, search.offset, search.warnings().len()), (Some(5), 2, 0));
        let search = Search::parse("fuzzymatching=true&nonsense=1&expires=9&includefield=all").unwrap();
        assert_eq!((search.warnings().len(), search.include_all, search.filters.len()), (2, true, 0));
        assert_eq!(Search::parse("").unwrap(), Search::default());
    }

    #[test]
    fn ten_warnings_are_said_and_the_last_counts_the_others() {
        let of = |count: usize| {
            let keys: Vec<_> = (0..count).map(|number| format!("k{number}=1")).collect();
            Search::parse(&keys.join("&")).unwrap()
        };
        assert_eq!((of(9).warnings().len(), of(10).warnings().len()), (9, 10));
        assert!(of(10).warnings()[9].contains("k9"));
        let mut many = of(5000);
        let said = many.warnings();
        assert_eq!((said.len(), said[9].as_str()), (10, "There are 4991 more warnings about this search."));
        many.warn_first("first");
        let said = many.warnings();
        assert_eq!((said.len(), said[0].as_str()), (10, "first"));
        assert_eq!(said[9], "There are 4992 more warnings about this search.");
        assert!(said[8].contains("k7"), "{said:?}");
    }

    #[test]
    fn what_no_attribute_can_be_is_told() {
        for query in [
            "limit=-1",
            "limit=x",
            "limit=",
            "offset=1.5",
            "offset=99999999999999999999999",
            "fuzzymatching=perhaps",
            "StudyInstanceUID=1.2.x",
            "StudyInstanceUID=1..2",
            "StudyDate=2024",
            "StudyDate=20240101-20240131-20240201",
            "StudyTime=noon",
            "InstanceNumber=one",
            "includefield=nothing",
            "PatientID=%zz",
            "PatientID=%00",
        ] {
            let error = Search::parse(query).unwrap_err().to_string();
            let (key, _) = query.split_once('=').unwrap();
            assert!(error.starts_with(key), "{query}: {error}");
        }
    }
}
