//! Which settings count: those of a higher layer, and of a lower one what does not contradict them.

use std::collections::BTreeMap;
use std::ffi::OsString;

use anyhow::Result;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches};

use super::settings::Secret;
use super::source::{Origin, Setting, argument, is_switch};
use super::target::Target;
use crate::cli::fault::usage;

/// The command line, and the settings that count below it.
pub struct Layers<'a> {
    target: &'a Target,
    /// What the command line gives.
    given: Vec<&'a Arg>,
    settings: Vec<Setting>,
}

impl<'a> Layers<'a> {
    /// The highest layer: the command line.
    pub fn new(target: &'a Target, matches: &ArgMatches) -> Self {
        let is_given =
            |arg: &&Arg| matches.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine);
        Self { target, given: target.arguments().filter(is_given).collect(), settings: Vec::new() }
    }

    /// Adds a layer below the others. A setting is left out where a higher layer has it, or has one that excludes it.
    ///
    /// # Errors
    /// Two settings of the layer that exclude each other.
    pub fn add(&mut self, layer: Vec<Setting>) -> Result<()> {
        let above = self.settings.len();
        for setting in layer {
            let Some(flag) = self.target.flag(&setting.name) else { continue };
            let excludes = |other: &Arg| other.get_id() == flag.get_id() || self.target.conflict(other, flag);
            let of = |other: &Setting| self.target.flag(&other.name).is_some_and(excludes);
            if self.given.iter().copied().any(excludes) || self.settings[..above].iter().any(of) {
                continue;
            }
            if let Some(other) = self.settings[above..].iter().find(|other| of(other)) {
                usage!("{} and {} exclude each other; leave one of them out", other.origin, setting.origin);
            }
            self.settings.push(setting);
        }
        Ok(())
    }

    /// The value of a setting: of the command line, else of the layers so far.
    pub fn value(&self, name: &str, matches: &ArgMatches) -> Option<OsString> {
        let flag = self.target.flag(name)?;
        let given = matches.get_raw(flag.get_id().as_str()).and_then(|mut values| values.next());
        let below =
            || self.settings.iter().find(|setting| setting.name == name).map(|setting| setting.value.clone());
        given.map(Into::into).or_else(below)
    }

    /// The settings below the command line as arguments.
    pub fn arguments(&self) -> Vec<OsString> {
        let plain = self.settings.iter().filter(|setting| !self.target.is_secret(&setting.name));
        plain
            .filter_map(|Setting { name, value, .. }| match is_switch(self.target, name) {
                true => (value == "true").then(|| format!("--{name}").into()),
                false => Some(argument(name, value)),
            })
            .collect()
    }

    /// The secrets that variables hold.
    pub fn secrets(self) -> BTreeMap<String, Secret> {
        let secrets = self.settings.into_iter().filter(|setting| self.target.is_secret(&setting.name));
        let secrets = secrets.filter_map(|Setting { name, value, origin }| match origin {
            Origin::Variable(variable) => Some((name, Secret { variable, contents: value })),
            Origin::Line(..) => None,
        });
        secrets.collect()
    }

    /// Every argument of the command.
    pub(super) fn all(&self) -> impl Iterator<Item = &'a Arg> + use<'a> {
        self.target.arguments()
    }

    /// Whether an argument is a secret.
    pub(super) fn is_secret(&self, arg: &Arg) -> bool {
        arg.get_long().is_some_and(|name| self.target.is_secret(name))
    }

    /// Where the value of an argument comes from; `None` for its default.
    pub(super) fn origin(&self, arg: &Arg) -> Option<Given<'_>> {
        if self.given.iter().any(|given| given.get_id() == arg.get_id()) {
            return Some(Given::Argument);
        }
        let setting = self.settings.iter().find(|setting| Some(setting.name.as_str()) == arg.get_long());
        setting.map(Given::Setting)
    }

    /// Whether something that was given excludes an argument, so that its default means nothing.
    pub(super) fn is_excluded(&self, arg: &Arg) -> bool {
        self.given.iter().any(|given| self.target.conflict(given, arg))
            || self.settings.iter().any(|setting| {
                self.target.flag(&setting.name).is_some_and(|flag| self.target.conflict(flag, arg))
            })
    }
}

/// Where a value comes from that is no default.
pub(super) enum Given<'a> {
    /// An argument of the command line.
    Argument,
    /// A setting.
    Setting(&'a Setting),
}
