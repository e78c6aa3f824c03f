//! A tour as JSON: read and checked. Each fault has its place.
//!
//! The document is that of `docs/tours.md` and `docs/schema/tour.json`: what the render service calls a scenario, with its source and
//! options beside it. A field `scenario` may hold the cues and the camera, as in a request to the service.

mod camera;
mod cues;
mod fields;
mod marks;
mod node;
mod places;
mod values;

use std::cell::Cell;
use std::path::Path;

use serde_json::Value;

pub use self::node::{Fault, Severity, Strictness};
use self::node::{Node, Reader};
use super::error::{Error, Result};
use super::plan::Tour;

/// Reads a tour. Paths in it are relative to the folder of `path`. Returns what the document warns of besides.
///
/// # Errors
/// [`Error::Document`] with all faults.
pub fn read(path: &Path, text: &str, strictness: Strictness) -> Result<(Tour, Vec<Fault>)> {
    let refused = |faults| Error::Document { path: path.into(), faults };
    let value: Value = serde_json::from_str(text).map_err(|e| refused(vec![of_syntax(&e)]))?;
    let (reader, wrong) = (Reader::new(text, strictness), Cell::new(false));
    let folder = path.parent().unwrap_or(Path::new(""));
    let tour = fields::tour(&Node::root(&value, &reader, &wrong), folder);
    let faults = reader.into_faults();
    match tour {
        Some(tour) if faults.iter().all(|fault| fault.severity == Severity::Warning) => Ok((tour, faults)),
        _ => Err(refused(faults)),
    }
}

fn of_syntax(error: &serde_json::Error) -> Fault {
    let text = error.to_string();
    let problem = match text.rfind(" at line ") {
        Some(end) => format!("this is no JSON: {}", &text[..end]),
        None => format!("this is no JSON: {text}"),
    };
    let line_column = Some((error.line(), error.column()));
    Fault { place: String::new(), line_column, problem, severity: Severity::Error }
}

#[cfg(test)]
mod tests;
