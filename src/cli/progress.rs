//! The progress bar: on a terminal only, on standard error only.

use std::fmt::Write;
use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

/// A bar over families with rate and time left; draws nothing when quiet or where standard error is no terminal.
pub fn families(total: u64, quiet: bool) -> ProgressBar {
    let hidden = quiet || !std::io::stderr().is_terminal();
    let target = if hidden { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let style = ProgressStyle::with_template("{bar:32} {pos}/{len} families  {rate}  {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .with_key("rate", |state: &ProgressState, out: &mut dyn Write| {
            // An error of drawing must not stop the work.
            write!(out, "{:.0} a second", state.per_sec()).ok();
        });
    ProgressBar::with_draw_target(Some(total), target).with_style(style)
}
