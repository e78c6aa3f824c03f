//! Renders the tour of a unit.
//!
//! Everything lies in one folder below that for temporary files until the video is whole: sources that are fetched, segments, the video.
//! The folder goes at the end, and after a kill when the next one is made (`tour::WorkFolder`).

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use super::code::Code;
use super::context::{Made, WorkContext, check_identity};
use super::render::{Render, Sound};
use super::renderer::Renderer;
use super::unit::{Source as Thing, Unit};
use crate::backend::Cancel;
use crate::error::diagnosis::{Diagnose, Diagnosis, FaultKind};
use crate::pyramid::identity::Identity;
use crate::pyramid::tree::{Missing, Tree};
use crate::store::remote::{Bounds, DownloadError, download, restrict};
use crate::store::{FileError, Location, is_address};
use crate::tour::{self, DEFAULT_FORMAT, Rendering, Strictness, WorkFolder};

/// The file of a rendering.
const VIDEO: &str = "video.mp4";
/// Time between two looks at the clock.
const TICK: Duration = Duration::from_millis(20);

/// Why a tour is not rendered.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The tour, its slide or ffmpeg.
    #[error(transparent)]
    Tour(#[from] tour::Error),
    /// A source that is fetched.
    #[error(transparent)]
    Download(#[from] DownloadError),
    /// A file of ours.
    #[error(transparent)]
    File(#[from] FileError),
    /// A source on this machine.
    #[error(transparent)]
    Source(#[from] crate::error::Error),
    /// It took too long.
    #[error("the attempt took longer than {} s", .0.as_secs())]
    Late(Duration),
}

impl RenderError {
    /// Its code.
    pub fn code(&self) -> Code {
        use tour::Error as T;
        match self {
            Self::Late(_) => Code::RenderingTimeout,
            Self::File(_) | Self::Tour(T::File(_)) | Self::Download(DownloadError::File(_)) => {
                Code::StorageAccessError
            }
            Self::Download(DownloadError::Silent { .. }) => Code::TimeoutError,
            Self::Download(DownloadError::TooLarge { .. }) | Self::Tour(T::Media { .. }) => {
                Code::InvalidVideoFormat
            }
            Self::Download(DownloadError::Store { .. }) => Code::StorageAccessError,
            Self::Download(_) => Code::ConnectionError,
            Self::Tour(T::Document { .. } | T::Unfit { .. }) => Code::ScenarioParseError,
            Self::Tour(T::Ffmpeg { said, .. }) => said_code(said),
            Self::Source(_) | Self::Tour(T::Slide(_)) if self.diagnosis().kind == FaultKind::MayPass => {
                Code::StorageAccessError
            }
            Self::Tour(_) | Self::Source(_) => Code::RenderError,
        }
    }
}

/// The code of what ffmpeg says.
fn said_code(said: &str) -> Code {
    let said = said.to_lowercase();
    if ["no space left", "disk quota"].iter().any(|text| said.contains(text)) {
        return Code::StorageAccessError;
    }
    let of_gpu =
        ["cuda_error_out_of_memory", "openencodesessionex failed: out of memory", "nv_enc_err_out_of_memory"];
    if of_gpu.iter().any(|text| said.contains(text)) {
        Code::GpuMemoryInsufficient
    } else {
        Code::RenderError
    }
}

impl Diagnose for RenderError {
    fn diagnosis(&self) -> Diagnosis {
        match self {
            Self::Tour(e) => e.diagnosis(),
            Self::File(e) | Self::Download(DownloadError::File(e)) => e.diagnosis(),
            Self::Source(e) => e.diagnosis(),
            Self::Late(_) => Diagnosis::of(FaultKind::Failed),
            Self::Download(e) => Diagnosis::of(match e {
                DownloadError::Stopped => FaultKind::Interrupted,
                DownloadError::Connection { .. } | DownloadError::Silent { .. } => FaultKind::MayPass,
                DownloadError::Status { status: 408 | 425 | 429 | 500.., .. } => FaultKind::MayPass,
                DownloadError::Store { source, .. } => source.diagnosis().kind,
                _ => FaultKind::Failed,
            }),
        }
    }
}

/// Renders the tour of a unit to a file in `dir`.
///
/// # Errors
/// [`RenderError`]; the end of the attempt.
pub fn render(
    unit: &Unit,
    task: &Render,
    dir: &Path,
    context: &WorkContext<'_>,
) -> Result<Made, RenderError> {
    let (renderer, cancel) = (context.renderer, Cancel::default());
    let (began, late, watched) = (Instant::now(), AtomicBool::new(false), Over::default());
    let rendered = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !watched.0.load(Relaxed) && !context.cancel.is_requested() {
                if began.elapsed() > renderer.limit {
                    late.store(true, Relaxed);
                    break;
                }
                std::thread::sleep(TICK);
            }
            cancel.request();
        });
        let _over = OnDrop(&watched);
        cancel.ends_waits(|| in_folder(unit, task, dir, context, &cancel))
    });
    match rendered {
        Err(_) if late.load(Relaxed) => Err(RenderError::Late(renderer.limit)),
        other => other,
    }
}

/// Whether the work is over.
#[derive(Default)]
struct Over(AtomicBool);

/// Says so, also after a panic.
struct OnDrop<'a>(&'a Over);

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        self.0.0.store(true, Relaxed);
    }
}

fn in_folder(
    unit: &Unit,
    task: &Render,
    dir: &Path,
    context: &WorkContext<'_>,
    cancel: &Cancel,
) -> Result<Made, RenderError> {
    let renderer = context.renderer;
    let temp = &renderer.temp_dir;
    fs::create_dir_all(temp).map_err(FileError::on::<RenderError>("create", temp))?;
    let work = WorkFolder::new(temp).map_err(FileError::on::<RenderError>("write", temp))?;
    let (ffmpeg, encoder) = renderer.tools()?;
    let source =
        fetched(&unit.source, unit.thing, Some(&unit.identity), "source", work.path(), renderer, cancel)?;
    let audio = task.audio.as_ref().map(|Sound { source, identity }| {
        fetched(source, Thing::Video, identity.as_deref(), "audio", work.path(), renderer, cancel)
    });
    let audio = audio.transpose()?;
    let document = task.with_sources(unit.thing == Thing::Video, &source, audio.as_deref());
    let text = serde_json::Value::Object(document).to_string();
    let named = Path::new("the tour");
    let (tour, _) = tour::read(named, &text, Strictness::Lenient)?;
    let format = tour.format_over(DEFAULT_FORMAT);
    let pixels = |frames: u64, width: u32, height: u32| frames * u64::from(width) * u64::from(height);
    let progress = |done, of| (context.progress)(done, of, pixels(of, format.width, format.height));
    let scheduler = context.scheduler.sharing(1, cancel.clone());
    let with = Rendering {
        ffmpeg: &ffmpeg,
        encoder,
        scheduler: &scheduler,
        workers: renderer.segments,
        cancel: cancel.clone(),
        progress: &progress,
    };
    let video = work.path().join(VIDEO);
    let rendered = tour::render(&tour, named, &with, &video)?;
    place(&video, &dir.join(VIDEO))?;
    let all = pixels(rendered.frames, rendered.format.width, rendered.format.height);
    Ok(Made { main: VIDEO.into(), families: rendered.frames, pixels: all, notes: rendered.notes })
}

/// A source as a file that ffmpeg or a reader opens: videos at addresses are fetched; slides are read in place, of a web server one that
/// strangers may name.
fn fetched(
    source: &str,
    thing: Thing,
    identity: Option<&str>,
    name: &str,
    work: &Path,
    renderer: &Renderer,
    cancel: &Cancel,
) -> Result<String, RenderError> {
    let path = Path::new(source);
    if thing == Thing::Video && is_address(path) {
        let to = work.join(name);
        let goes_on = || !cancel.is_requested();
        let bounds =
            Bounds { addresses: &renderer.addresses, max_bytes: renderer.max_video_bytes, goes_on: &goes_on };
        download(source, &to, &bounds)?;
        return Ok(to.to_string_lossy().into_owned());
    }
    if let Ok(Location::Address(address)) = Location::parse(path) {
        restrict(&address, &renderer.addresses).map_err(|e| DownloadError::Refused(e.to_string()))?;
    }
    let found = match thing {
        Thing::Tree => {
            Identity::of_tree(&Tree::open(path, Missing::Refuse).map_err(crate::error::Error::from)?)
        }
        _ => Identity::of_file(path),
    };
    let found = found.map_err(crate::error::Error::from)?;
    if let Some(identity) = identity {
        check_identity(identity, path, &found.text)?;
    }
    Ok(source.into())
}

/// Moves a video to where results are written, which may be another disk.
fn place(video: &Path, to: &Path) -> Result<(), RenderError> {
    if fs::rename(video, to).is_ok() {
        return Ok(());
    }
    fs::copy(video, to).map_err(FileError::on::<RenderError>("write", to))?;
    let file = fs::File::open(to).map_err(FileError::on::<RenderError>("read", to))?;
    file.sync_all().map_err(FileError::on::<RenderError>("write", to))
}
