//! Futures that wait, against a thread that plays the device.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::*;
use crate::backend::scheduler::Scheduler;

/// What a future waits for and counts.
#[derive(Default)]
struct Signal {
    ready: AtomicBool,
    polls: AtomicUsize,
    waker: Mutex<Option<Waker>>,
}

impl Signal {
    /// Whether it has been given; leaves the waker of this poll.
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

/// Counts itself while it lives.
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

fn failure(text: &str) -> Error {
    Error::Threads(text.into())
}

#[test]
fn futures_that_another_thread_wakes_end_in_order_within_the_bound() {
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
                // The youngest first, and each one twice.
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
        let jobs = (0..300).map(|job| {
            let guard = Live::new(live);
            peak.fetch_max(live.load(SeqCst), SeqCst);
            Ok::<_, Error>((job, guard))
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
        // Ends the device.
        lock(&device).take();
    });
    assert_eq!(got, (0..300).collect::<Vec<_>>());
    assert_eq!(peak.into_inner(), 2 * 2 + 1 + 7);
}

#[test]
fn a_wake_during_a_poll_is_not_lost() {
    let scheduler = Scheduler::new(1).unwrap();
    // Woken by itself a few times, then by a thread that is done before the poll is.
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
    scheduler.pipelined(0, 1, (0..50).map(Ok::<_, Error>), work, sink).unwrap();
    assert_eq!(sum, (0..50).sum::<u64>());
}

#[test]
fn many_wakes_of_a_sleeping_future_are_one_poll() {
    let ready = Ready::default();
    ready.add(3);
    assert_eq!(ready.next(), Some(3));
    assert!(!ready.pending(3));
    (0..4).for_each(|_| ready.wake(3));
    assert_eq!((ready.wait_for_wakes(), ready.next(), ready.next()), (Some(1), Some(3), None));
    (0..4).for_each(|_| ready.wake(3));
    assert!(ready.pending(3), "woken during the poll");
    assert_eq!((ready.next(), ready.next()), (Some(3), None));
    ready.finished(3);
    ready.wake(3);
    assert_eq!(ready.next(), None, "woken after its end");
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
    scheduler.pipelined(0, 1, (0..3).map(Ok::<_, Error>), work, |()| Ok(())).unwrap();
    assert_eq!(*lock(order), [0, 1, 1, 0, 2, 2]);
}

/// Jobs from `first_stuck` on pend for ever; what comes before does as `early` says. How the run ended, and a waker that
/// outlived it.
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
    // The pool is whole: it takes the next run.
    scheduler.ordered(1, (0..20).map(Ok::<_, Error>), Ok, |_| Ok(())).unwrap();
    end
}

#[test]
fn an_error_ends_the_run_and_drops_futures_that_nobody_will_wake() {
    let fail_at = |at| move |job| if job == at { Err(failure("work")) } else { Ok(()) };
    let text = |end: thread::Result<Result<()>>| match end.unwrap().unwrap_err() {
        Error::Threads(text) => text,
        other => panic!("{other}"),
    };
    assert_eq!(text(with_stuck_jobs(3, (0..100).map(Ok::<_, Error>), fail_at(2), |()| Ok(()))), "work");
    assert_eq!(
        text(with_stuck_jobs(1, (0..100).map(Ok::<_, Error>), |_| Ok(()), |()| Err(failure("sink")))),
        "sink"
    );
    let jobs = (0..5).map(|job| if job == 4 { Err(failure("source")) } else { Ok(job) });
    assert_eq!(text(with_stuck_jobs(5, jobs, |_| Ok(()), |()| Ok(()))), "source");
}

#[test]
fn a_panic_is_resumed_on_the_caller_and_leaves_nothing_behind() {
    let text = |end: thread::Result<Result<()>>| *end.unwrap_err().downcast::<&str>().unwrap();
    let panic_at = |at| move |job| if job == at { panic!("work") } else { Ok(()) };
    assert_eq!(text(with_stuck_jobs(3, (0..100).map(Ok::<_, Error>), panic_at(2), |()| Ok(()))), "work");
    assert_eq!(
        text(with_stuck_jobs(1, (0..100).map(Ok::<_, Error>), |_| Ok(()), |()| panic!("sink"))),
        "sink"
    );
    let jobs = (0..5).map(|job| if job == 4 { panic!("source") } else { Ok(job) });
    assert_eq!(text(with_stuck_jobs(2, jobs, |_| Ok(()), |()| Ok(()))), "source");
}
