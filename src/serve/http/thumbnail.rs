//! Small pictures of slides: one as it is stored, or one made to measure.
//!
//! Knows what a query asks for; `image` makes the pixels.

use axum::Extension;
use axum::extract::{Path, RawQuery, State as Shared};
use axum::http::HeaderMap;
use xxhash_rust::xxh3::xxh3_64;

use super::super::error::ServeError;
use super::super::iiif::{Format, Quality, Region, Wanted};
use super::super::image::render;
use super::client::Client;
use super::tile::send_tile;
use super::{Answer, Side, State, cacheable, matches, open};
use crate::image::geometry::Geometry;

/// Least and most pixels of a side that can be asked for.
const SIDES: std::ops::RangeInclusive<u32> = 16..=1024;

/// The box that a picture must fit into; `None` on a side that was not named.
type Bounds = (Option<u32>, Option<u32>);

/// `/thumbnails/{slide}`: the largest level that is one tile; with `width`, `height` or both: what fits into them.
pub async fn thumbnail(
    Shared(state): Shared<State>,
    Extension(client): Extension<Client>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer {
    let slide = open(&state, &name).await?;
    let geometry = &slide.geometry;
    let bounds = bounds(query.as_deref().unwrap_or_default())?;
    if bounds == (None, None) {
        let level =
            (0..=geometry.top_level()).rev().find(|&level| geometry.tiles(level) == (1, 1)).unwrap_or(0);
        return send_tile(
            &state,
            client.address,
            &name,
            &level.to_string(),
            "0_0.jpg",
            &headers,
            Side::Served,
        )
        .await;
    }
    let size = fitting(geometry, bounds);
    let tag = format!("\"{:016x}\"", xxh3_64(format!("thumbnail {:x} {size:?}", slide.version).as_bytes()));
    let wanted = Wanted {
        region: Region { x: 0, y: 0, width: geometry.width(), height: geometry.height() },
        size,
        turns: 0,
        quality: Quality::Color,
        format: Format::Jpg,
    };
    let bytes = match matches(&headers, &tag) {
        true => Vec::new(),
        false => render(&state.tiles, &slide, wanted, state.options.quality).await?,
    };
    Ok(cacheable(&headers, &tag, &state.options.cache_control, "image/jpeg", bytes.into()))
}

/// What a query names. Other keys are not this module's business.
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
        let (least, most) = (SIDES.start(), SIDES.end());
        let problem = || format!("{key} '{value}': give a number of pixels from {least} to {most}");
        *side = Some(pixels.ok_or_else(|| ServeError::Bad(problem()))?);
    }
    Ok(bounds)
}

/// The largest size in the slide's shape that fits, never larger than the slide. A side that was not named is bounded too:
/// a narrow slide must not become a picture of a million rows.
fn fitting(geometry: &Geometry, (width, height): Bounds) -> (u32, u32) {
    let (w, h) = (u64::from(geometry.width()), u64::from(geometry.height()));
    let (most_w, most_h) = [width, height].map(|side| u64::from(side.unwrap_or(*SIDES.end()))).into();
    // In integers, so that the named side is met exactly.
    let scaled = |side: u64, to: u64, of: u64| ((side * to + of / 2) / of).max(1) as u32;
    if w <= most_w && h <= most_h {
        (geometry.width(), geometry.height())
    } else if most_w * h <= most_h * w {
        (most_w as u32, scaled(h, most_w, w))
    } else {
        (scaled(w, most_h, h), most_h as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_fits_its_box_in_the_shape_of_the_slide() {
        let of = |w, h, bounds| fitting(&Geometry::new(w, h, 256).unwrap(), bounds);
        assert_eq!(of(2220, 2967, (Some(480), None)), (480, 642));
        assert_eq!(of(2220, 2967, (None, Some(360))), (269, 360));
        assert_eq!(of(2220, 2967, (Some(480), Some(360))), (269, 360));
        assert_eq!(of(3000, 1000, (Some(480), Some(360))), (480, 160));
        assert_eq!(of(100, 50, (Some(480), None)), (100, 50), "never enlarged");
        assert_eq!(of(1, 1, (Some(16), Some(16))), (1, 1));
        // What is not named is bounded all the same, and nothing vanishes.
        assert_eq!(of(3, 1 << 30, (Some(16), None)), (1, 1024));
        assert_eq!(of(1 << 30, 3, (None, Some(1024))), (1024, 1));
    }

    #[test]
    fn a_query_names_sides_of_16_to_1024() {
        assert_eq!(bounds("width=480&token=a%20b&height=16").unwrap(), (Some(480), Some(16)));
        assert_eq!(bounds("expires=1&x").unwrap(), (None, None));
        for wrong in ["width=15", "height=1025", "width=", "width=+20", "height=1e2", "width=99999999999"] {
            let Err(ServeError::Bad(text)) = bounds(wrong) else { panic!("{wrong} is taken") };
            assert!(text.contains("16 to 1024"), "{text}");
        }
    }
}
