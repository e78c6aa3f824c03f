//! `/thumbnails/{slide}`: a stored tile, or an image that fits the size in the query.
//!
//! Parses the query; `image` makes the pixels.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, RawQuery, State as Shared};
use axum::http::HeaderMap;
use bytes::Bytes;

use super::client::Client;
use super::state::{HandlerResult, State, open_view};
use super::tile::send_tile;
use crate::image::geometry::{Geometry, TileId};
use crate::serve::iiif::{Format, ImageRequest, Quality, Region};
use crate::serve::image::{output_format, render};
use crate::serve::slide::Slide;
use crate::serve::tiles::TileSet;
use crate::web::error::ServeError;
use crate::web::respond::{cacheable, etag, matches};

/// Pixels of a side that a query may ask for.
const SIDES: std::ops::RangeInclusive<u32> = 16..=1024;

/// Width and height that the image must fit into; `None` for a side that the query does not name.
type Bounds = (Option<u32>, Option<u32>);

/// Without a query the largest level that is one tile; with `width`, `height` or both an image that fits into them.
pub async fn thumbnail(
    Shared(state): Shared<State>,
    Extension(client): Extension<Client>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> HandlerResult {
    let slide = open_view(&state, &name, query.as_deref()).await?;
    let geometry = &slide.geometry;
    let bounds = bounds(query.as_deref().unwrap_or_default())?;
    if bounds == (None, None) {
        let level =
            (0..=geometry.top_level()).rev().find(|&level| geometry.tiles(level) == (1, 1)).unwrap_or(0);
        let id = TileId { level, x: 0, y: 0 };
        return send_tile(&state, client.address, &slide, id, &headers, TileSet::Served).await;
    }
    let size = fitting(geometry, bounds);
    let tag = etag(format!("thumbnail {:x} {size:?}", slide.version).as_bytes());
    let request = ImageRequest {
        region: Region { x: 0, y: 0, width: geometry.width(), height: geometry.height() },
        size,
        turns: 0,
        quality: Quality::Color,
        format: Format::Jpg,
    };
    send_image(&state, &slide, request, (tag, state.options.output.quality), &headers).await
}

/// Sends an image of a slide in a quality, whose entity tag is `tag` where it depends on nothing else than the slide's version.
pub async fn send_image(
    state: &State,
    slide: &Arc<Slide>,
    request: ImageRequest,
    (tag, quality): (String, u8),
    headers: &HeaderMap,
) -> HandlerResult {
    let kind = output_format(request.format).media_type();
    let control = &state.options.access.cache_control;
    if !slide.has_loose_tiles() && matches(headers, &tag) {
        return Ok(cacheable(headers, &tag, control, kind, Bytes::new()));
    }
    let (bytes, charge) = render(&state.tiles, slide, request, quality).await?;
    let tag = if slide.has_loose_tiles() { etag(&bytes) } else { tag };
    Ok(cacheable(headers, &tag, control, kind, charge.hold(bytes.into())))
}

/// Parses `width` and `height`. Other keys are ignored.
fn bounds(query: &str) -> Result<Bounds, ServeError> {
    let mut bounds = (None, None);
    for (key, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
        let side = match key {
            "width" => &mut bounds.0,
            "height" => &mut bounds.1,
            _ => continue,
        };
        let digits = value.bytes().all(|b| b.is_ascii_digit());
        let pixels = value.parse().ok().filter(|pixels| digits && SIDES.contains(pixels));
        let (min, max) = (SIDES.start(), SIDES.end());
        let problem = || format!("{key} '{value}': give a number of pixels from {min} to {max}");
        *side = Some(pixels.ok_or_else(|| ServeError::Bad(problem()))?);
    }
    Ok(bounds)
}

/// The largest size with the slide's aspect ratio that fits into the bounds, never larger than the slide. A side without a bound
/// has the largest of [`SIDES`]: a narrow slide must not become an image of a million rows.
fn fitting(geometry: &Geometry, (width, height): Bounds) -> (u32, u32) {
    let (w, h) = (u64::from(geometry.width()), u64::from(geometry.height()));
    let (max_w, max_h) = [width, height].map(|side| u64::from(side.unwrap_or(*SIDES.end()))).into();
    // In integers, so that the bounded side has exactly the size asked for.
    let scaled = |side: u64, to: u64, of: u64| ((side * to + of / 2) / of).max(1) as u32;
    if w <= max_w && h <= max_h {
        (geometry.width(), geometry.height())
    } else if max_w * h <= max_h * w {
        (max_w as u32, scaled(h, max_w, w))
    } else {
        (scaled(w, max_h, h), max_h as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_fits_its_bounds_with_the_aspect_ratio_of_the_slide() {
        let of = |w, h, bounds| fitting(&Geometry::new(w, h, 256).unwrap(), bounds);
        assert_eq!(of(2220, 2967, (Some(480), None)), (480, 642));
        assert_eq!(of(2220, 2967, (None, Some(360))), (269, 360));
        assert_eq!(of(2220, 2967, (Some(480), Some(360))), (269, 360));
        assert_eq!(of(3000, 1000, (Some(480), Some(360))), (480, 160));
        assert_eq!(of(100, 50, (Some(480), None)), (100, 50), "never enlarged");
        assert_eq!(of(1, 1, (Some(16), Some(16))), (1, 1));
        // A side without a bound is bounded too, and no side becomes 0.
        assert_eq!(of(3, 1 << 30, (Some(16), None)), (1, 1024));
        assert_eq!(of(1 << 30, 3, (None, Some(1024))), (1024, 1));
    }

    #[test]
    fn a_query_may_ask_for_sides_of_16_to_1024() {
        assert_eq!(bounds("width=480&token=a%20b&height=16").unwrap(), (Some(480), Some(16)));
        assert_eq!(bounds("expires=1&x").unwrap(), (None, None));
        for wrong in ["width=15", "height=1025", "width=", "width=+20", "height=1e2", "width=99999999999"] {
            let Err(ServeError::Bad(text)) = bounds(wrong) else { panic!("{wrong} is accepted") };
            assert!(text.contains("16 to 1024"), "{text}");
        }
    }
}
