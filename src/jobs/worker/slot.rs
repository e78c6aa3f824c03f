//! One attempt: from the claim to its manifest.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use crate::backend::Cancel;
use crate::jobs::code::Code;
use crate::jobs::content::Content;
use crate::jobs::context::{Made, WorkContext};
use crate::jobs::error::{Error, Result as JobsResult};
use crate::jobs::queue::Claim;
use crate::jobs::results::{MANIFEST_SCHEMA, Manifest, Published};
use crate::jobs::run::{WorkError, joined, run};
use crate::jobs::state::{Fault, Outlook, Progress};
use crate::jobs::unit::{Key, Token, Unit};
use crate::jobs::worker::banded::{self, Step};
use crate::jobs::worker::tools::{Stop, Tools};

/// How an attempt has ended.
pub enum Ending {
    /// A manifest is there.
    Published { token: Token, done: Done, progress: Progress },
    /// The slide is done in bands, of which some are missing.
    Split { token: Token, bands: Vec<Unit> },
    /// It failed.
    Failed { token: Token, fault: Fault },
    /// It was ended.
    Interrupted(Token),
}

impl Ending {
    pub fn token(&self) -> Token {
        match self {
            Self::Published { token, .. }
            | Self::Split { token, .. }
            | Self::Failed { token, .. }
            | Self::Interrupted(token) => token.clone(),
        }
    }
}

/// What a manifest that is there says of the attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// It names the attempt.
    Ours,
    /// It names the attempt, which joined what others had encoded.
    Joined,
    /// It names another.
    Theirs,
}

/// How an attempt that has not failed has ended.
pub enum Attempt {
    Done(Done),
    Split(Vec<Unit>),
}

/// An attempt that runs, shared by the thread that works on it and the one that talks to the queue.
#[derive(Clone)]
pub struct Slot {
    pub claim: Claim,
    pub cancel: Cancel,
    began: Instant,
    shown: Arc<Shown>,
}

#[derive(Default)]
struct Shown {
    families: AtomicU64,
    of: AtomicU64,
    pixels: AtomicU64,
    /// Whether files may lie at the address of the results.
    put: AtomicBool,
}

/// How long the files of an attempt that was ended are removed from the store of the results.
const LAST_WAIT: Duration = Duration::from_secs(1);

impl Slot {
    pub fn new(claim: Claim) -> Self {
        Self { claim, cancel: Cancel::default(), began: Instant::now(), shown: Arc::default() }
    }

    pub fn progress(&self) -> Progress {
        let Shown { families, of, pixels, .. } = &*self.shown;
        let elapsed_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        Progress {
            families: families.load(Relaxed),
            of: of.load(Relaxed),
            pixels: pixels.load(Relaxed),
            elapsed_ms,
        }
    }

    /// Works on the unit. Files that certainly do not count are gone afterwards.
    pub fn work(&self, tools: &Tools<'_>) -> Ending {
        let (key, token) = (&self.claim.unit.key, self.claim.token.clone());
        // No wait for a store outlasts the request to end by much.
        let attempt = catch_unwind(AssertUnwindSafe(|| self.cancel.ends_waits(|| self.attempt(tools))));
        let attempt = attempt.unwrap_or_else(|_| {
            let message = "the program failed on this unit (a panic; its log has the place)";
            Err(Stop::Fault(Fault::new(Outlook::Permanent, message)))
        });
        let removed = match &attempt {
            Ok(Attempt::Done(Done::Ours | Done::Joined)) => tools.results.discard_others(key, &token),
            // A manifest may name this attempt: then its files are the result.
            Err(Stop::Unanswered(_)) => Ok(()),
            _ => self.discard(tools),
        };
        if let Err(e) = removed {
            // They are found by `reconcile`.
            tracing::warn!("{e}; the files of an attempt that does not count stay there");
        }
        match attempt {
            Ok(Attempt::Done(done)) => Ending::Published { token, done, progress: self.progress() },
            Ok(Attempt::Split(bands)) => Ending::Split { token, bands },
            Err(Stop::Fault(fault) | Stop::Unanswered(fault)) => Ending::Failed { token, fault },
            Err(Stop::Interrupted) => Ending::Interrupted(token),
        }
    }

    fn discard(&self, tools: &Tools<'_>) -> JobsResult<()> {
        let (key, token) = (&self.claim.unit.key, &self.claim.token);
        tools.results.discard_written(key, token)?;
        match self.shown.put.load(Relaxed) {
            // A store that has made somebody cancel the unit may not answer this either.
            true => tools.results.discard_put(key, token, self.cancel.is_requested().then_some(LAST_WAIT)),
            false => Ok(()),
        }
    }

    /// Works, and publishes. Another attempt may do so first, and remove what this one works with: then its manifest says what has
    /// become of the unit, and no error does.
    fn attempt(&self, tools: &Tools<'_>) -> Result<Attempt, Stop> {
        let tried = self.try_to_publish(tools);
        if let (Err(Stop::Fault(_)), true) = (&tried, self.cancel.is_requested()) {
            return Err(Stop::Interrupted);
        }
        let may_be_known = match &tried {
            Err(Stop::Unanswered(_)) => true,
            // A store that does not answer tells nothing.
            Err(Stop::Fault(fault)) => {
                fault.code != Some(Code::StorageAccessError) || fault.outlook != Outlook::Transient
            }
            _ => false,
        };
        if !may_be_known {
            return tried;
        }
        match tools.results.manifest(&self.claim.unit.key) {
            Ok(Some(manifest)) => Ok(self.found(tools, &manifest)),
            _ => tried,
        }
    }

    /// What a manifest that is there makes of the attempt.
    fn found(&self, tools: &Tools<'_>, manifest: &Manifest) -> Attempt {
        // Its worker may have ended before it removed them.
        banded::remove(tools.results, &self.claim.bands);
        Attempt::Done(if manifest.attempt == self.claim.token { Done::Ours } else { Done::Theirs })
    }

    fn try_to_publish(&self, tools: &Tools<'_>) -> Result<Attempt, Stop> {
        let (unit, token, results) = (&self.claim.unit, &self.claim.token, tools.results);
        let of_results = |e: Error| Stop::of_storage(&e);
        if let Some(manifest) = results.manifest(&unit.key).map_err(of_results)? {
            return Ok(self.found(tools, &manifest));
        }
        let scheduler = tools.scheduler.sharing(tools.slots, self.cancel.clone());
        let step = banded::next(&self.claim, tools, &scheduler)?;
        match step {
            Step::Split(bands) => return Ok(Attempt::Split(bands)),
            Step::Needless => return Ok(Attempt::Done(Done::Theirs)),
            Step::Whole | Step::Join { .. } => {}
        }
        let dir = results.begin(&unit.key, token).map_err(of_results)?;
        let progress = |families, of, pixels| {
            self.shown.families.store(families, Relaxed);
            self.shown.of.store(of, Relaxed);
            self.shown.pixels.store(pixels, Relaxed);
        };
        let context = WorkContext {
            backend: tools.backend,
            scheduler: &scheduler,
            progress: &progress,
            renderer: tools.renderer,
            cancel: &self.cancel,
        };
        let made = match &step {
            Step::Join { task, files, .. } => {
                joined(unit, task, files, &dir, &context).map_err(WorkError::from)
            }
            _ => run(unit, &dir, &context),
        };
        let made = made.map_err(|e| Stop::of(&e).coded(e.code()))?;
        progress(made.families, made.families, made.pixels);
        let ours = self.publish(tools, &dir, made)?;
        let Step::Join { bands, .. } = &step else {
            return Ok(Attempt::Done(if ours { Done::Ours } else { Done::Theirs }));
        };
        banded::remove(results, bands);
        Ok(Attempt::Done(if ours { Done::Joined } else { Done::Theirs }))
    }

    /// Puts the files where they belong and creates the manifest. Returns whether it is of this attempt.
    fn publish(&self, tools: &Tools<'_>, dir: &Path, made: Made) -> Result<bool, Stop> {
        let (unit, token, results) = (&self.claim.unit, &self.claim.token, tools.results);
        let of_results = |e: Error| Stop::of_storage(&e);
        let content = Content::of(dir).map_err(|e| Stop::of(&e).coded(Some(Code::StorageAccessError)))?;
        self.shown.put.store(true, Relaxed);
        results.put(&unit.key, token, &made.main).map_err(of_results)?;
        // A worker that was told to stop, or has lost the unit, publishes nothing more.
        self.cancel.check().map_err(|_| Stop::Interrupted)?;
        let manifest = Manifest {
            schema: MANIFEST_SCHEMA,
            unit: unit.clone(),
            attempt: token.clone(),
            worker: tools.worker.into(),
            path: results.path_of(&unit.key, token),
            main: made.main,
            content,
            families: made.families,
            pixels: made.pixels,
            notes: made.notes,
        };
        let elect = |key: &Key, text: &str| tools.queue.elect(key, text);
        let published = results.publish(&manifest, &elect).map_err(|e| {
            // The next attempt finds out.
            let fault = Fault::new(Outlook::Transient, e.to_string());
            Stop::Unanswered(fault.coded(Code::StorageAccessError))
        })?;
        Ok(published == Published::Won)
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs;

    use super::*;
    use crate::backend::CpuBackend;
    use crate::backend::scheduler::Scheduler;
    use crate::jobs::queue::Queue;
    use crate::jobs::renderer::Renderer;
    use crate::jobs::tests::workers::{Lab, unneeded};
    use crate::jobs::{Clock, Token};

    #[test]
    fn a_loser_whose_files_the_winner_removes_finds_the_manifest() {
        let lab = Lab::new(1);
        let queue = lab.queue(Clock::default());
        let slot = Slot::new(queue.claim("slow", 1).unwrap().pop().unwrap());
        let key = &slot.claim.unit.key;
        // The slot stops where it reads its files back, at a pipe that nobody writes to.
        let dir = lab.results.begin(key, &slot.claim.token).unwrap();
        let pipe = dir.join("0");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let (scheduler, renderer) = (Scheduler::new(1).unwrap(), Renderer::default());
        let tools = Tools {
            queue: &queue,
            results: &lab.results,
            backend: &CpuBackend::new(),
            scheduler: &scheduler,
            renderer: &renderer,
            slots: 1,
            worker: "slow",
        };
        let ending = std::thread::scope(|scope| {
            let slow = scope.spawn(|| slot.work(&tools));
            let opened = fs::OpenOptions::new().write(true).open(&pipe).unwrap();
            let winner = Token::random().unwrap();
            let manifest = Manifest {
                schema: MANIFEST_SCHEMA,
                unit: slot.claim.unit.clone(),
                attempt: winner.clone(),
                worker: "fast".into(),
                path: lab.results.path_of(key, &winner),
                main: "x".into(),
                content: Content { files: 0, bytes: 0, hash: String::new() },
                families: 4,
                pixels: 1,
                notes: Vec::new(),
            };
            lab.results.begin(key, &winner).unwrap();
            assert_eq!(lab.results.publish(&manifest, &unneeded).unwrap(), Published::Won);
            lab.results.discard_others(key, &winner).unwrap();
            drop(opened);
            slow.join().unwrap()
        });
        assert!(!dir.exists());
        match ending {
            Ending::Published { done, .. } => assert_eq!(done, Done::Theirs),
            Ending::Failed { fault, .. } => panic!("{fault:?}"),
            Ending::Split { .. } | Ending::Interrupted(_) => panic!("it has neither bands nor been ended"),
        }
    }
}
