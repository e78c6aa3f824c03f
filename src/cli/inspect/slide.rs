//! A slide or an image.

use std::path::Path;

use anyhow::Result;
use origami::pyramid::identity::Identity;
use origami::slide::{Axis, OpenOptions, Slide, SlideError};
use serde_json::json;

use super::answer::{Answer, row, scan_rows};
use crate::cli::print::human_bytes;

/// What the file says about the slide. Associated images, of which one may show a patient's name, are named and not read.
pub fn inspect(path: &Path, options: &OpenOptions) -> Result<Answer> {
    let (slide, planes) = open(path, options)?;
    let (info, identity) = (&slide.info, Identity::of_slide(&slide)?);
    let size = |&(width, height): &(u32, u32)| format!("{width}x{height}");
    let levels: Vec<_> = info.levels.iter().map(size).collect();
    let icc_bytes = info.icc_profile.as_ref().map_or(0, |profile| profile.len() as u64);
    let or_none = |names: &[String]| if names.is_empty() { "none".into() } else { names.join(", ") };
    let mut text = vec![
        row("file", format!("{} (slide, {})", path.display(), human_bytes(identity.bytes))),
        row("format", &info.format),
        row("size", format!("{}x{}", info.width, info.height)),
        row(
            "levels",
            if levels.is_empty() { "only the full resolution is read".into() } else { levels.join(", ") },
        ),
        row("tiles", info.tile.as_ref().map_or("none".into(), size)),
        row("channels", planes.channels(info.channels)),
    ];
    text.extend(planes.focal_planes.map(|count| row("focal planes", format!("{count}, to choose with --z"))));
    text.extend(planes.times.map(|count| row("times", format!("{count}, to choose with --time"))));
    text.extend(scan_rows(info.microns_per_pixel, info.objective_power, info.scanner.as_deref()));
    text.push(row("ICC profile", if icc_bytes > 0 { human_bytes(icc_bytes) } else { "none".into() }));
    text.push(row("associated images", or_none(&info.associated)));
    text.push(row("identity", &identity.text));
    text.extend(info.warnings.iter().map(|warning| row("warning", warning)));
    let object = |&(width, height): &(u32, u32)| json!({"width": width, "height": height});
    let value = json!({
        "file": path, "kind": "slide", "file_bytes": identity.bytes, "identity": identity.text,
        "format": info.format, "width": info.width, "height": info.height, "channels": info.channels,
        "levels": info.levels.iter().map(object).collect::<Vec<_>>(), "tile": info.tile.as_ref().map(object),
        "microns_per_pixel": info.microns_per_pixel, "objective_power": info.objective_power, "scanner": info.scanner,
        "icc_profile_bytes": icc_bytes, "associated_images": info.associated,
        "warnings": info.warnings, "channels_to_choose": planes.names, "focal_planes_to_choose": planes.focal_planes,
        "times_to_choose": planes.times,
    });
    Ok(Answer { text, value })
}

/// What a slide has several of, and what of it has to be chosen before its pixels are read.
#[derive(Default)]
struct Planes {
    /// Number and name of each channel.
    names: Vec<String>,
    focal_planes: Option<u32>,
    times: Option<u32>,
}

impl Planes {
    fn channels(&self, samples: u8) -> String {
        match (self.names.is_empty(), samples) {
            (true, 1) => "1 (gray)".into(),
            (true, _) => "3 (RGB)".into(),
            (false, _) => {
                format!("{}: {}; to choose with --channel", self.names.len(), self.names.join(", "))
            }
        }
    }
}

/// Opens a slide. Of what it has several of and the options leave open, the first is taken, and named.
fn open(path: &Path, options: &OpenOptions) -> Result<(Slide, Planes)> {
    let asked = options.selection.clone();
    let (mut options, mut planes) = (options.clone(), Planes::default());
    loop {
        let opened = Slide::open(path, &options);
        let selection = &mut options.selection;
        match opened {
            Err(SlideError::ChooseChannels { channels, .. }) if selection.channels.is_empty() => {
                (selection.channels, planes.names) = (vec![0], channels);
            }
            Err(SlideError::ChoosePlane { what: Axis::FocalPlane, count, .. }) if selection.z.is_none() => {
                (selection.z, planes.focal_planes) = (Some(0), Some(count));
            }
            Err(SlideError::ChoosePlane { what: Axis::Time, count, .. }) if selection.time.is_none() => {
                (selection.time, planes.times) = (Some(0), Some(count));
            }
            opened => {
                // The identity is that of what was asked for.
                let mut slide = opened?;
                slide.selection = asked;
                return Ok((slide, planes));
            }
        }
    }
}
