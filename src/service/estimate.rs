//! How long jobs take, learned from those that are done.

use std::collections::VecDeque;

/// Jobs that are remembered.
const REMEMBERED: usize = 50;
/// Before anything is known, milliseconds for a million units of work: of pixels of frames, or of bytes of a slide.
const FIRST_GUESS: f64 = 10.0;

/// What is known of one kind of jobs. Work is pixels of all frames, or bytes of the slide.
#[derive(Debug, Default)]
pub struct Learned(VecDeque<(u64, u64)>);

impl Learned {
    /// Learns of a job that is done.
    pub fn add(&mut self, work: u64, took_ms: u64) {
        if work == 0 {
            return;
        }
        if self.0.len() == REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back((work, took_ms));
    }

    /// Seconds that work takes.
    pub fn seconds(&self, work: u64) -> f64 {
        let sum = |part: fn(&(u64, u64)) -> u64| self.0.iter().map(part).sum::<u64>() as f64;
        let ms_per_million = match sum(|job| job.0) {
            0.0 => FIRST_GUESS,
            all => sum(|job| job.1) / all * 1e6,
        };
        work as f64 / 1e6 * ms_per_million / 1e3
    }
}

/// Seconds until each of the jobs that wait is done, where `slots` are worked on at a time: `running` is what is left of those that run.
pub fn finishing(running: &[f64], waiting: &[f64], slots: usize) -> Vec<f64> {
    let mut free: Vec<f64> = running.to_vec();
    free.resize(free.len().max(slots.max(1)), 0.0);
    let mut next = |seconds: &f64| {
        let slot = free.iter_mut().min_by(|a, b| a.total_cmp(b));
        slot.map_or(*seconds, |slot| {
            *slot += seconds;
            *slot
        })
    };
    waiting.iter().map(&mut next).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn estimates_follow_what_was_measured() {
        let mut learned = Learned::default();
        assert_eq!(learned.seconds(100_000_000), 1.0);
        learned.add(1_000_000, 2000);
        learned.add(3_000_000, 6000);
        learned.add(0, 5);
        assert_eq!(learned.seconds(2_000_000), 4.0);
    }

    #[test]
    fn jobs_that_wait_come_after_those_before_them() {
        assert_eq!(finishing(&[3.0], &[2.0, 2.0, 2.0], 2), [2.0, 4.0, 5.0]);
        assert_eq!(finishing(&[], &[1.0, 5.0], 0), [1.0, 6.0]);
    }
}
