//! Values that several fields have: times, places, lists.

use super::node::{Fields, Node};

/// Longest video, in seconds.
pub const MAX_SECONDS: f64 = 6.0 * 3600.0;
/// Most keyframes, cues or marks.
const MAX_ITEMS: usize = 20_000;
/// Largest coordinate: the largest side of a slide.
pub const MAX_COORDINATE: f64 = 1e9;

/// What a time is.
pub const TIME: &str = "a time in seconds, 0 to 21600";

/// The elements of a list that is not too long.
pub fn items<'a>(node: &Node<'a>) -> Vec<Node<'a>> {
    let items = node.list().unwrap_or_default();
    if items.len() > MAX_ITEMS {
        node.wrong(format!("{} elements are more than {MAX_ITEMS}; split the tour", items.len()));
        return Vec::new();
    }
    items
}

/// A place on the slide: `[x, y]`, or `{"x": x, "y": y}`.
pub fn point(node: &Node<'_>) -> Option<(f64, f64)> {
    let what = "a coordinate in pixels of the full resolution";
    let number = |node: &Node<'_>| node.number(what, -MAX_COORDINATE, MAX_COORDINATE);
    if let Some(fields) = node.is_object().then(|| node.object()).flatten() {
        let (x, y) = (fields.need("x"), fields.need("y"));
        fields.finish();
        return Some((number(&x?)?, number(&y?)?));
    }
    match &node.list()?[..] {
        [x, y] => Some((number(x)?, number(y)?)),
        _ => {
            node.wrong("a place has two numbers: [x, y], in pixels of the full resolution");
            None
        }
    }
}

/// `start` and `end`.
pub fn span(fields: &Fields<'_>) -> Option<(f64, f64)> {
    let time = |name| fields.need(name).and_then(|node| node.number(TIME, 0.0, MAX_SECONDS));
    let (start, end) = (time("start"), time("end"));
    let (start, end) = (start?, end?);
    if end <= start {
        fields.node().wrong(format!("its end, {end}, is not after its start, {start}"));
        return None;
    }
    Some((start, end))
}
