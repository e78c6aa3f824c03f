//! Whether a geometry of GeoJSON (RFC 7946) is one that can be drawn.
//!
//! Asks for what every reader needs: a type of the standard, positions of numbers, lines and rings of enough of them. What a shape means, and
//! whether rings cross, is not looked at.

use serde_json::Value;

/// Collections within each other, at most. The standard advises against any.
const MAX_NESTED: usize = 8;

/// Checks a geometry.
///
/// # Errors
/// What is wrong, and where: a sentence without its subject's name.
pub fn check(geometry: &Value) -> Result<(), String> {
    collection(geometry, MAX_NESTED)
}

fn collection(geometry: &Value, nested: usize) -> Result<(), String> {
    let kind = geometry.get("type").and_then(Value::as_str).ok_or("it has no type")?;
    if kind != "GeometryCollection" {
        return shape(kind, &geometry["coordinates"]);
    }
    let Some(nested) = nested.checked_sub(1) else {
        return Err(format!("more than {MAX_NESTED} collections within each other"));
    };
    each(&geometry["geometries"], "geometry", |member| collection(member, nested))
}

fn shape(kind: &str, coordinates: &Value) -> Result<(), String> {
    match kind {
        "Point" => position(coordinates),
        "MultiPoint" => each(coordinates, "position", position),
        "LineString" => line(coordinates),
        "MultiLineString" => each(coordinates, "line", line),
        "Polygon" => polygon(coordinates),
        "MultiPolygon" => each(coordinates, "polygon", polygon),
        _ => {
            Err(format!("{:?} is no type of geometry in GeoJSON", kind.chars().take(40).collect::<String>()))
        }
    }
}

/// Checks each member of a list, which may be empty. A problem begins with the number of the member, from 1.
fn each(list: &Value, name: &str, check: impl Fn(&Value) -> Result<(), String>) -> Result<(), String> {
    let list = list.as_array().ok_or_else(|| format!("it needs a list, of each {name}"))?;
    list.iter()
        .enumerate()
        .try_for_each(|(at, member)| check(member).map_err(|problem| format!("{name} {}: {problem}", at + 1)))
}

/// Two numbers or more. Numbers of JSON are finite.
fn position(position: &Value) -> Result<(), String> {
    let is_number = |value: &Value| value.as_f64().is_some_and(f64::is_finite);
    match position.as_array() {
        Some(numbers) if numbers.len() >= 2 && numbers.iter().all(is_number) => Ok(()),
        _ => Err("a position has two numbers or more".into()),
    }
}

/// The positions of a list that has `least` of them.
fn positions<'a>(list: &'a Value, what: &str, least: usize) -> Result<&'a [Value], String> {
    each(list, "position", position)?;
    let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
    match list.len() {
        found if found < least => Err(format!("a {what} needs {least} positions or more, this has {found}")),
        _ => Ok(list),
    }
}

fn line(list: &Value) -> Result<(), String> {
    positions(list, "line", 2).map(drop)
}

fn polygon(rings: &Value) -> Result<(), String> {
    each(rings, "ring", |ring| {
        let ring = positions(ring, "ring", 4)?;
        // By value: 1 and 1.0 are the same place.
        let place = |position: Option<&Value>| position.map(|at| [at[0].as_f64(), at[1].as_f64()]);
        match place(ring.first()) == place(ring.last()) {
            true => Ok(()),
            false => Err("a ring ends where it begins".into()),
        }
    })?;
    match rings.as_array().is_some_and(Vec::is_empty) {
        true => Err("a Polygon needs a ring".into()),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_type_of_the_standard_is_taken() {
        let ring = json!([[0, 0], [9, 0], [9, 9], [0, 0.0]]);
        let hole = json!([[1, 1, 5], [2, 1, 5], [2, 2, 5], [1, 1, 6]]);
        for (kind, coordinates) in [
            ("Point", json!([1, -2.5])),
            ("Point", json!([1, 2, 3])),
            ("MultiPoint", json!([])),
            ("MultiPoint", json!([[1, 2], [3, 4]])),
            ("LineString", json!([[1, 2], [1e300, 4]])),
            ("MultiLineString", json!([[[1, 2], [3, 4]], [[1, 2], [3, 4], [5, 6]]])),
            ("Polygon", json!([ring, hole])),
            ("MultiPolygon", json!([[ring], [ring, hole]])),
        ] {
            let geometry = json!({"type": kind, "coordinates": coordinates, "plane": {"z": 0}});
            assert_eq!(check(&geometry), Ok(()), "{geometry}");
            let collection = json!({"type": "GeometryCollection", "geometries": [geometry]});
            assert_eq!(check(&collection), Ok(()), "{collection}");
        }
        assert_eq!(check(&json!({"type": "GeometryCollection", "geometries": []})), Ok(()));
    }

    #[test]
    fn what_cannot_be_drawn_is_refused_with_its_place() {
        for (geometry, says) in [
            (json!({}), "it has no type"),
            (json!({"type": 3}), "it has no type"),
            (json!({"type": "Foo"}), "\"Foo\" is no type"),
            (json!({"type": "Point"}), "a position has two numbers"),
            (json!({"type": "LineString"}), "a list, of each position"),
            (json!({"type": "Point", "coordinates": ["a"]}), "a position has two numbers"),
            (json!({"type": "Point", "coordinates": [1]}), "a position has two numbers"),
            (json!({"type": "Point", "coordinates": [1, null]}), "a position has two numbers"),
            (json!({"type": "MultiPoint", "coordinates": [[1, 2], [1, "2"]]}), "position 2: "),
            (json!({"type": "LineString", "coordinates": [[1, 2]]}), "needs 2 positions or more, this has 1"),
            (json!({"type": "MultiLineString", "coordinates": [[[1, 2], [3, 4]], 5]}), "line 2: "),
            (json!({"type": "Polygon", "coordinates": 5}), "a list, of each ring"),
            (json!({"type": "Polygon", "coordinates": []}), "a Polygon needs a ring"),
            (json!({"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [0, 0]]]}), "ring 1: a ring needs 4"),
            (
                json!({"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1]]]}),
                "ring 1: a ring ends where it begins",
            ),
            (json!({"type": "MultiPolygon", "coordinates": [[[[0, 0]]]]}), "polygon 1: ring 1: "),
            (json!({"type": "GeometryCollection"}), "a list, of each geometry"),
            (
                json!({"type": "GeometryCollection", "geometries": [{"type": "Point", "coordinates": [1, 2]}, {"type": "Foo", "coordinates": 1}]}),
                "geometry 2: \"Foo\"",
            ),
        ] {
            let problem = check(&geometry).unwrap_err();
            assert!(problem.contains(says), "{geometry}: {problem}");
        }
    }

    #[test]
    fn collections_within_each_other_have_a_bound() {
        let nested = |times| {
            (0..times).fold(
                json!({"type": "Point", "coordinates": [1, 2]}),
                |inner, _| json!({"type": "GeometryCollection", "geometries": [inner]}),
            )
        };
        assert_eq!(check(&nested(MAX_NESTED)), Ok(()));
        assert!(check(&nested(MAX_NESTED + 1)).unwrap_err().contains("more than 8 collections"));
    }
}
