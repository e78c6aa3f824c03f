//! The frames of a tour as pixels, without a video.

use std::path::Path;

use super::error::{Error, Result};
use super::plan::{DEFAULT_FORMAT, Format, Source, Tour};
use super::scene::Scene;
use super::viewport::Stage;
use crate::backend::Cancel;
use crate::backend::scheduler::Scheduler;

/// Makes the frames of a tour over a slide, at most the first `limit`, and passes each to `sink` in order: interleaved 8-bit sRGB, as
/// ffmpeg gets it, before anything is drawn over it. `document` is named in errors. Returns the size and rate of the video, and the
/// number of frames that were made.
///
/// # Errors
/// A slide that cannot be read; the end of the run once `cancel` is requested.
pub fn raw_frames(
    tour: &Tour,
    document: &Path,
    limit: u64,
    scheduler: &Scheduler,
    cancel: &Cancel,
    mut sink: impl FnMut(&[u8]),
) -> Result<(Format, u64)> {
    let Source::Slide { path, camera } = &tour.source else {
        let problem = "frames are made of a tour over a slide; this one is over a video".into();
        return Err(Error::Unfit { path: document.into(), problem });
    };
    let stage = Stage::open(path)?;
    let scene = Scene::new(tour, &stage, camera, tour.format_over(DEFAULT_FORMAT), document)?;
    let count = tour.frames(scene.format).min(limit);
    scene.frames(0..count, scheduler, cancel, |frame| {
        sink(&frame);
        Ok(())
    })?;
    Ok((scene.format, count))
}
