//! An encode in one crossing stores the bytes of the CPU, or leaves the family to the other way.

use crate::kit::gpu;
use crate::kit::rng::Rng;
use crate::shared;
use origami::archive::FamilyRecord;
use origami::backend::{Backend, CpuBackend};
use origami::codec::{EncoderKind, Entropy};
use origami::gpu::{Faults, GpuBackend};
use origami::image::family::{DecodedFamily, Pixels, Reconstruction, SourceFamily, Want};
use origami::image::geometry::Geometry;
use origami::image::plane::Plane;
use origami::image::ycc::{Sampling, Ycc};
use origami::params::{EncodeParams, Subsamp};
use origami::quality::presets::{Preset, at_quality};
use origami::residual::{FamilyDecoder, encode_family, encode_transformed};
use pollster::block_on;

/// What the samples of a family are like.
const KINDS: [&str; 6] = ["slope", "noise", "extremes", "edges", "black", "glass"];
/// Of which pictures are made: there is room for their coefficients.
const CALM: [&str; 3] = ["slope", "black", "glass"];
/// Sizes of families: whole, and cropped at the edges of a slide.
const SIZES: [(usize, usize); 5] = [(128, 128), (91, 118), (80, 128), (127, 65), (75, 128)];

fn plane(kind: &str, w: usize, h: usize, rng: &mut Rng) -> Plane {
    let mut sample = |x: usize, y: usize| -> u8 {
        let byte = rng.next() as u8;
        match kind {
            "slope" => ((x * 3 + y * 2) / 3) as u8 ^ (byte & 15),
            "noise" => byte,
            "extremes" => 255 * (byte & 1),
            // Overshoot, which a residual of 8 bits cannot express.
            "edges" => {
                if (x / 13 + y / 11).is_multiple_of(2) {
                    0
                } else {
                    255
                }
            }
            "black" => 0,
            _ => 243 + (byte & 1),
        }
    };
    Plane::from_vec(w, h, (0..w * h).map(|i| sample(i % w, i / w)).collect())
}

fn source(kind: &str, (w, h): (usize, usize), sampling: Option<Sampling>) -> SourceFamily {
    let mut rng = Rng((w * h) as u64);
    let image = match sampling {
        None => Pixels::Rgb(plane(kind, 3 * w, h, &mut rng)),
        Some(Sampling::Gray) => Pixels::Ycc(Ycc::gray(plane(kind, w, h, &mut rng))),
        Some(sampling) => {
            let luma = plane(kind, w, h, &mut rng);
            let (cw, ch) = sampling.chroma_size(w, h);
            let chroma = [plane(kind, cw, ch, &mut rng), plane(kind, cw, ch, &mut rng)];
            Pixels::Ycc(Ycc { luma, chroma: Some(chroma), sampling })
        }
    };
    let geometry = Geometry::new(128, 128, 32).unwrap();
    let id = geometry.all_families().next().unwrap();
    SourceFamily { id, tile: 32, image, tile_bytes: Vec::new() }
}

/// Encodes in one crossing and on the CPU; whether the crossing gave anything.
fn agrees(gpu: &GpuBackend, case: &str, params: &EncodeParams, source: SourceFamily) -> bool {
    let made = block_on(encode_transformed(gpu, params, &source)).unwrap();
    let want = block_on(encode_family(&CpuBackend::new(), params, source)).unwrap().into_record();
    assert!(made.as_ref().is_none_or(|made| *made == want), "{case}: other bytes than the CPU's");
    made.is_some()
}

/// Parameters that shaders do in one crossing.
fn all_params() -> Vec<EncodeParams> {
    let plain = EncodeParams::default();
    let of =
        |base_quality, residual_quality| EncodeParams { base_quality, residual_quality, ..plain.clone() };
    vec![
        of(1, 1),
        of(70, 30),
        of(95, 50),
        of(100, 85),
        EncodeParams { chroma_residual_quality: Some(40), ..plain.clone() },
        EncodeParams { subsamp: Subsamp::S420, chroma_residual_quality: Some(70), ..plain.clone() },
        EncodeParams { subsamp: Subsamp::S420Opt, optl2: true, ..plain.clone() },
        EncodeParams { sharpen: 0.7, l0_sharpen: 0.4, entropy: Entropy::ADAPTIVE, ..plain.clone() },
        EncodeParams { sharpen: 0.7, save_sharpened: true, ..plain.clone() },
    ]
}

/// Parameters with a trellis, and the presets that have one.
fn with_trellis() -> Vec<EncodeParams> {
    let plain = EncodeParams { encoder: EncoderKind::Trellis, ..EncodeParams::default() };
    let of =
        |base_quality, residual_quality| EncodeParams { base_quality, residual_quality, ..plain.clone() };
    let all = [
        of(1, 1),
        of(70, 30),
        of(100, 85),
        EncodeParams { chroma_residual_quality: Some(70), optl2: true, sharpen: 0.6, ..plain.clone() },
        EncodeParams { encoder: EncoderKind::Turbojpeg, residual_encoder: Some(plain.encoder), ..of(80, 60) },
        EncodeParams { residual_encoder: Some(EncoderKind::Turbojpeg), ..of(80, 60) },
        EncodeParams { subsamp: Subsamp::S420, optl2: true, ..at_quality(&Preset::Balanced.params(), 70) },
        Preset::Balanced.params(),
        Preset::Small.params(),
        Preset::Archive.params(),
    ];
    all.into_iter().filter(|params| params.entropy.available().is_ok()).collect()
}

#[test]
fn one_crossing_stores_the_bytes_of_the_cpu() {
    crosses_once("crossing", &all_params());
}

#[test]
fn one_crossing_with_a_trellis_stores_the_bytes_of_the_cpu() {
    crosses_once("crossing with a trellis", &with_trellis());
}

/// Families of every kind and size, with all these parameters.
fn crosses_once(test: &str, all: &[EncodeParams]) {
    let _shared = shared();
    let Some(gpu) = gpu::open(test, Faults::default()) else { return };
    let samplings = [
        None,
        Some(Sampling::Gray),
        Some(Sampling::S420),
        Some(Sampling::S422),
        Some(Sampling::S440),
        Some(Sampling::S444),
    ];
    let (mut cases, mut crossed, mut calm) = (0u64, 0u64, 0u64);
    for (i, params) in all.iter().enumerate() {
        for (j, kind) in KINDS.into_iter().enumerate() {
            for (k, size) in SIZES.into_iter().enumerate() {
                let sampling = samplings[(i + j + k) % samplings.len()];
                let case = format!("{kind} {size:?} {sampling:?} {params:?}");
                cases += 1;
                let crosses = agrees(&gpu, &case, params, source(kind, size, sampling));
                crossed += u64::from(crosses);
                calm += u64::from(crosses && CALM.contains(&kind));
                if !crosses && CALM.contains(&kind) {
                    println!("not in one crossing: {case}");
                }
            }
        }
    }
    println!("{crossed} of {cases} families in one crossing, {calm} of them calm");
    assert!(gpu.stats().submissions <= cases, "none crossed more than once");
    // Half of all are calm.
    assert!(10 * calm > 3 * cases, "{crossed} of {cases}, {calm} of them calm");
}

#[cfg(feature = "lepton")]
#[test]
fn every_entropy_coder_takes_coefficients_of_a_device() {
    let _shared = shared();
    let Some(gpu) = gpu::open("entropy coders", Faults::default()) else { return };
    for entropy in Entropy::all() {
        for encoder in [EncoderKind::Turbojpeg, EncoderKind::Trellis] {
            let plain = EncodeParams { encoder, entropy, ..EncodeParams::default() };
            let params = EncodeParams { chroma_residual_quality: Some(50), ..plain };
            for kind in ["slope", "glass"] {
                let source = source(kind, (128, 91), Some(Sampling::S420));
                let case = format!("{kind} {} {}", encoder.name(), entropy.name());
                assert!(agrees(&gpu, &case, &params, source), "{case}: not in one crossing");
            }
        }
    }
}

#[test]
fn what_shaders_do_not_do_is_left_to_the_other_way() {
    let _shared = shared();
    let Some(gpu) = gpu::open("not in one crossing", Faults::default()) else { return };
    let plain = EncodeParams::default();
    let slope = |size| source("slope", size, Some(Sampling::S420));
    if EncoderKind::Mozjpeg.is_built() {
        let foreign = EncodeParams { encoder: EncoderKind::Mozjpeg, ..plain.clone() };
        assert!(!agrees(&gpu, "mozjpeg", &foreign, slope((128, 128))));
        let residual = EncodeParams { residual_encoder: Some(EncoderKind::Mozjpeg), ..plain.clone() };
        assert!(!agrees(&gpu, "mozjpeg of the residual", &residual, slope((128, 128))));
    }
    let scaled = EncodeParams { l0_scale_pct: 60, ..plain.clone() };
    assert!(!agrees(&gpu, "a scaled residual", &scaled, slope((128, 128))));
    assert!(!agrees(&gpu, "too small for the sums of a proof", &plain, slope((12, 12))));
    let before = gpu.stats().submissions;
    assert_eq!(before, 0, "none of these was tried");
    // Hardly a coefficient is zero: there is no room for them.
    let fine = EncodeParams { residual_quality: 100, ..plain };
    assert!(!agrees(&gpu, "noise", &fine, source("noise", (128, 128), Some(Sampling::Gray))));
    assert_eq!(gpu.stats().submissions, 1);
}

/// Decodes and reconstructs a record, with coefficients where the backend takes them. Whether it did, and what came of it.
fn reconstructed(
    backend: &dyn Backend,
    params: &EncodeParams,
    geometry: &Geometry,
    record: &FamilyRecord,
    want: Want,
) -> (bool, Result<Reconstruction, String>) {
    let (coding, id) = (params.coding(), geometry.all_families().next().unwrap());
    let decoder = FamilyDecoder { geometry, coding: &coding, id, record };
    let mut decoded = DecodedFamily::default();
    let packed = match decoder.decode_for(backend, &mut decoded) {
        Ok(packed) => packed,
        Err(e) => return (false, Err(e.to_string())),
    };
    if let Some(residual) = packed {
        if let Some(made) = block_on(backend.reconstruct_packed(&coding, &decoded, &residual, want)).unwrap()
        {
            return (true, Ok(made));
        }
        if let Err(e) = decoder.decode_left(&mut decoded) {
            return (false, Err(e.to_string()));
        }
    }
    (false, Ok(block_on(backend.reconstruct(&coding, &decoded, want)).unwrap()))
}

fn same(a: &Pixels, b: &Pixels) -> bool {
    match (a, b) {
        (Pixels::Ycc(a), Pixels::Ycc(b)) => a == b,
        (Pixels::Rgb(a), Pixels::Rgb(b)) => a == b,
        _ => false,
    }
}

#[test]
fn coefficients_of_a_residual_decode_to_the_pixels_of_the_cpu() {
    let _shared = shared();
    let Some(gpu) = gpu::open("decode of coefficients", Faults::default()) else { return };
    let (cpu, mut rng) = (CpuBackend::new(), Rng(11));
    let wants =
        [Want::Rgb, Want::Planes(Sampling::S420), Want::Planes(Sampling::Gray), Want::Planes(Sampling::S444)];
    let (mut crossed, mut cases, mut refused) = (0, 0, 0);
    for (i, params) in all_params().iter().enumerate() {
        for (j, kind) in ["slope", "noise", "edges"].into_iter().enumerate() {
            let (w, h) = SIZES[(i + j) % SIZES.len()];
            let geometry = Geometry::new(w as u32, h as u32, 32).unwrap();
            let sampling = if j == 2 { Sampling::Gray } else { Sampling::S420 };
            let source = source(kind, (w, h), Some(sampling));
            let record = block_on(encode_family(&cpu, params, source)).unwrap().into_record();
            for damage in 0..6 {
                let mut record = record.clone();
                if let (Some(payload), true) = (record.payloads.get_mut(1), damage > 0) {
                    let at = rng.next() as usize % payload.bytes.len();
                    payload.bytes[at] ^= 1 << (rng.next() % 8);
                }
                let case = format!("{kind} {w}x{h}, damage {damage}, {params:?}");
                let want = wants[(i + j + damage) % wants.len()];
                let (by_coefficients, made) = reconstructed(&gpu, params, &geometry, &record, want);
                let (_, wanted) = reconstructed(&cpu, params, &geometry, &record, want);
                cases += 1;
                crossed += usize::from(by_coefficients);
                match (made, wanted) {
                    (Ok(made), Ok(wanted)) => {
                        assert!(
                            same(&made.l0, &wanted.l0) && same(&made.l1, &wanted.l1),
                            "{case}: other pixels"
                        );
                    }
                    (Err(made), Err(wanted)) => {
                        refused += 1;
                        assert_eq!(made, wanted, "{case}");
                    }
                    (made, wanted) => {
                        panic!("{case}: {:?} on the GPU, {:?} on the CPU", made.err(), wanted.err())
                    }
                }
            }
        }
    }
    println!("{crossed} of {cases} by coefficients, {refused} refused on both");
    assert!(2 * crossed > cases && refused > 0, "{crossed} of {cases}, {refused} refused");
}
