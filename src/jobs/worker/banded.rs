//! What an attempt at a slide does where the slide may be encoded in bands.
//!
//! The first attempt at a slide with more families than its limit makes units of its bands. When their manifests are there, an attempt joins
//! them, publishes the one manifest of the slide, and removes what the bands were. A band is a unit like any other.

use std::path::PathBuf;

use super::tools::{Stop, Tools};
use crate::backend::scheduler::Scheduler;
use crate::jobs::encode::Encode;
use crate::jobs::error::{Error, Result};
use crate::jobs::queue::Claim;
use crate::jobs::results::{Manifest, Results};
use crate::jobs::run::split;
use crate::jobs::state::{Fault, Outlook, State};
use crate::jobs::unit::{Band, Key, Task, Unit, named};

/// The next step of a unit that has no manifest.
pub enum Step {
    /// All of it.
    Whole,
    /// These bands are its work; some have no manifest.
    Split(Vec<Unit>),
    /// Its bands are done.
    Join { task: Box<Encode>, files: Vec<PathBuf>, bands: Vec<Key> },
    /// It is a band of a slide that is done.
    Needless,
}

/// Finds it out.
pub fn next(claim: &Claim, tools: &Tools<'_>, scheduler: &Scheduler) -> Result<Step, Stop> {
    let of_results = |e: Error| Stop::of(&e);
    let (task, most_families) = match (&claim.unit.task, claim.unit.most_families) {
        (Task::Band(band), _) => {
            let slide = tools.results.manifest(&band.of).map_err(of_results)?;
            return Ok(if slide.is_some() { Step::Needless } else { Step::Whole });
        }
        (Task::Encode(task), Some(most)) => (task, most),
        _ => return Ok(Step::Whole),
    };
    let bands = match known(claim, tools.results).map_err(of_results)? {
        Some(bands) => bands,
        None => {
            split(&claim.unit, task, most_families, tools.backend, scheduler).map_err(|e| Stop::of(&e))?
        }
    };
    let Some(Task::Band(Band { encode, .. })) = bands.first().map(|band| band.task.clone()) else {
        return Ok(Step::Whole);
    };
    let manifests: Vec<Option<Manifest>> = bands
        .iter()
        .map(|band| tools.results.manifest(&band.key))
        .collect::<Result<_>>()
        .map_err(of_results)?;
    let keys = bands.iter().map(|band| band.key.clone()).collect();
    if let Some(manifests) = manifests.iter().map(Option::as_ref).collect::<Option<Vec<_>>>() {
        let files = manifests.into_iter().map(|manifest| tools.results.main_of(manifest)).collect();
        return Ok(Step::Join { task: Box::new(encode), files, bands: keys });
    }
    for (band, _) in bands.iter().zip(&manifests).filter(|(_, manifest)| manifest.is_none()) {
        missing(band, tools)?;
    }
    Ok(Step::Split(bands))
}

/// The bands that an attempt before has made; `None` where there was none, or where one is not there any more.
fn known(claim: &Claim, results: &Results) -> Result<Option<Vec<Unit>>> {
    if claim.bands.is_empty() {
        return Ok(None);
    }
    // The slide may have been moved since.
    let band = |key| Ok(results.unit(key)?.map(|band: Unit| band.moved_to(&claim.unit)));
    claim.bands.iter().map(band).collect()
}

/// Looks after a band without a manifest: the store must know it, the queue must not take it for done, and it must not have been given up.
fn missing(band: &Unit, tools: &Tools<'_>) -> Result<(), Stop> {
    let of_jobs = |e: Error| Stop::of(&e);
    tools.results.announce(band).map_err(of_jobs)?;
    let Some(record) = tools.queue.record(&band.key).map_err(of_jobs)? else { return Ok(()) };
    let given_up = |message: String| {
        let message = format!("{}: {message}", named(&band.source, band.rows()));
        Err(Stop::Fault(Fault::new(Outlook::Permanent, message)))
    };
    match record.state {
        State::Dead => given_up(record.fault.map_or("no reason is known".into(), |fault| fault.message)),
        State::Cancelled => given_up("they were cancelled; try the slide again".into()),
        State::Done => tools.queue.settle(band, false).map(drop).map_err(of_jobs),
        State::Waiting | State::Running => Ok(()),
    }
}

/// Removes what the bands of a slide were, which is done.
pub fn remove(results: &Results, bands: &[Key]) {
    for key in bands {
        if let Err(e) = results.remove(key) {
            // They are found by `reconcile`.
            tracing::warn!("{e}; a band of a slide that is done stays there");
        }
    }
}
