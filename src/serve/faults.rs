//! Faults of slides in the log: each slide's once a minute, whatever clients ask for.
//!
//! A damaged slide would fill the disk otherwise, one line for each tile that somebody asks for.

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::Mutex;
use std::time::Instant;

use super::throttle::Last;

/// Most slides that are remembered.
const MAX_SLIDES: usize = 1024;

/// When what was last logged.
#[derive(Default)]
pub struct Faults(Mutex<HashMap<String, Last>>);

impl Faults {
    /// Logs a fault of a slide, and how many there were since the last line about it; or counts it.
    pub fn log(&self, slide: &str, fault: &dyn Display) {
        match self.count(slide, Instant::now()) {
            None => {}
            Some(0) => tracing::error!(slide, "{fault}"),
            Some(more) => tracing::error!(slide, more, "{fault}"),
        }
    }

    /// The number of faults that were not logged, where this one is.
    fn count(&self, slide: &str, now: Instant) -> Option<u64> {
        let mut slides = self.0.lock().unwrap_or_else(|e| e.into_inner());
        if slides.len() >= MAX_SLIDES {
            slides.retain(|_, last| !last.is_over(now));
        }
        let has_room = slides.len() < MAX_SLIDES;
        match slides.get_mut(slide) {
            Some(last) => last.next(now),
            None if has_room => {
                slides.insert(slide.to_string(), Last::new(now));
                Some(0)
            }
            // More damaged slides than that within a minute: enough has been said.
            None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn each_slide_has_a_line_a_minute() {
        let (faults, start) = (Faults::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!([0, 1, 59].map(|seconds| faults.count("a", at(seconds))), [Some(0), None, None]);
        assert_eq!(faults.count("b", at(59)), Some(0));
        assert_eq!([60, 61, 130].map(|seconds| faults.count("a", at(seconds))), [Some(2), None, Some(1)]);
        for n in 0..2 * MAX_SLIDES {
            faults.count(&n.to_string(), at(200));
        }
        assert_eq!(faults.0.lock().unwrap().len(), MAX_SLIDES);
        assert_eq!(faults.count("a", at(300)), Some(0), "the others are forgotten");
    }
}
