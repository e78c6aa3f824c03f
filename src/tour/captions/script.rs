//! A script of Advanced SubStation Alpha, version 4.00+.

use std::fmt::Write;
use std::ops::Range;

use super::style::{Align, Position, Style};
use crate::tour::colour::Rgba;
use crate::tour::plan::{Cue, Format, Title};

/// Height of a line of text in ASS, which counts ascent and descent, over CSS's font size: that of common families.
const LINE_HEIGHT: f64 = 1.2;

/// What lies above what.
#[derive(Clone, Copy)]
pub enum Layer {
    /// Circles and the pointer.
    Marks = 1,
    /// Scale bar and magnification.
    Corners = 2,
    /// Captions.
    Cues = 3,
    /// The title's card.
    Card = 4,
    /// The title's text.
    Title = 5,
}

/// A script for the frames of a part of a video.
pub struct Script {
    format: Format,
    frames: Range<u64>,
    styles: Vec<Style>,
    events: String,
}

impl Script {
    /// An empty one.
    pub fn new(format: Format, frames: Range<u64>) -> Self {
        Self { format, frames, styles: Vec::new(), events: String::new() }
    }

    /// The frames that it is for.
    pub fn frames(&self) -> Range<u64> {
        self.frames.clone()
    }

    /// Size and rate of the video.
    pub fn format(&self) -> Format {
        self.format
    }

    /// An event on these frames, also on those before and after the part: text that fades counts from its start and to its end. `text`
    /// is in the language of the script.
    pub fn event(&mut self, layer: Layer, frames: Range<u64>, style: &str, text: &str) {
        if frames.start.max(self.frames.start) >= frames.end.min(self.frames.end) {
            return;
        }
        let (start, end) = (self.before(frames.start), self.before(frames.end));
        // Writing to a string does not fail.
        let _ = writeln!(self.events, "Dialogue: {},{start},{end},{style},,0,0,0,,{text}", layer as u8);
    }

    /// The time half a frame before a frame.
    fn before(&self, frame: u64) -> String {
        let seconds = (frame as f64 - 0.5) * f64::from(self.format.fps.1) / f64::from(self.format.fps.0);
        let hundredths = (seconds * 100.0).round().max(0.0) as u64;
        let (minutes, hundredths) = (hundredths / 6000, hundredths % 6000);
        format!("{}:{:02}:{:02}.{:02}", minutes / 60, minutes % 60, hundredths / 100, hundredths % 100)
    }

    /// A caption.
    pub fn cue(&mut self, cue: &Cue) {
        let frames = self.format.first_frame_at(cue.start)..self.format.first_frame_at(cue.end);
        let number = self.styles.iter().position(|style| *style == cue.style).unwrap_or_else(|| {
            self.styles.push(cue.style.clone());
            self.styles.len() - 1
        });
        self.event(Layer::Cues, frames, &format!("Cue{number}"), &escaped(&cue.text));
    }

    /// A title on its card.
    pub fn title(&mut self, title: &Title) {
        let frames = 0..self.format.first_frame_at(title.duration);
        let Format { width, height, .. } = self.format;
        let card = format!(
            "{{\\an7\\pos(0,0)\\bord0\\shad0\\1c&H201814&\\1a&H20&\\fad(0,300)\\p1}}m 0 0 l {width} 0 l {width} {height} l 0 {height}"
        );
        self.event(Layer::Card, frames.clone(), "Mark", &card);
        let (middle, above) = (width / 2, height * 45 / 100);
        let text = format!("{{\\an5\\pos({middle},{above})\\fad(250,300)}}{}", escaped(&title.text));
        self.event(Layer::Title, frames.clone(), "Title", &text);
        if let Some(subtitle) = &title.subtitle {
            let below = height * 56 / 100;
            let text = format!("{{\\an5\\pos({middle},{below})\\fad(250,300)}}{}", escaped(subtitle));
            self.event(Layer::Title, frames, "Subtitle", &text);
        }
    }

    /// The script.
    pub fn text(&self) -> String {
        let Format { width, height, .. } = self.format;
        let mut text = format!(
            "[Script Info]\nScriptType: v4.00+\nPlayResX: {width}\nPlayResY: {height}\nWrapStyle: 0\n\
             ScaledBorderAndShadow: yes\nYCbCr Matrix: None\n\n[V4+ Styles]\n\
             Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, \
             StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding\n"
        );
        let h = f64::from(height);
        let of = |font_size: f64, bold: bool| Style {
            font_size: Some(font_size),
            bold: Some(bold),
            ..Style::default()
        };
        self.write_style(&mut text, "Mark", &of(h / 36.0, false));
        self.write_style(&mut text, "Title", &of(h / 14.0, true));
        self.write_style(&mut text, "Subtitle", &of(h / 26.0, false));
        for (number, style) in self.styles.iter().enumerate() {
            self.write_style(&mut text, &format!("Cue{number}"), style);
        }
        text +=
            "\n[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n";
        text += &self.events;
        text
    }

    fn write_style(&self, text: &mut String, name: &str, style: &Style) {
        let (w, h) = (f64::from(self.format.width), f64::from(self.format.height));
        let size = style.font_size.unwrap_or(h / 24.0);
        let opacity = style.opacity.unwrap_or(1.0);
        let faded = |colour: Rgba| colour.with_alpha((f64::from(colour.a) * opacity).round() as u8);
        let primary = faded(style.color.unwrap_or(Rgba::opaque(0xffffff)));
        // Style 3 is an opaque box in the colour of the outline.
        let (border, outline, width) = match style.background {
            Some(background) => (3, background, size * 0.25),
            None => (1, style.line(), style.line_width(size)),
        };
        let flag = |value: Option<bool>| if value == Some(true) { -1 } else { 0 };
        let column = match style.align.unwrap_or(Align::Center) {
            Align::Left => 1,
            Align::Center => 2,
            Align::Right => 3,
        };
        let alignment = column
            + match style.position.unwrap_or(Position::Bottom) {
                Position::Bottom => 0,
                Position::Middle => 3,
                Position::Top => 6,
            };
        // Encoding -1: the direction of a line is that of its first letter.
        let _ = writeln!(
            text,
            "Style: {name},{},{:.2},{primary},{primary},{outline},{shadow},{},{},{},0,100,100,{:.2},0,{border},{width:.2},0,{alignment},{side},{side},{edge},-1",
            style.font_family.as_deref().unwrap_or("sans-serif").replace(',', " "),
            size * LINE_HEIGHT,
            flag(style.bold),
            flag(style.italic),
            flag(style.underline),
            style.letter_spacing.unwrap_or(0.0),
            primary = coded(primary),
            outline = coded(faded(outline)),
            shadow = coded(Rgba::opaque(0).with_alpha(0)),
            side = (w / 16.0).round(),
            edge = (h / 16.0).round(),
        );
    }
}

/// A colour as a style has it: opacity reversed, then blue, green, red.
fn coded(Rgba { r, g, b, a }: Rgba) -> String {
    format!("&H{:02X}{b:02X}{g:02X}{r:02X}", 255 - a)
}

/// Text that means itself. A backslash gets a character without width behind it, so that it begins no command.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => out += "\\\u{2060}",
            '{' => out += "\\{",
            '}' => out += "\\}",
            '\n' => out += "\\N",
            '\t' => out.push(' '),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tour::plan::DEFAULT_FORMAT;

    fn cue(text: &str, start: f64, end: f64) -> Cue {
        Cue { text: text.into(), start, end, style: Style::default() }
    }

    fn events(script: &Script) -> Vec<String> {
        let text = script.text();
        text.lines().filter(|line| line.starts_with("Dialogue")).map(Into::into).collect()
    }

    #[test]
    fn a_cue_begins_and_ends_between_frames() {
        let mut script = Script::new(DEFAULT_FORMAT, 0..100);
        script.cue(&cue("x", 0.5, 2.3));
        // Frames 15 to 68: 0.4833 s and 2.2833 s are half a frame before 15 and 69.
        assert_eq!(events(&script), ["Dialogue: 3,0:00:00.48,0:00:02.28,Cue0,,0,0,0,,x"]);
    }

    #[test]
    fn a_part_of_a_video_has_its_own_events_only() {
        let mut script = Script::new(DEFAULT_FORMAT, 300..600);
        script.cue(&cue("before", 1.0, 10.0));
        script.cue(&cue("into", 9.0, 11.0));
        script.cue(&cue("after", 20.0, 21.0));
        assert_eq!(events(&script), ["Dialogue: 3,0:00:08.98,0:00:10.98,Cue0,,0,0,0,,into"]);
    }

    #[test]
    fn text_means_itself() {
        let mut script = Script::new(DEFAULT_FORMAT, 0..100);
        script.cue(&cue("{\\b1}a\\Nb\nDialogue: 0,x\r", 0.0, 1.0));
        let only = events(&script);
        assert_eq!(only.len(), 1);
        assert!(only[0].ends_with(",,\\{\\\u{2060}b1\\}a\\\u{2060}Nb\\NDialogue: 0,x"), "{only:?}");
    }

    #[test]
    fn equal_styles_are_written_once() {
        let mut script = Script::new(DEFAULT_FORMAT, 0..100);
        let red = Style { color: Some(Rgba::opaque(0x0102ff)), ..Style::default() };
        for style in [Style::default(), red.clone(), Style::default(), red] {
            script.cue(&Cue { style, ..cue("x", 0.0, 1.0) });
        }
        let text = script.text();
        assert_eq!(text.matches("Style: Cue").count(), 2);
        assert!(text.contains("&H00FF0201"), "{text}");
    }
}
