//! What went wrong: the exit code of the program, and the parts of a message that scripts read.

use std::path::PathBuf;

use serde::Serialize;

use super::words;

/// Exit codes of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Everything was done.
    Good = 0,
    /// It failed, and will fail again.
    Failed = 1,
    /// The arguments are wrong or contradict each other.
    Usage = 2,
    /// The data that was read is damaged.
    Damaged = 3,
    /// It failed in a way that may pass: storage, network, GPU, memory.
    MayPass = 4,
    /// A signal ended it.
    Interrupted = 130,
}

impl Exit {
    /// The kind of an error, as `--json` names it.
    pub fn kind(self) -> &'static str {
        match self {
            Exit::Good => "none",
            Exit::Failed => "failed",
            Exit::Usage => "usage",
            Exit::Damaged => "damaged",
            Exit::MayPass => "temporary",
            Exit::Interrupted => "interrupted",
        }
    }

    /// The code of several inputs together: interrupted before damaged before failed before what may pass.
    pub fn worst(self, other: Self) -> Self {
        let rank = |exit| match exit {
            Exit::Good => 0,
            Exit::MayPass => 1,
            Exit::Failed => 2,
            Exit::Usage => 3,
            Exit::Damaged => 4,
            Exit::Interrupted => 5,
        };
        if rank(other) > rank(self) { other } else { self }
    }

    /// The code of an error.
    pub fn of(error: &anyhow::Error) -> Self {
        let is_usage = |cause: &(dyn std::error::Error + 'static)| {
            cause.is::<Usage>() || cause.is::<origami::params::Error>()
        };
        if error.chain().any(is_usage) { Exit::Usage } else { Exit::Failed }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Arguments that are wrong or contradict each other.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);

/// Returns a [`Usage`] error with a formatted text.
macro_rules! usage {
    ($($text:tt)*) => { return Err($crate::cli::fault::Usage(format!($($text)*)).into()) };
}
pub(crate) use usage;

/// An error as `--json` shows it.
#[derive(Serialize)]
pub struct Fault {
    /// What the exit code says, in a word: see [`Exit::kind`].
    pub kind: &'static str,
    /// The whole text, as the terminal shows it.
    pub message: String,
    /// The file, directory or address concerned.
    pub path: Option<PathBuf>,
    /// The place in it: a byte, a tile, a family.
    pub at: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Fault {
    /// Takes an error apart.
    pub fn of(error: &anyhow::Error) -> Self {
        let message = words::describe(error);
        Self { kind: Exit::of(error).kind(), message, path: None, at: None, hint: None }
    }

    /// Arguments that clap refuses.
    pub fn of_arguments(error: &clap::Error) -> Self {
        let message = error.to_string().trim_start_matches("error: ").trim_end().to_string();
        Self { kind: Exit::Usage.kind(), message, path: None, at: None, hint: None }
    }
}
