//! The optical paths that were chosen, each with its resolutions, and the colours in which they are shown.

use super::super::blend::color_of;
use super::super::error::SlideError;
use super::super::options::Selection;
use super::elements::FORMAT;
use super::image::Image;
use super::level::Level;
use super::resolutions::Resolutions;
use std::path::Path;

/// For each chosen channel its resolutions, the finest first. Of several channels only those sizes that all of them have.
pub(super) fn choose(
    path: &Path,
    volumes: Vec<Image>,
    selection: &Selection,
    warnings: &mut Vec<String>,
) -> Result<Vec<Vec<Level>>, SlideError> {
    let resolutions = Resolutions::of(path, volumes);
    warnings.extend(resolutions.unlisted());
    if selection.channels.len() < 2 && selection.colors.is_empty() {
        let mut levels = resolutions.levels(selection, warnings)?;
        alone(&mut levels, selection, warnings);
        return Ok(vec![levels]);
    }
    let mut channels = Vec::new();
    for &number in &selection.channels {
        let own = Selection { channels: vec![number], ..selection.clone() };
        let mut levels = resolutions.levels(&own, warnings)?;
        for level in &mut levels {
            blend(level, number, selection.color_of(number), path)?;
        }
        channels.push(levels);
    }
    let size = |level: &Level| (level.image.width, level.image.height);
    let sizes: Vec<Vec<_>> = channels.iter().map(|levels| levels.iter().map(size).collect()).collect();
    if sizes.iter().any(|own| own.first() != sizes.first().and_then(|first| first.first())) {
        return Err(SlideError::unsupported(
            path,
            FORMAT,
            "channels of different sizes",
            "choose one channel",
        ));
    }
    for levels in &mut channels {
        levels.retain(|level| sizes.iter().all(|own| own.contains(&size(level))));
    }
    Ok(channels)
}

/// A channel that is shown by itself: gray, or in the colours of its palette.
fn alone(levels: &mut [Level], selection: &Selection, warnings: &mut Vec<String>) {
    let Some(finest) = levels.first().filter(|level| level.image.format.channels() == 1) else { return };
    let unused = |why: &str| format!("the palette of its optical path is not used ({why}): it is shown gray");
    match finest.own_palette() {
        Ok(None) => {}
        Err(problem) => warnings.push(unused(&problem)),
        Ok(Some(_)) if selection.window.is_some() || !selection.windows.is_empty() => {
            warnings.push(unused("a window was chosen"))
        }
        Ok(Some(palette)) => {
            warnings
                .push("its gray values are shown in the colours of the palette of its optical path".into());
            levels.iter_mut().for_each(|level| level.set_palette(palette.clone()));
        }
    }
}

/// A channel that is shown with others, or in a colour that was chosen for it.
fn blend(level: &mut Level, number: u32, color: Option<[u8; 3]>, path: &Path) -> Result<(), SlideError> {
    let refused = |what: String| SlideError::unsupported(path, FORMAT, what, "choose one channel");
    if level.image.format.channels() != 1 {
        return Err(refused(format!("channel {number}, whose pixels are colours, beside others")));
    }
    if let Some(color) = color {
        level.set_blended(None, color);
        return Ok(());
    }
    let palette = level.own_palette();
    let palette =
        palette.map_err(|problem| refused(format!("the palette of channel {number} ({problem})")))?;
    level.set_blended(palette, color_of(number));
    Ok(())
}
