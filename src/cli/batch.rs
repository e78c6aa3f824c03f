//! Several inputs, one after the other: what is printed, and the exit code.
//!
//! One input that was given by itself behaves as if there were no list: its error is the error of the run, its object the object of
//! the run.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use serde_json::{Value, json};

use super::fault::{Exit, Fault};
use super::inputs::{Input, Inputs};
use super::json;
use super::print::{note, say};

/// How a list is worked on.
pub struct Batch {
    /// The command's name, for JSON.
    pub command: &'static str,
    /// The result in a word, for the summary: "encoded".
    pub done: &'static str,
    /// Whether the result is one JSON object.
    pub json: bool,
    /// Whether a summary is printed.
    pub summary: bool,
    /// Whether the inputs after one that fails are worked on.
    pub keep_going: bool,
}

/// The result of one input.
pub struct Outcome {
    /// Its JSON object.
    pub value: Value,
    /// Its exit code: good, or damaged where that is the answer and not an error.
    pub exit: Exit,
    /// Whether there was nothing to do.
    pub skipped: bool,
}

impl Outcome {
    /// A result that is as it should be.
    pub fn good(value: Value) -> Self {
        Self { value, exit: Exit::Good, skipped: false }
    }

    /// An input that was left as it is.
    pub fn skipped(value: Value) -> Self {
        Self { value, exit: Exit::Good, skipped: true }
    }
}

/// Inputs by their result.
#[derive(Default)]
struct Counts {
    done: usize,
    skipped: usize,
    failed: usize,
}

impl Batch {
    /// Works on every input and reports.
    ///
    /// # Errors
    /// That of the input, if it is the only one.
    pub fn run(&self, inputs: &Inputs, mut each: impl FnMut(&Input) -> Result<Outcome>) -> Result<ExitCode> {
        if let ([input], false) = (&inputs.list[..], inputs.several) {
            let outcome = each(input)?;
            if self.json {
                json::print(self.command, outcome.value)?;
            }
            return Ok(outcome.exit.into());
        }
        let (mut counts, mut exit, mut results) = (Counts::default(), Exit::Good, Vec::new());
        let mut left = inputs.list.iter();
        for input in left.by_ref() {
            let one = match each(input) {
                Ok(outcome) => {
                    let damaged = outcome.exit != Exit::Good;
                    let count = match (damaged, outcome.skipped) {
                        (true, _) => &mut counts.failed,
                        (_, true) => &mut counts.skipped,
                        _ => &mut counts.done,
                    };
                    *count += 1;
                    results.push(outcome.value);
                    outcome.exit
                }
                Err(error) => {
                    counts.failed += 1;
                    let fault = Fault::of(&error);
                    note!("origami: {}", fault.message);
                    results.push(json!({"path": input.path, "error": fault}));
                    Exit::of(&error)
                }
            };
            exit = exit.worst(one);
            if one == Exit::Interrupted || (one != Exit::Good && !self.keep_going) {
                break;
            }
        }
        let left: Vec<_> = left.map(|input| &*input.path).collect();
        self.report(&counts, &left, results, exit)?;
        Ok(exit.into())
    }

    fn report(&self, counts: &Counts, left: &[&Path], results: Vec<Value>, exit: Exit) -> Result<()> {
        let Counts { done, skipped, failed } = *counts;
        if self.json {
            let summary =
                json!({"done": done, "skipped": skipped, "failed": failed, "not_tried": left.len()});
            let body = json!({"results": results, "summary": summary, "not_tried": left});
            json::print(self.command, body)?;
        } else if self.summary || failed > 0 {
            let counts = [(skipped, "skipped"), (failed, "failed"), (left.len(), "not tried")];
            let mut line = format!("{done} {}", self.done);
            for (count, word) in counts.into_iter().filter(|(count, _)| *count > 0) {
                line += &format!(", {count} {word}");
            }
            if !left.is_empty() && exit != Exit::Interrupted {
                line += "; --keep-going goes on after a failure";
            }
            say!("{line}");
        }
        Ok(())
    }
}
