//! Channels, focal planes and points in time of a slide, and the choice among them.
//!
//! It deliberately does not know where a file says what its pages are: `planes` finds that.

use super::super::blend::color_of;
use super::super::error::{Axis, SlideError};
use super::super::options::Selection;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// One channel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Channel {
    pub name: Option<String>,
    pub color: Option<[u8; 3]>,
}

/// Why a plane has no page. A file may list a million of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NoPage {
    /// The file lists none.
    Unlisted,
    /// The page of this number is another image, or missing.
    Other(u64),
    /// It is in the file of this name.
    Elsewhere(Arc<str>),
}

impl fmt::Display for NoPage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unlisted => f.write_str("no page of this file holds it"),
            Self::Other(page) => write!(f, "page {page} is no plane of the slide's size and kind"),
            Self::Elsewhere(name) => write!(f, "it is in another file, {name}"),
        }
    }
}

/// Channels, focal planes and points in time, and the page of each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stack {
    /// None where a page holds the colours themselves.
    pub channels: Vec<Channel>,
    /// Channels in the samples of one page; the other channels are pages.
    pub per_page: u32,
    /// Each channel is a page of colours, of which only one can be read.
    pub are_colors: bool,
    pub focal_planes: u32,
    pub times: u32,
    /// For each point in time, focal plane and page of channels, the last running fastest: a number in `Contents::full`, or why
    /// there is none.
    pub pages: Vec<Result<usize, NoPage>>,
    /// Bits of a sample that are in use, where the file says so.
    pub significant_bits: Option<u32>,
}

/// A page that was chosen, or one sample of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Band {
    /// Its number in `Contents::full` and in each level.
    pub page: usize,
    /// One sample of its pixels in this colour; `None` for the page as it is.
    pub channel: Option<(usize, [u8; 3])>,
}

/// What was chosen.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Chosen {
    /// At least one.
    pub bands: Vec<Band>,
    /// Whether the bands are the red, green and blue of one image.
    pub is_rgb: bool,
}

impl Stack {
    /// A stack whose pages lie in the order of the file.
    pub fn plain(channels: Vec<Channel>, per_page: u32, focal_planes: u32, times: u32) -> Self {
        let pages = (channels.len() as u64).div_ceil(u64::from(per_page.max(1))).max(1);
        let all = pages * u64::from(focal_planes) * u64::from(times);
        let pages = (0..all).map(|page| Ok(page as usize)).collect();
        Self { channels, per_page, are_colors: false, focal_planes, times, pages, significant_bits: None }
    }

    /// The bands of a selection. What the file leaves open must be chosen.
    pub fn choose(&self, path: &Path, selection: &Selection) -> Result<Chosen, SlideError> {
        let z = one(path, Axis::FocalPlane, selection.z, self.focal_planes)?;
        let time = one(path, Axis::Time, selection.time, self.times)?;
        let count = self.channels.len() as u32;
        let chosen = &selection.channels;
        if let Some(&given) = chosen.iter().find(|&&channel| channel >= count.max(1)) {
            return Err(SlideError::NoSuchPlane {
                path: path.to_path_buf(),
                what: Axis::Channel,
                given,
                count: count.max(1),
            });
        }
        if !chosen.is_empty() && count == 0 {
            let reason = "its pixels are colours".into();
            return Err(SlideError::NothingToChoose {
                path: path.to_path_buf(),
                what: "channel".into(),
                reason,
            });
        }
        if self.are_colors || chosen.is_empty() && count < 2 {
            selection.refuse_channels(path, "it has none, or they are images in colours")?;
        }
        if self.are_colors && chosen.len() == 1 {
            let page = self.page(path, time, z, chosen.first().copied().unwrap_or(0))?;
            return Ok(Chosen { bands: vec![Band { page, channel: None }], is_rgb: false });
        }
        if self.are_colors && chosen.len() > 1 {
            let reason = "each of its channels is an image in colours, of which one can be read".into();
            return Err(SlideError::NothingToChoose {
                path: path.to_path_buf(),
                what: "second channel".into(),
                reason,
            });
        }
        let is_rgb = chosen.is_empty() && !self.are_colors && self.is_rgb();
        let numbers: Vec<u32> = match (chosen.is_empty(), count) {
            (false, _) => chosen.clone(),
            (true, 0 | 1) => {
                let page = self.page(path, time, z, 0)?;
                return Ok(Chosen { bands: vec![Band { page, channel: None }], is_rgb: false });
            }
            (true, _) if is_rgb => vec![0, 1, 2],
            _ => return Err(SlideError::ChooseChannels { path: path.to_path_buf(), channels: self.list() }),
        };
        let alone = numbers.len() == 1;
        let bands = numbers.iter().map(|&number| {
            let page = self.page(path, time, z, number / self.per_page.max(1))?;
            let sample = (number % self.per_page.max(1)) as usize;
            let color = if is_rgb {
                None
            } else {
                let own = || self.channels.get(number as usize).and_then(|channel| channel.color);
                selection.color_of(number).or_else(own)
            };
            let default = if alone { [255; 3] } else { color_of(number) };
            Ok(Band { page, channel: Some((sample, color.unwrap_or(default))) })
        });
        Ok(Chosen { bands: bands.collect::<Result<_, SlideError>>()?, is_rgb })
    }

    fn page(&self, path: &Path, time: u32, z: u32, page: u32) -> Result<usize, SlideError> {
        let pages = (self.channels.len() as u64).div_ceil(u64::from(self.per_page.max(1))).max(1);
        let index = (u64::from(time) * u64::from(self.focal_planes) + u64::from(z)) * pages + u64::from(page);
        let found = self.pages.get(index as usize).unwrap_or(&Err(NoPage::Unlisted));
        found.clone().map_err(|problem| {
            let place = format!("channel page {page}, focal plane {z}, point in time {time}");
            SlideError::corrupt(path, "TIFF", place, problem.to_string())
        })
    }

    /// Whether the file names its three channels red, green and blue.
    fn is_rgb(&self) -> bool {
        let named = |channel: &Channel, long: &str, short: &str| {
            channel
                .name
                .as_deref()
                .is_some_and(|name| name.eq_ignore_ascii_case(long) || name.eq_ignore_ascii_case(short))
        };
        match self.channels.as_slice() {
            [red, green, blue] => {
                named(red, "red", "r") && named(green, "green", "g") && named(blue, "blue", "b")
            }
            _ => false,
        }
    }

    /// Number and name of each channel.
    fn list(&self) -> Vec<String> {
        let text = |(number, channel): (usize, &Channel)| match &channel.name {
            Some(name) => format!("{number} {name}"),
            None => number.to_string(),
        };
        self.channels.iter().enumerate().map(text).collect()
    }
}

/// The one of `count` planes that was chosen, or the only one.
fn one(path: &Path, what: Axis, chosen: Option<u32>, count: u32) -> Result<u32, SlideError> {
    match chosen {
        Some(given) if given >= count => {
            Err(SlideError::NoSuchPlane { path: path.to_path_buf(), what, given, count })
        }
        Some(given) => Ok(given),
        None if count > 1 => Err(SlideError::ChoosePlane { path: path.to_path_buf(), what, count }),
        None => Ok(0),
    }
}
