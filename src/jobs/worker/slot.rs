//! One attempt: from the claim to its manifest.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use crate::backend::Cancel;
use crate::jobs::code::Code;
use crate::jobs::content::Content;
use crate::jobs::context::{Made, WorkContext};
use crate::jobs::error::Error;
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
}

impl Slot {
    pub fn new(claim: Claim) -> Self {
        Self { claim, cancel: Cancel::default(), began: Instant::now(), shown: Arc::default() }
    }

    pub fn progress(&self) -> Progress {
        let Shown { families, of, pixels } = &*self.shown;
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
        let attempt = catch_unwind(AssertUnwindSafe(|| self.attempt(tools)));
        let attempt = attempt.unwrap_or_else(|_| {
            let message = "the program failed on this unit (a panic; its log has the place)";
            Err(Stop::Fault(Fault::new(Outlook::Permanent, message)))
        });
        // Only its manifest says whether it does.
        let may_count = matches!(attempt, Err(Stop::Unanswered(_)));
        let removed = match &attempt {
            Ok(Attempt::Done(Done::Ours | Done::Joined)) => tools.results.discard_others(key, &token),
            _ if may_count => Ok(()),
            _ => tools.results.discard(key, &token),
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

    fn attempt(&self, tools: &Tools<'_>) -> Result<Attempt, Stop> {
        let (unit, token, results) = (&self.claim.unit, &self.claim.token, tools.results);
        let of_results = |e: Error| Stop::of_storage(&e);
        if let Some(done) = results.manifest(&unit.key).map_err(of_results)? {
            // Its worker may have ended before it removed them.
            banded::remove(results, &self.claim.bands);
            let done = if done.attempt == *token { Done::Ours } else { Done::Theirs };
            return Ok(Attempt::Done(done));
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
        let made = match made {
            Ok(made) => made,
            // Another attempt has joined the bands meanwhile, and removed them.
            Err(_) if results.manifest(&unit.key).is_ok_and(|manifest| manifest.is_some()) => {
                return Ok(Attempt::Done(Done::Theirs));
            }
            Err(e) => return Err(Stop::of(&e).coded(e.code())),
        };
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
        let published = results.publish(&manifest, &elect).map_err(|e| match Stop::of_storage(&e) {
            // The next attempt finds out.
            Stop::Fault(fault) => Stop::Unanswered(Fault { outlook: Outlook::Transient, ..fault }),
            other => other,
        })?;
        Ok(published == Published::Won)
    }
}
