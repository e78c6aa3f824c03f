//! What --print-config shows: each value and where it comes from. Secrets are never shown.

use clap::{Arg, ArgMatches};
use serde::Serialize;

use super::Settings;
use super::layers::{Given, Layers};
use super::source::Origin;
use crate::cli::json;
use crate::cli::print::say;

/// A value and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The setting.
    pub name: String,
    /// Its value; `None` where it has none.
    pub value: Option<String>,
    /// `default`, `flag`, `environment` or `file`.
    pub from: &'static str,
    /// The variable, or the file and its line.
    pub at: Option<String>,
}

/// All rows, sorted by name.
pub(super) fn rows(layers: &Layers<'_>, matches: &ArgMatches) -> Vec<Row> {
    let mut rows: Vec<_> = layers.all().filter_map(|arg| row(layers, matches, arg)).collect();
    rows.sort_by(|a, b| a.name.cmp(&b.name));
    rows
}

fn row(layers: &Layers<'_>, matches: &ArgMatches, arg: &Arg) -> Option<Row> {
    let origin = layers.origin(arg);
    let is_positional = arg.get_long().is_none();
    if origin.is_none() && (is_positional || layers.is_excluded(arg)) {
        return None;
    }
    let name =
        arg.get_long().map(str::to_string).or_else(|| Some(arg.get_value_names()?.first()?.to_string()))?;
    let parsed = matches.get_raw(arg.get_id().as_str()).and_then(|mut values| values.next());
    let (value, from, at) = match origin {
        None => (parsed, "default", None),
        Some(Given::Argument) => (parsed, "flag", None),
        Some(Given::Setting(setting)) => {
            let value = if layers.is_secret(arg) { "set".as_ref() } else { setting.value.as_os_str() };
            let from = match setting.origin {
                Origin::Variable(_) => "environment",
                Origin::Line(..) => "file",
            };
            (Some(value), from, Some(setting.origin.to_string()))
        }
    };
    Some(Row { name, value: value.map(|value| value.to_string_lossy().into_owned()), from, at })
}

impl Settings {
    /// Prints every value and where it comes from.
    pub fn print(&self, command: &str, as_json: bool) -> serde_json::Result<()> {
        if as_json {
            return json::print(command, serde_json::json!({"settings": self.rows}));
        }
        let width = |of: fn(&Row) -> usize| self.rows.iter().map(of).max().unwrap_or(0);
        let name = width(|row| row.name.len());
        let value = width(|row| row.shown().len());
        for row in &self.rows {
            let from = row.at.as_deref().unwrap_or(row.from);
            say!("{:name$}  {:value$}  {from}", row.name, row.shown());
        }
        Ok(())
    }
}

impl Row {
    fn shown(&self) -> &str {
        self.value.as_deref().unwrap_or("unset")
    }
}
