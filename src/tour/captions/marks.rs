//! What moves with the view or tells of it: pointer, circles, scale bar, magnification.

use std::fmt::Write;
use std::ops::Range;

use super::script::{Layer, Script};
use crate::tour::camera::{Camera, Scale};
use crate::tour::colour::Rgba;
use crate::tour::plan::{Corners, Format, Highlight, PointerKey};

/// Part of the frame's width that a scale bar takes at most.
const BAR_PART: f64 = 1.0 / 6.0;
/// Largest radius of a circle in widths of the frame: its line is straight in a frame by then.
const MAX_RADIUS: f64 = 50.0;

/// Adds events for each run of frames for which `drawn` gives the same.
fn runs(script: &mut Script, layer: Layer, frames: Range<u64>, drawn: impl Fn(u64) -> Option<String>) {
    let frames = frames.start.max(script.frames().start)..frames.end.min(script.frames().end);
    let mut run: Option<(u64, String)> = None;
    for frame in frames.clone() {
        let now = drawn(frame);
        if run.as_ref().map(|(_, text)| text) == now.as_ref() {
            continue;
        }
        if let Some((start, text)) = run.take() {
            script.event(layer, start..frame, "Mark", &text);
        }
        run = now.map(|text| (frame, text));
    }
    if let Some((start, text)) = run {
        script.event(layer, start..frames.end, "Mark", &text);
    }
}

/// Scale bar, magnification and the mark of a loss.
pub fn corners(script: &mut Script, which: Corners, camera: &Camera, scale: &Scale, lossy: bool) {
    let (format, frames) = (script.format(), script.frames());
    let view = |frame| camera.at(format.time_of(frame));
    let (w, h) = (f64::from(format.width), f64::from(format.height));
    let (margin, line) = (h / 30.0, h / 36.0);
    if let (true, Some(microns)) = (which.scale_bar, scale.microns_per_pixel) {
        let bar = |frame| Bar::of(view(frame).downsample * microns, w * BAR_PART);
        runs(script, Layer::Corners, frames.clone(), |frame| {
            let length = bar(frame).pixels;
            let thick = h / 180.0;
            let shape = rectangle(length, thick);
            let bottom = h - margin - thick;
            Some(format!(
                "{{\\an7\\pos({margin:.1},{bottom:.1})\\bord{:.1}\\1c&HFFFFFF&\\3c&H101010&\\p4}}{shape}",
                h / 540.0
            ))
        });
        runs(script, Layer::Corners, frames.clone(), |frame| {
            let bottom = h - margin - h / 90.0;
            Some(format!("{{\\an1\\pos({margin:.1},{bottom:.1})}}{}", bar(frame).label()))
        });
    }
    if which.magnification && scale.magnification(1.0).is_some() {
        runs(script, Layer::Corners, frames.clone(), |frame| {
            let bottom = h - margin;
            let text = magnification(scale.magnification(view(frame).downsample)?);
            Some(format!("{{\\an3\\pos({:.1},{bottom:.1})}}{text}", w - margin))
        });
    }
    if which.lossy_mark && lossy {
        let text = format!(
            "{{\\an9\\pos({:.1},{margin:.1})\\fs{:.1}\\alpha&H60&}}lossy reconstruction",
            w - margin,
            line * 0.8
        );
        script.event(Layer::Corners, frames, "Mark", &text);
    }
}

/// A scale bar.
struct Bar {
    microns: f64,
    pixels: f64,
}

impl Bar {
    /// The longest of 1, 2 or 5 times a power of ten that takes at most `most` pixels.
    fn of(microns_per_pixel: f64, most: f64) -> Self {
        let longest = microns_per_pixel * most;
        let power = 10f64.powi(longest.log10().floor() as i32);
        let microns =
            [5.0, 2.0, 1.0].map(|step| step * power).into_iter().find(|&microns| microns <= longest);
        let microns = microns.unwrap_or(power);
        Self { microns, pixels: microns / microns_per_pixel }
    }

    fn label(&self) -> String {
        match self.microns {
            microns if microns >= 1e4 => format!("{} cm", rounded(microns / 1e4)),
            microns if microns >= 1e3 => format!("{} mm", rounded(microns / 1e3)),
            microns if microns >= 1.0 => format!("{} \u{b5}m", rounded(microns)),
            microns => format!("{} nm", rounded(microns * 1e3)),
        }
    }
}

/// A number without the dust of binary fractions.
fn rounded(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

/// Two significant digits below 10, else a whole number.
fn magnification(value: f64) -> String {
    match value {
        value if value < 1.0 => format!("{value:.2}x"),
        value if value < 9.95 => format!("{value:.1}x"),
        value => format!("{value:.0}x"),
    }
}

/// A rectangle in eighths of a pixel, the unit of `\p4`.
fn rectangle(width: f64, height: f64) -> String {
    let (w, h) = (eighths(width), eighths(height));
    format!("m 0 0 l {w} 0 l {w} {h} l 0 {h}")
}

fn eighths(pixels: f64) -> i64 {
    (pixels * 8.0).round() as i64
}

/// The pointer: an arrow whose tip is at the place that is meant.
pub fn pointer(script: &mut Script, keys: &[PointerKey], camera: &Camera) {
    let format = script.format();
    let h = f64::from(format.height);
    let unit = h / 40.0;
    // The tip, and clockwise.
    let corners =
        [(0.0, 0.0), (0.72, 0.70), (0.42, 0.72), (0.60, 1.12), (0.44, 1.19), (0.27, 0.78), (0.0, 1.0)];
    let mut shape = String::new();
    for (number, (x, y)) in corners.into_iter().enumerate() {
        let word = match number {
            0 => "m",
            1 => "l",
            _ => "",
        };
        let _ = write!(shape, "{word} {} {} ", eighths(x * unit), eighths(y * unit));
    }
    runs(script, Layer::Marks, script.frames(), |frame| {
        let time = format.time_of(frame);
        let (x, y) = camera.at(time).to_frame(pointed_at(keys, time)?, format);
        let seen = (-unit..=f64::from(format.width) + unit).contains(&x) && (-unit..=h + unit).contains(&y);
        seen.then(|| {
            format!(
                "{{\\an7\\pos({x:.2},{y:.2})\\bord{:.1}\\1c&HFFFFFF&\\3c&H101010&\\p4}}{shape}",
                h / 540.0
            )
        })
    });
}

/// The place that is pointed at: between two places it moves evenly.
fn pointed_at(keys: &[PointerKey], time: f64) -> Option<(f64, f64)> {
    let next = keys.partition_point(|key| key.time <= time);
    let before = keys.get(next.checked_sub(1)?)?;
    let from = before.at?;
    let Some(PointerKey { time: end, at: Some(to) }) = keys.get(next) else { return Some(from) };
    let part = (time - before.time) / (end - before.time);
    Some((from.0 + (to.0 - from.0) * part, from.1 + (to.1 - from.1) * part))
}

/// A circle around a part of the slide.
pub fn highlight(script: &mut Script, mark: &Highlight, camera: &Camera) {
    let format = script.format();
    let frames = format.first_frame_at(mark.start)..format.first_frame_at(mark.end);
    let Rgba { r, g, b, a } = mark.color;
    let width = f64::from(format.height) / 270.0;
    runs(script, Layer::Marks, frames, |frame| {
        let view = camera.at(format.time_of(frame));
        let ((x, y), radius) = (view.to_frame(mark.center, format), mark.radius / view.downsample);
        if !touches((x, y), radius, format) {
            return None;
        }
        let colour = format!("\\1a&HFF&\\3c&H{b:02X}{g:02X}{r:02X}&\\3a&H{:02X}&", 255 - a);
        Some(format!("{{\\an7\\pos({x:.2},{y:.2})\\bord{width:.1}{colour}\\p4}}{}", circle(radius)))
    });
}

/// Whether the line of a circle passes through the frame.
fn touches((x, y): (f64, f64), radius: f64, format: Format) -> bool {
    let (w, h) = (f64::from(format.width), f64::from(format.height));
    let nearest = (x.clamp(0.0, w) - x).hypot(y.clamp(0.0, h) - y);
    let farthest = x.abs().max((w - x).abs()).hypot(y.abs().max((h - y).abs()));
    nearest <= radius && radius <= farthest && radius <= MAX_RADIUS * w
}

/// Four arcs about the origin. Where a shape begins says nothing of its place: libass puts its origin at `\pos`.
fn circle(radius: f64) -> String {
    let (r, k) = (eighths(radius), eighths(radius * 0.552_284_75));
    format!(
        "m {r} 0 b {r} {k} {k} {r} 0 {r} b -{k} {r} -{r} {k} -{r} 0 b -{r} -{k} -{k} -{r} 0 -{r} b {k} -{r} {r} -{k} {r} 0"
    )
}
