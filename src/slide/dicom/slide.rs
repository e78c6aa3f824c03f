//! A series as a slide: which of its images are resolutions, which are views beside it, and what its metadata are.
//!
//! Image Type says what an image shows. Label, overview and thumbnail are never a resolution.

use super::super::access::{Access, Slide};
use super::super::error::{Axis, SlideError};
use super::super::info::{SlideInfo, scanner};
use super::super::jpeg::header::{ColorModel, Header as JpegHeader};
use super::super::options::{OpenOptions, Selection};
use super::super::{icc, resolution};
use super::elements::FORMAT;
use super::format::Color;
use super::image::Image;
use super::level::Level;
use super::regions::{Associated, Pixels, Regions};
use super::series::{Member, Series};
use super::syntax::Coding;
use super::{channels, depth, pixels};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// What an image shows, by the third value of Image Type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum View {
    Volume,
    /// A name under which it is listed beside the slide.
    Beside(&'static str),
    /// None of the values that the standard defines.
    Unknown,
}

impl View {
    fn of(member: &Member) -> Self {
        match member.header.image_type.get(2).map(String::as_str) {
            Some("VOLUME") => Self::Volume,
            Some("LABEL") => Self::Beside("label"),
            // LOCALIZER stood for it in early editions.
            Some("OVERVIEW" | "LOCALIZER") => Self::Beside("macro"),
            Some("THUMBNAIL") => Self::Beside("thumbnail"),
            _ => Self::Unknown,
        }
    }
}

/// Opens the slide of a series. `path` is the file that was asked for.
pub(super) fn open(path: &Path, series: Series, options: &OpenOptions) -> Result<Slide, SlideError> {
    let Series { mut members, mut warnings } = series;
    // Whichever file was asked for, channels have the same numbers.
    members.sort_by(|one, other| one.file.path().file_name().cmp(&other.file.path().file_name()));
    check_selection(path, &options.selection)?;
    let frame_of_reference = reference(path, &members);
    let (mut volumes, mut associated) = (Vec::new(), Vec::new());
    for parts in images(members) {
        let Some(lead) = parts.first() else { continue };
        let (view, own) = (View::of(lead), lead.header.frame_of_reference.clone());
        let name = lead.file.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
        match view {
            View::Beside(view) => match beside(parts, options.max_memory_bytes) {
                Ok(level) => associated.push((view.to_string(), level)),
                Err(error) => warnings.push(format!("its {view} cannot be read: {error}")),
            },
            View::Unknown => {
                warnings.push(format!("{name} does not say that it shows the slide and was left out"))
            }
            View::Volume if own != frame_of_reference => {
                warnings.push(format!("{name} has another frame of reference and was left out"));
            }
            View::Volume => volumes.push(assemble(parts, options.max_memory_bytes)?),
        }
    }
    let limit_bytes = options.max_memory_bytes;
    let mut channels = channels::choose(path, volumes, &options.selection, &mut warnings)?;
    for (index, levels) in channels.iter_mut().enumerate() {
        let window = options.selection.window_at(index);
        warnings.extend(depth::set_windows(levels, window, path, limit_bytes)?);
    }
    let Some(levels) = channels.first().filter(|levels| !levels.is_empty()) else {
        let what = "no image of the slide itself, only of its label or surroundings,";
        let advice = "give the files that show the slide (VOLUME) as well";
        return Err(SlideError::unsupported(path, FORMAT, what, advice));
    };
    let mut info = info(levels, &associated, warnings);
    if levels.iter().any(|level| level.is_blended) {
        // A profile is about the colours of one optical path, not about channels that were blended.
        (info.channels, info.icc_profile) = (3, None);
    }
    let pixels = Arc::new(Pixels::new(path.to_path_buf(), channels, associated, limit_bytes));
    let access = Access::Random(Box::new(Regions(Arc::clone(&pixels))));
    Ok(Slide {
        path: path.to_path_buf(),
        info,
        access,
        associated: Some(Box::new(Associated(pixels))),
        selection: Selection::default(),
    })
}

/// Refuses points in time, of which no slide of this format has several, and colours and windows of channels where none is chosen.
fn check_selection(path: &Path, selection: &Selection) -> Result<(), SlideError> {
    if selection.channels.is_empty() {
        selection.refuse_channels(path, "no channel of it was chosen")?;
    }
    match selection.time.filter(|&time| time > 0) {
        Some(given) => {
            Err(SlideError::NoSuchPlane { path: path.to_path_buf(), what: Axis::Time, given, count: 1 })
        }
        None => Ok(()),
    }
}

/// The frame of reference of the slide: that of the file asked for, or of the first volume if it shows something else.
fn reference(path: &Path, members: &[Member]) -> Option<String> {
    let volumes = || members.iter().filter(|member| View::of(member) == View::Volume);
    let asked = volumes().find(|member| member.file.path() == path);
    asked.or(volumes().next()).and_then(|member| member.header.frame_of_reference.clone())
}

/// The files of each image: the parts of a concatenation, others alone.
fn images(members: Vec<Member>) -> Vec<Vec<Member>> {
    let mut images: BTreeMap<(String, usize), Vec<Member>> = BTreeMap::new();
    for (index, member) in members.into_iter().enumerate() {
        let key = match &member.header.concatenation.uid {
            Some(uid) => (uid.clone(), 0),
            None => (String::new(), index),
        };
        images.entry(key).or_default().push(member);
    }
    images.into_values().collect()
}

/// Puts parts in order: by the frames before each of them, or, where files do not say that, by their numbers.
fn ordered(mut parts: Vec<Member>) -> Result<Vec<Member>, SlideError> {
    let of = |part: &Member| part.header.concatenation.clone();
    if parts.len() < 2 || parts.iter().all(|part| of(part).frame_offset.is_some()) {
        parts.sort_by_key(|part| of(part).frame_offset);
        return Ok(parts);
    }
    parts.sort_by_key(|part| of(part).number);
    let Some(wrong) = parts.iter().zip(1..).find(|(part, number)| of(part).number != Some(*number)) else {
        return Ok(parts);
    };
    let problem = "its order is unknown: the parts there are have neither the number of frames before them nor the numbers from 1 on";
    Err(SlideError::corrupt(wrong.0.file.path(), FORMAT, "concatenation", problem))
}

fn assemble(parts: Vec<Member>, limit_bytes: u64) -> Result<Image, SlideError> {
    let mut parts = ordered(parts)?.into_iter();
    let Some(lead) = parts.next() else { unreachable!("`images` makes no empty groups") };
    Image::assemble(lead, parts.collect(), limit_bytes)
}

/// A view beside the slide: its first plane.
fn beside(parts: Vec<Member>, limit_bytes: u64) -> Result<Level, SlideError> {
    Ok(Level::of(Arc::new(assemble(parts, limit_bytes)?), 0, 0))
}

/// What is known of the slide, by its resolutions, of which there is one at least.
fn info(levels: &[Level], associated: &[(String, Level)], mut warnings: Vec<String>) -> SlideInfo {
    let Some(finest) = levels.first() else { unreachable!("the caller has looked") };
    let image = &finest.image;
    let optical_path = finest.optical_path();
    let missing = finest.missing();
    if missing > 0 {
        let kind = if image.header.absent_lab.is_some() {
            "in the colour that the file recommends"
        } else {
            "white"
        };
        warnings.push(format!("{missing} tiles are not in the file and are shown {kind}"));
    }
    if image.header.label_in_image || image.header.burned_in {
        warnings.push("the file says that its image shows the label or other identifying text".into());
    }
    warnings.extend(jpeg_contradiction(finest));
    let microns_per_pixel = microns(image, &mut warnings);
    SlideInfo {
        width: image.width,
        height: image.height,
        channels: finest.channels(),
        format: "dicom".into(),
        microns_per_pixel,
        objective_power: optical_path
            .and_then(|path| path.objective_power)
            .filter(|power| *power > 0.0 && power.is_finite()),
        scanner: scanner(image.header.maker.as_deref(), image.header.model.as_deref()),
        icc_profile: profile(finest, &mut warnings),
        levels: levels.iter().map(|level| (level.image.width, level.image.height)).collect(),
        tile: Some((image.format.width, image.format.height)),
        associated: associated.iter().map(|(name, _)| name.clone()).collect(),
        warnings,
    }
}

/// Microns per pixel across and down: the declared spacing, else the declared width and height of what was imaged.
fn microns(image: &Image, warnings: &mut Vec<String>) -> Option<(f64, f64)> {
    if let Some((down_mm, across_mm)) = image.header.spacing {
        return resolution::stated(across_mm * 1000.0, down_mm * 1000.0);
    }
    let (Some(width_mm), Some(height_mm)) = image.header.volume else { return None };
    let across = width_mm * 1000.0 / f64::from(image.width);
    let from_volume = resolution::stated(across, height_mm * 1000.0 / f64::from(image.height))?;
    warnings.push(
        "its microns per pixel follow from the size of the imaged volume: it gives no pixel spacing".into(),
    );
    Some(from_volume)
}

/// The ICC profile of the chosen optical path, if it fits the pixels.
fn profile(level: &Level, warnings: &mut Vec<String>) -> Option<Vec<u8>> {
    let mut profile = level.optical_path()?.icc_profile.clone()?;
    // A value of odd length is padded.
    let size = profile.first_chunk().map_or(0, |&size| u32::from_be_bytes(size) as usize);
    if size.checked_add(1) == Some(profile.len()) {
        profile.pop();
    }
    icc::checked(Some(profile), level.channels(), warnings)
}

/// Where the first JPEG frame says another color model than the file. The frame is believed.
fn jpeg_contradiction(level: &Level) -> Option<String> {
    let format = &level.image.format;
    if format.coding != Coding::Jpeg || format.channels() != 3 {
        return None;
    }
    let (frames, frame, _) = level.frame(0, 0)?;
    let stored = frames.read(frame, 1 << 24).ok()?;
    let header = JpegHeader::parse(stored.as_slice()).ok()?;
    let is_rgb = pixels::jpeg_model(format, &header) == ColorModel::Rgb;
    match (format.color == Color::Rgb, is_rgb) {
        (true, false) => Some(
            "it declares RGB, and its JPEG frames say that they are YCbCr: they are read as YCbCr".into(),
        ),
        (false, true) => {
            Some("it declares YCbCr, and its JPEG frames say that they are RGB: they are read as RGB".into())
        }
        _ => None,
    }
}
