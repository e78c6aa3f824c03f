//! The built `origami` program as users run it: flags, files, exit codes and messages.

#[path = "../kit/mod.rs"]
mod kit;

#[cfg(feature = "lepton")]
mod tiff;

mod bad_input;
mod cli;
mod compare;
#[cfg(all(feature = "lepton", feature = "pixels"))]
mod convert;
#[cfg(unix)]
mod crash;
mod doctor;
// What the documents and the help show uses all of these.
#[cfg(all(
    unix,
    feature = "jpegli",
    feature = "lepton",
    feature = "mozjpeg",
    feature = "openslide",
    feature = "serve",
    feature = "webp"
))]
mod documents;
#[cfg(all(
    unix,
    feature = "jpegli",
    feature = "lepton",
    feature = "mozjpeg",
    feature = "openslide",
    feature = "serve",
    feature = "webp"
))]
mod examples;
mod exit_codes;
mod help;
mod identity;
mod inspect_channels;
#[cfg(unix)]
mod interrupted;
#[cfg(all(unix, feature = "jobs"))]
mod jobs;
// A schema for every command, and a run for every schema.
#[cfg(all(feature = "gpu", feature = "lepton", feature = "serve"))]
mod json;
#[cfg(all(feature = "lepton", feature = "webp"))]
mod lossless_jpeg2000;
#[cfg(feature = "lepton")]
mod lossless_tiff;
#[cfg(feature = "serve")]
mod packaging;
#[cfg(feature = "lepton")]
mod presets;
mod reports;
#[cfg(all(
    unix,
    feature = "jpegli",
    feature = "lepton",
    feature = "mozjpeg",
    feature = "openslide",
    feature = "serve",
    feature = "webp"
))]
mod script;
#[cfg(unix)]
mod shells;
#[cfg(all(feature = "lepton", feature = "pixels"))]
mod spared;
#[cfg(unix)]
mod sparse;
#[cfg(feature = "remote")]
mod storage;
#[cfg(feature = "remote")]
mod storage_scratch;
#[cfg(feature = "remote")]
mod storage_trees;
// `script` of util-linux makes a terminal.
#[cfg(all(target_os = "linux", feature = "mozjpeg", feature = "lepton"))]
mod terminal;
mod torture;
#[cfg(feature = "tour")]
mod tour;
#[cfg(all(feature = "tour", feature = "remote"))]
mod tour_address;
#[cfg(all(
    unix,
    feature = "jpegli",
    feature = "lepton",
    feature = "mozjpeg",
    feature = "openslide",
    feature = "serve",
    feature = "webp"
))]
mod transcripts;
#[cfg(all(feature = "lepton", feature = "pixels"))]
mod unread;
mod verify;
mod versions;
