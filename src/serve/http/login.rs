//! `/login`, `/logout`: a browser gives a token once and gets a session for it, in a cookie that scripts cannot read. Works without
//! scripts.
//!
//! What a session is worth is decided in `access`.

use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Extension, RawQuery, State as Shared};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::time::timeout;

use super::auth::now;
use super::client::{Client, base};
use super::login_page::{Form, GIVE, SIGNED_ONLY, page, within};
use super::state::State;
use crate::serve::access::{Presented, SESSION_COOKIE, SESSION_SECONDS};
use crate::web::origin::{Sender, host};

/// Most bytes of a form.
const MAX_FORM_BYTES: usize = 4096;
/// How long a form may take to arrive.
const FORM_TIME: Duration = Duration::from_secs(10);

const LOGGED_IN: &str = "You are logged in.";
const LOGGED_OUT: &str = "You are logged out.";
const WRONG: &str = "This is not a token of this server.";
const TOO_MANY: &str = "There were too many attempts. Try again in a minute.";
const ELSEWHERE: &str = "This form was sent by a page of another server. Log in here.";
const NO_FORM: &str = "The form did not arrive whole. Send it again.";
const NOTHING_TO_DO: &str = "This server asks for no login.";

/// Where browsers log in and out.
pub fn router() -> Router<State> {
    Router::new().route("/login", get(show).post(log_in)).route("/logout", get(show).post(log_out))
}

/// The page that fits who asks.
async fn show(Shared(state): Shared<State>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let credentials = &state.options.access.credentials;
    let next = value(query.as_deref().unwrap_or_default().as_bytes(), "next");
    let next = within(&next);
    let (form, said) = match () {
        () if credentials.is_open() => (Form::None, NOTHING_TO_DO),
        () if !credentials.has_tokens() => (Form::None, SIGNED_ONLY),
        () if credentials.has_session(&Presented::of(&headers, None), now()) => (Form::LogOut, LOGGED_IN),
        () => (Form::LogIn, GIVE),
    };
    page(&headers, StatusCode::OK, form, said, next, false)
}

/// Gives a session for a token.
async fn log_in(
    Shared(state): Shared<State>,
    Extension(client): Extension<Client>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let credentials = &state.options.access.credentials;
    if !credentials.has_tokens() {
        let said = if credentials.is_open() { NOTHING_TO_DO } else { SIGNED_ONLY };
        return page(&headers, StatusCode::NOT_FOUND, Form::None, said, "/", false);
    }
    let own = base(&uri, &headers, state.options.access.trust_forwarded);
    // A page elsewhere could log its visitor in as somebody else.
    if Sender::of(&headers, host(&own)) == Sender::Other {
        return page(&headers, StatusCode::FORBIDDEN, Form::LogIn, ELSEWHERE, "/", false);
    }
    let Some(form) = arrived(body).await else {
        return page(&headers, StatusCode::BAD_REQUEST, Form::LogIn, NO_FORM, "/", false);
    };
    let next = value(&form, "next");
    let next = within(&next);
    if let Err(wait) = state.logins.begin(client.address, Instant::now()) {
        log_failure(&state, &client, "too many attempts");
        let mut response = page(&headers, StatusCode::TOO_MANY_REQUESTS, Form::LogIn, TOO_MANY, next, false);
        let seconds = HeaderValue::from(wait.as_secs().max(1));
        response.headers_mut().insert(header::RETRY_AFTER, seconds);
        return response;
    }
    match credentials.log_in(value(&form, "token").trim(), now()) {
        Some(session) => {
            state.logins.succeeded(client.address);
            let secure = is_secure(&own, &headers);
            led_to(next, cookie(&session, SESSION_SECONDS, secure))
        }
        None => {
            log_failure(&state, &client, "a wrong token");
            page(&headers, StatusCode::UNAUTHORIZED, Form::LogIn, WRONG, next, false)
        }
    }
}

/// A line of the log, without the token: a right one may have been mistyped.
fn log_failure(state: &State, client: &Client, why: &str) {
    let client = client.address;
    match state.failed_logins.next(Instant::now()) {
        None => {}
        Some(0) => tracing::warn!(%client, "a login failed: {why}"),
        Some(more) => tracing::warn!(%client, more, "a login failed: {why}"),
    }
}

/// Ends the session that the browser has.
async fn log_out(Shared(state): Shared<State>, uri: Uri, headers: HeaderMap) -> Response {
    let own = base(&uri, &headers, state.options.access.trust_forwarded);
    if Sender::of(&headers, host(&own)) == Sender::Other {
        return page(&headers, StatusCode::FORBIDDEN, Form::LogOut, ELSEWHERE, "/", false);
    }
    state.options.access.credentials.log_out(&Presented::of(&headers, None), now());
    let mut response = page(&headers, StatusCode::OK, Form::LogIn, LOGGED_OUT, "/", false);
    let out = response.headers_mut();
    out.extend(cookie("", 0, is_secure(&own, &headers)).map(|cookie| (header::SET_COOKIE, cookie)));
    // Tiles that the browser keeps are no longer for whoever uses it next.
    out.insert(HeaderName::from_static("clear-site-data"), HeaderValue::from_static("\"cache\""));
    response
}

/// Whether the browser speaks TLS: a proxy says so, or the browser itself in the origin of its page.
fn is_secure(own: &str, headers: &HeaderMap) -> bool {
    let origin = headers.get(header::ORIGIN).map(HeaderValue::as_bytes).unwrap_or_default();
    own.starts_with("https://") || origin.starts_with(b"https://")
}

/// `Set-Cookie`: no script reads it, no page elsewhere has it sent, and with TLS it goes over nothing else.
fn cookie(session: &str, seconds: u64, secure: bool) -> Option<HeaderValue> {
    let secure = if secure { "; Secure" } else { "" };
    let text =
        format!("{SESSION_COOKIE}={session}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    HeaderValue::try_from(text).ok()
}

fn led_to(next: &str, cookie: Option<HeaderValue>) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let out = response.headers_mut();
    out.extend(HeaderValue::from_str(next).ok().map(|next| (header::LOCATION, next)));
    out.extend(cookie.map(|cookie| (header::SET_COOKIE, cookie)));
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn arrived(body: Body) -> Option<Bytes> {
    timeout(FORM_TIME, to_bytes(body, MAX_FORM_BYTES)).await.ok()?.ok()
}

/// The first value of a field of a form or query; empty without one.
fn value(form: &[u8], field: &str) -> String {
    let found = form_urlencoded::parse(form).find(|(name, _)| name == field);
    found.map(|(_, value)| value.into_owned()).unwrap_or_default()
}
