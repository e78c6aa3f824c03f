//! Texts of a page.

/// Elements whose text is no text of a language: code, keys, drawings, and what is kept in files.
const NOT_READ: [&str; 6] = ["code", "datalist", "kbd", "script", "style", "svg"];
/// Attributes that a user reads or hears.
const READ: [&str; 5] = ["alt", "aria-label", "data-label", "placeholder", "title"];

/// The texts of a page: between its elements, and in their attributes.
pub fn texts(page: &str) -> Vec<String> {
    assert!(!page.contains("&#") && !page.contains("&amp;"), "a page needs no escapes");
    let (mut found, mut hidden) = (Vec::new(), 0);
    for part in page.split('<').skip(1) {
        let (tag, text) = part.split_once('>').unwrap();
        let name = tag.trim_start_matches('/').split([' ', '\n']).next().unwrap();
        if NOT_READ.contains(&name) {
            hidden += if tag.starts_with('/') { -1 } else { 1 };
        }
        for attribute in READ {
            let value =
                tag.split_once(&format!(" {attribute}=\"")).map(|(_, rest)| rest.split('"').next().unwrap());
            found.extend(value.map(str::to_string));
        }
        if hidden == 0 {
            found.push(text.split_whitespace().collect::<Vec<_>>().join(" "));
        }
    }
    let word = |text: &String| {
        let letters: Vec<bool> = text.chars().map(char::is_alphabetic).collect();
        letters.windows(2).any(|pair| pair == [true, true]) && !text.contains("{{")
    };
    found.into_iter().filter(word).collect()
}

#[test]
fn texts_are_found_between_elements_and_in_attributes() {
    let page = "<!doctype html><title>A title</title><a title=\"An address\" href=\"/x y\">go\n  on <kbd>Ctrl</kbd> now</a> ✕ x";
    assert_eq!(texts(page), ["A title", "An address", "go on", "now"]);
}
