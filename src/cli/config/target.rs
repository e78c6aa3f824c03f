//! A command that takes settings, as clap describes it.

use std::ffi::OsString;

use clap::{Arg, ArgMatches, Command};

use super::settings::{Configurable, NO_SETTINGS};

/// A command that takes settings.
pub struct Target {
    /// What its variables begin with.
    pub prefix: &'static str,
    /// The command alone. No flag is required, because a setting may take its place, and each secret is a flag.
    command: Command,
    secrets: &'static [(&'static str, &'static str)],
}

impl Target {
    /// The command that `arguments` run, and where its own arguments begin; `None` for a command that takes no settings.
    pub fn find(of: &[Configurable], program: &Command, arguments: &[OsString]) -> Option<(Self, usize)> {
        let (of, at) = of.iter().find_map(|of| Some((of, end_of(of.path, arguments)?)))?;
        let command =
            of.path.iter().try_fold(program, |command, name| command.find_subcommand(name))?.clone();
        let mut command = command.mut_args(|arg| arg.required(false));
        for (secret, file) in of.secrets {
            let file = command.get_arguments().find(|arg| arg.get_long() == Some(file))?.get_id().clone();
            command = command.arg(Arg::new(*secret).long(*secret).conflicts_with(file));
        }
        Some((Self { prefix: of.prefix, command, secrets: of.secrets }, at))
    }

    /// Parses arguments of the command.
    pub fn parse(&self, arguments: &[OsString]) -> Result<ArgMatches, clap::Error> {
        let name = OsString::from(self.command.get_name());
        self.command.clone().try_get_matches_from(std::iter::once(&name).chain(arguments))
    }

    /// Every argument, flags and others.
    pub fn arguments(&self) -> impl Iterator<Item = &Arg> {
        self.command
            .get_arguments()
            .filter(|arg| !arg.get_long().is_some_and(|name| NO_SETTINGS.contains(&name)))
    }

    /// The flag of a setting by its name.
    pub fn flag(&self, name: &str) -> Option<&Arg> {
        self.arguments().find(|arg| arg.get_long() == Some(name))
    }

    /// The names of all settings.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.arguments().filter_map(Arg::get_long)
    }

    /// Whether a setting is a secret.
    pub fn is_secret(&self, name: &str) -> bool {
        self.secrets.iter().any(|(secret, _)| *secret == name)
    }

    /// Whether two arguments exclude each other.
    pub fn conflict(&self, a: &Arg, b: &Arg) -> bool {
        let excludes = |a, b: &Arg| {
            self.command.get_arg_conflicts_with(a).iter().any(|other| other.get_id() == b.get_id())
        };
        excludes(a, b) || excludes(b, a)
    }
}

/// Where the arguments of a command begin; `None` if `arguments` run another one.
fn end_of(path: &[&str], arguments: &[OsString]) -> Option<usize> {
    let words = arguments.iter().enumerate().skip(1);
    let mut words = words.filter(|(_, word)| !word.as_encoded_bytes().starts_with(b"-"));
    let mut end = None;
    for name in path {
        let (at, word) = words.next()?;
        if word != name {
            return None;
        }
        end = Some(at + 1);
    }
    end
}
