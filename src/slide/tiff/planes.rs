//! What the pages of a TIFF's slide are to each other: channels, focal planes, points in time.
//!
//! OME-XML, the descriptions of QPTIFF and of ImageJ say it. Without any of them, several pages of one sample are channels, several
//! pages of colours are focal planes, and samples beyond the colours are channels.

use super::super::error::SlideError;
use super::super::positional::PositionalFile;
use super::contents::Contents;
use super::pages::Page;
use super::pixel_tags::PixelTags;
use super::stack::{Channel, Stack};
use super::{imagej, ome, qptiff, tag};

/// How the pages of the slide hang together. `first` is the first page of the file.
pub(super) fn stack(
    file: &PositionalFile,
    contents: &Contents<'_, '_>,
    first: &Page<'_>,
) -> Result<Stack, SlideError> {
    let slide = contents.slide();
    let per_page = channels_in(file, slide)?;
    if let Some(found) = ome::stack(file.path(), &contents.full, first, per_page) {
        return found;
    }
    if slide.is_gray() && qptiff::image_type(&slide.description).is_some() {
        let channels = contents.full.iter().map(|page| qptiff::channel(&page.description)).collect();
        return Ok(Stack::plain(channels, 1, 1, 1));
    }
    if let Some(found) = imagej::stack(file.path(), contents, first, per_page) {
        return found;
    }
    let count = contents.full.len() as u32;
    Ok(match (slide.is_gray(), per_page) {
        (true, _) => Stack::plain(vec![Channel::default(); count as usize], 1, 1, 1),
        (_, 1) => Stack::plain(Vec::new(), 1, count, 1),
        _ => Stack::plain(vec![Channel::default(); per_page as usize], per_page, count, 1),
    })
}

/// The channels in the samples of a page: 1 where they are gray or colours, with or without opacity and one sample of no
/// declared meaning beside colours.
fn channels_in(file: &PositionalFile, page: &Page<'_>) -> Result<u32, SlideError> {
    let tags = PixelTags { file, directory: &page.directory };
    let colors = match page.directory.number(tag::PHOTOMETRIC)? {
        Some(0 | 1) => 1,
        Some(2) => 3,
        _ => return Ok(1),
    };
    let samples = page.samples.min(u64::from(u16::MAX)) as usize;
    let opacity = usize::from(tags.opacity(colors, samples)?.is_some());
    let channels = samples.saturating_sub(opacity);
    let allowed = if colors == 1 { 1 } else { 4 };
    Ok(if channels > allowed { channels as u32 } else { 1 })
}
