//! What is known of a slide and of a level, from which the attributes of an instance are made.

use super::given::Attributes;
use crate::convert::fit::Kind;

/// What is the same in all instances of a slide.
pub struct SlideFacts<'a> {
    pub attributes: &'a Attributes,
    /// Name of the source.
    pub name: &'a str,
    /// Name and version of this program.
    pub generator: &'a str,
    /// Millimetres between pixels of the finest level, across and down.
    pub spacing: Option<(f64, f64)>,
    /// Size of the finest level in pixels.
    pub size: (u32, u32),
    pub objective_power: Option<f64>,
    /// Of the scanner, and its model.
    pub maker: Option<&'a str>,
    pub model: Option<&'a str>,
    pub icc: Option<&'a [u8]>,
    /// Date and time of the source's file.
    pub file_date: [String; 2],
    /// The UID of a role, such as `study`, of this slide.
    pub uid: &'a dyn Fn(&str) -> String,
}

/// What is an instance's own.
pub struct LevelFacts {
    /// Its UID.
    pub uid: String,
    /// 1 for the finest level.
    pub number: u32,
    pub size: (u32, u32),
    /// Side of a frame in pixels.
    pub tile: u32,
    pub frames: usize,
    pub kind: Kind,
    /// Photometric interpretation.
    pub photometric: &'static str,
    /// Bytes of its pixels without coding, divided by those that are stored.
    pub ratio: f64,
    /// Whether the frames are those of the source.
    pub is_original: bool,
}
