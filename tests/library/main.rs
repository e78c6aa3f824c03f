//! The library's API, in process: what is encoded, decoded, verified and refused. Needs no feature.

#[path = "../kit/mod.rs"]
mod kit;

mod oracle;

mod bundles;
mod changed;
mod context;
mod corrupt;
mod encoders;
#[cfg(feature = "lepton")]
mod estimate;
mod flags;
mod forged;
mod golden;
mod incidents;
mod inputs;
#[cfg(feature = "serve")]
mod languages;
mod layers;
mod mutated;
#[cfg(feature = "pixels")]
mod patches;
mod reference;
mod roundtrip;
mod second_decoder;
mod slide_names;
#[cfg(feature = "remote")]
mod storage;
#[cfg(feature = "remote")]
mod storage_waiting;
mod stripes;
mod unsafe_code;
