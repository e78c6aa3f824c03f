//! What lies at the root and is not served, and why.

use std::fmt;
use std::path::{Path, PathBuf};

/// A file or directory that is not served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Where it is.
    pub path: PathBuf,
    /// Why it is not served.
    pub reason: SkipReason,
}

impl Skipped {
    /// A slide that cannot be opened. The path at the start of the problem is left out: it is named already.
    pub(super) fn refused(path: &Path, problem: &str) -> Self {
        let problem = problem.strip_prefix(&format!("{}: ", path.display())).unwrap_or(problem);
        Self { path: path.into(), reason: SkipReason::Refused(problem.into()) }
    }
}

/// Why something is not served.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SkipReason {
    /// A scanned slide, of which there is no archive.
    NotEncoded,
    /// A scanned slide, and the archive of its name does not record that it was made of it.
    NotSource,
    /// A directory without an archive and without a tree.
    Empty,
    /// Another slide has this name.
    SameName,
    /// A name that no address can have.
    NotUtf8,
    /// The slide cannot be opened, for this reason.
    Refused(String),
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SkipReason::NotEncoded => "not encoded yet: slides are served from bundles, packs and trees",
            SkipReason::NotSource => "the archive of its name does not record that it was made of this file",
            SkipReason::Empty => "neither an archive nor a tree in it, and no directory below it is searched",
            SkipReason::SameName => "a directory of the same name is served; rename one of them",
            SkipReason::NotUtf8 => "its name is not UTF-8; rename it",
            SkipReason::Refused(problem) => problem,
        })
    }
}

/// What a server has to say about its slides.
#[derive(Clone, Debug, Default)]
pub struct Overview {
    /// The names of the slides that are served.
    pub names: Vec<String>,
    /// What is not served.
    pub skipped: Vec<Skipped>,
}
