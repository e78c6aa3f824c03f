//! What the handlers of DICOMweb share: the slides that a request names, what the client takes, the address of the service.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{FromRequest, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, Uri, header};
use axum::response::Response;

use super::client;
use super::state::{OnlySlide, State, open_slide};
use crate::serve::access::signature_params;
use crate::serve::choice::decoded;
use crate::serve::dicomweb::{Accepted, Described, Dicomweb, Looked, is_uid};
use crate::serve::slide::Slide;
use crate::web::error::ServeError;

/// Where the service is.
const PATH: &str = "/dicomweb";

/// What handlers look at of a request besides its path.
pub struct Asked {
    pub uri: Uri,
    pub headers: HeaderMap,
    /// The one slide that it may see, where it is signed for one.
    pub only: Option<OnlySlide>,
}

/// Of the whole request, whose headers it takes.
impl<S: Sync> FromRequest<S> for Asked {
    type Rejection = Infallible;

    async fn from_request(request: Request, _: &S) -> Result<Self, Infallible> {
        let (Parts { method, uri, mut headers, mut extensions, .. }, _) = request.into_parts();
        // A head has no parts (RFC 9110, 14.2).
        if method != Method::GET {
            headers.remove(header::RANGE);
        }
        Ok(Self { uri, headers, only: extensions.remove() })
    }
}

impl Asked {
    /// The query.
    pub fn query(&self) -> Option<&str> {
        self.uri.query()
    }

    /// Whether it may see a slide. What it may not see is not there.
    pub fn sees(&self, slide: &Described) -> bool {
        self.only.as_ref().is_none_or(|OnlySlide(only)| **only == slide.name)
    }

    /// Its signature as the query of another address: with `?`, or nothing.
    pub fn signature(&self) -> String {
        let signature = signature_params(self.query().unwrap_or_default());
        if signature.is_empty() { signature } else { format!("?{signature}") }
    }

    /// What the client takes: the parameter `accept` of the query, else the header.
    pub fn accepted(&self) -> Result<Accepted, ServeError> {
        accepted(&self.headers, self.query())
    }

    /// The address of the service, as the client knows it.
    pub fn base(&self, state: &State) -> String {
        format!("{}{PATH}", client::base(&self.uri, &self.headers, state.options.access.trust_forwarded))
    }
}

/// An instance that a request names.
pub struct Found {
    pub described: Arc<Described>,
    pub slide: Arc<Slide>,
    pub looked: Arc<Looked>,
    /// Its level, counted from the finest.
    pub down: u32,
}

/// The service.
pub fn service(state: &State) -> Result<&Dicomweb, ServeError> {
    state.dicomweb.as_ref().ok_or(ServeError::NotFound)
}

/// The slides of a study or series.
pub async fn slides(
    state: &State,
    asked: &Asked,
    (study, series): (&str, Option<&str>),
) -> Result<Arc<[Arc<Described>]>, ServeError> {
    for uid in [Some(study), series].into_iter().flatten() {
        check(uid)?;
    }
    let found = service(state)?.index.of(study, series).await?;
    if found.iter().all(|slide| asked.sees(slide)) {
        return Ok(found);
    }
    let seen: Arc<[_]> = found.iter().filter(|slide| asked.sees(slide)).cloned().collect();
    if seen.is_empty() { Err(ServeError::NotFound) } else { Ok(seen) }
}

fn check(uid: &str) -> Result<(), ServeError> {
    let says = || {
        let shown: String = uid.chars().take(80).collect();
        format!("'{}' is no UID: numbers with dots between them, 64 characters at most", shown.escape_debug())
    };
    if is_uid(uid) { Ok(()) } else { Err(ServeError::Bad(says())) }
}

/// The slide of a description, which may have become another one since.
pub async fn open(state: &State, described: &Described) -> Result<Arc<Slide>, ServeError> {
    let slide = open_slide(state, &described.name).await?;
    if slide.identity == described.identity {
        return Ok(slide);
    }
    service(state)?.index.forget();
    Err(ServeError::NotFound)
}

/// What the frames of a slide are.
pub async fn look(
    state: &State,
    described: &Described,
    slide: &Arc<Slide>,
) -> Result<Arc<Looked>, ServeError> {
    service(state)?.looks.of(&state.tiles, slide, described.instances.len()).await
}

/// The slide of an instance, and its level.
pub async fn place(
    state: &State,
    asked: &Asked,
    (study, series, instance): (&str, &str, &str),
) -> Result<(Arc<Described>, u32), ServeError> {
    check(instance)?;
    for described in slides(state, asked, (study, Some(series))).await?.iter() {
        if let Some(down) = described.instances.iter().position(|uid| uid == instance) {
            return Ok((described.clone(), down as u32));
        }
    }
    Err(ServeError::NotFound)
}

/// An instance.
pub async fn find(state: &State, asked: &Asked, uids: (&str, &str, &str)) -> Result<Found, ServeError> {
    let (described, down) = place(state, asked, uids).await?;
    let slide = open(state, &described).await?;
    let looked = look(state, &described, &slide).await?;
    Ok(Found { described, slide, looked, down })
}

fn accepted(headers: &HeaderMap, query: Option<&str>) -> Result<Accepted, ServeError> {
    if let Some(value) = parameter(query, "accept") {
        return Accepted::parse([value.as_str()].into_iter());
    }
    let values: Result<Vec<_>, _> = headers.get_all(header::ACCEPT).iter().map(HeaderValue::to_str).collect();
    let values = values.map_err(|_| ServeError::Bad("Accept: it is no text".into()))?;
    Accepted::parse(values.into_iter())
}

/// A parameter of a query.
pub fn parameter(query: Option<&str>, name: &str) -> Option<String> {
    let pairs = query.unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(key, _)| *key == name).find_map(|(_, value)| decoded(value))
}

/// What depends on the header `Accept`.
pub fn varied(mut response: Response) -> Response {
    response.headers_mut().append(header::VARY, HeaderValue::from_static("accept"));
    response
}
