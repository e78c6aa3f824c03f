//! Changes and texts of marks.

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
    let conflicts = apply(&mut document, &[change("a", 1, Some(point(11))), change("c", 0, Some(point(3)))]);
    let present = line("a", point(10), None).unwrap().into();
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
        (json!({"type": "Feature", "geometry": null, "properties": 5}), "its properties must be an object"),
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

#[test]
fn a_mark_is_changed_once_in_a_request_and_conflicts_have_a_bound() {
    let mut document = Document::new(slide());
    apply(&mut document, &[change("a", 0, Some(point(1)))]);
    let before = document.clone();
    for (second, feature) in [(9, None), (1, Some(point(2))), (9, Some(point(3)))] {
        let changes =
            vec![change("b", 0, Some(point(1))), change("a", 9, None), change("a", second, feature)];
        let error = document.apply(changes, 0).unwrap_err().to_string();
        assert_eq!(error, "mark \"a\": it is changed twice in one request: send its last state alone");
        assert_eq!(document, before);
    }
    // Marks of 6 MiB: two are shown and three are too much; of one that is larger still the whole is shown.
    let large =
        |mib: usize| json!({"type": "Feature", "geometry": null, "properties": {"x": "x".repeat(mib << 20)}});
    for (id, mib) in [("b", 6), ("c", 6), ("d", 6), ("e", 20)] {
        apply(&mut document, &[change(id, 0, Some(large(mib)))]);
    }
    let before = document.clone();
    let late = |ids: &[&str]| ids.iter().map(|id| change(id, 99, None)).collect::<Vec<_>>();
    assert_eq!(document.apply(late(&["a", "b", "c"]), 0).unwrap().len(), 3);
    assert_eq!(document.apply(late(&["e"]), 0).unwrap().len(), 1);
    for ids in [&["b", "c", "d"][..], &["a", "e"]] {
        let changes = [late(ids), vec![change("new", 0, Some(point(1)))]].concat();
        assert_eq!(document.apply(changes, 0), Err(Refused::Conflicts));
        assert_eq!(document, before);
    }
}
