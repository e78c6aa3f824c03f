//! What a scanned slide has several of, and which of it is shown where an address leaves it open.
//!
//! Readers refuse a slide of several channels, focal planes or points in time without a choice, and say what there is. So a slide is
//! opened without a choice first, and again with each choice that it asks for.

use std::path::Path;
use std::sync::Arc;

use super::reader::{Reader, Readers};
use crate::error::{Error, Result};
use crate::slide::{Axis, Selection, SlideError};

/// Times that a slide is opened: without a choice, and once for its window and for each thing that it may have several of.
const MAX_TRIES: usize = 5;

/// What a slide has several of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planes {
    /// The names of its channels, empty where the file gives none; none where there is nothing to choose.
    pub channels: Vec<String>,
    /// Its focal planes, at least 1.
    pub focal_planes: u32,
    /// Its points in time, at least 1.
    pub times: u32,
}

impl Planes {
    /// Opens a slide. What it has several of is chosen by `wanted`, else the first is taken. Returns the choice.
    ///
    /// # Errors
    /// A slide that cannot be opened, or has not what is wanted.
    pub fn open(
        path: &Path,
        wanted: &Selection,
        readers: &Readers,
    ) -> Result<(Arc<Reader>, Self, Selection)> {
        let mut planes = Self { channels: Vec::new(), focal_planes: 1, times: 1 };
        let mut chosen = Selection { window: wanted.window, ..Selection::default() };
        for _ in 1..MAX_TRIES {
            let refusal = match readers.get(path, &chosen) {
                Ok(reader) => return Ok((reader, planes, chosen)),
                Err(Error::Slide(refusal)) => refusal,
                Err(e) => return Err(e),
            };
            match refusal {
                SlideError::ChooseChannels { channels, .. } if chosen.channels.is_empty() => {
                    planes.channels = channels.iter().enumerate().map(name).collect();
                    chosen.channels = wanted.channels.clone();
                    if chosen.channels.is_empty() {
                        chosen.channels = vec![0];
                    }
                    (chosen.colors, chosen.windows) = (wanted.colors.clone(), wanted.windows.clone());
                    chosen.keep_chosen();
                }
                SlideError::ChoosePlane { what: Axis::FocalPlane, count, .. } if chosen.z.is_none() => {
                    planes.focal_planes = count;
                    chosen.z = Some(wanted.z.unwrap_or(0));
                }
                SlideError::ChoosePlane { what: Axis::Time, count, .. } if chosen.time.is_none() => {
                    planes.times = count;
                    chosen.time = Some(wanted.time.unwrap_or(0));
                }
                // The window is for slides of more than 8 bits.
                SlideError::NothingToChoose { .. }
                    if chosen.window.is_some() || !chosen.windows.is_empty() =>
                {
                    (chosen.window, chosen.windows) = (None, Vec::new());
                }
                refusal => return Err(refusal.into()),
            }
        }
        Ok((readers.get(path, &chosen)?, planes, chosen))
    }

    /// Whether there is a choice.
    pub fn are_several(&self) -> bool {
        !self.channels.is_empty() || self.focal_planes > 1 || self.times > 1
    }
}

/// The name of a channel, of a list that begins each with its number.
fn name((number, listed): (usize, &String)) -> String {
    listed.strip_prefix(&number.to_string()).unwrap_or(listed).trim().to_string()
}
