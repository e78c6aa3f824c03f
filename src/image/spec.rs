//! All constants of the format and of its arithmetic.
//!
//! Knows nothing of files, threads or codecs. The written specification is `docs/format.md`; a change here
//! is a change of the format and shows in the golden files of `tests/golden.rs`.

/// First four bytes of every pack and bundle.
pub const MAGIC: [u8; 4] = *b"ORIG";
/// First four bytes of packs in the predecessor's format.
pub const MAGIC_RRIP: [u8; 4] = *b"RRIP";
/// Version of the container. Version 1 named loose residual images and was never a container.
pub const VERSION: u16 = 2;

/// Fraction bits of a filter tap: a tap of 1.0 is 16384.
pub const TAP_BITS: u32 = 14;
/// One, as a filter tap; the taps of one output sample of an interpolation filter sum to it.
pub const TAP_ONE: i32 = 1 << TAP_BITS;
/// Fraction bits of the samples between the horizontal and the vertical pass (Q6 in `i16`).
pub const MID_BITS: u32 = 6;
/// Shift from products of 8-bit samples with taps (Q14) to Q6.
pub const SHIFT_U8: u32 = TAP_BITS - MID_BITS;
/// Shift from products of Q6 samples with taps (Q20) to Q6.
pub const SHIFT_MID: u32 = TAP_BITS;
/// Shift from products of Q6 samples with taps (Q20) to whole samples.
pub const SHIFT_OUT: u32 = TAP_BITS + MID_BITS;

/// The sample value of a residual of zero.
pub const RESIDUAL_ZERO: i32 = 128;

/// A family's side at L0 in units of its side at L2.
pub const FAMILY_FACTOR: u32 = 4;
/// Levels that a family regenerates: L0 and L1.
pub const REGENERATED_LEVELS: u32 = 2;

/// Largest tile side, in pixels: a family is four of them a side and is held in memory whole.
pub const MAX_TILE: u32 = 4096;
/// Largest slide side, in pixels.
pub const MAX_SIDE: u32 = 1 << 30;
/// Most families, and most tiles at small levels, that an archive may index.
pub const MAX_ENTRIES: u64 = 1 << 26;
/// Most scans of a progressive JPEG. Encoders write 5 to 18; each costs the time of all pixels, however few bytes it has.
pub const MAX_JPEG_SCANS: i32 = 32;

/// Projected gradient steps of optL2 and 420opt for lanczos3 and bicubic.
pub const OPTL2_STEPS: u32 = 8;
/// Steps for bilinear, whose normal equations are worse conditioned.
pub const OPTL2_STEPS_BILINEAR: u32 = 12;
/// Fraction bits of the step size of those descents.
pub const STEP_BITS: u32 = 15;

/// Fraction bits of a sharpening strength.
pub const SHARPEN_BITS: u32 = 8;
/// Largest sharpening strength.
pub const MAX_SHARPEN: f64 = 16.0;
