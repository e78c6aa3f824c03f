//! What a full encode writes lies within the intervals that the estimate states, on slides of six kinds.

use std::path::Path;

use origami::backend::CpuBackend;
use origami::backend::scheduler::Scheduler;
use origami::encode::{EncodeOptions, Estimate, estimate};
use origami::error::Error;
use origami::image::ycc::Sampling;
use origami::params::EncodeParams;
use origami::pyramid::source::Source;
use origami::quality::estimate::Interval;
use origami::quality::presets::Preset;

use crate::kit::image::Image;
use crate::kit::jpeg::of_quality;
use crate::kit::pipeline::{encode_to, slide_source, tree_source};
use crate::kit::rng::Rng;
use crate::kit::trees::{Layout, write_tree};

/// Most families that are measured of one of these slides.
const SAMPLED: u64 = 140;

/// Opens a slide that lies in the directory.
type Open = fn(&Path) -> Source;

fn png(dir: &Path, tile: u32) -> Source {
    slide_source(&dir.join("slide.png"), tile)
}

fn write_png(dir: &Path, image: &Image) {
    std::fs::write(dir.join("slide.png"), image.png()).unwrap();
}

fn write_jpeg_tree(dir: &Path, image: &Image, tile: u32) {
    let layout = Layout { tile, overlap: 0, format: "jpg" };
    write_tree(dir, "slide", image, layout, &|_, part| of_quality(90, part, Sampling::S420));
}

/// Paints over the samples of an image: `f` gives the new ones from place and old ones.
fn painted(mut image: Image, mut f: impl FnMut(usize, usize, [u8; 3]) -> [u8; 3]) -> Image {
    let width = image.width;
    for (i, pixel) in image.data.chunks_exact_mut(3).enumerate() {
        let new = f(i % width, i / width, [pixel[0], pixel[1], pixel[2]]);
        pixel.copy_from_slice(&new);
    }
    image
}

/// Blank glass, dusty glass in the lower part, and tissue on a twentieth of the slide.
fn mostly_glass(width: usize, height: usize) -> Image {
    let mut rng = Rng(3);
    painted(Image::tissue(width, height, 5), |x, y, tissue| {
        let dust = if y > 2 * height / 3 { (rng.next() % 4) as u8 } else { 0 };
        let (dx, dy) = (x as f64 - 0.3 * width as f64, y as f64 - 0.4 * height as f64);
        let inside = dx * dx + dy * dy < 0.016 * (width * height) as f64;
        if inside { tissue } else { [243 - dust, 242 - dust, 244 - dust] }
    })
}

/// Black strokes on white in lines of words.
fn text(width: usize, height: usize) -> Image {
    painted(Image { width, height, channels: 3, data: vec![255; 3 * width * height] }, |x, y, white| {
        let (line, glyph) = (y / 14, x / 8);
        let letter = Rng((line * 7919 + glyph) as u64).next();
        let blank = y % 14 > 9 || letter.is_multiple_of(6) || line.is_multiple_of(9);
        let stroke = letter >> (8 + (y % 14) / 2 * 4 + (x % 8) / 2) & 1 == 1;
        if stroke && !blank { [0; 3] } else { white }
    })
}

/// Independent noise, of more contrast to the right.
fn noise(width: usize, height: usize) -> Image {
    let mut rng = Rng(9);
    painted(Image { width, height, channels: 3, data: vec![0; 3 * width * height] }, |x, _, _| {
        let contrast = 20 + 180 * x / width;
        [0, 1, 2].map(|_| (28 + rng.below(contrast)) as u8)
    })
}

/// Estimates with defaults and presets, encodes, and compares. Returns the estimates.
fn check(name: &str, dir: &Path, open: Open) -> Vec<Estimate> {
    let presets = [Preset::Balanced, Preset::Archive, Preset::Small].map(Preset::params);
    let settings = [&[EncodeParams::default()][..], &presets].concat();
    compare(name, dir, open, &settings)
}

fn estimated(dir: &Path, open: Open, settings: &[EncodeParams]) -> Vec<Estimate> {
    let (backend, scheduler) = (CpuBackend::new(), Scheduler::new(2).unwrap());
    let open_source = || Ok::<_, Error>(open(dir));
    estimate(&open_source, settings, None, &backend, &scheduler, &|_, _| ()).unwrap()
}

fn compare(name: &str, dir: &Path, open: Open, settings: &[EncodeParams]) -> Vec<Estimate> {
    let estimates = estimated(dir, open, settings);
    for (params, estimate) in settings.iter().zip(&estimates) {
        let out = tempfile::tempdir().unwrap();
        let options = EncodeOptions { manifest: !params.originals, ..EncodeOptions::default() };
        let report = encode_to(open(dir), out.path(), params, &options).unwrap();
        let what = Preset::of(params).map_or("defaults", Preset::name);
        let Estimate { bytes, y_psnr, measured, families, .. } = estimate;
        println!(
            "{name}, {what}, {measured} of {families} families: {} bytes, {bytes:?}; {:?} dB, {y_psnr:?}",
            report.bundle_bytes, report.y_psnr
        );
        assert_within(&format!("{name}, {what}: bytes"), *bytes, report.bundle_bytes as f64);
        if let (Some(db), Some(y_psnr)) = (report.y_psnr, y_psnr) {
            assert_within(&format!("{name}, {what}: dB"), *y_psnr, db);
        }
        assert_eq!(*families, report.families);
        if *measured == report.families {
            assert_eq!((bytes.low, bytes.high), (bytes.value, bytes.value), "{name}, {what}: all measured");
        }
    }
    print_time(name, dir, open, &settings[0]);
    estimates
}

/// Prints the time of an encode beside its estimate. Other work on the machine may come between, so it decides nothing.
fn print_time(name: &str, dir: &Path, open: Open, params: &EncodeParams) {
    let Interval { low, high, .. } = estimated(dir, open, std::slice::from_ref(params))[0].seconds;
    assert!(low > 0.0 && low <= high, "{name}: {low} to {high} s");
    let (source, out, started) = (open(dir), tempfile::tempdir().unwrap(), std::time::Instant::now());
    encode_to(source, out.path(), params, &EncodeOptions::default()).unwrap();
    println!("{name}: {:.3} s, estimated {low:.3} to {high:.3}", started.elapsed().as_secs_f64());
}

#[track_caller]
fn assert_within(what: &str, interval: Interval, value: f64) {
    // A sum of floats in another order may differ in its last digits.
    let room = 1e-9 * value.abs();
    let Interval { low, high, .. } = interval;
    assert!(low - room <= value && value <= high + room, "{what}: {value} is not in {low} to {high}");
}

fn width_of(interval: Interval) -> f64 {
    (interval.high - interval.low) / interval.value
}

#[test]
fn tissue_everywhere() {
    let dir = tempfile::tempdir().unwrap();
    write_jpeg_tree(dir.path(), &Image::tissue(2304, 1536, 1), 32);
    let open = |dir: &Path| tree_source(&dir.join("slide.dzi"));
    let estimates = check("tissue", dir.path(), open);
    let sampled = |e: &Estimate| e.families == 216 && e.measured <= SAMPLED && width_of(e.bytes) < 0.1;
    assert!(estimates.iter().all(sampled), "{estimates:?}");
    compare("tissue", dir.path(), open, &[Preset::Lossless.params()]);
}

#[test]
fn mostly_glass_with_some_tissue() {
    let dir = tempfile::tempdir().unwrap();
    write_png(dir.path(), &mostly_glass(2304, 1792));
    let estimates = check("glass", dir.path(), |dir| png(dir, 32));
    let sampled = |e: &Estimate| e.families == 252 && e.measured <= SAMPLED && width_of(e.bytes) < 0.3;
    assert!(estimates.iter().all(sampled), "{estimates:?}");
    write_jpeg_tree(dir.path(), &mostly_glass(2304, 1792), 32);
    let open = |dir: &Path| tree_source(&dir.join("slide.dzi"));
    check("glass-t", dir.path(), open);
    compare("glass-t", dir.path(), open, &[Preset::Lossless.params()]);
}

#[test]
fn sharp_text() {
    let dir = tempfile::tempdir().unwrap();
    write_png(dir.path(), &text(1100, 900));
    check("text", dir.path(), |dir| png(dir, 16));
}

#[test]
fn a_smooth_gradient() {
    let dir = tempfile::tempdir().unwrap();
    write_png(dir.path(), &Image::smooth(1100, 900));
    check("gradient", dir.path(), |dir| png(dir, 16));
}

#[test]
fn noise_alone() {
    let dir = tempfile::tempdir().unwrap();
    write_png(dir.path(), &noise(1100, 900));
    check("noise", dir.path(), |dir| png(dir, 16));
}

#[test]
fn small_levels_of_which_a_sample_is_coded() {
    let dir = tempfile::tempdir().unwrap();
    write_png(dir.path(), &mostly_glass(1100, 900));
    let tiles = png(dir.path(), 8).geometry().stored_tile_count();
    assert!(tiles > 256, "{tiles} tiles, and so many are coded");
    check("tiles", dir.path(), |dir| png(dir, 8));
}

#[test]
fn a_small_slide_is_measured_whole() {
    let dir = tempfile::tempdir().unwrap();
    write_png(dir.path(), &Image::tissue(620, 410, 8));
    let estimates = check("small", dir.path(), |dir| png(dir, 32));
    assert!(estimates.iter().all(|e| e.families == 20 && e.measured == 20), "{estimates:?}");
}
