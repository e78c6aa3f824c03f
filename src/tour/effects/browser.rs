//! Chromium, the program: found at run time, run once for each look, without a network.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::picture::Picture;
use crate::backend::Cancel;
use crate::store::FileError;
use crate::tour::error::{Error, Result};
use crate::tour::plan::Format;

/// Names on the path; the variable `CHROMIUM` comes before them.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];
/// Longest time for a picture. A machine that is busy needs seconds.
const PATIENCE: Duration = Duration::from_secs(90);
/// Time between two looks whether it has ended.
const PERIOD: Duration = Duration::from_millis(20);
/// Rows of a window that are not the page's in some versions.
const ABOVE_PAGE: u32 = 200;

/// For each picture: without a window, a network, hinting and coloured edges of letters, on a ground that is transparent.
const SWITCHES: [&str; 15] = [
    "default-background-color=00000000",
    "disable-background-networking",
    "disable-component-update",
    "disable-dev-shm-usage",
    "disable-extensions",
    "disable-gpu",
    "disable-lcd-text",
    "disable-sync",
    "font-render-hinting=none",
    "force-color-profile=srgb",
    "force-device-scale-factor=1",
    "headless=new",
    "hide-scrollbars",
    "host-resolver-rules=MAP * ~NOTFOUND",
    "no-first-run",
];

/// A switch of Chromium as an argument.
fn switch(name: &str) -> String {
    format!("--{name}")
}

/// A Chromium that starts.
pub struct Browser {
    program: PathBuf,
    version: String,
}

impl Browser {
    /// The one that `CHROMIUM` names, or the first on the path.
    pub fn find() -> Option<Self> {
        let named = std::env::var_os("CHROMIUM").filter(|name| !name.is_empty()).map(PathBuf::from);
        let started = |program: PathBuf| {
            let output = Command::new(&program).arg(switch("version")).stdin(Stdio::null()).output().ok()?;
            let version = String::from_utf8_lossy(&output.stdout).trim().to_string();
            output.status.success().then_some(Self { program, version })
        };
        named.into_iter().chain(NAMES.map(PathBuf::from)).find_map(started)
    }

    /// What it says that it is.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The picture of a page. Its files lie in `work`, under names of this `number`.
    pub fn draw(
        &self,
        page: &str,
        format: Format,
        work: &Path,
        number: usize,
        cancel: &Cancel,
    ) -> Result<Picture> {
        let failed = |path: &Path, action| {
            let path = path.to_path_buf();
            move |source| FileError { action, path, source }
        };
        // An address needs an absolute path.
        let work = std::path::absolute(work).map_err(failed(work, "find"))?;
        let file = |name: &str| work.join(format!("caption-{number}{name}"));
        let (html, png, profile) = (file(".html"), file(".png"), file("-profile"));
        std::fs::write(&html, page).map_err(failed(&html, "write"))?;
        let mut command = Command::new(&self.program);
        command.args(SWITCHES.map(switch));
        command.arg(switch(&format!("user-data-dir={}", profile.display())));
        command.arg(switch(&format!("screenshot={}", png.display())));
        let (width, height) = (format.width.max(600), format.height + ABOVE_PAGE);
        command.arg(switch(&format!("window-size={width},{height}")));
        // Its own sandbox refuses to start for root, as in most containers.
        if is_root() {
            command.arg(switch("no-sandbox"));
        }
        command.arg(format!("file://{}", escaped(&html)));
        run(command, cancel)?;
        let picture = Picture::read(&png, format)?;
        for path in [&html, &png] {
            std::fs::remove_file(path).map_err(failed(path, "delete"))?;
        }
        // Its other processes may end later and still write there; what is left goes with the folder.
        let _ = std::fs::remove_dir_all(&profile);
        Ok(picture)
    }
}

/// Runs to the end of the program, and ends it when the run is cancelled or it takes too long.
fn run(mut command: Command, cancel: &Cancel) -> Result<()> {
    let wrong = |said: String| Error::Chromium { task: "draw a caption".into(), said };
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // Ctrl-C is for us: we end it in order.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut process = command.spawn().map_err(|e| wrong(e.to_string()))?;
    let until = Instant::now() + PATIENCE;
    loop {
        match process.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => return Err(wrong(status.to_string())),
            Ok(None) if !cancel.is_requested() && Instant::now() < until => thread::sleep(PERIOD),
            ended => {
                // Its other processes end with the first one. Whether it has ended meanwhile does not matter.
                let _ = process.kill();
                let _ = process.wait();
                cancel.check()?;
                return Err(wrong(match ended {
                    Err(e) => e.to_string(),
                    Ok(_) => format!("it did not end within {} s", PATIENCE.as_secs()),
                }));
            }
        }
    }
}

/// Whether this process is the superuser's.
fn is_root() -> bool {
    #[cfg(unix)]
    return std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    #[cfg(not(unix))]
    false
}

/// A path in an address.
fn escaped(path: &Path) -> String {
    let byte = |&byte: &u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    path.as_os_str().as_encoded_bytes().iter().map(byte).collect()
}
