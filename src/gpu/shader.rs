//! The shaders as text: fragments joined, constants generated from `spec`.
//!
//! Knows no device.

use std::fmt::Display;

use super::job::RECORD_WORDS;
use crate::codec::coefficients::{
    BLOCK_WORDS, CONST_BITS, CONTENT, HEAD_WORDS, NAMED, NATURAL, OF_TRELLIS, PASS1_BITS, UNDECIDED,
};
use crate::image::spec::{MID_BITS, RESIDUAL_ZERO, SHIFT_MID, SHIFT_OUT, SHIFT_U8, STEP_BITS};
use crate::kernels::{color, proof};

/// Rows of the tile of the result that a workgroup owns, for every kernel that filters.
pub const TILE_ROWS: usize = 64;
/// Quads across such a tile.
pub const TILE_QUADS: usize = 16;
/// Source rows in workgroup memory at a time: two for each of the TILE_ROWS / 4 rows of invocations.
const CHUNK_ROWS: usize = TILE_ROWS / 2;
/// A kernel: one WGSL file, named as its Rust twin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kernel {
    /// AC coefficients by a trellis.
    Ac,
    /// RGB to planes and back.
    Color,
    /// DC coefficients by a trellis.
    Dc,
    /// Forward transform of JPEG and quantiser.
    Forward,
    /// Inverse transform of JPEG.
    Inverse,
    /// A step of optL2 or 420opt.
    Optl2,
    /// Coefficients to the form in which they come down.
    Pack,
    /// The sums of a proof.
    Proof,
    /// What the symbols of a trellis cost.
    Rates,
    /// Separable resampling.
    Resample,
    /// Prediction with the residual made or applied.
    Residual,
    /// Unsharp mask.
    Sharpen,
}

impl Kernel {
    /// Every kernel.
    pub const ALL: [Kernel; 12] = [
        Kernel::Ac,
        Kernel::Color,
        Kernel::Dc,
        Kernel::Forward,
        Kernel::Inverse,
        Kernel::Optl2,
        Kernel::Pack,
        Kernel::Proof,
        Kernel::Rates,
        Kernel::Resample,
        Kernel::Residual,
        Kernel::Sharpen,
    ];

    /// Name of its file in `shaders/`.
    pub fn name(self) -> &'static str {
        match self {
            Kernel::Ac => "ac",
            Kernel::Color => "color",
            Kernel::Dc => "dc",
            Kernel::Forward => "forward",
            Kernel::Inverse => "inverse",
            Kernel::Optl2 => "optl2",
            Kernel::Pack => "pack",
            Kernel::Proof => "proof",
            Kernel::Rates => "rates",
            Kernel::Resample => "resample",
            Kernel::Residual => "residual",
            Kernel::Sharpen => "sharpen",
        }
    }

    /// The file of its twin, in `src/`.
    pub fn twin(self) -> &'static str {
        match self {
            Kernel::Ac => "codec/coefficients/trellis/ac.rs",
            Kernel::Color => "kernels/color.rs",
            Kernel::Dc => "codec/coefficients/trellis/dc.rs",
            Kernel::Forward | Kernel::Inverse => "codec/coefficients/dct.rs",
            Kernel::Optl2 => "kernels/optl2.rs",
            Kernel::Pack => "codec/coefficients/packed.rs",
            Kernel::Proof => "kernels/proof.rs",
            Kernel::Rates => "codec/coefficients/trellis/rates.rs",
            Kernel::Resample => "kernels/resample",
            Kernel::Residual => "kernels/residual.rs",
            Kernel::Sharpen => "kernels/sharpen.rs",
        }
    }

    /// Whether it filters by tables of taps.
    pub fn separable(self) -> bool {
        matches!(self, Kernel::Optl2 | Kernel::Resample | Kernel::Residual)
    }

    fn of_trellis(self) -> bool {
        matches!(self, Kernel::Ac | Kernel::Dc | Kernel::Rates)
    }

    /// The whole shader: constants, fragments, the kernel.
    pub fn source(self) -> String {
        let mut text = constants();
        text += include_str!("../../shaders/lib/planes.wgsl");
        if self.separable() {
            text += include_str!("../../shaders/lib/separable.wgsl");
        }
        if self.of_trellis() || matches!(self, Kernel::Forward | Kernel::Inverse | Kernel::Pack) {
            text += include_str!("../../shaders/lib/blocks.wgsl");
        }
        if self.of_trellis() {
            text += &numbers("u32", OF_TRELLIS.0.map(|(name, value)| (name, format!("{value}u"))));
            text += &numbers("i32", OF_TRELLIS.1);
            text += include_str!("../../shaders/lib/trellis.wgsl");
        }
        if matches!(self, Kernel::Proof | Kernel::Rates) {
            text += include_str!("../../shaders/lib/wide.wgsl");
        }
        if matches!(self, Kernel::Forward | Kernel::Inverse) {
            text += &table("PLACE", "u32", (0..64).map(place));
            text += include_str!("../../shaders/lib/transform.wgsl");
        }
        if self == Kernel::Proof {
            let secret = proof::SECRET.iter();
            text += &table(
                "SECRET",
                "vec2<u32>",
                secret.map(|n| format!("vec2<u32>({}u, {}u)", *n as u32, n >> 32)),
            );
        }
        text += match self {
            Kernel::Ac => include_str!("../../shaders/ac.wgsl"),
            Kernel::Color => include_str!("../../shaders/color.wgsl"),
            Kernel::Dc => include_str!("../../shaders/dc.wgsl"),
            Kernel::Forward => include_str!("../../shaders/forward.wgsl"),
            Kernel::Inverse => include_str!("../../shaders/inverse.wgsl"),
            Kernel::Pack => include_str!("../../shaders/pack.wgsl"),
            Kernel::Proof => include_str!("../../shaders/proof.wgsl"),
            Kernel::Rates => include_str!("../../shaders/rates.wgsl"),
            Kernel::Optl2 => include_str!("../../shaders/optl2.wgsl"),
            Kernel::Resample => include_str!("../../shaders/resample.wgsl"),
            Kernel::Residual => include_str!("../../shaders/residual.wgsl"),
            Kernel::Sharpen => include_str!("../../shaders/sharpen.wgsl"),
        };
        text
    }
}

/// The place in zigzag order of a coefficient, by its place row by row.
fn place(natural: usize) -> String {
    let place = NATURAL.iter().position(|&at| usize::from(at) == natural);
    format!("{}u", place.unwrap_or_else(|| unreachable!("zigzag order has all 64")))
}

/// A table that shaders index by what they compute.
fn table(name: &str, of: &str, values: impl Iterator<Item = String>) -> String {
    let values: Vec<String> = values.collect();
    let len = values.len();
    format!("var<private> {name}: array<{of}, {len}> = array<{of}, {len}>({});\n", values.join(", "))
}

/// Constants by name.
fn numbers(of: &str, named: impl IntoIterator<Item = (&'static str, impl Display)>) -> String {
    named.into_iter().map(|(name, value)| format!("const {name}: {of} = {value};\n")).collect()
}

/// All constants that shaders share with Rust.
fn constants() -> String {
    let unsigned = [
        ("TILE_ROWS", TILE_ROWS),
        ("CHUNK_ROWS", CHUNK_ROWS),
        ("MID_BITS", MID_BITS as usize),
        ("SHIFT_U8", SHIFT_U8 as usize),
        ("SHIFT_MID", SHIFT_MID as usize),
        ("SHIFT_OUT", SHIFT_OUT as usize),
        ("STEP_BITS", STEP_BITS as usize),
        ("COLOR_BITS", color::BITS as usize),
        ("CONST_BITS", CONST_BITS as usize),
        ("PASS1_BITS", PASS1_BITS as usize),
        ("RECORD_WORDS", RECORD_WORDS as usize),
        ("PACKED_HEAD_WORDS", HEAD_WORDS),
        ("PACKED_BLOCK_WORDS", BLOCK_WORDS),
        ("UNDECIDED", UNDECIDED as usize),
        ("CONTENT", CONTENT as usize),
    ];
    let signed = [
        ("RESIDUAL_ZERO", RESIDUAL_ZERO),
        ("FIX_0_299", color::fix(0.299)),
        ("FIX_0_587", color::fix(0.587)),
        ("FIX_0_114", color::fix(0.114)),
        ("FIX_0_16874", color::fix(0.16874)),
        ("FIX_0_33126", color::fix(0.33126)),
        ("FIX_0_5", color::fix(0.5)),
        ("FIX_0_41869", color::fix(0.41869)),
        ("FIX_0_08131", color::fix(0.08131)),
        ("FIX_1_402", color::fix(1.402)),
        ("FIX_0_34414", color::fix(0.34414)),
        ("FIX_0_71414", color::fix(0.71414)),
        ("FIX_1_772", color::fix(1.772)),
    ];
    let unsigned = unsigned.map(|(name, value)| (name, format!("{value}u")));
    numbers("u32", unsigned) + &numbers("i32", signed.into_iter().chain(NAMED))
}

#[cfg(test)]
mod tests;
