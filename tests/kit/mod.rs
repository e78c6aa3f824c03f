//! What the test programs share: slides, trees and archives made in code from a seed, and the built program.
//!
//! Everything is deterministic and lies in temporary directories. The kit does not know what a test asserts.
#![allow(dead_code, reason = "each of the test programs uses another part of it")]

pub mod compare;
pub mod data;
#[cfg(feature = "serve")]
pub mod dicom;
pub mod ffmpeg;
pub mod files;
pub mod forge;
#[cfg(feature = "gpu")]
pub mod gpu;
pub mod image;
pub mod jpeg;
pub mod jpeg2000;
#[cfg(feature = "remote")]
pub mod object_server;
pub mod pipeline;
#[cfg(feature = "cli")]
pub mod program;
pub mod rng;
pub mod slides;
pub mod trees;
pub mod versions;
