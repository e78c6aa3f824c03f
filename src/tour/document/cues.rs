//! Captions and how they look.

use std::collections::BTreeMap;

use super::node::{Fields, Node, shortened};
use super::values::{items, span};
use crate::tour::captions::style::{self, Style};
use crate::tour::colour::{self, Rgba};
use crate::tour::effects::backdrop::Backdrop;
use crate::tour::plan::Cue;

/// Longest text of a cue, in bytes.
const MAX_TEXT: usize = 10_000;
/// Longest value of an effect, in bytes.
const MAX_EFFECT: usize = 300;

/// The captions of a document, in its order.
pub fn cues(body: &Fields<'_>) -> Vec<Cue> {
    let looks = Looks::of(body);
    // Segments are what speech recognition calls them.
    let (cues, segments) = (body.get("cues"), body.get("segments"));
    if let (Some(_), Some(segments)) = (&cues, &segments) {
        segments.wrong("cues are there as well, which are the same; keep one");
    }
    let Some(node) = cues.or(segments) else { return Vec::new() };
    let mut speakers = Vec::new();
    items(&node).iter().filter_map(|node| cue(node, &looks, &mut speakers)).collect()
}

fn cue(node: &Node<'_>, looks: &Looks, speakers: &mut Vec<String>) -> Option<Cue> {
    let fields = node.object()?;
    let text = fields.need("text").and_then(|node| {
        let text = node.text()?;
        if text.len() > MAX_TEXT {
            node.wrong(format!("{} bytes are more than {MAX_TEXT}; split the cue", text.len()));
        }
        Some(text.trim_matches(['\n', '\r']).to_string())
    });
    let span = span(&fields);
    let speaker = fields.get("speaker").and_then(|node| node.text());
    let emotion = fields.get("emotion").and_then(|node| node.text());
    let own = fields.get("style").map(|node| style(&node)).unwrap_or_default();
    fields.ignore(&["id", "words", "chars", "score", "confidence", "language", "avg_logprob"]);
    fields.finish();
    let (start, end) = span?;
    Some(Cue { text: text?, start, end, style: looks.of_cue(speaker, emotion, speakers).under(own) })
}

fn style(node: &Node<'_>) -> Style {
    let Some(fields) = node.object() else { return Style::default() };
    let get = |name| fields.get(name).map(Node::of_css);
    let colour = |name| get(name).and_then(|node| self::colour(&node));
    let bold = get("fontWeight").and_then(|node| match node.as_text() {
        Some(_) => node.word(&[("normal", false), ("bold", true), ("bolder", true), ("lighter", false)]),
        None => node.whole("a weight from 1 to 1000, or normal or bold", 1, 1000).map(|weight| weight >= 600),
    });
    let style = Style {
        effects: effects(&fields),
        backdrop: get(style::BACKDROP).and_then(|node| backdrop(&node)),
        font_size: get("fontSize").and_then(|node| length(&node)),
        font_family: get("fontFamily").and_then(|node| node.text()).and_then(style::first_family),
        color: colour("color"),
        background: colour("backgroundColor").or_else(|| {
            let plain = get("background").filter(|node| !is_gradient(node));
            plain.and_then(|node| self::colour(&node))
        }),
        outline: colour("outlineColor"),
        outline_width: get("outlineWidth").and_then(|node| length(&node)),
        bold,
        italic: get("fontStyle")
            .and_then(|node| node.word(&[("normal", false), ("italic", true), ("oblique", true)])),
        underline: get("textDecoration").and_then(|node| node.word(&[("none", false), ("underline", true)])),
        align: get("textAlign").and_then(|node| node.word(&style::ALIGNMENTS)),
        position: get("position").and_then(|node| node.word(&style::POSITIONS)),
        letter_spacing: get("letterSpacing").and_then(|node| length(&node)),
        opacity: get("opacity").and_then(|node| node.number("an opacity from 0 to 1", 0.0, 1.0)),
    };
    fields.finish();
    style
}

/// Effects of CSS, checked for what they could do beside drawing.
fn effects(fields: &Fields<'_>) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for name in style::EFFECTS {
        let value = fields.get(name).and_then(|node| effect(&node.of_css()));
        found.extend(value.map(|value| (name.to_string(), value)));
    }
    // A colour, or a gradient.
    if let Some(node) = fields.get("background").map(Node::of_css).filter(is_gradient) {
        found.extend(effect(&node).map(|value| ("backgroundImage".to_string(), value)));
    }
    found
}

fn backdrop(node: &Node<'_>) -> Option<Backdrop> {
    let text = node.text()?;
    let parsed = Backdrop::parse(text);
    parsed.map_err(|expected| node.wrong(format!("{:?} is not {expected}", shortened(text)))).ok()
}

fn is_gradient(node: &Node<'_>) -> bool {
    node.as_text().is_some_and(|text| text.contains("gradient("))
}

/// A value of CSS that names no file: a picture could come from anywhere.
fn effect(node: &Node<'_>) -> Option<String> {
    let text = node.text()?.trim();
    let known = |c: char| c.is_ascii_alphanumeric() || " #%(),.-+/".contains(c);
    let lower = text.to_ascii_lowercase();
    let names_a_file = ["url", "image", "image-set", "cross-fade", "src", "element", "var", "env", "attr"]
        .iter()
        .any(|function| lower.contains(&format!("{function}(")));
    if text.is_empty() || text.len() > MAX_EFFECT || !text.chars().all(known) || names_a_file {
        let what = "a value of CSS in at most 300 letters, digits and # % ( ) , . - + /, without url()";
        node.wrong(format!("{text:?} is not {what}"));
        return None;
    }
    Some(text.into())
}

/// Pixels of the video: 24, "24px" or "18pt".
fn length(node: &Node<'_>) -> Option<f64> {
    let what = "a length in pixels from 0 to 1000, such as 24, \"24px\" or \"18pt\"";
    let Some(text) = node.as_text() else { return node.number(what, 0.0, 1000.0) };
    let text = text.trim();
    let (digits, factor) = match (text.strip_suffix("px"), text.strip_suffix("pt")) {
        (Some(digits), _) => (digits, 1.0),
        (_, Some(digits)) => (digits, 4.0 / 3.0),
        _ => (text, 1.0),
    };
    let pixels = digits.trim().parse::<f64>().ok().map(|value| value * factor);
    pixels.filter(|pixels| (0.0..=1000.0).contains(pixels)).or_else(|| {
        node.wrong(format!("{text:?} is not {what}"));
        None
    })
}

pub fn colour(node: &Node<'_>) -> Option<Rgba> {
    let text = node.text()?;
    colour::parse(text).or_else(|| {
        node.wrong(format!("{text:?} is no colour; write a name of CSS, #rrggbb or rgba(r, g, b, a)"));
        None
    })
}

/// Styles by name of speaker and of emotion.
struct Looks {
    default: Style,
    speakers: BTreeMap<String, Style>,
    emotions: BTreeMap<String, Style>,
}

impl Looks {
    fn of(body: &Fields<'_>) -> Self {
        let mut looks =
            Self { default: Style::default(), speakers: BTreeMap::new(), emotions: style::of_emotions() };
        let Some(fields) = body.get("styles").and_then(|node| node.object()) else { return looks };
        if let Some(node) = fields.get("default") {
            looks.default = self::style(&node);
        }
        for (name, map) in [("speakers", &mut looks.speakers), ("emotions", &mut looks.emotions)] {
            for (name, node) in fields.get(name).and_then(|node| node.entries()).unwrap_or_default() {
                map.insert(name.into(), self::style(&node));
            }
        }
        fields.finish();
        looks
    }

    /// The colour of a speaker without a style of its own is the next of a palette.
    fn of_cue(&self, speaker: Option<&str>, emotion: Option<&str>, order: &mut Vec<String>) -> Style {
        let speaker = speaker.map(|name| match self.speakers.get(name) {
            Some(style) => style.clone(),
            None => {
                let known = order.iter().position(|other| other == name);
                let number = known.unwrap_or_else(|| {
                    order.push(name.into());
                    order.len() - 1
                });
                style::of_speaker(number)
            }
        });
        let emotion = emotion.and_then(|name| self.emotions.get(&name.to_lowercase())).cloned();
        self.default.clone().under(speaker.unwrap_or_default()).under(emotion.unwrap_or_default())
    }
}
