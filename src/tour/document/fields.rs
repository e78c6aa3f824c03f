//! The fields of a tour.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::node::{Fields, Node};
use crate::store::is_address;
use crate::tour::captions::style::{self, Style};
use crate::tour::colour::{self, Rgba};
use crate::tour::plan::{
    Corners, Cue, Ease, Highlight, Keyframe, Options, PointerKey, Source, Title, Tour, Zoom,
};

/// Longest video, in seconds.
const MAX_SECONDS: f64 = 6.0 * 3600.0;
/// Longest side of a frame, in pixels.
const MAX_SIDE: u32 = 8192;
/// Most frames a second: captions keep time to the hundredth of a second.
const MAX_FPS: f64 = 60.0;
/// Most keyframes, cues or marks.
const MAX_ITEMS: usize = 20_000;
/// Longest text of a cue, in bytes.
const MAX_TEXT: usize = 10_000;
/// Largest coordinate: the largest side of a slide.
const MAX_COORDINATE: f64 = 1e9;

const TIME: &str = "a time in seconds, 0 to 21600";

/// The tour, unless something is wrong.
pub fn tour(node: &Node<'_>, folder: &Path) -> Option<Tour> {
    let top = node.object()?;
    // As a request to the service: cues and camera one level down.
    let inner = top.get("scenario").and_then(|scenario| scenario.object());
    let body = inner.as_ref().unwrap_or(&top);
    version(body);
    let source = source(&top, body, folder);
    let looks = Looks::of(body);
    let tour = Tour {
        options: options(&top),
        cues: cues(body, &looks),
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

/// The elements of a list that is not too long.
fn items<'a>(node: &Node<'a>) -> Vec<Node<'a>> {
    let items = node.list().unwrap_or_default();
    if items.len() > MAX_ITEMS {
        node.wrong(format!("{} elements are more than {MAX_ITEMS}; split the tour", items.len()));
        return Vec::new();
    }
    items
}

/// A place on the slide: `[x, y]`, or `{"x": x, "y": y}`.
fn point(node: &Node<'_>) -> Option<(f64, f64)> {
    let what = "a coordinate in pixels of the full resolution";
    let number = |node: &Node<'_>| node.number(what, -MAX_COORDINATE, MAX_COORDINATE);
    if let Some(fields) = node.is_object().then(|| node.object()).flatten() {
        let (x, y) = (fields.need("x"), fields.need("y"));
        fields.finish();
        return Some((number(&x?)?, number(&y?)?));
    }
    match &node.list()?[..] {
        [x, y] => Some((number(x)?, number(y)?)),
        _ => {
            node.wrong("a place has two numbers: [x, y], in pixels of the full resolution");
            None
        }
    }
}

fn camera(node: &Node<'_>) -> Option<Vec<Keyframe>> {
    let mut keys: Vec<Keyframe> = Vec::new();
    let nodes = items(node);
    if nodes.is_empty() {
        node.wrong("it needs at least one keyframe");
        return None;
    }
    for node in nodes {
        let Some(key) = keyframe(&node) else { continue };
        if keys.last().is_some_and(|last| key.time <= last.time) {
            node.wrong(format!("its time, {}, is not after that of the keyframe before", key.time));
        }
        keys.push(key);
    }
    (!keys.is_empty()).then_some(keys)
}

fn keyframe(node: &Node<'_>) -> Option<Keyframe> {
    let fields = node.object()?;
    let time = fields.need("time").and_then(|node| node.number(TIME, 0.0, MAX_SECONDS));
    let center = fields.get("center").map(|node| point(&node));
    let zoom = zoom(&fields);
    let rotation = fields.get("rotation").map(|node| node.number("an angle in degrees", -36_000.0, 36_000.0));
    let eases = [
        ("linear", Ease::Linear),
        ("ease-in", Ease::In),
        ("ease-out", Ease::Out),
        ("ease-in-out", Ease::InOut),
        ("ease", Ease::InOut),
        ("hold", Ease::Hold),
    ];
    let ease = fields.get("ease").map(|node| node.word(&eases));
    fields.ignore(&["id", "label", "note"]);
    fields.finish();
    Some(Keyframe {
        time: time?,
        center: match center {
            Some(center) => Some(center?),
            None => None,
        },
        zoom: zoom?,
        rotation: rotation.map_or(Some(0.0), |rotation| rotation)?,
        ease: ease.map_or(Some(Ease::default()), |ease| ease)?,
    })
}

fn zoom(fields: &Fields<'_>) -> Option<Zoom> {
    let mut found = Vec::new();
    if let Some(node) = fields.get("mpp") {
        found.push(node.number("micrometres per pixel, above 0", 1e-6, 1e6).map(Zoom::MicronsPerPixel));
    }
    if let Some(node) = fields.get("magnification") {
        found.push(node.number("a magnification, above 0", 1e-6, 1e6).map(Zoom::Magnification));
    }
    if let Some(node) = fields.get("downsample") {
        let what = "pixels of the full resolution per pixel of the video, above 0";
        found.push(node.number(what, 1e-3, 1e6).map(Zoom::Downsample));
    }
    if let Some(node) = fields.get("fit") {
        found.push(node.word(&[("slide", Zoom::Fit)]));
    }
    match found[..] {
        [zoom] => zoom,
        [] if fields.get("center").is_none() => Some(Zoom::Fit),
        [] => {
            let known = "mpp, magnification, downsample or \"fit\": \"slide\"";
            fields.node().wrong(format!("it does not say how large the slide appears; give {known}"));
            None
        }
        _ => {
            fields.node().wrong(
                "it says twice how large the slide appears; keep one of mpp, magnification, downsample, fit",
            );
            None
        }
    }
}

/// Styles by name of speaker and of emotion.
struct Looks {
    default: Style,
    speakers: BTreeMap<String, Style>,
    emotions: BTreeMap<String, Style>,
}

impl Looks {
    fn of(body: &Fields<'_>) -> Self {
        let mut looks =
            Self { default: Style::default(), speakers: BTreeMap::new(), emotions: style::of_emotions() };
        let Some(fields) = body.get("styles").and_then(|node| node.object()) else { return looks };
        if let Some(node) = fields.get("default") {
            looks.default = self::style(&node);
        }
        for (name, map) in [("speakers", &mut looks.speakers), ("emotions", &mut looks.emotions)] {
            for (name, node) in fields.get(name).and_then(|node| node.entries()).unwrap_or_default() {
                map.insert(name.into(), self::style(&node));
            }
        }
        fields.finish();
        looks
    }

    /// The colour of a speaker without a style of its own is the next of a palette.
    fn of_cue(&self, speaker: Option<&str>, emotion: Option<&str>, order: &mut Vec<String>) -> Style {
        let speaker = speaker.map(|name| match self.speakers.get(name) {
            Some(style) => style.clone(),
            None => {
                let known = order.iter().position(|other| other == name);
                let number = known.unwrap_or_else(|| {
                    order.push(name.into());
                    order.len() - 1
                });
                style::of_speaker(number)
            }
        });
        let emotion = emotion.and_then(|name| self.emotions.get(&name.to_lowercase())).cloned();
        self.default.clone().under(speaker.unwrap_or_default()).under(emotion.unwrap_or_default())
    }
}

fn cues(body: &Fields<'_>, looks: &Looks) -> Vec<Cue> {
    // Segments are what speech recognition calls them.
    let (cues, segments) = (body.get("cues"), body.get("segments"));
    if let (Some(_), Some(segments)) = (&cues, &segments) {
        segments.wrong("cues are there as well, which are the same; keep one");
    }
    let Some(node) = cues.or(segments) else { return Vec::new() };
    let mut speakers = Vec::new();
    items(&node).iter().filter_map(|node| cue(node, looks, &mut speakers)).collect()
}

fn cue(node: &Node<'_>, looks: &Looks, speakers: &mut Vec<String>) -> Option<Cue> {
    let fields = node.object()?;
    let text = fields.need("text").and_then(|node| {
        let text = node.text()?;
        if text.len() > MAX_TEXT {
            node.wrong(format!("{} bytes are more than {MAX_TEXT}; split the cue", text.len()));
        }
        Some(text.trim_matches(['\n', '\r']).to_string())
    });
    let span = span(&fields);
    let speaker = fields.get("speaker").and_then(|node| node.text());
    let emotion = fields.get("emotion").and_then(|node| node.text());
    let own = fields.get("style").map(|node| style(&node)).unwrap_or_default();
    fields.ignore(&["id", "words", "chars", "score", "confidence", "language", "avg_logprob"]);
    fields.finish();
    let (start, end) = span?;
    Some(Cue { text: text?, start, end, style: looks.of_cue(speaker, emotion, speakers).under(own) })
}

/// `start` and `end`.
fn span(fields: &Fields<'_>) -> Option<(f64, f64)> {
    let time = |name| fields.need(name).and_then(|node| node.number(TIME, 0.0, MAX_SECONDS));
    let (start, end) = (time("start"), time("end"));
    let (start, end) = (start?, end?);
    if end <= start {
        fields.node().wrong(format!("its end, {end}, is not after its start, {start}"));
        return None;
    }
    Some((start, end))
}

fn style(node: &Node<'_>) -> Style {
    let Some(fields) = node.object() else { return Style::default() };
    let colour = |name| fields.get(name).and_then(|node| self::colour(&node));
    let bold = fields.get("fontWeight").and_then(|node| match node.as_text() {
        Some(_) => node.word(&[("normal", false), ("bold", true), ("bolder", true), ("lighter", false)]),
        None => node.whole("a weight from 1 to 1000, or normal or bold", 1, 1000).map(|weight| weight >= 600),
    });
    let style = Style {
        font_size: fields.get("fontSize").and_then(|node| length(&node)),
        font_family: fields.get("fontFamily").and_then(|node| node.text()).and_then(style::first_family),
        color: colour("color"),
        background: colour("backgroundColor").or_else(|| colour("background")),
        outline: colour("outlineColor"),
        outline_width: fields.get("outlineWidth").and_then(|node| length(&node)),
        bold,
        italic: fields
            .get("fontStyle")
            .and_then(|node| node.word(&[("normal", false), ("italic", true), ("oblique", true)])),
        underline: fields
            .get("textDecoration")
            .and_then(|node| node.word(&[("none", false), ("underline", true)])),
        align: fields.get("textAlign").and_then(|node| node.word(&style::ALIGNMENTS)),
        position: fields.get("position").and_then(|node| node.word(&style::POSITIONS)),
        letter_spacing: fields.get("letterSpacing").and_then(|node| length(&node)),
        opacity: fields.get("opacity").and_then(|node| node.number("an opacity from 0 to 1", 0.0, 1.0)),
    };
    fields.finish();
    style
}

/// Pixels of the video: 24, "24px" or "18pt".
fn length(node: &Node<'_>) -> Option<f64> {
    let what = "a length in pixels from 0 to 1000, such as 24, \"24px\" or \"18pt\"";
    let Some(text) = node.as_text() else { return node.number(what, 0.0, 1000.0) };
    let text = text.trim();
    let (digits, factor) = match (text.strip_suffix("px"), text.strip_suffix("pt")) {
        (Some(digits), _) => (digits, 1.0),
        (_, Some(digits)) => (digits, 4.0 / 3.0),
        _ => (text, 1.0),
    };
    let pixels = digits.trim().parse::<f64>().ok().map(|value| value * factor);
    pixels.filter(|pixels| (0.0..=1000.0).contains(pixels)).or_else(|| {
        node.wrong(format!("{text:?} is not {what}"));
        None
    })
}

fn colour(node: &Node<'_>) -> Option<Rgba> {
    let text = node.text()?;
    colour::parse(text).or_else(|| {
        node.wrong(format!("{text:?} is no colour; write a name of CSS, #rrggbb or rgba(r, g, b, a)"));
        None
    })
}

fn title(node: &Node<'_>) -> Option<Title> {
    let fields = node.object()?;
    let text = fields.need("text").and_then(|node| node.text());
    let subtitle = fields.get("subtitle").and_then(|node| node.text());
    let duration = fields.get("duration").map_or(Some(3.0), |node| node.number(TIME, 0.1, MAX_SECONDS));
    fields.finish();
    Some(Title { text: text?.into(), subtitle: subtitle.map(Into::into), duration: duration? })
}

fn pointer(body: &Fields<'_>) -> Vec<PointerKey> {
    let Some(node) = body.get("pointer") else { return Vec::new() };
    let mut keys: Vec<PointerKey> = Vec::new();
    for node in items(&node) {
        let Some(fields) = node.object() else { continue };
        let time = fields.need("time").and_then(|node| node.number(TIME, 0.0, MAX_SECONDS));
        let at = fields.get("at").map(|node| point(&node));
        fields.finish();
        let Some(time) = time else { continue };
        if keys.last().is_some_and(|last| time <= last.time) {
            node.wrong(format!("its time, {time}, is not after that of the place before"));
        }
        keys.push(PointerKey { time, at: at.flatten() });
    }
    keys
}

fn highlights(body: &Fields<'_>) -> Vec<Highlight> {
    let Some(node) = body.get("highlights") else { return Vec::new() };
    let highlight = |node: &Node<'_>| {
        let fields = node.object()?;
        let span = span(&fields);
        let center = fields.need("center").and_then(|node| point(&node));
        let what = "a radius in pixels of the full resolution, above 0";
        let radius = fields.need("radius").and_then(|node| node.number(what, 1e-3, MAX_COORDINATE));
        let color = fields.get("color").map_or(Some(Rgba::opaque(0xffd700)), |node| self::colour(&node));
        fields.finish();
        let (start, end) = span?;
        Some(Highlight { start, end, center: center?, radius: radius?, color: color? })
    };
    items(&node).iter().filter_map(highlight).collect()
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
