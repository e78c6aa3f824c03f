//! Requires credentials: maps a route to the slide that it reads, and a refusal to its response. `access` decides.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{MatchedPath, RawPathParams, Request, State as Shared};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::client::{base, shows_pages};
use super::login_page::{self, Form, within};
use super::state::{HasSession, OnlySlide, State};
use crate::serve::access::{Presented, Refusal, signature_params};
use crate::serve::view;
use crate::web::blocking;
use crate::web::error::ServeError;
use crate::web::origin::{Sender, host};
use crate::web::respond::json_response;

/// Routes that need no credentials: health, what gets some, and what is the same in every copy of the program.
const OPEN_ROUTES: [&str; 8] = [
    "/healthz",
    "/readyz",
    "/assets/{name}",
    "/compare",
    "/login",
    "/logout",
    "/api/docs",
    "/api/openapi.json",
];

/// Pages, in place of which a browser without credentials gets the login page. A frame of another page has no place for it.
const PAGES: [&str; 3] = ["/", "/jobs", "/viewer/{slide}"];

/// Where the addresses of DICOMweb are, which name studies and no slides.
const DICOMWEB: &str = "/dicomweb/";
/// Most bytes of a signature that is remembered.
const MAX_SIGNATURE_BYTES: usize = 256;

/// Refuses requests without valid credentials. Routes of no slide, unknown routes included, need credentials for every slide.
pub async fn require_credentials(
    Shared(state): Shared<State>,
    route: Option<MatchedPath>,
    params: Result<RawPathParams, RawPathParamsRejection>,
    mut request: Request,
    next: Next,
) -> Response {
    let credentials = &state.options.access.credentials;
    let route = route.as_ref().map(MatchedPath::as_str).unwrap_or_default();
    if credentials.is_open() || OPEN_ROUTES.contains(&route) {
        return next.run(request).await;
    }
    let name = params.as_ref().ok().and_then(slide_of);
    let (method, uri, headers) = (request.method(), request.uri(), request.headers());
    let presented = presented(&state, method, uri, headers);
    let mut outcome = credentials.check(name, &presented, now());
    let mut only = None;
    if outcome == Err(Refusal::Invalid) && route.starts_with(DICOMWEB) {
        only = match signed_slide(&state, uri.query()).await {
            Ok(slide) => slide,
            // Whether the signature is right is not known.
            Err(e) => return e.into_response(),
        };
        if let Some(slide) = &only {
            outcome = credentials.check(Some(slide), &presented, now());
        }
    }
    match outcome {
        Ok(()) => {
            if credentials.has_session(&presented, now()) {
                request.extensions_mut().insert(HasSession);
            }
            if let Some(slide) = only {
                request.extensions_mut().insert(OnlySlide(slide));
            }
            next.run(request).await
        }
        Err(refusal) if PAGES.contains(&route) && shows_pages(method, headers) => {
            login(credentials.has_tokens(), refusal, uri, headers)
        }
        Err(refusal) => refused(refusal),
    }
}

/// The slide that the signature in a query covers, of a request whose address names none.
///
/// # Errors
/// [`ServeError::Busy`] where others are looked for as long as a read may take.
async fn signed_slide(state: &State, query: Option<&str>) -> Result<Option<Arc<str>>, ServeError> {
    let (Some(query), Some(service)) = (query.map(signature_params), &state.dicomweb) else {
        return Ok(None);
    };
    let known = &service.signed;
    if let Some(slide) = known.get(&query) {
        return Ok(Some(slide));
    }
    let limit = state.options.limits.read_timeout;
    let turn = service.looking.clone().lock_owned();
    let turn = tokio::time::timeout(limit, turn).await.map_err(|_| ServeError::Busy)?;
    // Whoever had the turn may have looked for the same one.
    if let Some(slide) = known.get(&query) {
        return Ok(Some(slide));
    }
    let (catalog, options, asked) = (state.catalog.clone(), state.options.clone(), query.clone());
    // A thousandth of a millisecond a slide.
    let look = move || {
        let _turn = turn;
        let entries = catalog.entries();
        let names = entries.iter().map(|entry| entry.files().name.as_str());
        options.access.credentials.covered(names, &asked).map(Arc::from)
    };
    let slide: Option<Arc<str>> = blocking::run(limit, look).await?;
    if let Some(slide) = &slide
        && query.len() <= MAX_SIGNATURE_BYTES
    {
        known.insert(query, slide.clone());
    }
    Ok(slide)
}

/// Whether a request that passes may change the marks of a slide.
pub fn may_annotate(state: &State, name: &str, method: &Method, uri: &Uri, headers: &HeaderMap) -> bool {
    let credentials = &state.options.access.credentials;
    match credentials.is_open() {
        true => state.options.annotations.open,
        false => credentials.may_annotate(name, &presented(state, method, uri, headers), now()),
    }
}

/// What a request brings. A session counts for a change only if the browser says that a page of this server asks for it.
fn presented<'a>(state: &State, method: &Method, uri: &'a Uri, headers: &'a HeaderMap) -> Presented<'a> {
    let presented = Presented::of(headers, uri.query());
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return presented;
    }
    let own = base(uri, headers, state.options.access.trust_forwarded);
    match Sender::of(headers, host(&own)) {
        Sender::Own => presented,
        Sender::Other | Sender::Unsaid => presented.without_session(),
    }
}

/// Seconds since 1970. A clock before that is wrong: the latest time makes every signature expire.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(u64::MAX, |since| since.as_secs())
}

/// The slide of a route, as its handler reads it: decoded, without a suffix.
fn slide_of(params: &RawPathParams) -> Option<&str> {
    params.iter().find_map(|(key, value)| match key {
        // An identifier of IIIF may end in a view.
        "slide" => Some(value),
        "identifier" => Some(view::split(value).0),
        "file" => value.strip_suffix(".dzi").or_else(|| value.strip_suffix(".json")),
        "files" => value.strip_suffix("_files"),
        _ => None,
    })
}

/// The login page in place of the one that was asked for.
fn login(has_tokens: bool, refusal: Refusal, uri: &Uri, headers: &HeaderMap) -> Response {
    let (status, problem) = words(refusal);
    let next = uri.path_and_query().map_or("/", |next| within(next.as_str()));
    let (form, said) = match (has_tokens, refusal) {
        (true, Refusal::Unknown) => (Form::LogIn, login_page::GIVE),
        (false, Refusal::Unknown) => (Form::None, login_page::SIGNED_ONLY),
        (true, _) => (Form::LogIn, problem),
        (false, _) => (Form::None, problem),
    };
    // Who follows a link of another server comes without a cookie, and has it as soon as this page asks once more.
    let from = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    let again =
        has_tokens && refusal == Refusal::Unknown && matches!(from, Some(b"cross-site" | b"same-site"));
    login_page::page(headers, status, form, said, next, again)
}

fn words(refusal: Refusal) -> (StatusCode, &'static str) {
    match refusal {
        Refusal::Unknown => (
            StatusCode::UNAUTHORIZED,
            "this server asks for a token (Authorization: Bearer ...) or a signed address",
        ),
        Refusal::Invalid => (StatusCode::FORBIDDEN, login_page::INVALID),
        Refusal::Expired => (StatusCode::FORBIDDEN, login_page::EXPIRED),
    }
}

fn refused(refusal: Refusal) -> Response {
    let (status, problem) = words(refusal);
    let mut response = json_response(status, &json!({"error": problem}));
    let out = response.headers_mut();
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if status == StatusCode::UNAUTHORIZED {
        out.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"origami\""));
    }
    response
}
