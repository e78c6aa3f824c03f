//! Every shader: valid, in integers, with a twin.

use super::*;
use crate::gpu::pass::Pass;
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
    let mut validator =
        naga::valid::Validator::new(naga::valid::ValidationFlags::all(), naga::valid::Capabilities::empty());
    let info = validator.validate(&module);
    let info = info.unwrap_or_else(|e| panic!("{}.wgsl: {}", kernel.name(), e.emit_to_string(&source)));
    (module, info)
}

#[test]
fn every_shader_has_a_twin_and_every_twin_a_shader() {
    let ours: BTreeSet<String> = Kernel::ALL.iter().map(|k| k.name().to_string()).collect();
    assert_eq!(names("shaders", "wgsl"), ours);
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for kernel in Kernel::ALL {
        assert!(src.join(kernel.twin()).exists(), "{}: no {}", kernel.name(), kernel.twin());
    }
    let twin = |name: &String| Kernel::ALL.iter().any(|k| k.twin() == format!("kernels/{name}.rs"));
    let support = ["mod", "level", "taps", "testing"];
    let of_kernels = names("src/kernels", "rs");
    let lone: Vec<_> =
        of_kernels.iter().filter(|name| !support.contains(&name.as_str()) && !twin(name)).collect();
    assert!(lone.is_empty(), "kernels without a shader: {lone:?}");
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
    let entries =
        (0..module.entry_points.len()).map(|i| (&module.entry_points[i].function, info.get_entry_point(i)));
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
    let mut validator =
        naga::valid::Validator::new(naga::valid::ValidationFlags::all(), naga::valid::Capabilities::empty());
    let info = validator.validate(&module).unwrap();
    let found = all_scalars(&module, &info);
    assert!(found.iter().any(|scalar| scalar.kind == ScalarKind::Float));
}
