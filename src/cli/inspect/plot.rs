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

/// The flags of the plot.
#[derive(Args)]
pub struct PlotArgs {
    /// Draw where the bytes lie over the slide: .png, .svg or .html
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
    /// Leave the slide's name out of the plot
    #[arg(long, requires = "plot")]
    no_names: bool,
}

enum Format {
    Png,
    Svg,
    Html,
}

impl PlotArgs {
    /// The file to write.
    pub fn file(&self) -> Option<&Path> {
        self.plot.as_deref()
    }

    /// Refuses a file of another kind.
    pub fn check(&self) -> Result<()> {
        self.file().map_or(Ok(()), |file| format(file).map(drop))
    }

    /// Writes the plot of an archive, if one is wanted.
    pub fn write(&self, archive: &Archive, sizes: &Sizes<'_>) -> Result<()> {
        let Some(file) = self.file() else { return Ok(()) };
        let drawing = bytes::sheet(archive, sizes, !self.no_names)?;
        let contents = match format(file)? {
            Format::Png => png::encode(&drawing)?,
            Format::Svg => svg::document(&drawing)?.into_bytes(),
            Format::Html => html::of_drawing(&drawing, "Where the bytes lie")?.into_bytes(),
        };
        Ok(write_whole(file, &contents)?)
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
