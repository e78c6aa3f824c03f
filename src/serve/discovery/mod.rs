//! Finds the slides under the root: which files belong to each.
//!
//! Names and directories tell that. Contents are read only to pair an archive with the slide or tree of its name, of DICOM files to find
//! those of one slide, and of an `info.json` to see whether it is of IIIF.
//!
//! | module | what |
//! |---|---|
//! | `address` | the bundles below an address |
//! | `files` | the files of a slide, and a listing of slides |
//! | `folder` | one directory, and the slide that it may be |
//! | `pairs` | whether an archive was made of a slide or tree |
//! | `series` | the DICOM slides of a directory |
//! | `walk` | every directory below the root, and the names of slides |

#[cfg(feature = "remote")]
mod address;
mod files;
mod folder;
mod pairs;
mod series;
#[cfg(test)]
mod tests;
mod walk;

pub use files::{Listing, SlideFiles, Stamp, is_index, stamp};
pub use folder::root_itself;
pub use walk::{Memory, scan};
