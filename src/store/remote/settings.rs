//! How a process uses stores: how long it waits, and what it keeps. Set once, by the program.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

/// How a process uses stores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Longest time of one request, from its start to the last byte of the reply. Default: 30 s.
    pub request_timeout: Duration,
    /// Most times that a request is made again, after pauses that double from 0.1 s to 5 s, with jitter. Default: 6.
    pub retries: usize,
    /// Time after which a request is not made again. Default: 60 s.
    pub retry_timeout: Duration,
    /// Most bytes of blocks in memory, at least [`Self::MIN_MEMORY_BYTES`]. Default: 64 MiB.
    pub memory_bytes: u64,
    /// Directory of blocks on disk, which outlive the process. Default: none.
    pub disk_dir: Option<PathBuf>,
    /// Most bytes of that directory. Default: 10 GiB.
    pub disk_bytes: u64,
    /// Most bytes of a copy on the local disk, of a slide that cannot be read in parts. Default: 64 GiB.
    pub scratch_bytes: u64,
}

impl Settings {
    /// Blocks that are asked for together must fit.
    pub const MIN_MEMORY_BYTES: u64 = 8 << 20;
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            request_timeout: Duration::from_secs(30),
            retries: 6,
            retry_timeout: Duration::from_secs(60),
            memory_bytes: 64 << 20,
            disk_dir: None,
            disk_bytes: 10 << 30,
            scratch_bytes: 64 << 30,
        }
    }
}

static SETTINGS: OnceLock<Settings> = OnceLock::new();

/// Sets them, before the first connection. False if they were set or used before: then nothing changes.
pub fn configure(settings: Settings) -> bool {
    SETTINGS.set(settings).is_ok()
}

/// The settings of this process.
pub fn settings() -> &'static Settings {
    SETTINGS.get_or_init(Settings::default)
}
