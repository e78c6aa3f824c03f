//! What is done to the images of a slide that has a colour profile.

use std::borrow::Cow;

use super::embed::{embed, remove};
use super::profile::Profile;
use crate::image::family::{Pixels, PixelsRef};
use crate::image::plane::Plane;
use crate::image::ycc::{Sampling, Ycc};
use crate::output::tile::OutputFormat;

/// Most bytes of a profile that is embedded unless told otherwise: it is sent with every tile.
pub const MAX_EMBEDDED_BYTES: usize = 4096;

/// How images carry the colours of a slide with a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Icc {
    /// The profile is in each image.
    Embed,
    /// Pixels are converted to sRGB, which viewers assume of an image without a profile.
    Srgb,
    /// Pixels stay, and the profile is left out.
    None,
}

/// What is done to images.
#[derive(Clone, Debug, Default)]
pub struct Colour(What);

#[derive(Clone, Debug, Default)]
enum What {
    #[default]
    Keep,
    Embed(Profile),
    Convert(Profile),
}

impl Colour {
    /// For tiles that are coded: as [`Self::new`]. Of a slide whose own tiles are sent as they are, pixels are converted only if the
    /// mode says so, and no profile is added: its levels would otherwise differ in colour.
    pub fn of_tiles(
        profile: Option<&Profile>,
        mode: Option<Icc>,
        format: OutputFormat,
        as_stored: bool,
    ) -> Self {
        match as_stored && format == OutputFormat::Jpeg && mode != Some(Icc::Srgb) {
            true => Self::default(),
            false => Self::new(profile, mode, format),
        }
    }

    /// For images of a slide: as `mode` says, else the profile is embedded if it is small or the format exact, and converted
    /// otherwise.
    pub fn new(profile: Option<&Profile>, mode: Option<Icc>, format: OutputFormat) -> Self {
        let Some(profile) = profile.cloned() else { return Self::default() };
        let small = profile.bytes().len() <= MAX_EMBEDDED_BYTES || format == OutputFormat::Png;
        Self(match mode.unwrap_or(if small { Icc::Embed } else { Icc::Srgb }) {
            Icc::Embed => What::Embed(profile),
            Icc::Srgb => What::Convert(profile),
            Icc::None => What::Keep,
        })
    }

    /// What it is; [`Icc::None`] also for a slide without a profile.
    pub fn mode(&self) -> Icc {
        match self.0 {
            What::Keep => Icc::None,
            What::Embed(_) => Icc::Embed,
            What::Convert(_) => Icc::Srgb,
        }
    }

    /// Whether a coded image of this sampling needs no change of its pixels.
    pub fn keeps(&self, sampling: Sampling) -> bool {
        match &self.0 {
            What::Keep => true,
            // A profile of RGB does not fit a gray file.
            What::Embed(profile) => (profile.channels() == 1) == (sampling == Sampling::Gray),
            What::Convert(_) => false,
        }
    }

    /// The pixels to code: in sRGB, or with the channels of the profile. Planes must be gray or 4:4:4 where this changes them, as
    /// [`Self::keeps`] says.
    pub fn apply(&self, pixels: PixelsRef<'_>) -> Option<Pixels> {
        let gray = matches!(&pixels, PixelsRef::Ycc(planes) if planes.chroma.is_none());
        match &self.0 {
            What::Keep => None,
            What::Embed(profile) => (gray && profile.channels() == 3).then(|| Pixels::Rgb(rgb(pixels))),
            What::Convert(profile) => Some(convert(profile, pixels, gray)),
        }
    }

    /// A coded JPEG without the profile that [`Self::tag`] has put there; `None` where there is none.
    pub fn untag(&self, image: &[u8]) -> Option<Vec<u8>> {
        match &self.0 {
            What::Embed(profile) => remove(image, profile.bytes()),
            _ => None,
        }
    }

    /// The coded image with the profile, if it is to have one.
    pub fn tag(&self, format: OutputFormat, image: Vec<u8>) -> Vec<u8> {
        match &self.0 {
            What::Embed(profile) => embed(format, image, profile.bytes()),
            _ => image,
        }
    }
}

/// Interleaved RGB, rows tightly packed.
fn rgb(pixels: PixelsRef<'_>) -> Plane {
    match pixels {
        PixelsRef::Rgb(rgb) => rgb.to_plane(),
        PixelsRef::Ycc(planes) => {
            let mut rgb = Plane::default();
            planes.to_rgb(&mut rgb);
            rgb
        }
    }
}

fn convert(profile: &Profile, pixels: PixelsRef<'_>, gray: bool) -> Pixels {
    let samples: Cow<'_, [u8]> = match pixels {
        PixelsRef::Ycc(planes) if gray && profile.channels() == 1 => {
            planes.luma.to_plane().data().to_vec().into()
        }
        // A profile of gray pixels says nothing of colours.
        pixels if profile.channels() == 1 => return Pixels::Rgb(rgb(pixels)),
        pixels => rgb(pixels).data().to_vec().into(),
    };
    let (width, height) = match pixels {
        PixelsRef::Rgb(rgb) => (rgb.width / 3, rgb.height),
        PixelsRef::Ycc(planes) => (planes.luma.width, planes.luma.height),
    };
    let converted = profile.to_srgb(&samples);
    if profile.channels() == 1 {
        let luma = converted.into_iter().step_by(3).collect();
        return Pixels::Ycc(Ycc::gray(Plane::from_vec(width, height, luma)));
    }
    Pixels::Rgb(Plane::from_vec(3 * width, height, converted))
}
