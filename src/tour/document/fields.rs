//! The fields of a tour.

use std::path::{Path, PathBuf};

use super::camera::camera;
use super::cues::cues;
use super::marks::{highlights, pointer};
use super::node::{Fields, Node};
use super::values::{MAX_SECONDS, TIME};
use crate::store::is_address;
use crate::tour::plan::{Corners, Options, Source, Title, Tour};

/// Longest side of a frame, in pixels.
const MAX_SIDE: u32 = 8192;
/// Most frames a second: captions keep time to the hundredth of a second.
const MAX_FPS: f64 = 60.0;

/// The tour, unless something is wrong.
pub fn tour(node: &Node<'_>, folder: &Path) -> Option<Tour> {
    let top = node.object()?;
    // As a request to the service: cues and camera one level down.
    let inner = top.get("scenario").and_then(|scenario| scenario.object());
    let body = inner.as_ref().unwrap_or(&top);
    version(body);
    let source = source(&top, body, folder);
    let tour = Tour {
        options: options(&top),
        cues: cues(body),
        title: body.get("title").and_then(|node| title(&node)),
        pointer: pointer(body),
        highlights: highlights(body),
        corners: corners(body),
        audio: body.get("audio").and_then(|node| file(&node, folder)),
        source: source?,
    };
    check_together(body, &tour);
    if let Some(inner) = inner {
        inner.finish();
    }
    // Of a request, and of no effect here.
    top.ignore(&["jobId", "callbackUrl", "name", "description", "metadata", "language"]);
    top.finish();
    Some(tour)
}

fn version(body: &Fields<'_>) {
    let Some(node) = body.get("version") else { return };
    if let Some(version) = node.text().filter(|&version| version != "1" && !version.starts_with("1.")) {
        node.wrong(format!("version {version:?} is not known; this program reads 1.3 and the versions 1.x"));
    }
}

fn source(top: &Fields<'_>, body: &Fields<'_>, folder: &Path) -> Option<Source> {
    let given = |name| top.get(name).or_else(|| body.get(name));
    let (slide, video) = (given("slide"), given("video").or_else(|| given("videoUrl")));
    let keys = given("camera");
    match (slide, video) {
        (Some(_), Some(video)) => {
            video.wrong("a tour shows a slide or a video, not both; remove one");
            None
        }
        (Some(slide), None) => {
            let path = file(&slide, folder);
            let camera = match keys {
                Some(keys) => camera(&keys),
                None => {
                    body.node().wrong("camera is missing: the keyframes of the path over the slide");
                    None
                }
            };
            Some(Source::Slide { path: path?, camera: camera? })
        }
        (None, Some(video)) => {
            if let Some(keys) = keys {
                keys.wrong("a camera moves over a slide, and this is a video; remove it");
            }
            Some(Source::Video(file(&video, folder)?))
        }
        (None, None) => {
            top.node().wrong("slide is missing, or video: what the tour shows");
            None
        }
    }
}

/// A path, relative to the folder of the document; or an address.
fn file(node: &Node<'_>, folder: &Path) -> Option<PathBuf> {
    let text = node.text()?;
    if text.is_empty() {
        node.wrong("an empty text is no file; give its path");
        return None;
    }
    let path = Path::new(text);
    Some(if is_address(path) { path.into() } else { folder.join(path) })
}

fn options(top: &Fields<'_>) -> Options {
    let mut options = Options::default();
    let Some(fields) = top.get("options").and_then(|node| node.object()) else { return options };
    for (name, side) in [("width", &mut options.width), ("height", &mut options.height)] {
        let Some(node) = fields.get(name) else { continue };
        let Some(value) = node.whole("a number of pixels, 16 to 8192", 16, MAX_SIDE) else { continue };
        if value % 2 != 0 {
            node.wrong(format!("{value} is odd; H.264 needs an even number: {} or {}", value - 1, value + 1));
        }
        *side = Some(value);
    }
    options.fps = fields.get("fps").and_then(|node| frame_rate(&node));
    if let Some(node) = fields.get("quality") {
        let words = [("low", 40), ("medium", 60), ("high", 75), ("best", 95)];
        let quality = match node.as_text() {
            Some(_) => node.word(&words),
            None => node.whole("a quality from 1 to 100, or low, medium, high, best", 1, 100),
        };
        options.quality = quality.unwrap_or(options.quality);
    }
    if let Some(node) = fields.get("format") {
        node.word(&[("mp4", ())]);
    }
    options.duration = fields.get("duration").and_then(|node| node.number(TIME, 0.0, MAX_SECONDS));
    fields.finish();
    options
}

/// 25, 29.97 or "30000/1001". Rates of film and television with three decimals or fewer are the fractions that they stand for.
fn frame_rate(node: &Node<'_>) -> Option<(u32, u32)> {
    let what = "a number of frames a second from 1 to 60, or a fraction such as \"30000/1001\"";
    if let Some(text) = node.as_text() {
        let parsed = match text.split_once('/') {
            Some((above, below)) => above.trim().parse().ok().zip(below.trim().parse().ok()),
            None => text.trim().parse().ok().map(|whole: u32| (whole, 1)),
        };
        let fits = |&(above, below): &(u32, u32)| {
            below > 0 && (1.0..=MAX_FPS).contains(&(f64::from(above) / f64::from(below)))
        };
        return parsed.filter(fits).or_else(|| {
            node.wrong(format!("{text:?} is not {what}"));
            None
        });
    }
    let rate = node.number(what, 1.0, MAX_FPS)?;
    let broadcast = [24, 30, 48, 60].map(|whole| (whole * 1000, 1001u32));
    let near = |&(above, below): &(u32, u32)| (f64::from(above) / f64::from(below) - rate).abs() < 1e-3;
    if rate.fract() == 0.0 {
        return Some((rate as u32, 1));
    }
    // Three decimals otherwise.
    Some(broadcast.into_iter().find(near).unwrap_or(((rate * 1000.0).round() as u32, 1000)))
}

fn title(node: &Node<'_>) -> Option<Title> {
    let fields = node.object()?;
    let text = fields.need("text").and_then(|node| node.text());
    let subtitle = fields.get("subtitle").and_then(|node| node.text());
    let duration = fields.get("duration").map_or(Some(3.0), |node| node.number(TIME, 0.1, MAX_SECONDS));
    fields.finish();
    Some(Title { text: text?.into(), subtitle: subtitle.map(Into::into), duration: duration? })
}

fn corners(body: &Fields<'_>) -> Corners {
    let mut corners = Corners::default();
    let Some(fields) = body.get("overlays").and_then(|node| node.object()) else { return corners };
    let flag = |name, value: &mut bool| {
        *value = fields.get(name).and_then(|node: Node<'_>| node.flag()).unwrap_or(*value);
    };
    flag("scaleBar", &mut corners.scale_bar);
    flag("magnification", &mut corners.magnification);
    flag("lossyMark", &mut corners.lossy_mark);
    fields.finish();
    corners
}

/// What only the whole shows.
fn check_together(body: &Fields<'_>, tour: &Tour) {
    if matches!(tour.source, Source::Video(_)) {
        for name in ["pointer", "highlights"] {
            if let Some(node) = body.get(name) {
                node.wrong("it marks places on a slide, and this is a video; remove it");
            }
        }
        return;
    }
    let seconds = tour.duration();
    if seconds <= 0.0 && tour.options.duration.is_none() {
        let advice = "give a second keyframe, or duration in options";
        body.node().wrong(format!("the tour has no length: {advice}"));
    }
    if let Some(wanted) = tour.options.duration {
        let late = tour.cues.iter().filter(|cue| cue.start >= wanted).count();
        if late > 0 {
            body.node().warn(format!("{late} cues begin after the end of the video, at {wanted} s"));
        }
    }
}
