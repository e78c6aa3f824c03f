//! One plane of an image: how it is shown, and where its frames lie. Which one it is, `resolutions` chooses.

use super::super::region::Region;
use super::super::window::Window;
use super::absent;
use super::frames::Frames;
use super::header::OpticalPath;
use super::image::{Image, TilePlace};
use super::palette::Palette;
use crate::store::Arrival;
use std::sync::Arc;

/// One plane of an image.
#[derive(Debug)]
pub(super) struct Level {
    pub image: Arc<Image>,
    /// The number of its optical path in the image, and of its focal plane.
    pub path: u32,
    pub plane: u32,
    /// What of samples in 16 bits becomes black and white.
    pub window: Window,
    /// The colours of the values, where the optical path has a palette that is used.
    pub palette: Option<Palette>,
    /// The colour of gray samples beside other channels.
    pub color: [u8; 3],
    /// Whether it is shown in colours that are put together with those of others.
    pub is_blended: bool,
    /// The colour of tiles that are missing, as samples.
    pub absent: Vec<u8>,
}

impl Level {
    /// A plane of an image, by the numbers of its optical path and focal plane there.
    pub fn of(image: Arc<Image>, path: u32, plane: u32) -> Self {
        let color = image.header.absent_lab.map_or([255; 3], absent::srgb);
        let absent = match image.format.channels() {
            1 => vec![((u32::from(color[0]) + u32::from(color[1]) + u32::from(color[2])) / 3) as u8],
            _ => color.to_vec(),
        };
        let window = Window::of_bits(image.format.bits);
        Self { image, path, plane, window, palette: None, color: [255; 3], is_blended: false, absent }
    }

    /// The identifier of its optical path.
    pub fn path_name(&self) -> &str {
        self.image.paths.get(self.path as usize).map_or("", String::as_str)
    }

    /// The palette of its optical path; an error says why it cannot be read.
    pub fn own_palette(&self) -> Result<Option<Palette>, String> {
        let lookup = self.optical_path().map(|path| &path.lookup);
        Ok(lookup.map(Palette::read).transpose()?.flatten())
    }

    /// Shows its gray values in the colours of a palette.
    pub fn set_palette(&mut self, palette: Palette) {
        self.absent = self.image.header.absent_lab.map_or([255; 3], absent::srgb).to_vec();
        self.palette = Some(palette);
    }

    /// Shows it beside other channels: in the colours of its palette, else in one colour. What is missing is black.
    pub fn set_blended(&mut self, palette: Option<Palette>, color: [u8; 3]) {
        (self.palette, self.color, self.is_blended) = (palette, color, true);
        self.absent = vec![0; self.channels().into()];
    }

    /// Channels of its pixels.
    pub fn channels(&self) -> u8 {
        if self.palette.is_some() { 3 } else { self.image.format.channels() }
    }

    /// What the file says of the chosen optical path.
    pub fn optical_path(&self) -> Option<&OpticalPath> {
        let paths = &self.image.header.paths;
        paths.iter().find(|path| path.identifier == self.path_name())
    }

    /// Says which frames will be read soon: those of a region.
    pub fn will_read(&self, region: Region) -> Arrival {
        let (width, height) = (self.image.format.width.max(1), self.image.format.height.max(1));
        let last = |first: u32, size: u32| first.saturating_add(size.saturating_sub(1));
        let rows = region.y / height..=last(region.y, region.height) / height;
        let of_row = |row| {
            let columns = region.x / width..=last(region.x, region.width) / width;
            let frames: Vec<_> = columns.filter_map(|column| self.frame(column, row)).collect();
            let Some((file, ..)) = frames.first().filter(|(frames, ..)| frames.file().is_far()) else {
                return Arrival::default();
            };
            // The parts of a resolution lie in several files; a row lies in one of them as a rule.
            let same = frames.iter().filter(|(frames, ..)| std::ptr::eq(*frames, *file));
            let ranges: Vec<_> = same.filter_map(|(frames, frame, _)| frames.range(*frame)).collect();
            file.file().will_read(&ranges)
        };
        rows.map(of_row).collect()
    }

    /// The file, number in it and number in the image of a tile's frame; `None` where it is missing.
    pub fn frame(&self, column: u32, row: u32) -> Option<(&Frames, u32, u32)> {
        self.image.frame(TilePlace { path: self.path, plane: self.plane, row, column })
    }

    /// Tiles of the plane that are missing.
    pub fn missing(&self) -> u64 {
        self.image.missing(self.path, self.plane)
    }
}
