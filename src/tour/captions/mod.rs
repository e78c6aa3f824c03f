//! What is drawn over a video, as a script for libass: cues, title, scale bar, magnification, pointer, circles.
//!
//! Text and shapes are both events of one script, so that one library draws all, with fonts found by fontconfig. Places are given in
//! pixels of the video. An event begins and ends half-way between two frames: which frames it is on does not depend on the rounding
//! of times to hundredths of a second.

pub mod marks;
mod script;
pub mod style;

pub use self::script::Script;
