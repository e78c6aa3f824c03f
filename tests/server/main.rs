//! The built server over sockets: `origami serve` and `origami evals`.

#[cfg(all(feature = "lepton", feature = "webp"))]
#[path = "../common/mod.rs"]
mod common;
#[cfg(feature = "gpu")]
#[path = "../support/gpu.rs"]
mod gpu;
mod running;
#[path = "../support/mod.rs"]
mod support;

mod access;
mod connections;
mod dashboard;
mod evals;
mod http;
#[cfg(all(feature = "lepton", feature = "webp"))]
mod lossless;
mod output;
mod viewer;
#[cfg(feature = "rocksdb")]
mod warm;
mod work;
