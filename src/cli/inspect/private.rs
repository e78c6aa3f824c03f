//! What an input holds that may identify a patient.

use anyhow::Result;
use origami::archive::Archive;
use origami::decode;
use origami::privacy::{self, Held};
use origami::pyramid::tree::{Missing, Tree};
use origami::slide::OpenOptions;
use serde_json::json;

use super::answer::{Answer, row};
use crate::cli::inputs::{Input, Thing};
use crate::cli::print::human_bytes;

/// The findings, one a row.
pub fn inspect(input: &Input, options: &OpenOptions) -> Result<Answer> {
    let (what, held) = match input.thing {
        Thing::Bundle => ("bundle", privacy::of_archive(&Archive::open(&input.path)?)?),
        Thing::Pack => ("pack", privacy::of_archive(&Archive::open(&input.path)?)?),
        Thing::Packs => ("packs", privacy::of_archive(decode::Input::packs(&input.path)?.archive())?),
        Thing::Slide => ("slide", privacy::of_slide(&input.path, options)?),
        Thing::Tree => ("tree", privacy::of_tree(&Tree::open(&input.path, Missing::Background)?)?),
    };
    let mut text = vec![row("file", format!("{} ({what})", input.path.display()))];
    text.extend(held.iter().map(line));
    let value = json!({"file": input.path, "kind": "private", "of": what, "held": held});
    Ok(Answer { text, value })
}

/// A finding, where it is, how large, and its text.
fn line(held: &Held) -> String {
    let Held { what, place, count, bytes, text } = held;
    let times = if *count > 1 { format!("{count} times, ") } else { String::new() };
    let text = text.as_ref().map_or_else(String::new, |text| format!(": {text}"));
    format!("{what} ({place}, {times}{}){text}", human_bytes(*bytes))
}
