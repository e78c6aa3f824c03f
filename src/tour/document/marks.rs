//! The pointer, and circles around parts of the slide.

use super::cues::colour;
use super::node::{Fields, Node};
use super::values::{MAX_COORDINATE, MAX_SECONDS, TIME, items, point, span};
use crate::tour::colour::Rgba;
use crate::tour::plan::{Highlight, PointerKey};

/// The places of the pointer.
pub fn pointer(body: &Fields<'_>) -> Vec<PointerKey> {
    let Some(node) = body.get("pointer") else { return Vec::new() };
    let mut keys: Vec<PointerKey> = Vec::new();
    for node in items(&node) {
        let Some(fields) = node.object() else { continue };
        let time = fields.need("time").and_then(|node| node.number(TIME, 0.0, MAX_SECONDS));
        let at = fields.get("at").map(|node| point(&node));
        fields.finish();
        let Some(time) = time else { continue };
        if keys.last().is_some_and(|last| time <= last.time) {
            node.wrong(format!("its time, {time}, is not after that of the place before"));
        }
        keys.push(PointerKey { time, at: at.flatten() });
    }
    keys
}

/// The circles.
pub fn highlights(body: &Fields<'_>) -> Vec<Highlight> {
    let Some(node) = body.get("highlights") else { return Vec::new() };
    let highlight = |node: &Node<'_>| {
        let fields = node.object()?;
        let span = span(&fields);
        let center = fields.need("center").and_then(|node| point(&node));
        let what = "a radius in pixels of the full resolution, above 0";
        let radius = fields.need("radius").and_then(|node| node.number(what, 1e-3, MAX_COORDINATE));
        let color = fields.get("color").map_or(Some(Rgba::opaque(0xffd700)), |node| colour(&node));
        fields.finish();
        let (start, end) = span?;
        Some(Highlight { start, end, center: center?, radius: radius?, color: color? })
    };
    items(&node).iter().filter_map(highlight).collect()
}
