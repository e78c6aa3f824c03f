//! What a file holds that may say whose tissue it shows: labels, metadata of images, names of files.
//!
//! It lists; it changes nothing and judges nothing: a comment may hold a name or the version of a program. Pixels are not searched for
//! text that is burnt in.
//!
//! | module | what it looks into |
//! |---|---|
//! | `held` | what is found, and equal findings of many tiles as one |
//! | `slide` | a slide or an image, by its format |
//! | `tiff`, `dicom`, `png` | the metadata of these formats |
//! | `tree` | tile files, sidecar, and the files that other programs leave beside tiles |
//! | `archive` | metadata and stored tiles of a bundle or pack |

mod archive;
mod dicom;
mod held;
mod png;
mod slide;
#[cfg(test)]
mod tests;
mod tiff;
mod tree;

pub use archive::of_archive;
pub use held::Held;
pub use slide::of_slide;
pub use tree::of_tree;
