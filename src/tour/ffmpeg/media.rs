//! What a media file holds.

use std::path::Path;

use serde::Deserialize;

use super::child::run;
use super::{Ffmpeg, input};
use crate::backend::Cancel;
use crate::tour::error::{Error, Result};
use crate::tour::plan::Format;

/// A video.
#[derive(Clone, Debug, PartialEq)]
pub struct Media {
    /// Size, made even, and rate.
    pub format: Format,
    /// Seconds.
    pub duration: f64,
    /// The codec of its first sound.
    pub audio: Option<String>,
}

#[derive(Deserialize)]
struct Probed {
    #[serde(default)]
    streams: Vec<Stream>,
    #[serde(default)]
    format: Container,
}

#[derive(Deserialize)]
struct Stream {
    codec_type: Option<String>,
    codec_name: Option<String>,
    width: Option<u32>,
    height: Option<u32>,
    avg_frame_rate: Option<String>,
    r_frame_rate: Option<String>,
    duration: Option<String>,
}

#[derive(Default, Deserialize)]
struct Container {
    duration: Option<String>,
}

/// What a file holds, as ffprobe says.
///
/// # Errors
/// [`Error::Media`]: it is no media file, or has no video of a known size, rate and length; the end of the run.
pub fn media(ffmpeg: &Ffmpeg, path: &Path, cancel: &Cancel) -> Result<Media> {
    let refused = |said| Error::Media { path: path.into(), said };
    let mut command = ffmpeg.probe();
    command.args(["-v", "error", "-of", "json", "-show_streams", "-show_format"]);
    input(&mut command, path);
    let text = run(command, "read it", cancel).map_err(|e| match e {
        Error::Ffmpeg { said, .. } => refused(said),
        other => other,
    })?;
    let lacks = |what: &str| refused(format!("it has no {what}"));
    let probed: Probed = serde_json::from_slice(&text).map_err(|_| lacks("description that can be read"))?;
    let of = |kind: &str| probed.streams.iter().find(|stream| stream.codec_type.as_deref() == Some(kind));
    let video = of("video").ok_or_else(|| lacks("video"))?;
    let (width, height) = video.width.zip(video.height).ok_or_else(|| lacks("size"))?;
    let rates = [&video.avg_frame_rate, &video.r_frame_rate];
    let fps =
        rates.into_iter().flatten().find_map(|rate| fraction(rate)).ok_or_else(|| lacks("frame rate"))?;
    let lengths = [&probed.format.duration, &video.duration];
    let duration =
        lengths.into_iter().flatten().find_map(|text| text.parse().ok()).ok_or_else(|| lacks("length"))?;
    let format = Format { width: width.max(2) & !1, height: height.max(2) & !1, fps };
    Ok(Media { format, duration, audio: of("audio").and_then(|stream| stream.codec_name.clone()) })
}

/// A rate such as `30000/1001`, up to 240.
fn fraction(text: &str) -> Option<(u32, u32)> {
    let (above, below) = text.split_once('/')?;
    let (above, below): (u32, u32) = (above.parse().ok()?, below.parse().ok()?);
    (below > 0 && above >= below && above / below <= 240).then_some((above, below))
}

/// The times of a video's frames, sorted, in units of its own.
///
/// # Errors
/// [`Error::Ffmpeg`]; the end of the run.
pub fn frame_times(ffmpeg: &Ffmpeg, path: &Path, cancel: &Cancel) -> Result<Vec<i64>> {
    let mut command = ffmpeg.probe();
    command
        .args(["-v", "error", "-select_streams", "v:0", "-show_entries", "packet=pts", "-of", "csv=p=0"])
        .arg(path);
    let text = run(command, &format!("read {}", path.display()), cancel)?;
    let numbers = String::from_utf8_lossy(&text);
    let mut times: Vec<i64> =
        numbers.lines().filter_map(|line| line.trim_end_matches(',').trim().parse().ok()).collect();
    times.sort_unstable();
    Ok(times)
}
