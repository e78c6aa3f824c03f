//! ffmpeg, the program: found, probed, fed with frames.
//!
//! | module | what it is |
//! |---|---|
//! | `child` | a run of it: standard error is read all the time, the exit code always |
//! | `encoder` | the encoders of H.264, hardware before software, tried by coding ten frames |
//! | `media` | what a file holds, and how many frames |

mod child;
mod encoder;
mod media;

use std::path::{Path, PathBuf};
use std::process::Command;

pub use self::child::Child;
pub use self::encoder::Encoder;
pub use self::media::{Media, frame_times, media};
use super::error::{Error, Result};
use super::plan::Format;
use crate::store::is_address;

/// The oldest version that is used: it has `-fps_mode`.
const MIN_VERSION: (u32, u32) = (5, 1);

/// An ffmpeg that has what is needed.
#[derive(Clone, Debug)]
pub struct Ffmpeg {
    program: PathBuf,
    probe: PathBuf,
    version: String,
}

impl Ffmpeg {
    /// The ffmpeg at `program`, or the one on the path. Its ffprobe is beside it, or on the path.
    ///
    /// # Errors
    /// [`Error::NoFfmpeg`]: it is not there, is older than 5.1, or was built without libass.
    pub fn find(program: Option<&Path>) -> Result<Self> {
        let program = program.unwrap_or(Path::new("ffmpeg")).to_path_buf();
        let named = program.display();
        let output = Command::new(&program).args(["-hide_banner", "-version"]).output().map_err(|e| {
            Error::NoFfmpeg(format!(
                "{named} cannot be run ({e}): install ffmpeg 5.1 or newer (apt install ffmpeg)"
            ))
        })?;
        let text = String::from_utf8_lossy(&output.stdout);
        let version = text.strip_prefix("ffmpeg version ").and_then(|rest| rest.split_whitespace().next());
        let Some(version) = version else {
            return Err(Error::NoFfmpeg(format!("{named} does not say that it is ffmpeg")));
        };
        // A build from a commit, `N-...`, has no number; it is taken as it is.
        if number(version).is_some_and(|number| number < MIN_VERSION) {
            return Err(Error::NoFfmpeg(format!("{named} is version {version}; install 5.1 or newer")));
        }
        if !text.contains("enable-libass") {
            return Err(Error::NoFfmpeg(format!(
                "{named} was built without libass, which draws the captions"
            )));
        }
        let beside = program.with_file_name("ffprobe");
        let probe =
            if program.components().count() > 1 && beside.is_file() { beside } else { "ffprobe".into() };
        Ok(Self { version: version.into(), program, probe })
    }

    /// Its version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The program with the arguments that every run has: quiet, and without questions.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["-hide_banner", "-nostdin", "-loglevel", "error", "-y"]);
        command
    }

    pub(super) fn probe(&self) -> Command {
        Command::new(&self.probe)
    }
}

/// Formats in which a file on disk is read: those that hold their own data. A playlist would name other files and addresses.
const FORMATS: &str = "3g2,3gp,aac,ac3,aiff,asf,avi,caf,eac3,flac,flv,gif,h264,hevc,ivf,m4a,m4v,matroska,mj2,mov,mp3,mp4,mpeg,\
    mpegts,mpegvideo,mxf,nut,ogg,w64,wav,webm,yuv4mpegpipe";

/// An input. A file on disk cannot have anything else be read: it may come from strangers.
pub fn input<'c>(command: &'c mut Command, path: &Path) -> &'c mut Command {
    if !is_address(path) {
        command.args(["-protocol_whitelist", "file,pipe", "-format_whitelist", FORMATS]);
    }
    command.arg("-i").arg(path)
}

/// Arguments for frames on the standard input.
pub fn raw_input(format: Format) -> [String; 10] {
    let Format { width, height, fps: (above, below) } = format;
    let (size, rate) = (format!("{width}x{height}"), format!("{above}/{below}"));
    let words =
        ["-f", "rawvideo", "-pixel_format", "rgb24", "-video_size", &size, "-framerate", &rate, "-i", "-"];
    words.map(String::from)
}

/// Major and minor version: `5.1.9-0+deb12u1` is 5.1.
fn number(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.trim_start_matches('n').split(['.', '-', '+']);
    Some((parts.next()?.parse().ok()?, parts.next().and_then(|part| part.parse().ok()).unwrap_or(0)))
}

/// A path as an option of a filter: quoted twice, for the filter and for the graph.
pub fn filter_path(path: &Path) -> String {
    let text = path.to_string_lossy().replace('\\', "\\\\").replace(':', "\\:").replace('\'', "\\'");
    let mut graph = String::new();
    for c in text.chars() {
        if "\\'[],;".contains(c) {
            graph.push('\\');
        }
        graph.push(c);
    }
    graph
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_numbers() {
        assert_eq!(number("5.1.9-0+deb12u1"), Some((5, 1)));
        assert_eq!(number("7.1"), Some((7, 1)));
        assert_eq!(number("n6.0"), Some((6, 0)));
        assert_eq!(number("N-109468-gd39b34123d"), None);
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = Ffmpeg::find(Some(Path::new("/nowhere/ffmpeg"))).unwrap_err().to_string();
        assert!(error.contains("/nowhere/ffmpeg") && error.contains("install"), "{error}");
    }
}
