//! Standard output: lines, and whether they could be written.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

pub use origami::report::numbers::human_bytes;

/// Prints a line on standard output; see [`print_line`].
macro_rules! say {
    ($($text:tt)*) => { $crate::cli::print::print_line(format_args!($($text)*)) };
}
pub(crate) use say;

/// Whether standard output refused a line.
static OUTPUT_LOST: AtomicBool = AtomicBool::new(false);

/// Prints a line. A closed pipe is no error, because its reader needs no more lines: the work goes on without them. Any other error,
/// such as a full disk, is remembered for [`output_lost`].
pub fn print_line(line: std::fmt::Arguments<'_>) {
    match writeln!(std::io::stdout().lock(), "{line}") {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => OUTPUT_LOST.store(true, Ordering::Relaxed),
        _ => {}
    }
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
