//! What a search finds among the slides: a study for each `StudyInstanceUID`, a series for each slide, an instance for each level.

use std::collections::BTreeMap;

use dicom_core::{Tag, VR};
use dicom_dictionary_std::tags;
use serde_json::{Map, Value};

use super::described::Described;
use super::json::{attribute, key, vr_of};
use super::matching::matches;
use super::pyramid::count_of_frames;
use super::query::{Scope, Search};

/// Most results of a search.
pub const MAX_RESULTS: usize = 5000;
/// Bytes of an attribute in a result, but for long values, which the weight of the slide counts.
const ATTRIBUTE_BYTES: usize = 128;

/// Attributes that every result has (PS3.18, tables 10.6.3-3 to 10.6.3-5), and those that only some searches have.
const USUAL: [(Scope, Tag); 31] = [
    (Scope::Studies, tags::SPECIFIC_CHARACTER_SET),
    (Scope::Studies, tags::STUDY_DATE),
    (Scope::Studies, tags::STUDY_TIME),
    (Scope::Studies, tags::ACCESSION_NUMBER),
    (Scope::Studies, tags::INSTANCE_AVAILABILITY),
    (Scope::Studies, tags::MODALITIES_IN_STUDY),
    (Scope::Studies, tags::REFERRING_PHYSICIAN_NAME),
    (Scope::Studies, tags::STUDY_DESCRIPTION),
    (Scope::Studies, tags::RETRIEVE_URL),
    (Scope::Studies, tags::PATIENT_NAME),
    (Scope::Studies, tags::PATIENT_ID),
    (Scope::Studies, tags::PATIENT_BIRTH_DATE),
    (Scope::Studies, tags::PATIENT_SEX),
    (Scope::Studies, tags::STUDY_INSTANCE_UID),
    (Scope::Studies, tags::STUDY_ID),
    (Scope::Studies, tags::NUMBER_OF_STUDY_RELATED_SERIES),
    (Scope::Studies, tags::NUMBER_OF_STUDY_RELATED_INSTANCES),
    (Scope::Series, tags::MODALITY),
    (Scope::Series, tags::SERIES_DESCRIPTION),
    (Scope::Series, tags::SERIES_INSTANCE_UID),
    (Scope::Series, tags::SERIES_NUMBER),
    (Scope::Series, tags::NUMBER_OF_SERIES_RELATED_INSTANCES),
    (Scope::Instances, tags::SOP_CLASS_UID),
    (Scope::Instances, tags::SOP_INSTANCE_UID),
    (Scope::Instances, tags::INSTANCE_NUMBER),
    (Scope::Instances, tags::NUMBER_OF_FRAMES),
    (Scope::Instances, tags::ROWS),
    (Scope::Instances, tags::COLUMNS),
    (Scope::Instances, tags::BITS_ALLOCATED),
    (Scope::Instances, tags::TOTAL_PIXEL_MATRIX_COLUMNS),
    (Scope::Instances, tags::TOTAL_PIXEL_MATRIX_ROWS),
];

/// A result, before its attributes are put together.
struct Row<'a> {
    slide: &'a Described,
    /// The level, of an instance.
    down: u32,
    scope: Scope,
    /// Series and instances of its study.
    related: (usize, usize),
    base: &'a str,
}

impl Row<'_> {
    /// The kind and the values of an attribute; `None` where nothing is known of it.
    fn of(&self, tag: Tag) -> Option<(VR, Vec<String>)> {
        let slide = self.slide;
        let of_slide = || slide.shared.get(&tag).cloned();
        let is_instance = self.scope == Scope::Instances;
        let number = |number: u64| Some(number.to_string());
        let level = slide.geometry.level_size(slide.geometry.top_level() - self.down);
        let own = match tag {
            tags::INSTANCE_AVAILABILITY => Some("ONLINE".into()),
            tags::MODALITIES_IN_STUDY => return slide.shared.get(&tags::MODALITY).cloned(),
            tags::RETRIEVE_URL => Some(self.address()),
            tags::NUMBER_OF_STUDY_RELATED_SERIES => number(self.related.0 as u64),
            tags::NUMBER_OF_STUDY_RELATED_INSTANCES => number(self.related.1 as u64),
            tags::NUMBER_OF_SERIES_RELATED_INSTANCES => number(slide.instances.len() as u64),
            tags::SOP_INSTANCE_UID if is_instance => slide.instances.get(self.down as usize).cloned(),
            tags::INSTANCE_NUMBER if is_instance => number(u64::from(self.down) + 1),
            tags::NUMBER_OF_FRAMES if is_instance => {
                number(count_of_frames(&slide.geometry, self.down).into())
            }
            tags::ROWS | tags::COLUMNS if is_instance => number(slide.geometry.tile().into()),
            tags::TOTAL_PIXEL_MATRIX_COLUMNS if is_instance => number(level.0.into()),
            tags::TOTAL_PIXEL_MATRIX_ROWS if is_instance => number(level.1.into()),
            _ => None,
        };
        own.map(|value| (vr_of(tag), vec![value])).or_else(of_slide)
    }

    /// Where it is retrieved.
    fn address(&self) -> String {
        let mut address = format!("{}/studies/{}", self.base, self.slide.study);
        if self.scope >= Scope::Series {
            address += &format!("/series/{}", self.slide.series);
        }
        if let Some(uid) =
            self.slide.instances.get(self.down as usize).filter(|_| self.scope == Scope::Instances)
        {
            address += &format!("/instances/{uid}");
        }
        address
    }

    fn is_found(&self, filters: &[&(Tag, VR, String)]) -> bool {
        filters.iter().all(|(tag, vr, wanted)| {
            matches(*vr, wanted, &self.of(*tag).map(|(_, values)| values).unwrap_or_default())
        })
    }

    fn json(&self, search: &Search) -> Value {
        let usual = USUAL.iter().filter(|(scope, _)| *scope <= self.scope).map(|(_, tag)| *tag);
        let all = search.include_all.then(|| self.slide.shared.keys().copied()).into_iter().flatten();
        let mut made = Map::new();
        for tag in usual.chain(search.include.iter().copied()).chain(all) {
            if let Some((vr, values)) = self.of(tag) {
                made.insert(key(tag), attribute(vr, &values));
            }
        }
        Value::Object(made)
    }
}

/// What a search has found, before any text is made of it.
pub struct Results<'a>(Vec<Row<'a>>);

impl Results<'_> {
    /// Whether nothing is found.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Bytes of the text, estimated from above.
    pub fn bytes(&self, search: &Search) -> u64 {
        let own = (ATTRIBUTE_BYTES * (USUAL.len() + search.include.len())) as u64;
        self.0.iter().map(|row| own + u64::from(row.slide.weight())).sum()
    }

    /// The results as JSON. They are written one after the other: as values all of them would take many times their text.
    pub fn text(&self, search: &Search) -> String {
        let mut text = String::from("[");
        for (at, row) in self.0.iter().enumerate() {
            text += if at > 0 { "," } else { "" };
            text += &row.json(search).to_string();
        }
        text + "]"
    }
}

/// The results of a search among the slides, which are in the order of their names. `base` is the address of the service. What is not looked at is
/// added to the search's warnings.
pub fn find<'a>(slides: &[&'a Described], scope: Scope, search: &mut Search, base: &'a str) -> Results<'a> {
    let mut related: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for slide in slides {
        let (series, instances) = related.entry(&slide.study).or_default();
        *series += 1;
        *instances += slide.instances.len();
    }
    let related_to = |study: &str| related.get(study).copied().unwrap_or_default();
    let row = |slide, down| Row { slide, down, scope, related: related_to(&slide.study), base };
    let is_known = |tag: Tag| {
        let of_scope = |&(of, usual): &(Scope, Tag)| {
            // A study has the modality of its series.
            usual == tag && (of <= scope || tag == tags::MODALITY || tag == tags::SERIES_INSTANCE_UID)
        };
        USUAL.iter().any(of_scope) || slides.iter().any(|slide| slide.shared.contains_key(&tag))
    };
    let (known, other): (Vec<_>, Vec<_>) =
        search.filters.iter().cloned().partition(|(tag, ..)| slides.is_empty() || is_known(*tag));
    for (tag, ..) in &other {
        search.warn(&format!("The attribute {} is not compared here and was ignored.", key(*tag)));
    }
    let filters: Vec<_> = known.iter().collect();
    let limit = search.limit.unwrap_or(MAX_RESULTS).min(MAX_RESULTS);
    let (mut rows, mut total) = (Vec::new(), 0_usize);
    let mut studies = std::collections::BTreeSet::new();
    for &slide in slides {
        let downs = if scope == Scope::Instances { slide.instances.len() as u32 } else { 1 };
        let found = (0..downs).map(|down| row(slide, down)).filter(|row| row.is_found(&filters));
        // A study is found by one of its series, once.
        for row in found.filter(|row| scope != Scope::Studies || studies.insert(&row.slide.study)) {
            total += 1;
            if total > search.offset && rows.len() < limit {
                rows.push(row);
            }
        }
    }
    let total = total.saturating_sub(search.offset);
    if total > limit && search.limit.is_none_or(|asked| asked > MAX_RESULTS) {
        let more = total - limit;
        search.warn_first(&format!("There are {more} additional results that can be requested"));
    }
    Results(rows)
}
