//! Follows the units of jobs, and has addresses told: of progress now and then, of the end once.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use super::callback::{Call, Caller, State as CallState};
use super::job::{Now, Outcome, Seen, Status, Told, names, outcome, status_of};
use super::live::Live;
use super::registry::Registry;
use crate::backend::Cancel;
use crate::jobs::state::{Fault, Outlook};
use crate::jobs::{Code, Error};

/// Time between two looks.
const TICK: Duration = Duration::from_millis(200);
/// Least time between two calls about the progress of a job.
const PROGRESS_EVERY: Duration = Duration::from_secs(5);
/// Pause after a round of calls that nobody took; each is longer by as much.
const ROUND_PAUSE: Duration = Duration::from_secs(60);
/// Rounds of calls about the end of a job.
const ROUNDS: u32 = 10;
/// Jobs at the head of the queue that each look is about, and how many looks there are to one at the others.
const NEAR: usize = 16;
const FAR_EVERY: u32 = 10;
/// How long a call about progress may hold up that about the end.
const PROGRESS_WAIT: Duration = Duration::from_secs(5);
/// How long a service that ends waits for calls under way.
const LAST_WAIT: Duration = Duration::from_secs(5);

/// Follows the jobs of a registry.
pub struct Monitor<'a> {
    registry: &'a Arc<Registry>,
    caller: Caller,
    calls: HashMap<String, Calls>,
    looks: u32,
}

/// The calls about one job.
#[derive(Default)]
struct Calls {
    under_way: Option<Call>,
    is_final: bool,
    /// When its progress was told last, and which.
    told: Option<(Instant, u64)>,
    rounds: u32,
    tries: u32,
    not_before: Option<Instant>,
}

impl<'a> Monitor<'a> {
    /// # Errors
    /// The system gives no threads.
    pub fn new(registry: &'a Arc<Registry>) -> std::io::Result<Self> {
        Ok(Self { registry, caller: Caller::new(&registry.options)?, calls: HashMap::new(), looks: 0 })
    }

    /// Follows them until `stop` is requested.
    pub fn run(&mut self, stop: &Cancel) {
        let mut in_trouble = false;
        while !stop.is_requested() {
            let trouble = self.look().err().map(|e| e.to_string());
            // Said once: it is looked again five times a second.
            match &trouble {
                Some(text) if !in_trouble => {
                    tracing::error!("{text}; jobs are looked after again when it answers")
                }
                None if in_trouble => tracing::warn!("queue and results answer again"),
                _ => {}
            }
            in_trouble = trouble.is_some();
            self.registry.set_trouble(trouble);
            self.registry.wait(TICK);
        }
        // What is not delivered by then the next service delivers.
        let began = Instant::now();
        while began.elapsed() < LAST_WAIT && self.calls.values().any(Calls::is_under_way) {
            std::thread::sleep(Duration::from_millis(20));
        }
        if let Err(e) = self.look() {
            tracing::warn!("{e}");
        }
    }

    /// One look at every job.
    fn look(&mut self) -> Result<(), Error> {
        // Copies share the jobs.
        let all: Vec<Live> = self.registry.jobs().open.clone();
        self.calls.retain(|name, _| all.iter().any(|live| live.job.job_id == *name));
        let (mut first, mut queued) = (Ok(()), 0);
        self.looks = self.looks.wrapping_add(1);
        for live in all {
            // Those that will wait for long are looked at now and then: the queue may be far away.
            queued += usize::from(live.status == Status::Queued);
            if live.status == Status::Queued && queued > NEAR && !self.looks.is_multiple_of(FAR_EVERY) {
                continue;
            }
            let looked = match live.status.is_final() {
                true => self.tell_end(&live),
                false => self.follow(&live),
            };
            first = first.and(looked);
        }
        first
    }

    /// Looks at the unit of a job.
    fn follow(&mut self, live: &Live) -> Result<(), Error> {
        let (registry, job) = (self.registry, &live.job);
        let Some(record) = registry.queue.record(&job.key)? else {
            // A queue that was lost.
            return match registry.results.unit(&job.key) {
                Ok(Some(unit)) => registry.queue.submit(&[unit]).map(drop),
                Err(e) if !e.is_of_stored() => Err(e),
                _ => {
                    let message = "neither the queue nor the results know this job any more; send it again";
                    registry.end(
                        &job.job_id,
                        Status::Failed,
                        Some(Fault::new(Outlook::Permanent, message)),
                        None,
                    )
                }
            };
        };
        let (status, seen) = (status_of(&record), Seen::of(&record));
        let mut started = None;
        {
            let mut jobs = registry.jobs();
            let same = |other: &&mut Live| {
                other.job.job_id == job.job_id && other.job.submitted_ms == job.submitted_ms
            };
            let Some(own) = jobs.open.iter_mut().find(same).filter(|own| !own.status.is_final()) else {
                return Ok(());
            };
            own.seen = seen.clone();
            if !status.is_final() {
                own.status = status;
            }
            if status == Status::Processing && own.job.started_ms.is_none() {
                Arc::make_mut(&mut own.job).started_ms = Some(registry.now_ms());
                started = Some(own.job.clone());
            }
        }
        if let Some(job) = started {
            registry.results.put_note(&names(&job.job_id)[0], &*job)?;
        }
        match status {
            Status::Completed => {
                let result = self.result(live, &seen)?;
                registry.end(&job.job_id, status, None, Some(result))
            }
            Status::Failed => {
                let fault =
                    record.fault.unwrap_or_else(|| Fault::new(Outlook::Permanent, "no reason is known"));
                registry.end(&job.job_id, status, Some(fault.coded(Code::RenderError)), None)
            }
            Status::Cancelled => {
                let fault = Fault::new(Outlook::Permanent, "it was cancelled").coded(Code::Cancelled);
                registry.end(&job.job_id, status, Some(fault), None)
            }
            Status::Queued | Status::Processing => {
                self.tell_progress(&job.job_id);
                Ok(())
            }
        }
    }

    fn result(&self, live: &Live, seen: &Seen) -> Result<Outcome, Error> {
        let results = &self.registry.results;
        let Some(manifest) = results.manifest(&live.job.key)? else {
            // The queue says done and the store does not: it is done again.
            if let Some(unit) = results.unit(&live.job.key)? {
                self.registry.queue.settle(&unit, false)?;
            }
            return Err(Error::missing_manifest(&live.job.key));
        };
        let mut result = outcome(&manifest, &results.main_of(&manifest), seen.elapsed_ms);
        if let Some(name) = &live.job.destination {
            result.url = results.put_named(&manifest, name)?;
        }
        Ok(result)
    }

    /// Tells the address of a job how far it is, if the last call is long ago and there is something new.
    fn tell_progress(&mut self, job_id: &str) {
        let calls = self.calls.entry(job_id.into()).or_default();
        if calls.is_under_way() || calls.told.is_some_and(|(at, _)| at.elapsed() < PROGRESS_EVERY) {
            return;
        }
        let (registry, told) = (self.registry, calls.told.map(|(_, done)| done));
        let body = {
            let (jobs, now_ms) = (registry.jobs(), registry.now_ms());
            let body = |now: &Now<'_>| {
                let is_new = now.status == Status::Processing && told != Some(now.seen.done);
                (now.job.job_id == job_id && is_new)
                    .then(|| (now.job.callback.clone(), now.seen.done, now.call(now_ms)))
            };
            jobs.now(registry.options.max_concurrent, body).into_iter().flatten().next()
        };
        let Some((callback, done, body)) = body else { return };
        calls.told = Some((Instant::now(), done));
        if let Some((address, is_operators)) = address(&callback, registry) {
            calls.under_way = Some(self.caller.call(&address, is_operators, body.to_string()));
        }
    }

    /// Tells the address of a job that it has ended, until it takes it.
    fn tell_end(&mut self, live: &Live) -> Result<(), Error> {
        let (registry, job) = (self.registry, &live.job);
        let Some((address, is_operators)) = address(&job.callback, registry) else {
            return registry.file(&job.job_id, Told::None, 0);
        };
        let calls = self.calls.entry(job.job_id.clone()).or_default();
        match calls.under_way.as_ref().map(|call| (call.state(), call.tries())) {
            Some((CallState::UnderWay, tries)) if calls.is_final => {
                registry.show_tries(&job.job_id, calls.tries + tries);
                return Ok(());
            }
            Some((CallState::UnderWay, _))
                if calls.told.is_some_and(|(at, _)| at.elapsed() < PROGRESS_WAIT) =>
            {
                return Ok(());
            }
            Some((CallState::Delivered, tries)) if calls.is_final => {
                let tries = calls.tries + tries;
                registry.file(&job.job_id, Told::Delivered, tries)?;
                registry.figures.delivered.fetch_add(1, Relaxed);
                self.calls.remove(&job.job_id);
                return Ok(());
            }
            Some((CallState::Failed, tries)) if calls.is_final => {
                calls.under_way = None;
                calls.tries += tries;
                calls.rounds += 1;
                calls.not_before = Some(Instant::now() + ROUND_PAUSE * calls.rounds);
                tracing::warn!(job = job.job_id, "the address of this job does not take that it has ended");
                registry.figures.undelivered.fetch_add(1, Relaxed);
            }
            // That of the progress is over, or takes too long and is dropped: the end may follow it.
            _ => calls.under_way = None,
        }
        if calls.rounds >= ROUNDS {
            let tries = calls.tries;
            registry.file(&job.job_id, Told::GivenUp, tries)?;
            self.calls.remove(&job.job_id);
        } else if calls.not_before.is_none_or(|at| at <= Instant::now()) {
            let now = Now { job, status: live.status, seen: &live.seen, position: None, left_s: Some(0.0) };
            calls.is_final = true;
            calls.under_way =
                Some(self.caller.call(&address, is_operators, now.call(registry.now_ms()).to_string()));
        }
        Ok(())
    }
}

impl Calls {
    fn is_under_way(&self) -> bool {
        self.under_way.as_ref().is_some_and(|call| call.state() == CallState::UnderWay)
    }
}

/// The address to tell, and whether it is the operator's.
fn address(own: &Option<String>, registry: &Registry) -> Option<(String, bool)> {
    let of_operator = || registry.options.callback.clone().map(|address| (address, true));
    own.clone().map(|address| (address, false)).or_else(of_operator)
}
