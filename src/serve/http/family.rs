//! `/families/{slide}/{level}/{tile}`: the tiles that one server should make, for a balancer in front of several.
//!
//! The 20 tiles of a family are reconstructed together. A balancer that sends them to one server has each family
//! reconstructed once. It cannot compute the family itself: the levels of an address count from the smallest one, and which of
//! them are regenerated depends on the size of the slide.

use axum::extract::{Path, State as Shared};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::IntoResponse;

use super::state::{HandlerResult, State, open_slide};
use super::tile::parse_tile;
use super::url::path_segment;
use crate::image::geometry::{Geometry, TileId};
use crate::web::error::ServeError;

/// The header of the answer: equal for tiles that are made together.
const FAMILY: HeaderName = HeaderName::from_static("origami-family");

/// Names the family of a tile: 204, with the name in the header `Origami-Family`.
pub async fn family(
    Shared(state): Shared<State>,
    Path((name, level, tile)): Path<(String, String, String)>,
) -> HandlerResult {
    let id = parse_tile(&level, &tile).ok_or(ServeError::NotFound)?;
    let slide = open_slide(&state, &name).await?;
    let key = family_key(&slide.geometry, id).ok_or(ServeError::NotFound)?;
    let control = (header::CACHE_CONTROL, state.options.access.cache_control.clone());
    let family = (FAMILY, format!("{}/{key}", path_segment(&name)));
    Ok((StatusCode::NO_CONTENT, [family, control]).into_response())
}

/// Column and row of the family that makes a tile; a tile of a smaller level is stored, and goes alone. `None` outside the slide.
fn family_key(geometry: &Geometry, id: TileId) -> Option<String> {
    geometry.tile_rect(id)?;
    Some(match geometry.family_of(id) {
        Some(family) => format!("{}_{}", family.x(), family.y()),
        None => format!("{}/{}_{}", id.level, id.x, id.y),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tiles_of_a_family_share_a_key() {
        let geometry = Geometry::new(5000, 3000, 256).unwrap();
        let key = |level, x, y| family_key(&geometry, TileId { level, x, y });
        assert_eq!(geometry.top_level(), 13);
        for id in geometry.all_families() {
            let tiles = (0..3).flat_map(|down| geometry.family_tiles(id, down));
            let mut keys: Vec<_> = tiles.map(|tile| key(tile.level, tile.x, tile.y).unwrap()).collect();
            keys.dedup();
            assert_eq!(keys, [format!("{}_{}", id.x(), id.y())]);
        }
        assert_eq!(key(13, 19, 11).as_deref(), Some("4_2"));
        assert_eq!(key(10, 1, 0).as_deref(), Some("10/1_0"));
        assert_eq!((key(13, 20, 0), key(14, 0, 0)), (None, None));
    }
}
