//! What a device has done: counters, and the snapshots that callers get.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What the device has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct GpuStats {
    /// Batches submitted to the device. A batch of an encode is submitted twice and counts twice.
    pub submissions: u64,
    /// Families in them.
    pub families: u64,
    /// Time that passes took, by the device's clock where it has one, in nanoseconds.
    pub device_ns: u64,
    /// Time that copies over the bus to the device took, by its clock, in nanoseconds; 0 where that does not tell.
    pub bus_up_ns: u64,
    /// Time that copies back took.
    pub bus_down_ns: u64,
    /// Time from submission to completion, in nanoseconds.
    pub submission_ns: u64,
    /// Time that threads spent copying planes into staging buffers, in nanoseconds.
    pub upload_ns: u64,
    /// Time that threads spent copying planes out of them, in nanoseconds.
    pub download_ns: u64,
    /// Bytes to the device.
    pub upload_bytes: u64,
    /// Bytes from it.
    pub download_bytes: u64,
}

/// The largest use of a device so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct GpuPeaks {
    /// Most families in one batch.
    pub families: u64,
    /// Most batches in use at a time.
    pub batches: u64,
    /// Buffers ever made: the workspaces' at the start, none after that.
    pub buffers: u64,
}

impl GpuStats {
    fn zip_with(self, other: Self, both: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            submissions: both(self.submissions, other.submissions),
            families: both(self.families, other.families),
            device_ns: both(self.device_ns, other.device_ns),
            bus_up_ns: both(self.bus_up_ns, other.bus_up_ns),
            bus_down_ns: both(self.bus_down_ns, other.bus_down_ns),
            submission_ns: both(self.submission_ns, other.submission_ns),
            upload_ns: both(self.upload_ns, other.upload_ns),
            download_ns: both(self.download_ns, other.download_ns),
            upload_bytes: both(self.upload_bytes, other.upload_bytes),
            download_bytes: both(self.download_bytes, other.download_bytes),
        }
    }
}

impl std::ops::Add for GpuStats {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        self.zip_with(other, u64::wrapping_add)
    }
}

impl std::ops::Sub for GpuStats {
    type Output = Self;

    /// The difference between now and `other`, an earlier snapshot.
    fn sub(self, other: Self) -> Self {
        self.zip_with(other, u64::saturating_sub)
    }
}

/// The counters behind [`GpuStats`] and [`GpuPeaks`]. No value ever decreases.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub submissions: AtomicU64,
    pub families: AtomicU64,
    pub device_ns: AtomicU64,
    pub bus_up_ns: AtomicU64,
    pub bus_down_ns: AtomicU64,
    pub submission_ns: AtomicU64,
    pub upload_ns: AtomicU64,
    pub download_ns: AtomicU64,
    pub upload_bytes: AtomicU64,
    pub download_bytes: AtomicU64,
    pub max_families: AtomicU64,
    pub max_batches: AtomicU64,
}

impl Counters {
    pub fn stats(&self) -> GpuStats {
        GpuStats {
            submissions: self.submissions.load(Relaxed),
            families: self.families.load(Relaxed),
            device_ns: self.device_ns.load(Relaxed),
            bus_up_ns: self.bus_up_ns.load(Relaxed),
            bus_down_ns: self.bus_down_ns.load(Relaxed),
            submission_ns: self.submission_ns.load(Relaxed),
            upload_ns: self.upload_ns.load(Relaxed),
            download_ns: self.download_ns.load(Relaxed),
            upload_bytes: self.upload_bytes.load(Relaxed),
            download_bytes: self.download_bytes.load(Relaxed),
        }
    }

    /// `buffers` is the number of buffers ever made.
    pub fn peaks(&self, buffers: u64) -> GpuPeaks {
        GpuPeaks {
            families: self.max_families.load(Relaxed),
            batches: self.max_batches.load(Relaxed),
            buffers,
        }
    }
}
