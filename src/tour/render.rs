//! A whole video: in segments, each coded by an ffmpeg of its own, joined without coding again.

use std::ops::Range;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::thread;

use super::camera::{Camera, View};
use super::effects::Effects;
use super::error::{Error, Result};
use super::ffmpeg::{Child, frame_times, raw_input};
use super::job::{Rendered, Rendering, sound};
use super::plan::{DEFAULT_FORMAT, Format, Source, Tour};
use super::scene::{Scene, write};
use super::video::of_video;
use super::viewport::Stage;
use super::work_folder::WorkFolder;
use crate::backend::Cancel;
use crate::backend::scheduler::Scheduler;
use crate::store::{FileError, is_address};

/// Seconds of a segment. The segments are the tour's, not the machine's: the video does not depend on the number of workers.
const SEGMENT_SECONDS: f64 = 10.0;
/// How often a segment is tried.
const ATTEMPTS: u32 = 3;

/// Whether the source of a tour can be opened and allows what the tour asks of it. Returns what its reader assumed or left out.
/// `document` is named in errors.
///
/// # Errors
/// As [`render`].
pub fn check(tour: &Tour, document: &Path) -> Result<Vec<String>> {
    match &tour.source {
        Source::Slide { path, camera } => {
            let stage = Stage::open(path)?;
            Scene::new(tour, &stage, camera, tour.format_over(DEFAULT_FORMAT), document)?;
            Ok(stage.warnings().to_vec())
        }
        Source::Video(path) if is_address(path) => Ok(Vec::new()),
        Source::Video(path) => {
            let opened = std::fs::File::open(path).map(|_| Vec::new());
            Ok(opened.map_err(|source| FileError { action: "open", path: path.clone(), source })?)
        }
    }
}

/// What the camera of a tour over a slide shows at times in seconds, and the size of the frame. `document` is named in errors.
///
/// # Errors
/// As [`check`]; [`Error::Unfit`]: a tour of a video.
pub fn views(tour: &Tour, document: &Path, times: &[f64]) -> Result<(Format, Vec<View>)> {
    let Source::Slide { path, camera } = &tour.source else {
        let problem = "a video has no camera; give a tour over a slide".into();
        return Err(Error::Unfit { path: document.into(), problem });
    };
    let (stage, format) = (Stage::open(path)?, tour.format_over(DEFAULT_FORMAT));
    let camera = Camera::new(camera, stage.scale(), format, document)?;
    Ok((format, times.iter().map(|&time| camera.at(time)).collect()))
}

/// Renders a tour to an MP4 at `out`, which is replaced as a whole. `document` is named in errors.
///
/// ```no_run
/// use std::path::Path;
///
/// use origami::backend::Cancel;
/// use origami::backend::scheduler::Scheduler;
/// use origami::tour::{Encoder, Ffmpeg, Rendering, Strictness, read, render};
///
/// let document = Path::new("tour.json");
/// let (tour, _warnings) = read(document, &std::fs::read_to_string(document)?, Strictness::Strict)?;
/// let (ffmpeg, scheduler) = (Ffmpeg::find(None)?, Scheduler::new(0)?);
/// let with = Rendering {
///     ffmpeg: &ffmpeg,
///     encoder: Encoder::choose(&ffmpeg)?,
///     scheduler: &scheduler,
///     workers: 2,
///     cancel: Cancel::default(),
///     progress: &|done, all| println!("{done} of {all} frames"),
/// };
/// let video = render(&tour, document, &with, Path::new("tour.mp4"))?;
/// println!("{} bytes", video.bytes);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// A slide or video that cannot be read; ffmpeg; [`Error::FrameCount`]; the end of the run.
pub fn render(tour: &Tour, document: &Path, with: &Rendering<'_>, out: &Path) -> Result<Rendered> {
    let failed = |action| move |source| FileError { action, path: out.into(), source };
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // On the file system of the result, so that this is renamed into place.
    let work = WorkFolder::new(folder).map_err(failed("write"))?;
    let joined = work.path().join("video.mp4");
    let made = match &tour.source {
        Source::Slide { path, camera } => {
            let stage = Stage::open(path)?;
            let format = tour.format_over(DEFAULT_FORMAT);
            let scene = Scene::new(tour, &stage, camera, format, document)?;
            let scene = scene.with(Effects::draw(tour, format, work.path(), &with.cancel)?);
            of_slide(&scene, with, work.path(), &joined)?
        }
        Source::Video(path) => of_video(tour, path, with, work.path(), &joined)?,
    };
    with.cancel.check()?;
    let file = std::fs::File::open(&joined).map_err(failed("read"))?;
    file.sync_all().map_err(failed("write"))?;
    let bytes = file.metadata().map_err(failed("read"))?.len();
    std::fs::rename(&joined, out).map_err(failed("replace"))?;
    Ok(Rendered { bytes, ..made })
}

/// The parts of a video that are coded on their own.
fn segments(frames: u64, format: Format) -> Vec<Range<u64>> {
    let length = format.first_frame_at(SEGMENT_SECONDS).max(1);
    (0..frames.div_ceil(length)).map(|i| i * length..((i + 1) * length).min(frames)).collect()
}

fn of_slide(scene: &Scene<'_>, with: &Rendering<'_>, work: &Path, out: &Path) -> Result<Rendered> {
    let frames = scene.tour.frames(scene.format);
    let parts = segments(frames, scene.format);
    let workers = with.workers.clamp(1, parts.len());
    let (next, repeated) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let coded: Vec<AtomicU64> = parts.iter().map(|_| AtomicU64::new(0)).collect();
    // That of the first segment that failed, by its place in the video.
    let first_error: Mutex<Option<(usize, Error)>> = Mutex::new(None);
    // A failure ends the other workers as well, and is no request of the caller's.
    let stop = Cancel::default();
    let path_of = |index: usize| work.join(format!("{index:05}.mp4"));
    let tell = |index: usize, count: u64| {
        coded[index].store(count, Relaxed);
        (with.progress)(coded.iter().map(|count| count.load(Relaxed)).sum(), frames);
    };
    let one = |index: usize, scheduler: &Scheduler| {
        let mut attempts = 1;
        loop {
            let tell = |count| tell(index, count);
            match segment(scene, with, scheduler, parts[index].clone(), &path_of(index), &tell) {
                Err(Error::Ffmpeg { .. }) if attempts < ATTEMPTS && !with.cancel.is_requested() => {
                    repeated.fetch_add(1, Relaxed);
                    attempts += 1;
                }
                result => return result,
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                let scheduler = with.scheduler.sharing(workers, with.cancel.clone());
                while let Some(index) = Some(next.fetch_add(1, Relaxed)).filter(|&index| index < parts.len())
                {
                    if stop.is_requested() {
                        break;
                    }
                    if let Err(error) = one(index, &scheduler) {
                        stop.request();
                        let mut first = first_error.lock().unwrap_or_else(|e| e.into_inner());
                        if first.as_ref().is_none_or(|&(before, _)| index < before) {
                            *first = Some((index, error));
                        }
                    }
                }
            });
        }
    });
    with.cancel.check()?;
    if let Some((_, error)) = first_error.into_inner().unwrap_or_else(|e| e.into_inner()) {
        return Err(error);
    }
    join(scene.tour, with, work, parts.len(), out)?;
    count(with, out, frames)?;
    let (segments, repeated) = (parts.len(), repeated.into_inner());
    let notes = scene.notes().to_vec();
    Ok(Rendered { format: scene.format, frames, segments, repeated, bytes: 0, notes })
}

/// Renders and codes a part of the video.
fn segment(
    scene: &Scene<'_>,
    with: &Rendering<'_>,
    scheduler: &Scheduler,
    frames: Range<u64>,
    out: &Path,
    tell: &dyn Fn(u64),
) -> Result<()> {
    let script = write(&out.with_extension("ass"), &scene.script(frames.clone()))?;
    let mut command = with.ffmpeg.command();
    with.encoder.device(&mut command);
    command.args(raw_input(scene.format));
    command.args([
        "-vf",
        &with.encoder.filters(&scene.drawing(&script, frames.start)),
        "-fps_mode",
        "passthrough",
    ]);
    with.encoder.codec(&mut command, scene.tour.options.quality, scene.format);
    command.args(["-video_track_timescale", &scene.format.fps.0.to_string()]).arg(out);
    let task = format!("code frames {} to {}", frames.start, frames.end - 1);
    let mut child = Child::start(command, &task, &with.cancel)?;
    let mut count = 0;
    scene.frames(frames, scheduler, &with.cancel, |frame| {
        child.write(&frame)?;
        count += 1;
        tell(count);
        Ok(())
    })?;
    child.finish()
}

/// Joins the segments and adds the sound, if there is any.
fn join(tour: &Tour, with: &Rendering<'_>, work: &Path, count: usize, out: &Path) -> Result<()> {
    let list: String = (0..count).map(|index| format!("file '{index:05}.mp4'\n")).collect();
    write(&work.join("list.txt"), &list)?;
    let mut command = with.ffmpeg.command();
    command.args(["-f", "concat", "-safe", "0", "-i"]).arg(work.join("list.txt"));
    sound(&mut command, tour.audio.as_ref(), tour.duration());
    command.args(["-c:v", "copy", "-movflags", "+faststart", "-fflags", "+bitexact"]).arg(out);
    Child::start(command, "join the segments", &with.cancel)?.wait(&|_| ())
}

/// Each frame is there once, at equal distances.
fn count(with: &Rendering<'_>, video: &Path, expected: u64) -> Result<()> {
    let times = frame_times(with.ffmpeg, video, &with.cancel)?;
    let mut steps = times.windows(2).map(|pair| pair[1] - pair[0]);
    let first = steps.next();
    // A step of 0 is a frame twice, a longer one a frame that is lost.
    let even = first.is_none_or(|first| first > 0 && steps.all(|step| step.abs_diff(first) <= 1));
    let found = times.len() as u64;
    if found != expected || !even {
        return Err(Error::FrameCount { path: video.into(), found, expected });
    }
    Ok(())
}
