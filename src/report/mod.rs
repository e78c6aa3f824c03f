//! Reports of an encode for people and evaluation programs: `manifest.json` and pictures of every stage.

pub mod debug_images;
pub mod manifest;
