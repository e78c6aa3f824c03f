//! What works on a unit, and what it makes.

use std::path::Path;

use super::renderer::Renderer;
use crate::backend::scheduler::Scheduler;
use crate::backend::{Backend, Cancel};
use crate::error::{Error, Result};

/// What a unit made.
pub struct Made {
    /// The file to open, below the unit's directory.
    pub main: String,
    /// Families that were worked on.
    pub families: u64,
    /// Pixels of the finest level.
    pub pixels: u64,
    /// What of the request it does not have, for people.
    pub notes: Vec<String>,
}

/// What works on a unit, and who is told how far it is.
pub struct WorkContext<'a> {
    /// Where the arithmetic runs.
    pub backend: &'a dyn Backend,
    /// Threads; it carries the request to end.
    pub scheduler: &'a Scheduler,
    /// Is called with families done, families of the unit, and pixels of its finest level. Of a video they are frames, and the pixels of
    /// all of them.
    pub progress: &'a (dyn Fn(u64, u64, u64) + Sync),
    /// What tours are rendered with.
    pub renderer: &'a Renderer,
    /// The request to end.
    pub cancel: &'a Cancel,
}

/// A source that was changed after it was submitted would be stored under the key of another. An identity is its kind, length and hash.
///
/// # Errors
/// What differs.
pub fn check_identity(submitted: &str, path: &Path, found: &str) -> Result<()> {
    if found == submitted {
        return Ok(());
    }
    let parts = |identity: &str| identity.splitn(3, '-').map(String::from).collect::<Vec<_>>();
    let differs = match (&parts(submitted)[..], &parts(found)[..]) {
        ([kind, ..], [other, ..]) if kind != other => format!("it was a {kind} and is a {other}"),
        ([_, length, _], [_, other, _]) if length != other => {
            let unit = if submitted.starts_with("file") { "bytes" } else { "files or tiles" };
            format!("it had {length} {unit} and has {other}")
        }
        _ => "it is as long, with other bytes".into(),
    };
    let problem = format!(
        "it has changed since it was submitted: {differs}; submit it again, and the queue takes it as it is now"
    );
    Err(Error::input(path, problem))
}
