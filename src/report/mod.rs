//! Reports for people and evaluation programs: `manifest.json`, pictures of every stage of an encode, pictures of a comparison.

pub mod debug_images;
pub mod manifest;
pub mod side_by_side;
