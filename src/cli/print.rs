//! Standard output: lines, and whether they could be written.

use std::borrow::Cow;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

pub use origami::report::numbers::human_bytes;

/// Prints a line on standard output; see [`print_line`].
macro_rules! say {
    ($($text:tt)*) => { $crate::cli::print::print_line(format_args!($($text)*)) };
}
pub(crate) use say;

/// Prints a line on standard error, for people.
macro_rules! note {
    ($($text:tt)*) => { eprintln!("{}", $crate::cli::print::visible(&format!($($text)*))) };
}
pub(crate) use note;

/// Text for a terminal: control characters, which names and metadata of files may hold, are written as escapes, but for tabs and ends of
/// lines. So are the characters that change the direction of what follows.
pub fn visible(text: &str) -> Cow<'_, str> {
    let hidden = |c: char| {
        (c.is_control() && !matches!(c, '\n' | '\t'))
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(hidden) {
        return Cow::Borrowed(text);
    }
    let escaped = |c: char| if hidden(c) { c.escape_default().to_string() } else { c.to_string() };
    Cow::Owned(text.chars().map(escaped).collect())
}

/// As [`visible`], on one line: a value must not begin a line that looks like another value.
pub fn one_line(text: &str) -> String {
    visible(text).replace('\n', "\\n")
}

/// Whether standard output refused a line.
static OUTPUT_LOST: AtomicBool = AtomicBool::new(false);

/// Prints a line. A closed pipe is no error, because its reader needs no more lines: the work goes on without them. Any other error,
/// such as a full disk, is remembered for [`output_lost`].
pub fn print_line(line: std::fmt::Arguments<'_>) {
    match writeln!(std::io::stdout().lock(), "{}", visible(&line.to_string())) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => OUTPUT_LOST.store(true, Ordering::Relaxed),
        _ => {}
    }
}

/// Goes back so many lines on a terminal and clears everything from there.
#[cfg(feature = "jobs")]
pub fn clear_lines(count: usize) {
    // What it does not clear stays on the screen, no more.
    drop(writeln!(std::io::stdout().lock(), "\x1b[{count}A\x1b[J"));
}

/// So many families, in words.
pub fn families(count: u64) -> String {
    if count == 1 { "1 family".into() } else { format!("{count} families") }
}

/// Whether a line could not be written.
pub fn output_lost() -> bool {
    OUTPUT_LOST.load(Ordering::Relaxed)
}

/// Whether the user wants text without colours: <https://no-color.org>.
pub fn no_color() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown_and_not_obeyed() {
        assert_eq!(
            visible("\x1b]0;owned\x07\r\u{9b}2J\u{202e}txt.exe"),
            "\\u{1b}]0;owned\\u{7}\\r\\u{9b}2J\\u{202e}txt.exe"
        );
        assert!(matches!(visible("a\tb\nM\u{fc}ller \u{2192}"), Cow::Borrowed(_)));
        assert_eq!(one_line("a\nfile  b\u{7f}"), "a\\nfile  b\\u{7f}");
    }
}
