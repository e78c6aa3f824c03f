//! A tour over its slide: the pixels of each frame, and what is drawn over them.

use std::io::Write;
use std::ops::Range;
use std::path::Path;

use super::camera::{Camera, View};
use super::captions::{Script, marks};
use super::effects::Effects;
use super::error::Result;
use super::ffmpeg::filter_path;
use super::plan::{Cue, Format, Keyframe, Tour};
use super::viewport::Stage;
use crate::backend::Cancel;
use crate::backend::scheduler::Scheduler;
use crate::store::FileError;

/// A tour over a slide: all that its frames depend on.
pub struct Scene<'a> {
    /// The document.
    pub tour: &'a Tour,
    stage: &'a Stage,
    camera: Camera,
    effects: Effects,
    /// Size and rate of the video.
    pub format: Format,
}

impl<'a> Scene<'a> {
    /// `document` is named in errors.
    ///
    /// # Errors
    /// [`Error::Unfit`].
    pub fn new(
        tour: &'a Tour,
        stage: &'a Stage,
        keys: &[Keyframe],
        format: Format,
        document: &Path,
    ) -> Result<Self> {
        let camera = Camera::new(keys, stage.scale(), format, document)?;
        Ok(Self { tour, stage, camera, effects: Effects::default(), format })
    }

    /// The same with captions that are drawn already; the script has the others.
    #[must_use]
    pub fn with(self, effects: Effects) -> Self {
        Self { effects, ..self }
    }

    /// What is left out of its captions.
    pub fn notes(&self) -> &[String] {
        self.effects.notes()
    }

    /// What a frame shows.
    pub fn view(&self, frame: u64) -> View {
        self.camera.at(self.format.time_of(frame))
    }

    /// The pixels of a frame, with the captions that have effects, before the script is drawn over them.
    ///
    /// # Errors
    /// As [`Stage::frame`].
    pub fn frame(&self, number: u64, goes_on: &dyn Fn() -> bool) -> Result<Vec<u8>> {
        let mut rgb = self.stage.frame(&self.view(number), self.format, goes_on)?;
        self.effects.lay(number, self.format, &mut rgb);
        Ok(rgb)
    }

    /// Makes these frames on the threads of `scheduler` and passes their pixels to `sink` in order.
    ///
    /// # Errors
    /// As [`Stage::frame`]; those of `sink`; the end of the run once `cancel` is requested.
    pub fn frames(
        &self,
        numbers: Range<u64>,
        scheduler: &Scheduler,
        cancel: &Cancel,
        sink: impl FnMut(Vec<u8>) -> Result<()>,
    ) -> Result<()> {
        let goes_on = || !cancel.is_requested();
        let bytes = 3 * u64::from(self.format.width) * u64::from(self.format.height);
        // A frame is held with what it is made of: up to four times its pixels, and rows of them in light.
        scheduler.ordered(8 * bytes, numbers.map(Ok), |number| self.frame(number, &goes_on), sink)
    }

    /// What is drawn over these frames.
    pub fn script(&self, frames: Range<u64>) -> String {
        let mut script = Script::new(self.format, frames);
        marks::corners(
            &mut script,
            self.tour.corners,
            &self.camera,
            self.stage.scale(),
            self.stage.is_lossy(),
        );
        for mark in &self.tour.highlights {
            marks::highlight(&mut script, mark, &self.camera);
        }
        marks::pointer(&mut script, &self.tour.pointer, &self.camera);
        let drawn = |&(number, _): &(usize, &Cue)| !self.effects.has(number);
        self.tour.cues.iter().enumerate().filter(drawn).for_each(|(_, cue)| script.cue(cue));
        if let Some(title) = &self.tour.title {
            script.title(title);
        }
        script.text()
    }

    /// The filter that draws a script over frames from `first` on, which have the times of the whole tour while it draws.
    pub fn drawing(&self, script: &str, first: u64) -> String {
        let (above, below) = self.format.fps;
        let shift = format!("{first}*{below}/({above}*TB)");
        format!("setpts=PTS+{shift},ass=filename={script},setpts=PTS-{shift}")
    }
}

/// Writes a script; returns the path as a filter reads it.
pub fn write(path: &Path, text: &str) -> Result<String> {
    let file = |source| FileError { action: "write", path: path.into(), source };
    std::fs::File::create(path).and_then(|mut file| file.write_all(text.as_bytes())).map_err(file)?;
    Ok(filter_path(path))
}
