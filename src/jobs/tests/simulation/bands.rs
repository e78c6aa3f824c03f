//! Slides of the simulation that are encoded in bands.

use std::ops::Range;

use super::Fleet;
use crate::jobs::state::{Fault, Outlook, Progress, Record, State};
use crate::jobs::unit::Token;

/// One slide in so many has bands.
pub const ONE_IN: usize = 10;
/// So many.
pub const BANDS: usize = 4;

impl Fleet {
    pub fn state(&self, unit: usize) -> Option<State> {
        self.records[unit].as_ref().map(|record| record.state)
    }

    /// The bands of a slide, if it has some.
    pub fn bands_of(&self, unit: usize) -> Range<usize> {
        if unit >= self.slides || !unit.is_multiple_of(ONE_IN) {
            return 0..0;
        }
        let first = self.slides + unit / ONE_IN * BANDS;
        first..first + BANDS
    }

    fn slide_of(&self, unit: usize) -> Option<usize> {
        unit.checked_sub(self.slides).map(|band| band / BANDS * ONE_IN)
    }

    pub fn is_band_of_done(&self, unit: usize) -> bool {
        self.slide_of(unit).is_some_and(|slide| self.manifests[slide].is_some())
    }

    /// How long an attempt takes: to make bands next to nothing.
    pub fn work_ms(&mut self, unit: usize) -> u64 {
        let missing = self.bands_of(unit).any(|band| self.manifests[band].is_none());
        if missing { 1000 } else { 20_000 + self.rng.below(80_000) }
    }

    /// Whether the attempt has files that may count: not where a slide is split, or a band is of a slide that is done.
    pub fn is_to_publish(&mut self, unit: usize, token: &Token, wall_ms: u64) -> bool {
        if self.is_band_of_done(unit) {
            self.change(unit, |record| record.finish(token, Progress::default()));
            return false;
        }
        let missing: Vec<_> = self.bands_of(unit).filter(|band| self.manifests[*band].is_none()).collect();
        if missing.is_empty() || self.manifests[unit].is_some() {
            return true;
        }
        if missing.iter().any(|band| self.state(*band) == Some(State::Dead)) {
            let (policy, fault) = (self.policy, Fault::new(Outlook::Permanent, String::new()));
            self.change(unit, |record| record.fail(token, fault, &policy, wall_ms));
            return false;
        }
        let keys = self.bands_of(unit).map(|band| self.keys[band].clone()).collect();
        if self.change(unit, |record| record.split(token, keys, wall_ms)) {
            self.seen.splits += 1;
            for band in missing {
                self.announced[band] = true;
                match &self.records[band] {
                    None => {
                        self.records[band] = Some(Record::new());
                        self.waiting.push_back(band);
                    }
                    // It was removed by one who came late.
                    Some(_) => drop(self.change(band, |record| Ok::<_, ()>(record.reopened()))),
                }
            }
        }
        false
    }

    /// The manifest of a unit was created.
    pub fn published(&mut self, unit: usize) {
        let bands = self.bands_of(unit);
        match unit < self.slides {
            true => self.seen.published += 1,
            false => self.seen.bands += 1,
        }
        self.seen.joined += u64::from(!bands.is_empty());
        assert!(
            bands.into_iter().all(|band| self.manifests[band].is_some()),
            "slide {unit}: a band is missing"
        );
    }

    /// What the bands of a slide were is removed from the store.
    pub fn remove_bands(&mut self, unit: usize) {
        for band in self.bands_of(unit) {
            (self.manifests[band], self.announced[band]) = (None, false);
        }
    }

    /// Wakes the slide of a band, if it was the last.
    pub fn band_is_done(&mut self, unit: usize) {
        let Some(slide) = self.slide_of(unit) else { return };
        if self.bands_of(slide).all(|band| self.state(band) == Some(State::Done)) {
            self.change(slide, Record::wake);
        }
    }

    /// Wakes the slide of a band that was given up.
    pub fn wake_slide_of(&mut self, unit: usize) {
        if let Some(slide) = self.slide_of(unit) {
            self.change(slide, Record::wake);
        }
    }

    /// Slides were joined once, and hardly a band was encoded twice.
    pub fn check_bands(&self) {
        let joined = (0..self.slides).filter(|slide| !self.bands_of(*slide).is_empty());
        let joined = joined.filter(|slide| self.manifests[*slide].is_some()).count() as u64;
        assert_eq!(self.seen.joined, joined);
        assert!(self.seen.bands >= joined * BANDS as u64);
        let left_over = (self.slides..self.keys.len())
            .filter(|band| self.manifests[*band].is_some() && self.is_band_of_done(*band))
            .count();
        assert!(left_over < 20, "{left_over} bands came too late, or were not removed: {:?}", self.seen);
    }
}
