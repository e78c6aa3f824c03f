//! The shaders as text: fragments joined, constants generated from `spec`, and the pipelines made of them.
//!
//! Knows no device.

use std::fmt::Write;

use crate::image::spec::{MID_BITS, RESIDUAL_ZERO, SHIFT_MID, SHIFT_OUT, SHIFT_U8, STEP_BITS};
use crate::kernels::color;

/// Rows of the tile of the result that a workgroup owns, for every kernel that filters.
pub const TILE_ROWS: usize = 64;
/// Quads across such a tile.
pub const TILE_QUADS: usize = 16;
/// Source rows in workgroup memory at a time: two for each of the TILE_ROWS / 4 rows of invocations.
const CHUNK_ROWS: usize = TILE_ROWS / 2;
/// Rows and quads of a workgroup, for the kernels that work sample by sample.
const POINT_SIDE: usize = 16;

/// A kernel: one WGSL file, named as its Rust twin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kernel {
    /// RGB to planes and back.
    Color,
    /// A step of optL2 or 420opt.
    Optl2,
    /// Separable resampling.
    Resample,
    /// Prediction with the residual made or applied.
    Residual,
    /// Unsharp mask.
    Sharpen,
}

impl Kernel {
    /// Every kernel.
    pub const ALL: [Kernel; 5] =
        [Kernel::Color, Kernel::Optl2, Kernel::Resample, Kernel::Residual, Kernel::Sharpen];

    /// Name of its file in `shaders/` and of its twin in `src/kernels/`.
    pub fn name(self) -> &'static str {
        match self {
            Kernel::Color => "color",
            Kernel::Optl2 => "optl2",
            Kernel::Resample => "resample",
            Kernel::Residual => "residual",
            Kernel::Sharpen => "sharpen",
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
        text += match self {
            Kernel::Color => include_str!("../../shaders/color.wgsl"),
            Kernel::Optl2 => include_str!("../../shaders/optl2.wgsl"),
            Kernel::Resample => include_str!("../../shaders/resample.wgsl"),
            Kernel::Residual => include_str!("../../shaders/residual.wgsl"),
            Kernel::Sharpen => include_str!("../../shaders/sharpen.wgsl"),
        };
        text
    }
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
    for (name, value) in signed {
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
}

impl Pass {
    /// Every pipeline.
    pub const ALL: [Pass; 10] = [
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
    ];

    /// Its kernel.
    pub fn kernel(self) -> Kernel {
        match self {
            Pass::ToYcc | Pass::ToRgb => Kernel::Color,
            Pass::Resample | Pass::ResampleToQ6 => Kernel::Resample,
            Pass::Predict | Pass::Apply => Kernel::Residual,
            Pass::Optl2First | Pass::Optl2 | Pass::Optl2Last => Kernel::Optl2,
            Pass::Sharpen => Kernel::Sharpen,
        }
    }

    /// Values of the shader's `override` declarations.
    pub fn overrides(self) -> &'static [(&'static str, f64)] {
        match self {
            Pass::ToYcc | Pass::Resample | Pass::Predict | Pass::Sharpen => &[],
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
        let quads = width.div_ceil(4);
        let (across, down) =
            if self.kernel().separable() { (TILE_QUADS, TILE_ROWS) } else { (POINT_SIDE, POINT_SIDE) };
        (quads.div_ceil(across) as u32, height.div_ceil(down) as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use naga::{Handle, Module, Scalar, ScalarKind, Type, TypeInner};
    use std::collections::BTreeSet;
    use std::path::Path;

    fn names(dir: &str, extension: &str) -> BTreeSet<String> {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join(dir);
        let files = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
        files
            .filter(|path| path.extension().is_some_and(|e| e == extension))
            .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
            .collect()
    }

    fn module(kernel: Kernel) -> (Module, naga::valid::ModuleInfo) {
        let source = kernel.source();
        let module = naga::front::wgsl::parse_str(&source)
            .unwrap_or_else(|e| panic!("{}.wgsl: {}", kernel.name(), e.emit_to_string(&source)));
        let mut validator = naga::valid::Validator::new(
            naga::valid::ValidationFlags::all(),
            naga::valid::Capabilities::empty(),
        );
        let info = validator.validate(&module);
        let info = info.unwrap_or_else(|e| panic!("{}.wgsl: {}", kernel.name(), e.emit_to_string(&source)));
        (module, info)
    }

    #[test]
    fn every_shader_has_a_twin_and_every_twin_a_shader() {
        let ours: BTreeSet<String> = Kernel::ALL.iter().map(|k| k.name().to_string()).collect();
        assert_eq!(names("shaders", "wgsl"), ours);
        let mut twins = names("src/kernels", "rs");
        for support in ["mod", "level", "taps", "testing"] {
            twins.remove(support);
        }
        // `resample` is a folder.
        twins.insert("resample".into());
        assert_eq!(twins, ours);
        for kernel in Kernel::ALL {
            assert!(Pass::ALL.iter().any(|pass| pass.kernel() == kernel), "{} never runs", kernel.name());
        }
    }

    #[test]
    fn every_shader_is_valid_without_any_optional_feature() {
        for kernel in Kernel::ALL {
            let (module, _) = module(kernel);
            assert_eq!(module.entry_points.len(), 1, "{}", kernel.name());
        }
        // A pipeline names only overrides that its shader has.
        for pass in Pass::ALL {
            let (module, _) = module(pass.kernel());
            for (name, _) in pass.overrides() {
                let known = module.overrides.iter().any(|(_, o)| o.name.as_deref() == Some(*name));
                assert!(known, "{pass:?}: {} has no override {name}", pass.kernel().name());
            }
        }
    }

    /// The kinds of numbers that a type is made of.
    fn scalars(module: &Module, ty: &TypeInner, found: &mut Vec<Scalar>) {
        let inner = |handle: &Handle<Type>| &module.types[*handle].inner;
        match ty {
            TypeInner::Scalar(scalar) | TypeInner::Atomic(scalar) => found.push(*scalar),
            TypeInner::Vector { scalar, .. } | TypeInner::Matrix { scalar, .. } => found.push(*scalar),
            TypeInner::ValuePointer { scalar, .. } => found.push(*scalar),
            TypeInner::Pointer { base, .. } | TypeInner::Array { base, .. } => {
                scalars(module, inner(base), found);
            }
            TypeInner::Struct { members, .. } => {
                members.iter().for_each(|member| scalars(module, inner(&member.ty), found));
            }
            other => panic!("no pixel kernel uses {other:?}"),
        }
    }

    /// Types of a module, of every expression of every function, and of every literal.
    fn all_scalars(module: &Module, info: &naga::valid::ModuleInfo) -> Vec<Scalar> {
        let mut found = Vec::new();
        for (_, ty) in module.types.iter() {
            scalars(module, &ty.inner, &mut found);
        }
        let entries = (0..module.entry_points.len())
            .map(|i| (&module.entry_points[i].function, info.get_entry_point(i)));
        let functions = module.functions.iter().map(|(handle, f)| (f, &info[handle]));
        for (function, info) in functions.chain(entries) {
            for (handle, _) in function.expressions.iter() {
                scalars(module, info[handle].ty.inner_with(&module.types), &mut found);
            }
        }
        for (handle, _) in module.global_expressions.iter() {
            scalars(module, info[handle].inner_with(&module.types), &mut found);
        }
        found
    }

    #[test]
    fn no_kernel_computes_with_floats() {
        for kernel in Kernel::ALL {
            let (module, info) = module(kernel);
            let found = all_scalars(&module, &info);
            assert!(found.len() > 50, "{}: looked at {} types", kernel.name(), found.len());
            for scalar in found {
                let integer = matches!(scalar.kind, ScalarKind::Sint | ScalarKind::Uint | ScalarKind::Bool);
                assert!(integer && scalar.width <= 4, "{}: {scalar:?}", kernel.name());
            }
        }
    }

    #[test]
    fn a_float_would_be_found() {
        let source = "@compute @workgroup_size(1) fn main() { var x = 1; x = i32(f32(x) * 0.5); }";
        let module = naga::front::wgsl::parse_str(source).unwrap();
        let mut validator = naga::valid::Validator::new(
            naga::valid::ValidationFlags::all(),
            naga::valid::Capabilities::empty(),
        );
        let info = validator.validate(&module).unwrap();
        let found = all_scalars(&module, &info);
        assert!(found.iter().any(|scalar| scalar.kind == ScalarKind::Float));
    }
}
