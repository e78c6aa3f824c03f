//! `origami completions`: what a shell completes after `origami`.

use anyhow::Result;
use clap::{Args, Command};
use clap_complete::{Shell, generate};

use super::args::values::one_of;
use super::print::say;

/// Shells by name.
const SHELLS: &[(&str, Shell)] =
    &[("bash", Shell::Bash), ("zsh", Shell::Zsh), ("fish", Shell::Fish), ("powershell", Shell::PowerShell)];

/// Print a script that completes commands, flags and values in a shell.
///
/// bash loads it from ~/.local/share/bash-completion/completions/origami, zsh as _origami from a folder of $fpath, fish from
/// ~/.config/fish/completions/origami.fish. PowerShell needs a line in $PROFILE: `origami completions powershell | Out-String |
/// Invoke-Expression`.
#[derive(Args)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_parser = one_of(SHELLS), help_heading = "Input")]
    shell: Shell,
}

pub fn run(args: CompletionsArgs, mut command_line: Command) -> Result<()> {
    let mut script = Vec::new();
    generate(args.shell, &mut command_line, "origami", &mut script);
    say!("{}", String::from_utf8(script)?.trim_end());
    Ok(())
}
