//! Which page has a browser send a request.

use axum::http::{HeaderMap, HeaderName, header};

/// What a browser says of the page that sends a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// It is of this server, or the user typed the address.
    Own,
    /// It is of another server.
    Other,
    /// Nothing is said: no browser, or an old one.
    Unsaid,
}

impl Sender {
    /// Of a request to `own`, host and port of this server as the client knows it.
    pub fn of(headers: &HeaderMap, own: Option<&str>) -> Self {
        let value = |name: &HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default());
        // Browsers send the first of these only to addresses with https, and to those of their own machine.
        match (value(&HeaderName::from_static("sec-fetch-site")), value(&header::ORIGIN)) {
            (Some("same-origin" | "none"), _) => Self::Own,
            (Some(_), _) => Self::Other,
            (None, Some(origin)) => match host(origin) {
                Some(theirs) if own == Some(theirs) => Self::Own,
                _ => Self::Other,
            },
            (None, None) => Self::Unsaid,
        }
    }
}

/// Host and port of an origin or address.
pub fn host(address: &str) -> Option<&str> {
    address.split_once("://").and_then(|(_, rest)| rest.split('/').next())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_browser_says_whose_page_sends() {
        use Sender::{Other, Own, Unsaid};
        for (site, origin, want) in [
            ("", "", Unsaid),
            ("same-origin", "", Own),
            ("none", "", Own),
            ("same-site", "", Other),
            ("cross-site", "http://a:1", Other),
            ("same-origin", "https://proxy", Own),
            ("", "http://a:1", Own),
            ("", "https://a:1", Own),
            ("", "http://a", Other),
            ("", "http://a:2", Other),
            ("", "null", Other),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in [("sec-fetch-site", site), ("origin", origin)] {
                if !value.is_empty() {
                    headers.insert(name, HeaderValue::from_static(value));
                }
            }
            assert_eq!(Sender::of(&headers, Some("a:1")), want, "{site} {origin}");
        }
    }
}
