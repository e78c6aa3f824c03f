//! Sizes: `max`, width, height, percent, a box; in version 3 with `^` where the image may be enlarged, in version 2 `full` for `max`. No
//! image is enlarged.

use super::number::{bad, list, number};
use super::request::{MAX_AREA, MAX_SIDE, Region, Version};
use crate::web::error::ServeError;

/// The scale that makes the largest image of a region that the limits allow; more than 1 if the region is within them.
fn largest(w: f64, h: f64) -> f64 {
    let scale = (f64::from(MAX_SIDE) / w.max(h)).min((MAX_AREA as f64 / (w * h)).sqrt());
    // A side of less than one pixel becomes one, which leaves room for the other.
    if w.min(h) * scale < 1.0 { f64::from(MAX_SIDE) / w.max(h) } else { scale }
}

/// Parses the size of the image of a region: width and height.
///
/// # Errors
/// One that is malformed, empty, larger than the region or over the limits.
pub fn parse_size(version: Version, text: &str, region: Region) -> Result<(u32, u32), ServeError> {
    let (w, h) = (f64::from(region.width), f64::from(region.height));
    let (size, may_enlarge) = match (version, text.strip_prefix('^')) {
        (Version::Three, Some(size)) => (size, true),
        (Version::Two, _) if text == "full" => ("max", false),
        _ => (text, false),
    };
    let fail = || bad("size", text);
    let scaled = |scale: f64| ((w * scale).round().max(1.0), (h * scale).round().max(1.0));
    // Rounded down, so that it stays within the limits.
    let limited = |scale: f64| ((w * scale).floor().max(1.0), (h * scale).floor().max(1.0));
    let larger = || {
        let problem = format!("size '{text}' is larger than the region, {w}x{h}");
        match may_enlarge {
            true => ServeError::Unsupported(format!("{problem}; no image is enlarged")),
            false => ServeError::Bad(problem),
        }
    };
    let (out_w, out_h) = if size == "max" {
        match largest(w, h) {
            scale if scale < 1.0 => limited(scale),
            scale if may_enlarge && scale > 1.0 => return Err(larger()),
            _ => (w, h),
        }
    } else if let Some(percent) = size.strip_prefix("pct:") {
        let percent = number(percent, true).filter(|&p| p > 0.0).ok_or_else(fail)?;
        if percent > 100.0 {
            return Err(larger());
        }
        scaled(percent / 100.0)
    } else if let Some(inside) = size.strip_prefix('!') {
        let [bw, bh] = list::<2>(inside, false).ok_or_else(fail)?;
        if bw < 1.0 || bh < 1.0 {
            return Err(ServeError::Bad(format!("size '{text}' is empty")));
        }
        let scale = (bw / w).min(bh / h);
        if scale > 1.0 {
            // By the specification the region would be sent unscaled; the official validator expects an error.
            return Err(larger());
        }
        if scale > largest(w, h) { limited(largest(w, h)) } else { scaled(scale) }
    } else {
        match size.split_once(',').ok_or_else(fail)? {
            (width, "") => {
                let width = number(width, false).ok_or_else(fail)?;
                (width, (h * width / w).round().max(1.0))
            }
            ("", height) => {
                let height = number(height, false).ok_or_else(fail)?;
                ((w * height / h).round().max(1.0), height)
            }
            (width, height) => {
                (number(width, false).ok_or_else(fail)?, number(height, false).ok_or_else(fail)?)
            }
        }
    };
    if out_w < 1.0 || out_h < 1.0 {
        return Err(ServeError::Bad(format!("size '{text}' is empty")));
    }
    if out_w > w || out_h > h {
        return Err(larger());
    }
    let side = f64::from(MAX_SIDE);
    if out_w > side || out_h > side || out_w * out_h > MAX_AREA as f64 {
        return Err(ServeError::Bad(format!("size '{text}' is over the limits of info.json")));
    }
    Ok((out_w as u32, out_h as u32))
}
