//! The programs that tours are rendered with.

use serde::Serialize;

#[derive(Serialize)]
pub struct Tours {
    /// Its version.
    pub ffmpeg: Option<String>,
    /// Why there is none that can be used.
    pub ffmpeg_problem: Option<String>,
    /// What it says that it is.
    pub chromium: Option<String>,
}

impl Tours {
    #[cfg(feature = "tour")]
    pub fn detect() -> Option<Self> {
        let (ffmpeg, ffmpeg_problem) = match origami::tour::Ffmpeg::find(None) {
            Ok(found) => (Some(found.version().to_string()), None),
            Err(problem) => (None, Some(problem.to_string())),
        };
        Some(Self { ffmpeg, ffmpeg_problem, chromium: origami::tour::chromium() })
    }

    #[cfg(not(feature = "tour"))]
    pub fn detect() -> Option<Self> {
        None
    }
}
