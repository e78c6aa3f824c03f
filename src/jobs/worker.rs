//! A worker: takes units from a queue, works on several at a time, sends heartbeats, publishes results.
//!
//! One thread talks to the queue. Each unit has a thread of its own, which waits for the threads of the scheduler that all units share,
//! and ends with an `Ending`. A unit whose attempt is ours no more, because it was cancelled or because the queue took this worker for
//! dead, is ended between two families.

mod banded;
mod owed;
mod rate;
mod slot;
mod tools;

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Scope, sleep};
use std::time::{Duration, Instant};

use self::owed::{Caller, Owed};
use self::rate::Rate;
use self::slot::{Done, Ending, Slot};
use self::tools::Tools;
use super::callback::Notifier;
use super::clock::Clock;
use super::error::{Error, Result};
use super::overview::WorkerRow;
use super::queue::{Claim, Queue};
use super::renderer::Renderer;
use super::results::Results;
use super::state::{Fault, Policy, Progress, State};
use super::unit::Task;
use crate::backend::scheduler::Scheduler;
use crate::backend::{Backend, Cancel};

/// How often the queue is asked for units while a slot is free: at first, and when it has had none for a while.
const ASK: [Duration; 2] = [Duration::from_millis(20), Duration::from_millis(500)];
/// How long a call of the queue may fail before the worker ends.
const PATIENCE: Duration = Duration::from_secs(120);

/// How a worker works.
#[derive(Clone, Debug)]
pub struct WorkerOptions {
    /// Its name, which no other worker has.
    pub name: String,
    /// Units that it works on at a time.
    pub slots: usize,
    /// Whether it ends when nothing waits and nothing runs.
    pub until_empty: bool,
    /// How often units are tried.
    pub policy: Policy,
    /// Pause between heartbeats.
    pub heartbeat: Duration,
    /// What an hour of this machine costs.
    pub price_per_hour: f64,
    /// How long the worker of a unit that has ended must be silent until another tells the unit's address.
    pub calls_after: Duration,
    /// The clock of this machine.
    pub clock: Clock,
}

/// What happened to a unit.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// Its manifest is there. `true`: it is of this attempt.
    Done(bool),
    /// The attempt failed. The state says whether there will be another.
    Failed(State, Fault),
    /// It is done in so many bands, of which some are missing.
    Split(usize),
    /// It was given back, because the worker ends.
    GivenBack,
    /// It is ours no more.
    TakenAway,
}

/// A worker at work.
pub struct Worker<'a> {
    /// Where units come from.
    pub queue: &'a dyn Queue,
    /// Where results go.
    pub results: &'a Results,
    /// Where the arithmetic runs.
    pub backend: &'a dyn Backend,
    /// Threads that the units share.
    pub scheduler: &'a Scheduler,
    /// What tours are rendered with.
    pub renderer: &'a Renderer,
    /// How it works.
    pub options: WorkerOptions,
    /// A request to end.
    pub stop: Cancel,
    /// Tells the addresses of units that they are done or dead.
    pub notifier: Option<&'a Notifier>,
    /// Is told what happens to each unit.
    pub report: &'a (dyn Fn(&Claim, &Event) + Sync),
}

/// What a worker did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Units that are done by it.
    pub done: u64,
    /// Attempts that failed.
    pub failed: u64,
}

/// What changes while a worker works.
struct Work {
    slots: Vec<Slot>,
    tally: Tally,
    row: WorkerRow,
    rate: Rate,
    owed: Owed,
}

/// When the queue is asked for units.
struct Asking {
    at: Instant,
    pause: Duration,
}

impl Asking {
    fn new() -> Self {
        Self { at: Instant::now(), pause: ASK[0] }
    }

    fn is_due(&self) -> bool {
        Instant::now() >= self.at
    }

    fn answered(&mut self, nothing: bool) {
        self.pause = if nothing { (self.pause * 2).min(ASK[1]) } else { ASK[0] };
        self.at = Instant::now() + self.pause;
    }

    fn at_once(&mut self) {
        *self = Self::new();
    }
}

impl Worker<'_> {
    /// Works until it is asked to end, or, if it is to, until nothing is left to do.
    ///
    /// # Errors
    /// A queue that cannot be reached for two minutes; results that cannot be written there.
    pub fn run(&self) -> Result<Tally> {
        self.patiently(|| self.results.creates_once())?;
        let (send, receive) = channel();
        std::thread::scope(|scope| {
            let mut work = self.begin();
            let ended = self.serve(scope, &mut work, &send, &receive);
            // Also after an error: threads that work on must not keep the process.
            work.slots.iter().for_each(|slot| slot.cancel.request());
            let given_back = work.slots.iter().try_for_each(|slot| self.give_back(slot));
            // Before it says that it has ended, which lets others make its calls.
            let called = self.last_calls(&mut work.owed);
            work.row.ended = true;
            work.row.seen_ms = self.options.clock.now_ms();
            let said = self.queue.report(&work.row);
            ended.and(given_back).and(called).and(said).map(|()| work.tally)
        })
    }

    fn caller(&self) -> Option<Caller<'_>> {
        let (worker, after) = (&*self.options.name, self.options.calls_after);
        self.notifier.map(|notifier| Caller { queue: self.queue, notifier, worker, after })
    }

    /// Looks after calls of addresses. They can wait where the queue cannot be reached.
    fn calls(&self, work: &mut Work) -> Result<()> {
        match self.caller().map_or(Ok(()), |caller| work.owed.look(&caller)) {
            Err(e) if e.may_pass() => {
                tracing::warn!("{e}; calls of addresses wait");
                Ok(())
            }
            looked => looked,
        }
    }

    /// Waits a while for the last calls. What is not delivered, another worker delivers.
    fn last_calls(&self, owed: &mut Owed) -> Result<()> {
        let Some(caller) = self.caller() else { return Ok(()) };
        caller.notifier.finish();
        owed.settle(&caller)
    }

    fn begin(&self) -> Work {
        let now_ms = self.options.clock.now_ms();
        let row = WorkerRow {
            name: self.options.name.clone(),
            began_ms: now_ms,
            seen_ms: now_ms,
            ended: false,
            calls: self.notifier.is_some(),
            slots: self.options.slots,
            units: 0,
            families: 0,
            pixels: 0,
            source_bytes: 0,
            price_per_hour: self.options.price_per_hour,
            pixels_per_s: 0.0,
            source_bytes_per_s: 0.0,
        };
        Work { slots: Vec::new(), tally: Tally::default(), row, rate: Rate::new(), owed: Owed::default() }
    }

    /// Claims, beats and finishes until the end.
    fn serve<'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        work: &mut Work,
        send: &Sender<Ending>,
        receive: &Receiver<Ending>,
    ) -> Result<()> {
        let (mut beaten, mut asking) = (None, Asking::new());
        while !self.stop.is_requested() {
            if beaten.is_none_or(|at: Instant| at.elapsed() >= self.options.heartbeat) {
                beaten = Some(Instant::now());
                self.heartbeats(work)?;
                self.calls(work)?;
            }
            let free = self.options.slots.saturating_sub(work.slots.len());
            if free > 0 && asking.is_due() {
                let claims = self.patiently(|| self.queue.claim(&self.options.name, free))?;
                asking.answered(claims.is_empty());
                if claims.is_empty() && work.slots.is_empty() && self.is_over()? {
                    return Ok(());
                }
                for claim in claims {
                    work.slots.push(self.start(scope, claim, send)?);
                }
            }
            if let Ok(ending) = receive.recv_timeout(ASK[0]) {
                asking.at_once();
                self.end(work, ending)?;
            }
        }
        // What has ended meanwhile is not given back.
        receive.try_iter().try_for_each(|ending| self.end(work, ending))
    }

    /// Whether the worker is to end because nothing is left.
    fn is_over(&self) -> Result<bool> {
        Ok(self.options.until_empty && self.patiently(|| self.queue.is_over())?)
    }

    fn start<'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        claim: Claim,
        send: &Sender<Ending>,
    ) -> Result<Slot> {
        let slot = Slot::new(claim);
        let (own, send) = (slot.clone(), send.clone());
        let thread = std::thread::Builder::new().name("origami-unit".into());
        let spawned = thread.spawn_scoped(scope, move || {
            let ending = own.work(&self.tools());
            // The receiver is gone only when the worker has ended.
            drop(send.send(ending));
        });
        spawned.map_err(Error::NoThreads)?;
        Ok(slot)
    }

    fn tools(&self) -> Tools<'_> {
        Tools {
            queue: self.queue,
            results: self.results,
            backend: self.backend,
            scheduler: self.scheduler,
            renderer: self.renderer,
            slots: self.options.slots,
            worker: &self.options.name,
        }
    }

    /// Tells the queue that all attempts go on, and ends those that are ours no more.
    fn heartbeats(&self, work: &mut Work) -> Result<()> {
        for slot in &work.slots {
            let progress = slot.progress();
            if !slot.cancel.is_requested()
                && !self.patiently(|| self.queue.heartbeat(&slot.claim, progress))?
            {
                slot.cancel.request();
            }
        }
        let of_slides = work.slots.iter().filter(|slot| !matches!(slot.claim.unit.task, Task::Render(_)));
        let begun = of_slides.map(|slot| (slot.progress(), slot.claim.unit.bytes));
        work.rate.add(&work.row, begun);
        work.row.seen_ms = self.options.clock.now_ms();
        (work.row.pixels_per_s, work.row.source_bytes_per_s) = work.rate.per_second();
        self.patiently(|| self.queue.report(&work.row))
    }

    /// Tells the queue how an attempt has ended.
    fn end(&self, work: &mut Work, ending: Ending) -> Result<()> {
        let Some(at) = work.slots.iter().position(|slot| slot.claim.token == ending.token()) else {
            return Ok(());
        };
        let slot = work.slots.swap_remove(at);
        let event = match ending {
            Ending::Split { bands, .. } => match self.patiently(|| self.queue.split(&slot.claim, &bands))? {
                true => Event::Split(bands.len()),
                false => Event::TakenAway,
            },
            Ending::Published { done, progress, .. } => {
                let finished = self.patiently(|| self.queue.finish(&slot.claim, progress))?
                    // The queue has given the unit up, or to somebody else: the manifest is the truth.
                    || self.patiently(|| self.queue.settle(&slot.claim.unit, true))?;
                if let (Some(notifier), true) = (self.notifier, finished) {
                    notifier.tell(&slot.claim.unit, State::Done, None);
                }
                self.ended(&slot.claim, false)?;
                if done != Done::Theirs {
                    work.tally.done += u64::from(slot.claim.unit.band_of().is_none());
                    count(&mut work.row, &slot.claim, done, progress);
                }
                Event::Done(done != Done::Theirs)
            }
            Ending::Failed { fault, .. } => {
                work.tally.failed += 1;
                let policy = &self.options.policy;
                match self.patiently(|| self.queue.fail(&slot.claim, fault.clone(), policy))? {
                    Some(record) => {
                        self.ended(&slot.claim, record.state == State::Dead)?;
                        if let (Some(notifier), State::Dead) = (self.notifier, record.state) {
                            notifier.tell(&slot.claim.unit, State::Dead, Some(&fault));
                        }
                        Event::Failed(record.state, fault)
                    }
                    None => Event::TakenAway,
                }
            }
            Ending::Interrupted(_) => Event::TakenAway,
        };
        (self.report)(&slot.claim, &event);
        Ok(())
    }

    /// Wakes the slide of a band that has ended, if it waits for no other band, or if the band was given up and the slide is with it.
    fn ended(&self, claim: &Claim, given_up: bool) -> Result<()> {
        let Some(slide) = claim.unit.band_of() else { return Ok(()) };
        let record = |key| self.patiently(|| self.queue.record(key));
        let Some(slide_record) = record(slide)? else { return Ok(()) };
        for band in &slide_record.bands {
            if !given_up && record(band)?.is_none_or(|band| band.state != State::Done) {
                return Ok(());
            }
        }
        self.patiently(|| self.queue.wake(slide)).map(drop)
    }

    fn give_back(&self, slot: &Slot) -> Result<()> {
        if self.queue.give_back(&slot.claim)? {
            (self.report)(&slot.claim, &Event::GivenBack);
        }
        Ok(())
    }

    /// Repeats a call that may pass, with growing pauses, for two minutes.
    fn patiently<T>(&self, call: impl Fn() -> Result<T>) -> Result<T> {
        let (began, mut pause) = (Instant::now(), Duration::from_millis(100));
        loop {
            match call() {
                Err(e) if e.may_pass() && began.elapsed() < PATIENCE && !self.stop.is_requested() => {
                    tracing::warn!("{e}; trying again");
                    sleep(pause);
                    pause = (pause * 2).min(Duration::from_secs(5));
                }
                other => return other,
            }
        }
    }
}

fn count(row: &mut WorkerRow, claim: &Claim, done: Done, progress: Progress) {
    row.units += u64::from(claim.unit.band_of().is_none());
    // What was joined was counted where it was encoded. A video has frames, which are no families.
    if done == Done::Ours && !matches!(claim.unit.task, Task::Render(_)) {
        row.families += progress.families;
        row.pixels += progress.pixels;
        row.source_bytes += claim.unit.bytes;
    }
}
