//! Pages: one file each, which needs no network, no other file and no script.

mod encode;

pub use encode::EncodePage;

use super::plot::drawing::Drawing;
use super::plot::svg;
use crate::error::Result;

/// What every page begins its mark of this program with.
pub const GENERATOR: &str = "<meta name=\"generator\" content=\"origami ";

/// The page of one drawing.
///
/// # Errors
/// Lack of memory.
pub fn of_drawing(drawing: &Drawing, title: &str) -> Result<String> {
    Ok(page(title, &format!("<figure>{}</figure>\n", svg::fragment(drawing)?)))
}

/// A page with a title in the browser's bar; `body` is HTML.
fn page(title: &str, body: &str) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let (title, style, plots) = (svg::escape(title), include_str!("page.css"), svg::STYLE);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         {GENERATOR}{version}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>\n{style}{plots}</style>\n</head>\n<body>\n<main>\n{body}</main>\n</body>\n</html>\n"
    )
}
