//! One service answers for a queue: two would both tell addresses, and each would miss the jobs of the other.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result};
use origami::jobs::Queue;
use origami::store::LockFile;

use crate::cli::fault::Problem;

/// The right to be the service of a queue. In a file it is a lock beside it; on a server it is renewed.
pub struct Only {
    queue: Arc<dyn Queue>,
    name: String,
    _lock: Option<LockFile>,
    over: Sender<()>,
    /// Returns whether the right was lost.
    renewed: JoinHandle<bool>,
}

impl Only {
    /// Takes it for a service of this name. Where another was killed on a server, this waits until its lease is over.
    ///
    /// # Errors
    /// Another service works; a queue that does not answer.
    pub fn of(queue: Arc<dyn Queue>, name: String, every: Duration) -> Result<Self> {
        let lock = lock(&*queue)?;
        if !queue.begin_service(&name)? {
            return Err(taken(&*queue));
        }
        let (over, ended) = channel::<()>();
        let (theirs, own) = (queue.clone(), name.clone());
        let renew = move || {
            while ended.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {
                match theirs.keep_service(&own) {
                    Ok(true) => {}
                    Ok(false) => {
                        tracing::error!(
                            "{}: another service has taken it over; this one ends",
                            theirs.name()
                        );
                        // In order, as if it was asked to. That it cannot be raised is no reason to go on.
                        if signal_hook::low_level::raise(signal_hook::consts::SIGTERM).is_err() {
                            std::process::abort();
                        }
                        return true;
                    }
                    Err(e) => tracing::warn!("{e}; trying again"),
                }
            }
            false
        };
        let renewed = std::thread::Builder::new().name("origami-service".into()).spawn(renew);
        let renewed = renewed.context("the system gives no threads")?;
        Ok(Self { queue, name, _lock: lock, over, renewed })
    }

    /// Gives it back: the next service may begin at once.
    ///
    /// # Errors
    /// It was lost.
    pub fn end(self) -> Result<()> {
        drop(self.over);
        // A thread that has panicked has said so.
        if self.renewed.join().unwrap_or_default() {
            return Err(taken(&*self.queue));
        }
        if let Err(e) = self.queue.end_service(&self.name) {
            tracing::warn!("{e}; the next service waits until the lease of this one is over");
        }
        Ok(())
    }
}

fn taken(queue: &dyn Queue) -> anyhow::Error {
    let problem = "another service works with this queue; end it, or give another --queue";
    Problem::failed(&PathBuf::from(queue.name()), problem).into()
}

fn lock(queue: &dyn Queue) -> Result<Option<LockFile>> {
    let path = PathBuf::from(queue.name());
    if !path.is_file() {
        return Ok(None);
    }
    let locked = path.with_extension("service.lock");
    let lock =
        LockFile::acquire(&locked).with_context(|| format!("{}: cannot be locked", locked.display()))?;
    lock.map(Some).ok_or_else(|| taken(queue))
}
