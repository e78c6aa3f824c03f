//! The built server over sockets: `origami serve` and `origami evals`.

#[path = "../kit/mod.rs"]
mod kit;

mod running;

mod access;
mod connections;
mod dashboard;
mod evals;
mod http;
#[cfg(all(feature = "lepton", feature = "webp"))]
mod lossless;
mod output;
mod start;
mod viewer;
#[cfg(feature = "rocksdb")]
mod warm;
mod work;
