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
use crate::web::budget::{Charge, Purpose};
use crate::web::error::ServeError;
use crate::web::respond::{cacheable, etag, ranged};

const OCTETS: &str = "application/octet-stream";
/// What the attributes of an instance take as text, but for those that are given.
const INSTANCE_BYTES: u64 = 16 << 10;
/// Copies of a colour profile that there are while a dataset is made and written.
const PROFILES: u64 = 5;

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
    let (text, charge) = metadata(&state, (&described, &slide, &looked), &asked, Some(down)).await?;
    send(&state, &asked.headers, format!("[{text}]"), charge).await
}

/// Of all instances of a study or series.
async fn of_all(state: &State, (study, series): (&str, Option<&str>), asked: &Asked) -> HandlerResult {
    of_json(&asked.accepted()?)?;
    let found = slides(state, asked, (study, series)).await?;
    let bytes = found.iter().map(|described| described.instances.len() as u64 * instance_bytes(described));
    // Frames are looked at meanwhile, as for an image.
    let charge = state.tiles.charge(Purpose::Image, bytes.sum()).await?;
    let mut all = String::from("[");
    for described in found.iter() {
        let slide = open(state, described).await?;
        let looked = look(state, described, &slide).await?;
        let (text, _charge) = metadata(state, (described, &slide, &looked), asked, None).await?;
        all.extend([if all.len() > 1 { "," } else { "" }, &text]);
    }
    all.push(']');
    send(state, &asked.headers, all, charge).await
}

async fn send(state: &State, headers: &HeaderMap, text: String, charge: Charge) -> HandlerResult {
    let tag = etag(text.as_bytes());
    let body = state.tiles.to_send_within(charge, text.into()).await?;
    Ok(varied(cacheable(headers, &tag, "no-cache", JSON, body)))
}

/// What the attributes of an instance take as text, estimated from above.
fn instance_bytes(described: &Described) -> u64 {
    INSTANCE_BYTES + 2 * u64::from(described.weight())
}

/// What it takes to make the dataset of an instance, which has the colour profile, and to write it.
pub fn dataset_bytes(described: &Described, slide: &Slide) -> u64 {
    instance_bytes(described) + PROFILES * slide.icc_bytes()
}

/// The attributes of one instance of a slide, or of all, as JSON with commas between them; and the memory of that.
async fn metadata(
    state: &State,
    (described, slide, looked): (&Arc<Described>, &Arc<Slide>, &Arc<Looked>),
    asked: &Asked,
    only: Option<u32>,
) -> Result<(String, Charge), ServeError> {
    let (of, looked) = (described.clone(), looked.clone());
    let (base, signature) = (asked.base(state), asked.signature());
    let downs = only.map_or(0..described.instances.len() as u32, |down| down..down + 1);
    let bytes = downs.len() as u64 * instance_bytes(described) + dataset_bytes(described, slide);
    let work = move |pyramid: &Pyramid| {
        let one = |down: u32| {
            let look = looked.levels.get(down as usize).copied().unwrap_or_default();
            let data = pyramid.dataset(down, &look)?;
            let uid = of.instances.get(down as usize).map_or("", String::as_str);
            let at = format!("{base}/studies/{}/series/{}/instances/{uid}/bulkdata", of.study, of.series);
            let bulk = |tag: Tag| (tag == tags::ICC_PROFILE).then(|| format!("{at}/icc{signature}"));
            let mut json = attributes_as_json(&data, &bulk);
            json.insert("00083002".into(), json!({"vr": "UI", "Value": [transfer_syntax(look.kind)]}));
            json.insert(
                "7FE00010".into(),
                json!({"vr": "OB", "BulkDataURI": format!("{at}/pixels{signature}")}),
            );
            // As values all of them would take many times their text.
            Ok(Value::Object(json).to_string())
        };
        downs.map(one).collect::<crate::error::Result<Vec<_>>>().map(|all| all.join(","))
    };
    with_pyramid(state, (described, slide), bytes, work).await
}

/// Does something with the instances of a slide, where files are read, once there is memory for `bytes`, which comes with what is made.
pub async fn with_pyramid<T: Send + 'static>(
    state: &State,
    (described, slide): (&Arc<Described>, &Arc<Slide>),
    bytes: u64,
    work: impl FnOnce(&Pyramid) -> crate::error::Result<T> + Send + 'static,
) -> Result<(T, Charge), ServeError> {
    let charge = state.tiles.charge(Purpose::Tile, bytes).await?;
    let (described, of, options) = (described.clone(), slide.clone(), state.options.clone());
    let made = slide.reads().run(move || {
        let pyramid = Pyramid::of(&of, &described.file, described.attributes.clone(), &options.output);
        // Of a read that hangs the bytes stay taken.
        (pyramid.and_then(|pyramid| work(&pyramid)), charge)
    });
    let (made, charge) = made.await?;
    let made = made.map_err(|e| {
        state.tiles.faults().log(&slide.name, &e);
        ServeError::Broken
    })?;
    Ok((made, charge))
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
    let bytes = dataset_bytes(&described, &slide);
    let made = with_pyramid(&state, (&described, &slide), bytes, move |pyramid| {
        Ok(profile_of(&pyramid.dataset(down, &look)?))
    });
    let (profile, charge) = made.await?;
    let profile = profile.ok_or(ServeError::NotFound)?;
    let parts = Multipart::new(xxh3_128(&profile), OCTETS, None);
    let (kind, body) = match framing {
        Framing::Single => (OCTETS.into(), profile),
        Framing::Multipart => (parts.content_type(), parts.whole(&profile)),
    };
    let tag = etag(&body);
    let body = state.tiles.to_send_within(charge, body.into()).await?;
    Ok(varied(ranged(&asked.headers, &tag, &state.options.access.cache_control, &kind, body)))
}

fn profile_of(data: &InMemDicomObject) -> Option<Vec<u8>> {
    let path = data.get(tags::OPTICAL_PATH_SEQUENCE)?.items()?.first()?;
    Some(path.get(tags::ICC_PROFILE)?.to_bytes().ok()?.into_owned())
}
