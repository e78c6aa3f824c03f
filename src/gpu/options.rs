//! How to open a GPU.

use std::time::Duration;

use super::fault::Faults;

/// How to open a GPU.
#[derive(Clone, Debug)]
pub struct GpuOptions {
    /// Name, part of a name or index of an adapter; `None` takes the best that is not software.
    pub adapter: Option<String>,
    /// Bytes of all batches together: half for planes on the device, half for staging buffers; `None` for
    /// what suits the adapter and the host.
    pub memory_bytes: Option<u64>,
    /// How long a batch may take before the device counts as hung.
    pub deadline: Duration,
    /// How long a batch should take to cross to the device and back, copies included: long enough to be
    /// efficient, short enough for callers that wait for one family.
    pub batch_time: Duration,
    /// Most families of a batch, however quick it is: for benches that look at batch sizes.
    pub max_families: usize,
    /// Failures on purpose, for tests.
    pub faults: Faults,
}

impl Default for GpuOptions {
    fn default() -> Self {
        Self {
            adapter: None,
            memory_bytes: None,
            deadline: Duration::from_secs(30),
            batch_time: Duration::from_millis(50),
            max_families: usize::MAX,
            faults: Faults::default(),
        }
    }
}
