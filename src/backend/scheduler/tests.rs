//! Order, bound, errors and panics of a run, with futures that wait for a thread in the place of a device.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, mpsc};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use super::Scheduler;
use crate::backend::{Cancel, Error};

type Result<T> = std::result::Result<T, Failed>;

/// The error of a job, or of the scheduler.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Failed(String);

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self(error.to_string())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|e| e.into_inner())
}

#[test]
fn results_come_in_order_and_the_bound_holds() {
    // Miri takes seconds for a job.
    const JOBS: u64 = if cfg!(miri) { 20 } else { 500 };
    let s = Scheduler::new(4).unwrap();
    let (now, peak) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let mut got = Vec::new();
    s.ordered(
        1,
        (0..JOBS).map(|i| {
            peak.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
            Ok::<_, Failed>(i)
        }),
        |i| {
            std::thread::sleep(std::time::Duration::from_micros((i * 7919) % 300));
            Ok(i)
        },
        |i| {
            now.fetch_sub(1, SeqCst);
            got.push(i);
            Ok(())
        },
    )
    .unwrap();
    assert_eq!(got, (0..JOBS).collect::<Vec<_>>());
    assert!(peak.into_inner() <= 9);
}

#[test]
fn the_first_error_in_order_ends_the_run() {
    let s = Scheduler::new(3).unwrap();
    let mut done = 0;
    let result = s.ordered(
        1,
        (0..1000).map(Ok::<_, Failed>),
        |i| if i % 100 == 50 { Err(Failed(format!("job {i}"))) } else { Ok(i) },
        |_| {
            done += 1;
            Ok(())
        },
    );
    assert_eq!((result.unwrap_err().to_string(), done), ("job 50".to_string(), 50));
    let result =
        s.ordered(1, (0..10).map(|i| if i == 3 { Err(failure("source")) } else { Ok(i) }), Ok, |_| Ok(()));
    assert_eq!(result.unwrap_err().to_string(), "source");
    let result = s
        .ordered(1, (0..10).map(Ok::<_, Failed>), Ok, |i| if i == 4 { Err(failure("sink")) } else { Ok(()) });
    assert_eq!(result.unwrap_err().to_string(), "sink");
}

/// A signal that a future waits for, with a count of polls.
#[derive(Default)]
struct Signal {
    ready: AtomicBool,
    polls: AtomicUsize,
    waker: Mutex<Option<Waker>>,
}

impl Signal {
    /// Whether the signal was given; stores the waker of this poll.
    fn poll(&self, context: &Context<'_>) -> bool {
        self.polls.fetch_add(1, SeqCst);
        *lock(&self.waker) = Some(context.waker().clone());
        self.ready.load(SeqCst)
    }

    fn give(&self) {
        self.ready.store(true, SeqCst);
        self.wake();
    }

    fn wake(&self) {
        if let Some(waker) = &*lock(&self.waker) {
            waker.wake_by_ref();
        }
    }

    fn future(&self) -> impl Future<Output = ()> + Send + '_ {
        std::future::poll_fn(|context| if self.poll(context) { Poll::Ready(()) } else { Poll::Pending })
    }
}

/// Counts the values that are alive.
struct Live<'a>(&'a AtomicUsize);

impl<'a> Live<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, SeqCst);
        Self(count)
    }
}

impl Drop for Live<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

fn failure(text: &str) -> Failed {
    Failed(text.into())
}

#[test]
fn futures_that_another_thread_wakes_end_in_order_within_the_bound() {
    const JOBS: u64 = if cfg!(miri) { 20 } else { 300 };
    let scheduler = Scheduler::new(2).unwrap();
    let (device, calls) = mpsc::channel::<Arc<Signal>>();
    let device = Mutex::new(Some(device));
    let (live, peak) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let mut got = Vec::new();
    thread::scope(|threads| {
        threads.spawn(move || {
            while let Ok(first) = calls.recv() {
                thread::sleep(Duration::from_micros(200));
                let batch: Vec<_> = std::iter::once(first).chain(calls.try_iter()).collect();
                // In reverse order, and each one twice.
                for call in batch.iter().rev() {
                    call.give();
                    call.wake();
                }
            }
        });
        let call = || async {
            let signal = Arc::new(Signal::default());
            lock(&device).as_ref().unwrap().send(Arc::clone(&signal)).unwrap();
            signal.future().await;
        };
        let (call, live, peak) = (&call, &live, &peak);
        let jobs = (0..JOBS).map(|job| {
            let guard = Live::new(live);
            peak.fetch_max(live.load(SeqCst), SeqCst);
            Ok::<_, Failed>((job, guard))
        });
        let work = |job| async move {
            call().await;
            call().await;
            Ok(job)
        };
        let sink = |(job, _guard)| {
            got.push(job);
            Ok(())
        };
        scheduler.pipelined(7, 1, jobs, work, sink).unwrap();
        // Ends the thread.
        lock(&device).take();
    });
    assert_eq!(got, (0..JOBS).collect::<Vec<_>>());
    assert_eq!(peak.into_inner(), 2 * 2 + 1 + 7);
}

#[test]
fn a_wake_during_a_poll_is_not_lost() {
    let scheduler = Scheduler::new(1).unwrap();
    // Woken by itself a few times, then by a thread that ends before the poll does.
    let work = |job: u64| {
        let mut left = 5;
        std::future::poll_fn(move |context| {
            left -= 1;
            let waker = context.waker().clone();
            match left {
                0 => return Poll::Ready(Ok(job)),
                1 => thread::spawn(move || waker.wake()).join().unwrap(),
                _ => waker.wake(),
            }
            Poll::Pending
        })
    };
    let mut sum = 0;
    let sink = |job| {
        sum += job;
        Ok(())
    };
    scheduler.pipelined(0, 1, (0..50).map(Ok::<_, Failed>), work, sink).unwrap();
    assert_eq!(sum, (0..50).sum::<u64>());
}

#[test]
fn wakes_of_a_queued_or_finished_future_do_nothing() {
    let scheduler = Scheduler::new(1).unwrap();
    let signal = Signal::default();
    let signal = &signal;
    let work = |job: u64| async move {
        if job == 0 {
            signal.future().await;
        } else {
            // The one thread is here, so the first future stays queued.
            signal.give();
            (0..4).for_each(|_| signal.wake());
        }
        Ok(())
    };
    scheduler.pipelined(0, 1, (0..2).map(Ok::<_, Failed>), work, |()| Ok(())).unwrap();
    assert_eq!(signal.polls.load(SeqCst), 2);
    signal.wake();
    scheduler.ordered(1, (0..20).map(Ok::<_, Failed>), Ok, |_| Ok(())).unwrap();
    assert_eq!(signal.polls.load(SeqCst), 2, "woken after its end");
}

#[test]
fn an_old_family_goes_on_before_a_new_one_begins() {
    let scheduler = Scheduler::new(1).unwrap();
    let (order, signal) = (Mutex::new(Vec::new()), Signal::default());
    let (order, signal) = (&order, &signal);
    let work = |job: u64| async move {
        lock(order).push(job);
        match job {
            0 => signal.future().await,
            1 => signal.give(),
            _ => {}
        }
        lock(order).push(job);
        Ok(())
    };
    scheduler.pipelined(0, 1, (0..3).map(Ok::<_, Failed>), work, |()| Ok(())).unwrap();
    assert_eq!(*lock(order), [0, 1, 1, 0, 2, 2]);
}

/// Runs jobs of which those from `first_stuck` on pend for ever and those before return `early`. Checks that no
/// future outlives the run and that a late wake does nothing. Returns the end of the run.
fn with_stuck_jobs(
    first_stuck: u64,
    jobs: impl Iterator<Item = Result<u64>>,
    early: impl Fn(u64) -> Result<()> + Sync,
    sink: impl FnMut(()) -> Result<()>,
) -> thread::Result<Result<()>> {
    let (live, stuck) = (AtomicUsize::new(0), Signal::default());
    let scheduler = Scheduler::new(2).unwrap();
    let work = |job: u64| {
        let guard = Live::new(&live);
        let (early, stuck) = (&early, &stuck);
        async move {
            let _guard = guard;
            if job >= first_stuck {
                stuck.future().await;
            }
            early(job)
        }
    };
    let end = catch_unwind(AssertUnwindSafe(|| scheduler.pipelined(3, 1, jobs, work, sink)));
    assert_eq!(live.load(SeqCst), 0, "futures that outlived the run");
    stuck.give();
    // The pool takes the next run.
    scheduler.ordered(1, (0..20).map(Ok::<_, Failed>), Ok, |_| Ok(())).unwrap();
    end
}

#[test]
fn an_error_ends_the_run_and_drops_futures_that_nobody_will_wake() {
    let fail_at = |at| move |job| if job == at { Err(failure("work")) } else { Ok(()) };
    let text = |end: thread::Result<Result<()>>| end.unwrap().unwrap_err().to_string();
    assert_eq!(text(with_stuck_jobs(3, (0..100).map(Ok::<_, Failed>), fail_at(2), |()| Ok(()))), "work");
    assert_eq!(
        text(with_stuck_jobs(1, (0..100).map(Ok::<_, Failed>), |_| Ok(()), |()| Err(failure("sink")))),
        "sink"
    );
    let jobs = (0..5).map(|job| if job == 4 { Err(failure("source")) } else { Ok(job) });
    assert_eq!(text(with_stuck_jobs(5, jobs, |_| Ok(()), |()| Ok(()))), "source");
}

#[test]
fn a_panic_is_resumed_on_the_caller_and_leaves_nothing_behind() {
    let text = |end: thread::Result<Result<()>>| *end.unwrap_err().downcast::<&str>().unwrap();
    let panic_at = |at| move |job| if job == at { panic!("work") } else { Ok(()) };
    assert_eq!(text(with_stuck_jobs(3, (0..100).map(Ok::<_, Failed>), panic_at(2), |()| Ok(()))), "work");
    assert_eq!(
        text(with_stuck_jobs(1, (0..100).map(Ok::<_, Failed>), |_| Ok(()), |()| panic!("sink"))),
        "sink"
    );
    let jobs = (0..5).map(|job| if job == 4 { panic!("source") } else { Ok(job) });
    assert_eq!(text(with_stuck_jobs(2, jobs, |_| Ok(()), |()| Ok(()))), "source");
}

#[test]
fn a_cancelled_run_ends_with_what_has_begun() {
    let cancel = Cancel::default();
    let scheduler = Scheduler::new(2).unwrap().cancelled_by(cancel.clone());
    let (live, mut done) = (AtomicUsize::new(0), 0);
    let jobs = (0..).map(|_| Ok::<_, Failed>(Live::new(&live)));
    let end = scheduler.ordered(1, jobs, Ok, |_| {
        done += 1;
        if done == 10 {
            cancel.request();
        }
        Ok(())
    });
    assert_eq!((end.unwrap_err().to_string(), done), (Error::Interrupted.to_string(), 10));
    assert_eq!(live.load(SeqCst), 0, "jobs that outlived the run");
    // The request stays.
    scheduler.ordered(1, (0..20).map(Ok::<_, Failed>), Ok, |_| Ok(())).unwrap_err();
}
