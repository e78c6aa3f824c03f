//! Sections of the report as text: aligned rows, no line longer than [`WIDTH`] unless a single word is.

use crate::cli::print::say;

/// Characters of a line.
pub const WIDTH: usize = 100;
/// Column in which values begin.
const INDENT: usize = 13;

/// A heading and its rows.
pub struct Section {
    title: String,
    rows: Vec<(&'static str, String)>,
}

impl Section {
    pub fn new(title: &str) -> Self {
        Self { title: title.into(), rows: Vec::new() }
    }

    pub fn row(mut self, label: &'static str, value: &str) -> Self {
        self.rows.push((label, value.into()));
        self
    }

    pub fn print(&self) {
        say!("\n{}", self.title);
        for (label, value) in &self.rows {
            for (i, line) in wrapped(value, WIDTH - INDENT).iter().enumerate() {
                say!("  {:<1$}{line}", if i == 0 { label } else { "" }, INDENT - 2);
            }
        }
    }
}

/// Bytes as limits are stated: `128 MiB`, `48 KiB`.
#[cfg_attr(not(feature = "gpu"), allow(dead_code))]
pub fn binary_bytes(bytes: u64) -> String {
    let units = [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")];
    match units.into_iter().find(|(shift, _)| bytes >> shift > 0) {
        Some((shift, unit)) => {
            let value = format!("{:.1}", bytes as f64 / (1u64 << shift) as f64);
            format!("{} {unit}", value.trim_end_matches(".0"))
        }
        None => format!("{bytes} B"),
    }
}

/// Breaks text into lines of whole words; a word longer than `width` gets a line of its own.
pub fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let Some(line) = lines.last_mut() else { break };
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() <= width {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.into());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_filled_and_never_longer() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("a considerable b", 5), ["a", "considerable", "b"]);
        assert_eq!(wrapped("", 5), [""]);
    }

    #[test]
    fn limits_are_in_powers_of_two() {
        let text = [0, 1023, 32768, 134217728, 2147483647, 1 << 45].map(binary_bytes);
        assert_eq!(text, ["0 B", "1023 B", "32 KiB", "128 MiB", "2 GiB", "32 TiB"]);
    }
}
