//! Residuals that are coded in stripes: a tile of one of them is the tile of the whole, and the rest completes the family.

use std::ops::Range;

use crate::kit::image::Image;
use crate::kit::pipeline::{encode_to, slide_source, verify_deep};
use origami::backend::{Backend, CpuBackend, cpu};
use origami::codec::{EncoderKind, Entropy};
use origami::encode::EncodeOptions;
use origami::image::family::{DecodedFamily, PayloadKind, PixelsRef, Want};
use origami::image::geometry::Rect;
use origami::image::plane::{Plane, PlaneRef};
use origami::image::ycc::{Sampling, Ycc};
use origami::kernels::taps::Filter;
use origami::output::render::{Output, Renderer};
use origami::output::tile::OutputFormat;
use origami::params::{EncodeParams, Subsamp};
use origami::residual::FamilyDecoder;

/// Partial families at the right and below, of sizes that are no multiples of anything.
const WIDTH: usize = 171;
const HEIGHT: usize = 297;

fn planes<'a>(pixels: PixelsRef<'a>) -> Vec<PlaneRef<'a>> {
    match pixels {
        PixelsRef::Ycc(image) => {
            std::iter::once(image.luma).chain(image.chroma.into_iter().flatten()).collect()
        }
        PixelsRef::Rgb(rgb) => vec![rgb],
    }
}

fn assert_equal(case: &str, a: PixelsRef<'_>, b: PixelsRef<'_>) {
    let (a, b) = (planes(a), planes(b));
    assert_eq!(a.len(), b.len(), "{case}: planes");
    for (i, (a, b)) in a.iter().zip(&b).enumerate() {
        assert_eq!((a.width, a.height), (b.width, b.height), "{case}: plane {i}");
        for y in 0..a.height {
            assert!(a.row(y) == b.row(y), "{case}: plane {i}, row {y}");
        }
    }
}

/// Memory of another family: another size, other samples.
fn used() -> DecodedFamily {
    let mut residual = Ycc::default();
    residual.fill(Sampling::S420, 400, 400, 201);
    DecodedFamily { baseline: Ycc::gray(Plane::filled(7, 9, 99)), residual, width: 400, height: 400 }
}

/// A part of a tile that touches none of its edges, where it is large enough: on the grid of chroma, and `off` beside it.
fn piece_of(part: Rect, off: u32) -> Rect {
    let inner = |start: u32, length: u32| match length {
        ..8 => (start, length),
        _ => (start + length / 4 / 2 * 2 + off, length / 2 / 2 * 2 + off),
    };
    let ((x, width), (y, height)) = (inner(part.x, part.width), inner(part.y, part.height));
    Rect { x, y, width, height }
}

/// Every tile of L0 of every family, made of the rows that it takes, then the rest of the family; and a piece of it by itself. How many were made of a part.
fn check(case: &str, tile: u32, gray: bool, params: &EncodeParams) -> usize {
    let dir = tempfile::tempdir().unwrap();
    let (slide, backend) = (dir.path().join("slide.png"), CpuBackend::new());
    let image = Image::tissue(WIDTH, HEIGHT, 5);
    std::fs::write(&slide, if gray { image.to_gray() } else { image }.png()).unwrap();
    let report =
        encode_to(slide_source(&slide, tile), dir.path(), params, &EncodeOptions::default()).unwrap();
    let (archive, _) = verify_deep(&report.bundle).unwrap();
    let (geometry, coding) = (archive.geometry(), &archive.meta().coding);
    let mut parts = 0;
    for sampling in [Sampling::S420, Sampling::S444] {
        for (format, grayscale) in
            [(OutputFormat::Jpeg, false), (OutputFormat::Png, false), (OutputFormat::Png, true)]
        {
            let output = Output { format, quality: 90, sampling, grayscale };
            let renderer = Renderer::new(*geometry, coding.upsample_filter, output).unwrap();
            let want: Want = renderer.want();
            for entry in archive.families() {
                let id = entry.id;
                let record = archive.read_family(entry).unwrap();
                let decoder = FamilyDecoder { geometry, coding, id, record: &record };
                let whole = decoder.decode().unwrap();
                let made = pollster::block_on(backend.reconstruct(coding, &whole, want)).unwrap();
                let size = (whole.width, whole.height);
                for l0 in geometry.family_tiles(id, 0) {
                    let case = format!("{case}: {want:?}, tile {l0}");
                    let part = renderer.place(id, l0).unwrap();
                    let read = cpu::residual_of_part(coding, size, want, part);
                    // Only the columns that the tile needs, and all of them.
                    for read in [read, Rect { x: 0, width: size.0 as u32, ..read }] {
                        let mut family = used();
                        let done = decoder.decode_part(read, &mut family).unwrap();
                        let holds = |done: Range<usize>, read: Range<usize>| {
                            done.start <= read.start && read.end <= done.end
                        };
                        let all = holds(done.columns(), read.columns()) && holds(done.rows(), read.rows());
                        assert!(all, "{case}: {done:?} of {read:?}");
                        parts += usize::from(
                            read.x == 0 && read.width as usize == size.0 && done.rows() != (0..size.1),
                        );
                        let got = cpu::reconstruct_part(coding, &family, want, part).unwrap();
                        let [x, y, w, h] = [part.x, part.y, part.width, part.height].map(|n| n as usize);
                        assert_equal(&case, got.view(), made.l0.view().part(x, y, w, h));
                        decoder.decode_rest(done, &mut family).unwrap();
                        let residual =
                            [&family.residual, &whole.residual].map(|image| PixelsRef::Ycc(image.view()));
                        assert_equal(&format!("{case}: the rest"), residual[0], residual[1]);
                        assert_eq!((family.width, family.height), size, "{case}");
                    }
                    // An odd place, where chroma has every sample.
                    let piece = piece_of(part, u32::from(sampling == Sampling::S444));
                    let mut family = used();
                    (family.width, family.height) = size;
                    decoder.decode_baseline(&mut family).unwrap();
                    let read = cpu::residual_of_part(coding, size, want, piece);
                    decoder.decode_residual_of(read, None, &mut family).unwrap();
                    let got = cpu::reconstruct_part(coding, &family, want, piece).unwrap();
                    let [x, y, w, h] = [piece.x, piece.y, piece.width, piece.height].map(|n| n as usize);
                    assert_equal(&format!("{case}: {piece:?}"), got.view(), made.l0.view().part(x, y, w, h));
                }
            }
        }
    }
    parts
}

#[test]
fn a_tile_of_its_stripe_is_the_tile_of_the_whole_and_the_rest_completes_the_family() {
    let plain = EncodeParams::default();
    let chroma = EncodeParams { chroma_residual_quality: Some(50), ..plain.clone() };
    let other = EncodeParams { chroma_residual_quality: Some(80), subsamp: Subsamp::S420, ..plain.clone() };
    for encoder in [EncoderKind::Turbojpeg, EncoderKind::Trellis, EncoderKind::Mozjpeg, EncoderKind::Jpegli] {
        if !encoder.is_built() {
            println!("SKIPPED: {} is not built", encoder.name());
            continue;
        }
        let of = |params: &EncodeParams| EncodeParams { residual_encoder: Some(encoder), ..params.clone() };
        for (name, tile, gray, params) in [
            ("luma", 32, false, of(&plain)),
            ("gray", 24, true, of(&plain)),
            ("chroma", 32, false, of(&chroma)),
            ("chroma of another quality", 16, false, of(&other)),
            ("bicubic", 48, false, EncodeParams { upsample_filter: Filter::Bicubic, ..of(&chroma) }),
        ] {
            let case = format!("{}, {name}, tiles of {tile}", encoder.name());
            assert!(check(&case, tile, gray, &params) > 100, "{case}: nothing was made of a part");
        }
    }
}

#[test]
fn where_there_are_no_stripes_everything_is_decoded() {
    let plain = EncodeParams::default();
    let chroma = EncodeParams { chroma_residual_quality: Some(50), ..plain.clone() };
    let mut cases = vec![
        ("scaled", 32, EncodeParams { l0_scale_pct: 50, ..plain.clone() }),
        ("tiles of no whole blocks", 30, plain.clone()),
        ("tiles of no whole MCUs", 24, chroma),
    ];
    if cfg!(feature = "lepton") {
        cases.push(("repacked", 32, EncodeParams { entropy: Entropy::LEPTON, ..plain.clone() }));
    }
    if cfg!(feature = "webp") {
        cases.push(("webp", 32, EncodeParams { residual_encoder: Some(EncoderKind::Webp), ..plain }));
    }
    for (name, tile, params) in cases {
        assert_eq!(check(name, tile, false, &params), 0, "{name}");
    }
}

/// Baselines and the small levels are decoded whole.
#[test]
fn residuals_alone_have_restart_markers() {
    let dir = tempfile::tempdir().unwrap();
    let slide = dir.path().join("slide.png");
    std::fs::write(&slide, Image::tissue(700, 300, 5).png()).unwrap();
    let params = EncodeParams::default();
    let report = encode_to(slide_source(&slide, 32), dir.path(), &params, &EncodeOptions::default()).unwrap();
    let (archive, _) = verify_deep(&report.bundle).unwrap();
    let dri = |jpeg: &[u8]| jpeg.windows(4).any(|w| w == [0xFF, 0xDD, 0, 4]);
    for entry in archive.families() {
        let record = archive.read_family(entry).unwrap();
        for payload in &record.payloads {
            // One row of tiles has no end of a stripe inside.
            let rows = archive.geometry().family_rect(entry.id).height;
            let want = payload.kind == PayloadKind::Residual && rows > 32;
            assert_eq!(dri(&payload.bytes), want, "{} of {}", payload.kind.name(), entry.id);
        }
    }
    assert!(archive.tiles().iter().all(|entry| !dri(&archive.read_tile(entry).unwrap())));
}
