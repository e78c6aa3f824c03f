//! `/api/slides/{slide}/region`: a rectangle of a slide at any scale, as a picture or as bare pixels.

use std::collections::HashMap;

use axum::extract::{Path, RawQuery, State as Shared};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use bytes::Bytes;

use super::state::{HandlerResult, State, open_view};
use crate::output::picture::PictureFormat;
use crate::pixels::{Place, Ratio, Region, Scale};
use crate::serve::region::{Asked, Picture, Regions};
use crate::serve::slide::Slide;
use crate::web::error::ServeError;
use crate::web::respond::{cacheable, etag, matches};

/// Pixels of the picture across.
pub const WIDTH: HeaderName = HeaderName::from_static("origami-width");
/// Pixels of the picture down.
pub const HEIGHT: HeaderName = HeaderName::from_static("origami-height");

/// The keys of a query that are looked at here; others are of the view and of signatures.
const KEYS: [&str; 8] = ["x", "y", "w", "h", "mpp", "scale", "level", "format"];

/// The picture that the query asks for.
pub async fn region(
    Shared(state): Shared<State>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> HandlerResult {
    let slide = open_view(&state, &name, query.as_deref()).await?;
    let full = (slide.geometry.width(), slide.geometry.height());
    let (asked, format) = parse(query.as_deref().unwrap_or_default(), full)?;
    let region = Regions::region(&slide, asked)?;
    let tag = tag_of(&slide, region, format);
    let (control, kind) = (&state.options.access.cache_control, format.media_type());
    let mut response = if !slide.has_loose_tiles() && matches(&headers, &tag) {
        cacheable(&headers, &tag, control, kind, Bytes::new())
    } else {
        let picture = Picture { region, filled_to: None, format, quality: state.options.output.quality };
        let made = state.regions.picture(&state.tiles, &slide, picture).await?;
        let tag = if slide.has_loose_tiles() { etag(&made.bytes) } else { tag };
        cacheable(&headers, &tag, control, kind, made.charge.hold(made.bytes.into()))
    };
    let (width, height) = region.size();
    response.headers_mut().extend([(WIDTH, HeaderValue::from(width)), (HEIGHT, HeaderValue::from(height))]);
    Ok(response)
}

/// The entity tag of a picture, of a slide whose version covers all that it is made of.
fn tag_of(slide: &Slide, region: Region, format: PictureFormat) -> String {
    let (rect, size) = (region.rect(), region.size());
    etag(format!("region 1 {:x} {rect:?} {size:?} {}", slide.version, format.name()).as_bytes())
}

/// Parses a query about a slide of `full` pixels. The rectangle begins at the left upper corner and ends at the right lower one, unless the
/// query says otherwise.
fn parse(query: &str, full: (u32, u32)) -> Result<(Asked, PictureFormat), ServeError> {
    let mut given = HashMap::new();
    for (key, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
        if KEYS.contains(&key) && given.insert(key, value).is_some() {
            return Err(ServeError::Bad(format!("{key} is given twice")));
        }
    }
    let number = |key: &str| {
        let parse = |value: &&str| {
            whole(value).ok_or_else(|| not_understood(key, value, "a whole number of pixels from 0"))
        };
        given.get(key).map(parse).transpose()
    };
    let (x, y) = (number("x")?.unwrap_or(0), number("y")?.unwrap_or(0));
    let width = number("w")?.unwrap_or_else(|| u64::from(full.0).saturating_sub(x));
    let height = number("h")?.unwrap_or_else(|| u64::from(full.1).saturating_sub(y));
    let place = Place { x, y, width, height };
    let scale = scale_of(&|key| given.get(key).map(ToString::to_string))?;
    let format = given.get("format").map_or(Ok(PictureFormat::Jpeg), |name| format_of(name))?;
    Ok((Asked { place, scale }, format))
}

/// The scale that one of `mpp`, `scale` and `level` gives; without one the full resolution.
pub fn scale_of(given: &dyn Fn(&str) -> Option<String>) -> Result<Scale, ServeError> {
    let all = ["mpp", "scale", "level"].map(|key| given(key).map(|value| (key, value)));
    let mut all = all.into_iter().flatten();
    let Some((key, value)) = all.next() else { return Ok(Scale::Level(0)) };
    if let Some((other, _)) = all.next() {
        return Err(ServeError::Bad(format!("{key} and {other} are two scales; give one of them")));
    }
    // A slash is also written as %2F.
    let value = value.replace("%2F", "/").replace("%2f", "/");
    let (scale, form) = match key {
        "mpp" => (value.parse().ok().map(Scale::Microns), "micrometres per pixel, as 0.5"),
        "scale" => {
            (Ratio::parse(&value).map(Scale::Ratio), "a decimal or a fraction above 0, as 0.25 or 1/3")
        }
        _ => {
            let level = whole(&value).and_then(|level| u32::try_from(level).ok());
            (level.map(Scale::Level), "a whole number from 0, the full resolution")
        }
    };
    scale.ok_or_else(|| not_understood(key, &value, form))
}

/// A format by its name.
pub fn format_of(name: &str) -> Result<PictureFormat, ServeError> {
    let format = PictureFormat::of_name(name).ok_or_else(|| {
        let names = PictureFormat::ALL.map(PictureFormat::name).join(", ");
        not_understood("format", name, &format!("one of {names}"))
    })?;
    match format {
        PictureFormat::Webp if cfg!(not(feature = "webp")) => {
            Err(ServeError::Unsupported("this build has no WebP".into()))
        }
        format => Ok(format),
    }
}

/// A whole number without a sign.
fn whole(text: &str) -> Option<u64> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn not_understood(key: &str, value: &str, form: &str) -> ServeError {
    // What a client sent is not repeated without end.
    let value: String = value.chars().take(40).collect();
    ServeError::Bad(format!("{key} '{value}' is not understood: give {form}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_names_a_rectangle_a_scale_and_a_format() {
        let place = Place { x: 1, y: 2, width: 30, height: 40 };
        let ratio = |text| Scale::Ratio(Ratio::parse(text).unwrap());
        for (more, scale, format) in [
            ("", Scale::Level(0), PictureFormat::Jpeg),
            ("&mpp=0.5&format=png", Scale::Microns(0.5), PictureFormat::Png),
            ("&scale=1%2F3&format=raw", ratio("1/3"), PictureFormat::Raw),
            ("&scale=0.25&z=3&expires=9", ratio("1/4"), PictureFormat::Jpeg),
            ("&level=3&format=jpg", Scale::Level(3), PictureFormat::Jpeg),
        ] {
            let (asked, got) = parse(&format!("x=1&y=2&w=30&h=40{more}"), (100, 90)).unwrap();
            assert_eq!((asked.place, got), (place, format), "{more}");
            let rest = parse("x=30", (100, 90)).unwrap().0.place;
            assert_eq!(rest, Place { x: 30, y: 0, width: 70, height: 90 });
            match (asked.scale, scale) {
                (Scale::Ratio(a), Scale::Ratio(b)) => assert_eq!(a.of(1200), b.of(1200)),
                (a, b) => assert_eq!(a, b, "{more}"),
            }
        }
    }

    #[test]
    fn what_is_no_such_query_is_refused_with_its_key() {
        for (query, says) in [
            ("x=-1&y=2&w=3&h=4", "x '-1'"),
            ("x=1e3&y=2&w=3&h=4", "x '1e3'"),
            ("x=1&x=1&y=2&w=3&h=4", "x is given twice"),
            ("x=99999999999999999999&y=2&w=3&h=4", "x '9"),
            ("x=1&y=2&w=3&h=4&mpp=1&level=1", "mpp and level"),
            ("x=1&y=2&w=3&h=4&mpp=", "mpp ''"),
            ("x=1&y=2&w=3&h=4&scale=1/0", "scale '1/0'"),
            ("x=1&y=2&w=3&h=4&level=-1", "level '-1'"),
            ("x=1&y=2&w=3&h=4&format=bmp", "jpeg, png, webp, raw"),
        ] {
            let Err(ServeError::Bad(text)) = parse(query, (100, 90)) else { panic!("{query} is accepted") };
            assert!(text.contains(says), "{query}: {text}");
        }
    }
}
