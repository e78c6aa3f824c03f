//! Reports for people and evaluation programs: `manifest.json`, pictures of every stage of an encode, pictures of a comparison, what
//! an archive's bytes are and where they lie (`plot`), what an encode lost (`html`).

pub mod debug_images;
#[cfg(feature = "plot")]
pub mod html;
pub mod losses;
pub mod manifest;
pub mod numbers;
pub mod picture;
#[cfg(feature = "plot")]
pub mod plot;
pub mod settings;
pub mod side_by_side;
pub mod sizes;
