//! WADO-RS: instances, frames and thumbnails as images that browsers show.

use std::sync::Arc;

use axum::extract::{Path, State as Shared};
use bytes::Bytes;

use super::dicomweb_service::{Asked, Found, find, open, parameter, place, slides, varied};
use super::state::{HandlerResult, State};
use super::thumbnail::send_image;
use crate::codec::foreign_pixels;
use crate::error::{Error, Result};
use crate::output::icc::Colour;
use crate::output::tile::{OutputFormat, TileCoder};
use crate::serve::dicomweb::{count_of_frames, frame as frame_of, frame_list, of_image, tile_of};
use crate::serve::iiif::{Format, ImageRequest, MAX_AREA, MAX_SIDE, Quality, Region};
use crate::serve::image::output_format;
use crate::serve::slide::Slide;
use crate::web::budget::Purpose;
use crate::web::error::ServeError;
use crate::web::respond::{cacheable, etag, matches};

/// Sides of images where the query names none.
const RENDERED_PX: u32 = 1024;
const THUMBNAIL_PX: u32 = 256;
/// Parameters that change pixels and are not offered (PS3.18, 8.3.5).
const NOT_OFFERED: [&str; 3] = ["annotation", "iccprofile", "window"];

/// `.../instances/{instance}/rendered`: the whole image, in the sides of `viewport`.
pub async fn instance(
    Shared(state): Shared<State>,
    Path((study, series, instance)): Path<(String, String, String)>,
    asked: Asked,
) -> HandlerResult {
    let (described, down) = place(&state, &asked, (&study, &series, &instance)).await?;
    let slide = open(&state, &described).await?;
    whole(&state, (&slide, down, RENDERED_PX), &asked).await
}

/// `.../thumbnail` of a study: of its first slide.
pub async fn thumbnail_of_study(
    Shared(state): Shared<State>,
    Path(study): Path<String>,
    asked: Asked,
) -> HandlerResult {
    first(&state, (&study, None), &asked).await
}

/// `.../thumbnail` of a series.
pub async fn thumbnail_of_series(
    Shared(state): Shared<State>,
    Path((study, series)): Path<(String, String)>,
    asked: Asked,
) -> HandlerResult {
    first(&state, (&study, Some(&series)), &asked).await
}

/// `.../thumbnail` of an instance.
pub async fn thumbnail_of_instance(
    Shared(state): Shared<State>,
    Path((study, series, instance)): Path<(String, String, String)>,
    asked: Asked,
) -> HandlerResult {
    let (described, down) = place(&state, &asked, (&study, &series, &instance)).await?;
    let slide = open(&state, &described).await?;
    whole(&state, (&slide, down, THUMBNAIL_PX), &asked).await
}

async fn first(state: &State, (study, series): (&str, Option<&str>), asked: &Asked) -> HandlerResult {
    let found = slides(state, asked, (study, series)).await?;
    let slide = open(state, found.first().ok_or(ServeError::NotFound)?).await?;
    whole(state, (&slide, 0, THUMBNAIL_PX), asked).await
}

/// The whole image of a level, no larger than that.
async fn whole(state: &State, (slide, down, side): (&Arc<Slide>, u32, u32), asked: &Asked) -> HandlerResult {
    let format = of_image(&asked.accepted()?)?;
    offered(asked.query(), &[])?;
    let quality = quality(asked.query())?.unwrap_or(state.options.output.quality);
    let bounds = viewport(asked.query())?.unwrap_or((side, side));
    let geometry = &slide.geometry;
    let level = geometry.level_size(geometry.top_level() - down);
    let size = fitting(level, bounds);
    let tag = etag(format!("rendered {:x} {size:?} {format:?} {quality}", slide.version).as_bytes());
    let request = ImageRequest {
        region: Region { x: 0, y: 0, width: geometry.width(), height: geometry.height() },
        size,
        turns: 0,
        quality: Quality::Color,
        format,
    };
    Ok(varied(send_image(state, slide, request, (tag, quality), &asked.headers).await?))
}

/// `.../frames/{frames}/rendered`: one frame.
pub async fn frame(
    Shared(state): Shared<State>,
    Path((study, series, instance, frames)): Path<(String, String, String, String)>,
    asked: Asked,
) -> HandlerResult {
    let format = of_image(&asked.accepted()?)?;
    offered(asked.query(), &["quality", "viewport"])?;
    let Found { slide, looked, down, .. } = find(&state, &asked, (&study, &series, &instance)).await?;
    let [number] = frame_list(&frames, count_of_frames(&slide.geometry, down))?[..] else {
        return Err(ServeError::NotAcceptable("one frame at a time as an image".into()));
    };
    let tag = etag(format!("frame {:x} {down} {number} {format:?}", slide.identity).as_bytes());
    let (kind, control) = (output_format(format).media_type(), &state.options.access.cache_control);
    if matches(&asked.headers, &tag) {
        return Ok(varied(cacheable(&asked.headers, &tag, control, kind, Bytes::new())));
    }
    let coded = frame_of(&state.tiles, &slide, &looked, down, number).await?;
    let is_jpeg = coded.starts_with(&[0xFF, 0xD8]);
    // Frames in other codecs as the tile that the server sends.
    let coded = if is_jpeg {
        coded
    } else {
        state.tiles.jpeg(&slide, tile_of(&slide.geometry, down, number)).await?
    };
    let side = u64::from(slide.geometry.tile());
    let charge = state.tiles.charge(Purpose::Image, 12 * side * side).await?;
    let profile = slide.colours().of_image(output_format(format));
    let work = async move {
        // Of work that goes on when the request is gone the bytes stay taken.
        let mut charge = charge;
        let made = image(&coded, format, &profile)?;
        charge.shrink_to(made.len() as u64);
        Ok((made, charge))
    };
    let (made, charge) = state.tiles.threads().run(work).await?.map_err(|e: Error| {
        state.tiles.faults().log(&slide.name, &e);
        ServeError::Broken
    })?;
    Ok(varied(cacheable(&asked.headers, &tag, control, kind, charge.hold(made.into()))))
}

/// A frame as an image of this format, with the colour profile.
fn image(coded: &[u8], format: Format, profile: &Colour) -> Result<Vec<u8>> {
    if format == Format::Jpg {
        return Ok(profile.tag(OutputFormat::Jpeg, coded.to_vec()));
    }
    let pixels = foreign_pixels(coded, None).map_err(Error::from)?;
    let made = TileCoder::new(OutputFormat::Png, 100)?.encode(pixels.view())?;
    Ok(profile.tag(OutputFormat::Png, made))
}

/// Refuses parameters that change pixels and are not offered.
fn offered(query: Option<&str>, more: &[&str]) -> std::result::Result<(), ServeError> {
    let asked = NOT_OFFERED.iter().chain(more).find(|name| parameter(query, name).is_some());
    asked.map_or(Ok(()), |name| Err(ServeError::Bad(format!("{name}: this server does not offer it here"))))
}

fn quality(query: Option<&str>) -> std::result::Result<Option<u8>, ServeError> {
    let Some(text) = parameter(query, "quality") else { return Ok(None) };
    let quality = text.parse().ok().filter(|quality| (1..=100).contains(quality));
    quality.map(Some).ok_or_else(|| ServeError::Bad(format!("quality '{text}': give a number from 1 to 100")))
}

/// Sides into which the image must fit.
fn viewport(query: Option<&str>) -> std::result::Result<Option<(u32, u32)>, ServeError> {
    let Some(text) = parameter(query, "viewport") else { return Ok(None) };
    let sides: Option<Vec<u32>> = text.split(',').map(|side| side.parse().ok()).collect();
    match sides.as_deref() {
        Some(&[width, height]) if (1..=MAX_SIDE).contains(&width) && (1..=MAX_SIDE).contains(&height) => {
            Ok(Some((width, height)))
        }
        _ => Err(ServeError::Bad(format!(
            "viewport '{text}': give width and height, 1 to {MAX_SIDE}, as 512,512"
        ))),
    }
}

/// The largest size with the ratio of `whole` that fits into the bounds and into what one image may have, and is no larger than `whole`.
fn fitting((width, height): (u32, u32), bounds: (u32, u32)) -> (u32, u32) {
    let area = (MAX_AREA as f64 / (f64::from(width) * f64::from(height))).sqrt();
    let scale = (f64::from(bounds.0) / f64::from(width)).min(f64::from(bounds.1) / f64::from(height));
    let scale = scale.min(area).min(1.0);
    let side = |side: u32, most: u32| ((f64::from(side) * scale).round() as u32).clamp(1, most.min(side));
    (side(width, bounds.0), side(height, bounds.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_fits_its_viewport() {
        assert_eq!(fitting((2000, 1000), (512, 512)), (512, 256));
        assert_eq!(fitting((100, 50), (512, 512)), (100, 50));
        assert_eq!(fitting((1, 100_000), (8192, 8192)), (1, 8192));
        let (width, height) = fitting((8192, 8192), (8192, 8192));
        assert!(u64::from(width) * u64::from(height) <= MAX_AREA + 8192);
        assert_eq!(viewport(Some("viewport=512%2C256")).unwrap(), Some((512, 256)));
        for wrong in [
            "viewport=",
            "viewport=5",
            "viewport=0,5",
            "viewport=5,x",
            "viewport=5,5,1,1,1,1",
            "viewport=9999,5",
        ] {
            assert!(viewport(Some(wrong)).is_err(), "{wrong}");
        }
    }
}
