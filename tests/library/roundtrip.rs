//! The closed loop: what a decoder makes is what the encoder saw, for every combination of parameters.

use crate::kit::compare::{assert_same, planes, psnr};
use crate::kit::image::Image;
use crate::kit::jpeg;
use crate::kit::pipeline::{as_png, decode_to, encode_to, slide_source, tree_source, verify_deep};
use crate::kit::trees::{self, Layout, level_luma, write_tree};
use origami::archive::Archive;
use origami::backend::{Backend, Base, CpuBackend, Ticket, cpu};
use origami::encode::EncodeOptions;
use origami::image::family::{Pixels, SourceFamily, Want};
use origami::image::geometry::{Geometry, Rect};
use origami::image::plane::Plane;
use origami::image::ycc::{Sampling, Ycc};
use origami::kernels::color::ycc_to_rgb;
use origami::kernels::resample::upsample_to_444;
use origami::kernels::resample::{Scratch, resample};
use origami::kernels::taps::TapCache;
use origami::kernels::taps::{Filter, Taps};
use origami::params::{EncodeParams, Subsamp};
use origami::pyramid::source::Source;
use origami::residual::FamilyDecoder;
use origami::residual::{EncodedFamily, encode_family};
use pollster::block_on;

/// Two columns and two rows of families of 120 pixels; the last ones are partial and odd.
pub const WIDTH: usize = 171;
pub const HEIGHT: usize = 149;
const TILE: u32 = 30;

const SUBSAMPS: [Subsamp; 3] = [Subsamp::S444, Subsamp::S420, Subsamp::S420Opt];
const SHARPENS: [(f64, bool); 3] = [(0.0, false), (0.7, false), (0.7, true)];

fn families(mut source: Source, filter: Filter) -> Vec<SourceFamily> {
    source
        .jobs(filter, 0..usize::MAX)
        .map(|job| pollster::block_on(job.unwrap().run()).unwrap().family)
        .collect()
}

fn half(filter: Filter, plane: &Plane) -> Plane {
    let axis = |n| Taps::downsample(filter, n, 2);
    let mut out = Plane::default();
    resample(plane.view(), &axis(plane.width()), &axis(plane.height()), &mut out, &mut Scratch::default());
    out
}

/// Everything that a decoder makes of one family against what its encoder saw.
fn check_family(case: &str, archive: &Archive, seen: &EncodedFamily, backend: &CpuBackend) {
    let case = format!("{case}, family {}", seen.id);
    let (geometry, coding) = (archive.geometry(), &archive.meta().coding);
    let record = archive.read_family(archive.find(seen.id).unwrap()).unwrap();
    assert!(record == seen.record, "{case}: the bundle holds another record than the encoder made");
    let decoded = FamilyDecoder { geometry, coding, id: seen.id, record: &record }.decode().unwrap();
    let (want, got) = (planes(&seen.baseline), planes(&decoded.baseline));
    assert_eq!(got.len(), want.len(), "{case}: planes of the baseline");
    for (name, (want, got)) in ["Y", "Cb", "Cr"].iter().zip(want.iter().zip(&got)) {
        assert_same(&format!("{case}, baseline {name}"), want, got);
    }
    let prediction = seen.prediction(coding).unwrap();
    let corrects_chroma = coding.chroma_residual && seen.baseline.chroma.is_some();
    let [of_encoder, of_decoder, predicted, corrected] =
        [&seen.residual, &decoded.residual, &prediction, &seen.corrected].map(planes);
    let all = [&of_encoder, &of_decoder, &predicted, &corrected];
    assert!(all.iter().all(|planes| planes.len() == if corrects_chroma { 3 } else { 1 }), "{case}: planes");
    for (i, missed) in of_encoder.iter().enumerate() {
        assert_same(&format!("{case}, residual of plane {i}"), missed, of_decoder[i]);
        if coding.l0_scale_pct == 100 {
            let sum = |(p, r): (&u8, &u8)| (i32::from(*p) + i32::from(*r) - 128).clamp(0, 255) as u8;
            let data = predicted[i].data().iter().zip(missed.view().to_plane().data()).map(sum).collect();
            let sum = Plane::from_vec(missed.width(), missed.height(), data);
            assert_same(&format!("{case}, prediction + residual of plane {i}"), &sum, corrected[i]);
        }
    }
    for sampling in [Sampling::Gray, Sampling::S420, Sampling::S444] {
        let case = format!("{case}, asked for {sampling:?}");
        let made = block_on(backend.reconstruct(coding, &decoded, Want::Planes(sampling))).unwrap();
        let (l0, l1) = (made.l0.ycc(), made.l1.ycc());
        assert_same(&format!("{case}, L0 luma"), &seen.corrected.luma, &l0.luma);
        assert_same(
            &format!("{case}, L1 luma"),
            &half(coding.downsample_filter, &seen.corrected.luma),
            &l1.luma,
        );
        let colour = sampling != Sampling::Gray && seen.baseline.chroma.is_some();
        assert_eq!(l0.chroma.is_some(), colour, "{case}: chroma");
        for image in [&l0, &l1] {
            let size = sampling.chroma_size(image.luma.width(), image.luma.height());
            for plane in image.chroma.iter().flatten() {
                assert_eq!((plane.width(), plane.height()), size, "{case}: size of chroma");
            }
        }
        let alone = cpu::reconstruct_l1(coding, &decoded, sampling).unwrap();
        assert_same(&format!("{case}, L1 luma alone"), &l1.luma, &alone.luma);
        assert_eq!(alone.sampling, l1.sampling, "{case}: sampling of L1 alone");
        for (want, got) in l1.chroma.iter().flatten().zip(alone.chroma.iter().flatten()) {
            assert_same(&format!("{case}, chroma of L1 alone"), want, got);
        }
        // Any part of L0 by itself is what the whole has there.
        let side = |n: usize| (n / 3).next_multiple_of(2).max(2).min(n) as u32;
        let (dx, dy) = (side(decoded.width), side(decoded.height));
        for y in (0..decoded.height as u32).step_by(dy as usize) {
            for x in (0..decoded.width as u32).step_by(dx as usize) {
                let (width, height) = (dx.min(decoded.width as u32 - x), dy.min(decoded.height as u32 - y));
                let part = Rect { x, y, width, height };
                let got =
                    cpu::reconstruct_part(coding, &decoded, Want::Planes(sampling), part).unwrap().into_ycc();
                let [x, y, width, height] = [x, y, width, height].map(|n| n as usize);
                let want = l0.view().part(x, y, width, height);
                let case = format!("{case}, part {part:?}");
                assert_same(&format!("{case}, luma"), &want.luma.to_plane(), &got.luma);
                let planes = want.chroma.iter().flatten().zip(got.chroma.iter().flatten());
                for (name, (want, got)) in ["Cb", "Cr"].iter().zip(planes) {
                    assert_same(&format!("{case}, {name}"), &want.to_plane(), got);
                }
                assert_eq!(got.chroma.is_some(), colour, "{case}");
            }
        }
        // With a residual, chroma is what the encoder saw: at half size, which is L0 in 4:2:0 and L1 in 4:4:4.
        if let (true, Some(want)) = (colour, &seen.corrected.chroma) {
            let (exact, other) = if sampling == Sampling::S420 { (&l0, &l1) } else { (&l1, &l0) };
            for (i, want) in want.iter().enumerate() {
                assert_same(&format!("{case}, corrected chroma {i}"), want, &chroma(exact, i));
                if sampling == Sampling::S420 {
                    let want = half(coding.downsample_filter, want);
                    assert_same(&format!("{case}, chroma {i} of L1"), &want, &chroma(other, i));
                }
            }
        }
        // L1 in 4:2:0 from a 4:4:4 baseline is else the L2 plane itself.
        if let (false, Sampling::S420, Sampling::S444, Some(got), Some(want)) =
            (corrects_chroma, sampling, seen.baseline.sampling, &l1.chroma, &seen.baseline.chroma)
        {
            for (name, (want, got)) in ["Cb", "Cr"].iter().zip(want.iter().zip(got)) {
                let (w, h) = (got.width(), got.height());
                assert_same(&format!("{case}, L1 {name}"), &want.view().part(0, 0, w, h).to_plane(), got);
            }
        }
    }
}

/// Encodes to a bundle, proves it, and compares every family.
pub fn check(case: &str, source: impl Fn() -> Source, params: &EncodeParams, backend: &CpuBackend) {
    let out = tempfile::tempdir().unwrap();
    let report = encode_to(source(), out.path(), params, &EncodeOptions::default()).unwrap();
    let (archive, verified) = verify_deep(&report.bundle).unwrap_or_else(|e| panic!("{case}: {e}"));
    assert_eq!(verified.families, archive.geometry().family_count(), "{case}");
    for family in families(source(), params.upsample_filter) {
        let seen = block_on(encode_family(backend, params, family)).unwrap();
        check_family(case, &archive, &seen, backend);
    }
}

pub fn tissue_slide(dir: &std::path::Path) -> std::path::PathBuf {
    let path = dir.join("slide.png");
    std::fs::write(&path, Image::tissue(WIDTH, HEIGHT, 7).png()).unwrap();
    path
}

fn every_combination_with(filter: Filter) {
    let dir = tempfile::tempdir().unwrap();
    let (slide, backend) = (tissue_slide(dir.path()), CpuBackend::new());
    let mut combinations = 0;
    for subsamp in SUBSAMPS {
        for optl2 in [false, true] {
            for (sharpen, save_sharpened) in SHARPENS {
                for l0_scale_pct in [100, 50, 33] {
                    let params = EncodeParams {
                        base_quality: 90,
                        subsamp,
                        optl2,
                        sharpen,
                        save_sharpened,
                        l0_scale_pct,
                        chroma_residual_quality: (combinations % 2 == 1).then_some(70),
                        upsample_filter: filter,
                        downsample_filter: filter,
                        ..EncodeParams::default()
                    };
                    check(&format!("{params:?}"), || slide_source(&slide, TILE), &params, &backend);
                    combinations += 1;
                }
            }
        }
    }
    println!("{}: {combinations} combinations", filter.name());
    assert_eq!(combinations, 54);
}

#[test]
fn decode_equals_the_encoder_for_every_combination_with_bilinear() {
    every_combination_with(Filter::Bilinear);
}

#[test]
fn decode_equals_the_encoder_for_every_combination_with_bicubic() {
    every_combination_with(Filter::Bicubic);
}

#[test]
fn decode_equals_the_encoder_for_every_combination_with_lanczos3() {
    every_combination_with(Filter::Lanczos3);
}

#[test]
fn decode_equals_the_encoder_with_different_filters_up_and_down() {
    let dir = tempfile::tempdir().unwrap();
    let (slide, backend) = (tissue_slide(dir.path()), CpuBackend::new());
    for (i, (up, down)) in Filter::ALL
        .into_iter()
        .flat_map(|up| Filter::ALL.map(|down| (up, down)))
        .filter(|(up, down)| up != down)
        .enumerate()
    {
        let (sharpen, save_sharpened) = SHARPENS[i % 3];
        let params = EncodeParams {
            subsamp: SUBSAMPS[i % 3],
            optl2: i % 2 == 0,
            max_delta: [0, 3, 255][i % 3],
            sharpen,
            save_sharpened,
            l0_scale_pct: [77, 1, 100][i % 3],
            l0_sharpen: [0.0, 1.5][i % 2],
            residual_quality: [1, 30, 100][i % 3],
            upsample_filter: up,
            downsample_filter: down,
            ..EncodeParams::default()
        };
        check(&format!("{params:?}"), || slide_source(&slide, TILE), &params, &backend);
    }
}

#[test]
fn decode_equals_the_encoder_for_sources_of_every_sampling() {
    let image = Image::tissue(WIDTH, HEIGHT, 8);
    let backend = CpuBackend::new();
    let all =
        [Sampling::Gray, Sampling::S444, Sampling::S422, Sampling::S420, Sampling::S440, Sampling::S411];
    for sampling in all {
        let dir = tempfile::tempdir().unwrap();
        let image = if sampling == Sampling::Gray { image.to_gray() } else { image.clone() };
        let layout = Layout { tile: TILE, overlap: 0, format: "jpg" };
        let dzi = write_tree(dir.path(), "s", &image, layout, &|_, part| jpeg::baseline(part, sampling));
        for subsamp in SUBSAMPS {
            for (optl2, filter, chroma_residual_quality) in [
                (false, Filter::Lanczos3, None),
                (true, Filter::Bicubic, Some(50)),
                (true, Filter::Bilinear, Some(85)),
            ] {
                let params = EncodeParams {
                    subsamp,
                    optl2,
                    upsample_filter: filter,
                    downsample_filter: filter,
                    chroma_residual_quality,
                    ..EncodeParams::default()
                };
                check(&format!("source {sampling:?}, {params:?}"), || tree_source(&dzi), &params, &backend);
            }
        }
    }
}

/// Planes of L2 and the prediction's squared error, before any JPEG.
fn base(backend: &CpuBackend, params: &EncodeParams, sources: &[SourceFamily]) -> Vec<(Ycc, f64)> {
    let of_one = |source: &SourceFamily| {
        let Base { ticket, l2 } = block_on(backend.base(params, source)).unwrap();
        let made = block_on(backend.residual(params, source, ticket, &l2)).unwrap();
        let image = source.image.ycc();
        let (source, prediction) = (&image.luma, &made.prediction.luma);
        let pairs = (0..source.height()).flat_map(|y| source.row(y).iter().zip(prediction.row(y)));
        let error = pairs.map(|(a, b)| f64::from(a.abs_diff(*b)).powi(2)).sum::<f64>();
        (l2, error)
    };
    sources.iter().map(of_one).collect()
}

#[test]
fn any_ticket_gives_the_same_residual_and_rgb_the_same_family_as_its_planes() {
    let dir = tempfile::tempdir().unwrap();
    let (slide, backend) = (tissue_slide(dir.path()), CpuBackend::new());
    let params = EncodeParams {
        optl2: true,
        subsamp: Subsamp::S420Opt,
        chroma_residual_quality: Some(60),
        ..EncodeParams::default()
    };
    for source in families(slide_source(&slide, TILE), params.upsample_filter) {
        let case = format!("family {}", source.id);
        assert!(matches!(source.image, Pixels::Rgb(_)), "{case}: a slide gives its pixels as they are");
        let planes = SourceFamily { image: Pixels::Ycc(source.image.ycc().into_owned()), ..source.clone() };
        let Base { ticket, l2 } = block_on(backend.base(&params, &source)).unwrap();
        let of_planes = block_on(backend.base(&params, &planes)).unwrap();
        assert!(l2 == of_planes.l2, "{case}: L2 of RGB and of its planes");
        let own = block_on(backend.residual(&params, &source, ticket, &l2)).unwrap();
        for (name, source, ticket) in [
            ("RGB, a ticket that holds nothing", &source, Ticket::default()),
            ("RGB, the ticket of its planes", &source, of_planes.ticket),
            ("planes, a ticket that holds nothing", &planes, Ticket::default()),
        ] {
            let other = block_on(backend.residual(&params, source, ticket, &l2)).unwrap();
            assert!(own.prediction == other.prediction, "{case}, {name}: prediction");
            assert!(own.residual == other.residual, "{case}, {name}: residual");
        }
    }
}

#[test]
fn gradient_descent_stays_within_its_delta_and_predicts_better() {
    let dir = tempfile::tempdir().unwrap();
    let (slide, backend) = (tissue_slide(dir.path()), CpuBackend::new());
    for filter in Filter::ALL {
        let sources = families(slide_source(&slide, TILE), filter);
        for max_delta in [0, 1, 4, 15, 255] {
            let plain = EncodeParams {
                upsample_filter: filter,
                downsample_filter: filter,
                subsamp: Subsamp::S420,
                max_delta,
                ..EncodeParams::default()
            };
            let descended = EncodeParams { optl2: true, subsamp: Subsamp::S420Opt, ..plain.clone() };
            let before = base(&backend, &plain, &sources);
            let after = base(&backend, &descended, &sources);
            let mut largest = [0u8; 3];
            for ((source, (x0, e0)), (x, e)) in sources.iter().zip(&before).zip(&after) {
                let case = format!("{} delta {max_delta}, family {}", filter.name(), source.id);
                assert!(e <= e0, "{case}: squared error of the prediction {e}, without optL2 {e0}");
                let planes = |image: &Ycc| [image.luma.clone(), chroma(image, 0), chroma(image, 1)];
                for (i, (x0, x)) in planes(x0).iter().zip(&planes(x)).enumerate() {
                    for (at, (a, b)) in x0.data().iter().zip(x.data()).enumerate() {
                        let moved = a.abs_diff(*b);
                        largest[i] = largest[i].max(moved);
                        let (px, py) = (at % x.width(), at / x.width());
                        assert!(moved <= max_delta, "{case}, plane {i}, x {px}, y {py}: got {b} from {a}");
                    }
                }
            }
            let total = |of: &[(Ycc, f64)]| of.iter().map(|(_, e)| e).sum::<f64>();
            println!(
                "{} delta {max_delta}: moved at most {largest:?}, squared error {:.4} of what it was",
                filter.name(),
                total(&after) / total(&before)
            );
            assert_eq!(largest == [0; 3], max_delta == 0, "optL2 and 420opt must do something");
        }
    }
}

fn chroma(image: &Ycc, i: usize) -> Plane {
    image.chroma.as_ref().unwrap()[i].clone()
}

#[test]
fn grayscale_png_output_is_the_encoders_luma_and_the_manifest_tells_its_psnr() {
    for (params, tile) in [
        (EncodeParams::default(), 30),
        (EncodeParams { optl2: true, l0_scale_pct: 50, sharpen: 0.5, ..EncodeParams::default() }, 17),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let slide = tissue_slide(dir.path());
        let options = EncodeOptions { manifest: true, ..EncodeOptions::default() };
        let report = encode_to(slide_source(&slide, tile), dir.path(), &params, &options).unwrap();
        let decoded = decode_to(&report.bundle, dir.path(), &as_png(true)).unwrap();
        let tree = trees::assert_whole("grayscale", &decoded.dzi);
        let geometry = *tree.geometry();
        let luma = level_luma(&tree, geometry.top_level());

        let sources = families(slide_source(&slide, tile), params.upsample_filter);
        let mut source = Plane::new(WIDTH, HEIGHT);
        let backend = CpuBackend::new();
        for family in sources {
            let seen = block_on(encode_family(&backend, &params, family)).unwrap();
            let rect = geometry.family_rect(seen.id);
            let (x, y) = (rect.x as usize, rect.y as usize);
            let got = luma.view().part(x, y, rect.width as usize, rect.height as usize).to_plane();
            assert_same(&format!("tile {tile}, family {}", seen.id), &seen.corrected.luma, &got);
            source.paste(x, y, seen.source.image.ycc().luma.view());
        }
        let text = std::fs::read(dir.path().join("manifest.json")).unwrap();
        let manifest: serde_json::Value = serde_json::from_slice(&text).unwrap();
        let told = manifest["summary"]["l0_y_psnr"].as_f64().unwrap();
        let measured = psnr(&luma, &source);
        println!("tile {tile}: manifest {told} dB, PNGs {measured} dB");
        assert!((told - measured).abs() < 1e-9, "tile {tile}: manifest {told}, measured {measured}");
        assert_eq!(report.y_psnr, Some(told));
        let bytes = std::fs::metadata(&report.bundle).unwrap().len();
        assert_eq!(manifest["size_comparison"]["bundle_bytes"], bytes);
    }
}

#[test]
fn colour_png_output_is_the_planes_as_rgb() {
    let dir = tempfile::tempdir().unwrap();
    let slide = tissue_slide(dir.path());
    let params = EncodeParams { subsamp: Subsamp::S420, ..EncodeParams::default() };
    let report = encode_to(slide_source(&slide, 31), dir.path(), &params, &EncodeOptions::default()).unwrap();
    let decoded = decode_to(&report.bundle, dir.path(), &as_png(false)).unwrap();
    let tree = trees::assert_whole("colour", &decoded.dzi);
    let (archive, _) = verify_deep(&report.bundle).unwrap();
    let geometry: Geometry = *archive.geometry();
    for entry in archive.families() {
        let record = archive.read_family(entry).unwrap();
        let family = FamilyDecoder {
            geometry: &geometry,
            coding: &archive.meta().coding,
            id: entry.id,
            record: &record,
        }
        .decode()
        .unwrap();
        let l2 = upsample_to_444(family.baseline.clone(), params.upsample_filter, &TapCache::default());
        let (backend, coding) = (CpuBackend::new(), &archive.meta().coding);
        let reconstruct = |want| block_on(backend.reconstruct(coding, &family, want)).unwrap();
        let (made, as_rgb) = (reconstruct(Want::Planes(Sampling::S444)), reconstruct(Want::Rgb));
        let (l0, l1) = (made.l0.into_ycc(), made.l1.into_ycc());
        for (name, planes, rgb) in [("L0", &l0, &as_rgb.l0), ("L1", &l1, &as_rgb.l1)] {
            let Pixels::Rgb(rgb) = rgb else { panic!("{name} was asked for as RGB") };
            assert_same(&format!("family {}, {name} as RGB", entry.id), &planes.to_rgb(), rgb);
        }
        for (down, image) in [(0, &l0), (1, &l1), (2, &l2)] {
            let [cb, cr] = image.chroma.as_ref().unwrap();
            let side = (4 >> down) * geometry.tile();
            for tile in geometry.family_tiles(entry.id, down) {
                let rect = geometry.tile_rect(tile).unwrap();
                let (x, y) =
                    ((rect.x - entry.id.x() * side) as usize, (rect.y - entry.id.y() * side) as usize);
                let (w, h) = (rect.width as usize, rect.height as usize);
                let png = origami::codec::decode_png(&tree.tile_bytes(tile).unwrap(), w * h).unwrap();
                assert_eq!((png.channels, png.width, png.height), (3, w, h), "tile {tile}");
                for row in 0..h {
                    let mut want = vec![0; 3 * w];
                    let part = |plane: &Plane| plane.row(y + row)[x..x + w].to_vec();
                    ycc_to_rgb(&part(&image.luma), &part(cb), &part(cr), &mut want);
                    let got = &png.data[3 * w * row..][..3 * w];
                    if let Some(i) = (0..3 * w).find(|&i| want[i] != got[i]) {
                        panic!(
                            "tile {tile}, x {}, y {row}, channel {}: got {}, want {}",
                            i / 3,
                            i % 3,
                            got[i],
                            want[i]
                        );
                    }
                }
            }
        }
    }
}
