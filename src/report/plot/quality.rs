//! A map of what each family lost.

use super::bytes::ROOM;
use super::drawing::Drawing;
use super::map::Map;
use super::scale::Colors;
use crate::archive::Archive;
use crate::error::Result;
use crate::quality::metrics::psnr_from_mse;
use crate::report::losses::Losses;
use crate::report::picture::thumbnail;

/// Draws the Y-PSNR of every family; `None` where no family has an error.
///
/// # Errors
/// Damaged tiles of the small levels.
pub fn draw(archive: &Archive, losses: &Losses) -> Result<Option<Drawing>> {
    let psnr = |mse: f64| psnr_from_mse(mse);
    let finite = || losses.families.iter().map(|loss| psnr(loss.y_mse)).filter(|db| db.is_finite());
    let (low, high) = (finite().fold(f64::INFINITY, f64::min), finite().fold(f64::NEG_INFINITY, f64::max));
    if !low.is_finite() {
        return Ok(None);
    }
    let cell = |loss: &crate::report::losses::FamilyLoss| {
        let db = psnr(loss.y_mse);
        let text = if db.is_finite() { format!("{db:.2} dB") } else { "no error".into() };
        (loss.id, db, format!("family {}: {text}", loss.id))
    };
    let map = Map {
        geometry: archive.geometry(),
        microns_per_pixel: archive.meta().microns_per_pixel,
        caption: "Y-PSNR per family: light is better",
        cells: losses.families.iter().map(cell).collect(),
        range: (low, high),
        colors: Colors::Cividis,
        label: &|db| format!("{db:.1} dB"),
        slide: thumbnail(archive, 2 * ROOM as u32)?,
    };
    let mut sheet = Drawing { width: ROOM, description: "Y-PSNR per family".into(), ..Drawing::default() };
    sheet.height = map.draw(&mut sheet, 0.0, 0.0, ROOM);
    Ok(Some(sheet))
}
