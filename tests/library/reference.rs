//! The integer codec against an independent float64 decoder, and seams between families.

use crate::kit::data::real_slide;
use crate::kit::image::Image;
use crate::kit::pipeline::{open_slide, slide_source};
use crate::oracle::float64::{self, Field, Reconstructed};
use origami::backend::{Backend, CpuBackend};
use origami::image::family::Want;
use origami::image::geometry::Geometry;
use origami::image::plane::Plane;
use origami::image::ycc::Sampling;
use origami::kernels::taps::Filter;
use origami::params::{EncodeParams, Subsamp};
use origami::pyramid::source::Source;
use origami::quality::metrics::{DeltaE, psnr_from_mse};
use origami::residual::FamilyDecoder;
use origami::residual::{EncodedFamily, encode_family};
use origami::slide::Access;
use pollster::block_on;

/// Squared error and colour difference of the codec and of the reference against the source.
#[derive(Default)]
struct Figures {
    samples: f64,
    prediction: [f64; 2],
    luma: [f64; 2],
    delta: [DeltaE; 2],
}

fn squared(source: &Plane, other: &Plane) -> f64 {
    let rows = (0..source.height()).flat_map(|y| source.row(y).iter().zip(other.row(y)));
    rows.map(|(a, b)| f64::from(a.abs_diff(*b)).powi(2)).sum()
}

impl Figures {
    fn add(
        &mut self,
        seen: &EncodedFamily,
        rgb: &[u8],
        ours: [&Plane; 2],
        our_rgb: &[u8],
        theirs: &Reconstructed,
    ) {
        let [prediction, luma] = ours;
        let image = seen.source.image.ycc();
        let source = &image.luma;
        self.samples += (source.width() * source.height()) as f64;
        self.prediction[0] += squared(source, prediction);
        self.prediction[1] += squared(source, &theirs.prediction.to_plane());
        self.luma[0] += squared(source, luma);
        self.luma[1] += squared(source, &theirs.luma.to_plane());
        self.delta[0].add(rgb, our_rgb);
        self.delta[1].add(rgb, &float64::to_rgb(&theirs.luma, theirs.chroma.as_ref()));
    }

    /// Prints the figures and fails where the codec is not as good as float64.
    fn check(&self, case: &str) {
        let db = |sums: [f64; 2]| sums.map(|sum| psnr_from_mse(sum / self.samples));
        let ([p, p64], [y, y64]) = (db(self.prediction), db(self.luma));
        let [e, e64] = self.delta.each_ref().map(|d| d.mean().unwrap());
        println!(
            "{case}: prediction {p:.4} dB, float64 {p64:.4} ({:+.4}); decoded Y {y:.4} dB, float64 {y64:.4} ({:+.4}); \
             Delta E 2000 {e:.4}, float64 {e64:.4} ({:+.4})",
            p - p64,
            y - y64,
            e - e64
        );
        assert!((p - p64).abs() <= 0.02, "{case}: prediction {p} dB, float64 {p64} dB");
        assert!((y - y64).abs() <= 0.05, "{case}: decoded luma {y} dB, float64 {y64} dB");
        assert!((e - e64).abs() <= 0.1, "{case}: Delta E {e}, float64 {e64}");
    }
}

/// Encodes every family and decodes it twice; `rgb` is the whole slide.
fn compare(case: &str, mut source: Source, rgb: &[u8], params: &EncodeParams) {
    let backend = CpuBackend::new();
    let (geometry, coding) = (*source.geometry(), params.coding());
    let stride = 3 * geometry.width() as usize;
    let mut figures = Figures::default();
    for job in source.jobs(params.upsample_filter, 0..usize::MAX) {
        let family = block_on(job.unwrap().run()).unwrap().family;
        let seen = block_on(encode_family(&backend, params, family)).unwrap();
        let decoded =
            FamilyDecoder { geometry: &geometry, coding: &coding, id: seen.id, record: &seen.record }
                .decode()
                .unwrap();
        let theirs = float64::reconstruct(&coding, &decoded);
        let want = Want::Planes(Sampling::S444);
        let ours = block_on(backend.reconstruct(&coding, &decoded, want)).unwrap().l0.into_ycc();
        let rect = geometry.family_rect(seen.id);
        let part: Vec<u8> = (rect.y..rect.y + rect.height)
            .flat_map(|y| &rgb[y as usize * stride + 3 * rect.x as usize..][..3 * rect.width as usize])
            .copied()
            .collect();
        let prediction = seen.prediction(&coding).unwrap();
        figures.add(&seen, &part, [&prediction.luma, &ours.luma], ours.to_rgb().data(), &theirs);
    }
    figures.check(case);
}

#[test]
fn tissue_decodes_as_well_as_in_float64_with_every_filter() {
    let image = Image::tissue(413, 365, 3);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("slide.png");
    std::fs::write(&path, image.png()).unwrap();
    for filter in Filter::ALL {
        let plain = EncodeParams { base_quality: 90, upsample_filter: filter, ..EncodeParams::default() };
        for params in [
            plain.clone(),
            EncodeParams { subsamp: Subsamp::S420, optl2: true, ..plain.clone() },
            EncodeParams { chroma_residual_quality: Some(50), ..plain.clone() },
            EncodeParams {
                subsamp: Subsamp::S420,
                chroma_residual_quality: Some(80),
                l0_scale_pct: 50,
                ..plain.clone()
            },
            EncodeParams { sharpen: 0.5, l0_scale_pct: 50, ..plain.clone() },
            EncodeParams { sharpen: 0.5, save_sharpened: true, l0_scale_pct: 33, ..plain },
        ] {
            let case = format!(
                "{} {:?} optl2 {} sharpen {} saved {} scale {}",
                filter.name(),
                params.subsamp,
                params.optl2,
                params.sharpen,
                params.save_sharpened,
                params.l0_scale_pct
            );
            compare(&case, slide_source(&path, 64), &image.data, &params);
        }
    }
}

#[test]
fn another_filter_would_not_pass_for_float64() {
    let source = Image::tissue(160, 160, 5).luma();
    let l2 = Field::from_plane(&source).scaled(Filter::Lanczos3, (40, 40));
    let db = Filter::ALL.map(|filter| {
        let prediction = l2.up(filter, (4, 4), (160, 160)).to_plane();
        psnr_from_mse(squared(&source, &prediction) / 25_600.0)
    });
    println!("prediction with {:?}: {db:?} dB", Filter::ALL.map(Filter::name));
    assert!(db[2] - db[1] > 0.05 && db[1] - db[0] > 0.05, "{db:?}: too near each other to tell apart");
}

/// RGB of a whole slide.
fn read_rgb(path: &std::path::Path) -> (usize, usize, Vec<u8>) {
    let mut slide = open_slide(path);
    let (width, height) = (slide.info.width, slide.info.height);
    assert_eq!(slide.info.channels, 3);
    let mut rgb = vec![0; 3 * width as usize * height as usize];
    match &mut slide.access {
        Access::Random(access) => access.read(0, 0, width, height, &mut rgb).unwrap(),
        Access::Sequential(access) => access.read_rows(height, &mut rgb).unwrap(),
    }
    (width as usize, height as usize, rgb)
}

#[test]
fn a_real_slide_decodes_as_well_as_in_float64() {
    let Some(path) = real_slide("a_real_slide_decodes_as_well_as_in_float64") else { return };
    let (_, _, rgb) = read_rgb(&path);
    let params = EncodeParams { base_quality: 90, ..EncodeParams::default() };
    compare("real slide, lanczos3", slide_source(&path, 256), &rgb, &params);
}

/// Sums of absolute errors over tissue: near edges where families touch, and inside them.
#[derive(Default, Clone, Copy)]
struct Seam {
    edge: (u64, u64),
    inside: (u64, u64),
}

impl Seam {
    fn means(&self) -> (f64, f64) {
        let mean = |(sum, count): (u64, u64)| sum as f64 / count as f64;
        (mean(self.edge), mean(self.inside))
    }
}

/// Outer samples of a family that count as its edge.
const EDGE_PX: u32 = 4;
/// Luma above which a pixel is glass.
const GLASS: u8 = 235;

/// Distance in pixels to the nearest edge at which families of `side` pixels touch.
fn to_edge(at: u32, side: u32, length: u32) -> u32 {
    let below = at % side;
    let from_start = if at >= side { below } else { u32::MAX };
    let next = at - below + side;
    from_start.min(if next < length { next - 1 - at } else { u32::MAX })
}

/// Errors of Y, Cb and Cr with tiles of `tile`, sorted by the edges that tiles of `edges_of` would have.
fn seams(path: &std::path::Path, tile: u32, edges_of: u32) -> [Seam; 3] {
    let backend = CpuBackend::new();
    let params = EncodeParams { base_quality: 90, ..EncodeParams::default() };
    let mut slide = slide_source(path, tile);
    let geometry: Geometry = *slide.geometry();
    let side = 4 * edges_of;
    let mut found = [Seam::default(); 3];
    for job in slide.jobs(params.upsample_filter, 0..usize::MAX) {
        let family = block_on(job.unwrap().run()).unwrap().family;
        let seen = block_on(encode_family(&backend, &params, family)).unwrap();
        let decoded = FamilyDecoder {
            geometry: &geometry,
            coding: &params.coding(),
            id: seen.id,
            record: &seen.record,
        }
        .decode()
        .unwrap();
        let (coding, want) = (params.coding(), Want::Planes(Sampling::S444));
        let made = block_on(backend.reconstruct(&coding, &decoded, want)).unwrap().l0.into_ycc();
        let source = seen.source.image.ycc();
        let rect = geometry.family_rect(seen.id);
        let (Some([scb, scr]), Some([cb, cr])) = (&source.chroma, &made.chroma) else {
            panic!("the slide has colour")
        };
        let pairs = [(&source.luma, &made.luma), (scb, cb), (scr, cr)];
        for y in 0..rect.height {
            let dy = to_edge(rect.y + y, side, geometry.height());
            for x in 0..rect.width {
                let (px, py) = (x as usize, y as usize);
                if source.luma.row(py)[px] > GLASS {
                    continue;
                }
                let near = dy.min(to_edge(rect.x + x, side, geometry.width())) < EDGE_PX;
                for (seam, (a, b)) in found.iter_mut().zip(pairs) {
                    let part = if near { &mut seam.edge } else { &mut seam.inside };
                    part.0 += u64::from(a.row(py)[px].abs_diff(b.row(py)[px]));
                    part.1 += 1;
                }
            }
        }
    }
    found
}

#[test]
fn families_of_a_real_slide_meet_without_seams() {
    let Some(path) = real_slide("families_of_a_real_slide_meet_without_seams") else { return };
    // Small tiles for many edges as well as the usual ones for the usual figure; the control decodes the slide as one family
    // and measures at the same pixels, so it shows what of the ratio is the picture and not the seam.
    for tile in [256, 64] {
        let (found, control) = (seams(&path, tile, tile), seams(&path, 1024, tile));
        for (plane, (seam, control)) in ["Y", "Cb", "Cr"].iter().zip(found.iter().zip(&control)) {
            let ((edge, inside), (no_edge, no_inside)) = (seam.means(), control.means());
            let ratio = edge / inside;
            println!(
                "tile {tile} {plane}: edge {edge:.4}, inside {inside:.4}, ratio {ratio:.4}; as one family {:.4}; {} px of edge",
                no_edge / no_inside,
                seam.edge.1
            );
            assert!(ratio <= 1.15, "tile {tile} {plane}: error at edges {edge}, inside {inside}");
        }
    }
}
