//! One frame of a tour.

use std::path::Path;

use super::effects::Effects;
use super::error::{Error, Result};
use super::ffmpeg::{Child, Ffmpeg, raw_input};
use super::plan::{DEFAULT_FORMAT, Source, Tour};
use super::scene::{Scene, write};
use super::viewport::Stage;
use super::work_folder::WorkFolder;
use crate::backend::Cancel;
use crate::store::FileError;

/// What is drawn over the pixels of a still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drawn {
    /// All that the video has.
    All,
    /// Nothing.
    Nothing,
}

/// The frame that is seen at `time` seconds as PNG at `out`, which is replaced as a whole.
///
/// # Errors
/// A slide that cannot be read; ffmpeg.
pub fn still(
    tour: &Tour,
    document: &Path,
    ffmpeg: &Ffmpeg,
    time: f64,
    drawn: Drawn,
    out: &Path,
) -> Result<()> {
    let file = |action| move |source| FileError { action, path: out.into(), source };
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let work = WorkFolder::new(folder).map_err(file("write"))?;
    let picture = work.path().join("still.png");
    let Source::Slide { path, camera } = &tour.source else {
        let problem =
            "a still is made of a tour over a slide; render the video, and take a frame of it".into();
        return Err(Error::Unfit { path: document.into(), problem });
    };
    let stage = Stage::open(path)?;
    let format = tour.format_over(DEFAULT_FORMAT);
    let scene = Scene::new(tour, &stage, camera, format, document)?;
    // Ctrl-C ends the program at once.
    let cancel = Cancel::default();
    let scene = match drawn {
        Drawn::All => scene.with(Effects::draw(tour, format, work.path(), &cancel)?),
        Drawn::Nothing => scene,
    };
    let number = format.frame_at(time).min(tour.frames(format) - 1);
    let mut command = ffmpeg.command();
    command.args(raw_input(scene.format));
    if drawn == Drawn::All {
        let script = write(&work.path().join("captions.ass"), &scene.script(number..number + 1))?;
        command.args(["-vf", &scene.drawing(&script, number)]);
    }
    command.args(["-frames:v", "1", "-c:v", "png", "-f", "image2"]).arg(&picture);
    let mut child = Child::start(command, "draw the frame", &cancel)?;
    child.write(&scene.frame(number, &|| true)?)?;
    child.finish()?;
    std::fs::rename(&picture, out).map_err(file("replace"))?;
    Ok(())
}
