//! Captions whose styles ask for effects of CSS that libass does not have: drawn by Chromium, each look once, and laid over frames.
//!
//! | module | what it is |
//! |---|---|
//! | `browser` | the program: found, run without a network, ended with the rendering |
//! | `page` | a caption as a page: text and style as data, no markup of the document's |
//! | `backdrop` | the filter of what is under a caption |
//! | `picture` | what it has drawn, and the arithmetic of laying it over a frame |

pub mod backdrop;
mod browser;
mod page;
mod picture;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;

use self::backdrop::Backdrop;
use self::browser::Browser;
use self::picture::Picture;
use super::error::{Error, Result};
use super::plan::{Cue, Format, Tour};
use crate::backend::Cancel;

/// The version of the Chromium that draws effects of CSS, as it says it; `None` where there is none.
pub fn chromium() -> Option<String> {
    Browser::find().map(|browser| browser.version().to_string())
}

/// Browsers that a rendering runs at a time.
pub const BROWSERS: usize = 2;
/// Most memory for pictures, in bytes.
const MAX_BYTES: usize = 512 << 20;

/// The pictures of a tour's captions.
#[derive(Default)]
pub struct Effects {
    pictures: Vec<Picture>,
    /// By the number of a cue.
    cues: BTreeMap<usize, Laid>,
    /// What is left out.
    notes: Vec<String>,
}

/// A cue that is drawn here.
struct Laid {
    /// The frames that have it.
    frames: Range<u64>,
    /// The number of its picture.
    picture: usize,
    /// The filter of what is under it, and the number of the picture of its box.
    backdrop: Option<(Backdrop, usize)>,
}

impl Effects {
    /// Draws them in the folder `work`. Where there is no Chromium, libass draws these captions without the effects, which is noted.
    ///
    /// # Errors
    /// [`Error::Chromium`]; captions whose pictures take too much memory; the end of the run.
    pub fn draw(tour: &Tour, format: Format, work: &Path, cancel: &Cancel) -> Result<Self> {
        let Some(first) = wanting(tour).next() else { return Ok(Self::default()) };
        let Some(browser) = Browser::find() else {
            return Ok(Self {
                notes: vec![left_out(first, "there is no Chromium here (apt install chromium)")],
                ..Self::default()
            });
        };
        // Cues that look alike share a picture.
        let mut pages: Vec<String> = Vec::new();
        let mut number_of = |page: String| {
            pages.iter().position(|other| *other == page).unwrap_or_else(|| {
                pages.push(page);
                pages.len() - 1
            })
        };
        let mut cues = BTreeMap::new();
        for (number, cue) in wanting(tour) {
            let frames = format.first_frame_at(cue.start)..format.first_frame_at(cue.end);
            let picture = number_of(page::of(&cue.text, &cue.style, format));
            let filter = cue.style.backdrop.clone().filter(|filter| !filter.is_none());
            let backdrop =
                filter.map(|filter| (filter, number_of(page::box_of(&cue.text, &cue.style, format))));
            cues.insert(number, Laid { frames, picture, backdrop });
        }
        let pictures = drawn(&browser, &pages, format, work, cancel)?;
        Ok(Self { pictures, cues, notes: Vec::new() })
    }

    /// Whether nothing is drawn here.
    pub fn is_empty(&self) -> bool {
        self.cues.is_empty()
    }

    /// Whether a cue is drawn here.
    pub fn has(&self, cue: usize) -> bool {
        self.cues.contains_key(&cue)
    }

    /// What is left out.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Lays the captions of a frame over its pixels: interleaved 8-bit RGB.
    pub fn lay(&self, frame: u64, format: Format, rgb: &mut [u8]) {
        let width = format.width as usize;
        for Laid { picture, backdrop, .. } in self.cues.values().filter(|cue| cue.frames.contains(&frame)) {
            if let Some((filter, area)) = backdrop
                && let Some(area) = self.pictures.get(*area)
            {
                area.filter(filter, width, rgb);
            }
            if let Some(picture) = self.pictures.get(*picture) {
                picture.lay(width, rgb);
            }
        }
    }
}

/// The cues that ask for effects, with their numbers.
fn wanting(tour: &Tour) -> impl Iterator<Item = (usize, &Cue)> {
    tour.cues.iter().enumerate().filter(|(_, cue)| !cue.style.beyond_libass().is_empty())
}

fn left_out((number, cue): (usize, &Cue), why: &str) -> String {
    format!("cues[{number}]: {} is left out: {why}", cue.style.beyond_libass().join(", "))
}

fn drawn(
    browser: &Browser,
    pages: &[String],
    format: Format,
    work: &Path,
    cancel: &Cancel,
) -> Result<Vec<Picture>> {
    let next = AtomicUsize::new(0);
    let done: Mutex<BTreeMap<usize, Result<Picture>>> = Mutex::new(BTreeMap::new());
    thread::scope(|scope| {
        for _ in 0..BROWSERS.min(pages.len()) {
            scope.spawn(|| {
                while let Some((index, page)) =
                    Some(next.fetch_add(1, Relaxed)).and_then(|index| Some((index, pages.get(index)?)))
                {
                    let result = browser.draw(page, format, work, index, cancel);
                    let failed = result.is_err();
                    let mut done = done.lock().unwrap_or_else(|e| e.into_inner());
                    done.insert(index, result);
                    let bytes: usize = done.values().flatten().map(Picture::bytes).sum();
                    if failed || bytes > MAX_BYTES {
                        break;
                    }
                }
            });
        }
    });
    cancel.check()?;
    let done = done.into_inner().unwrap_or_else(|e| e.into_inner());
    let pictures: Vec<Picture> = done.into_values().collect::<Result<_>>()?;
    let bytes: usize = pictures.iter().map(Picture::bytes).sum();
    if bytes > MAX_BYTES || pictures.len() < pages.len() {
        let said =
            format!("their pictures take more than {} MiB; give fewer of them effects", MAX_BYTES >> 20);
        return Err(Error::Chromium { task: "draw the captions".into(), said });
    }
    Ok(pictures)
}
