//! What is found, and where.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::codec::{CodecId, Extra, Foreign, extras, jpeg2000};

/// Characters of a text that are shown.
const MAX_TEXT: usize = 200;
/// Words in the names of fields whose values may identify a patient, a person or a device.
const IDENTIFYING: [&str; 29] = [
    "accession",
    "barcode",
    "birth",
    "case",
    "comment",
    "created",
    "date",
    "descr",
    "filename",
    "host",
    "image",
    "label",
    "name",
    "operator",
    "patient",
    "project",
    "rack",
    "reference",
    "s/n",
    "scanscope",
    "serial",
    "sex",
    "slide",
    "source",
    "specimen",
    "study",
    "time",
    "title",
    "user",
];

/// Something that a file holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Held {
    /// What it is: `label`, `EXIF`, `ImageDescription: Barcode`.
    pub what: String,
    /// Where it is: a tag, a tile, a file.
    pub place: String,
    /// How many times: tiles of one level that hold the same kind count together.
    pub count: u64,
    /// Bytes of all of them.
    pub bytes: u64,
    /// The text, or its beginning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

impl Held {
    /// One finding of `bytes` bytes.
    pub fn new(what: impl Into<String>, place: impl Into<String>, bytes: u64) -> Self {
        Self { what: what.into(), place: place.into(), count: 1, bytes, text: None }
    }

    /// One finding that is text.
    pub fn text(what: impl Into<String>, place: impl Into<String>, text: &str) -> Self {
        Self { text: Some(shown(text)), ..Self::new(what, place, text.len() as u64) }
    }
}

/// The beginning of a text, in printable characters.
fn shown(text: &str) -> String {
    let printable = |c: char| if c.is_control() { ' ' } else { c };
    let mut shown: String = text.trim().chars().take(MAX_TEXT).map(printable).collect();
    if text.trim().chars().count() > MAX_TEXT {
        shown += "...";
    }
    shown
}

/// The fields of a description that may identify someone: `Barcode = 4711`, separated by lines, `|` or `;`.
pub fn fields(what: &str, place: &str, description: &str) -> Vec<Held> {
    let pairs =
        description.split(['|', '\n', '\r', ';', '\0']).filter_map(|part| part.split_once(['=', ':']));
    let named = pairs.map(|(key, value)| (key.trim(), value.trim()));
    let named = named.filter(|(key, value)| !value.is_empty() && key.len() <= 64 && identifies(key));
    named.map(|(key, value)| Held::text(format!("{what}: {key}"), place, value)).collect()
}

fn identifies(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    IDENTIFYING.iter().any(|word| key.contains(word)) || key.split([' ', '.', '_']).any(|word| word == "id")
}

/// What the JPEG and PNG files of many tiles hold, by group and kind.
#[derive(Default)]
pub struct Tally(BTreeMap<(String, String), Held>);

impl Tally {
    /// Adds what the file of a tile holds. `group` is a level or a kind of payload, `tile` the name of the tile.
    pub fn add(&mut self, group: &str, tile: &str, file: &[u8]) {
        let found = match file.starts_with(b"\x89PNG") {
            true => super::png::chunks(file),
            false => extras(file).into_iter().map(|extra| part(file, &extra)).collect(),
        };
        self.sum(group, tile, found);
    }

    /// As [`Self::add`], for an original tile, which may be JPEG 2000.
    pub fn add_tile(&mut self, group: &str, tile: &str, image: &Foreign) {
        if image.codec != CodecId::Jpeg2000 {
            return self.add(group, tile, &image.bytes);
        }
        let stream = image.bytes.get(1..).unwrap_or_default();
        let comment = |range: std::ops::Range<usize>| {
            let text = stream.get(range.start + 6..range.end).unwrap_or_default();
            ("a comment".to_string(), range.len() as u64, Some(shown(&String::from_utf8_lossy(text))))
        };
        self.sum(group, tile, jpeg2000::comments(stream).into_iter().map(comment).collect());
    }

    fn sum(&mut self, group: &str, tile: &str, found: Vec<(String, u64, Option<String>)>) {
        for (what, bytes, text) in found {
            let place = format!("{group}, {tile}");
            let first = || Held { what: what.clone(), place, count: 0, bytes: 0, text };
            let sum = self.0.entry((group.to_string(), what.clone())).or_insert_with(first);
            (sum.count, sum.bytes) = (sum.count + 1, sum.bytes + bytes);
        }
    }

    /// A finding for each kind and group.
    pub fn finish(self) -> Vec<Held> {
        let with_first = |mut held: Held| {
            if held.count > 1 {
                held.place += " first";
            }
            held
        };
        self.0.into_values().map(with_first).collect()
    }
}

/// What a part of a JPEG is, its bytes, and the text of a comment.
fn part(jpeg: &[u8], extra: &Extra) -> (String, u64, Option<String>) {
    let payload = jpeg.get(extra.range.start + 4..extra.range.end).unwrap_or_default();
    let text = matches!(extra.kind, crate::codec::ExtraKind::Comment)
        .then(|| shown(&String::from_utf8_lossy(payload)));
    (extra.kind.to_string(), extra.range.len() as u64, text)
}
