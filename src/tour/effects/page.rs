//! A caption as a page. Text and style are data that a script of ours sets by property, so that neither is ever read as markup, and
//! the page's policy allows nothing else.

use std::collections::BTreeMap;

use serde_json::json;

use crate::tour::captions::style::{Align, Position, Style};
use crate::tour::colour::Rgba;
use crate::tour::plan::Format;

/// The page. `CUE` is replaced by the data.
const PAGE: &str = r#"<!doctype html>
<html><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'nonce-caption'">
</head><body><div><span></span></div>
<script type="application/json" id="cue">CUE</script>
<script nonce="caption">
const cue = JSON.parse(document.getElementById('cue').textContent);
const [outer, inner] = [document.querySelector('div'), document.querySelector('span')];
const set = (element, style) => Object.entries(style).forEach(([name, value]) => element.style.setProperty(name, value));
inner.textContent = cue.text;
set(document.body, { margin: '0' });
set(outer, cue.outer);
set(inner, cue.inner);
set(inner, cue.last);
</script></body></html>
"#;

/// The page of a caption: where libass would put it, and as large.
pub fn of(text: &str, style: &Style, format: Format) -> String {
    with(text, style, format, &[])
}

/// The page of its box alone, filled with black: what a filter of its backdrop applies to.
pub fn box_of(text: &str, style: &Style, format: Format) -> String {
    let properties = [
        ("background", "#000"),
        ("background-clip", "border-box"),
        ("color", "transparent"),
        ("border-color", "transparent"),
        ("box-shadow", "none"),
        ("text-shadow", "none"),
        ("text-decoration", "none"),
        ("-webkit-text-stroke", "0"),
        ("filter", "none"),
    ];
    with(text, style, format, &properties)
}

/// The page with properties that come last.
fn with(text: &str, style: &Style, format: Format, last: &[(&str, &str)]) -> String {
    let (w, h) = (f64::from(format.width), f64::from(format.height));
    let px = |length: f64| format!("{length}px");
    let (justify, align) = match style.align.unwrap_or(Align::Center) {
        Align::Left => ("flex-start", "left"),
        Align::Center => ("center", "center"),
        Align::Right => ("flex-end", "right"),
    };
    let items = match style.position.unwrap_or(Position::Bottom) {
        Position::Top => "flex-start",
        Position::Middle => "center",
        Position::Bottom => "flex-end",
    };
    let outer = json!({
        "position": "absolute", "left": "0", "top": "0", "width": px(w), "height": px(h), "box-sizing": "border-box",
        "padding": format!("{}px {}px", (h / 16.0).round(), (w / 16.0).round()), "display": "flex",
        "justify-content": justify, "align-items": items, "overflow": "hidden",
    });
    let last: serde_json::Map<_, _> = last.iter().map(|&(name, value)| (name.into(), value.into())).collect();
    let data =
        json!({"text": text, "outer": outer, "inner": inner(style, h, align), "last": last}).to_string();
    // In a script, "<" could end it.
    PAGE.replacen("CUE", &data.replace('<', "\\u003c"), 1)
}

/// The properties of the text: those that libass has too, and over them the effects.
fn inner(style: &Style, height: f64, align: &str) -> BTreeMap<String, String> {
    let size = style.font_size.unwrap_or(height / 24.0);
    let colour = |Rgba { r, g, b, a }: Rgba| format!("rgba({r}, {g}, {b}, {})", f64::from(a) / 255.0);
    let flag =
        |value: Option<bool>, yes: &str, no: &str| if value == Some(true) { yes } else { no }.to_string();
    let family = style.font_family.as_deref().unwrap_or("sans-serif").replace(['"', '\\'], "");
    let mut all: BTreeMap<String, String> = [
        ("font-size", format!("{size}px")),
        ("font-family", format!("\"{family}\", sans-serif")),
        ("color", colour(style.color.unwrap_or(Rgba::opaque(0xffffff)))),
        ("font-weight", flag(style.bold, "bold", "normal")),
        ("font-style", flag(style.italic, "italic", "normal")),
        ("text-decoration", flag(style.underline, "underline", "none")),
        ("letter-spacing", format!("{}px", style.letter_spacing.unwrap_or(0.0))),
        ("opacity", style.opacity.unwrap_or(1.0).to_string()),
        ("text-align", align.into()),
        ("line-height", "1.2".into()),
        ("white-space", "pre-wrap".into()),
        ("overflow-wrap", "anywhere".into()),
        ("unicode-bidi", "plaintext".into()),
    ]
    .map(|(name, value)| (name.into(), value))
    .into();
    match style.background {
        Some(background) => {
            all.insert("background-color".into(), colour(background));
            all.insert("padding".into(), format!("{}px", size * 0.25));
        }
        None => {
            let (width, line) = (2.0 * style.line_width(size), colour(style.line()));
            all.insert("-webkit-text-stroke".into(), format!("{width}px {line}"));
            all.insert("paint-order".into(), "stroke fill".into());
        }
    }
    // Not the filter of the backdrop: nothing is behind the page, and it is applied to frames.
    for (name, value) in &style.effects {
        all.insert(hyphenated(name), value.clone());
    }
    all
}

/// `textShadow` as `text-shadow`, `WebkitTextStroke` as `-webkit-text-stroke`.
fn hyphenated(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            out.push('-');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tour::plan::DEFAULT_FORMAT;

    #[test]
    fn text_is_data() {
        let page = of("</script><b>\"x\" \\", &Style::default(), DEFAULT_FORMAT);
        assert_eq!(page.matches("</script>").count(), 2);
        assert!(page.contains("\\u003c/script>\\u003cb>\\\"x\\\" \\\\"), "{page}");
    }

    #[test]
    fn names_are_those_of_css() {
        assert_eq!(hyphenated("textShadow"), "text-shadow");
        assert_eq!(hyphenated("WebkitTextStroke"), "-webkit-text-stroke");
    }
}
