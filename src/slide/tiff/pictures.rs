//! From what was chosen to readers: the pages of each band in each resolution, and the windows of their values.

use super::super::error::SlideError;
use super::super::options::Selection;
use super::super::window::{Histogram, Levels, Window};
use super::alike;
use super::layout::Layout;
use super::levels::{Part, Picture};
use super::numbers::Numbers;
use super::pages::Page;
use super::reader::Readers;
use super::stack::{Band, Chosen};
use std::path::Path;

/// What all resolutions share.
pub(super) struct Pictures<'a> {
    path: &'a Path,
    readers: &'a Readers<'a>,
    chosen: &'a Chosen,
    /// The window of each band.
    windows: Vec<Window>,
    /// What becomes of the levels of each band of 8 bits, where a window was chosen for it.
    levels: Vec<Option<Levels>>,
    /// The range of each band's numbers, where they become codes.
    numbers: Vec<Option<Numbers>>,
}

/// What the windows follow besides the pixels.
pub(super) struct Wanted<'a> {
    /// The caller's choice of planes, and of the windows of channels.
    pub selection: &'a Selection,
    /// Bits in use, where the file's description says so.
    pub significant_bits: Option<u32>,
}

impl<'a> Pictures<'a> {
    /// Finds the windows on the pages of the full resolution. With it the layouts of the bands, and what is to be told.
    pub fn new(
        path: &'a Path,
        readers: &'a Readers<'a>,
        chosen: &'a Chosen,
        full: &[&Page<'_>],
        wanted: &Wanted<'_>,
    ) -> Result<(Self, Vec<Layout>, Vec<String>), SlideError> {
        let mut pictures =
            Self { path, readers, chosen, windows: Vec::new(), levels: Vec::new(), numbers: Vec::new() };
        let mut layouts = pictures.layouts(full)?;
        for layout in &mut layouts {
            readers.set_range(layout)?;
            pictures.numbers.push(layout.numbers);
        }
        let notes = pictures.find_windows(&layouts, wanted)?;
        pictures.set_windows(&mut layouts);
        Ok((pictures, layouts, notes))
    }

    /// The layouts of the bands in one resolution.
    fn layouts(&self, pages: &[&Page<'_>]) -> Result<Vec<Layout>, SlideError> {
        let layout = |band: &Band| {
            let missing = || SlideError::corrupt(self.path, "TIFF", format!("page {}", band.page), "missing");
            let mut layout = self.readers.layout(pages.get(band.page).ok_or_else(missing)?)?;
            if let Some((sample, _)) = band.channel {
                layout.pick(self.path, sample)?;
            }
            Ok(layout)
        };
        self.chosen.bands.iter().map(layout).collect()
    }

    fn set_windows(&self, layouts: &mut [Layout]) {
        for ((layout, window), numbers) in layouts.iter_mut().zip(&self.windows).zip(&self.numbers) {
            (layout.window, layout.numbers) = (*window, layout.numbers.and(*numbers));
        }
    }

    /// Finds the window of each band by the rule of `slide::window`.
    fn find_windows(&mut self, layouts: &[Layout], wanted: &Wanted<'_>) -> Result<Vec<String>, SlideError> {
        let mut notes = Vec::new();
        for (index, layout) in layouts.iter().enumerate() {
            let bits = layout.bits;
            // Bands are the chosen channels, in their order.
            let levels =
                wanted.selection.own_window_at(index).filter(|_| bits == 8 && layout.numbers.is_none());
            self.levels.push(levels.map(|window| Levels::new(self.path, window)).transpose()?);
            let asked = wanted.selection.window_at(index).filter(|_| levels.is_none());
            let (window, why) = match (asked, wanted.significant_bits) {
                (Some((low, high)), _) if layout.numbers.is_some() => {
                    let code = |value: u32| layout.numbers.map_or(0, |numbers| numbers.code(value.into()));
                    let codes = (code(low).into(), code(high).into());
                    (Window::chosen(self.path, codes, 16)?, "as was asked for".to_string())
                }
                (Some(values), _) => {
                    (Window::chosen(self.path, values, bits)?, "as was asked for".to_string())
                }
                _ if bits <= 8 && layout.numbers.is_none() => (layout.window, String::new()),
                (None, Some(significant)) if significant < bits && layout.numbers.is_none() => {
                    (Window::of_bits(significant), "as the file declares".into())
                }
                // Inks have their full range, which `pixel_tags` checks.
                _ if layout.is_inks() => (layout.window, String::new()),
                _ if self.chosen.is_rgb && layouts.iter().all(|layout| layout.declared) => {
                    (together(layouts, layout.window), "as the file declares".into())
                }
                _ if layout.declared && !self.chosen.is_rgb => (layout.window, "as the file declares".into()),
                _ => self.measured(layout, layouts)?,
            };
            self.windows.push(window);
            if !why.is_empty() || layout.numbers.is_some() {
                let note = match layout.numbers {
                    Some(numbers) => note_of(&numbers, window, &why),
                    None => window.note(bits, &why),
                };
                let name = if layouts.len() > 1 && !self.chosen.is_rgb {
                    format!("chosen channel {index}: ")
                } else {
                    String::new()
                };
                notes.push(name + &note);
            }
        }
        notes.dedup();
        Ok(notes)
    }

    /// The window of a band by its own values, or, of the channels of one RGB image, by those of all three.
    fn measured(&self, layout: &Layout, layouts: &[Layout]) -> Result<(Window, String), SlideError> {
        let mut histogram = Histogram::new();
        let same = if self.chosen.is_rgb { layouts } else { std::slice::from_ref(layout) };
        let mut measured = 0;
        for layout in same {
            measured = self.readers.sample(layout, &mut histogram)?;
        }
        let (all, kind) =
            (u64::from(layout.across) * u64::from(layout.down), if layout.tiled { "tiles" } else { "parts" });
        let on =
            if measured == all { "on all pixels".into() } else { format!("on {measured} of {all} {kind}") };
        let is_colors = self.chosen.is_rgb || layout.channels() == 3;
        let window =
            if is_colors { histogram.of_colors(layout.window) } else { histogram.of_channel(layout.window) };
        let why = if window == layout.window { String::new() } else { format!("measured {on}") };
        Ok((window, why))
    }

    /// The picture of the full resolution.
    pub fn full(&self, layouts: Vec<Layout>) -> Picture {
        self.picture(layouts)
    }

    /// The picture of a smaller resolution, of one page for each of the full one; the reason where it shows something else than that.
    pub fn smaller(&self, pages: &[&Page<'_>], full: &Picture) -> Result<Picture, String> {
        let mut layouts = self.layouts(pages).map_err(|error| error.to_string())?;
        if let Some(why) = full.layouts().zip(&layouts).find_map(|(full, own)| alike::difference(full, own)) {
            return Err(why);
        }
        self.set_windows(&mut layouts);
        Ok(self.picture(layouts))
    }

    fn picture(&self, layouts: Vec<Layout>) -> Picture {
        let colors = self.chosen.bands.iter().map(|band| band.channel.map_or([255; 3], |(_, color)| color));
        let all = layouts.into_iter().map(|layout| self.readers.reader(layout)).zip(colors).zip(&self.levels);
        let mut parts: Vec<_> =
            all.map(|((page, color), levels)| Part { page, color, levels: levels.clone() }).collect();
        // A page as it is, or one channel in white, which is gray.
        match parts.pop() {
            Some(Part { page, color: [255, 255, 255], levels: None }) if parts.is_empty() => {
                Picture::Page(Box::new(page))
            }
            last => {
                parts.extend(last);
                Picture::Blend(parts)
            }
        }
    }
}

/// From the lowest to the highest value of the channels of one RGB image.
fn together(layouts: &[Layout], own: Window) -> Window {
    let windows = || layouts.iter().map(|layout| layout.window);
    let low = windows().map(|window| window.low).min().unwrap_or(own.low);
    Window { low, high: windows().map(|window| window.high).max().unwrap_or(own.high), ..own }
}

/// What to tell of numbers that became codes.
fn note_of(numbers: &Numbers, window: Window, why: &str) -> String {
    let (low, high) = (numbers.value(window.low), numbers.value(window.high));
    let why = if why.is_empty() { "all that occur" } else { why };
    format!(
        "its samples are {}; the values {low} to {high} were read as black to white ({why})",
        numbers.name()
    )
}
