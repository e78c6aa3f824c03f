//! The jobs in memory: those that are followed, and the last that have ended.

use std::collections::VecDeque;

use serde_json::{Value, json};

use super::estimate::{Learned, finishing};
use super::job::{Job, Kind, Now, Seen, Status, tenths};

/// Jobs that have ended and are kept in memory.
pub const RECENT: usize = 100;

/// A job that is followed.
#[derive(Clone)]
pub struct Live {
    pub job: Job,
    pub status: Status,
    pub seen: Seen,
}

/// What is in memory.
#[derive(Default)]
pub struct Jobs {
    /// By age. Those that have ended are here until their address was told.
    pub open: Vec<Live>,
    /// The youngest first.
    pub recent: VecDeque<Job>,
    renders: Learned,
    encodes: Learned,
}

/// A job that has ended.
pub fn ended(job: Job) -> Live {
    let (status, seen) = match &job.ended {
        Some(ended) => (ended.status, ended.seen.clone()),
        None => (Status::Queued, Seen::default()),
    };
    Live { job, status, seen }
}

impl Jobs {
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
        let ended_now = |job: &Job| {
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
