//! `origami man`: a man page for each command, from the same declarations as its help.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, Command};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use origami::pyramid::write::write_whole;

use super::examples;
use super::fault::EXIT_CODES;
use super::print::say;

/// Write a man page for each command.
///
/// man finds them below a folder of its path: ~/.local/share/man/man1 for one user, /usr/local/share/man/man1 for all. Pages that are
/// there are replaced.
#[derive(Args)]
pub struct ManArgs {
    /// Where the pages go; made if it is not there
    #[arg(value_name = "DIR", help_heading = "Output")]
    dir: PathBuf,
}

const FILES: [(&str, &str); 4] = [
    (
        "residual_packs/residuals.bundle",
        "A slide in one file: what encode writes, and decode and serve read.",
    ),
    ("residual_packs/X_Y.pack", "One family: what encode --pack writes beside the bundle."),
    ("baseline_pyramid.dzi, baseline_pyramid_files/", "A Deep Zoom tree: what pyramid writes."),
    ("decoded_pyramid.dzi, decoded_pyramid_files/", "A Deep Zoom tree: what decode writes."),
];

const ENVIRONMENT: [(&str, &str); 14] = [
    ("AWS_*", "Credentials, region and endpoint of s3:// addresses."),
    ("AZURE_*", "Credentials and endpoint of az:// addresses."),
    ("CHROMIUM", "The Chromium that is tried first for captions with effects of CSS."),
    ("GOOGLE_*", "Credentials of gs:// addresses."),
    ("NO_COLOR", "If it is set and not empty, no colours are used."),
    ("ORIGAMI_CPU", "scalar: plain code instead of SIMD. The same bytes, slower."),
    ("ORIGAMI_LIBJXL", "The path of the libjxl to use, and of no other."),
    ("ORIGAMI_OPENSLIDE", "The path of the OpenSlide library to use, and of no other."),
    ("ORIGAMI_SERVE_*", "A flag of serve: ORIGAMI_SERVE_PORT is --port, which takes precedence."),
    ("OTEL_*", "Where serve sends traces, in a build with the feature otel."),
    ("RUST_LOG", "How much is logged to standard error: error, warn (default), info, debug, trace."),
    ("WGPU_ADAPTER_NAME", "A part of the name of the adapter to use. --gpu-adapter takes precedence."),
    ("WGPU_BACKEND", "Only adapters of these APIs: vulkan, metal, dx12."),
    ("WGPU_POWER_PREF", "low: the integrated GPU before the discrete one."),
];

pub fn run(args: ManArgs, command_line: Command) -> Result<()> {
    fs::create_dir_all(&args.dir)
        .with_context(|| format!("cannot make the directory {}", args.dir.display()))?;
    // The pages of `help` itself would only repeat the others.
    let mut command = command_line.disable_help_subcommand(true);
    command.build();
    let mut pages = Vec::new();
    collect(&command, "", &mut pages)?;
    for (name, page) in &pages {
        write_whole(&args.dir.join(name), page)?;
    }
    say!("{}: {} pages", args.dir.display(), pages.len());
    Ok(())
}

/// The file name and the text of a command's page, and of those of its subcommands.
fn collect(command: &Command, path: &str, pages: &mut Vec<(String, Vec<u8>)>) -> Result<()> {
    let man = Man::new(command.clone());
    let mut page = Vec::new();
    let version = concat!("origami ", env!("CARGO_PKG_VERSION"));
    let name = man.get_filename();
    // Without a date, so that equal sources give equal pages.
    writeln!(page, ".TH {} 1 \"\" \"{version}\" ORIGAMI", name.trim_end_matches(".1"))?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    sections(path).to_writer(&mut page)?;
    pages.push((name, page));
    for sub in command.get_subcommands() {
        collect(sub, format!("{path} {}", sub.get_name()).trim_start(), pages)?;
    }
    Ok(())
}

/// The sections that clap does not know.
fn sections(path: &str) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["EXAMPLES"]);
    for example in examples::of(path) {
        roff.control("TP", []).text([roman(example.does)]).text([bold(example.command)]);
    }
    for (title, rows) in [("EXIT STATUS", &EXIT_CODES[..]), ("FILES", &FILES), ("ENVIRONMENT", &ENVIRONMENT)]
    {
        roff.control("SH", [title]);
        for (name, text) in rows {
            roff.control("TP", []).text([bold(*name)]).text([roman(*text)]);
        }
    }
    roff
}
