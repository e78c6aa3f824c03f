//! Checks that files are whole: archives, trees, slides.
//!
//! | module | what |
//! |---|---|
//! | `archive` | [`verify()`]: a bundle or a pack, and whether it decodes to the pixels that its encoder saw |
//! | `tree` | [`verify_tree`]: every tile of every level of a Deep Zoom tree |
//! | `slide` | [`verify_slide`]: all pixels of a slide |
//!
//! An archive has a checksum over every byte, so its first fault is enough to restore it. A tree is many files, which can be
//! restored one by one: all its faults are reported. The module does not know what a path is.

mod archive;
mod slide;
mod tree;

pub use archive::{Verified, verify};
pub use slide::{VerifiedSlide, region_count, verify_slide};
pub use tree::{VerifiedTree, tile_count, verify_tree};
