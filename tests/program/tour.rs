//! `origami tour`: faults have their place; a video has each frame once, does not depend on the number of workers, and captions are on
//! the frames that they belong to.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::kit::ffmpeg;
use crate::kit::program::{Ran, arg, origami, program};
use crate::kit::slides::write_png;

/// A slide and a tour over it, in a folder.
struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self { dir: tempfile::tempdir().unwrap() };
        write_png(&place.path("slide.png"), 700, 500, 1);
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a tour: `more` over one of 11 seconds at 5 frames a second, which is two segments.
    fn tour(&self, name: &str, more: Value) -> PathBuf {
        let mut tour = json!({
            "slide": "slide.png",
            "camera": [{"time": 0}, {"time": 6, "center": [300, 200], "downsample": 0.7, "rotation": 30}, {"time": 11, "center": [400, 300], "downsample": 2}],
            "options": {"width": 160, "height": 120, "fps": 5},
            "overlays": {"scaleBar": false},
        });
        tour.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let path = self.path(name);
        fs::write(&path, tour.to_string()).unwrap();
        path
    }

    fn still(&self, tour: &Path, at: &str) -> Vec<u8> {
        let out = self.path("still.png");
        origami(&["tour", "still", arg(tour), "--at", at, "--out", arg(&out)]).ok();
        fs::read(out).unwrap()
    }

    /// What lies in the folder.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.dir.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn object(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|e| panic!("{e}: {ran:?}"))
}

#[test]
fn a_check_says_what_the_camera_shows() {
    let place = Place::new();
    let tour = place.tour("good.json", json!({}));
    let ran = object(&origami(&["tour", "check", "--json", "--views-at", "6,2.5,99", arg(&tour)]).ok());
    let views = ran["results"][0]["views"].as_array().unwrap();
    let last = json!({"time": 99.0, "center": [400.0, 300.0], "downsample": 2.0, "rotation": 0.0});
    assert_eq!((views.len(), &views[2]), (3, &last));
    assert_eq!(views[0], json!({"time": 6.0, "center": [300.0, 200.0], "downsample": 0.7, "rotation": 30.0}));
    // Part of the way: t²(3 − 2t) of 30 degrees.
    let t = 2.5 / 6.0;
    assert!((views[1]["rotation"].as_f64().unwrap() - 30.0 * t * t * (3.0 - 2.0 * t)).abs() < 1e-9);
    let video = place.path("video.json");
    fs::write(&video, "{\"video\": \"slide.png\", \"cues\": []}").unwrap();
    let ran = origami(&["tour", "check", "--json", "--views-at", "1", arg(&video)]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("a video has no camera"), "{ran:?}");
}

#[test]
fn faults_are_named_with_their_place() {
    let place = Place::new();
    let good = place.tour("good.json", json!({}));
    let ran = origami(&["tour", "check", arg(&good)]).ok();
    assert!(ran.stdout.contains("good.json: good: 11 s, 55 frames of 160x120, 0 cues"), "{ran:?}");
    fs::write(place.path("wrong.json"), "{\"slide\": \"slide.png\",\n \"camera\": [{\"tme\": 1}]}").unwrap();
    let ran = origami(&["tour", "check", arg(&place.path("wrong.json"))]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("wrong.json: line 2, column 21: camera[0].tme"), "{ran:?}");
    assert!(ran.stderr.contains("did you mean time?"), "{ran:?}");
    let both = origami(&["tour", "check", "--json", arg(&good), arg(&place.path("wrong.json"))]);
    let results = &object(&both)["results"];
    assert_eq!((&results[0]["good"], &results[1]["good"]), (&true.into(), &false.into()), "{both:?}");
    let fault = &results[1]["faults"].as_array().unwrap()[0];
    assert_eq!((&fault["line"], &fault["severity"]), (&2.into(), &"error".into()), "{both:?}");
}

#[test]
fn what_the_slide_does_not_allow_is_refused() {
    let place = Place::new();
    let absent = place.tour("absent.json", json!({"slide": "absent.svs"}));
    origami(&["tour", "check", arg(&absent)]).fails(&["absent.svs"]);
    let scale =
        place.tour("scale.json", json!({"camera": [{"time": 1, "center": [1, 1], "magnification": 20}]}));
    origami(&["tour", "check", arg(&scale)]).refused(&["scale.json: camera[0]", "downsample"]);
    let far = place.tour("far.json", json!({"camera": [{"time": 1, "center": [1, 1], "downsample": 900}]}));
    origami(&["tour", "check", arg(&far)]).refused(&["far.json: camera[0]", "16th of the frame"]);
    origami(&["tour", "render", arg(&far), "--out", "x.mkv"]).refused(&["--out", ".mp4"]);
}

#[test]
fn pixels_of_frames_do_not_depend_on_threads_or_instructions() {
    let place = Place::new();
    let tour = place.tour("tour.json", json!({}));
    let args = ["bench", "tour", arg(&tour), "--json"];
    let hash = |ran: Ran| {
        let figures = object(&ran.ok());
        assert_eq!(figures["frames"], 55, "{figures}");
        figures["xxh3_128"].as_str().unwrap().to_owned()
    };
    let one = hash(origami(&[&args[..], &["--threads", "1"]].concat()));
    assert_eq!(hash(origami(&[&args[..], &["--threads", "5"]].concat())), one);
    let scalar = program().args(args).env("ORIGAMI_CPU", "scalar").output().unwrap();
    assert_eq!(hash(scalar.into()), one);
    let few = object(&origami(&[&args[..], &["--frames", "3"]].concat()).ok());
    assert_eq!(few["frames"], 3, "{few}");
    assert_ne!(few["xxh3_128"], one.as_str(), "{few}");
}

#[test]
fn a_video_has_each_frame_once_for_any_number_of_workers() {
    if !ffmpeg::or_skip("tour render") {
        return;
    }
    let place = Place::new();
    let tour = place.tour("tour.json", json!({"cues": [{"text": "x", "start": 9, "end": 10.6}]}));
    let render = |out: &str, more: &[&str]| {
        let out = place.path(out);
        let args = ["tour", "render", arg(&tour), "--out", arg(&out), "--encoder", "x264", "--json"];
        origami(&[&args, more].concat())
    };
    let one = object(&render("one.mp4", &["--workers", "1", "--threads", "1"]).ok());
    assert_eq!((&one["frames"], &one["segments"]), (&55.into(), &2.into()), "{one}");
    render("three.mp4", &["--workers", "3", "--threads", "2"]).ok();
    let (one, three) = (place.path("one.mp4"), place.path("three.mp4"));
    assert_eq!(ffmpeg::frames(&one).len(), 55);
    assert!(
        fs::read(&one).unwrap() == fs::read(&three).unwrap(),
        "the video depends on the number of workers"
    );
    let again = ["tour", "render", arg(&tour), "--out", arg(&one), "--encoder", "x264"];
    origami(&again).fails(&["one.mp4: it is there already", "--overwrite"]);
    render("one.mp4", &["--overwrite"]).ok();
    assert_eq!(place.names(), ["one.mp4", "slide.png", "three.mp4", "tour.json"]);
}

#[test]
fn a_rendering_that_fails_leaves_nothing() {
    let place = Place::new();
    let tour = place.tour("tour.json", json!({}));
    let out = place.path("x.mp4");
    let render = |program: &str| {
        let program = place.path(program);
        let words = [
            "tour",
            "render",
            arg(&tour),
            "--out",
            arg(&out),
            "--encoder",
            "x264",
            "--ffmpeg",
            arg(&program),
        ];
        origami(&words)
    };
    render("absent").fails(&["cannot be run", "apt install ffmpeg"]);
    // One that says what it is and then fails at every segment.
    let script = "#!/bin/sh\ncase \"$*\" in *-version*) echo ffmpeg version 6.1; echo --enable-libass; exit 0;; esac\necho no space >&2; exit 1\n";
    fs::write(place.path("broken"), script).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(place.path("broken"), fs::Permissions::from_mode(0o755)).unwrap();
        let ran = render("broken");
        assert_eq!(ran.code, Some(4), "{ran:?}");
        assert!(ran.stderr.contains("cannot code frames 0 to 49: no space"), "{ran:?}");
    }
    assert_eq!(place.names(), ["broken", "slide.png", "tour.json"]);
}

/// A cue with effects, from 2 to 3 seconds.
fn with_effects(style: Value) -> Value {
    json!({"cues": [{"text": "가나다 <b>", "start": 2, "end": 3, "style": style}]})
}

#[test]
fn effects_of_css_are_drawn_for_any_number_of_workers() {
    if !ffmpeg::or_skip("effects of CSS") || !ffmpeg::chromium_or_skip("effects of CSS") {
        return;
    }
    let place = Place::new();
    let style = json!({"fontSize": 20, "background": "linear-gradient(90deg, #f0f, #f0f)", "borderRadius": "6px", "textShadow": "0 0 4px #000"});
    let tour = place.tour("effects.json", with_effects(style));
    let plain = place.tour("plain.json", json!({}));
    for (at, has) in [("1.8", false), ("2", true), ("2.8", true), ("3", false)] {
        assert_eq!(place.still(&plain, at) != place.still(&tour, at), has, "at {at} s");
    }
    // A box of magenta at the lower edge, in the middle.
    place.still(&tour, "2");
    let pixels = ffmpeg::pixels(&place.path("still.png"));
    let magenta = |rows: &[u8]| rows.chunks_exact(3).filter(|pixel| *pixel == [255, 0, 255]).count();
    let (above, below) = pixels.split_at(3 * 160 * 60);
    assert!(magenta(above) == 0 && magenta(below) > 100, "{} {}", magenta(above), magenta(below));
    let mut videos = Vec::new();
    for workers in ["1", "3"] {
        let out = place.path(&format!("{workers}.mp4"));
        let args = [
            "tour",
            "render",
            arg(&tour),
            "--out",
            arg(&out),
            "--encoder",
            "x264",
            "--workers",
            workers,
            "--json",
        ];
        let told = object(&origami(&args).ok());
        assert_eq!(told["notes"], json!([]), "{told}");
        videos.push(fs::read(out).unwrap());
    }
    assert!(videos[0] == videos[1], "the video depends on the number of workers");
    assert_eq!(place.names(), ["1.mp4", "3.mp4", "effects.json", "plain.json", "slide.png", "still.png"]);
}

/// A video of red and blue stripes, 160x120, of two seconds at 5 frames a second, whose sound begins with it.
fn stripes(path: &Path) {
    let picture = "color=red:s=8x120:r=5[a];color=blue:s=8x120:r=5[b];[a][b]hstack,split=10[0][1][2][3][4][5][6][7][8][9];\
        [0][1][2][3][4][5][6][7][8][9]hstack=10[v]";
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-f", "lavfi", "-i", "sine=f=440", "-filter_complex", picture]);
    command.args(["-map", "[v]", "-map", "0:a", "-t", "2", "-c:a", "aac", "-pix_fmt", "yuv444p"]).arg(path);
    assert!(command.status().unwrap().success());
}

#[test]
fn effects_of_css_are_laid_over_a_video_and_filter_what_is_under_them() {
    if !ffmpeg::or_skip("effects over a video") || !ffmpeg::chromium_or_skip("effects over a video") {
        return;
    }
    let place = Place::new();
    stripes(&place.path("source.mp4"));
    let render = |name: &str, style: Value, threads: &str| {
        let tour = json!({"video": "source.mp4", "cues": [{"text": "  ", "start": 0.6, "end": 1.4, "style": style}]});
        fs::write(place.path("tour.json"), tour.to_string()).unwrap();
        let (tour, out) = (place.path("tour.json"), place.path(name));
        let args = ["tour", "render", arg(&tour), "--out", arg(&out), "--encoder", "x264", "--json"];
        let ran = origami(&[&args[..], &["--threads", threads, "--overwrite"]].concat()).ok();
        assert_eq!((&object(&ran)["frames"], &object(&ran)["notes"]), (&10.into(), &json!([])), "{ran:?}");
        fs::read(&out).unwrap()
    };
    let style = json!({"backgroundColor": "#0000", "padding": "30px 60px", "fontSize": 10,
        "backdropFilter": "blur(12px) grayscale(1)", "boxShadow": "0 0 0 4px #0f0"});
    assert!(render("one.mp4", style.clone(), "1") == render("three.mp4", style, "3"));
    render("plain.mp4", json!({}), "1");
    let pixels = ffmpeg::pixels(&place.path("one.mp4"));
    let frames: Vec<&[u8]> = pixels.chunks_exact(3 * 160 * 120).collect();
    assert_eq!(frames.len(), 10);
    let at = |frame: usize, x: usize, y: usize| &frames[frame][3 * (160 * y + x)..][..3];
    let is_gray = |pixel: &[u8]| pixel.iter().all(|value| value.abs_diff(pixel[0]) < 24);
    let greens = |frame: usize| frames[frame].chunks_exact(3).filter(|p| p[1] > 150 && p[0] < 120).count();
    for (frame, has) in [(0, false), (2, false), (3, true), (6, true), (7, false)] {
        assert_eq!(is_gray(at(frame, 84, 90)), has, "frame {frame}: {:?}", at(frame, 84, 90));
        assert_eq!(greens(frame) > 200, has, "frame {frame}: {} pixels of the shadow", greens(frame));
        assert!(!is_gray(at(frame, 84, 10)), "frame {frame}: beside the caption");
    }
    // Stripes beside each other are one colour after the blur.
    let (left, right) = (at(4, 76, 90), at(4, 84, 90));
    assert!(left.iter().zip(right).all(|(a, b)| a.abs_diff(*b) < 24), "{left:?} {right:?}");
    let wrong =
        json!({"cues": [{"text": "x", "start": 0, "end": 1, "style": {"backdropFilter": "glow(1)"}}]});
    let wrong = origami(&["tour", "check", arg(&place.tour("wrong.json", wrong))]);
    assert!(wrong.code == Some(2) && wrong.stderr.contains("brightness"), "{wrong:?}");
}

#[cfg(unix)]
#[test]
fn without_chromium_effects_are_left_out_and_named() {
    if !ffmpeg::or_skip("effects of CSS without Chromium") {
        return;
    }
    let place = Place::new();
    // A path with ffmpeg alone.
    let programs = tempfile::tempdir().unwrap();
    for name in ["ffmpeg", "ffprobe"] {
        let found = std::env::split_paths(&std::env::var_os("PATH").unwrap())
            .map(|folder| folder.join(name))
            .find(|path| path.is_file());
        std::os::unix::fs::symlink(found.unwrap(), programs.path().join(name)).unwrap();
    }
    let render = |tour: &Path, out: &str| {
        let mut command = program();
        command.args([
            "tour",
            "render",
            arg(tour),
            "--out",
            arg(&place.path(out)),
            "--encoder",
            "x264",
            "--json",
        ]);
        Ran::from(command.env("PATH", programs.path()).env_remove("CHROMIUM").output().unwrap()).ok()
    };
    let ran = render(
        &place.tour("effects.json", with_effects(json!({"textShadow": "0 0 4px red"}))),
        "effects.mp4",
    );
    let note = "cues[0]: textShadow is left out: there is no Chromium here (apt install chromium)";
    assert_eq!(object(&ran)["notes"], json!([note]));
    assert!(ran.stderr.contains(note), "{ran:?}");
    render(&place.tour("none.json", with_effects(json!({}))), "none.mp4");
    assert_eq!(ffmpeg::frames(&place.path("effects.mp4")), ffmpeg::frames(&place.path("none.mp4")));
}

#[test]
fn captions_are_on_their_frames_and_nowhere_else() {
    if !ffmpeg::or_skip("tour still") {
        return;
    }
    let place = Place::new();
    let plain = place.tour("plain.json", json!({}));
    let cues = json!({"cues": [{"text": "caption", "start": 2.0, "end": 3.0}]});
    let captioned = place.tour("captioned.json", cues);
    // Five frames a second: those at 2.0 to 2.8 s have it.
    for (at, has) in
        [("1.8", false), ("2", true), ("2.8", true), ("2.99", true), ("3", false), ("10.9", false)]
    {
        assert_eq!(place.still(&plain, at) != place.still(&captioned, at), has, "at {at} s");
    }
}

#[test]
fn text_of_other_scripts_is_drawn_by_fonts_that_have_it() {
    let korean = Command::new("fc-list").args([":lang=ko", "file"]).output();
    if !ffmpeg::or_skip("captions in Korean") || korean.is_ok_and(|output| output.stdout.is_empty()) {
        return;
    }
    let place = Place::new();
    let drawn = |text: &str| {
        let style = json!({"fontFamily": "Noto Sans CJK", "fontSize": "40px"});
        let cues = json!({"cues": [{"text": text, "start": 0, "end": 1, "style": style}]});
        place.still(&place.tour("text.json", cues), "0")
    };
    // A font that lacks letters draws the same box for each.
    assert!(drawn("가나") != drawn("다라"));
    // The direction is that of the text: these are the same letters.
    assert!(drawn("אבג") != drawn("גבא"));
}

#[test]
fn a_video_is_captioned_and_keeps_its_sound() {
    if !ffmpeg::or_skip("tours over videos") {
        return;
    }
    let place = Place::new();
    let source = place.path("source.mp4");
    let made = Command::new("ffmpeg")
        .args([
            "-v",
            "error",
            "-f",
            "lavfi",
            "-i",
            "testsrc2=s=160x120:r=10",
            "-f",
            "lavfi",
            "-i",
            "sine=f=440",
            "-t",
            "2",
        ])
        .args(["-c:a", "aac", "-pix_fmt", "yuv420p"])
        .arg(&source)
        .status();
    assert!(made.unwrap().success());
    let tour = json!({"videoUrl": "source.mp4", "scenario": {"version": "1.3", "cues": [{"text": "안녕하세요", "start": 0.5, "end": 1.0}]}, "options": {}});
    fs::write(place.path("tour.json"), tour.to_string()).unwrap();
    let out = place.path("out.mp4");
    let ran = origami(&[
        "tour",
        "render",
        arg(&place.path("tour.json")),
        "--out",
        arg(&out),
        "--encoder",
        "x264",
        "--json",
    ])
    .ok();
    let result = object(&ran);
    assert_eq!(
        (&result["frames"], &result["width"], &result["fps"]),
        (&20.into(), &160.into(), &"10/1".into()),
        "{ran:?}"
    );
    let sound = |file: &Path| {
        let mut command = Command::new("ffmpeg");
        let output = command
            .args(["-v", "error", "-i"])
            .arg(file)
            .args(["-map", "0:a", "-c", "copy", "-f", "md5", "-"])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    assert_eq!(sound(&source), sound(&out), "the sound was coded again");
}

#[test]
fn the_schema_of_tours_says_what_the_program_reads() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let schema: Value =
        serde_json::from_str(&fs::read_to_string(folder.join("tour.schema.json")).unwrap()).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let place = Place::new();
    let all = json!({
        "version": "1.3", "title": {"text": "t", "subtitle": "s", "duration": 1}, "audio": "a.wav",
        "cues": [{"text": "x", "start": 0, "end": 1, "speaker": "A", "emotion": "sad", "style": {
            "fontSize": "24px", "fontFamily": "serif", "color": "red", "backgroundColor": "#0008", "outlineColor": "black", "outlineWidth": 1,
            "fontWeight": "bold", "fontStyle": "italic", "textDecoration": "underline", "textAlign": "left", "position": "top",
            "letterSpacing": 1, "opacity": 0.5}}],
        "styles": {"default": {}, "speakers": {"A": {}}, "emotions": {"sad": {}}},
        "pointer": [{"time": 0, "at": [1, 2]}, {"time": 1, "at": {"x": 1, "y": 2}}, {"time": 2}],
        "highlights": [{"start": 0, "end": 1, "center": [1, 2], "radius": 3, "color": "gold"}],
        "overlays": {"scaleBar": false, "magnification": true, "lossyMark": true},
    });
    let good = |tour: &Path| origami(&["tour", "check", arg(tour)]).code == Some(0);
    let valid =
        |tour: &Path| validator.is_valid(&serde_json::from_str(&fs::read_to_string(tour).unwrap()).unwrap());
    let whole = place.tour("whole.json", all.clone());
    assert!(good(&whole) && valid(&whole), "{:?}", origami(&["tour", "check", arg(&whole)]));
    for (name, more) in [
        ("field", json!({"mood": 1})),
        ("cue", json!({"cues": [{"text": "x", "start": 0}]})),
        ("style", json!({"styles": {"default": {"colour": "red"}}})),
        ("camera", json!({"camera": []})),
        ("options", json!({"options": {"width": 15}})),
        ("mark", json!({"highlights": [{"start": 0, "end": 1, "center": [1, 2, 3], "radius": 3}]})),
    ] {
        let wrong = place.tour("wrong.json", more);
        assert!(!good(&wrong) && !valid(&wrong), "{name}");
    }
}
