//! The marks of one slide: their text, their revisions, and changes to them.
//!
//! The text is a GeoJSON `FeatureCollection` with one feature a line. What the server knows of the marks is in its member `origami`, which
//! programs that do not know it leave alone. A line is never parsed again: it stays as it was accepted.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::drawn::Drawn;
use super::geometry;

/// Most marks of a slide.
const MAX_MARKS: usize = 100_000;
/// Most bytes of a slide's text.
pub const MAX_BYTES: usize = 64 << 20;
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
    text: String,
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
    /// The mark as it is; `None` where it is removed.
    pub feature: Option<String>,
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
            text: line.strip_suffix(',').unwrap_or(line).to_string(),
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
        let features: Vec<&str> = self.marks.iter().map(|mark| mark.text.as_str()).collect();
        let end = if features.is_empty() { "" } else { "\n" };
        format!("{OPENING}{header}{FEATURES}\n{}{end}{CLOSING}\n", features.join(",\n"))
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
        self.marks.iter().find(|mark| mark.id == id).map(|mark| (mark.revision, mark.text.as_str()))
    }

    /// The identifiers of all marks, with their revisions.
    pub fn revisions(&self) -> impl Iterator<Item = (&str, u64)> {
        self.marks.iter().map(|mark| (mark.id.as_str(), mark.revision))
    }

    /// Makes the changes that are based on the present revision of their mark, and returns the others. A change that was made before, to
    /// the same text, is none: who did not get the answer may ask again.
    ///
    /// # Errors
    /// A change that is refused, or too much altogether. Then nothing has changed.
    pub fn apply(&mut self, changes: Vec<Change>, now_ms: u64) -> Result<Vec<Conflict>, Refused> {
        let mut at: HashMap<String, usize> =
            self.marks.iter().enumerate().map(|(at, mark)| (mark.id.clone(), at)).collect();
        let mut marks: Vec<Option<Mark>> = self.marks.iter().cloned().map(Some).collect();
        let (mut revision, mut conflicts) = (self.revision, Vec::new());
        for Change { id, revision: base, feature } in changes {
            let present = at.get(&id).and_then(|&at| marks[at].as_ref());
            let there = present.map(|mark| mark.text.as_str());
            let text = feature.map(|feature| line(&id, feature, there)).transpose()?;
            if there == text.as_deref() {
                continue;
            }
            if present.map_or(0, |mark| mark.revision) != base {
                let (revision, feature) =
                    present.map_or((0, None), |mark| (mark.revision, Some(mark.text.clone())));
                conflicts.push(Conflict { id, revision, feature });
                continue;
            }
            revision += 1;
            let mark = text.map(|text| Mark { id: id.clone(), revision, time_ms: now_ms, text });
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

/// A feature as one line of JSON, with its identifier. What is `there` already may stay as it is: earlier programs took any geometry.
fn line(id: &str, mut feature: Value, there: Option<&str>) -> Result<String, Refused> {
    let bad = |problem: &str| Refused::Bad { id: id.chars().take(40).collect(), problem: problem.into() };
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
mod tests {
    use serde_json::json;

    use super::*;

    fn slide() -> Drawn {
        Drawn::new(300, 200, vec!["file-1-ab".into()])
    }

    fn point(x: u32) -> Value {
        json!({"type": "Feature", "geometry": {"type": "Point", "coordinates": [x, 1.25]}, "properties": {"more": [1, {"a\nb": null}]}})
    }

    fn change(id: &str, revision: u64, feature: Option<Value>) -> Change {
        Change { id: id.into(), revision, feature }
    }

    fn apply(document: &mut Document, changes: &[Change]) -> Vec<Conflict> {
        document.apply(changes.to_vec(), 7).unwrap()
    }

    #[test]
    fn a_text_is_read_as_it_was_written_and_is_geojson() {
        let mut document = Document::new(slide());
        assert_eq!(Document::parse(&document.to_text()).as_ref(), Ok(&document));
        apply(&mut document, &[change("a", 0, Some(point(1))), change("ü \"b\"", 0, Some(point(2)))]);
        let text = document.to_text();
        assert_eq!(Document::parse(&text).as_ref(), Ok(&document));
        let whole: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(whole["type"], "FeatureCollection");
        assert_eq!(whole["features"][1]["id"], "ü \"b\"");
        assert_eq!(whole["features"][0]["properties"], point(1)["properties"]);
        assert_eq!(whole["origami"]["marks"][0], json!(["a", 1, 7]));
        for other in ["", "{}", "{\"type\":\"FeatureCollection\",\"features\":[]}", &text[..text.len() - 4]] {
            assert_eq!(Document::parse(other), Err(Unread::Foreign), "{other}");
        }
        // The first texts had no version; a later one may hold anything else.
        let first = text.replacen("\"version\":1,", "", 1);
        assert!(first != text);
        assert_eq!(Document::parse(&first).as_ref(), Ok(&document));
        let next = text.replacen("\"version\":1,\"slide\":", "\"version\":2,\"slides\":", 1);
        assert_eq!(Document::parse(&next), Err(Unread::Newer(2)));
    }

    #[test]
    fn a_mark_is_removed_only_where_that_is_said() {
        let read = |text| serde_json::from_str::<Change>(text);
        assert!(read(r#"{"id": "a", "revision": 1}"#).is_err());
        assert_eq!(read(r#"{"id": "a", "revision": 1, "feature": null}"#).unwrap().feature, None);
    }

    #[test]
    fn two_who_change_different_marks_keep_both_and_of_the_same_mark_one() {
        let mut document = Document::new(slide());
        apply(&mut document, &[change("a", 0, Some(point(1))), change("b", 0, Some(point(2)))]);
        assert_eq!(apply(&mut document, &[change("a", 1, Some(point(10)))]), []);
        assert_eq!(apply(&mut document, &[change("b", 2, Some(point(20)))]), []);
        // Based on the first revision, which is not there any more; what else is changed counts.
        let conflicts =
            apply(&mut document, &[change("a", 1, Some(point(11))), change("c", 0, Some(point(3)))]);
        let present = line("a", point(10), None).unwrap();
        assert_eq!(conflicts, [Conflict { id: "a".into(), revision: 3, feature: Some(present) }]);
        assert_eq!(document.count(), 3);
        // Removed by one and changed by another, and the other way round.
        assert_eq!(apply(&mut document, &[change("c", 5, None)]), []);
        let removed = Conflict { id: "c".into(), revision: 0, feature: None };
        assert_eq!(apply(&mut document, &[change("c", 5, Some(point(4)))]), [removed]);
        assert_eq!(apply(&mut document, &[change("b", 2, None)])[0].revision, 4);
        // Drawn again, it has a revision that it never had.
        assert_eq!(apply(&mut document, &[change("c", 0, Some(point(5)))]), []);
        assert_eq!(document.get("c").unwrap().0, 7);
    }

    #[test]
    fn a_change_that_is_sent_again_is_no_conflict() {
        let mut document = Document::new(slide());
        let (first, removal) = (change("a", 0, Some(point(1))), change("a", 1, None));
        for same in [&first, &first, &removal, &removal] {
            assert_eq!(apply(&mut document, std::slice::from_ref(same)), []);
        }
        assert_eq!((document.count(), document.revision()), (0, 2));
    }

    #[test]
    fn what_is_no_mark_is_refused_and_nothing_changes() {
        let mut document = Document::new(slide());
        apply(&mut document, &[change("a", 0, Some(point(1)))]);
        let before = document.clone();
        let long = "x".repeat(129);
        for (id, feature) in [
            ("", point(1)),
            (long.as_str(), point(1)),
            ("a\nb", point(1)),
            ("b", json!([])),
            ("b", json!({"type": "Point", "geometry": null})),
            ("b", json!({"type": "Feature"})),
            ("b", json!({"type": "Feature", "geometry": 3})),
        ] {
            let changes = vec![change("a", 1, None), change(id, 0, Some(feature.clone()))];
            assert!(document.apply(changes, 0).is_err(), "{id} {feature}");
            assert_eq!(document, before);
        }
        let many = (0..=MAX_MARKS).map(|at| change(&at.to_string(), 0, Some(point(1)))).collect();
        assert_eq!(document.apply(many, 0), Err(Refused::Full));
        assert_eq!(document, before);
    }

    #[test]
    fn a_geometry_that_cannot_be_drawn_is_refused_by_the_name_of_its_mark() {
        let mut document = Document::new(slide());
        let ring = json!({"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]});
        let cell = |nucleus: Value| json!({"type": "Feature", "geometry": ring, "nucleusGeometry": nucleus});
        let within = |nucleus: Value| json!({"type": "Feature", "geometry": null, "properties": {"nucleusGeometry": nucleus}});
        for (feature, says) in [
            (json!({"type": "Feature", "geometry": {"type": "Foo"}}), "its geometry: "),
            (cell(json!({"type": "Polygon", "coordinates": 5})), "its nucleusGeometry: "),
            (cell(json!("round")), "its nucleusGeometry: it has no type"),
            (within(json!({"type": "Point"})), "its properties.nucleusGeometry: "),
            (
                json!({"type": "Feature", "geometry": null, "properties": 5}),
                "its properties must be an object",
            ),
        ] {
            let error = document.apply(vec![change("one", 0, Some(feature))], 0).unwrap_err().to_string();
            assert!(error.starts_with("mark \"one\": ") && error.contains(says), "{error}");
        }
        for (id, feature) in [
            ("a", cell(Value::Null)),
            ("b", cell(ring.clone())),
            ("c", within(ring.clone())),
            ("d", json!({"type": "Feature", "geometry": null, "properties": null})),
        ] {
            assert_eq!(apply(&mut document, &[change(id, 0, Some(feature))]), []);
        }
    }

    /// Earlier programs took any geometry. Such a mark is read, stays where all marks are put again, and can be mended or removed.
    #[test]
    fn a_geometry_that_was_stored_stays() {
        let mut document = Document::new(slide());
        apply(&mut document, &[change("a", 0, Some(point(1)))]);
        let text = document.to_text().replace("[1,1.25]", "[\"a\"]");
        let mut document = Document::parse(&text).unwrap();
        assert_eq!(document.to_text(), text);
        let stored: Value = serde_json::from_str(document.get("a").unwrap().1).unwrap();
        assert_eq!(stored["geometry"]["coordinates"], json!(["a"]));
        assert_eq!(apply(&mut document, &[change("a", 1, Some(stored.clone()))]), []);
        assert_eq!(document.to_text(), text);
        let mut named = stored;
        named["properties"]["name"] = "n".into();
        assert!(document.apply(vec![change("a", 1, Some(named))], 0).is_err());
        assert_eq!(apply(&mut document, &[change("a", 1, Some(point(2)))]), []);
        assert_eq!(apply(&mut document, &[change("a", 2, None)]), []);
        assert_eq!(document.count(), 0);
    }

    #[test]
    fn no_marks_belong_on_every_slide() {
        let (mut document, other) = (Document::new(slide()), Drawn::new(1, 1, Vec::new()));
        assert!(document.belongs_on(&other));
        apply(&mut document, &[change("a", 0, Some(point(1)))]);
        assert!(!document.belongs_on(&other) && document.belongs_on(&slide()));
        let more = Drawn::new(300, 200, vec!["file-1-ab".into(), "tree-2-cd".into()]);
        document.learn(&more);
        assert_eq!(Document::parse(&document.to_text()).unwrap().slide(), &more);
        document.adopt(other.clone());
        assert_eq!(document.slide(), &other);
    }
}
