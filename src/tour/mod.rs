//! Tours: videos of camera paths over slides, and captioned videos.
//!
//! | module | what it is |
//! |---|---|
//! | `document` | a tour as JSON: read, checked, each fault with its place |
//! | `plan` | a tour that has been checked: source, keyframes, cues, marks, the size and rate of the video |
//! | `camera` | from keyframes to the view at a time |
//! | `viewport`, `resample` | from a view to the pixels of a frame |
//! | `captions` | cues, scale bar, pointer and titles as a script for libass |
//! | `effects` | captions with effects of CSS as pictures that Chromium draws |
//! | `ffmpeg` | the program: found, probed, fed |
//! | `scene` | a tour over its slide: the pixels of each frame, and what is drawn over them |
//! | `render`, `still`, `raw` | a whole video; one frame; all frames as pixels |
//! | `video` | a captioned video |
//! | `job` | what a rendering is done with, and what comes of it |
//! | `work_folder` | where a video is made, and what becomes of it after a kill |
//!
//! Frames are made here, in memory, and go to ffmpeg's standard input. ffmpeg draws the script of `captions` over them and codes
//! them; it also opens videos and sound, at paths and at addresses. ffmpeg and Chromium are programs of their own, found at run time.
//! The network is used by ffmpeg for such addresses, and by `pixels` for slides at addresses; by nothing else here.

mod camera;
mod captions;
mod colour;
mod document;
mod effects;
mod error;
mod ffmpeg;
mod job;
mod plan;
mod raw;
mod render;
mod resample;
mod scene;
mod still;
mod video;
mod viewport;
mod work_folder;

pub use self::camera::View;
pub use self::document::{Fault, Severity, Strictness, read};
pub use self::effects::{BROWSERS, chromium};
pub use self::error::{Error, Result};
pub use self::ffmpeg::{Encoder, Ffmpeg};
pub use self::job::{Rendered, Rendering};
pub use self::plan::{DEFAULT_FORMAT, Format, Source, Tour};
pub use self::raw::raw_frames;
pub use self::render::{check, render, views};
pub use self::still::{Drawn, still};
pub use self::work_folder::{WorkFolder, sweep};
