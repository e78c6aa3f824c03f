//! What went wrong: the exit code of the program, and the parts of a message that scripts read.

use std::path::{Path, PathBuf};

use clap::error::{ContextKind, ContextValue};
use origami::error::diagnose;
#[cfg(any(feature = "jobs", feature = "serve", feature = "tour"))]
use origami::error::diagnosis::Diagnose;
use origami::error::diagnosis::{Diagnosis, FaultKind};
use serde::Serialize;

use super::{signals, words};

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

/// The exit codes as help and man pages explain them.
pub const EXIT_CODES: [(&str, &str); 6] = [
    ("0", "Everything was done."),
    ("1", "It failed, and will fail again."),
    ("2", "The arguments are wrong or contradict each other."),
    ("3", "The data that was read is damaged."),
    ("4", "It failed in a way that may pass: storage, network, GPU, memory."),
    ("130", "A signal ended it."),
];

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
        if error.chain().any(|cause| cause.is::<Usage>()) {
            return Exit::Usage;
        }
        if let Some(problem) = problem_of(error) {
            return problem.exit;
        }
        diagnosis(error).map_or(Exit::Failed, |diagnosis| diagnosis.kind.into())
    }
}

impl From<FaultKind> for Exit {
    fn from(kind: FaultKind) -> Self {
        match kind {
            FaultKind::Parameters => Exit::Usage,
            FaultKind::Damaged => Exit::Damaged,
            FaultKind::MayPass => Exit::MayPass,
            FaultKind::Interrupted => Exit::Interrupted,
            FaultKind::Failed => Exit::Failed,
        }
    }
}

/// The problem that the command line itself found, if this is one.
fn problem_of(error: &anyhow::Error) -> Option<&Problem> {
    error.chain().find_map(|cause| cause.downcast_ref())
}

/// The diagnosis of the first cause that the library knows.
fn diagnosis(error: &anyhow::Error) -> Option<Diagnosis> {
    error.chain().find_map(|cause| {
        let known = diagnose(cause);
        #[cfg(feature = "serve")]
        let known =
            known.or_else(|| cause.downcast_ref::<origami::serve::StartError>().map(Diagnose::diagnosis));
        #[cfg(feature = "serve")]
        let known =
            known.or_else(|| cause.downcast_ref::<origami::evals::StartError>().map(Diagnose::diagnosis));
        #[cfg(feature = "jobs")]
        let known = known.or_else(|| cause.downcast_ref::<origami::jobs::Error>().map(Diagnose::diagnosis));
        #[cfg(feature = "tour")]
        let known = known.or_else(|| cause.downcast_ref::<origami::tour::Error>().map(Diagnose::diagnosis));
        known
    })
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

/// A problem of a file or directory that the command line itself finds.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Problem {
    exit: Exit,
    path: PathBuf,
    at: Option<String>,
    message: String,
}

impl Problem {
    /// A file that the arguments must not name, or not so.
    pub fn usage(path: &Path, problem: impl std::fmt::Display) -> Self {
        Self::new(Exit::Usage, path, problem)
    }

    /// A file that keeps the command from its work.
    pub fn failed(path: &Path, problem: impl std::fmt::Display) -> Self {
        Self::new(Exit::Failed, path, problem)
    }

    /// A wrong line of a file of settings, from 1.
    #[cfg(any(feature = "jobs", feature = "serve"))]
    pub fn line(path: &Path, line: usize, problem: impl std::fmt::Display) -> Self {
        let message = format!("{}:{line}: {problem}", path.display());
        Self { exit: Exit::Usage, path: path.into(), at: Some(format!("line {line}")), message }
    }

    fn new(exit: Exit, path: &Path, problem: impl std::fmt::Display) -> Self {
        Self { exit, path: path.into(), at: None, message: format!("{}: {problem}", path.display()) }
    }
}

/// An error as `--json` shows it.
#[derive(Serialize)]
pub struct Fault {
    /// What the exit code says, in a word: see [`Exit::kind`].
    pub kind: &'static str,
    /// The whole text, as the terminal shows it.
    pub message: String,
    /// The file or directory concerned.
    pub path: Option<String>,
    /// The place in it: a byte, a tile, a family.
    pub at: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Fault {
    /// Takes an error apart.
    pub fn of(error: &anyhow::Error) -> Self {
        let exit = Exit::of(error);
        if exit == Exit::Interrupted {
            return Self::plain(exit, signals::outcome());
        }
        if let Some(Problem { path, at, message, .. }) = problem_of(error) {
            let path = Some(path.to_string_lossy().into_owned());
            return Self { path, at: at.clone(), ..Self::plain(exit, message.clone()) };
        }
        let Diagnosis { path, place, .. } =
            diagnosis(error).unwrap_or_else(|| Diagnosis::of(FaultKind::Failed));
        Self {
            path: path.map(|path| path.to_string_lossy().into_owned()),
            at: place.map(|place| place.to_string()),
            ..Self::plain(exit, words::describe(error))
        }
    }

    /// Arguments that clap refuses: its text without advice and usage.
    pub fn of_arguments(error: &clap::Error) -> Self {
        let text = error.to_string();
        let problem = text.split("\n\n").next().unwrap_or_default();
        let problem = problem.trim_start_matches("error: ").trim_end().to_string();
        Self { hint: suggestion(error), ..Self::plain(Exit::Usage, problem) }
    }

    fn plain(exit: Exit, message: String) -> Self {
        let hint = hint(&message);
        Self { kind: exit.kind(), message, path: None, at: None, hint }
    }
}

/// What a message says to do: by our convention what follows its last semicolon.
fn hint(message: &str) -> Option<String> {
    message.rsplit_once("; ").map(|(_, hint)| hint.to_string())
}

/// The argument or value that clap takes for the one that was meant.
fn suggestion(error: &clap::Error) -> Option<String> {
    let kinds = [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg, ContextKind::SuggestedValue];
    let names = kinds.into_iter().find_map(|kind| match error.get(kind)? {
        ContextValue::String(name) => Some(name.clone()),
        ContextValue::Strings(names) => Some(names.join(", ")),
        _ => None,
    });
    names.map(|names| format!("did you mean {names}?"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use origami::archive;
    use origami::backend::Error;

    fn parts(
        error: impl Into<anyhow::Error>,
    ) -> (&'static str, Option<String>, Option<String>, Option<String>) {
        let Fault { kind, path, at, hint, .. } = Fault::of(&error.into());
        (kind, path, at, hint)
    }

    #[test]
    fn an_error_has_its_kind_path_place_and_advice() {
        let damaged = archive::Error::Damaged {
            path: "a.bundle".into(),
            offset: 7,
            what: "magic".into(),
            expected: "ORIG".into(),
            found: "RRIP".into(),
            remedy: archive::Remedy::EncodeAgain,
        };
        let some = |text: &str| Some(text.to_string());
        let expected = ("damaged", some("a.bundle"), some("byte 7"), some("encode the slide again"));
        assert_eq!(parts(anyhow::Error::new(damaged).context("while it was read")), expected);
        assert_eq!(parts(Error::TooManyThreads(5000)), ("usage", None, None, None));
        assert_eq!(parts(Usage("--a: no; leave it out".into())), ("usage", None, None, some("leave it out")));
        let exists = Problem::failed(Path::new("a"), "it is there already; remove it");
        assert_eq!(parts(exists), ("failed", some("a"), None, some("remove it")));
        let nothing = Problem::usage(Path::new("a"), "no slide");
        assert_eq!(parts(nothing), ("usage", some("a"), None, None));
        #[cfg(feature = "serve")]
        {
            let problem = "no space".to_string();
            let full = origami::serve::StartError::DiskFull { dir: "a".into(), problem };
            assert_eq!(parts(full).0, "temporary");
        }
        assert_eq!(parts(anyhow::anyhow!("no")), ("failed", None, None, None));
    }

    #[test]
    fn the_worst_of_several_ends_counts() {
        use Exit::{Damaged, Failed, Good, Interrupted, MayPass};
        for (a, b, worst) in [
            (Good, MayPass, MayPass),
            (MayPass, Failed, Failed),
            (Damaged, Failed, Damaged),
            (MayPass, Damaged, Damaged),
            (Damaged, Interrupted, Interrupted),
        ] {
            assert_eq!((a.worst(b), b.worst(a)), (worst, worst));
        }
    }
}
