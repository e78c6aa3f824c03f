//! Runs a stream of futures on a pool of threads, a bounded number at a time, the oldest first.
//!
//! A future that can be polled gets a *turn*: a short task on the pool that polls the oldest one there is, once. Nothing
//! of a run sits on a pool thread while it has nothing to do, so that runs share a pool: one whose results nobody takes,
//! or whose futures wait for a device, holds no other up. Wakers outlive the run and know no lifetimes, so they cannot
//! start turns themselves; one thread a run, asleep unless woken, does it for them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::task::{Context, Poll, Wake, Waker};

use rayon::{ScopeFifo, ThreadPool};

use crate::backend::error::{Error, Result};

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|e| e.into_inner())
}

/// Where a future is between its start and its end.
#[derive(Clone, Copy)]
enum Phase {
    /// Pending; nobody has woken it.
    Asleep,
    /// To be polled.
    Queued,
    /// Being polled.
    Polled,
    /// Being polled, and woken meanwhile: to be polled again.
    Again,
}

#[derive(Default)]
struct State {
    /// The futures under way, by job.
    phases: HashMap<u64, Phase>,
    /// Those of them that can be polled. Ordered: a late stage of an old family goes before an early one of a new family.
    queue: BTreeSet<u64>,
    /// How many were woken outside of a poll and have no turn yet.
    woken: usize,
    closed: bool,
}

/// What can be polled. Shared with wakers, so it holds nothing of the run.
#[derive(Default)]
pub(super) struct Ready {
    state: Mutex<State>,
    /// To the thread that starts turns: `woken` or `closed`.
    to_waker: Condvar,
    /// To the thread that takes results: one has finished, or `closed`.
    to_taker: Condvar,
}

impl Ready {
    /// A new job, ready.
    fn add(&self, job: u64) {
        let mut state = lock(&self.state);
        state.phases.insert(job, Phase::Queued);
        state.queue.insert(job);
    }

    /// From a waker: at any time, from any thread, any number of times.
    fn wake(&self, job: u64) {
        let mut state = lock(&self.state);
        match state.phases.get_mut(&job) {
            Some(phase @ Phase::Asleep) => {
                *phase = Phase::Queued;
                state.queue.insert(job);
                state.woken += 1;
                self.to_waker.notify_one();
            }
            Some(phase @ Phase::Polled) => *phase = Phase::Again,
            Some(Phase::Queued | Phase::Again) | None => {}
        }
    }

    /// The oldest that can be polled.
    fn next(&self) -> Option<u64> {
        let mut state = lock(&self.state);
        if state.closed {
            return None;
        }
        let job = state.queue.pop_first()?;
        state.phases.insert(job, Phase::Polled);
        Some(job)
    }

    /// A poll gave nothing; whether the future is to be polled again.
    fn pending(&self, job: u64) -> bool {
        let mut state = lock(&self.state);
        let again = matches!(state.phases.get(&job), Some(Phase::Again));
        state.phases.insert(job, if again { Phase::Queued } else { Phase::Asleep });
        if again {
            state.queue.insert(job);
        }
        again
    }

    fn finished(&self, job: u64) {
        lock(&self.state).phases.remove(&job);
        self.to_taker.notify_one();
    }

    /// Waits for the end of a job; false where the run was closed before.
    fn wait_for(&self, job: u64) -> bool {
        let running = |state: &mut State| !state.closed && state.phases.contains_key(&job);
        let state = self.to_taker.wait_while(lock(&self.state), running);
        !state.unwrap_or_else(|e| e.into_inner()).closed
    }

    /// Waits for wakes; how many turns they need, `None` at the end.
    fn wait_for_wakes(&self) -> Option<usize> {
        let asleep = |state: &mut State| !state.closed && state.woken == 0;
        let state = self.to_waker.wait_while(lock(&self.state), asleep);
        let mut state = state.unwrap_or_else(|e| e.into_inner());
        (!state.closed).then(|| std::mem::take(&mut state.woken))
    }

    /// Ends the run: nothing is polled any more, and nobody waits.
    pub(super) fn close(&self) {
        lock(&self.state).closed = true;
        self.to_waker.notify_all();
        self.to_taker.notify_all();
    }
}

/// The waker of one job.
struct JobWaker {
    job: u64,
    ready: Arc<Ready>,
}

impl Wake for JobWaker {
    fn wake(self: Arc<Self>) {
        self.ready.wake(self.job);
    }
    fn wake_by_ref(self: &Arc<Self>) {
        self.ready.wake(self.job);
    }
}

/// A job between two polls.
enum Task<J, F> {
    New(J),
    Begun(Pin<Box<F>>),
}

/// A result, or the panic of the work.
type Outcome<R, E> = std::thread::Result<Result<R, E>>;

/// One run: its work, the futures that are not being polled, the results that have not been taken.
struct Run<J, R, E, F, W> {
    ready: Arc<Ready>,
    work: W,
    tasks: Mutex<HashMap<u64, Task<J, F>>>,
    results: Mutex<BTreeMap<u64, Outcome<R, E>>>,
}

impl<J: Send, R: Send, E: Send, F, W> Run<J, R, E, F, W>
where
    F: Future<Output = Result<R, E>> + Send,
    W: Fn(J) -> F + Sync,
{
    /// Advances `jobs` and calls `sink` in their order, at most `in_flight` apart.
    fn feed<'run>(
        &'run self,
        scope: &ScopeFifo<'run>,
        in_flight: u64,
        jobs: impl IntoIterator<Item = Result<J, E>>,
        mut sink: impl FnMut(R) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut jobs = jobs.into_iter();
        let (mut next_in, mut next_out, mut end) = (0, 0, None);
        loop {
            while end.is_none() && next_in - next_out < in_flight {
                match jobs.next() {
                    None => end = Some(Ok(())),
                    Some(Err(e)) => end = Some(Err(e)),
                    Some(Ok(job)) => {
                        lock(&self.tasks).insert(next_in, Task::New(job));
                        self.ready.add(next_in);
                        scope.spawn_fifo(|_| self.turn());
                        next_in += 1;
                    }
                }
            }
            if next_in == next_out {
                return end.unwrap_or(Ok(()));
            }
            let Some(result) = self.take(next_out) else { return Ok(()) };
            next_out += 1;
            sink(result?)?;
        }
    }

    /// Gives every future that was woken outside of a poll a turn, until the end of the run.
    fn start_turns<'run>(&'run self, scope: &ScopeFifo<'run>) {
        while let Some(woken) = self.ready.wait_for_wakes() {
            (0..woken).for_each(|_| scope.spawn_fifo(|_| self.turn()));
        }
    }

    /// Polls the oldest future that is ready, again if it was woken meanwhile.
    fn turn(&self) {
        while let Some(job) = self.ready.next() {
            let Some(task) = lock(&self.tasks).remove(&job) else { return };
            let waker = Waker::from(Arc::new(JobWaker { job, ready: Arc::clone(&self.ready) }));
            let polled = catch_unwind(AssertUnwindSafe(|| {
                let mut future = match task {
                    Task::New(job) => Box::pin((self.work)(job)),
                    Task::Begun(future) => future,
                };
                match future.as_mut().poll(&mut Context::from_waker(&waker)) {
                    Poll::Ready(result) => Ok(result),
                    Poll::Pending => Err(future),
                }
            }));
            let outcome = match polled {
                Ok(Ok(result)) => Ok(result),
                Err(panic) => Err(panic),
                Ok(Err(future)) => {
                    lock(&self.tasks).insert(job, Task::Begun(future));
                    if self.ready.pending(job) {
                        continue;
                    }
                    return;
                }
            };
            lock(&self.results).insert(job, outcome);
            return self.ready.finished(job);
        }
    }

    /// Waits for the result of a job; `None` where the run was closed from outside. Resumes a panic of the work.
    fn take(&self, job: u64) -> Option<Result<R, E>> {
        if !self.ready.wait_for(job) {
            return None;
        }
        let outcome = lock(&self.results).remove(&job)?;
        Some(outcome.unwrap_or_else(|panic| resume_unwind(panic)))
    }
}

/// Closes a run however it ends, also by a panic: turns and threads of its scope must not wait for ever. Futures that
/// are not being polled are dropped here, the others by the end of the run.
struct CloseOnDrop<'a, J, R, E, F, W>(&'a Run<J, R, E, F, W>);

impl<J, R, E, F, W> Drop for CloseOnDrop<'_, J, R, E, F, W> {
    fn drop(&mut self) {
        self.0.ready.close();
        let tasks = std::mem::take(&mut *lock(&self.0.tasks));
        drop(tasks);
    }
}

/// Advances `jobs` and calls `sink` in their order, on this thread, at most `in_flight` apart; `work` and its futures run
/// on `pool`. All futures are dropped when it returns. See `Scheduler::pipelined`.
pub(super) fn run<J: Send, R: Send, E: From<Error> + Send, F: Future<Output = Result<R, E>> + Send>(
    pool: &ThreadPool,
    ready: Arc<Ready>,
    in_flight: u64,
    jobs: impl IntoIterator<Item = Result<J, E>>,
    work: impl Fn(J) -> F + Sync,
    sink: impl FnMut(R) -> Result<(), E>,
) -> Result<(), E> {
    let run = Run { ready, work, tasks: Mutex::default(), results: Mutex::default() };
    pool.in_place_scope_fifo(|scope| {
        std::thread::scope(|threads| {
            let _close = CloseOnDrop(&run);
            std::thread::Builder::new()
                .name("origami-wakes".into())
                .spawn_scoped(threads, || run.start_turns(scope))
                .map_err(|e| Error::Threads(e.to_string()))?;
            run.feed(scope, in_flight, jobs, sink)
        })
    })
}

#[cfg(test)]
mod tests;
