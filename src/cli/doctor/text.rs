//! The report for people: short sections of aligned rows, no line longer than [`WIDTH`] unless one word is.

use origami::codec::JpegSimd;

use super::machine::{Cpu, Encoders, Jpeg, OpenSlide};
use super::{Report, gpu};
use crate::cli::human_bytes;

const WIDTH: usize = 100;
/// Where values begin.
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

    fn print(&self) {
        say!("\n{}", self.title);
        for (label, value) in &self.rows {
            for (i, line) in wrapped(value, WIDTH - INDENT).iter().enumerate() {
                say!("  {:<1$}{line}", if i == 0 { label } else { "" }, INDENT - 2);
            }
        }
    }
}

pub fn print(report: &Report) {
    say!("origami {} ({})", report.version, report.features.join(", "));
    cpu(&report.cpu).print();
    jpeg(&report.jpeg).print();
    encoders(&report.encoders).print();
    openslide(&report.openslide).print();
    gpu::sections(&report.adapters).iter().for_each(Section::print);
    let auto = [("encode", &report.auto.encode), ("decode", &report.auto.decode)];
    let section = auto.into_iter().fold(Section::new("--backend auto"), |section, (task, taken)| {
        section.row(task, &format!("{}: {}", taken.backend, taken.reason))
    });
    section.print();
    say!("\nadvice");
    if report.advice.is_empty() {
        say!("  none: everything that ORIGAMI can use is here and works");
    }
    for sentence in &report.advice {
        for (i, line) in wrapped(sentence, WIDTH - 4).iter().enumerate() {
            say!("  {} {line}", if i == 0 { "-" } else { " " });
        }
    }
}

fn cpu(cpu: &Cpu) -> Section {
    let section = Section::new("cpu");
    let section = cpu.model.iter().fold(section, |section, model| section.row("model", model));
    let kernels = match cpu.lowered {
        true => format!("{}, lowered from {} by ORIGAMI_CPU", cpu.level, cpu.best_level),
        false => cpu.level.into(),
    };
    let section = section.row("cores", &cpu.cores.to_string()).row("kernels", &kernels);
    let memory = cpu.free_memory_bytes.map(|bytes| format!("{} free", human_bytes(bytes)));
    memory.iter().fold(section, |section, memory| section.row("memory", memory))
}

fn jpeg(jpeg: &Jpeg) -> Section {
    let simd = match jpeg.simd {
        JpegSimd::On => "on",
        JpegSimd::Off => "off: JSIMD_FORCENONE=1",
        JpegSimd::NotBuilt => "not built in",
    };
    Section::new("jpeg").row("library", &format!("{} {}", jpeg.library, jpeg.version)).row("simd", simd)
}

fn encoders(encoders: &Encoders) -> Section {
    let section = Section::new("encoders").row("built", &encoders.built.join(", "));
    match (&encoders.libjxl, &encoders.libjxl_problem) {
        (Some(found), _) => section.row("jpegxl", found),
        (None, Some(problem)) => section.row("jpegxl", &format!("no libjxl: {problem}")),
        (None, None) => section,
    }
}

fn openslide(openslide: &OpenSlide) -> Section {
    let section = Section::new("openslide");
    match (&openslide.version, &openslide.library, &openslide.problem) {
        (Some(version), Some(library), _) => section.row("version", version).row("library", library),
        (_, _, problem) => section.row("none", problem.as_deref().unwrap_or("not found")),
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

/// Lines of whole words; a longer word has a line of its own.
fn wrapped(text: &str, width: usize) -> Vec<String> {
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
