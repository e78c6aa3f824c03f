//! The built server over sockets: `origami serve` and `origami evals`.

#[path = "../kit/mod.rs"]
mod kit;

mod running;

mod access;
mod annotations;
mod beside;
mod bounded;
mod caching;
mod connections;
mod dashboard;
mod described;
mod dicomweb;
mod evals;
mod folders;
mod hangs;
mod hostile;
mod http;
mod icc;
#[cfg(feature = "jobs")]
mod jobs;
mod list;
mod login;
#[cfg(all(feature = "lepton", feature = "webp"))]
mod lossless;
mod malformed;
mod memory;
mod metrics;
mod mixed;
mod openapi;
mod output;
mod protocols;
mod region;
mod start;
#[cfg(feature = "remote")]
mod storage;
mod tiffs;
#[cfg(feature = "otel")]
mod traces;
mod trees;
mod versions;
mod viewer;
mod views;
#[cfg(feature = "rocksdb")]
mod warm;
mod whose_marks;
mod work;
