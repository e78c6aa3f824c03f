//! Standard output: lines, and whether they could be written.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

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

/// Whether a line could not be written.
pub fn output_lost() -> bool {
    OUTPUT_LOST.load(Ordering::Relaxed)
}

/// Whether the user wants text without colours: <https://no-color.org>.
pub fn no_color() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

/// Bytes as text in decimal units, as disks are sold: `667 kB`, `1.21 GB`.
pub fn human_bytes(bytes: u64) -> String {
    let mut value = bytes as f64;
    for unit in ["B", "kB", "MB", "GB"] {
        if value < 1000.0 {
            return if unit == "B" || value >= 100.0 {
                format!("{value:.0} {unit}")
            } else {
                format!("{value:.2} {unit}")
            };
        }
        value /= 1000.0;
    }
    format!("{value:.2} TB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_three_digits_or_two_decimals() {
        let text = [0, 999, 1000, 52_184, 645_600, 1_213_000_000, 4 << 40].map(human_bytes);
        assert_eq!(text, ["0 B", "999 B", "1.00 kB", "52.18 kB", "646 kB", "1.21 GB", "4.40 TB"]);
    }
}
