//! Cookies of a request.

use axum::http::{HeaderMap, header};

/// The value of the first cookie of a name. HTTP/2 may send them in several headers.
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let values = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = values.flat_map(|value| value.split(';')).filter_map(|pair| pair.split_once('='));
    pairs.find(|(known, _)| known.trim() == name).map(|(_, value)| value.trim())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_cookie_is_found_among_others() {
        for (cookies, want) in [
            (&["one=a.b"][..], Some("a.b")),
            (&["x=1; one=a; y=2"], Some("a")),
            (&["x=1", "one=a"], Some("a")),
            (&["not-one=a"], None),
            (&["one"], None),
            (&[], None),
        ] {
            let mut headers = HeaderMap::new();
            for cookie in cookies {
                headers.append(header::COOKIE, HeaderValue::from_static(cookie));
            }
            assert_eq!(cookie(&headers, "one"), want, "{cookies:?}");
        }
    }
}
