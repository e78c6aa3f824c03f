//! Which images of a series are resolutions of the slide, and which of their planes are chosen.
//!
//! Optical paths and focal planes are counted in the finest resolution, its files in the order of their names. In a coarser one a
//! path is found by its identifier and a plane by its depth, never by their numbers: files may list them otherwise, or hold fewer.
//! What does not show the same pixels is left out, with a warning.

use super::super::error::{Axis, SlideError};
use super::super::options::Selection;
use super::elements::FORMAT;
use super::image::Image;
use super::level::Level;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Pixels by which the sides of a smaller copy may differ from the exact quotient.
const SIZE_TOLERANCE: f64 = 2.0;
/// The least ratio of two resolutions.
const LEAST_RATIO: f64 = 1.1;
/// The part of itself by which a pixel spacing may differ: it is rounded, and some files give that of a whole factor.
const SPACING_TOLERANCE: f64 = 0.02;

/// The images of a slide by their sizes.
pub(super) struct Resolutions<'a> {
    path: &'a Path,
    /// The finest first. Images of one size hold different optical paths.
    sizes: Vec<Vec<Arc<Image>>>,
}

impl<'a> Resolutions<'a> {
    pub fn of(path: &'a Path, volumes: Vec<Image>) -> Self {
        let mut sizes: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for image in volumes {
            sizes.entry(Reverse((image.width, image.height))).or_default().push(Arc::new(image));
        }
        Self { path, sizes: sizes.into_values().collect() }
    }

    /// What to tell of optical paths that the finest resolution lacks.
    pub fn unlisted(&self) -> Vec<String> {
        let Some((finest, smaller)) = self.sizes.split_first() else { return Vec::new() };
        let listed: Vec<&String> = finest.iter().flat_map(|image| &image.paths).collect();
        let all = smaller.iter().flatten().flat_map(|image| &image.paths);
        let mut others: Vec<_> = all.filter(|name| !name.is_empty() && !listed.contains(name)).collect();
        others.sort();
        others.dedup();
        let note =
            |name| format!("its optical path {name:?} is not in the finest resolution and was left out");
        if listed.iter().all(|name| name.is_empty()) {
            Vec::new()
        } else {
            others.into_iter().map(note).collect()
        }
    }

    /// The chosen plane of each resolution, the finest first. What cannot be chosen of the finest is an error; another one is left
    /// out.
    pub fn levels(
        &self,
        selection: &Selection,
        warnings: &mut Vec<String>,
    ) -> Result<Vec<Level>, SlideError> {
        let Some((finest, smaller)) = self.sizes.split_first() else { return Ok(Vec::new()) };
        let finest = self.finest(finest, selection)?;
        let mut levels = Vec::new();
        for images in smaller {
            levels.extend(same_plane(&finest, images, warnings));
        }
        levels.insert(0, finest);
        Ok(levels)
    }

    /// The plane of the finest resolution, by the numbers that were chosen.
    fn finest(&self, images: &[Arc<Image>], selection: &Selection) -> Result<Level, SlideError> {
        let path = self.path.to_path_buf();
        let own =
            |image: &Arc<Image>| (0..image.paths.len() as u32).map(|at| (Arc::clone(image), at)).collect();
        let paths: Vec<(Arc<Image>, u32)> =
            images.iter().flat_map(|image| -> Vec<_> { own(image) }).collect();
        let names: Vec<&str> =
            images.iter().flat_map(|image| image.paths.iter().map(String::as_str)).collect();
        if let Some(twice) = (1..names.len()).find(|&at| names[..at].contains(&names[at])) {
            let files: Vec<_> = images.iter().map(|image| image.path().display().to_string()).collect();
            let what = format!(
                "several images of one size and optical path ({:?}: {})",
                names[twice],
                files.join(", ")
            );
            return Err(SlideError::unsupported(&path, FORMAT, what, "keep one of them in the directory"));
        }
        let number = match selection.channels[..] {
            [] if names.len() == 1 => 0,
            [] => {
                let channels =
                    names.iter().enumerate().map(|(number, name)| format!("{number} {name}")).collect();
                return Err(SlideError::ChooseChannels { path, channels });
            }
            // Of several, each has levels of its own.
            [one, ..] => one,
        };
        let missing = |what, given, count| SlideError::NoSuchPlane { path: path.clone(), what, given, count };
        let no_channel = || missing(Axis::Channel, number, names.len() as u32);
        let (image, path_index) = paths.into_iter().nth(number as usize).ok_or_else(no_channel)?;
        let plane = match (selection.z, image.planes) {
            (None, 1) => 0,
            (None, count) => {
                return Err(SlideError::ChoosePlane { path, what: Axis::FocalPlane, count });
            }
            (Some(z), count) if z < count => z,
            (Some(given), count) => return Err(missing(Axis::FocalPlane, given, count)),
        };
        Ok(Level::of(image, path_index, plane))
    }
}

/// The plane of a coarser resolution that `finest` shows.
fn same_plane(finest: &Level, images: &[Arc<Image>], warnings: &mut Vec<String>) -> Option<Level> {
    let mut left_out = |image: &Image, why: String| {
        let text = format!("its resolution of {}x{} {why} and was left out", image.width, image.height);
        if !warnings.contains(&text) {
            warnings.push(text);
        }
    };
    let mut found = Vec::new();
    let mut holds_path = false;
    for image in images {
        let Some(path) = same_path(finest, image) else { continue };
        holds_path = true;
        let Some(plane) = depth(finest, image) else {
            left_out(image, "has other focal planes".into());
            continue;
        };
        match difference(finest, image, (path, plane)) {
            Some(why) => left_out(image, why),
            None => found.push(Level::of(Arc::clone(image), path, plane)),
        }
    }
    match (found.len(), images.first()) {
        (1, _) => return found.pop(),
        (0, Some(image)) if !holds_path => {
            left_out(image, format!("lacks the optical path {:?}", finest.path_name()))
        }
        (2.., Some(image)) => {
            left_out(image, format!("holds the optical path {:?} more than once", finest.path_name()))
        }
        _ => {}
    }
    None
}

/// The number of the optical path in another image.
fn same_path(finest: &Level, image: &Image) -> Option<u32> {
    let name = finest.path_name();
    let named = image.paths.iter().position(|other| other == name);
    // Where one of two images with a path each does not name it, it is that of the other.
    let alone = || match (&finest.image.paths[..], &image.paths[..]) {
        ([one], [other]) if one.is_empty() || other.is_empty() => Some(0),
        _ => None,
    };
    named.or_else(alone).map(|at| at as u32)
}

/// The number of the focal plane in another image: that of the same depth, or, where depths are unknown, the same number of as many.
fn depth(finest: &Level, image: &Image) -> Option<u32> {
    let (own, others) = (&finest.image.depths, &image.depths);
    if (finest.image.planes, image.planes) == (1, 1) {
        return Some(0);
    }
    let Some(depth) = own.get(finest.plane as usize).filter(|_| !others.is_empty()) else {
        return (finest.image.planes == image.planes).then_some(finest.plane);
    };
    let gaps = [own, others].into_iter().flat_map(|depths| depths.windows(2)).filter_map(|pair| match pair {
        [one, next] => Some(next - one),
        _ => None,
    });
    let near = gaps.fold(f64::INFINITY, f64::min) / 4.0;
    others.iter().position(|other| (other - depth).abs() < near).map(|at| at as u32)
}

/// Why an image is no smaller copy of the finest one; `None` where it is one.
fn difference(finest: &Level, image: &Image, plane: (u32, u32)) -> Option<String> {
    let full = &*finest.image;
    let kind = |image: &Image| (image.format.channels(), image.format.bits, image.format.is_deep);
    let (full_width, full_height) = (full.width, full.height);
    if kind(full) != kind(image) {
        return Some("has other pixels".into());
    }
    if full
        .header
        .pyramid
        .as_ref()
        .zip(image.header.pyramid.as_ref())
        .is_some_and(|(one, other)| one != other)
    {
        return Some("belongs to another pyramid (Pyramid UID)".into());
    }
    let across = ratios(full_width, image.width);
    let down = ratios(full_height, image.height);
    let (least, most) = (across.0.max(down.0), across.1.min(down.1));
    let is_smaller = f64::from(full_width) >= LEAST_RATIO * f64::from(image.width);
    if !is_smaller || least > most {
        return Some(format!("has other proportions than {full_width}x{full_height}"));
    }
    if let Some((full, own)) = full.header.spacing.zip(image.header.spacing) {
        let fits = |(least, most): (f64, f64), ratio: f64| {
            ratio >= least * (1.0 - SPACING_TOLERANCE) && ratio <= most * (1.0 + SPACING_TOLERANCE)
        };
        if !fits(down, own.0 / full.0) || !fits(across, own.1 / full.1) {
            return Some("has a pixel spacing that does not fit its size".into());
        }
    }
    let lacks = image.lacks(plane, full, (finest.path, finest.plane));
    lacks.then(|| "lacks tiles that the finest one has".into())
}

/// The least and the most that a side may have been divided by.
fn ratios(full: u32, side: u32) -> (f64, f64) {
    let (full, side) = (f64::from(full), f64::from(side));
    let most = if side > SIZE_TOLERANCE { full / (side - SIZE_TOLERANCE) } else { f64::INFINITY };
    (full / (side + SIZE_TOLERANCE), most)
}
