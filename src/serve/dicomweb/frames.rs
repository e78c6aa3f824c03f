//! Frames: the tiles that the server sends, in the full size of a frame, and without the colour profile, which the instance has.

use std::sync::Arc;

use bytes::Bytes;
use moka::sync::Cache;

use super::pyramid::{Look, count_of_frames, tile_of};
use crate::convert::{Fitted, Kind, agreed, as_it_is, common, fit, photometric, ratio, refit, sampled};
use crate::error::Error;
use crate::image::geometry::TileId;
use crate::serve::slide::Slide;
use crate::serve::tiles::Tiles;
use crate::web::budget::Purpose;
use crate::web::error::ServeError;

/// Most slides whose frames have been looked at.
const MAX_LOOKED: u64 = 4096;
/// Most frames of a request.
const MAX_FRAMES: usize = 1000;

/// What the frames of a slide are.
pub struct Looked {
    /// Of each level, the finest first.
    pub levels: Vec<Look>,
    /// Whether those of the finest level are sent as they are stored, and not as the tile of the server.
    keeps_stored: bool,
}

/// What was found out of slides by looking at some frames of each level.
pub struct Looks(Cache<u128, Arc<Looked>>);

impl Default for Looks {
    fn default() -> Self {
        Self(Cache::new(MAX_LOOKED))
    }
}

impl Looks {
    /// What the frames of a slide of so many levels are. Makes some frames of each level for that, once.
    ///
    /// # Errors
    /// Those of tiles.
    pub async fn of(
        &self,
        tiles: &Arc<Tiles>,
        slide: &Arc<Slide>,
        levels: usize,
    ) -> Result<Arc<Looked>, ServeError> {
        if let Some(looked) = self.0.get(&slide.identity) {
            return Ok(looked);
        }
        let of = slide.clone();
        let stored = slide.reads().run(move || of.recodes_originals()).await?;
        let keeps_stored = stored.map_err(|e| broken(tiles, slide, &e))?;
        let mut seen = Vec::new();
        for down in 0..levels as u32 {
            let mut some = Vec::new();
            for at in sampled(count_of_frames(&slide.geometry, down) as usize) {
                let tile = tile_of(&slide.geometry, down, at as u32);
                some.push(fitted(tiles, slide, tile, keeps_stored).await?);
            }
            seen.push(some);
        }
        let own = seen.iter().map(|some| common(some.iter().map(|frame| frame.kind)));
        let kinds = agreed(own.collect());
        let look = |(some, kind): (&Vec<Frame>, Kind)| Look {
            kind,
            photometric: some.first().map_or("YBR_FULL_422", |frame| photometric(kind, &frame.bytes)),
            ratio: ratio(kind, slide.geometry.tile(), some.iter().map(|frame| frame.bytes.len() as u64)),
        };
        let levels = seen.iter().zip(kinds).map(look).collect();
        let looked = Arc::new(Looked { levels, keeps_stored });
        self.0.insert(slide.identity, looked.clone());
        Ok(looked)
    }
}

/// A tile in the full size of a frame, and how it is coded.
struct Frame {
    kind: Kind,
    bytes: Bytes,
}

/// The tile of a frame.
async fn fitted(
    tiles: &Arc<Tiles>,
    slide: &Arc<Slide>,
    tile: TileId,
    keeps_stored: bool,
) -> Result<Frame, ServeError> {
    let is_stored = keeps_stored && tile.level == slide.geometry.top_level();
    let coded = match is_stored {
        true => tiles.as_stored(slide, tile).await?,
        false => tiles.jpeg(slide, tile).await?,
    };
    let plain = slide.colours().of_tiles().untag(&coded).map_or(coded, Bytes::from);
    let side = slide.geometry.tile() as usize;
    // Most tiles of a warm cache: another thread would take longer than all else.
    if let Some(kind) = as_it_is(&plain, side) {
        return Ok(Frame { kind, bytes: plain });
    }
    let (of, quality) = (slide.clone(), tiles.quality());
    let charge = tiles.charge(Purpose::Tile, recoded_bytes(side)).await?;
    let work = async move {
        let _charge = charge;
        let size = crate::lossless::tile_size(&of.geometry, tile)?;
        fit(plain.to_vec(), size, side, quality)
    };
    let Fitted { kind, bytes, .. } =
        tiles.threads().run(work).await?.map_err(|e| broken(tiles, slide, &e))?;
    Ok(Frame { kind, bytes: bytes.into() })
}

/// A frame of a level, counted from 0, as the level's instance says that it is coded.
///
/// # Errors
/// Those of tiles; a frame that is coded otherwise and cannot be coded so.
pub async fn frame(
    tiles: &Arc<Tiles>,
    slide: &Arc<Slide>,
    looked: &Looked,
    down: u32,
    number: u32,
) -> Result<Bytes, ServeError> {
    let Some(look) = looked.levels.get(down as usize).copied() else { return Err(ServeError::NotFound) };
    let tile = tile_of(&slide.geometry, down, number);
    let Frame { kind, bytes } = fitted(tiles, slide, tile, looked.keeps_stored).await?;
    if kind == look.kind && photometric(kind, &bytes) == look.photometric {
        return Ok(bytes);
    }
    if !matches!(look.kind, Kind::Ycc(_)) {
        return Err(ServeError::Failed(format!(
            "frame {}: it is coded unlike most of its level, which an instance cannot say; convert the slide to DICOM",
            number + 1
        )));
    }
    let (side, quality) = (slide.geometry.tile() as usize, tiles.quality());
    let charge = tiles.charge(Purpose::Tile, recoded_bytes(side)).await?;
    let work = async move {
        let _charge = charge;
        refit(kind, bytes.to_vec(), look.kind, side, quality)
    };
    let made = tiles.threads().run(work).await?.map_err(|e| broken(tiles, slide, &e))?;
    Ok(made.into())
}

/// What it takes to decode a frame of this side and to code it again.
fn recoded_bytes(side: usize) -> u64 {
    18 * (side as u64).pow(2) + (64 << 10)
}

fn broken(tiles: &Tiles, slide: &Slide, error: &Error) -> ServeError {
    tiles.faults().log(&slide.name, error);
    ServeError::Broken
}

/// Reads a list of frames, counted from 1, of an instance that has so many. Returns them counted from 0.
///
/// # Errors
/// Numbers that are none; frames that are not there; too many.
pub fn frame_list(text: &str, count: u32) -> Result<Vec<u32>, ServeError> {
    let parts: Vec<_> = text.split(',').take(MAX_FRAMES + 1).collect();
    if parts.len() > MAX_FRAMES {
        return Err(ServeError::Bad(format!("more than {MAX_FRAMES} frames at once")));
    }
    let number = |part: &str| {
        let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let number = part.parse::<u32>().ok().filter(|&number| digits && number > 0);
        let says = || {
            let shown: String = part.chars().take(20).collect();
            format!("frame '{}': give numbers from 1 with commas between them", shown.escape_debug())
        };
        let number = number.ok_or_else(|| ServeError::Bad(says()))?;
        match number <= count {
            true => Ok(number - 1),
            false => Err(ServeError::Absent(format!("no frame {number}: this instance has {count}"))),
        }
    };
    parts.into_iter().map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_counted_from_one() {
        assert_eq!(frame_list("1,7,3", 7).unwrap(), [0, 6, 2]);
        for wrong in ["", "0", "-1", "+1", "1,", ",1", "a", "1.5", "1 2", "99999999999", "1;2", " 1", "0x1"] {
            assert!(matches!(frame_list(wrong, 7), Err(ServeError::Bad(_))), "{wrong}");
        }
        assert!(matches!(frame_list("8", 7), Err(ServeError::Absent(told)) if told.contains("has 7")));
        assert!(frame_list(&vec!["1"; 1001].join(","), 7).is_err());
    }
}
