//! What a request brings to show who sends it.

use axum::http::{HeaderMap, header};

/// Name of the cookie that holds a session.
pub const SESSION_COOKIE: &str = "origami-session";

/// The credentials of one request, none of them checked yet.
#[derive(Clone, Copy, Debug, Default)]
pub struct Presented<'a> {
    /// The value of `Authorization`.
    pub(super) authorization: Option<&'a str>,
    /// The value of the cookie [`SESSION_COOKIE`].
    pub(super) session: Option<&'a str>,
    /// The query of the address, which may hold a signature.
    pub(super) query: Option<&'a str>,
}

impl<'a> Presented<'a> {
    /// Those in the headers and in the query of an address.
    pub fn of(headers: &'a HeaderMap, query: Option<&'a str>) -> Self {
        let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        Self { authorization, session: session(headers), query }
    }

    /// The same without a session: a browser adds that to requests which its user has not asked for.
    #[must_use]
    pub fn without_session(self) -> Self {
        Self { session: None, ..self }
    }

    /// The session, whether it is valid or not.
    pub fn session(&self) -> Option<&'a str> {
        self.session
    }
}

/// The value of the first cookie of the name. HTTP/2 may send several headers.
fn session(headers: &HeaderMap) -> Option<&str> {
    let values = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = values.flat_map(|value| value.split(';')).filter_map(|pair| pair.split_once('='));
    pairs.find(|(name, _)| name.trim() == SESSION_COOKIE).map(|(_, value)| value.trim())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_session_is_found_among_other_cookies() {
        for (cookies, want) in [
            (&["origami-session=a.b"][..], Some("a.b")),
            (&["x=1; origami-session=a; y=2"], Some("a")),
            (&["x=1", "origami-session=a"], Some("a")),
            (&["my-origami-session=a"], None),
            (&["origami-session"], None),
            (&[], None),
        ] {
            let mut headers = HeaderMap::new();
            for cookie in cookies {
                headers.append(header::COOKIE, HeaderValue::from_static(cookie));
            }
            assert_eq!(Presented::of(&headers, None).session(), want, "{cookies:?}");
            assert_eq!(Presented::of(&headers, None).without_session().session(), None);
        }
    }
}
