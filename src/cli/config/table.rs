//! The values of a run and where each comes from, for --print-config. Secrets are never shown.

use clap::{Arg, ArgMatches};

use super::layers::{Given, Layers};
use super::settings::Row;
use super::source::Origin;

/// All rows, sorted by name.
pub fn rows(layers: &Layers<'_>, matches: &ArgMatches) -> Vec<Row> {
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
    // A list as it is given: with commas.
    let parsed =
        matches.get_raw(arg.get_id().as_str()).map(|values| values.collect::<Vec<_>>().join(",".as_ref()));
    let parsed = parsed.as_deref();
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
