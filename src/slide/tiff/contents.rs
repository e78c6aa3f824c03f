//! What the pages of a TIFF are: the slide, its smaller copies, and images beside it.
//!
//! The rule: **the slide is the largest page that is not marked as something else.** Marks are bits of NewSubfileType (a
//! reduced copy, a mask), a description that begins with `label`, `macro`, `overview` or `thumbnail`, the second line of
//! Aperio's descriptions, the image type in those of PerkinElmer (QPTIFF), and the names of images in OME-XML. So a label is never taken for the slide
//! because it comes first. Pages of the same size and kind as the slide are its channels, focal planes or points in time.
//!
//! A smaller page is a level where it comes after the slide or below it (SubIFDs), is tiled if the slide is, and both of its
//! sides are those of the slide divided by one whole number. All other pages are images beside the slide, and so are those that
//! OME-XML lists for another image, whatever their sizes.

use super::super::error::SlideError;
use super::super::positional::PositionalFile;
use super::ome_images::OmeImages;
use super::pages::{Page, Pages};
use super::{ome, qptiff};
use std::collections::{HashMap, HashSet};

/// Pixels by which the sides of a level may differ from the exact quotient: halving repeatedly rounds at every step, and
/// some scanners crop to whole tiles.
const LEVEL_TOLERANCE: u64 = 2;
/// Images beside the slide that are listed; scanners write three.
const MAX_BESIDE: usize = 256;
/// The words with which descriptions of images beside the slide begin.
const BESIDE: [&str; 5] = ["label", "macro", "overview", "thumbnail", "thumb"];

/// What a page is by its own marks.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Role {
    /// Nothing speaks against the slide.
    Image,
    /// A reduced copy of another page.
    Reduced,
    /// A mask of another page.
    Mask,
    /// An image beside the slide, of this name.
    Beside(String),
}

/// The pages by what they are.
#[derive(Debug)]
pub(super) struct Contents<'p, 'f> {
    /// The first plane of the slide at full resolution.
    first: &'p Page<'f>,
    /// Its planes, in the order of the file; at least one.
    pub full: Vec<&'p Page<'f>>,
    /// The smaller resolutions, the largest first; each has a page for every one of `full`.
    pub levels: Vec<Vec<&'p Page<'f>>>,
    /// Images beside the slide, by unique names.
    pub beside: Vec<(String, &'p Page<'f>)>,
    pub warnings: Vec<String>,
}

impl<'p, 'f> Contents<'p, 'f> {
    /// Sorts the pages. A file of marked images only is refused.
    pub fn of(file: &PositionalFile, pages: &'p Pages<'f>) -> Result<Self, SlideError> {
        let warnings = pages.warnings.clone();
        let roles = roles(pages);
        let below = pages.list.iter().flat_map(|page| &page.below).map(|page| (page, role(page)));
        let all: Vec<(&'p Page<'f>, Role)> = roles.iter().cloned().chain(below).collect();
        let first = largest(&all, &Role::Image).ok_or_else(|| only_beside(file))?;
        let images = OmeImages::of(file.path(), pages);
        let is_plane = |(page, role): &&(&'p Page<'f>, Role)| {
            page.is_like(first) && *role == Role::Image && images.same(first, page)
        };
        let mut full: Vec<_> = roles.iter().filter(is_plane).map(|(page, _)| *page).collect();
        if !full.iter().any(|page| std::ptr::eq(*page, first)) {
            full = vec![first];
        }
        let levels = levels(&full, &roles, &images);
        let first = full.first().copied().unwrap_or(first);
        let mut contents = Self { first, full, levels, beside: Vec::new(), warnings };
        contents.collect_beside(roles, &images);
        Ok(contents)
    }

    /// The first plane of the slide at full resolution.
    pub fn slide(&self) -> &'p Page<'f> {
        self.first
    }

    /// Names the pages of the chain that are neither the slide nor its levels.
    fn collect_beside(&mut self, roles: Vec<(&'p Page<'f>, Role)>, images: &OmeImages) {
        let used: HashSet<usize> =
            self.full.iter().chain(self.levels.iter().flatten()).map(|page| page.number).collect();
        let rest = roles.into_iter().filter(|(page, _)| !used.contains(&page.number));
        let (mut names, mut left_out) = (HashMap::<String, usize>::new(), 0);
        for (page, role) in rest {
            if role != Role::Mask && self.beside.len() == MAX_BESIDE {
                left_out += 1;
                continue;
            }
            let name = match role {
                Role::Beside(name) => name,
                Role::Mask => continue,
                Role::Image | Role::Reduced => {
                    let number = page.number;
                    let size = format!("{}x{} pixels", page.width, page.height);
                    let what = match images.other(self.first, page) {
                        // The first page of an image stands for all of them.
                        Some((_, _, first)) if first != number => continue,
                        Some((image, name, _)) => {
                            let name = if name.is_empty() { String::new() } else { format!("{name:?}, ") };
                            format!("image {image} of its OME-XML ({name}page {number} of {size})")
                        }
                        None => format!("page {number} of {size}"),
                    };
                    self.warnings.push(format!("{what} is another image and was left out"));
                    format!("page {number}")
                }
            };
            let taken = names.entry(name.clone()).or_default();
            *taken += 1;
            let name = if *taken == 1 { name } else { format!("{name} {taken}") };
            self.beside.push((name, page));
        }
        if left_out > 0 {
            self.warnings.push(format!("{left_out} more images beside the slide were left out"));
        }
    }
}

/// What the pages of the chain are. OME-XML in the first one names images beside the slide.
fn roles<'p, 'f>(pages: &'p Pages<'f>) -> Vec<(&'p Page<'f>, Role)> {
    let named = pages.list.first().map(|page| ome::beside(&page.description)).unwrap_or_default();
    let role = |page: &'p Page<'f>| match named.iter().find(|(number, _)| *number == page.number) {
        Some((_, name)) => (page, Role::Beside((*name).into())),
        None => (page, role(page)),
    };
    pages.list.iter().map(role).collect()
}

/// The first of the largest pages of a role.
fn largest<'p, 'f>(pages: &[(&'p Page<'f>, Role)], wanted: &Role) -> Option<&'p Page<'f>> {
    let found = pages.iter().filter(|(_, role)| role == wanted).map(|(page, _)| *page);
    // Of equal ones the last is the greatest to `max_by_key`, so the order is reversed.
    found.rev().max_by_key(|page| page.area())
}

fn only_beside(file: &PositionalFile) -> SlideError {
    let what = "no page but labels, overviews, masks and reduced copies of others (NewSubfileType)";
    SlideError::unsupported(file.path(), "TIFF", what, "give the file that holds the slide itself")
}

fn role(page: &Page<'_>) -> Role {
    let text = page.description.trim_start();
    if page.subfile & 4 != 0 {
        return Role::Mask;
    }
    if let Some(name) = aperio_name(page, text) {
        return Role::Beside(name.into());
    }
    if let Some(kind) = qptiff::image_type(text) {
        return match kind.as_str() {
            "fullresolution" => Role::Image,
            "reducedresolution" => Role::Reduced,
            _ => Role::Beside(kind),
        };
    }
    let word: String = text.chars().take_while(|c| c.is_ascii_alphabetic()).collect();
    let word = word.to_ascii_lowercase();
    match BESIDE.contains(&word.as_str()) {
        true => Role::Beside(word),
        false if page.subfile & 1 != 0 => Role::Reduced,
        false => Role::Image,
    }
}

/// What an image beside an Aperio slide is: its description says so in the second line; a page in strips without such a line
/// is the thumbnail, or, by its subfile type, the label (1) or the macro image (9).
fn aperio_name(page: &Page<'_>, text: &str) -> Option<&'static str> {
    if !text.starts_with("Aperio") {
        return None;
    }
    let second = text.lines().nth(1).unwrap_or_default().trim_start();
    match () {
        () if second.starts_with("label") => Some("label"),
        () if second.starts_with("macro") => Some("macro"),
        () if page.tiled || page.number == 0 => None,
        () if page.subfile == 1 => Some("label"),
        () if page.subfile == 9 => Some("macro"),
        () => Some("thumbnail"),
    }
}

/// The smaller resolutions of the slide, the largest first.
fn levels<'p, 'f>(
    full: &[&'p Page<'f>],
    roles: &[(&'p Page<'f>, Role)],
    images: &OmeImages,
) -> Vec<Vec<&'p Page<'f>>> {
    let Some(&first) = full.first() else { return Vec::new() };
    let mut levels: Vec<Vec<&Page<'f>>> = Vec::new();
    let depth = full.iter().map(|page| page.below.len()).min().unwrap_or(0);
    for index in 0..depth {
        let level: Vec<_> = full.iter().filter_map(|page| page.below.get(index)).collect();
        if level.iter().all(|page| is_level(first, page)) {
            levels.push(level);
        }
    }
    let chain = roles.iter().filter(|(page, role)| {
        page.number > first.number
            && matches!(role, Role::Image | Role::Reduced)
            && images.other(first, page).is_none()
            && is_level(first, page)
    });
    let mut groups: Vec<Vec<&Page<'f>>> = Vec::new();
    for (page, _) in chain {
        let group = groups.iter_mut().find(|group| group.first().is_some_and(|first| first.is_like(page)));
        match group {
            Some(group) => group.push(page),
            None => groups.push(vec![page]),
        }
    }
    levels.extend(groups.into_iter().filter(|group| group.len() == full.len()));
    let area = |level: &Vec<&Page<'f>>| level.first().map_or(0, |page| page.area());
    levels.sort_by_key(|level| std::cmp::Reverse(area(level)));
    levels.dedup_by_key(|level| level.first().map(|page| page.size()));
    levels
}

/// Whether `page` is a smaller copy of `full` by its size and kind.
fn is_level(full: &Page<'_>, page: &Page<'_>) -> bool {
    let kind = |page: &Page<'_>| (page.samples, page.bits);
    if kind(full) != kind(page) || (full.tiled && !page.tiled) {
        return false;
    }
    let (width, small) = (u64::from(full.width), u64::from(page.width));
    let near = |side: u32, quotient: u64| u64::from(side).abs_diff(quotient) <= LEVEL_TOLERANCE;
    // Of the whole numbers next to the quotient of the widths, one must fit both sides.
    let about = (width / small).max(2);
    (about..=about + 1)
        .any(|by| near(page.width, width / by) && near(page.height, u64::from(full.height) / by))
        && page.width < full.width
        && page.height <= full.height
}
