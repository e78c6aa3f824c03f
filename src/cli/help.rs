//! What every command's help has: examples, width, order.
//!
//! `-h` is a page of a terminal: what most people need. `--help` has every flag. A flag that only `--help` has is marked
//! `hide_short_help` where it is declared.

use clap::error::{ContextKind, ContextValue};
use clap::{Arg, ArgAction, Command};

use super::examples::{self, Example};
use super::fault::EXIT_CODES;

/// Columns of help, in files and on terminals that are wider.
const WIDTH: usize = 100;

/// What people type for a command, and the command.
const OTHER_NAMES: &[(&str, &str)] = &[
    ("check", "verify"),
    ("cut", "crop"),
    ("diff", "compare"),
    ("export", "convert"),
    ("estimate", "encode --estimate"),
    ("extract", "decode"),
    ("info", "inspect"),
    ("plot", "inspect --plot"),
    ("report", "encode --report"),
    ("test", "verify"),
    ("view", "serve --open"),
];

/// Names the command that was meant, where another word for it was typed.
pub fn suggest(error: &mut clap::Error) {
    let Some(ContextValue::String(typed)) = error.get(ContextKind::InvalidSubcommand) else { return };
    if let Some((_, command)) = OTHER_NAMES.iter().find(|(name, _)| name == typed) {
        let names = ContextValue::Strings(vec![(*command).into()]);
        error.insert(ContextKind::SuggestedSubcommand, names);
    }
}

/// Adds help to the program's command line.
pub fn complete(command_line: Command) -> Command {
    with_help(command_line, "")
}

/// Gives a command and its subcommands what all of them have. `path` is how it is called, after `origami`.
fn with_help(command: Command, path: &str) -> Command {
    let help = Arg::new("help").short('h').long("help").action(ArgAction::Help).help_heading("Help");
    let (examples, mut order) = (examples::of(path), 0);
    command
        .max_term_width(WIDTH)
        .disable_help_flag(true)
        .arg(help.help("Print help: -h a page of it, --help everything"))
        .mut_args(|arg| {
            // As declared, but arguments before the flags of their group.
            order += 1;
            let place = if arg.is_positional() { 0 } else { order };
            arg.display_order(place)
        })
        .after_help(short(examples))
        .after_long_help(if path.is_empty() { exit_codes() + &long(examples) } else { long(examples) })
        .mut_subcommands(|command| {
            let path = format!("{path} {}", command.get_name());
            with_help(command, path.trim_start())
        })
}

/// The end of `-h`.
fn short(examples: &[Example]) -> String {
    let lines: String = examples.iter().map(|example| format!("  {}\n", example.command)).collect();
    format!("Examples:\n{lines}\n--help has everything: all flags, their ranges, what the examples do.")
}

/// The end of `--help`.
fn long(examples: &[Example]) -> String {
    let lines = examples.iter().map(|example| format!("  # {}\n  {}\n", example.does, example.command));
    format!("Examples:\n{}", lines.collect::<Vec<_>>().join("\n").trim_end())
}

/// What stands before the examples of the program's own `--help`.
fn exit_codes() -> String {
    let lines = EXIT_CODES.map(|(code, meaning)| format!("  {code:<5}{meaning}\n"));
    format!("Exit codes:\n{}\n", lines.concat())
}
