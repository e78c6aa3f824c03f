//! The executor of the library: polls futures on a pool of threads, the oldest first.
//!
//! Every future is an `async-task`, which knows whether it sleeps, waits for a poll or is being polled. A
//! future that can be polled enters a queue, and the pool gets one *turn*: a short job that polls the oldest
//! future of the queue once. An idle future occupies no thread, so many runs share a pool: one whose results
//! are not taken, or whose futures wait for a device, blocks no other.

use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Poll, Waker};

use async_task::{Builder, Runnable, Task};
use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

/// Most threads: starting millions of them takes longer than any slide.
pub const MAX_THREADS: usize = 1024;

/// The output of a future, or its panic.
pub type Outcome<T> = std::thread::Result<T>;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|e| e.into_inner())
}

/// The futures that can be polled, by number: a late stage of an old family goes before an early stage of a
/// new one.
#[derive(Default)]
struct Queue {
    state: Mutex<QueueState>,
}

#[derive(Default)]
struct QueueState {
    ready: BTreeMap<u64, Runnable>,
    /// Futures are dropped instead of polled.
    closed: bool,
}

impl Queue {
    /// The schedule function of future `number`. `async-task` calls it when the future can be polled, from any
    /// thread, also after the end of a run.
    fn schedule(
        self: &Arc<Self>,
        pool: &Arc<ThreadPool>,
        number: u64,
    ) -> impl Fn(Runnable) + Send + Sync + 'static {
        let (queue, pool) = (Arc::clone(self), Arc::clone(pool));
        move |runnable| {
            lock(&queue.state).ready.insert(number, runnable);
            let queue = Arc::clone(&queue);
            pool.spawn_fifo(move || {
                queue.turn();
            });
        }
    }

    /// Polls the oldest future once. False if none can be polled.
    fn turn(&self) -> bool {
        let mut state = lock(&self.state);
        let (oldest, closed) = (state.ready.pop_first(), state.closed);
        drop(state);
        let Some((_, runnable)) = oldest.filter(|_| !closed) else { return false };
        runnable.run();
        true
    }

    /// From now on a turn drops its future.
    fn close(&self) {
        lock(&self.state).closed = true;
    }
}

/// Ends a run from another thread.
#[derive(Default)]
pub(super) struct Stop {
    state: Mutex<StopState>,
}

#[derive(Default)]
struct StopState {
    stopped: bool,
    /// Of the thread that waits for a result.
    waker: Option<Waker>,
}

impl Stop {
    pub(super) fn stop(&self) {
        let mut state = lock(&self.state);
        state.stopped = true;
        let waker = state.waker.take();
        drop(state);
        waker.into_iter().for_each(Waker::wake);
    }

    /// Waits for a future on this thread; `None` once the run is stopped.
    fn wait_for<T>(&self, mut future: impl Future<Output = T> + Unpin) -> Option<T> {
        pollster::block_on(poll_fn(|context| {
            let mut state = lock(&self.state);
            if state.stopped {
                return Poll::Ready(None);
            }
            state.waker = Some(context.waker().clone());
            drop(state);
            Pin::new(&mut future).poll(context).map(Some)
        }))
    }
}

/// The tasks of a run, in the order of their jobs. Dropping it ends them: polls that have begun are
/// completed, and all futures are dropped before `drop` returns.
struct RunTasks<T> {
    queue: Arc<Queue>,
    tasks: VecDeque<Task<Outcome<T>>>,
}

impl<T> Drop for RunTasks<T> {
    fn drop(&mut self) {
        self.queue.close();
        // `cancel` waits until the future is dropped.
        self.tasks.drain(..).for_each(|task| drop(pollster::block_on(task.cancel())));
    }
}

/// A pool of threads that polls futures.
pub struct Executor {
    pool: Arc<ThreadPool>,
    /// Of the futures of [`Self::spawn`].
    queue: Arc<Queue>,
    spawned: AtomicU64,
}

impl Executor {
    /// `threads` threads, 0 for one per core, called `name` and a number.
    ///
    /// # Errors
    /// The system gives no threads.
    pub fn new(threads: usize, name: &'static str) -> Result<Self, ThreadPoolBuildError> {
        let pool = ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(move |i| format!("{name}-{i}"))
            .build()?;
        Ok(Self { pool: Arc::new(pool), queue: Arc::default(), spawned: AtomicU64::new(0) })
    }

    /// Number of threads.
    pub fn threads(&self) -> usize {
        self.pool.current_num_threads()
    }

    /// Starts a future. Every poll is on a thread of the pool. Dropping the task drops the future, after a
    /// poll that has begun.
    pub fn spawn<F>(&self, future: F) -> Task<Outcome<F::Output>>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        let number = self.spawned.fetch_add(1, Relaxed);
        let (runnable, task) = async_task::spawn(caught(future), self.queue.schedule(&self.pool, number));
        runnable.schedule();
        task
    }

    /// Polls the oldest future of [`Self::spawn`] once, on this thread: for one that takes the place of a thread
    /// of the pool. False if none can be polled.
    pub fn turn(&self) -> bool {
        self.queue.turn()
    }

    /// Advances `jobs` and calls `sink` in their order, on this thread, at most `in_flight` apart. `work` and
    /// its futures run on the pool. All futures are dropped when it returns. See `Scheduler::pipelined`.
    ///
    /// # Errors
    /// The first one of `jobs`, `work` and `sink`, in the order of the jobs; that of `check`, which is called
    /// before every job and before every wait.
    ///
    /// # Panics
    /// Resumes a panic of `jobs`, `work` and `sink`.
    pub(super) fn run_in_order<J, R, F, E>(
        &self,
        stop: &Stop,
        check: impl Fn() -> Result<(), E>,
        in_flight: usize,
        jobs: impl IntoIterator<Item = Result<J, E>>,
        work: impl Fn(J) -> F + Sync,
        mut sink: impl FnMut(R) -> Result<(), E>,
    ) -> Result<(), E>
    where
        J: Send,
        R: Send,
        E: Send,
        F: Future<Output = Result<R, E>> + Send,
    {
        let work = &work;
        let (mut jobs, mut number, mut end) = (jobs.into_iter(), 0, None);
        let mut run = RunTasks { queue: Arc::default(), tasks: VecDeque::new() };
        loop {
            while end.is_none() && run.tasks.len() < in_flight {
                check()?;
                let job = match jobs.next() {
                    Some(Ok(job)) => job,
                    Some(Err(e)) => {
                        end = Some(Err(e));
                        break;
                    }
                    None => {
                        end = Some(Ok(()));
                        break;
                    }
                };
                let future = caught(async move { work(job).await });
                let schedule = run.queue.schedule(&self.pool, number);
                // SAFETY: `schedule` is `Send`, `Sync` and `'static`. Future and output are `Send` by the
                // bounds of this function. What they borrow outlives this function, or is `work`, which is
                // dropped after `run`. No future outlives `run`: its task is in `run.tasks` until the output
                // is taken, which is after the future was dropped, and `RunTasks::drop` waits for the others.
                // `run` is a local variable, so it cannot be leaked.
                #[allow(unsafe_code)]
                let (runnable, task) = unsafe { Builder::new().spawn_unchecked(|_| future, schedule) };
                run.tasks.push_back(task);
                runnable.schedule();
                number += 1;
            }
            check()?;
            let Some(task) = run.tasks.front_mut() else { return end.unwrap_or(Ok(())) };
            let Some(outcome) = stop.wait_for(task) else { return Ok(()) };
            run.tasks.pop_front();
            sink(outcome.unwrap_or_else(|panic| resume_unwind(panic))?)?;
        }
    }
}

/// A future whose panic is its output.
async fn caught<F: Future>(future: F) -> Outcome<F::Output> {
    let mut future = pin!(future);
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
        Ok(poll) => poll.map(Ok),
        Err(panic) => Poll::Ready(Err(panic)),
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    #[test]
    fn spawned_futures_share_one_thread_and_a_panic_is_an_outcome() {
        let executor = Executor::new(1, "test").unwrap();
        let name = || std::thread::current().name().unwrap_or_default().to_string();
        let (signal, polls) = (Arc::new(Mutex::new(None::<Waker>)), Arc::new(AtomicUsize::new(0)));
        let (theirs, count) = (Arc::clone(&signal), Arc::clone(&polls));
        // The one thread is free while this waits.
        let waiting = executor.spawn(poll_fn(move |context| match count.fetch_add(1, Relaxed) {
            0 => {
                *lock(&theirs) = Some(context.waker().clone());
                Poll::Pending
            }
            polls => Poll::Ready(polls),
        }));
        let ran_on = pollster::block_on(executor.spawn(async move { name() })).unwrap();
        assert_eq!(ran_on, "test-0");
        // Two wakes of a sleeping future are one poll.
        let waker = lock(&signal).take().unwrap();
        waker.wake_by_ref();
        waker.wake();
        assert_eq!(pollster::block_on(waiting).unwrap(), 1);
        let panic = pollster::block_on(executor.spawn(async { panic!("on purpose") as u8 })).unwrap_err();
        assert_eq!(*panic.downcast::<&str>().unwrap(), "on purpose");
        assert_eq!(pollster::block_on(executor.spawn(async { 1 })).unwrap(), 1);
        assert_eq!(polls.load(Relaxed), 2);
    }

    #[test]
    fn dropping_a_task_drops_its_future() {
        let executor = Executor::new(1, "test").unwrap();
        let held = Arc::new(());
        let theirs = Arc::clone(&held);
        let task = executor.spawn(async move {
            std::future::pending::<()>().await;
            drop(theirs);
        });
        drop(task);
        // The thread is alive: it takes the next future.
        assert_eq!(pollster::block_on(executor.spawn(async { 1 })).unwrap(), 1);
        while Arc::strong_count(&held) > 1 {
            std::thread::yield_now();
        }
    }
}
