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

    /// Path and reason for clients, who must not learn where the root is.
    pub(super) fn for_clients(&self, root: &Path) -> (String, String) {
        let path =
            self.path.strip_prefix(root).unwrap_or(Path::new(self.path.file_name().unwrap_or_default()));
        let reason = self.reason.to_string().replace(&format!("{}/", root.display()), "");
        (path.display().to_string(), reason.replace(&root.display().to_string(), "."))
    }
}

/// Why something is not served.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SkipReason {
    /// A scanned slide, and the archive beside it does not record that it was made of it.
    NotSource,
    /// A directory at the root with no slide in it or below it.
    Empty,
    /// Another slide has this name.
    SameName,
    /// A name that no address can have.
    NotUtf8,
    /// A directory that cannot be listed.
    Unreadable {
        /// Why not.
        problem: String,
        /// Whether that may pass: it is not a matter of permissions.
        passing: bool,
    },
    /// A directory below too many others.
    TooDeep,
    /// A directory to which a symbolic link leads out of the root.
    Outside,
    /// A name that stands for all slides in signatures.
    Reserved,
    /// A scanned slide at an address, which is served only encoded.
    ScannedFarAway,
    /// The slide cannot be opened, for this reason.
    Refused(String),
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SkipReason::NotSource => "the archive of its name does not record that it was made of this file",
            SkipReason::Empty => "no slide in it or below it",
            SkipReason::SameName => "another slide of the same name is served; rename one of them",
            SkipReason::NotUtf8 => "its name is not UTF-8; rename it",
            SkipReason::Unreadable { problem, .. } => return write!(f, "cannot be listed: {problem}"),
            SkipReason::TooDeep => "below too many other directories; serve it by itself",
            SkipReason::Outside => {
                "a symbolic link leads out of what is served; move the slides, or allow such links"
            }
            SkipReason::Reserved => "its name stands for all slides in signatures; rename it",
            SkipReason::ScannedFarAway => {
                "scanned slides at addresses are not served as they are; encode it to a bundle beside it"
            }
            SkipReason::Refused(problem) => problem,
        })
    }
}

/// What a server has to say about its slides.
#[derive(Clone, Debug, Default)]
pub struct Overview {
    /// The names of the slides that are served.
    pub names: Vec<String>,
    /// How many of them are scanned slides that are served as they are.
    pub unencoded: usize,
    /// How many have a scanned slide's file that may be read: those, and bundles beside the slide that they were made of.
    pub scanned: usize,
    /// What is not served.
    pub skipped: Vec<Skipped>,
}
