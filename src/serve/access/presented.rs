//! What a request brings to show who sends it.

use axum::http::{HeaderMap, header};

use crate::web::cookies::cookie;

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
        Self { authorization, session: cookie(headers, SESSION_COOKIE), query }
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
