//! Settings from variables of the environment and from a file, each checked alone, so that a message names its place.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::Result;
use toml::de::{DeTable, DeValue};

use super::settings::FILE;
use super::target::Target;
use crate::cli::fault::{Problem, Usage, usage};

/// Where a setting comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A variable of the environment.
    Variable(String),
    /// A line of a file, from 1.
    Line(PathBuf, usize),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Variable(name) => f.write_str(name),
            Origin::Line(path, line) => write!(f, "{}:{line}", path.display()),
        }
    }
}

impl Origin {
    /// A problem of what stands here.
    fn wrong(&self, problem: impl fmt::Display) -> anyhow::Error {
        match self {
            Origin::Variable(name) => Usage(format!("{name}: {problem}")).into(),
            Origin::Line(path, line) => Problem::line(path, *line, problem).into(),
        }
    }
}

/// A setting with a value that its flag takes.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The long name of its flag, or the name of a secret.
    pub name: String,
    /// The value; of a switch `true` or `false`.
    pub value: OsString,
    /// Where it stands.
    pub origin: Origin,
}

/// The settings of variables. Looks only at those with the prefix of the command.
///
/// # Errors
/// A name that is none of its settings; a wrong value.
pub fn variables(target: &Target, all: impl Iterator<Item = (OsString, OsString)>) -> Result<Vec<Setting>> {
    let variable = |name: &str| format!("{}{}", target.prefix, name.replace('-', "_").to_uppercase());
    let mut found = Vec::new();
    for (key, value) in all {
        let Some(key) = key.to_str().filter(|key| key.starts_with(target.prefix)) else { continue };
        let Some(name) = target.names().find(|name| variable(name) == key) else {
            let name = key[target.prefix.len()..].replace('_', "-").to_lowercase();
            usage!("{key}: no setting has this variable{}", nearest(&name, target.names(), variable));
        };
        let setting = Setting { name: name.into(), value, origin: Origin::Variable(key.into()) };
        found.push(check(target, setting)?);
    }
    Ok(found)
}

/// The settings of a file: `name = value`, in TOML.
///
/// # Errors
/// A file that cannot be read or is no TOML; a key that is none of the settings; a wrong value.
pub fn file(target: &Target, path: &Path) -> Result<Vec<Setting>> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| Problem::failed(path, format!("cannot read the settings: {source}")))?;
    let line = |at: usize| 1 + text.as_bytes().iter().take(at).filter(|&&byte| byte == b'\n').count();
    let table = DeTable::parse(&text).map_err(|e| {
        let at = e.span().map_or(0, |span| span.start);
        Problem::line(path, line(at), e.message())
    })?;
    let mut found = Vec::new();
    for (key, value) in table.get_ref() {
        let name = key.get_ref().as_ref();
        let origin = Origin::Line(path.into(), line(key.span().start));
        // Secrets have files and variables of their own.
        let known = |name: &str| name != FILE && !target.is_secret(name);
        if target.flag(name).is_none() || !known(name) {
            let names = target.names().filter(|name| known(name));
            let nearest = nearest(name, names, String::from);
            return Err(origin.wrong(format!("{name}: no such setting{nearest}")));
        }
        let Some(value) = plain(value.get_ref()) else {
            return Err(
                origin.wrong(format!("{name}: a value is a string in quotes, a number, true or false"))
            );
        };
        found.push(check(target, Setting { name: name.into(), value: value.into(), origin })?);
    }
    Ok(found)
}

/// A value as one writes it after a flag; `None` for lists, tables and times.
fn plain(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.to_string()),
        DeValue::Float(number) => Some(number.to_string()),
        DeValue::Boolean(is) => Some(is.to_string()),
        _ => None,
    }
}

/// Has the setting's flag parse its value.
fn check(target: &Target, setting: Setting) -> Result<Setting> {
    let Setting { name, value, origin } = &setting;
    if is_switch(target, name) {
        if value != "true" && value != "false" {
            return Err(origin.wrong(format!("{name}: {:?}: a switch is true or false", value.display())));
        }
    } else if !target.is_secret(name)
        && let Err(e) = target.parse(&[argument(name, value)])
    {
        let text = e.to_string();
        // The first paragraph; the others are about a command line.
        let lines = text.trim_start_matches("error: ").lines().map(str::trim);
        let first: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
        return Err(origin.wrong(first.join(" ")));
    }
    Ok(setting)
}

/// Whether a setting is on or off.
pub fn is_switch(target: &Target, name: &str) -> bool {
    target.flag(name).is_some_and(|flag| !flag.get_action().takes_values())
}

/// A flag with its value.
pub fn argument(name: &str, value: &OsStr) -> OsString {
    let mut argument = OsString::from(format!("--{name}="));
    argument.push(value);
    argument
}

/// The end of a message about an unknown name: the nearest known one as `shown`, if any is near.
fn nearest<'a>(
    name: &str,
    known: impl Iterator<Item = &'a str>,
    shown: impl Fn(&'a str) -> String,
) -> String {
    let near = known.map(|known| (strsim::jaro_winkler(name, known), known));
    match near.max_by(|a, b| a.0.total_cmp(&b.0)) {
        Some((likeness, known)) if likeness > LEAST_LIKENESS => format!("; the nearest is {}", shown(known)),
        _ => "; --print-config lists them all".into(),
    }
}

/// Least likeness of names, 0 to 1, at which one is shown for the other.
const LEAST_LIKENESS: f64 = 0.8;
