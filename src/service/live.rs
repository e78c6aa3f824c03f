//! The jobs in memory: those that are followed, and the last that have ended.

use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::{Value, json};

use super::estimate::{Learned, finishing};
use super::job::{Job, Kind, Now, Seen, Status, tenths};
use super::sent::Sent;

/// Jobs that have ended and are kept in memory.
pub const RECENT: usize = 100;

/// A job that is followed. Copies share what is known of it.
#[derive(Clone)]
pub struct Live {
    pub job: Arc<Job>,
    pub status: Status,
    pub seen: Seen,
}

/// What is in memory.
#[derive(Default)]
pub struct Jobs {
    /// By age. Those that have ended are here until their address was told.
    pub open: Vec<Live>,
    /// The youngest first, without their requests.
    pub recent: VecDeque<Arc<Job>>,
    renders: Learned,
    encodes: Learned,
}

/// A job that has ended.
pub fn ended(job: Arc<Job>) -> Live {
    let (status, seen) = match &job.ended {
        Some(ended) => (ended.status, ended.seen.clone()),
        None => (Status::Queued, Seen::default()),
    };
    Live { job, status, seen }
}

impl Jobs {
    /// Keeps a job that has ended among the last ones. Its request stays in its note.
    pub fn keep(&mut self, job: Job) {
        self.recent.push_front(Arc::new(Job { request: Sent::NOT_HERE, ..job }));
        self.recent.truncate(RECENT);
    }

    /// Bytes of the requests of all open jobs.
    pub fn request_bytes(&self) -> usize {
        self.open.iter().map(|live| live.job.request.bytes()).sum()
    }

    /// Learns how long a job took that is done.
    pub fn learn(&mut self, job: &Job) {
        let Some(result) = job.ended.as_ref().and_then(|ended| ended.result.as_ref()) else { return };
        match job.kind {
            Kind::Render => self.renders.add(result.pixels, result.took_ms),
            Kind::Encode => self.encodes.add(job.work, result.took_ms),
        }
    }

    fn seconds(&self, job: &Job) -> f64 {
        match job.kind {
            Kind::Render => self.renders.seconds(job.work),
            Kind::Encode => self.encodes.seconds(job.work),
        }
    }

    /// All open jobs as they are now, by age, where `slots` are worked on at a time.
    pub fn now<T>(&self, slots: usize, mut each: impl FnMut(&Now<'_>) -> T) -> Vec<T> {
        let running = |live: &&Live| live.status == Status::Processing;
        let left_of = |live: &Live| {
            let spent = live.seen.elapsed_ms as f64 / 1e3;
            live.seen.seconds_left().unwrap_or_else(|| (self.seconds(&live.job) - spent).max(0.0))
        };
        let left: Vec<f64> = self.open.iter().filter(running).map(left_of).collect();
        let waiting: Vec<f64> = self
            .open
            .iter()
            .filter(|live| live.status == Status::Queued)
            .map(|live| self.seconds(&live.job))
            .collect();
        let mut finishing = finishing(&left, &waiting, slots).into_iter();
        let mut position = 0;
        let as_now = |live: &Live| {
            let (place, left_s) = match live.status {
                Status::Queued => {
                    position += 1;
                    (Some(position), finishing.next())
                }
                Status::Processing => (None, Some(left_of(live))),
                _ => (None, Some(0.0)),
            };
            each(&Now { job: &live.job, status: live.status, seen: &live.seen, position: place, left_s })
        };
        self.open.iter().map(as_now).collect()
    }

    /// What waits, what is worked on, what has ended.
    pub fn overview(&self, slots: usize, now_ms: u64) -> Value {
        let with_waiting = |now: &Now<'_>| {
            let mut value = now.json();
            let until =
                now.job.started_ms.or(now.job.ended.as_ref().map(|ended| ended.at_ms)).unwrap_or(now_ms);
            value["waiting_time"] = tenths(until.saturating_sub(now.job.submitted_ms) as f64 / 1e3).into();
            (now.status, now.left_s, value)
        };
        let open = self.now(slots, with_waiting);
        let count = |status| open.iter().filter(|(own, ..)| *own == status).count();
        let waits: Vec<f64> = open
            .iter()
            .filter(|(status, ..)| !status.is_final())
            .filter_map(|(.., v)| v["waiting_time"].as_f64())
            .collect();
        let left = open.iter().filter_map(|(_, left, _)| *left).fold(0.0, f64::max);
        let ended_now = |job: &Arc<Job>| {
            let live = ended(job.clone());
            with_waiting(&Now {
                job,
                status: live.status,
                seen: &live.seen,
                position: None,
                left_s: Some(0.0),
            })
            .2
        };
        let unfiled =
            open.iter().rev().filter(|(status, ..)| status.is_final()).map(|(.., value)| value.clone());
        let recent: Vec<Value> = unfiled.chain(self.recent.iter().map(ended_now)).take(RECENT).collect();
        let average = (!waits.is_empty()).then(|| tenths(waits.iter().sum::<f64>() / waits.len() as f64));
        json!({
            "queue_length": count(Status::Queued), "processing": count(Status::Processing), "max_concurrent_jobs": slots,
            "average_wait_time": average, "estimated_time": tenths(left),
            "jobs": open.iter().filter(|(status, ..)| !status.is_final()).map(|(.., value)| value.clone()).collect::<Vec<_>>(),
            "recent": recent,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_ended_keeps_no_request_in_memory() {
        let job = |number: usize| {
            let value = json!({
                "schema": 1, "job_id": format!("{number}"), "kind": "encode", "key": "0".repeat(32), "request": {"x": [number]},
                "warnings": [], "callback": null, "destination": null, "submitted_ms": 0, "started_ms": null, "work": 1,
                "ended": null, "told": "none", "tries": 0,
            });
            serde_json::from_value::<Job>(value).unwrap()
        };
        let mut jobs = Jobs::default();
        jobs.open.extend([1, 22].map(|number| ended(Arc::new(job(number)))));
        assert_eq!(jobs.request_bytes(), r#"{"x":[1]}{"x":[22]}"#.len());
        (0..2 * RECENT).for_each(|number| jobs.keep(job(number)));
        assert_eq!((jobs.recent.len(), &*jobs.recent[0].job_id), (RECENT, "199"));
        assert!(jobs.recent.iter().all(|job| !job.request.is_here()));
    }
}
