//! The library's API, in process: what is encoded, decoded, verified and refused. Needs no feature.

#[path = "../common/mod.rs"]
mod common;
#[path = "../support/mod.rs"]
mod support;

mod oracle;

mod bundles;
mod context;
mod corrupt;
mod encoders;
mod forged;
mod golden;
mod inputs;
mod mutated;
mod reference;
mod roundtrip;
mod stripes;
