//! Prometheus metrics.

mod labels;

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

pub use labels::{LevelClass, Outcome, WarmRead};

use self::labels::{AskedLabels, ResultLabels, StateLabels, StatusLabels, TileLabels};
use super::buffers::BufferCounts;
use super::warm::WarmStats;

/// Current sizes of caches and queues.
#[derive(Clone, Copy, Debug, Default)]
pub struct Gauges {
    /// Tiles in the hot cache.
    pub tiles: u64,
    /// Their weight.
    pub bytes: u64,
    /// Families in flight.
    pub families: u64,
    /// Families' buffers, idle and in use.
    pub buffers: BufferCounts,
    /// Bytes that requests hold.
    pub request_bytes: u64,
    /// The warm cache, if there is one.
    pub warm: Option<WarmStats>,
}

/// All metrics of a server.
pub struct Metrics {
    registry: Registry,
    tiles: Family<TileLabels, Counter>,
    tile_seconds: Family<TileLabels, Histogram>,
    responses: Family<StatusLabels, Counter>,
    sent_bytes: Counter,
    families: Counter,
    family_seconds: Histogram,
    queue_seconds: Histogram,
    refused: Counter,
    in_flight: Gauge,
    cache_tiles: Gauge,
    cache_bytes: Gauge,
    buffers: Family<StateLabels, Gauge>,
    request_bytes: Gauge,
    family_tiles: Family<AskedLabels, Counter>,
    prefetched: Counter,
    warm_reads: Family<ResultLabels, Counter>,
    warm_writes: Family<ResultLabels, Counter>,
    warm_bytes: Gauge,
    warm_memory_bytes: Gauge,
    warm_files: Gauge,
    gpu_failures: Counter,
    gpu_fallbacks: Counter,
    gpu_batches: Counter,
}

fn latencies() -> Histogram {
    Histogram::new([
        0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    ])
}

/// Counts of the backend since its start; zeros without a GPU.
#[derive(Clone, Copy, Debug, Default)]
pub struct BackendStats {
    /// GPU failures.
    pub failures: u64,
    /// Calls that the CPU finished after one.
    pub fallbacks: u64,
    /// Batches that the GPU took.
    pub batches: u64,
}

impl Metrics {
    /// Registers every metric, at zero. `backend` is the backend's name.
    pub fn new(backend: &str) -> Self {
        let mut registry = Registry::with_prefix("origami");
        let tile_seconds = Family::<TileLabels, Histogram>::new_with_constructor(latencies);
        let metrics = Self {
            tiles: Family::default(),
            tile_seconds,
            responses: Family::default(),
            sent_bytes: Counter::default(),
            families: Counter::default(),
            family_seconds: latencies(),
            queue_seconds: latencies(),
            refused: Counter::default(),
            in_flight: Gauge::default(),
            cache_tiles: Gauge::default(),
            cache_bytes: Gauge::default(),
            buffers: Family::default(),
            request_bytes: Gauge::default(),
            family_tiles: Family::default(),
            prefetched: Counter::default(),
            warm_reads: Family::default(),
            warm_writes: Family::default(),
            warm_bytes: Gauge::default(),
            warm_memory_bytes: Gauge::default(),
            warm_files: Gauge::default(),
            gpu_failures: Counter::default(),
            gpu_fallbacks: Counter::default(),
            gpu_batches: Counter::default(),
            registry: Registry::default(),
        };
        let m = &metrics;
        registry.register("tiles", "Tiles sent, by level and where they came from", m.tiles.clone());
        let (name, help) =
            ("tile_duration", "Time to have a tile's bytes, by level and where they came from");
        registry.register_with_unit(name, help, Unit::Seconds, m.tile_seconds.clone());
        registry.register("responses", "Responses by status", m.responses.clone());
        registry.register_with_unit("sent", "Bytes of bodies sent", Unit::Bytes, m.sent_bytes.clone());
        registry.register("families_reconstructed", "Families reconstructed", m.families.clone());
        let (name, help) = ("family_duration", "Time to reconstruct a family and code its tiles");
        registry.register_with_unit(name, help, Unit::Seconds, m.family_seconds.clone());
        let (name, help) = ("queue_duration", "Time that a family waited for its turn");
        registry.register_with_unit(name, help, Unit::Seconds, m.queue_seconds.clone());
        registry.register(
            "families_refused",
            "Families refused because too many were waiting",
            m.refused.clone(),
        );
        registry.register(
            "families_in_flight",
            "Families waiting or being reconstructed",
            m.in_flight.clone(),
        );
        registry.register("cache_tiles", "Tiles in the cache in memory", m.cache_tiles.clone());
        registry.register_with_unit(
            "cache",
            "Weight of the cache in memory",
            Unit::Bytes,
            m.cache_bytes.clone(),
        );
        registry.register(
            "buffers",
            "Families' buffers: in use, idle with all planes, and baselines kept alone",
            m.buffers.clone(),
        );
        let (name, help) =
            ("requests", "Memory that requests hold: planes, payloads, images, bodies not yet taken");
        registry.register_with_unit(name, help, Unit::Bytes, m.request_bytes.clone());
        let help = "Tiles made of families, by whether a request waited for them";
        registry.register("family_tiles", help, m.family_tiles.clone());
        let help = "Families begun ahead: in the direction of travel, or for an L2 tile";
        registry.register("prefetched", help, m.prefetched.clone());
        registry.register("warm_reads", "Looks into the cache on disk, by result", m.warm_reads.clone());
        let help = "Tiles handed to the cache on disk; it drops them where the disk does not keep up";
        registry.register("warm_writes", help, m.warm_writes.clone());
        let (name, help) = ("warm", "Bytes of the files of the cache on disk");
        registry.register_with_unit(name, help, Unit::Bytes, m.warm_bytes.clone());
        let help = "Memory of the cache on disk: tiles not yet in files, and what tiles are found by";
        registry.register_with_unit("warm_memory", help, Unit::Bytes, m.warm_memory_bytes.clone());
        registry.register("warm_files", "Files of the cache on disk", m.warm_files.clone());
        registry.register("gpu_failures", "Times that a GPU failed", m.gpu_failures.clone());
        let help = "Calls that the CPU finished after a GPU had failed";
        registry.register("gpu_fallbacks", help, m.gpu_fallbacks.clone());
        registry.register("gpu_batches", "Batches that a GPU took", m.gpu_batches.clone());
        let info = vec![("version", env!("CARGO_PKG_VERSION").to_string()), ("backend", backend.to_string())];
        registry.register("build", "This program", prometheus_client::metrics::info::Info::new(info));
        // A rate needs a first value, so these series exist from the start.
        for result in [WarmRead::Hit, WarmRead::Miss, WarmRead::Damaged].map(WarmRead::label) {
            drop(metrics.warm_reads.get_or_create(&ResultLabels { result }));
        }
        for asked in ["yes", "no"] {
            drop(metrics.family_tiles.get_or_create(&AskedLabels { asked }));
        }
        for result in ["written", "dropped"] {
            drop(metrics.warm_writes.get_or_create(&ResultLabels { result }));
        }
        Self { registry, ..metrics }
    }

    /// Counts a tile and the time to get its bytes.
    pub fn tile(&self, level: LevelClass, outcome: Outcome, time: Duration) {
        let labels = TileLabels { level: level.label(), outcome: outcome.label() };
        self.tiles.get_or_create(&labels).inc();
        self.tile_seconds.get_or_create(&labels).observe(time.as_secs_f64());
    }

    /// Counts a response and the bytes of its body.
    pub fn response(&self, status: u16, bytes: u64) {
        self.responses.get_or_create(&StatusLabels { status }).inc();
        self.sent_bytes.inc_by(bytes);
    }

    /// Counts a reconstructed family and its time.
    pub fn family(&self, time: Duration) {
        self.families.inc();
        self.family_seconds.observe(time.as_secs_f64());
    }

    /// Counts a read from the warm cache.
    pub fn warm_read(&self, read: WarmRead) {
        self.warm_reads.get_or_create(&ResultLabels { result: read.label() }).inc();
    }

    /// Counts tiles that the warm cache stored, or dropped.
    pub fn warm_written(&self, tiles: u64, stored: bool) {
        let result = if stored { "written" } else { "dropped" };
        self.warm_writes.get_or_create(&ResultLabels { result }).inc_by(tiles);
    }

    /// Counts a tile that was made of a family, and whether a request waited for it.
    pub fn family_tile(&self, asked: bool) {
        self.family_tiles.get_or_create(&AskedLabels { asked: if asked { "yes" } else { "no" } }).inc();
    }

    /// Counts a family that is reconstructed ahead.
    pub fn prefetched(&self) {
        self.prefetched.inc();
    }

    /// Counts the time that a family waited for its turn.
    pub fn queued(&self, time: Duration) {
        self.queue_seconds.observe(time.as_secs_f64());
    }

    /// Counts a family that did not get its turn in time.
    pub fn refused(&self) {
        self.refused.inc();
    }

    /// All metrics in the OpenMetrics text format.
    pub fn text(&self, gauges: &Gauges, backend: BackendStats) -> String {
        self.cache_tiles.set(gauges.tiles.cast_signed());
        self.cache_bytes.set(gauges.bytes.cast_signed());
        self.request_bytes.set(gauges.request_bytes.cast_signed());
        self.in_flight.set(gauges.families.cast_signed());
        let BufferCounts { idle, baselines, used } = gauges.buffers;
        for (state, count) in [("idle", idle), ("baseline", baselines), ("used", used)] {
            self.buffers.get_or_create(&StateLabels { state }).set(count.cast_signed() as i64);
        }
        let warm = gauges.warm.unwrap_or_default();
        self.warm_bytes.set(warm.disk_bytes.cast_signed());
        self.warm_memory_bytes.set(warm.memory_bytes.cast_signed());
        self.warm_files.set(warm.files.cast_signed());
        self.gpu_failures.inner().store(backend.failures, Relaxed);
        self.gpu_fallbacks.inner().store(backend.fallbacks, Relaxed);
        self.gpu_batches.inner().store(backend.batches, Relaxed);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry)
            .unwrap_or_else(|e| unreachable!("a string takes everything: {e}"));
        text
    }

    /// Number of families reconstructed so far.
    pub fn families_reconstructed(&self) -> u64 {
        self.families.get()
    }
}
