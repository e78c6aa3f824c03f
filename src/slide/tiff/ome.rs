//! OME-XML in the description of an OME-TIFF's first page: channels, planes, sizes of pixels.
//!
//! Source: the OME schema of 2016-06 and the OME-TIFF specification. It deliberately does not follow a set of files: a plane in
//! another file is named as such.

use super::super::error::SlideError;
use super::super::resolution;
use super::pages::Page;
use super::stack::{Channel, NoPage, Stack};
use super::xml;
use roxmltree::{Document, Node};
use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// Planes of one image that are mapped, and channels of it.
const MAX_PLANES: u64 = 1 << 20;
const MAX_CHANNELS: u64 = 1 << 16;

/// Whether a description is OME-XML.
pub(super) fn is_ome(description: &str) -> bool {
    description.contains("<OME") && description.contains("openmicroscopy.org")
}

pub(super) fn children<'a, 'd>(node: Node<'a, 'd>, name: &'static str) -> impl Iterator<Item = Node<'a, 'd>> {
    node.children().filter(move |child| child.tag_name().name() == name)
}

pub(super) fn number(node: Node<'_, '_>, name: &str) -> Option<u32> {
    node.attribute(name)?.trim().parse().ok()
}

/// Microns per pixel, and the magnification of the objective, of the image that holds a page.
pub(super) fn scan(description: &str, page: usize) -> (Option<(f64, f64)>, Option<f64>) {
    let Ok(document) = xml::parse(description) else { return (None, None) };
    let images: Vec<_> = children(document.root_element(), "Image").collect();
    let holds = |image: &&Node<'_, '_>| {
        pixels(**image).is_some_and(|pixels| runs(pixels).any(|run| run.contains(&page)))
    };
    let Some(&image) = images.iter().find(holds).or(images.first()) else { return (None, None) };
    let size = |axis: &str| {
        let pixels = pixels(image)?;
        let size: f64 = pixels.attribute(format!("PhysicalSize{axis}").as_str())?.trim().parse().ok()?;
        Some(size * unit_um(pixels.attribute(format!("PhysicalSize{axis}Unit").as_str()).unwrap_or("um"))?)
    };
    let microns = size("X").zip(size("Y")).and_then(|(x, y)| resolution::stated(x, y));
    (microns, objective(&document, image))
}

/// The images that the file names a label, macro image, overview or thumbnail: the first page and that name of each. None where
/// the description is no OME-XML.
pub(super) fn beside(description: &str) -> Vec<(usize, &'static str)> {
    if !is_ome(description) {
        return Vec::new();
    }
    let Ok(document) = xml::parse(description) else { return Vec::new() };
    let named = |image: Node<'_, '_>| {
        let name = image.attribute("Name")?.to_ascii_lowercase();
        let kind =
            ["label", "macro", "overview", "thumbnail"].into_iter().find(|kind| name.contains(kind))?;
        Some((runs(pixels(image)?).find(|run| !run.is_empty())?.start, kind))
    };
    children(document.root_element(), "Image").filter_map(named).collect()
}

pub(super) fn pixels<'a, 'd>(image: Node<'a, 'd>) -> Option<Node<'a, 'd>> {
    children(image, "Pixels").next()
}

/// The pages to which the image's planes point, as far as it lists them, in runs.
fn runs(pixels: Node<'_, '_>) -> impl Iterator<Item = Range<usize>> {
    children(pixels, "TiffData").map(|data| {
        let start = number(data, "IFD").unwrap_or(0) as usize;
        start..start + number(data, "PlaneCount").unwrap_or(1).min(1 << 16) as usize
    })
}

/// The magnification of the objective that the image names, or of the only one.
fn objective(document: &Document<'_>, image: Node<'_, '_>) -> Option<f64> {
    let named = children(image, "ObjectiveSettings").next().and_then(|settings| settings.attribute("ID"));
    let all: Vec<_> = document.descendants().filter(|node| node.tag_name().name() == "Objective").collect();
    let found = match named {
        Some(id) => all.iter().find(|node| node.attribute("ID") == Some(id))?,
        None if all.len() == 1 => all.first()?,
        None => return None,
    };
    let power: f64 = found.attribute("NominalMagnification")?.trim().parse().ok()?;
    (power.is_finite() && power > 0.0).then_some(power)
}

fn unit_um(unit: &str) -> Option<f64> {
    Some(match unit.trim() {
        "m" => 1e6,
        "cm" => 1e4,
        "mm" => 1e3,
        "um" | "\u{b5}m" | "\u{3bc}m" => 1.0,
        "nm" => 1e-3,
        "pm" => 1e-6,
        "\u{c5}" | "\u{212b}" => 1e-4,
        "in" => 25_400.0,
        _ => return None,
    })
}

/// The stack of the image that holds the slide's page; `None` where the file is no OME-TIFF.
pub(super) fn stack(
    path: &Path,
    full: &[&Page<'_>],
    first: &Page<'_>,
    per_page: u32,
) -> Option<Result<Stack, SlideError>> {
    if !is_ome(&first.description) {
        return None;
    }
    let corrupt = |problem: String| Some(Err(SlideError::corrupt(path, "OME-TIFF", "OME-XML", problem)));
    let document = match xml::parse(&first.description) {
        Ok(document) => document,
        Err(problem) => return corrupt(problem),
    };
    let root = document.root_element();
    if children(root, "BinaryOnly").next().is_some() {
        let what = "its description in another file (BinaryOnly)";
        let advice = "join its files to one, with `bfconvert` of Bio-Formats";
        return Some(Err(SlideError::unsupported(path, "OME-TIFF", what, advice)));
    }
    let images: Vec<_> = children(root, "Image").collect();
    let slide = full.first()?.number;
    let holds = |image: &&Node<'_, '_>| {
        pixels(**image).is_some_and(|pixels| {
            let mut runs = runs(pixels).filter(|run| !run.is_empty()).peekable();
            (runs.peek().is_none() && images.len() == 1) || runs.any(|run| run.contains(&slide))
        })
    };
    let pixels = images.iter().find(holds).and_then(|image| pixels(*image))?;
    Some(of_pixels(path, full, root, pixels, per_page))
}

/// Sizes of an image's axes: channels in pages, focal planes, points in time.
struct Sizes {
    c: u32,
    z: u32,
    t: u32,
}

fn of_pixels(
    path: &Path,
    full: &[&Page<'_>],
    root: Node<'_, '_>,
    pixels: Node<'_, '_>,
    per_page: u32,
) -> Result<Stack, SlideError> {
    let size = |name| number(pixels, name).unwrap_or(1).max(1);
    let samples = full.first().map_or(1, |page| page.samples).clamp(1, u64::from(u16::MAX)) as u32;
    let sizes = Sizes { c: size("SizeC").div_ceil(samples), z: size("SizeZ"), t: size("SizeT") };
    let corrupt = |problem| SlideError::corrupt(path, "OME-TIFF", "OME-XML", problem);
    let planes = (u64::from(sizes.c) * u64::from(sizes.z)).saturating_mul(u64::from(sizes.t));
    if planes > MAX_PLANES {
        return Err(corrupt(format!("{planes} planes")));
    }
    let in_pages = if per_page > 1 { per_page } else { 1 };
    let are_plain = samples > 1 && per_page == 1 && sizes.c == 1;
    let count = if are_plain { 0 } else { u64::from(sizes.c) * u64::from(in_pages) };
    if count > MAX_CHANNELS {
        return Err(corrupt(format!("{count} channels")));
    }
    let mut named = children(pixels, "Channel").map(channel);
    let channels = (0..count).map(|_| named.next().unwrap_or_default()).collect();
    let significant_bits = number(pixels, "SignificantBits").filter(|bits| (1..=16).contains(bits));
    let mut stack = Stack::plain(channels, in_pages, sizes.z, sizes.t);
    stack.are_colors = samples > 1 && per_page == 1;
    stack.significant_bits = significant_bits;
    stack.pages = vec![Err(NoPage::Unlisted); planes as usize];
    map_planes(path, full, root, pixels, &sizes, &mut stack.pages).map_err(corrupt)?;
    Ok(stack)
}

fn channel(node: Node<'_, '_>) -> Channel {
    // RGBA in a signed number of 32 bits.
    let color = node.attribute("Color").and_then(|text| text.trim().parse::<i64>().ok());
    let color =
        color.map(|color| (color as u32).to_be_bytes()).map(|[red, green, blue, _]| [red, green, blue]);
    let name = node.attribute("Name").or(node.attribute("Fluor")).map(str::to_string);
    Channel { name: name.filter(|name| !name.is_empty()), color }
}

/// Enters the page of each plane. An error says that the description lists them too often.
fn map_planes(
    path: &Path,
    full: &[&Page<'_>],
    root: Node<'_, '_>,
    pixels: Node<'_, '_>,
    sizes: &Sizes,
    pages: &mut [Result<usize, NoPage>],
) -> Result<(), String> {
    let order = pixels.attribute("DimensionOrder").unwrap_or("XYCZT");
    let places: HashMap<u64, usize> =
        full.iter().enumerate().map(|(place, page)| (page.number as u64, place)).collect();
    let all = u64::from(sizes.c) * u64::from(sizes.z) * u64::from(sizes.t);
    let data: Vec<_> = children(pixels, "TiffData").collect();
    let whole = [(0, 0, all, None)];
    let mut mapped = 0;
    let blocks = data.iter().map(|&data| {
        let first = ["FirstC", "FirstZ", "FirstT"].map(|name| number(data, name).unwrap_or(0));
        let has_ifd = data.has_attribute("IFD");
        let count = number(data, "PlaneCount").map_or(if has_ifd { 1 } else { all }, u64::from);
        (
            position(order, sizes, first),
            u64::from(number(data, "IFD").unwrap_or(0)),
            count,
            elsewhere(path, root, data),
        )
    });
    let blocks: Vec<_> = if data.is_empty() { whole.to_vec() } else { blocks.collect() };
    for (start, ifd, count, elsewhere) in blocks {
        let count = count.min(all.saturating_sub(start));
        mapped += count;
        if mapped > 2 * MAX_PLANES {
            return Err(format!("{all} planes, which are listed again and again"));
        }
        for step in 0..count {
            let [c, z, t] = axes(order, sizes, start + step);
            let index =
                (u64::from(t) * u64::from(sizes.z) + u64::from(z)) * u64::from(sizes.c) + u64::from(c);
            let page = places.get(&(ifd + step)).copied();
            if let Some(to) = pages.get_mut(index as usize) {
                *to = match &elsewhere {
                    Some(name) => Err(NoPage::Elsewhere(Arc::clone(name))),
                    None => page.ok_or(NoPage::Other(ifd + step)),
                };
            }
        }
    }
    Ok(())
}

/// The name of the file that holds the planes, where it is another one.
pub(super) fn elsewhere(path: &Path, root: Node<'_, '_>, data: Node<'_, '_>) -> Option<Arc<str>> {
    let uuid = children(data, "UUID").next()?;
    let name = uuid.attribute("FileName")?;
    let is_same = uuid.text().map(str::trim) == root.attribute("UUID")
        || path.file_name().is_some_and(|own| own.to_string_lossy() == name);
    (!is_same).then(|| name.into())
}

/// The axes in the order in which planes run, the fastest first: 0 channels, 1 focal planes, 2 points in time.
fn running(order: &str) -> [usize; 3] {
    match order.get(2..) {
        Some("CTZ") => [0, 2, 1],
        Some("ZCT") => [1, 0, 2],
        Some("ZTC") => [1, 2, 0],
        Some("TCZ") => [2, 0, 1],
        Some("TZC") => [2, 1, 0],
        _ => [0, 1, 2],
    }
}

fn position(order: &str, sizes: &Sizes, at: [u32; 3]) -> u64 {
    let size = [sizes.c, sizes.z, sizes.t];
    let add = |(sum, step): (u64, u64), axis: usize| {
        (sum.saturating_add(u64::from(at[axis]).saturating_mul(step)), step * u64::from(size[axis]))
    };
    running(order).into_iter().fold((0, 1), add).0
}

fn axes(order: &str, sizes: &Sizes, mut position: u64) -> [u32; 3] {
    let size = [sizes.c, sizes.z, sizes.t];
    let mut at = [0; 3];
    for axis in running(order) {
        at[axis] = (position % u64::from(size[axis])) as u32;
        position /= u64::from(size[axis]);
    }
    at
}
