//! How captions look: CSS's names, as far as libass draws them, and effects that it does not.

use std::collections::BTreeMap;

use crate::tour::colour::Rgba;
use crate::tour::effects::backdrop::Backdrop;

/// What is said about the look of a caption. What is `None` is left to the style under it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Style {
    /// Pixels of the video.
    pub font_size: Option<f64>,
    /// Name of a family, as fontconfig knows it.
    pub font_family: Option<String>,
    /// Of the text.
    pub color: Option<Rgba>,
    /// Of a box behind the text.
    pub background: Option<Rgba>,
    /// Of the line around letters.
    pub outline: Option<Rgba>,
    /// Pixels of the video.
    pub outline_width: Option<f64>,
    /// Heavier.
    pub bold: Option<bool>,
    /// Slanted.
    pub italic: Option<bool>,
    /// With a line below.
    pub underline: Option<bool>,
    /// Across.
    pub align: Option<Align>,
    /// Down.
    pub position: Option<Position>,
    /// Pixels of the video between letters.
    pub letter_spacing: Option<f64>,
    /// From 0 to 1.
    pub opacity: Option<f64>,
    /// What libass does not draw: names of [`EFFECTS`] and their values.
    pub effects: BTreeMap<String, String>,
    /// The filter of what is under the caption, which libass does not draw either.
    pub backdrop: Option<Backdrop>,
}

/// The line around letters where a document says none that they stand out from: the first one, or the other around dark letters.
const OUTLINES: [Rgba; 2] = [Rgba::opaque(0x101010), Rgba::opaque(0xffffff)];
/// From how much contrast on letters stand out from the line around them. Then they can be read on any ground: it is like one of the two
/// at most.
const LEAST_CONTRAST: f64 = 3.0;
/// Size of a font over the width of the line around its letters.
const OUTLINE_PART: f64 = 12.0;

/// The name of that filter.
pub const BACKDROP: &str = "backdropFilter";

/// Properties of CSS that Chromium draws, by the names that scripts have for them.
pub const EFFECTS: [&str; 12] = [
    "WebkitTextStroke",
    "backgroundClip",
    "backgroundImage",
    "border",
    "borderRadius",
    "boxShadow",
    "filter",
    "lineHeight",
    "padding",
    "textShadow",
    "textTransform",
    "wordSpacing",
];

/// Where text stands across.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// At the left edge.
    Left,
    /// In the middle.
    Center,
    /// At the right edge.
    Right,
}

/// Where text stands down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// At the upper edge.
    Top,
    /// In the middle.
    Middle,
    /// At the lower edge.
    Bottom,
}

/// As CSS's `text-align`.
pub const ALIGNMENTS: [(&str, Align); 5] = [
    ("left", Align::Left),
    ("center", Align::Center),
    ("right", Align::Right),
    ("start", Align::Left),
    ("end", Align::Right),
];

/// As WebVTT's lines.
pub const POSITIONS: [(&str, Position); 4] = [
    ("top", Position::Top),
    ("middle", Position::Middle),
    ("center", Position::Middle),
    ("bottom", Position::Bottom),
];

impl Style {
    /// This one with another laid over it, whose values are taken where it has any.
    #[must_use]
    pub fn under(self, over: Style) -> Style {
        Style {
            font_size: over.font_size.or(self.font_size),
            font_family: over.font_family.or(self.font_family),
            color: over.color.or(self.color),
            background: over.background.or(self.background),
            outline: over.outline.or(self.outline),
            outline_width: over.outline_width.or(self.outline_width),
            bold: over.bold.or(self.bold),
            italic: over.italic.or(self.italic),
            underline: over.underline.or(self.underline),
            align: over.align.or(self.align),
            position: over.position.or(self.position),
            letter_spacing: over.letter_spacing.or(self.letter_spacing),
            opacity: over.opacity.or(self.opacity),
            effects: self.effects.into_iter().chain(over.effects).collect(),
            backdrop: over.backdrop.or(self.backdrop),
        }
    }

    /// The colour of the line around letters: the one that is asked for, if they stand out from it.
    pub fn line(&self) -> Rgba {
        let letters = self.color.unwrap_or(Rgba::opaque(0xffffff));
        let [dark, light] = OUTLINES;
        let wanted = self.outline.unwrap_or(dark);
        match letters.contrast(wanted) >= LEAST_CONTRAST {
            true => wanted,
            false if letters.contrast(dark) < letters.contrast(light) => light,
            false => dark,
        }
    }

    /// The width of that line in pixels of the video, of letters of a size.
    pub fn line_width(&self, size: f64) -> f64 {
        self.outline_width.unwrap_or(size / OUTLINE_PART)
    }

    /// Names of what it has that libass does not draw.
    pub fn beyond_libass(&self) -> Vec<&str> {
        let filter = self.backdrop.as_ref().filter(|filter| !filter.is_none()).map(|_| BACKDROP);
        self.effects.keys().map(String::as_str).chain(filter).collect()
    }
}

/// The first family of a list as CSS writes it: `"Noto Sans CJK", sans-serif`.
pub fn first_family(list: &str) -> Option<String> {
    let family = list.split(',').next()?.trim().trim_matches(['"', '\'']);
    // A comma ends a field of the script, and a name has none.
    let family: String = family.chars().filter(|c| !c.is_control()).collect();
    (!family.is_empty()).then_some(family)
}

/// The look of a speaker without a style, by the order in which speakers come first.
pub fn of_speaker(number: usize) -> Style {
    const PALETTE: [u32; 6] = [0xffffff, 0xffe9a8, 0xa8e6ff, 0xc9f2b0, 0xffc9de, 0xd9ccff];
    Style { color: Some(Rgba::opaque(PALETTE[number % PALETTE.len()])), ..Style::default() }
}

/// The looks of emotions that a document does not style.
pub fn of_emotions() -> BTreeMap<String, Style> {
    let look = |color: Option<u32>, bold: bool, italic: bool| Style {
        color: color.map(Rgba::opaque),
        bold: bold.then_some(true),
        italic: italic.then_some(true),
        ..Style::default()
    };
    let table = [
        ("neutral", look(None, false, false)),
        ("calm", look(None, false, false)),
        ("happy", look(Some(0xfff176), false, false)),
        ("joy", look(Some(0xfff176), false, false)),
        ("excited", look(Some(0xffcc80), true, false)),
        ("surprised", look(Some(0xffcc80), false, false)),
        ("sad", look(Some(0x9fc5ff), false, true)),
        ("fear", look(Some(0xce93d8), false, true)),
        ("disgust", look(Some(0xc5e1a5), false, false)),
        ("angry", look(Some(0xff8a80), true, false)),
        ("whisper", look(None, false, true)),
    ];
    table.into_iter().map(|(name, style)| (name.into(), style)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_stand_out_from_the_line_around_them() {
        let line = |color: Option<u32>, outline: Option<u32>| {
            let [color, outline] = [color, outline].map(|rgb| rgb.map(Rgba::opaque));
            Style { color, outline, ..Style::default() }.line()
        };
        let [dark, light] = OUTLINES;
        for (color, outline, want) in [
            (None, None, dark),
            (None, Some(0xffffff), dark),
            (Some(0xffffe0), Some(0xeeeeee), dark),
            (Some(0x808080), None, dark),
            (Some(0), None, light),
            (Some(0), Some(0x202020), light),
            (Some(0xff), None, light),
            (None, Some(0x8a2a6b), Rgba::opaque(0x8a2a6b)),
            (Some(0), Some(0xffd700), Rgba::opaque(0xffd700)),
        ] {
            assert_eq!(line(color, outline), want, "{color:x?} in {outline:x?}");
        }
        for number in 0..6 {
            assert_eq!(of_speaker(number).line(), dark, "speaker {number}");
        }
    }

    #[test]
    fn the_preview_in_the_browser_has_the_same_looks() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/serve/viewer/looks.js");
        let script = std::fs::read_to_string(path).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
        let has = |text: String| assert!(script.contains(&text), "{path} lacks {text}");
        let hex = |Rgba { r, g, b, .. }: Rgba| format!("'#{r:02x}{g:02x}{b:02x}'");
        let palette: Vec<_> = (0..6).map(|number| hex(of_speaker(number).color.unwrap())).collect();
        assert_eq!(of_speaker(6), of_speaker(0));
        has(format!("PALETTE = [{}];", palette.join(", ")));
        for (name, style) in of_emotions() {
            let properties = [
                style.color.map(|color| format!("color: {}", hex(color))),
                style.bold.map(|_| "fontWeight: 'bold'".into()),
                style.italic.map(|_| "fontStyle: 'italic'".into()),
            ];
            let properties = properties.into_iter().flatten().collect::<Vec<_>>().join(", ");
            has(if properties.is_empty() {
                format!("{name}: {{}},")
            } else {
                format!("{name}: {{ {properties} }},")
            });
        }
        let effects: Vec<_> = EFFECTS.iter().chain([&BACKDROP]).map(|name| format!("'{name}'")).collect();
        has(format!("EFFECTS = [{}];", effects.join(", ")));
        let outlines: Vec<_> = OUTLINES.into_iter().map(hex).collect();
        has(format!("OUTLINES = [{}];", outlines.join(", ")));
        has(format!("LEAST_CONTRAST = {LEAST_CONTRAST};"));
        has(format!("OUTLINE_PART = {OUTLINE_PART};"));
    }
}
