//! A tour that has been checked.

use std::path::PathBuf;

use super::captions::style::Style;
use super::colour::Rgba;

/// What is under the captions.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// A slide, and the path of a camera over it.
    Slide {
        /// A bundle, tree or slide.
        path: PathBuf,
        /// At least one, by time.
        camera: Vec<Keyframe>,
    },
    /// A video.
    Video(PathBuf),
}

/// A tour.
#[derive(Clone, Debug, PartialEq)]
pub struct Tour {
    /// What is under the captions.
    pub source: Source,
    /// Size, rate and quality of the video.
    pub options: Options,
    /// Captions, in the order of the document.
    pub cues: Vec<Cue>,
    /// Text before the first view.
    pub title: Option<Title>,
    /// A pointer that moves over the slide, by time.
    pub pointer: Vec<PointerKey>,
    /// Circles around parts of the slide.
    pub highlights: Vec<Highlight>,
    /// What is drawn in the corners.
    pub corners: Corners,
    /// Sound: a file that any ffmpeg reads.
    pub audio: Option<PathBuf>,
}

/// What a document asks of its video. A slide's tour has 1920 x 1080 pixels and 30 frames a second unless it says otherwise, a video
/// its own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// Pixels across, an even number.
    pub width: Option<u32>,
    /// Pixels down, an even number.
    pub height: Option<u32>,
    /// Frames a second, as a fraction.
    pub fps: Option<(u32, u32)>,
    /// From 1, the smallest file, to 100.
    pub quality: u32,
    /// Seconds; `None` to the last keyframe, cue or mark.
    pub duration: Option<f64>,
}

impl Default for Options {
    fn default() -> Self {
        Self { width: None, height: None, fps: None, quality: 75, duration: None }
    }
}

/// Size and rate of a video.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// Pixels across, an even number.
    pub width: u32,
    /// Pixels down, an even number.
    pub height: u32,
    /// Frames a second, as a fraction.
    pub fps: (u32, u32),
}

/// Of a slide's tour that does not say otherwise.
pub const DEFAULT_FORMAT: Format = Format { width: 1920, height: 1080, fps: (30, 1) };

impl Format {
    /// Seconds at which a frame is shown.
    pub fn time_of(&self, frame: u64) -> f64 {
        frame as f64 * f64::from(self.fps.1) / f64::from(self.fps.0)
    }

    /// The frame that is seen at a time: the last one that has begun.
    pub fn frame_at(&self, seconds: f64) -> u64 {
        (seconds * f64::from(self.fps.0) / f64::from(self.fps.1) + 1e-3).floor().max(0.0) as u64
    }

    /// The first frame at or after a time. A time that is written as the decimal of a frame's own time is that of this frame.
    pub fn first_frame_at(&self, seconds: f64) -> u64 {
        let frames = seconds * f64::from(self.fps.0) / f64::from(self.fps.1);
        // A thousandth of a frame: times are written with few decimals.
        (frames - 1e-3).ceil().max(0.0) as u64
    }
}

/// How large the slide appears.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Zoom {
    /// Micrometres per pixel of the video.
    MicronsPerPixel(f64),
    /// Magnification: 40 is 0.25 micrometres per pixel.
    Magnification(f64),
    /// Pixels of the full resolution per pixel of the video, along a side.
    Downsample(f64),
    /// The whole slide is seen.
    Fit,
}

/// How the camera comes to a keyframe from the one before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ease {
    /// At a constant rate.
    Linear,
    /// Slow at the start.
    In,
    /// Slow at the end.
    Out,
    /// Slow at both ends.
    #[default]
    InOut,
    /// Not before its time, and then at once.
    Hold,
}

/// A point of the camera's path.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Keyframe {
    /// Seconds.
    pub time: f64,
    /// Pixels of the full resolution, right and down; `None` is the middle of the slide.
    pub center: Option<(f64, f64)>,
    /// How large the slide appears.
    pub zoom: Zoom,
    /// Degrees by which the slide is turned clockwise.
    pub rotation: f64,
    /// How the camera comes here.
    pub ease: Ease,
}

/// A caption.
#[derive(Clone, Debug, PartialEq)]
pub struct Cue {
    /// Its text; lines are separated by newlines.
    pub text: String,
    /// Seconds: the first frame at or after this time has it.
    pub start: f64,
    /// Seconds: the first frame at or after this time does not have it.
    pub end: f64,
    /// How it looks: its own style over that of its emotion, its speaker and the default.
    pub style: Style,
}

/// Text on a dark card before the first view.
#[derive(Clone, Debug, PartialEq)]
pub struct Title {
    /// The large line.
    pub text: String,
    /// The small line.
    pub subtitle: Option<String>,
    /// Seconds from the start.
    pub duration: f64,
}

/// A place of the pointer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PointerKey {
    /// Seconds.
    pub time: f64,
    /// Pixels of the full resolution; `None` hides it from this time on.
    pub at: Option<(f64, f64)>,
}

/// A circle around a part of the slide.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Highlight {
    /// Seconds: the first frame that has it.
    pub start: f64,
    /// Seconds: the first frame that does not.
    pub end: f64,
    /// Pixels of the full resolution.
    pub center: (f64, f64),
    /// Pixels of the full resolution.
    pub radius: f64,
    /// The line's colour.
    pub color: Rgba,
}

/// What is drawn in the corners.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corners {
    /// A scale bar, where the slide has a scale.
    pub scale_bar: bool,
    /// The magnification, where the slide has a scale.
    pub magnification: bool,
    /// "lossy reconstruction", where that is what is seen.
    pub lossy_mark: bool,
}

impl Default for Corners {
    fn default() -> Self {
        Self { scale_bar: true, magnification: true, lossy_mark: true }
    }
}

impl Tour {
    /// Seconds.
    pub fn duration(&self) -> f64 {
        let ends = self.cues.iter().map(|cue| cue.end);
        let ends = ends.chain(self.highlights.iter().map(|mark| mark.end));
        let ends = ends.chain(self.title.iter().map(|title| title.duration));
        let ends = ends.chain(self.pointer.iter().map(|key| key.time));
        let keys = match &self.source {
            Source::Slide { camera, .. } => camera.last().map_or(0.0, |last| last.time),
            Source::Video(_) => 0.0,
        };
        self.options.duration.unwrap_or_else(|| ends.fold(keys, f64::max))
    }

    /// Size and rate; what the document does not say is that of `other`.
    pub fn format_over(&self, other: Format) -> Format {
        let Options { width, height, fps, .. } = self.options;
        // A side that is not given follows the other one.
        let of_height =
            |height: u32| even(f64::from(height) * f64::from(other.width) / f64::from(other.height));
        let of_width = |width: u32| even(f64::from(width) * f64::from(other.height) / f64::from(other.width));
        let (width, height) = match (width, height) {
            (Some(width), Some(height)) => (width, height),
            (Some(width), None) => (width, of_width(width)),
            (None, Some(height)) => (of_height(height), height),
            (None, None) => (other.width, other.height),
        };
        Format { width, height, fps: fps.unwrap_or(other.fps) }
    }

    /// Frames of the video: one at each multiple of a frame's length before the end, and at least one.
    pub fn frames(&self, format: Format) -> u64 {
        format.first_frame_at(self.duration()).max(1)
    }
}

/// The nearest even number.
fn even(length: f64) -> u32 {
    (length / 2.0).round().max(1.0) as u32 * 2
}
