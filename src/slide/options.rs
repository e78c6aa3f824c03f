//! How to open a slide: the memory limit, and whether to use OpenSlide.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::error::{Axis, SlideError};

/// Whether to use OpenSlide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum OpenSlideUse {
    /// For a scanner's format that an installed OpenSlide recognises; the built-in readers otherwise.
    #[default]
    Auto,
    /// Never; only the built-in readers.
    Never,
    /// Always; a file that it cannot read is an error.
    Only,
}

/// The OpenSlide library that was loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenSlideLibrary {
    /// For example `3.4.1`.
    pub version: String,
    /// The library's file; its name where the system does not report the file.
    pub file: String,
}

/// Which of a file's planes are the slide: a file may hold several channels, focal planes and points in time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Selection {
    /// Channels from 0, blended with the colours that the file gives them; empty for none chosen.
    pub channels: Vec<u32>,
    /// Focal plane from 0.
    pub z: Option<u32>,
    /// Point in time from 0.
    pub time: Option<u32>,
    /// The stored values that become black and white, where a file has more than 8 bits.
    pub window: Option<(u32, u32)>,
    /// The red, green and blue of channels, by their numbers, in place of the colours that the file gives them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub colors: Vec<(u32, [u8; 3])>,
    /// The windows of channels, by their numbers, in place of `window`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub windows: Vec<(u32, (u32, u32))>,
}

impl Selection {
    /// The colour that was chosen for a channel.
    pub(super) fn color_of(&self, channel: u32) -> Option<[u8; 3]> {
        self.colors.iter().find(|(number, _)| *number == channel).map(|&(_, color)| color)
    }

    /// The window that was chosen for one of the chosen channels alone, of which this is the place in their list.
    pub(super) fn own_window_at(&self, index: usize) -> Option<(u32, u32)> {
        let channel = self.channels.get(index)?;
        self.windows.iter().find(|(number, _)| number == channel).map(|&(_, window)| window)
    }

    /// The window that was chosen for one of the chosen channels, alone or with all others.
    pub(super) fn window_at(&self, index: usize) -> Option<(u32, u32)> {
        self.own_window_at(index).or(self.window)
    }

    /// Leaves out colours and windows of channels that are not chosen.
    pub fn keep_chosen(&mut self) {
        let channels = &self.channels;
        self.colors.retain(|(number, _)| channels.contains(number));
        self.windows.retain(|(number, _)| channels.contains(number));
    }

    /// Refuses colours and windows of channels, where there are no channels to choose. `reason` says why.
    pub(super) fn refuse_channels(&self, path: &Path, reason: &str) -> Result<(), SlideError> {
        let Self { colors, windows, .. } = self.clone();
        Self { colors, windows, ..Self::default() }.refuse_planes(path, reason)
    }

    /// Refuses a choice of planes, for an image that has one of each. `reason` says what it is.
    pub(super) fn refuse_planes(&self, path: &Path, reason: &str) -> Result<(), SlideError> {
        let what = match self {
            Self { channels, .. } if !channels.is_empty() => Axis::Channel,
            Self { z: Some(_), .. } => Axis::FocalPlane,
            Self { time: Some(_), .. } => Axis::Time,
            Self { colors, windows, .. } if !(colors.is_empty() && windows.is_empty()) => Axis::Channel,
            _ => return Ok(()),
        };
        Err(SlideError::NothingToChoose {
            path: path.to_path_buf(),
            what: what.to_string(),
            reason: reason.into(),
        })
    }

    /// Refuses any choice, for what has one plane of 8 bits. `reason` says what it is.
    ///
    /// # Errors
    /// A choice.
    pub fn refuse(&self, path: &Path, reason: &str) -> Result<(), SlideError> {
        self.refuse_planes(path, reason)?;
        match self.window {
            None => Ok(()),
            Some(_) => Err(SlideError::NothingToChoose {
                path: path.to_path_buf(),
                what: "window".into(),
                reason: format!("{reason} of 8 bits a sample"),
            }),
        }
    }
}

/// How to open a slide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OpenOptions {
    /// Bytes that a reader may hold at once: a strip or tile of a TIFF, an interlaced PNG, the coefficients of a
    /// progressive JPEG, the cache of decoded tiles. Files that stream need far less.
    pub max_memory_bytes: u64,
    /// Whether to use OpenSlide.
    pub openslide: OpenSlideUse,
    /// Which of its planes to read.
    pub selection: Selection,
}

impl Default for OpenOptions {
    /// 1 GiB, and OpenSlide for scanners' formats.
    fn default() -> Self {
        Self { max_memory_bytes: 1 << 30, openslide: OpenSlideUse::Auto, selection: Selection::default() }
    }
}
