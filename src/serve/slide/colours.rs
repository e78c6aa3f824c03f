//! The colour profile of a slide, and what is done for it: to tiles, and to images that are made of tiles.

use serde_json::{Value, json};
use xxhash_rust::xxh3::xxh3_128;

use super::profiles::Stored;
use crate::output::icc::{Colour, Icc, Profile};
use crate::output::tile::OutputFormat;

/// A slide's colours.
pub struct Colours {
    profile: Option<Profile>,
    /// Why there is a profile that is not used.
    problem: Option<String>,
    mode: Option<Icc>,
    tiles: Colour,
}

impl Colours {
    /// The colours of a slide with the profile `icc`. `as_stored`: its own tiles are sent as they are.
    pub fn new(icc: Option<&Stored>, mode: Option<Icc>, format: OutputFormat, as_stored: bool) -> Self {
        let (profile, problem) = match icc.map(Stored::parsed) {
            Some(Ok(profile)) => (Some(profile.clone()), None),
            Some(Err(problem)) => (None, Some(problem.clone())),
            None => (None, None),
        };
        let tiles = Colour::of_tiles(profile.as_ref(), mode, format, as_stored);
        Self { profile, problem, mode, tiles }
    }

    /// For tiles.
    pub fn of_tiles(&self) -> &Colour {
        &self.tiles
    }

    /// For an image of this format that is made of tiles.
    pub fn of_image(&self, format: OutputFormat) -> Colour {
        match self.tiles.mode() {
            Icc::Srgb => Colour::default(),
            _ => Colour::new(self.profile.as_ref(), self.mode, format),
        }
    }

    /// For a picture that is made of pixels as they are stored.
    pub fn of_pixels(&self, format: OutputFormat) -> Colour {
        Colour::new(self.profile.as_ref(), self.mode, format)
    }

    /// What tiles and images depend on; empty for a slide without a profile.
    pub fn key(&self) -> String {
        let of = |profile: &Profile| {
            format!(" icc {:?} {:?} {:x}", self.mode, self.tiles.mode(), xxh3_128(profile.bytes()))
        };
        self.profile.as_ref().map(of).unwrap_or_default()
    }

    /// As JSON: the profile, and what is done to tiles.
    pub fn describe(&self) -> Value {
        let mode = match self.tiles.mode() {
            Icc::Embed => "embed",
            Icc::Srgb => "srgb",
            Icc::None => "none",
        };
        match (&self.profile, &self.problem) {
            (Some(profile), _) => {
                json!({"name": profile.name(), "bytes": profile.bytes().len(), "tiles": mode})
            }
            (None, Some(problem)) => json!({"problem": problem, "tiles": mode}),
            (None, None) => Value::Null,
        }
    }
}
