//! A bundle or a pack.

use std::path::Path;

use anyhow::Result;
use origami::archive::Archive;
use origami::report::sizes::Sizes;
use serde_json::json;

use super::answer::{Answer, row};
use super::plot::PlotArgs;

/// What it records and how its bytes are distributed, with every family and tile if `list` is set. Writes the plot if one is wanted.
pub fn inspect(path: &Path, list: bool, plot: &PlotArgs) -> Result<Answer> {
    let archive = Archive::open(path)?;
    let sizes = Sizes::read(&archive)?;
    let mut answer = Answer {
        text: super::text::rows(&archive, &sizes),
        value: super::json::object(&archive, &sizes, list),
    };
    if let Some(file) = plot.write(&archive, &sizes)? {
        answer.text.push(row("plot", file.display()));
        answer.value["plot"] = json!(file);
    }
    if list {
        answer.text.extend(super::text::list(&archive, &sizes));
    }
    Ok(answer)
}
