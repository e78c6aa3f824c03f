//! What a worker renders tours with.

use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use crate::store::remote::AddressPolicy;
use crate::tour::{self, Encoder, Ffmpeg};

/// What a worker renders with.
pub struct Renderer {
    /// The folder for temporary files. It is made where it is not there.
    pub temp_dir: PathBuf,
    /// Which hosts videos may come from.
    pub addresses: AddressPolicy,
    /// Most bytes of a video that is fetched.
    pub max_video_bytes: u64,
    /// Segments of a video that are rendered at a time.
    pub segments: usize,
    /// Longest time of an attempt.
    pub limit: Duration,
    /// ffmpeg and the encoder that works with it, once they are known.
    tools: Mutex<Option<(Ffmpeg, Encoder)>>,
    /// Whether there is a Chromium, once that is known.
    has_chromium: OnceLock<bool>,
}

impl Renderer {
    /// Longest time of an attempt where nobody says another.
    pub const LIMIT: Duration = Duration::from_secs(1800);

    /// A renderer that works in a folder, and fetches from hosts of the public network where not told otherwise.
    pub fn new(temp_dir: PathBuf, addresses: AddressPolicy) -> Self {
        Self {
            temp_dir,
            addresses,
            max_video_bytes: 4 << 30,
            segments: 2,
            limit: Self::LIMIT,
            tools: Mutex::default(),
            has_chromium: OnceLock::new(),
        }
    }

    /// ffmpeg and its encoder. They are looked for until they are found.
    ///
    /// # Errors
    /// There is no ffmpeg that can do it.
    pub fn tools(&self) -> tour::Result<(Ffmpeg, Encoder)> {
        let mut known = self.tools.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tools) = &*known {
            return Ok(tools.clone());
        }
        let ffmpeg = Ffmpeg::find(None)?;
        let encoder = Encoder::choose(&ffmpeg)?;
        Ok(known.insert((ffmpeg, encoder)).clone())
    }

    /// Browsers that a rendering runs at a time for effects of CSS: none where there is no Chromium.
    pub fn browsers(&self) -> usize {
        let found = self.has_chromium.get_or_init(|| tour::chromium().is_some());
        if *found { tour::BROWSERS } else { 0 }
    }

    /// Removes what workers that were killed have left.
    pub fn sweep(&self) -> usize {
        tour::sweep(&self.temp_dir)
    }
}

impl Default for Renderer {
    /// One below the system's folder for temporary files.
    fn default() -> Self {
        let addresses = AddressPolicy::Public("only hosts of the public network are asked".into());
        Self::new(std::env::temp_dir().join("origami-render"), addresses)
    }
}
