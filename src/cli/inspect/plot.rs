//! `inspect --plot`: where the bytes lie, as a picture or a page.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use origami::archive::Archive;
use origami::pyramid::write::write_whole;
use origami::report::html;
use origami::report::plot::{bytes, png, svg};
use origami::report::sizes::Sizes;

use crate::cli::fault::usage;
use crate::cli::inputs::Input;
use crate::cli::place;
use crate::cli::sources::Sources;

/// The flags of the plot.
#[derive(Args)]
pub struct PlotArgs {
    /// Draw where the bytes of one bundle or pack lie: .png, .svg or .html [default: none]
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    plot: Option<PathBuf>,
    /// Leave the slide's name out of the plot
    #[arg(long, requires = "plot", help_heading = "Safety")]
    no_names: bool,
    /// Replace a plot that is there
    #[arg(long, requires = "plot", help_heading = "Safety")]
    overwrite: bool,
}

enum Format {
    Png,
    Svg,
    Html,
}

impl PlotArgs {
    /// Whether there is a file to write.
    pub fn is_wanted(&self) -> bool {
        self.plot.is_some()
    }

    /// Refuses a file of another kind.
    pub fn check(&self) -> Result<()> {
        self.plot.as_deref().map_or(Ok(()), |file| format(file).map(drop))
    }

    /// Refuses a file that is there, and one of the inputs in any case.
    pub fn check_place(&self, inputs: &[Input]) -> Result<()> {
        let Some(file) = &self.plot else { return Ok(()) };
        Sources::of(inputs).spare_file(file)?;
        place::refuse_existing(file, self.overwrite)
    }

    /// Writes the plot of an archive, if one is wanted; returns where it is.
    pub fn write(&self, archive: &Archive, sizes: &Sizes<'_>) -> Result<Option<&Path>> {
        let Some(file) = &self.plot else { return Ok(None) };
        let drawing = bytes::sheet(archive, sizes, !self.no_names)?;
        let contents = match format(file)? {
            Format::Png => png::encode(&drawing)?,
            Format::Svg => svg::document(&drawing)?.into_bytes(),
            Format::Html => html::of_drawing(&drawing, "Where the bytes lie")?.into_bytes(),
        };
        write_whole(file, &contents)?;
        Ok(Some(file))
    }
}

fn format(file: &Path) -> Result<Format> {
    let extension = file.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    Ok(match extension.as_str() {
        "png" => Format::Png,
        "svg" => Format::Svg,
        "html" | "htm" => Format::Html,
        _ => usage!("--plot {}: the name must end in .png, .svg or .html", file.display()),
    })
}
