//! The report as text.

use origami::codec::JpegSimd;

use super::gpu;
use super::machine::{Cpu, Encoders, Jpeg, OpenSlide};
use super::report::Report;
use super::section::{Section, WIDTH, wrapped};
use super::tours::Tours;
use crate::cli::print::{human_bytes, say};

pub fn print(report: &Report) {
    say!("origami {} ({})", report.version, report.features.join(", "));
    cpu(&report.cpu).print();
    jpeg(&report.jpeg).print();
    encoders(&report.encoders).print();
    openslide(&report.openslide).print();
    report.tours.iter().for_each(|found| tours(found).print());
    gpu::sections(&report.adapters).iter().for_each(Section::print);
    let auto = [("encode", &report.auto.encode), ("decode", &report.auto.decode)];
    let section = auto.into_iter().fold(Section::new("--backend auto"), |section, (task, taken)| {
        section.row(task, &format!("{}: {}", taken.backend, taken.reason))
    });
    section.print();
    report.serve.iter().flat_map(|serve| serve.sections()).for_each(|section| section.print());
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

fn tours(tours: &Tours) -> Section {
    let ffmpeg = match (&tours.ffmpeg, &tours.ffmpeg_problem) {
        (Some(version), _) => version,
        (None, problem) => problem.as_deref().unwrap_or("not found"),
    };
    let chromium = tours.chromium.as_deref().unwrap_or("none: captions have no effects of CSS");
    Section::new("tours").row("ffmpeg", ffmpeg).row("chromium", chromium)
}

fn openslide(openslide: &OpenSlide) -> Section {
    let section = Section::new("openslide");
    match (&openslide.version, &openslide.library, &openslide.problem) {
        (Some(version), Some(library), _) => section.row("version", version).row("library", library),
        (_, _, problem) => section.row("none", problem.as_deref().unwrap_or("not found")),
    }
}
