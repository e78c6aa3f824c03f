//! The languages of the viewer: every file of a language has every text of the pages and scripts and no other, and no text is outside them.

mod page;
mod script;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use syn::visit::Visit;

use self::script::{Kind, Literal};

fn at(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/serve").join(path)
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The page of addresses: in English, as the document that it shows.
const IN_ENGLISH: [&str; 3] = ["docs.html", "docs.js", "docs.css"];

/// Files of the viewer with an ending, by name.
fn files(folder: &str, ending: &str) -> Vec<(String, String)> {
    let found = fs::read_dir(at(folder)).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = found
        .filter(|path| path.extension().is_some_and(|extension| extension == ending))
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_string(), read(&path)))
        .filter(|(name, _)| !IN_ENGLISH.contains(&name.as_str()))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{folder} has no .{ending}");
    files
}

/// Texts of the server that the login page shows.
struct Constants(BTreeSet<String>);

impl<'ast> Visit<'ast> for Constants {
    fn visit_item_const(&mut self, item: &'ast syn::ItemConst) {
        if let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) = &*item.expr {
            self.0.insert(text.value());
        }
    }
}

/// Every text that a user may read, with the file that it is in.
fn texts() -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for (name, text) in files("viewer", "html") {
        all.extend(page::texts(&text).into_iter().map(|text| (text, name.clone())));
    }
    for (name, text) in files("viewer", "js") {
        let said = script::literals(&text).into_iter().filter(|literal| literal.kind == Kind::Phrase);
        all.extend(said.map(|literal| (literal.text, name.clone())));
    }
    for name in ["http/login.rs", "http/login_page.rs"] {
        let mut found = Constants(BTreeSet::new());
        found.visit_file(&syn::parse_file(&read(&at(name))).unwrap());
        assert!(!found.0.is_empty(), "{name}");
        all.extend(found.0.into_iter().map(|text| (text, name.to_string())));
    }
    // The name of the program.
    all.remove("ORIGAMI");
    all
}

/// A file of a language: what is before the texts, and the texts.
fn language(text: &str) -> (&str, BTreeMap<String, String>) {
    let (head, texts) = text.split_once("var phrases = ").unwrap();
    let texts = texts.trim_end().strip_suffix(';').unwrap();
    let count = texts.lines().filter(|line| line.contains("\": \"")).count();
    let texts: BTreeMap<String, String> = serde_json::from_str(texts).unwrap();
    assert_eq!(texts.len(), count, "a text stands twice, or not in a line of its own");
    (head, texts)
}

/// The places of values in a text, as `{0}`.
fn places(text: &str) -> BTreeSet<&str> {
    let found = text.match_indices('{').filter_map(|(at, _)| text[at..].get(..3));
    found.filter(|place| place.ends_with('}')).collect()
}

#[test]
fn every_language_has_every_text_and_no_other() {
    let wanted = texts();
    assert!(wanted.len() > 300, "{} texts", wanted.len());
    let mut wrong = Vec::new();
    for (file, text) in files("viewer/languages", "js") {
        let (head, known) = language(&text);
        assert!(
            head.contains("ead by a native speaker"),
            "{file}: says whether a native speaker has read it"
        );
        for (text, place) in &wanted {
            match known.get(text) {
                None => wrong.push(format!("{file}: nothing for {text:?} of {place}")),
                Some(said) if said.trim().is_empty() || places(said) != places(text) => {
                    wrong.push(format!("{file}: {said:?} has other places for values than {text:?}"));
                }
                Some(_) => {}
            }
        }
        let unused = known.keys().filter(|text| !wanted.contains_key(*text));
        wrong.extend(unused.map(|text| format!("{file}: no page and no script says {text:?}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_server_and_the_menu_offer_the_languages_that_have_files() {
    let found: BTreeSet<String> = files("viewer/languages", "js")
        .into_iter()
        .map(|(file, _)| file.trim_end_matches(".js").to_string())
        .chain(["en".to_string()])
        .collect();
    let between = |text: &str, from: &str, to: &str| {
        let text = text.split_once(from).unwrap().1;
        text.split_once(to).unwrap().0.to_string()
    };
    let codes = between(&read(&at("http/languages.rs")), "const CODES: [&str; ", ";\n");
    let codes: BTreeSet<String> = codes.split('"').skip(1).step_by(2).map(str::to_string).collect();
    let menu = between(&read(&at("viewer/phrases.js")), "const LANGUAGES = {", "}");
    let menu: BTreeSet<String> =
        menu.split(',').map(|pair| pair.split(':').next().unwrap().trim().to_string()).collect();
    assert_eq!((&codes, &menu), (&found, &found));
}

/// What looks like a text and is none: names of things, in scripts of these names or in all.
const NO_TEXTS: &[(&str, &str)] = &[
    ("", "use strict"),
    // Types of GeoJSON.
    ("", "Feature"),
    ("", "FeatureCollection"),
    ("", "GeometryCollection"),
    ("", "LineString"),
    ("", "MultiLineString"),
    ("", "MultiPoint"),
    ("", "MultiPolygon"),
    ("", "Point"),
    ("", "Polygon"),
    // Headers, keys and errors of browsers.
    ("", "AbortError"),
    ("", "Arrow"),
    ("", "Content-Type"),
    ("", "Enter"),
    ("", "Escape"),
    ("", "If-None-Match"),
    ("", "Retry-After"),
    // Styles, fonts and selectors.
    ("", "#marks canvas"),
    ("", "WebkitTextStroke"),
    ("looks.js", "bold "),
    ("looks.js", "stroke fill"),
    ("overlay.js", "600 13px system-ui, -apple-system, \"Segoe UI\", Roboto, \"DejaVu Sans\", sans-serif"),
    ("", "input:not([type=\"checkbox\"]), select, textarea, dialog"),
    ("sketch.js", "input, select, textarea, dialog, button, a, summary"),
    ("viewer.js", "input, select, textarea, video, dialog"),
    // A state of a callback, a key of what the browser keeps, the cookie of the language, and languages by their own names.
    ("jobs-page.js", "given up"),
    ("tour.js", "origami tour of {0}"),
    ("phrases.js", "; Secure"),
    ("phrases.js", "English"),
    ("phrases.js", "Deutsch"),
    ("phrases.js", "Français"),
    ("phrases.js", "Español"),
    // Classes as they are kept in files, which all users share.
    ("marks-classes.js", "Immune cells"),
    ("marks-classes.js", "Necrosis"),
    ("marks-classes.js", "Other"),
    ("marks-classes.js", "Stroma"),
    ("marks-classes.js", "Tumor"),
    // As the renderer of tours writes it into the video.
    ("tour-overlay.js", "lossy reconstruction"),
    // A unit of all languages.
    ("jobs.js", "{0} min"),
    // Titles of names and of the program.
    ("", "{0} · ORIGAMI"),
];

/// Words beside a space, or one with a capital letter.
fn looks_like_text(text: &str) -> bool {
    let plain = script::without_places(text);
    let capital = plain.starts_with(|letter: char| letter.is_uppercase())
        && plain.chars().nth(1).is_some_and(char::is_lowercase);
    let is_word = |part: &str| {
        let word = part.trim_matches(|letter: char| ".:,;?!…\"“”'".contains(letter));
        word.chars().count() >= 3 && word.chars().all(char::is_alphabetic)
    };
    capital || plain.contains(' ') && plain.split(' ').any(is_word)
}

#[test]
fn no_text_is_outside_the_files_of_languages() {
    let mut unused: BTreeSet<_> = NO_TEXTS.iter().copied().collect();
    let mut found = Vec::new();
    for (file, text) in files("viewer", "js") {
        let plain = script::literals(&text).into_iter().filter(|literal| literal.kind == Kind::Plain);
        for Literal { line, text, .. } in plain.filter(|literal| looks_like_text(&literal.text)) {
            let known =
                NO_TEXTS.iter().find(|(name, known)| *known == text && (name.is_empty() || *name == file));
            match known {
                Some(known) => drop(unused.remove(known)),
                None => found.push(format!("{file}:{line}: {text:?} is said in English alone: phrase`...`")),
            }
        }
        // Figures and dates follow the language there alone.
        if file != "phrases.js" {
            assert!(
                !text.contains("toLocale") && !text.contains("Intl."),
                "{file}: phrase.number and the like"
            );
        }
    }
    for (file, text) in files("viewer", "css") {
        let said = text.split("content:").skip(1).map(|rest| rest.split(';').next().unwrap());
        found.extend(
            said.filter(|said| said.contains('"') && said.contains(char::is_alphabetic))
                .map(|said| format!("{file}: a style says {said}")),
        );
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    assert!(unused.is_empty(), "nothing says {unused:?} any more");
}
