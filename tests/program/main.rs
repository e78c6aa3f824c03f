//! The built `origami` program as users run it: flags, files, exit codes and messages.

#[path = "../kit/mod.rs"]
mod kit;

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
