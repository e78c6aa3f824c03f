//! From keyframes to the view at a time.
//!
//! `docs/tours.md` has the formulas; the preview in a browser uses the same.

use std::path::Path;

use super::error::{Error, Result};
use super::plan::{Ease, Format, Keyframe, Zoom};

/// What a frame shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View {
    /// The place in the middle of the frame, in pixels of the full resolution.
    pub center: (f64, f64),
    /// Pixels of the full resolution per pixel of the frame, along a side.
    pub downsample: f64,
    /// Degrees by which the slide is turned clockwise.
    pub rotation: f64,
}

/// What a camera must know of its slide.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// Width and height in pixels of the full resolution.
    pub size: (u32, u32),
    /// Micrometres per pixel, the mean of both directions.
    pub microns_per_pixel: Option<f64>,
    /// Magnification of the objective.
    pub objective_power: Option<f64>,
}

/// How many times the view may be larger than the slide.
const MAX_BESIDE: f64 = 16.0;

/// Micrometres per pixel at a magnification of 1: 40 is 0.25.
pub const MICRONS_AT_1X: f64 = 10.0;

impl Scale {
    /// Magnification of a view; `None` for a slide without a scale.
    pub fn magnification(&self, downsample: f64) -> Option<f64> {
        let full = self.microns_per_pixel.map(|microns| MICRONS_AT_1X / microns).or(self.objective_power)?;
        Some(full / downsample)
    }
}

/// The path of a camera.
#[derive(Clone, Debug)]
pub struct Camera {
    keys: Vec<(f64, Ease, View)>,
}

impl Camera {
    /// The path of these keyframes, at least one, over a slide. `document` is named in errors.
    ///
    /// # Errors
    /// [`Error::Unfit`]: a magnification of a slide that has no scale.
    pub fn new(keys: &[Keyframe], scale: &Scale, format: Format, document: &Path) -> Result<Self> {
        let view = |(index, key): (usize, &Keyframe)| {
            let (width, height) = (f64::from(scale.size.0), f64::from(scale.size.1));
            let unfit = |lacks: &str| Error::Unfit {
                path: document.into(),
                problem: format!("camera[{index}]: the slide {lacks}; give downsample instead"),
            };
            let downsample = match key.zoom {
                Zoom::Downsample(downsample) => downsample,
                Zoom::MicronsPerPixel(wanted) => {
                    let own = scale
                        .microns_per_pixel
                        .ok_or_else(|| unfit("does not say its micrometres per pixel"))?;
                    wanted / own
                }
                Zoom::Magnification(wanted) => {
                    let at_1 = scale.magnification(1.0);
                    at_1.ok_or_else(|| unfit("says neither its micrometres per pixel nor its objective"))?
                        / wanted
                }
                Zoom::Fit => {
                    let (sin, cos) = sin_cos(key.rotation);
                    let across = width * cos.abs() + height * sin.abs();
                    let down = width * sin.abs() + height * cos.abs();
                    (across / f64::from(format.width)).max(down / f64::from(format.height))
                }
            };
            let widest =
                MAX_BESIDE * (width / f64::from(format.width)).max(height / f64::from(format.height));
            if downsample > widest {
                let problem = format!(
                    "camera[{index}]: the slide would take less than a {MAX_BESIDE}th of the frame; {downsample} pixels per pixel of \
                     the video are more than {widest:.1}"
                );
                return Err(Error::Unfit { path: document.into(), problem });
            }
            let center = key.center.unwrap_or((width / 2.0, height / 2.0));
            Ok((key.time, key.ease, View { center, downsample, rotation: key.rotation }))
        };
        Ok(Self { keys: keys.iter().enumerate().map(view).collect::<Result<_>>()? })
    }

    /// The view at a time in seconds: before the first keyframe that of the first, after the last that of the last.
    pub fn at(&self, time: f64) -> View {
        let next = self.keys.partition_point(|&(at, ..)| at <= time);
        match (next.checked_sub(1).and_then(|before| self.keys.get(before)), self.keys.get(next)) {
            (Some(&(start, _, from)), Some(&(end, ease, to))) => {
                between(from, to, eased(ease, (time - start) / (end - start)))
            }
            (Some(&(.., view)), None) | (None, Some(&(.., view))) => view,
            (None, None) => View { center: (0.0, 0.0), downsample: 1.0, rotation: 0.0 },
        }
    }
}

/// Progress from 0 to 1 at a part `t` of the time.
fn eased(ease: Ease, t: f64) -> f64 {
    match ease {
        Ease::Linear => t,
        Ease::In => t * t,
        Ease::Out => t * (2.0 - t),
        Ease::InOut => t * t * (3.0 - 2.0 * t),
        Ease::Hold => 0.0,
    }
}

/// The view at a progress from 0 to 1. The scale changes by equal factors in equal parts; the middle moves with it, so that one place of
/// the slide stays where it is in the frame.
fn between(from: View, to: View, progress: f64) -> View {
    let ratio = to.downsample / from.downsample;
    let downsample = from.downsample * libm::pow(ratio, progress);
    // Near 1 the quotient is 0 / 0, and its limit is the progress.
    let moved = match (ratio - 1.0).abs() < 1e-6 {
        true => progress,
        false => (downsample - from.downsample) / (to.downsample - from.downsample),
    };
    let mix = |a: f64, b: f64, part: f64| a + (b - a) * part;
    View {
        center: (mix(from.center.0, to.center.0, moved), mix(from.center.1, to.center.1, moved)),
        downsample,
        rotation: mix(from.rotation, to.rotation, progress),
    }
}

/// Sine and cosine of degrees; exact for quarter turns.
pub fn sin_cos(degrees: f64) -> (f64, f64) {
    match degrees.rem_euclid(360.0) {
        0.0 => (0.0, 1.0),
        90.0 => (1.0, 0.0),
        180.0 => (0.0, -1.0),
        270.0 => (-1.0, 0.0),
        angle => (libm::sin(angle.to_radians()), libm::cos(angle.to_radians())),
    }
}

impl View {
    /// Where a place of the slide, in pixels of the full resolution, lies in a frame, in its pixels from the left upper corner.
    pub fn to_frame(self, (x, y): (f64, f64), format: Format) -> (f64, f64) {
        let (sin, cos) = sin_cos(self.rotation);
        let (dx, dy) = ((x - self.center.0) / self.downsample, (y - self.center.1) / self.downsample);
        (
            f64::from(format.width) / 2.0 + dx * cos - dy * sin,
            f64::from(format.height) / 2.0 + dx * sin + dy * cos,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tour::plan::DEFAULT_FORMAT;

    const SCALE: Scale =
        Scale { size: (8000, 4000), microns_per_pixel: Some(0.5), objective_power: Some(20.0) };

    fn key(time: f64, center: Option<(f64, f64)>, zoom: Zoom) -> Keyframe {
        Keyframe { time, center, zoom, rotation: 0.0, ease: Ease::Linear }
    }

    fn camera(keys: &[Keyframe], scale: &Scale) -> Result<Camera> {
        Camera::new(keys, scale, DEFAULT_FORMAT, Path::new("tour.json"))
    }

    #[test]
    fn zooms_are_scales() {
        let keys = [
            key(0.0, None, Zoom::Fit),
            key(1.0, None, Zoom::Magnification(40.0)),
            key(2.0, None, Zoom::MicronsPerPixel(2.0)),
            key(3.0, None, Zoom::Downsample(3.0)),
        ];
        let camera = camera(&keys, &SCALE).unwrap();
        let at = |time| camera.at(time).downsample;
        assert!((at(0.0) - 8000.0 / 1920.0).abs() < 1e-12);
        assert_eq!((at(1.0), at(2.0), at(3.0), at(9.0)), (0.5, 4.0, 3.0, 3.0));
        assert_eq!(camera.at(0.0).center, (4000.0, 2000.0));
    }

    #[test]
    fn a_slide_without_a_scale_has_no_magnification() {
        let scale = Scale { microns_per_pixel: None, objective_power: None, ..SCALE };
        let error = camera(&[key(0.0, None, Zoom::Magnification(5.0))], &scale).unwrap_err().to_string();
        assert!(error.contains("tour.json: camera[0]") && error.contains("downsample"), "{error}");
        let by_objective = Scale { microns_per_pixel: None, ..SCALE };
        let camera = camera(&[key(0.0, None, Zoom::Magnification(5.0))], &by_objective).unwrap();
        assert_eq!(camera.at(0.0).downsample, 4.0);
    }

    #[test]
    fn a_zoom_keeps_one_place_still() {
        let keys = [
            key(0.0, Some((1000.0, 1000.0)), Zoom::Downsample(8.0)),
            key(4.0, Some((3000.0, 500.0)), Zoom::Downsample(1.0)),
        ];
        let camera = camera(&keys, &SCALE).unwrap();
        // The place that both views show at the same point of the frame.
        let still = (1000.0 + 8.0 * 2000.0 / 7.0, 1000.0 - 8.0 * 500.0 / 7.0);
        let seen = camera.at(0.0).to_frame(still, DEFAULT_FORMAT);
        for time in [0.5, 1.0, 2.2, 3.9, 4.0] {
            let now = camera.at(time).to_frame(still, DEFAULT_FORMAT);
            assert!((now.0 - seen.0).abs() < 1e-6 && (now.1 - seen.1).abs() < 1e-6, "{now:?} {seen:?}");
        }
        assert!((camera.at(2.0).downsample - 8f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn eases_begin_and_end_and_hold() {
        for ease in [Ease::Linear, Ease::In, Ease::Out, Ease::InOut] {
            assert_eq!((eased(ease, 0.0), eased(ease, 1.0)), (0.0, 1.0));
        }
        let mut keys = [key(0.0, None, Zoom::Downsample(4.0)), key(1.0, None, Zoom::Downsample(2.0))];
        keys[1].ease = Ease::Hold;
        let camera = camera(&keys, &SCALE).unwrap();
        assert_eq!((camera.at(0.999).downsample, camera.at(1.0).downsample), (4.0, 2.0));
    }

    #[test]
    fn a_turn_is_clockwise() {
        let view = View { center: (100.0, 100.0), downsample: 1.0, rotation: 90.0 };
        // What lies to the right comes to lie below.
        assert_eq!(view.to_frame((110.0, 100.0), DEFAULT_FORMAT), (960.0, 550.0));
    }
}
