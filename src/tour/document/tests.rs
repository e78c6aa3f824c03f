use super::*;
use crate::tour::plan::{Source, Zoom};

fn read_strict(text: &str) -> Result<(Tour, Vec<Fault>)> {
    read(Path::new("tours/tour.json"), text, Strictness::Strict)
}

fn faults(text: &str) -> Vec<String> {
    match read_strict(text) {
        Err(Error::Document { faults, .. }) => faults.iter().map(Fault::to_string).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_tour_is_read() {
    let text = r##"{"version": "1.3", "slide": "a.svs", "camera": [{"time": 0}, {"time": 4, "center": [10, 20.5], "mpp": 0.5, "ease": "linear"}],
        "cues": [{"text": "안녕하세요", "start": 0.5, "end": 2.3, "speaker": "A", "emotion": "neutral",
        "style": {"fontSize": "24px", "color": "white", "fontFamily": "Noto Sans CJK, serif"}}],
        "options": {"width": 1280, "fps": 29.97, "quality": "high"}, "overlays": {"scaleBar": false}}"##;
    let (tour, warnings) = read_strict(text).unwrap();
    assert!(warnings.is_empty());
    let Source::Slide { path, camera } = &tour.source else { panic!() };
    assert_eq!(path, Path::new("tours/a.svs"));
    assert_eq!((camera[0].zoom, camera[1].center), (Zoom::Fit, Some((10.0, 20.5))));
    let format = tour.format_over(crate::tour::DEFAULT_FORMAT);
    assert_eq!((format.width, format.height, format.fps), (1280, 720, (30000, 1001)));
    assert_eq!(
        (tour.cues[0].style.font_size, tour.cues[0].style.font_family.as_deref()),
        (Some(24.0), Some("Noto Sans CJK"))
    );
    assert_eq!((tour.duration(), tour.frames(format)), (4.0, 120));
    assert!(!tour.corners.scale_bar && tour.corners.magnification);
}

#[test]
fn a_request_to_the_service_is_a_tour() {
    let text = r#"{"jobId": "test-simple", "videoUrl": "https://example.com/test.mp4", "scenario": {"cues": []}, "options": {},
        "callbackUrl": "http://localhost:8000/callback"}"#;
    let (tour, _) = read_strict(text).unwrap();
    assert_eq!(tour.source, Source::Video("https://example.com/test.mp4".into()));
}

#[test]
fn segments_of_speech_recognition_are_cues() {
    let text = r#"{"video": "a.mp4", "segments": [{"start": 0, "end": 1, "text": " x", "words": [{"word": "x"}], "speaker": "S"}]}"#;
    let (tour, _) = read_strict(text).unwrap();
    assert_eq!(tour.cues.len(), 1);
}

#[test]
fn effects_name_no_file() {
    let style = |style: &str| {
        format!(
            r#"{{"slide": "a", "camera": [{{"time": 1}}], "cues": [{{"text": "x", "start": 0, "end": 1, "style": {{{style}}}}}]}}"#
        )
    };
    let (tour, _) = read_strict(&style(
        r##""textShadow": "0 0 2px #f00", "background": "linear-gradient(90deg, red, rgba(0, 0, 0, 0.5))""##,
    ))
    .unwrap();
    let effects: Vec<&str> = tour.cues[0].style.effects.keys().map(String::as_str).collect();
    assert_eq!((effects, tour.cues[0].style.background), (vec!["backgroundImage", "textShadow"], None));
    for wrong in [
        r#""backgroundImage": "url(http://x/y.png)""#,
        r#""backgroundImage": "image-set(a)""#,
        r#""filter": "\\75rl(#a)""#,
        r#""textShadow": "0 0 2px red; color: blue""#,
        r#""background": "linear-gradient(red, blue), URL(a)""#,
    ] {
        let found = faults(&style(wrong));
        assert!(found[0].contains("is not a value of CSS"), "{wrong}: {found:?}");
    }
}

#[test]
fn each_fault_has_its_place() {
    let text = "{\n \"slide\": \"a\",\n \"camera\": [{\"time\": 1, \"centre\": [1, 2]}, {\"time\": 1, \"mpp\": -1, \"center\": [1]}],\n \
                \"cues\": [{\"text\": \"x\", \"start\": 2, \"end\": 1, \"style\": {\"colour\": \"red\", \"color\": \"rde\"}}],\n \"options\": {\"width\": 101}\n}";
    let found = faults(text);
    for expected in [
        "line 3, column 35: camera[0].centre: this field is not known; did you mean center?",
        "camera[1].mpp: -1 is not micrometres per pixel, above 0",
        "camera[1].center: a place has two numbers",
        "cues[0]: its end, 1, is not after its start, 2",
        "cues[0].style.colour: this field is not known; did you mean color?",
        "cues[0].style.color: \"rde\" is no colour",
        "options.width: 101 is odd; H.264 needs an even number: 100 or 102",
    ] {
        assert!(found.iter().any(|fault| fault.contains(expected)), "{expected} is not in {found:#?}");
    }
}

#[test]
fn what_contradicts_itself_is_refused() {
    let of = |text: &str| faults(text).join("\n");
    assert!(of("{").contains("line 1, column 1: this is no JSON"));
    assert!(of("[]").contains("a list is not an object"));
    assert!(of("{}").contains("slide is missing, or video"));
    assert!(of(r#"{"slide": "a", "video": "b", "camera": []}"#).contains("not both"));
    assert!(of(r#"{"slide": "a", "camera": []}"#).contains("at least one keyframe"));
    assert!(of(r#"{"slide": "a", "camera": [{"time": 0}]}"#).contains("the tour has no length"));
    assert!(
        of(r#"{"slide": "a", "slide": "b", "camera": [{"time": 1}]}"#).contains("slide: it is given twice")
    );
    assert!(
        of(r#"{"version": "2.0", "slide": "a", "camera": [{"time": 1}]}"#).contains("\"2.0\" is not known")
    );
    let twice = r#"{"slide": "a", "camera": [{"time": 1, "mpp": 1, "downsample": 2}]}"#;
    assert!(of(twice).contains("says twice how large"));
}

#[test]
fn a_program_may_say_more_than_is_drawn() {
    let text = r#"{"slide": "a", "camera": [{"time": 1}], "mood": "calm"}"#;
    assert!(faults(text)[0].contains("mood: this field is not known"));
    let (_, warnings) = read(Path::new("job"), text, Strictness::Lenient).unwrap();
    assert_eq!((warnings.len(), warnings[0].severity), (1, Severity::Warning));
}

#[test]
fn values_of_css_that_are_not_drawn_matter_as_little_as_fields_that_are_not_known() {
    let document = |style: &str| {
        format!(
            r#"{{"slide": "a", "camera": [{{"time": 1}}], "styles": {{"default": {{"backdropFilter": "blur(2px)"}}}},
                "cues": [{{"text": "x", "start": 0, "end": 1, "style": {{{style}, "opacity": 0.5}}}}]}}"#
        )
    };
    for style in [
        r#""backdropFilter": "hue-rotate(90deg)""#,
        r#""backdropFilter": "blur(1rem)""#,
        r#""fontSize": "1.5rem""#,
        r#""color": "currentColor""#,
        r#""fontStyle": "oblique 10deg""#,
        r#""boxShadow": "var(--shadow)""#,
        r#""fontWeight": 2000"#,
    ] {
        let text = document(style);
        assert!(faults(&text)[0].contains("cues[0].style."), "{style}");
        let (tour, warnings) = read(Path::new("job"), &text, Strictness::Lenient).unwrap();
        assert_eq!((warnings.len(), warnings[0].severity), (1, Severity::Warning), "{style}");
        // What is under it counts, and so do the others.
        assert_eq!(tour.cues[0].style.opacity, Some(0.5));
        assert_eq!(tour.cues[0].style.beyond_libass(), ["backdropFilter"], "{style}");
    }
    let (tour, _) =
        read(Path::new("t"), &document(r#""backdropFilter": "none""#), Strictness::Strict).unwrap();
    assert!(tour.cues[0].style.beyond_libass().is_empty(), "none takes the filter away");
}
