//! Frames of a tour per second, without a video.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use origami::backend::Cancel;
use origami::backend::scheduler::Scheduler;
use origami::tour::{Tour, raw_frames};
use xxhash_rust::xxh3::Xxh3Default;

/// What was measured.
pub struct TourTimes {
    /// Frames that were made.
    pub frames: u64,
    /// Width and height of a frame in pixels.
    pub size: (u32, u32),
    /// Seconds to make them, from opening the slide on; without those of `copy_seconds` and of the hash.
    pub seconds: f64,
    /// Seconds to copy their bytes from one buffer to another.
    pub copy_seconds: f64,
    /// XXH3, 128 bits, of the pixels of all frames in order.
    pub hash: u128,
}

/// Makes the first `limit` frames of a tour, copies each once and drops it. `progress` is told the number of those that are made.
pub fn measure(
    tour: &Tour,
    document: &Path,
    limit: u64,
    scheduler: &Scheduler,
    cancel: &Cancel,
    progress: &dyn Fn(u64),
) -> Result<TourTimes> {
    let mut hash = Xxh3Default::new();
    let mut copy = Vec::new();
    let (mut copying, mut aside) = (Duration::ZERO, Duration::ZERO);
    let mut count = 0;
    let started = Instant::now();
    let (format, frames) = raw_frames(tour, document, limit, scheduler, cancel, |frame| {
        let arrived = Instant::now();
        // Its memory is there before the first copy is timed.
        copy.resize(frame.len(), 1);
        let begun = Instant::now();
        copy.copy_from_slice(frame);
        copying += begun.elapsed();
        hash.update(&copy);
        count += 1;
        progress(count);
        aside += arrived.elapsed();
    })?;
    Ok(TourTimes {
        frames,
        size: (format.width, format.height),
        seconds: started.elapsed().saturating_sub(aside).as_secs_f64(),
        copy_seconds: copying.as_secs_f64(),
        hash: hash.digest128(),
    })
}
