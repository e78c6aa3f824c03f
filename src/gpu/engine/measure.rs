//! The choice of `auto` between the modes of an engine whose device is open.

use std::sync::atomic::Ordering::Relaxed;

use super::{Counters, Engine};
use crate::backend::BackendMode;
use crate::backend::scheduler::Scheduler;
use crate::gpu::auto::{Probe, Rates};
use crate::gpu::reason::Reason;

impl Engine {
    /// Measures every mode on the device that is open, and takes the fastest.
    pub fn measure(&mut self, scheduler: &Scheduler) {
        let label = self.adapter().map(|facts| facts.label()).unwrap_or_default();
        let probe = Probe::new(self.options.task, &self.options.params);
        let mut rate = |probe: &Probe, mode| {
            self.mode = mode;
            probe.rate(&*self, scheduler)
        };
        let rates = probe.and_then(|probe| {
            let [cpu, gpu, hybrid] = Rates::MODES.map(|mode| rate(&probe, mode));
            Ok(Rates([cpu?, gpu?, hybrid?]))
        });
        // What was measured does not count as work. A device that failed meanwhile is no choice, and was logged.
        let failures = self.counters.failures.load(Relaxed);
        self.counters = Counters { failures: failures.into(), ..Counters::default() };
        let (mode, reason) = match rates {
            Ok(rates) if failures == 0 => (rates.best(), format!("measured {rates}, with {label}")),
            Ok(_) => (BackendMode::Cpu, format!("{label} failed while it was measured")),
            Err(e) => {
                tracing::warn!("{label} could not be measured: {e}; all families are worked on by the CPU");
                (BackendMode::Cpu, format!("{label} could not be measured: {e}"))
            }
        };
        (self.mode, self.reason) = (mode, Reason::Measured(reason));
        if mode == BackendMode::Cpu {
            self.device_state().gpu = None;
        }
    }
}
