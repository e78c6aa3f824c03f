//! All jobs: those that have not ended, in memory and as notes; those that have, as notes.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use super::job::{ENDED, Ended, Job, Kind, Now, OPEN, SCHEMA, Seen, Status, Told, names, status_of, tenths};
use super::live::{Jobs, Live, RECENT, ended};
use super::options::ServiceOptions;
use super::problem::Problem;
use super::request::Wanted;
use crate::jobs::state::{Fault, Outlook, State};
use crate::jobs::{Clock, Code, Error, Key, Queue, Renderer, Results, Which};

/// Most jobs that have not ended.
const MAX_OPEN: usize = 1000;

/// Counts since the start.
#[derive(Default)]
pub struct Figures {
    pub completed: AtomicU64,
    pub failed: AtomicU64,
    pub cancelled: AtomicU64,
    pub frames: AtomicU64,
    pub render_ms: AtomicU64,
    pub delivered: AtomicU64,
    pub undelivered: AtomicU64,
}

/// All jobs of a queue.
pub struct Registry {
    pub queue: Arc<dyn Queue>,
    pub results: Arc<Results>,
    pub renderer: Arc<Renderer>,
    pub options: ServiceOptions,
    pub figures: Figures,
    jobs: Mutex<Jobs>,
    /// One submission at a time, so that a name is taken once.
    submitting: Mutex<()>,
    changed: (Mutex<bool>, Condvar),
    /// What does not answer at present.
    trouble: Mutex<Option<String>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Registry {
    pub fn new(
        queue: Arc<dyn Queue>,
        results: Arc<Results>,
        renderer: Arc<Renderer>,
        options: ServiceOptions,
    ) -> Self {
        Self {
            queue,
            results,
            renderer,
            options,
            figures: Figures::default(),
            jobs: Mutex::default(),
            submitting: Mutex::default(),
            changed: (Mutex::default(), Condvar::new()),
            trouble: Mutex::default(),
        }
    }

    /// Takes up the jobs of a service before this one.
    pub fn load(&self) -> Result<(), Error> {
        let mut jobs = Jobs::default();
        for name in self.results.notes(ENDED)?.iter().take(RECENT) {
            if let Some(job) = self.results.note::<Job>(name)? {
                jobs.learn(&job);
                jobs.recent.push_back(job);
            }
        }
        for name in self.results.notes(OPEN)? {
            let Some(job) = self.results.note::<Job>(&name)? else { continue };
            // The service may have ended between the two notes.
            let filed = self.results.note::<Job>(&names(&job.job_id)[1])?;
            if filed.is_some_and(|filed| filed.submitted_ms == job.submitted_ms) {
                self.results.remove_note(&name)?;
                continue;
            }
            if let (None, Some(unit)) = (&job.ended, self.results.unit(&job.key)?) {
                // It was announced: a queue that was lost, or that never heard of it, does now.
                self.queue.submit(&[unit])?;
            }
            let (status, seen) = match &job.ended {
                Some(ended) => (ended.status, ended.seen.clone()),
                None => (Status::Queued, Seen::default()),
            };
            jobs.open.push(Live { job, status, seen });
        }
        jobs.open.sort_by_key(|live| live.job.submitted_ms);
        *self.jobs() = jobs;
        Ok(())
    }

    pub fn jobs(&self) -> MutexGuard<'_, Jobs> {
        lock(&self.jobs)
    }

    pub fn now_ms(&self) -> u64 {
        Clock::default().now_ms()
    }

    /// Waits until something has changed, for a while at most.
    pub fn wait(&self, most: Duration) {
        let (changed, condition) = &self.changed;
        let waited = condition.wait_timeout_while(lock(changed), most, |changed| !*changed);
        let mut changed = waited.unwrap_or_else(PoisonError::into_inner).0;
        *changed = false;
    }

    fn wake(&self) {
        *lock(&self.changed.0) = true;
        self.changed.1.notify_all();
    }

    /// Says what does not answer; `None`: everything does.
    pub fn set_trouble(&self, trouble: Option<String>) {
        *lock(&self.trouble) = trouble;
    }

    pub fn trouble(&self) -> Option<String> {
        lock(&self.trouble).clone()
    }

    /// Adds a job, unless it is there.
    ///
    /// # Errors
    /// Another job has its name; too many jobs; queue or results.
    pub fn submit(&self, wanted: Wanted) -> Result<Value, Problem> {
        let _one = lock(&self.submitting);
        let [open_name, ended_name] = names(&wanted.job_id);
        let job_id = wanted.job_id.clone();
        let known = self.find(&job_id)?;
        let is_same = known.as_ref().is_some_and(|live| live.job.request == wanted.request);
        match known {
            Some(live) if live.status == Status::Completed && is_same => {
                return Ok(accepted(&job_id, "it is done already", 0.0));
            }
            Some(live) if !live.status.is_final() && is_same => {
                return Ok(self.accepted(&job_id));
            }
            Some(live) if !live.status.is_final() => {
                let message = format!("{job_id:?} is another job, which has not ended");
                return Err(Problem::conflict(message, "give another jobId, or cancel that job first"));
            }
            _ => {}
        }
        if self.jobs().open.iter().filter(|live| !live.status.is_final()).count() >= MAX_OPEN {
            return Err(Problem::queue_full(MAX_OPEN));
        }
        let has_address = wanted.callback.is_some() || self.options.callback.is_some();
        let job = Job {
            schema: SCHEMA,
            job_id: job_id.clone(),
            kind: wanted.kind,
            key: wanted.unit.key.clone(),
            request: wanted.request,
            warnings: wanted.warnings,
            callback: wanted.callback,
            destination: wanted.destination,
            submitted_ms: self.now_ms(),
            started_ms: None,
            work: wanted.work,
            ended: None,
            told: if has_address { Told::Owed } else { Told::None },
            tries: 0,
        };
        self.results.announce(&wanted.unit)?;
        self.results.put_note(&open_name, &job)?;
        if let Err(e) = self.enqueue(&wanted.unit) {
            // Otherwise the next start would take up what was refused.
            if let Err(e) = self.results.remove_note(&open_name) {
                tracing::warn!("{e}; a job that was refused is taken up at the next start");
            }
            return Err(e.into());
        }
        self.results.remove_note(&ended_name)?;
        {
            let mut jobs = self.jobs();
            jobs.open.retain(|live| live.job.job_id != job_id);
            jobs.recent.retain(|job| job.job_id != job_id);
            jobs.open.push(Live { job, status: Status::Queued, seen: Seen::default() });
        }
        self.wake();
        Ok(self.accepted(&job_id))
    }

    /// Adds a unit; one that was given up or cancelled is tried again.
    fn enqueue(&self, unit: &crate::jobs::Unit) -> Result<(), Error> {
        self.queue.submit(std::slice::from_ref(unit))?;
        let record = self.queue.record(&unit.key)?;
        if record.is_some_and(|record| matches!(record.state, State::Dead | State::Cancelled)) {
            self.queue.retry(&Which::Keys(vec![unit.key.clone()]))?;
        }
        Ok(())
    }

    fn accepted(&self, job_id: &str) -> Value {
        let jobs = self.jobs();
        let answer = jobs.now(self.options.max_concurrent, |now| {
            (now.job.job_id == job_id).then(|| (now.position, now.left_s.unwrap_or_default()))
        });
        let (position, left_s) = answer.into_iter().flatten().next().unwrap_or_default();
        let message = position.map_or("it is worked on".into(), |place| format!("queued at place {place}"));
        accepted(job_id, &message, left_s)
    }

    /// A job, wherever it is kept.
    pub fn find(&self, job_id: &str) -> Result<Option<Live>, Error> {
        {
            let jobs = self.jobs();
            if let Some(live) = jobs.open.iter().find(|live| live.job.job_id == job_id) {
                return Ok(Some(live.clone()));
            }
            if let Some(job) = jobs.recent.iter().find(|job| job.job_id == job_id) {
                return Ok(Some(ended(job.clone())));
            }
        }
        let [_, name] = names(job_id);
        let job = self.results.note::<Job>(&name)?.filter(|job| job.job_id == job_id);
        Ok(job.map(ended))
    }

    /// The status of a job.
    ///
    /// # Errors
    /// There is no such job; results that do not answer.
    pub fn status(&self, job_id: &str) -> Result<Value, Problem> {
        let of_open = {
            let jobs = self.jobs();
            let slots = self.options.max_concurrent;
            let mut found = jobs.now(slots, |now| (now.job.job_id == job_id).then(|| now.json()));
            found.drain(..).flatten().next()
        };
        if let Some(status) = of_open {
            return Ok(status);
        }
        let found = self.find(job_id)?;
        let live = found.ok_or_else(|| Problem::not_found(format!("there is no job {job_id:?}")))?;
        Ok(Now { job: &live.job, status: live.status, seen: &live.seen, position: None, left_s: Some(0.0) }
            .json())
    }

    /// Ends a job.
    ///
    /// # Errors
    /// There is no such job; it has ended; queue or results.
    pub fn cancel(&self, job_id: &str) -> Result<Value, Problem> {
        let live =
            self.find(job_id)?.ok_or_else(|| Problem::not_found(format!("there is no job {job_id:?}")))?;
        let over = |status: Status| {
            Problem::conflict(format!("{job_id:?} has ended: {}", status.name()), "look at its status")
        };
        if live.status.is_final() {
            return Err(over(live.status));
        }
        let key = live.job.key.clone();
        if !self.is_shared(&key, job_id) && self.queue.cancel(&Which::Keys(vec![key.clone()]))? == 0 {
            let record = self.queue.record(&key)?;
            match record.map(|record| status_of(&record)) {
                None | Some(Status::Cancelled) => {}
                Some(status) => return Err(over(status)),
            }
        }
        let fault = Fault::new(Outlook::Permanent, "it was cancelled").coded(Code::Cancelled);
        self.end(job_id, Status::Cancelled, Some(fault), None)?;
        self.status(job_id)
    }

    /// Ends all jobs that wait. Returns how many.
    ///
    /// # Errors
    /// Queue or results.
    pub fn clear(&self) -> Result<Value, Problem> {
        let queued = |live: &&Live| live.status == Status::Queued;
        let names: Vec<String> =
            self.jobs().open.iter().filter(queued).map(|live| live.job.job_id.clone()).collect();
        let mut cancelled = 0;
        for name in &names {
            cancelled += u64::from(self.cancel(name).is_ok());
        }
        Ok(json!({"status": "cleared", "cancelled": cancelled}))
    }

    /// Whether another job that has not ended has the same unit.
    fn is_shared(&self, key: &Key, job_id: &str) -> bool {
        let jobs = self.jobs();
        let others = jobs.open.iter().filter(|live| live.job.job_id != job_id && !live.status.is_final());
        others.into_iter().any(|live| live.job.key == *key)
    }

    /// A job has ended; the first end counts.
    ///
    /// # Errors
    /// Results that do not answer: it has not ended then.
    pub fn end(
        &self,
        job_id: &str,
        status: Status,
        error: Option<Fault>,
        result: Option<super::job::Outcome>,
    ) -> Result<(), Error> {
        let Some(live) = self.jobs().open.iter().find(|live| live.job.job_id == job_id).cloned() else {
            return Ok(());
        };
        if live.status.is_final() {
            return Ok(());
        }
        let (at_ms, seen) = (self.now_ms(), live.seen);
        let job = Job { ended: Some(Ended { status, at_ms, error, result, seen }), ..live.job };
        self.results.put_note(&names(job_id)[0], &job)?;
        let mut jobs = self.jobs();
        let same = |live: &&mut Live| live.job.job_id == job_id && live.job.submitted_ms == job.submitted_ms;
        let Some(live) = jobs.open.iter_mut().find(same).filter(|live| !live.status.is_final()) else {
            return Ok(());
        };
        (live.status, live.job) = (status, job.clone());
        jobs.learn(&job);
        // Who sees the end finds it counted.
        self.count(&job, status);
        drop(jobs);
        self.wake();
        Ok(())
    }

    fn count(&self, job: &Job, status: Status) {
        let figures = &self.figures;
        let counter = match status {
            Status::Completed => &figures.completed,
            Status::Cancelled => &figures.cancelled,
            _ => &figures.failed,
        };
        counter.fetch_add(1, Relaxed);
        let result = job.ended.as_ref().and_then(|ended| ended.result.as_ref());
        if let (Some(result), Kind::Render) = (result, job.kind) {
            figures.frames.fetch_add(result.frames, Relaxed);
            figures.render_ms.fetch_add(result.took_ms, Relaxed);
        }
    }

    /// A job has ended, and nobody is to be told of it any more.
    ///
    /// # Errors
    /// Results that do not answer.
    pub fn file(&self, job_id: &str, told: Told, tries: u32) -> Result<(), Error> {
        let Some(live) = self.jobs().open.iter().find(|live| live.job.job_id == job_id).cloned() else {
            return Ok(());
        };
        let job = Job { told, tries, ..live.job };
        let [open_name, ended_name] = names(job_id);
        self.results.put_note(&ended_name, &job)?;
        self.results.remove_note(&open_name)?;
        let mut jobs = self.jobs();
        jobs.open.retain(|live| live.job.job_id != job_id);
        jobs.recent.push_front(job);
        jobs.recent.truncate(RECENT);
        Ok(())
    }

    /// Shows how often the address of a job was called.
    pub fn show_tries(&self, job_id: &str, tries: u32) {
        if let Some(live) = self.jobs().open.iter_mut().find(|live| live.job.job_id == job_id) {
            live.job.tries = tries;
        }
    }
}

fn accepted(job_id: &str, message: &str, seconds: f64) -> Value {
    json!({"status": "accepted", "job_id": job_id, "message": message, "estimated_time": tenths(seconds)})
}
