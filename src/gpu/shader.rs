//! The shaders as text: fragments joined, constants generated from `spec`, and the pipelines made of them.
//!
//! Knows no device.

use std::fmt::Write;

use super::job::RECORD_WORDS;
use crate::codec::coefficients::{
    BLOCK_WORDS, CONST_BITS, CONTENT, HEAD_WORDS, NAMED, NATURAL, PASS1_BITS, UNDECIDED,
};
use crate::image::spec::{MID_BITS, RESIDUAL_ZERO, SHIFT_MID, SHIFT_OUT, SHIFT_U8, STEP_BITS};
use crate::kernels::{color, proof};

/// Rows of the tile of the result that a workgroup owns, for every kernel that filters.
pub const TILE_ROWS: usize = 64;
/// Quads across such a tile.
pub const TILE_QUADS: usize = 16;
/// Source rows in workgroup memory at a time: two for each of the TILE_ROWS / 4 rows of invocations.
const CHUNK_ROWS: usize = TILE_ROWS / 2;
/// Rows and quads of a workgroup, for the kernels that work sample by sample.
const POINT_SIDE: usize = 16;
/// Blocks across of a workgroup of the transforms.
const TRANSFORM_BLOCKS: usize = 8;
/// Blocks of a workgroup that packs.
const PACK_BLOCKS: usize = 256;
/// Bytes of a workgroup that makes the sums of a proof.
const PROOF_BYTES: usize = 8 * 1024;

/// A kernel: one WGSL file, named as its Rust twin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kernel {
    /// RGB to planes and back.
    Color,
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
    /// Separable resampling.
    Resample,
    /// Prediction with the residual made or applied.
    Residual,
    /// Unsharp mask.
    Sharpen,
}

impl Kernel {
    /// Every kernel.
    pub const ALL: [Kernel; 9] = [
        Kernel::Color,
        Kernel::Forward,
        Kernel::Inverse,
        Kernel::Optl2,
        Kernel::Pack,
        Kernel::Proof,
        Kernel::Resample,
        Kernel::Residual,
        Kernel::Sharpen,
    ];

    /// Name of its file in `shaders/`.
    pub fn name(self) -> &'static str {
        match self {
            Kernel::Color => "color",
            Kernel::Forward => "forward",
            Kernel::Inverse => "inverse",
            Kernel::Optl2 => "optl2",
            Kernel::Pack => "pack",
            Kernel::Proof => "proof",
            Kernel::Resample => "resample",
            Kernel::Residual => "residual",
            Kernel::Sharpen => "sharpen",
        }
    }

    /// The file of its twin, in `src/`.
    pub fn twin(self) -> &'static str {
        match self {
            Kernel::Color => "kernels/color.rs",
            Kernel::Forward | Kernel::Inverse => "codec/coefficients/dct.rs",
            Kernel::Optl2 => "kernels/optl2.rs",
            Kernel::Pack => "codec/coefficients/packed.rs",
            Kernel::Proof => "kernels/proof.rs",
            Kernel::Resample => "kernels/resample",
            Kernel::Residual => "kernels/residual.rs",
            Kernel::Sharpen => "kernels/sharpen.rs",
        }
    }

    fn separable(self) -> bool {
        matches!(self, Kernel::Optl2 | Kernel::Resample | Kernel::Residual)
    }

    /// The whole shader: constants, fragments, the kernel.
    pub fn source(self) -> String {
        let mut text = constants();
        text += include_str!("../../shaders/lib/planes.wgsl");
        if self.separable() {
            text += include_str!("../../shaders/lib/separable.wgsl");
        }
        if matches!(self, Kernel::Forward | Kernel::Inverse | Kernel::Pack) {
            text += include_str!("../../shaders/lib/blocks.wgsl");
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
            Kernel::Color => include_str!("../../shaders/color.wgsl"),
            Kernel::Forward => include_str!("../../shaders/forward.wgsl"),
            Kernel::Inverse => include_str!("../../shaders/inverse.wgsl"),
            Kernel::Pack => include_str!("../../shaders/pack.wgsl"),
            Kernel::Proof => include_str!("../../shaders/proof.wgsl"),
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

/// All constants that shaders share with Rust.
fn constants() -> String {
    let mut text = String::new();
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
    for (name, value) in unsigned {
        writeln!(text, "const {name}: u32 = {value}u;").unwrap_or_else(|e| unreachable!("{e}"));
    }
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
    for (name, value) in signed.into_iter().chain(NAMED) {
        writeln!(text, "const {name}: i32 = {value};").unwrap_or_else(|e| unreachable!("{e}"));
    }
    text
}

/// A pipeline: a kernel with values for its `override` declarations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pass {
    /// Interleaved RGB to planes.
    ToYcc,
    /// Planes to interleaved RGB.
    ToRgb,
    /// 8 bits to 8 bits.
    Resample,
    /// 8 bits to Q6: the right side of the normal equations.
    ResampleToQ6,
    /// Prediction and residual from L2 and the original.
    Predict,
    /// Prediction plus residual.
    Apply,
    /// First gradient step, from 8-bit samples.
    Optl2First,
    /// A gradient step between Q6 planes.
    Optl2,
    /// Last gradient step, to 8-bit samples.
    Optl2Last,
    /// Unsharp mask.
    Sharpen,
    /// Samples to the records of their blocks.
    Forward,
    /// Records of blocks to samples.
    Inverse,
    /// A prediction plus the samples of a residual's records.
    Correct,
    /// Coefficients that the host packed to samples.
    Unpack,
    /// All flags of blocks that the host packed.
    Flags,
    /// Where the packed values of each block begin.
    Offsets,
    /// Records of blocks to packed coefficients.
    Pack,
    /// The sums of a proof.
    Proof,
}

impl Pass {
    /// Every pipeline.
    pub const ALL: [Pass; 18] = [
        Pass::ToYcc,
        Pass::ToRgb,
        Pass::Resample,
        Pass::ResampleToQ6,
        Pass::Predict,
        Pass::Apply,
        Pass::Optl2First,
        Pass::Optl2,
        Pass::Optl2Last,
        Pass::Sharpen,
        Pass::Forward,
        Pass::Inverse,
        Pass::Correct,
        Pass::Unpack,
        Pass::Flags,
        Pass::Offsets,
        Pass::Pack,
        Pass::Proof,
    ];

    /// Its kernel.
    pub fn kernel(self) -> Kernel {
        match self {
            Pass::ToYcc | Pass::ToRgb => Kernel::Color,
            Pass::Resample | Pass::ResampleToQ6 => Kernel::Resample,
            Pass::Predict | Pass::Apply => Kernel::Residual,
            Pass::Optl2First | Pass::Optl2 | Pass::Optl2Last => Kernel::Optl2,
            Pass::Sharpen => Kernel::Sharpen,
            Pass::Forward => Kernel::Forward,
            Pass::Inverse | Pass::Correct | Pass::Unpack => Kernel::Inverse,
            Pass::Flags | Pass::Offsets | Pass::Pack => Kernel::Pack,
            Pass::Proof => Kernel::Proof,
        }
    }

    /// Values of the shader's `override` declarations.
    pub fn overrides(self) -> &'static [(&'static str, f64)] {
        match self {
            Pass::ToYcc | Pass::Resample | Pass::Predict | Pass::Sharpen => &[],
            Pass::Forward | Pass::Inverse | Pass::Pack | Pass::Proof => &[],
            Pass::Correct => &[("CORRECT", 1.0)],
            Pass::Unpack => &[("PACKED", 1.0)],
            Pass::Flags => &[("FLAGS", 1.0)],
            Pass::Offsets => &[("OFFSETS", 1.0)],
            Pass::ToRgb => &[("TO_RGB", 1.0)],
            Pass::ResampleToQ6 => &[("TO_Q6", 1.0)],
            Pass::Apply => &[("APPLY", 1.0)],
            Pass::Optl2First => &[("SOURCE", 2.0)],
            Pass::Optl2 => &[("SOURCE", 1.0)],
            Pass::Optl2Last => &[("SOURCE", 1.0), ("LAST", 1.0)],
        }
    }

    /// Workgroups across and down for a result of `width` x `height` samples.
    pub fn groups(self, width: usize, height: usize) -> (u32, u32) {
        let blocks = (width.div_ceil(8), height.div_ceil(8));
        let (across, down) = match self.kernel() {
            kernel if kernel.separable() => (width.div_ceil(4 * TILE_QUADS), height.div_ceil(TILE_ROWS)),
            Kernel::Forward | Kernel::Inverse => (blocks.0.div_ceil(TRANSFORM_BLOCKS), blocks.1),
            Kernel::Pack if self != Pass::Pack => (1, 1),
            Kernel::Pack => ((blocks.0 * blocks.1).div_ceil(PACK_BLOCKS), 1),
            // One entry more than there are: the last bytes.
            Kernel::Proof => (width * height / PROOF_BYTES + 2, 1),
            _ => (width.div_ceil(4 * POINT_SIDE), height.div_ceil(POINT_SIDE)),
        };
        (across as u32, down as u32)
    }
}

#[cfg(test)]
mod tests;
