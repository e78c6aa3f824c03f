//! Which page belongs to which image of an OME-TIFF.
//!
//! A file may hold several images: areas of one glass, several glasses, a slide and pictures beside it. They may have one size, or
//! sizes like those of resolutions, and are never parts of each other. Resolutions of an image lie below its pages.

use super::pages::{Page, Pages};
use super::{ome, xml};
use std::collections::HashMap;
use std::path::Path;

/// Entries of pages that are followed.
const MAX_ENTRIES: usize = 1 << 20;

/// The images of a file by their pages; none where it is no OME-TIFF, or does not say whose its pages are.
#[derive(Debug, Default)]
pub(super) struct OmeImages {
    /// The image of each page of the chain that an image lists.
    of_page: HashMap<usize, usize>,
    /// Name and first page of each image.
    images: Vec<(String, usize)>,
}

impl OmeImages {
    /// Those of a file. OME-XML that cannot be read is refused where its planes are looked for.
    pub fn of(path: &Path, pages: &Pages<'_>) -> Self {
        let mut found = Self::default();
        let Some(first) = pages.list.first().filter(|page| ome::is_ome(&page.description)) else {
            return found;
        };
        let Ok(document) = xml::parse(&first.description) else { return found };
        let (root, count) = (document.root_element(), pages.list.last().map_or(0, |page| page.number + 1));
        let mut entries = 0;
        for (index, image) in ome::children(root, "Image").enumerate() {
            found.images.push((image.attribute("Name").unwrap_or_default().to_string(), usize::MAX));
            let Some(pixels) = ome::pixels(image) else { continue };
            let size = |name| u64::from(ome::number(pixels, name).unwrap_or(1).max(1));
            let in_pages = size("SizeC").div_ceil(first.samples.max(1));
            let planes = in_pages.saturating_mul(size("SizeZ")).saturating_mul(size("SizeT"));
            for data in ome::children(pixels, "TiffData") {
                if ome::elsewhere(path, root, data).is_some() {
                    continue;
                }
                let start = ome::number(data, "IFD").unwrap_or(0) as usize;
                let all = if data.has_attribute("IFD") { 1 } else { planes };
                let own = ome::number(data, "PlaneCount").map_or(all, u64::from);
                let end = start.saturating_add(usize::try_from(own).unwrap_or(usize::MAX)).min(count);
                entries += 1 + end.saturating_sub(start);
                if entries > MAX_ENTRIES {
                    return found;
                }
                for page in start..end {
                    found.claim(page, index);
                }
            }
        }
        found
    }

    fn claim(&mut self, page: usize, image: usize) {
        if *self.of_page.entry(page).or_insert(image) == image
            && let Some((_, first)) = self.images.get_mut(image)
        {
            *first = page.min(*first);
        }
    }

    /// Whether a page may be a plane of the image of another one: where that is known, both are of the same.
    pub fn same(&self, slide: &Page<'_>, page: &Page<'_>) -> bool {
        let own = self.of_page.get(&slide.number);
        own.is_none() || own == self.of_page.get(&page.number)
    }

    /// The number, the name and the first page of the image of a page, where it is another one than that of the slide.
    pub fn other(&self, slide: &Page<'_>, page: &Page<'_>) -> Option<(usize, &str, usize)> {
        let own = self.of_page.get(&slide.number)?;
        let other = *self.of_page.get(&page.number).filter(|other| *other != own)?;
        self.images.get(other).map(|(name, first)| (other, name.as_str(), *first))
    }
}
