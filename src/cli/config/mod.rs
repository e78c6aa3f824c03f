//! Settings of servers: flags override variables of the environment, these override a file, and that the defaults.
//!
//! clap's description of a command stays the only list of its flags. A setting from a variable or a file becomes an argument of
//! the command line, so that the parser of the flag reads it.
//!
//! ```text
//! settings which commands take settings, and the result
//! target   a command that takes settings, as clap describes it
//! source   settings from variables and from a file
//! layers   which of them count
//! table    what --print-config shows
//! ```

mod layers;
mod settings;
mod source;
mod table;
mod target;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::path::Path;

use anyhow::Result;
use clap::Command;

use self::layers::Layers;
use self::settings::{Configurable, FILE};
use self::target::Target;

pub use self::settings::Settings;

/// All such commands.
const CONFIGURABLE: &[Configurable] = &[Configurable {
    path: &["serve"],
    prefix: "ORIGAMI_SERVE_",
    secrets: &[("token", "token-file"), ("signing-key", "signing-key-file")],
}];

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
    let rows = target.parse(&arguments[at..]).map(|matches| table::rows(&layers, &matches));
    let settings = Settings { rows: rows.unwrap_or_default(), secrets: layers.secrets() };
    Ok((arguments, settings))
}
