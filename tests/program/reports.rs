//! What `inspect` says of each kind of thing, and the pictures and pages that people look at.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::kit::program::{arg, inspected, origami};
use crate::kit::slides::{Small, write_png};

/// A page or a picture as text, without the images in it: their bytes may spell anything.
fn text_of(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    let mut parts = text.split(";base64,");
    let first = parts.next().unwrap_or_default().to_string();
    parts.fold(first, |text, part| {
        text + part.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || "+/=".contains(c))
    })
}

/// Checks that a page is one file: it asks for nothing from elsewhere, and runs nothing.
fn is_self_contained(page: &str) {
    assert!(!page.contains("<script") && !page.contains("<link") && !page.contains("@import"), "{page}");
    assert!(page.match_indices("http").all(|(at, _)| page[at..].starts_with("http://www.w3.org/2000/svg")));
    assert!(
        page.match_indices("src=\"")
            .chain(page.match_indices(" href=\""))
            .all(|(at, found)| { page[at + found.len()..].starts_with("data:image/") })
    );
    assert!(page.contains("prefers-color-scheme: dark"));
}

fn json(args: &[&str]) -> Value {
    serde_json::from_str(&origami(args).ok().stdout).unwrap()
}

#[test]
fn a_plot_says_by_its_name_what_it_is() {
    let s = Small::new();
    let plot = |name: &str, flag: &str| {
        let file = s.path(name);
        let said = origami(&["inspect", arg(&s.bundle), "--plot", arg(&file), flag]).ok().stdout;
        assert!(said.contains(&format!("plot              {}", file.display())), "{said}");
        file
    };
    let cells = |text: &str| text.matches("<title>family ").count();
    let svg = text_of(&plot("a.svg", ""));
    assert!(svg.starts_with("<svg "));
    let page = text_of(&plot("a.html", ""));
    is_self_contained(&page);
    assert_eq!([cells(&svg), cells(&page)], [4, 4]);
    assert!(fs::read(plot("a.PNG", "")).unwrap().starts_with(b"\x89PNG"));
    for text in [svg, page] {
        assert!(text.contains("baseline_pyramid.dzi") && !text.contains(arg(s.dir.path())), "{text}");
    }
    for name in ["b.svg", "b.html"] {
        assert!(!text_of(&plot(name, "--no-names")).contains("baseline_pyramid"), "{name}");
    }
    // One family of four.
    let pack = s.path("pack.svg");
    origami(&["inspect", arg(&s.pack()), "--plot", arg(&pack)]).ok();
    assert!(cells(&text_of(&pack)) == 1 && text_of(&pack).contains("not here"));
}

#[test]
fn plots_that_make_no_sense_are_refused() {
    let s = Small::new();
    let (bundle, pack, file) = (arg(&s.bundle), s.pack(), s.path("a.gif"));
    origami(&["inspect", bundle, "--plot", arg(&file)]).refused(&[".png, .svg or .html", "a.gif"]);
    let file = s.path("a.svg");
    origami(&["inspect", bundle, arg(&pack), "--plot", arg(&file)]).refused(&["--plot", "one bundle"]);
    origami(&["inspect", arg(&s.dzi), "--plot", arg(&file)]).refused(&["--plot", "one bundle"]);
    origami(&["inspect", arg(&s.dzi), "--list"]).refused(&["--list"]);
    origami(&["inspect", bundle, "--no-names"]).refused(&["--plot"]);
    assert!(!file.exists());
}

#[test]
fn a_report_shows_what_was_lost_and_holds_no_path() {
    let s = Small::new();
    let (slide, out, page) = (s.path("the slide.png"), s.path("out"), s.path("page.html"));
    write_png(&slide, 500, 400, 3);
    let encode = ["encode", "--image", arg(&slide), "--tile", "32", "--out", arg(&out), "--manifest"];
    let value = json(&[&encode[..], &["--json", "--report", arg(&page)]].concat());
    assert_eq!(value["report"].as_str(), Some(arg(&page)));
    let text = text_of(&page);
    is_self_contained(&text);
    // 4 x 4 families on two maps, and three pictures of each of the worst six.
    assert_eq!(text.matches("<title>family ").count(), 32);
    assert_eq!(text.matches("<img ").count(), 18);
    let manifest: Value = serde_json::from_slice(&fs::read(out.join("manifest.json")).unwrap()).unwrap();
    let psnr = manifest["summary"]["l0_y_psnr"].as_f64().unwrap();
    assert!(text.contains(&format!("against the source: {psnr:.2} dB")), "{psnr}: {text}");
    let sizes = [value["bundle_bytes"].as_u64().unwrap(), fs::metadata(&slide).unwrap().len(), 3 * 500 * 400];
    for bytes in sizes.map(origami::report::numbers::human_bytes) {
        assert!(text.contains(&format!("<td class=\"number\">{bytes}</td>")), "{bytes}");
    }
    assert!(text.contains("the slide.png") && !text.contains(arg(s.dir.path())));
    // The report changes nothing of the bundle.
    let bundle = fs::read(out.join("residual_packs/residuals.bundle")).unwrap();
    origami(&[&encode[..], &["--report", arg(&page), "--no-names"]].concat()).ok();
    assert!(!text_of(&page).contains("the slide.png"));
    origami(&encode).ok();
    assert_eq!(fs::read(out.join("residual_packs/residuals.bundle")).unwrap(), bundle);
    origami(&[&encode[..], &["--report", "page.pdf"]].concat()).refused(&["page.pdf", ".html"]);
}

#[cfg(feature = "lepton")]
#[test]
fn a_report_of_a_lossless_encode_says_that_nothing_was_lost() {
    let s = Small::new();
    let (out, page) = (s.path("lossless"), s.path("page.html"));
    let args = ["encode", arg(&s.dzi), "--preset", "lossless", "--out", arg(&out), "--report", arg(&page)];
    assert!(!origami(&args).ok().stdout.contains("PSNR"));
    let text = text_of(&page);
    is_self_contained(&text);
    assert!(text.contains("Nothing was lost.") && !text.contains("<img "), "{text}");
}

#[test]
fn several_inputs_have_a_report_each_beside_their_bundle() {
    let s = Small::new();
    let dir = s.path("slides");
    for name in ["one", "two"] {
        fs::create_dir_all(dir.join(name)).unwrap();
        fs::copy(&s.dzi, dir.join(name).join("baseline_pyramid.dzi")).unwrap();
        copy_all(
            &s.dzi.with_file_name("baseline_pyramid_files"),
            &dir.join(name).join("baseline_pyramid_files"),
        );
    }
    origami(&["encode", arg(&dir), "--report", "sub/r.html"]).refused(&["sub/r.html", "without a directory"]);
    origami(&["encode", arg(&dir), "--report", "r.html"]).ok();
    for name in ["one", "two"] {
        assert!(text_of(&dir.join(name).join("r.html")).contains("Sizes"), "{name}");
    }
    // A page that is missing is made; the bundle becomes the same again.
    let bundle = dir.join("one/residual_packs/residuals.bundle");
    let before = fs::read(&bundle).unwrap();
    fs::remove_file(dir.join("one/r.html")).unwrap();
    let ran = origami(&["encode", arg(&dir), "--report", "r.html", "--skip-existing"]).ok();
    assert!(ran.stdout.ends_with("1 encoded, 1 skipped\n"), "{ran:?}");
    assert!(text_of(&dir.join("one/r.html")).contains("Sizes"));
    assert!(fs::read(&bundle).unwrap() == before);
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_all(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

#[test]
fn inspect_says_what_each_thing_is() {
    let s = Small::new();
    let slide = s.path("slide.png");
    write_png(&slide, 300, 200, 5);
    fs::remove_file(s.dzi.with_file_name("baseline_pyramid_files/8/1_2.jpg")).unwrap();
    let kind = |path: &Path| json(&["inspect", "--json", arg(path)]);

    let value = kind(&slide);
    assert_eq!(value["kind"], "slide");
    assert_eq!((value["width"].as_u64(), value["height"].as_u64()), (Some(300), Some(200)));
    assert_eq!(value["file_bytes"].as_u64(), Some(fs::metadata(&slide).unwrap().len()));
    assert_eq!(
        (&value["format"], &value["associated_images"]),
        (&Value::from("png"), &Value::from(Vec::<Value>::new()))
    );

    let value = kind(s.dzi.parent().unwrap());
    assert_eq!(value["kind"], "tree");
    assert_eq!(value["missing"], 1);
    let levels = value["levels"].as_array().unwrap();
    assert_eq!((levels.len(), &levels[8]["missing"], &levels[8]["tiles"]), (9, &1.into(), &25.into()));
    let sum: u64 = levels.iter().map(|level| level["bytes"].as_u64().unwrap()).sum();
    assert_eq!(value["file_bytes"].as_u64(), Some(sum));
    assert_eq!(value["sidecar"]["source"], "slide.png");
    assert!(origami(&["inspect", arg(&s.dzi)]).ok().stdout.contains("24 tiles"));

    assert_eq!(inspected(&s.bundle)["kind"], "bundle");
    assert_eq!(inspected(&s.pack())["kind"], "pack");
    let packs = s.path("packs");
    fs::create_dir(&packs).unwrap();
    fs::copy(s.pack(), packs.join("0_0.pack")).unwrap();
    let value = kind(&packs);
    assert_eq!(
        (&value["kind"], &value["families"], &value["families_of_slide"]),
        (&"packs".into(), &1.into(), &4.into())
    );

    let all = json(&["inspect", "--json", arg(&slide), arg(&s.dzi), arg(&s.bundle)]);
    let kinds: Vec<_> =
        all["results"].as_array().unwrap().iter().map(|one| one["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["slide", "tree", "bundle"]);
    let text = origami(&["inspect", arg(&slide), arg(&s.bundle)]).ok().stdout;
    assert!(
        text.contains("(slide, ") && text.contains("(bundle, ") && text.ends_with("2 inspected\n"),
        "{text}"
    );
}
