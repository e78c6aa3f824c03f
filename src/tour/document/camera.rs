//! The keyframes of a camera.

use super::node::{Fields, Node};
use super::values::{MAX_SECONDS, TIME, items, point};
use crate::tour::plan::{Ease, Keyframe, Zoom};

/// The keyframes, at least one.
pub fn camera(node: &Node<'_>) -> Option<Vec<Keyframe>> {
    let mut keys: Vec<Keyframe> = Vec::new();
    let nodes = items(node);
    if nodes.is_empty() {
        node.wrong("it needs at least one keyframe");
        return None;
    }
    for node in nodes {
        let Some(key) = keyframe(&node) else { continue };
        if keys.last().is_some_and(|last| key.time <= last.time) {
            node.wrong(format!("its time, {}, is not after that of the keyframe before", key.time));
        }
        keys.push(key);
    }
    (!keys.is_empty()).then_some(keys)
}

fn keyframe(node: &Node<'_>) -> Option<Keyframe> {
    let fields = node.object()?;
    let time = fields.need("time").and_then(|node| node.number(TIME, 0.0, MAX_SECONDS));
    let center = fields.get("center").map(|node| point(&node));
    let zoom = zoom(&fields);
    let rotation = fields.get("rotation").map(|node| node.number("an angle in degrees", -36_000.0, 36_000.0));
    let eases = [
        ("linear", Ease::Linear),
        ("ease-in", Ease::In),
        ("ease-out", Ease::Out),
        ("ease-in-out", Ease::InOut),
        ("ease", Ease::InOut),
        ("hold", Ease::Hold),
    ];
    let ease = fields.get("ease").map(|node| node.word(&eases));
    fields.ignore(&["id", "label", "note"]);
    fields.finish();
    Some(Keyframe {
        time: time?,
        center: match center {
            Some(center) => Some(center?),
            None => None,
        },
        zoom: zoom?,
        rotation: rotation.map_or(Some(0.0), |rotation| rotation)?,
        ease: ease.map_or(Some(Ease::default()), |ease| ease)?,
    })
}

fn zoom(fields: &Fields<'_>) -> Option<Zoom> {
    let mut found = Vec::new();
    if let Some(node) = fields.get("mpp") {
        found.push(node.number("micrometres per pixel, above 0", 1e-6, 1e6).map(Zoom::MicronsPerPixel));
    }
    if let Some(node) = fields.get("magnification") {
        found.push(node.number("a magnification, above 0", 1e-6, 1e6).map(Zoom::Magnification));
    }
    if let Some(node) = fields.get("downsample") {
        let what = "pixels of the full resolution per pixel of the video, above 0";
        found.push(node.number(what, 1e-3, 1e6).map(Zoom::Downsample));
    }
    if let Some(node) = fields.get("fit") {
        found.push(node.word(&[("slide", Zoom::Fit)]));
    }
    match found[..] {
        [zoom] => zoom,
        [] if fields.get("center").is_none() => Some(Zoom::Fit),
        [] => {
            let known = "mpp, magnification, downsample or \"fit\": \"slide\"";
            fields.node().wrong(format!("it does not say how large the slide appears; give {known}"));
            None
        }
        _ => {
            fields.node().wrong(
                "it says twice how large the slide appears; keep one of mpp, magnification, downsample, fit",
            );
            None
        }
    }
}
