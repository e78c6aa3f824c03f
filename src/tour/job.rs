//! What a rendering is done with, and what comes of it.

use std::path::PathBuf;
use std::process::Command;

use super::ffmpeg::{Encoder, Ffmpeg, input};
use super::plan::Format;
use crate::backend::Cancel;
use crate::backend::scheduler::Scheduler;

/// What a rendering is done with.
pub struct Rendering<'a> {
    /// The program.
    pub ffmpeg: &'a Ffmpeg,
    /// The encoder.
    pub encoder: Encoder,
    /// Threads that make frames.
    pub scheduler: &'a Scheduler,
    /// Segments that are rendered at a time.
    pub workers: usize,
    /// Ends it.
    pub cancel: Cancel,
    /// Told how many frames are coded, of how many.
    pub progress: &'a (dyn Fn(u64, u64) + Sync),
}

/// What was rendered.
#[derive(Clone, Debug, PartialEq)]
pub struct Rendered {
    /// Size and rate.
    pub format: Format,
    /// Frames of the video.
    pub frames: u64,
    /// Segments.
    pub segments: usize,
    /// Segments that failed, and were rendered again.
    pub repeated: usize,
    /// Bytes of the file.
    pub bytes: u64,
    /// What of the document was left out, each with its place.
    pub notes: Vec<String>,
}

/// A sound file beside the video of the first input.
pub fn sound(command: &mut Command, audio: Option<&PathBuf>, seconds: f64) {
    if let Some(audio) = audio {
        input(command, audio).args(["-map", "0:v:0", "-map", "1:a:0", "-c:a", "aac", "-b:a", "160k"]);
        command.args(["-t", &format!("{seconds:.6}")]);
    }
}
