//! Which commands take settings, and the settings of a run.

use std::collections::BTreeMap;
use std::ffi::OsString;

use serde::Serialize;

use crate::cli::json;
use crate::cli::print::say;

/// A command that takes settings from the environment and from a file.
pub struct Configurable {
    /// Its names after that of the program.
    pub path: &'static [&'static str],
    /// What its variables begin with.
    pub prefix: &'static str,
    /// Secrets that a variable may hold: the name of the setting, and the flag of a file that holds the same.
    pub secrets: &'static [(&'static str, &'static str)],
}

/// The flag of the file of settings.
pub const FILE: &str = "config";
/// Flags that are about one run: no settings.
pub const NO_SETTINGS: &[&str] = &["help", "version", "json", "print-config"];

/// The settings of a run, and where they come from.
#[derive(Default)]
pub struct Settings {
    pub rows: Vec<Row>,
    pub secrets: BTreeMap<String, Secret>,
}

/// A secret from a variable.
pub struct Secret {
    /// The variable's name.
    pub variable: String,
    /// What it holds.
    pub contents: OsString,
}

impl Settings {
    /// The secret `name`, where a variable holds it.
    pub fn secret(&self, name: &str) -> Option<&Secret> {
        self.secrets.get(name)
    }
}

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
