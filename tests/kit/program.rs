//! The built `origami` program, run once and waited for.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use super::files::contents;

/// Path of the program.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_origami");

/// Result of a run.
#[derive(Debug)]
pub struct Ran {
    /// Exit code; `None` where a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl From<Output> for Ran {
    fn from(out: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self { code: out.status.code(), stdout: text(out.stdout), stderr: text(out.stderr) }
    }
}

impl Ran {
    /// Panics unless it succeeded.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }

    /// Panics unless it failed as a program should: exit code 1, one line on standard error with every one of `says`, no panic.
    #[track_caller]
    pub fn fails(self, says: &[&str]) -> Self {
        self.ends(1, says)
    }

    /// As [`Self::fails`], for data that is damaged.
    #[track_caller]
    pub fn damaged(self, says: &[&str]) -> Self {
        self.ends(3, says)
    }

    /// As [`Self::fails`], with any exit code.
    #[track_caller]
    pub fn ends(self, code: i32, says: &[&str]) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert_eq!(self.stderr.trim_end().lines().count(), 1, "one line: {self:?}");
        assert!(self.stderr.starts_with("origami: "), "{self:?}");
        assert!(self.stdout.is_empty(), "{self:?}");
        self.says(says)
    }

    /// Panics unless the command line was refused: exit code 2 with every one of `says`.
    #[track_caller]
    pub fn refused(self, says: &[&str]) -> Self {
        assert_eq!(self.code, Some(2), "{self:?}");
        self.says(says)
    }

    #[track_caller]
    fn says(self, says: &[&str]) -> Self {
        for word in says {
            assert!(self.stderr.contains(word), "no {word:?} in {self:?}");
        }
        assert!(!self.stderr.contains("panicked"), "{self:?}");
        self
    }
}

/// The program under test.
pub fn program() -> Command {
    Command::new(PROGRAM)
}

/// Runs the program. Arguments that are empty are left out.
pub fn origami(args: &[&str]) -> Ran {
    program().args(args.iter().filter(|a| !a.is_empty())).output().unwrap().into()
}

/// A path as an argument.
pub fn arg(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// What `inspect --json --list` reports.
pub fn inspected(archive: &Path) -> Value {
    serde_json::from_str(&origami(&["inspect", "--json", "--list", arg(archive)]).ok().stdout).unwrap()
}

/// Every tile that `decode` writes with `flags`, by `level/x_y.format`.
pub fn decoded(bundle: &Path, flags: &[&str]) -> Vec<(String, Vec<u8>)> {
    let out = tempfile::tempdir().unwrap();
    origami(&[&["decode", "-q", "--bundle", arg(bundle), "--out", arg(out.path())], flags].concat()).ok();
    contents(&out.path().join("decoded_pyramid_files"))
}
