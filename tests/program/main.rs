//! The built `origami` program as people run it: flags, files, exit codes and messages.

#[cfg(feature = "lepton")]
#[path = "../common/mod.rs"]
mod common;
#[path = "../support/mod.rs"]
mod support;

#[cfg(feature = "lepton")]
mod tiff;

mod bad_input;
mod cli;
#[cfg(unix)]
mod crash;
mod doctor;
mod identity;
#[cfg(feature = "lepton")]
mod lossless_tiff;
#[cfg(all(feature = "lepton", feature = "mozjpeg"))]
mod presets;
mod torture;
