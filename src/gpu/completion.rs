//! The thread that waits for the device: one a [`BatchQueue`].

use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::batch_queue::{BatchQueue, InFlight, MAP_FAILED, MAPPED};
use super::fault::{Fault, Stage};
use super::workspace::DeviceTimes;
use crate::backend::GpuError;

/// Starts the thread. It ends after [`BatchQueue::close`]. Where the system has no thread, the device counts
/// as failed.
pub(super) fn spawn(
    queue: &Arc<BatchQueue>,
    submissions: mpsc::Receiver<InFlight>,
) -> Option<JoinHandle<()>> {
    let of_thread = queue.clone();
    let thread = std::thread::Builder::new().name("origami-gpu".into());
    let spawned = thread.spawn(move || run(&of_thread, &submissions));
    if let Err(e) = &spawned {
        queue.fail(GpuError::Driver(format!("no thread to wait for it: {e}")));
    }
    spawned.ok()
}

fn run(queue: &BatchQueue, submissions: &mpsc::Receiver<InFlight>) {
    let mut free_since = Instant::now();
    while let Ok(mut in_flight) = submissions.recv() {
        if let Err(e) = wait_for(queue, &in_flight) {
            let hung = matches!(e, GpuError::Hung { .. });
            queue.fail(e);
            if hung {
                wait_until_idle(queue);
            }
            continue;
        }
        let elapsed = in_flight.submitted.elapsed().as_nanos() as u64;
        let times = queue.workspaces[in_flight.batch].times(&queue.device);
        let times = times.unwrap_or(DeviceTimes { kernels_ns: elapsed, ..DeviceTimes::default() });
        queue.counters.device_ns.fetch_add(times.kernels_ns, Ordering::Relaxed);
        queue.counters.bus_up_ns.fetch_add(times.up_ns, Ordering::Relaxed);
        queue.counters.bus_down_ns.fetch_add(times.down_ns, Ordering::Relaxed);
        queue.counters.submission_ns.fetch_add(elapsed, Ordering::Relaxed);
        // The crossing begins when the one before has ended: from then on the device had nothing else to do.
        let now = Instant::now();
        let crossing = now.saturating_duration_since(free_since.max(in_flight.submitted));
        free_since = now;
        std::mem::take(&mut in_flight.span).end();
        queue.returned(&in_flight, crossing.as_nanos() as u64);
    }
}

/// Waits until a device that counts as hung is idle, however long that takes. Freeing buffers that a hung
/// driver still works on may hang as well, and this thread is the last to hold them.
fn wait_until_idle(queue: &BatchQueue) {
    queue.device.copies_done();
    while let Ok(false) = queue.device.wait(None, queue.deadline) {}
}

/// Waits until the device has completed a submission and both staging buffers are mapped.
fn wait_for(queue: &BatchQueue, in_flight: &InFlight) -> Result<(), GpuError> {
    let device = &queue.device;
    device.healthy()?;
    let late = GpuError::Hung { seconds: queue.deadline.as_secs() };
    match device.faults.at(Stage::Wait) {
        None => {}
        Some(Fault::Hung) => return Err(late),
        Some(Fault::OutOfMemory) => return Err(GpuError::OutOfMemory("injected".into())),
        Some(Fault::Lost) => return Err(device.lose()),
    }
    let until = in_flight.submitted + queue.deadline;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let done = device.wait(Some(in_flight.index.clone()), left)?;
        match in_flight.mapped.load(Ordering::SeqCst) {
            MAPPED => return device.healthy(),
            n if n >= MAP_FAILED => {
                device.healthy()?;
                return Err(GpuError::Lost("its memory cannot be read".into()));
            }
            _ => {}
        }
        device.healthy()?;
        if !done || left.is_zero() {
            return Err(late);
        }
        // The work is done; the mappings complete soon.
        std::thread::sleep(Duration::from_micros(50));
    }
}
