//! Pages in the languages of their users: which one a request asks for, and the page in it.
//!
//! Pages and scripts hold the English texts. A page in another language names that language and its file, and the browser replaces the
//! texts.

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;

use crate::web::assets::Assets;
use crate::web::cookies::cookie;

/// English, and the languages of `viewer/languages`.
const CODES: [&str; 6] = ["en", "de", "es", "fr", "ja", "zh"];
/// The cookie of a user's choice, which a script sets.
const COOKIE: &str = "origami-language";

/// One page in all languages, in their order.
pub struct Page([Bytes; CODES.len()]);

impl Page {
    /// A page whose text is English.
    pub fn new(assets: &Assets, text: &str) -> Self {
        Self(CODES.map(|code| assets.page(&in_language(text, code))))
    }

    /// The page that fits a request.
    pub fn of(&self, headers: &HeaderMap) -> &Bytes {
        &self.0[language(headers)]
    }

    /// All of them.
    #[cfg(test)]
    pub fn all(&self) -> impl Iterator<Item = &Bytes> {
        self.0.iter()
    }
}

/// Says in a response that another request may get the page in another language.
pub fn varies(mut response: Response) -> Response {
    response.headers_mut().append(header::VARY, HeaderValue::from_static("accept-language, cookie"));
    response
}

fn in_language(text: &str, code: &str) -> String {
    if code == CODES[0] {
        return text.into();
    }
    let script =
        format!("<script defer src=\"/assets/{code}.js?v={{{{version}}}}\"></script>\n<script defer");
    text.replacen("<html lang=\"en\">", &format!("<html lang=\"{code}\">"), 1).replacen(
        "<script defer",
        &script,
        1,
    )
}

/// The place of a language: the one that the user has chosen here, else the first that the browser prefers, else English.
fn language(headers: &HeaderMap) -> usize {
    let chosen = cookie(headers, COOKIE).and_then(place);
    chosen.or_else(|| preferred(headers)).unwrap_or(0)
}

fn place(code: &str) -> Option<usize> {
    CODES.iter().position(|known| known.eq_ignore_ascii_case(code))
}

/// The known language of the greatest weight in `Accept-Language`; of the same weight, the first.
fn preferred(headers: &HeaderMap) -> Option<usize> {
    let value = headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok()?;
    let weighed = value.split(',').filter_map(|part| {
        let (range, weight) = part.split_once(';').unwrap_or((part, "q=1"));
        let weight: f32 = weight.trim().strip_prefix("q=")?.parse().ok()?;
        // As `de-CH`: the files are for all regions of a language.
        let found = place(range.trim().split('-').next()?)?;
        (weight > 0.0).then_some((weight, found))
    });
    let best = weighed.reduce(|best, next| if next.0 > best.0 { next } else { best });
    best.map(|(_, found)| found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(accepted: &str, cookies: &str) -> &'static str {
        let mut headers = HeaderMap::new();
        for (name, value) in [(header::ACCEPT_LANGUAGE, accepted), (header::COOKIE, cookies)] {
            if !value.is_empty() {
                headers.insert(name, HeaderValue::from_str(value).unwrap());
            }
        }
        CODES[language(&headers)]
    }

    #[test]
    fn a_page_is_in_the_language_that_was_chosen_or_that_the_browser_prefers() {
        for (accepted, want) in [
            ("", "en"),
            ("de", "de"),
            ("de-CH,de;q=0.9,en;q=0.8", "de"),
            ("nl, fr;q=0.7, es;q=0.8", "es"),
            ("en-GB,ja;q=0.9", "en"),
            ("ja;q=0,fr;q=0.1", "fr"),
            ("zh-Hans-CN", "zh"),
            ("nl,*;q=0.5", "en"),
            ("DE", "de"),
            ("de;q=x", "en"),
        ] {
            assert_eq!(of(accepted, ""), want, "{accepted}");
        }
        assert_eq!(of("de", "a=b; origami-language=ja"), "ja");
        assert_eq!(of("de", "origami-language=en"), "en");
        assert_eq!(of("de", "origami-language=xx"), "de");
    }

    #[test]
    fn a_page_names_its_language_and_the_file_of_it_before_other_scripts() {
        let page = "<html lang=\"en\"><script defer src=\"a\"><script defer src=\"b\">";
        assert_eq!(in_language(page, "en"), page);
        let german = "<html lang=\"de\"><script defer src=\"/assets/de.js?v={{version}}\"></script>\n<script defer src=\"a\">";
        assert!(in_language(page, "de").starts_with(german));
    }
}
