//! Errors of opening and reading slides.
//!
//! Every message names the file, the place in it where one is known, and what to do next. Of the reader that failed it
//! deliberately keeps only a short format name.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::store::Advice;

/// What a file may hold several of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    /// Channels: one colour of light each.
    Channel,
    /// Focal planes.
    FocalPlane,
    /// Points in time.
    Time,
}

impl Axis {
    /// The name of several.
    pub fn plural(self) -> &'static str {
        match self {
            Self::Channel => "channels",
            Self::FocalPlane => "focal planes",
            Self::Time => "points in time",
        }
    }
}

impl fmt::Display for Axis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Channel => "channel",
            Self::FocalPlane => "focal plane",
            Self::Time => "point in time",
        })
    }
}

/// Why a slide could not be opened or read. Errors are returned, never logged.
#[derive(Debug, thiserror::Error)]
pub enum SlideError {
    /// The operating system refused a file operation.
    #[error("{}: {action}: {source}{}", path.display(), Advice(source))]
    Io {
        /// The file.
        path: PathBuf,
        /// What was being done.
        action: String,
        /// The system's answer.
        source: io::Error,
    },
    /// No reader recognises the first bytes.
    #[error("{}: not a slide or image that can be read; {advice}", path.display())]
    UnknownFormat {
        /// The file.
        path: PathBuf,
        /// What to do next.
        advice: String,
    },
    /// A slide of a format that no reader opens.
    #[error("{}: a slide of {name}, a format that is not read; {advice}", path.display())]
    NotRead {
        /// The file.
        path: PathBuf,
        /// The maker, and the format.
        name: &'static str,
        /// The tool that converts it.
        advice: &'static str,
    },
    /// Only OpenSlide reads this file, and OpenSlide is missing.
    #[error("{}: OpenSlide is needed ({reason}) and not available: {problem}", path.display())]
    NeedsOpenSlide {
        /// The file.
        path: PathBuf,
        /// Why it is needed.
        reason: String,
        /// Why OpenSlide is missing and how to get it.
        problem: String,
    },
    /// OpenSlide reported an error in the file's bytes.
    #[error("{}: OpenSlide, {place}: {message}; the file is damaged or incomplete, copy it again with all its parts",
        path.display())]
    OpenSlide {
        /// The file.
        path: PathBuf,
        /// Which call or region.
        place: String,
        /// OpenSlide's own words.
        message: String,
    },
    /// OpenSlide cannot decode an intact file.
    #[error("{}: OpenSlide, {place}: {message}; convert the file to TIFF, or let the other readers try it", path.display())]
    OpenSlideLacks {
        /// The file.
        path: PathBuf,
        /// Which call or region.
        place: String,
        /// OpenSlide's own words.
        message: String,
    },
    /// The bytes contradict the format or themselves.
    #[error("{}: damaged {format}, {place}: {problem}; copy or export the file again", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// `TIFF`, `PNG`, `JPEG`.
        format: &'static str,
        /// Row, tile, tag or marker.
        place: String,
        /// What was found, and what was expected.
        problem: String,
    },
    /// A JPEG tile that a lossless encode cannot store as it is.
    #[error(
        "{}: {place}: a JPEG that is not sequential at 8 bits, which a lossless encode does not take",
        path.display()
    )]
    NotSequential {
        /// The file.
        path: PathBuf,
        /// Which tile.
        place: String,
    },
    /// A valid file of a kind that is not supported.
    #[error("{}: {format} with {what} is not supported; {advice}", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// `TIFF`, `PNG`, `JPEG`.
        format: &'static str,
        /// The feature.
        what: String,
        /// What to do next.
        advice: String,
        /// Whether only a codec is missing, which another reader may have.
        is_codec: bool,
    },
    /// Reading would need more memory than allowed.
    #[error("{}: {what} needs {needed_bytes} bytes of memory and {limit_bytes} are allowed; {advice}", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// What needs the memory.
        what: String,
        /// Bytes needed.
        needed_bytes: u64,
        /// Bytes allowed.
        limit_bytes: u64,
        /// What to do next.
        advice: &'static str,
    },
    /// A region outside the slide, or past the last row.
    #[error("{}: asked for {width}x{height} pixels at ({x}, {y}) of a slide of {slide_width}x{slide_height}; \
        ask for a region inside it", path.display())]
    OutOfBounds {
        /// The file.
        path: PathBuf,
        /// Left edge asked for, in pixels.
        x: u32,
        /// Top edge asked for, in pixels.
        y: u32,
        /// Width asked for, in pixels.
        width: u32,
        /// Height asked for, in pixels.
        height: u32,
        /// Width of the slide, in pixels.
        slide_width: u32,
        /// Height of the slide, in pixels.
        slide_height: u32,
    },
    /// The slide has no resolution of that number.
    #[error("{}: no level {level}; read one of those that the slide lists", path.display())]
    NoLevel {
        /// The file.
        path: PathBuf,
        /// The level asked for, from 0.
        level: usize,
    },
    /// The image has several channels, and none was chosen.
    #[error("{}: it has {} channels: {}; choose those that are to be read", path.display(), channels.len(), channels.join(", "))]
    ChooseChannels {
        /// The file.
        path: PathBuf,
        /// Number and name of each.
        channels: Vec<String>,
    },
    /// The image has several focal planes or points in time, and none was chosen.
    #[error("{}: it has {count} {}, 0 to {}; choose one", path.display(), what.plural(), count.saturating_sub(1))]
    ChoosePlane {
        /// The file.
        path: PathBuf,
        /// What it has several of.
        what: Axis,
        /// How many there are, at least 2.
        count: u32,
    },
    /// A channel, focal plane or point in time that the image does not have.
    #[error("{}: no {what} {given}; it has {} 0 to {}", path.display(), what.plural(), count.saturating_sub(1))]
    NoSuchPlane {
        /// The file.
        path: PathBuf,
        /// What was asked for.
        what: Axis,
        /// The number asked for.
        given: u32,
        /// How many there are.
        count: u32,
    },
    /// A window that is none, or lies outside the range of the samples.
    #[error("{}: no window from {low} to {high}; the first value must be below the second, and that at most {most}", path.display())]
    NoSuchWindow {
        /// The file.
        path: PathBuf,
        /// What was to be black.
        low: u32,
        /// What was to be white.
        high: u32,
        /// The largest value of its samples.
        most: u16,
    },
    /// A choice was made where the file leaves none.
    #[error("{}: there is no {what} to choose: {reason}", path.display())]
    NothingToChoose {
        /// The file.
        path: PathBuf,
        /// What was chosen.
        what: String,
        /// Why.
        reason: String,
    },
    /// The output buffer does not fit the region.
    #[error("{}: the output buffer holds {found_bytes} bytes and the region needs exactly {expected_bytes}",
        path.display())]
    BufferSize {
        /// The file.
        path: PathBuf,
        /// Bytes needed.
        expected_bytes: u64,
        /// Bytes given.
        found_bytes: u64,
    },
    /// There is no associated image of that name.
    #[error("{}: no associated image named {name:?}; there is: {known}", path.display())]
    NoAssociatedImage {
        /// The file.
        path: PathBuf,
        /// The name asked for.
        name: String,
        /// The names there are, or `none`.
        known: String,
    },
}

impl SlideError {
    /// The same of another file: that of which the one that was read is a copy.
    #[cfg(feature = "remote")]
    pub(super) fn of(mut self, original: &Path) -> Self {
        let (Self::Io { path, .. }
        | Self::UnknownFormat { path, .. }
        | Self::NotRead { path, .. }
        | Self::NeedsOpenSlide { path, .. }
        | Self::OpenSlide { path, .. }
        | Self::OpenSlideLacks { path, .. }
        | Self::Corrupt { path, .. }
        | Self::NotSequential { path, .. }
        | Self::Unsupported { path, .. }
        | Self::TooLarge { path, .. }
        | Self::OutOfBounds { path, .. }
        | Self::NoLevel { path, .. }
        | Self::ChooseChannels { path, .. }
        | Self::ChoosePlane { path, .. }
        | Self::NoSuchPlane { path, .. }
        | Self::NoSuchWindow { path, .. }
        | Self::NothingToChoose { path, .. }
        | Self::BufferSize { path, .. }
        | Self::NoAssociatedImage { path, .. }) = &mut self;
        *path = original.to_path_buf();
        self
    }

    /// The same of the smaller resolution of this size, whose parts have the names of those of the full one.
    pub(crate) fn of_level(mut self, (width, height): (u32, u32)) -> Self {
        if let Self::Corrupt { place, .. }
        | Self::OpenSlide { place, .. }
        | Self::OpenSlideLacks { place, .. } = &mut self
        {
            *place = format!("resolution of {width}x{height} pixels, {place}");
        }
        self
    }

    pub(super) fn io(path: &Path, action: impl Into<String>, source: io::Error) -> Self {
        Self::Io { path: path.to_path_buf(), action: action.into(), source }
    }

    pub(super) fn corrupt(
        path: &Path,
        format: &'static str,
        place: impl Into<String>,
        problem: impl Into<String>,
    ) -> Self {
        Self::Corrupt { path: path.to_path_buf(), format, place: place.into(), problem: problem.into() }
    }

    pub(super) fn unsupported(
        path: &Path,
        format: &'static str,
        what: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        let (path, what, advice) = (path.to_path_buf(), what.into(), advice.into());
        Self::Unsupported { path, format, what, advice, is_codec: false }
    }

    /// As [`Self::unsupported`], where only a codec is missing.
    pub(super) fn lacks_codec(
        path: &Path,
        format: &'static str,
        what: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        let (path, what, advice) = (path.to_path_buf(), what.into(), advice.into());
        Self::Unsupported { path, format, what, advice, is_codec: true }
    }

    pub(super) fn too_large(
        path: &Path,
        what: impl Into<String>,
        needed_bytes: u64,
        limit_bytes: u64,
        advice: &'static str,
    ) -> Self {
        Self::TooLarge { path: path.to_path_buf(), what: what.into(), needed_bytes, limit_bytes, advice }
    }
}
