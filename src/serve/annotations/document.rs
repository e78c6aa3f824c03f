//! The marks of one slide: their text, their revisions, and changes to them.
//!
//! The text is a GeoJSON `FeatureCollection` with one feature a line. What the server knows of the marks is in its member `origami`, which
//! programs that do not know it leave alone. A line is never parsed again: it stays as it was accepted.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::drawn::Drawn;
use super::geometry;

/// Most marks of a slide.
const MAX_MARKS: usize = 100_000;
/// Most bytes of a slide's text.
pub const MAX_BYTES: usize = 64 << 20;
/// Most bytes of the marks that an answer shows because they have been changed since, beyond the first.
const MAX_CONFLICT_BYTES: usize = 16 << 20;
/// Most bytes of an identifier.
const MAX_ID_BYTES: usize = 128;
/// Version of the text.
const VERSION: u32 = 1;

/// A mark as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mark {
    id: String,
    revision: u64,
    /// When it was last changed, in milliseconds since 1970.
    time_ms: u64,
    /// The feature, as one line of JSON.
    text: Arc<str>,
}

impl Mark {
    /// What it takes of the text, about.
    fn bytes(&self) -> usize {
        self.text.len() + self.id.len() + 64
    }
}

/// The marks of one slide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    slide: Drawn,
    /// Grows with each change; a mark has that of its last one. So no revision comes twice, not even of a mark that is drawn again.
    revision: u64,
    marks: Vec<Mark>,
}

/// Why a text is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    /// Another program wrote it.
    Foreign,
    /// A newer one did, in this version.
    Newer(u32),
}

/// The member `origami` of the text.
#[derive(Serialize, Deserialize)]
struct Header {
    /// [`VERSION`]. The first texts had none.
    #[serde(default = "first_version")]
    version: u32,
    slide: Drawn,
    revision: u64,
    /// Identifier, revision and time of each mark, in the order of the features.
    marks: Vec<(String, u64, u64)>,
}

/// As much of the header as every version has.
#[derive(Deserialize)]
struct Numbered {
    #[serde(default = "first_version")]
    version: u32,
}

fn first_version() -> u32 {
    1
}

/// What the first line begins with, up to the header.
const OPENING: &str = "{\"type\":\"FeatureCollection\",\"origami\":";
/// What it ends with.
const FEATURES: &str = ",\"features\":[";
/// The last line.
const CLOSING: &str = "]}";

/// A change of a mark: to a feature, or its removal.
#[derive(Clone, Debug, Deserialize)]
pub struct Change {
    /// Which mark.
    pub id: String,
    /// The revision that the change is based on; 0 for a new mark.
    #[serde(default)]
    pub revision: u64,
    /// The mark after the change; `None` where it is removed, for which the text must say `null`.
    #[serde(deserialize_with = "Option::deserialize")]
    pub feature: Option<Value>,
}

/// A change that was not made, since the mark had been changed otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// Which mark.
    pub id: String,
    /// Its revision; 0 where it is removed.
    pub revision: u64,
    /// The mark as it is, as one line of JSON; `None` where it is removed.
    pub feature: Option<Arc<str>>,
}

/// Why changes are refused, all of them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A change that makes no sense.
    #[error("mark {id:?}: {problem}")]
    Bad { id: String, problem: String },
    /// There would be too much.
    #[error("a slide has at most {marks} marks in {mib} MiB: remove some first", marks = MAX_MARKS, mib = MAX_BYTES >> 20)]
    Full,
    /// There would be too much to answer.
    #[error("the marks that have been changed since have more than {mib} MiB: send the changes in several requests", mib = MAX_CONFLICT_BYTES >> 20)]
    Conflicts,
}

impl Document {
    /// No marks on a slide.
    pub fn new(slide: Drawn) -> Self {
        Self { slide, revision: 0, marks: Vec::new() }
    }

    /// Reads a text that [`Self::to_text`] wrote.
    ///
    /// # Errors
    /// Any other text, and that of a newer version.
    pub fn parse(text: &str) -> Result<Self, Unread> {
        let read = || {
            let (first, rest) = text.split_once('\n')?;
            Some((first.strip_prefix(OPENING)?.strip_suffix(FEATURES)?, rest))
        };
        let (header, rest) = read().ok_or(Unread::Foreign)?;
        let numbered: Numbered = serde_json::from_str(header).map_err(|_| Unread::Foreign)?;
        if numbered.version > VERSION {
            return Err(Unread::Newer(numbered.version));
        }
        Self::with(header, rest).ok_or(Unread::Foreign)
    }

    /// The marks of a header, and of the lines after it.
    fn with(header: &str, rest: &str) -> Option<Self> {
        let header: Header = serde_json::from_str(header).ok()?;
        let lines = rest.trim_end_matches('\n').strip_suffix(CLOSING)?;
        let lines: Vec<&str> = lines.split_terminator('\n').collect();
        if lines.len() != header.marks.len() {
            return None;
        }
        let marks = header.marks.into_iter().zip(lines).map(|((id, revision, time_ms), line)| Mark {
            id,
            revision,
            time_ms,
            text: line.strip_suffix(',').unwrap_or(line).into(),
        });
        Some(Self { slide: header.slide, revision: header.revision, marks: marks.collect() })
    }

    /// The whole text.
    pub fn to_text(&self) -> String {
        let of = |mark: &Mark| (mark.id.clone(), mark.revision, mark.time_ms);
        let header = Header {
            version: VERSION,
            slide: self.slide.clone(),
            revision: self.revision,
            marks: self.marks.iter().map(of).collect(),
        };
        let header = serde_json::to_string(&header).unwrap_or_default();
        let features: usize = self.marks.iter().map(|mark| mark.text.len() + 2).sum();
        // It may be large: it is written once, in its own size.
        let mut text = String::with_capacity(header.len() + features + 128);
        text.extend([OPENING, &header, FEATURES, "\n"]);
        for (at, mark) in self.marks.iter().enumerate() {
            text.extend([if at > 0 { ",\n" } else { "" }, &mark.text]);
        }
        text.extend([if self.marks.is_empty() { "" } else { "\n" }, CLOSING, "\n"]);
        text
    }

    /// The slide that they were drawn on.
    pub fn slide(&self) -> &Drawn {
        &self.slide
    }

    /// Whether they belong on `slide`: they were drawn on it, or there are none.
    pub fn belongs_on(&self, slide: &Drawn) -> bool {
        self.marks.is_empty() || self.slide.is_same(slide)
    }

    /// Says that they belong on `slide`.
    pub fn adopt(&mut self, slide: Drawn) {
        self.slide = slide;
        self.revision += 1;
    }

    /// Adds what else identifies the slide, which is the one that they were drawn on.
    pub fn learn(&mut self, slide: &Drawn) {
        self.slide.learn(slide);
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.marks.len()
    }

    /// The revision of the whole.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// A mark's revision and text.
    pub fn get(&self, id: &str) -> Option<(u64, &str)> {
        self.marks.iter().find(|mark| mark.id == id).map(|mark| (mark.revision, &*mark.text))
    }

    /// The identifiers of all marks, with their revisions.
    pub fn revisions(&self) -> impl Iterator<Item = (&str, u64)> {
        self.marks.iter().map(|mark| (mark.id.as_str(), mark.revision))
    }

    /// Makes the changes that are based on the present revision of their mark, and returns the others. A change that was made before, to
    /// the same text, is none: who did not get the answer may ask again.
    ///
    /// # Errors
    /// A change that is refused, two of one mark, or too much altogether. Then nothing has changed.
    pub fn apply(&mut self, changes: Vec<Change>, now_ms: u64) -> Result<Vec<Conflict>, Refused> {
        let mut ids = HashSet::with_capacity(changes.len());
        if let Some(second) = changes.iter().find(|change| !ids.insert(change.id.as_str())) {
            return Err(bad(&second.id, "it is changed twice in one request: send its last state alone"));
        }
        drop(ids);
        let mut at: HashMap<String, usize> =
            self.marks.iter().enumerate().map(|(at, mark)| (mark.id.clone(), at)).collect();
        let mut marks: Vec<Option<Mark>> = self.marks.iter().cloned().map(Some).collect();
        let (mut revision, mut conflicts, mut conflict_bytes) = (self.revision, Vec::new(), 0);
        for Change { id, revision: base, feature } in changes {
            let present = at.get(&id).and_then(|&at| marks[at].as_ref());
            let there = present.map(|mark| &*mark.text);
            let text = feature.map(|feature| line(&id, feature, there)).transpose()?;
            if there == text.as_deref() {
                continue;
            }
            if present.map_or(0, |mark| mark.revision) != base {
                let (revision, feature) =
                    present.map_or((0, None), |mark| (mark.revision, Some(mark.text.clone())));
                conflict_bytes += there.map_or(0, str::len);
                if conflict_bytes > MAX_CONFLICT_BYTES && !conflicts.is_empty() {
                    return Err(Refused::Conflicts);
                }
                conflicts.push(Conflict { id, revision, feature });
                continue;
            }
            revision += 1;
            let mark = text.map(|text| Mark { id: id.clone(), revision, time_ms: now_ms, text: text.into() });
            match at.get(&id) {
                Some(&at) => marks[at] = mark,
                None => {
                    at.insert(id, marks.len());
                    marks.push(mark);
                }
            }
        }
        let marks: Vec<Mark> = marks.into_iter().flatten().collect();
        let bytes_of = |marks: &[Mark]| marks.iter().map(Mark::bytes).sum::<usize>();
        let bytes = bytes_of(&marks);
        let grows = marks.len() > self.marks.len() || bytes > bytes_of(&self.marks);
        if grows && (marks.len() > MAX_MARKS || bytes > MAX_BYTES) {
            return Err(Refused::Full);
        }
        (self.marks, self.revision) = (marks, revision);
        Ok(conflicts)
    }
}

/// A mark that is refused.
fn bad(id: &str, problem: &str) -> Refused {
    Refused::Bad { id: id.chars().take(40).collect(), problem: problem.into() }
}

/// A feature as one line of JSON, with its identifier. What is `there` already may stay as it is: earlier programs took any geometry.
fn line(id: &str, mut feature: Value, there: Option<&str>) -> Result<String, Refused> {
    let bad = |problem: &str| bad(id, problem);
    if id.is_empty() || id.len() > MAX_ID_BYTES || id.chars().any(char::is_control) {
        return Err(bad("an id has 1 to 128 bytes, and no control characters"));
    }
    let Some(object) = feature.as_object_mut() else { return Err(bad("not an object")) };
    if object.get("type").and_then(Value::as_str) != Some("Feature") {
        return Err(bad("its type must be Feature"));
    }
    if !object.get("geometry").is_some_and(|geometry| geometry.is_object() || geometry.is_null()) {
        return Err(bad("it has no geometry"));
    }
    object.insert("id".into(), id.into());
    let text = feature.to_string();
    if there != Some(text.as_str()) {
        check(&feature).map_err(|problem| bad(&problem))?;
    }
    Ok(text)
}

/// Checks what viewers read of a feature: its properties, its geometry, and the nucleus of a cell, which some programs write among the
/// properties.
fn check(feature: &Value) -> Result<(), String> {
    let properties = &feature["properties"];
    if !(properties.is_object() || properties.is_null()) {
        return Err("its properties must be an object, or null".into());
    }
    let shapes = [
        ("geometry", &feature["geometry"]),
        ("nucleusGeometry", &feature["nucleusGeometry"]),
        ("properties.nucleusGeometry", &properties["nucleusGeometry"]),
    ];
    for (name, shape) in shapes.into_iter().filter(|(_, shape)| !shape.is_null()) {
        geometry::check(shape).map_err(|problem| format!("its {name}: {problem}"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
