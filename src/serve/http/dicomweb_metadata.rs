//! WADO-RS: attributes of instances as JSON, and the colour profile that they refer to.

use std::sync::Arc;

use axum::extract::{Path, State as Shared};
use axum::http::HeaderMap;
use dicom_core::Tag;
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;
use serde_json::{Value, json};
use xxhash_rust::xxh3::xxh3_128;

use super::dicomweb_search::JSON;
use super::dicomweb_service::{Asked, Found, find, look, open, slides, varied};
use super::state::{HandlerResult, State};
use crate::convert::transfer_syntax;
use crate::serve::dicomweb::{
    Described, Framing, Looked, Multipart, Pyramid, attributes_as_json, of_bulk, of_json,
};
use crate::serve::slide::Slide;
use crate::web::blocking;
use crate::web::error::ServeError;
use crate::web::respond::{cacheable, etag, ranged};

const OCTETS: &str = "application/octet-stream";

pub async fn of_study(
    Shared(state): Shared<State>,
    Path(study): Path<String>,
    asked: Asked,
) -> HandlerResult {
    of_all(&state, (&study, None), &asked).await
}

pub async fn of_series(
    Shared(state): Shared<State>,
    Path((study, series)): Path<(String, String)>,
    asked: Asked,
) -> HandlerResult {
    of_all(&state, (&study, Some(&series)), &asked).await
}

pub async fn of_instance(
    Shared(state): Shared<State>,
    Path((study, series, instance)): Path<(String, String, String)>,
    asked: Asked,
) -> HandlerResult {
    of_json(&asked.accepted()?)?;
    let Found { described, slide, looked, down } = find(&state, &asked, (&study, &series, &instance)).await?;
    let made = metadata(&state, (&described, &slide, &looked), &asked, Some(down)).await?;
    send(&state, &asked.headers, made).await
}

/// Of all instances of a study or series.
async fn of_all(state: &State, (study, series): (&str, Option<&str>), asked: &Asked) -> HandlerResult {
    of_json(&asked.accepted()?)?;
    let mut made = Vec::new();
    for described in slides(state, asked, (study, series)).await?.iter() {
        let slide = open(state, described).await?;
        let looked = look(state, described, &slide).await?;
        made.extend(metadata(state, (described, &slide, &looked), asked, None).await?);
    }
    send(state, &asked.headers, made).await
}

async fn send(state: &State, headers: &HeaderMap, made: Vec<Value>) -> HandlerResult {
    let text = Value::Array(made).to_string();
    let tag = etag(text.as_bytes());
    let body = state.tiles.to_send(text.into()).await?;
    Ok(varied(cacheable(headers, &tag, "no-cache", JSON, body)))
}

/// The attributes of one instance of a slide, or of all.
async fn metadata(
    state: &State,
    (described, slide, looked): (&Arc<Described>, &Arc<Slide>, &Arc<Looked>),
    asked: &Asked,
    only: Option<u32>,
) -> Result<Vec<Value>, ServeError> {
    let described_of = described;
    let (described, looked) = (described.clone(), looked.clone());
    let (base, signature) = (asked.base(state), asked.signature());
    let work = move |pyramid: &Pyramid| {
        let downs = only.map_or(0..described.instances.len() as u32, |down| down..down + 1);
        let one = |down: u32| {
            let look = looked.levels.get(down as usize).copied().unwrap_or_default();
            let data = pyramid.dataset(down, &look)?;
            let uid = described.instances.get(down as usize).map_or("", String::as_str);
            let at = format!(
                "{base}/studies/{}/series/{}/instances/{uid}/bulkdata",
                described.study, described.series
            );
            let bulk = |tag: Tag| (tag == tags::ICC_PROFILE).then(|| format!("{at}/icc{signature}"));
            let mut json = attributes_as_json(&data, &bulk);
            json.insert("00083002".into(), json!({"vr": "UI", "Value": [transfer_syntax(look.kind)]}));
            json.insert(
                "7FE00010".into(),
                json!({"vr": "OB", "BulkDataURI": format!("{at}/pixels{signature}")}),
            );
            Ok(Value::Object(json))
        };
        downs.map(one).collect()
    };
    with_pyramid(state, described_of, slide, work).await
}

/// Does something with the instances of a slide, where files are read.
pub async fn with_pyramid<T: Send + 'static>(
    state: &State,
    described: &Arc<Described>,
    slide: &Arc<Slide>,
    work: impl FnOnce(&Pyramid) -> crate::error::Result<T> + Send + 'static,
) -> Result<T, ServeError> {
    let (described, of, options) = (described.clone(), slide.clone(), state.options.clone());
    let made = blocking::run(state.options.limits.read_timeout, move || {
        work(&Pyramid::of(&of, &described.file, described.attributes.clone(), &options.output)?)
    });
    made.await?.map_err(|e| {
        state.tiles.faults().log(&slide.name, &e);
        ServeError::Broken
    })
}

/// The colour profile of an instance.
pub async fn profile(
    Shared(state): Shared<State>,
    Path((study, series, instance)): Path<(String, String, String)>,
    asked: Asked,
) -> HandlerResult {
    let framing = of_bulk(&asked.accepted()?)?;
    let Found { described, slide, looked, down } = find(&state, &asked, (&study, &series, &instance)).await?;
    let look = looked.levels.get(down as usize).copied().unwrap_or_default();
    let profile = with_pyramid(&state, &described, &slide, move |pyramid| {
        Ok(profile_of(&pyramid.dataset(down, &look)?))
    });
    let profile = profile.await?.ok_or(ServeError::NotFound)?;
    let parts = Multipart::new(xxh3_128(&profile), OCTETS, None);
    let (kind, body) = match framing {
        Framing::Single => (OCTETS.into(), profile),
        Framing::Multipart => (parts.content_type(), parts.whole(&profile)),
    };
    let tag = etag(&body);
    let body = state.tiles.to_send(body.into()).await?;
    Ok(varied(ranged(&asked.headers, &tag, &state.options.access.cache_control, &kind, body)))
}

fn profile_of(data: &InMemDicomObject) -> Option<Vec<u8>> {
    let path = data.get(tags::OPTICAL_PATH_SEQUENCE)?.items()?.first()?;
    Some(path.get(tags::ICC_PROFILE)?.to_bytes().ok()?.into_owned())
}
