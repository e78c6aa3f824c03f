//! All jobs: those that have not ended, in memory and as notes; those that have, as notes.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

use super::job::{ENDED, Ended, Job, Kind, Now, OPEN, SCHEMA, Status, Told, names, status_of, tenths};
use super::lines::Lines;
use super::live::{Jobs, Live, RECENT, ended};
use super::options::ServiceOptions;
use super::problem::Problem;
use super::request::Wanted;
use super::sent::Sent;
use crate::jobs::state::{Fault, Outlook, State};
use crate::jobs::{Clock, Code, Error, Key, Queue, Renderer, Results, Which};
use crate::serve::RequestMemory;

/// Most jobs that have not ended.
const MAX_OPEN: usize = 1000;
/// Most bytes of all their requests, which are kept in memory.
const MAX_REQUEST_BYTES: usize = 64 << 20;
/// Most bytes of a note and of a unit at first: a quarter of what is read is left for how the job ends.
const MAX_KEPT_BYTES: usize = 768 << 10;
/// Most notes that cannot be read and are named at the start.
const MAX_NAMED: usize = 10;

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
    /// Lines about notes that cannot be read.
    unread: Lines,
    /// The memory of requests and of what is sent.
    memory: OnceLock<RequestMemory>,
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
            unread: Lines::new(),
            memory: OnceLock::new(),
        }
    }

    /// Takes up the jobs of a service before this one. A note that cannot be read is named in the log and left out.
    pub fn load(&self) -> Result<(), Error> {
        let (mut jobs, mut unread) = (Jobs::default(), Vec::new());
        for name in self.results.notes(ENDED)?.iter().take(RECENT).rev() {
            if let Some(job) = readable(self.results.note::<Job>(name), &mut unread)? {
                jobs.learn(&job);
                jobs.keep(job);
            }
        }
        for name in self.results.notes(OPEN)? {
            let Some(job) = readable(self.results.note::<Job>(&name), &mut unread)? else { continue };
            // The service may have ended between the two notes.
            let filed = readable(self.results.note::<Job>(&names(&job.job_id)[1]), &mut unread)?;
            if filed.is_some_and(|filed| filed.submitted_ms == job.submitted_ms) {
                self.results.remove_note(&name)?;
                continue;
            }
            if job.ended.is_none()
                && let Some(unit) = readable(self.results.unit(&job.key), &mut unread)?
            {
                // It was announced: a queue that was lost, or that never heard of it, does now.
                self.queue.submit(&[unit])?;
            }
            jobs.open.push(ended(Arc::new(job)));
        }
        let more = unread.len().saturating_sub(MAX_NAMED);
        for e in unread.iter().take(MAX_NAMED) {
            tracing::warn!("{e}; this job is left out, send it again");
        }
        if more > 0 {
            tracing::warn!("{more} more jobs are left out, whose notes cannot be read");
        }
        jobs.open.sort_by_key(|live| live.job.submitted_ms);
        *self.jobs() = jobs;
        Ok(())
    }

    pub fn jobs(&self) -> MutexGuard<'_, Jobs> {
        lock(&self.jobs)
    }

    /// Takes the memory of its requests from that of a server beside it.
    pub fn share(&self, memory: RequestMemory) {
        // The first counts.
        drop(self.memory.set(memory));
    }

    /// The memory of its requests.
    pub fn memory(&self) -> &RequestMemory {
        self.memory.get_or_init(RequestMemory::of_its_own)
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
        let is_same = match &known {
            Some(live) => self.request(live)? == wanted.request,
            None => false,
        };
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
        {
            let jobs = self.jobs();
            if jobs.open.iter().filter(|live| !live.status.is_final()).count() >= MAX_OPEN {
                return Err(Problem::queue_full(MAX_OPEN));
            }
            if jobs.request_bytes() + wanted.request.bytes() > MAX_REQUEST_BYTES {
                return Err(Problem::too_many_bytes(MAX_REQUEST_BYTES));
            }
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
        // What is read again at the next start must not be larger than what is read.
        check_size(&job)?;
        check_size(&wanted.unit)?;
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
            jobs.open.push(ended(Arc::new(job)));
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
        let job = self.filed(job_id)?;
        Ok(job.map(|job| ended(Arc::new(job))))
    }

    /// The note of a job that has ended. One that cannot be read is of none: who sends the job again replaces it.
    fn filed(&self, job_id: &str) -> Result<Option<Job>, Error> {
        let ([_, name], mut unread) = (names(job_id), Vec::new());
        let job = readable(self.results.note::<Job>(&name), &mut unread)?;
        for e in unread {
            self.unread.warn(&e);
        }
        Ok(job.filter(|job| job.job_id == job_id))
    }

    /// The request of a job as it was sent.
    ///
    /// # Errors
    /// Results that do not answer.
    pub fn request(&self, live: &Live) -> Result<Sent, Error> {
        if live.job.request.is_here() {
            return Ok(live.job.request.clone());
        }
        Ok(self.filed(&live.job.job_id)?.map_or(Sent::NOT_HERE, |job| job.request))
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
        let ended = Some(Ended { status, at_ms, error, result, seen });
        let job = Arc::new(Job { ended, ..Job::clone(&live.job) });
        self.results.put_note(&names(job_id)[0], &*job)?;
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
        let job = Job { told, tries, ..Job::clone(&live.job) };
        let [open_name, ended_name] = names(job_id);
        self.results.put_note(&ended_name, &job)?;
        self.results.remove_note(&open_name)?;
        let mut jobs = self.jobs();
        jobs.open.retain(|live| live.job.job_id != job_id);
        jobs.keep(job);
        Ok(())
    }

    /// Shows how often the address of a job was called.
    pub fn show_tries(&self, job_id: &str, tries: u32) {
        if let Some(live) = self.jobs().open.iter_mut().find(|live| live.job.job_id == job_id) {
            Arc::make_mut(&mut live.job).tries = tries;
        }
    }
}

/// What was read, or nothing of what cannot be read, which goes to `unread`: the store has answered, and what it holds is of no use.
fn readable<T>(read: Result<Option<T>, Error>, unread: &mut Vec<Error>) -> Result<Option<T>, Error> {
    match read {
        Err(e) if e.is_of_stored() => {
            unread.push(e);
            Ok(None)
        }
        read => read,
    }
}

/// Refuses what would be too large beside the results.
fn check_size(kept: &impl Serialize) -> Result<(), Problem> {
    let bytes = serde_json::to_vec(kept).map_or(usize::MAX, |text| text.len());
    if bytes > MAX_KEPT_BYTES { Err(Problem::too_long(bytes, MAX_KEPT_BYTES)) } else { Ok(()) }
}

fn accepted(job_id: &str, message: &str, seconds: f64) -> Value {
    json!({"status": "accepted", "job_id": job_id, "message": message, "estimated_time": tenths(seconds)})
}
