//! Every shader against its twin on the CPU, byte for byte, on the adapter at hand.

use crate::kit::gpu;
use crate::shared;
use origami::gpu::parity::{Disagreement, self_test};
use origami::gpu::{Faults, GpuBackend, Kernel};

#[test]
fn every_kernel_computes_the_bytes_of_its_twin() {
    let _shared = shared();
    let Some(gpu) = gpu::open("parity", Faults::default()) else { return };
    let agreed = self_test(&gpu, true).unwrap_or_else(|e| panic!("{e}"));
    for kernel in &agreed {
        println!("{}: {} cases agree", kernel.kernel, kernel.cases);
        assert!(kernel.cases >= 60, "{}: only {} cases", kernel.kernel, kernel.cases);
    }
    assert_eq!(agreed.len(), Kernel::ALL.len());
    assert!(gpu.stats().submissions > 0);
}

/// One mistake a kernel, each of the kind that hides: a rounding, an edge, a lane.
const MISTAKES: [(Kernel, &str, &str); 12] = [
    (Kernel::Ac, "if cost < better.cost", "if cost <= better.cost"),
    (Kernel::Color, "CENTRE + ROUND - 1", "CENTRE + ROUND"),
    (Kernel::Dc, "select(0u, 1u, sums.y < sums.x)", "select(0u, 1u, sums.y <= sums.x)"),
    (Kernel::Forward, "(abs(value) + 4 * steps)", "(abs(value) + 4 * steps - 1)"),
    (Kernel::Inverse, "within(line, MAX_SAMPLE)", "within(line, MAX_BETWEEN)"),
    (Kernel::Pack, "offset > room - words", "offset >= room - words"),
    (Kernel::Proof, "select(0u, 1u, low < a.x)", "0u"),
    (Kernel::Rates, "(number.y << (32u - below)) | (number.x >> below)", "number.y << (32u - below)"),
    (Kernel::Optl2, "vec4<i32>(1 << (STEP_BITS - 1u))", "vec4<i32>(0)"),
    (Kernel::Resample, "(1 << (SHIFT_OUT - 1u))", "((1 << (SHIFT_OUT - 1u)) - 1)"),
    (Kernel::Residual, "prediction + other - ", "prediction - other + "),
    (Kernel::Sharpen, "here = here.xyzz;", "here = here.xyzw;"),
];

#[test]
fn a_shader_with_a_mistake_is_found_out() {
    let _shared = shared();
    assert!(
        Kernel::ALL.iter().all(|kernel| MISTAKES.iter().any(|(of, ..)| of == kernel)),
        "a mistake for every kernel"
    );
    for (kernel, right, wrong) in MISTAKES {
        let spoil = move |which: Kernel, source: String| {
            if which != kernel {
                return source;
            }
            assert!(source.contains(right), "{}.wgsl has no {right:?}", which.name());
            source.replace(right, wrong)
        };
        let Some(gpu) = gpu::open("mistakes", Faults::edit_shaders(spoil)) else { return };
        match self_test(&gpu, true) {
            Err(Disagreement::Sample { kernel: found, case, .. }) => {
                println!("{}: noticed at {case}", kernel.name());
                assert_eq!(found, kernel.name());
            }
            other => panic!("{} with {wrong:?}: {other:?}", kernel.name()),
        }
    }
}

#[test]
fn a_shader_that_does_not_compile_is_named() {
    let _shared = shared();
    let spoil = |which: Kernel, source: String| match which {
        Kernel::Sharpen => source + "\nnot WGSL at all",
        _ => source,
    };
    let Some(options) = gpu::options("compile", Faults::edit_shaders(spoil)) else { return };
    let refused = GpuBackend::open(&options).err().unwrap().to_string();
    assert!(refused.contains("sharpen"), "{refused}");
}
