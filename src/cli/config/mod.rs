//! Settings of servers: flags override variables of the environment, these override a file, and that the defaults.
//!
//! clap's description of a command stays the only list of its flags. A setting from a variable or a file becomes an argument of
//! the command line, so that the parser of the flag reads it.
//!
//! ```text
//! target   a command that takes settings, as clap describes it
//! source   settings from variables and from a file
//! layers   which of them count
//! table    what --print-config shows
//! ```

mod layers;
mod source;
mod table;
mod target;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use anyhow::Result;
use clap::Command;

use self::layers::Layers;
use self::table::Row;
use self::target::Target;

/// A command that takes settings from the environment and from a file.
struct Configurable {
    /// Its names after that of the program.
    path: &'static [&'static str],
    /// What its variables begin with.
    prefix: &'static str,
    /// Secrets that a variable may hold: the name of the setting, and the flag of a file that holds the same.
    secrets: &'static [(&'static str, &'static str)],
}

/// All such commands.
const CONFIGURABLE: &[Configurable] = &[Configurable {
    path: &["serve"],
    prefix: "ORIGAMI_SERVE_",
    secrets: &[("token", "token-file"), ("signing-key", "signing-key-file")],
}];

/// The flag of the file of settings.
const FILE: &str = "config";
/// Flags that are about one run: no settings.
const NO_SETTINGS: &[&str] = &["help", "version", "json", "print-config"];

/// The settings of a run, and where they come from.
#[derive(Default)]
pub struct Settings {
    rows: Vec<Row>,
    secrets: BTreeMap<String, Secret>,
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

/// Adds the settings of `variables` and of a file to `arguments`, those of the program `command`. The arguments of a command that
/// takes no settings stay as they are, and so do arguments that clap will refuse.
///
/// # Errors
/// A usage error for a setting that is unknown or has a wrong value; a file that cannot be read.
pub fn settle(
    command: &Command,
    mut arguments: Vec<OsString>,
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> Result<(Vec<OsString>, Settings)> {
    let Some((target, at)) = Target::find(CONFIGURABLE, command, &arguments) else {
        return Ok((arguments, Settings::default()));
    };
    let Ok(given) = target.parse(&arguments[at..]) else { return Ok((arguments, Settings::default())) };
    let mut layers = Layers::new(&target, &given);
    layers.add(source::variables(&target, variables)?)?;
    if let Some(file) = layers.value(FILE, &given) {
        layers.add(source::file(&target, Path::new(&file))?)?;
    }
    arguments.splice(at..at, layers.arguments());
    let settings = layers.settings(&arguments[at..]);
    Ok((arguments, settings))
}
