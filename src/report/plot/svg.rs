//! A drawing as SVG.

use std::fmt::Write;

use super::drawing::{Anchor, Area, Drawing, Paint, Rgb, Shape};
use crate::error::Result;

/// The colours by role and the font, for light and dark. A page that holds drawings has it once.
pub const STYLE: &str = include_str!("plot.css");

/// The drawing as a file of its own.
///
/// # Errors
/// Lack of memory.
pub fn document(drawing: &Drawing) -> Result<String> {
    element(drawing, STYLE)
}

/// The drawing as an element of a page that has [`STYLE`].
///
/// # Errors
/// Lack of memory.
pub fn fragment(drawing: &Drawing) -> Result<String> {
    element(drawing, "")
}

fn element(drawing: &Drawing, style: &str) -> Result<String> {
    let (width, height) = (Points(drawing.width), Points(drawing.height));
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"plot\" role=\"img\" aria-label=\"{}\" \
         width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">\n",
        escape(&drawing.description)
    );
    if !style.is_empty() {
        let sheet = Shape::Fill(Area::new(0.0, 0.0, drawing.width, drawing.height), Paint::Paper);
        svg += &format!("<style>\n{style}</style>\n{}", shape(&sheet)?);
    }
    for item in &drawing.shapes {
        svg += &shape(item)?;
    }
    svg += "</svg>\n";
    Ok(svg)
}

fn shape(shape: &Shape) -> Result<String> {
    Ok(match shape {
        Shape::Fill(area, paint) => format!("<rect {} {}/>\n", place(area), fill(*paint)),
        Shape::Cells(cells) => {
            let mut group = String::from("<g class=\"cells\" shape-rendering=\"crispEdges\">\n");
            for cell in cells {
                let (place, fill, title) = (place(&cell.area), hex(cell.rgb), escape(&cell.title));
                // Writing to a string does not fail.
                let _ = writeln!(group, "<rect {place} fill=\"{fill}\"><title>{title}</title></rect>");
            }
            group + "</g>\n"
        }
        Shape::Image(area, picture) => {
            let place = place(area);
            let uri = data_uri("jpeg", &picture.jpeg()?);
            format!("<image {place} preserveAspectRatio=\"none\" href=\"{uri}\"/>\n")
        }
        Shape::Text { x, y, size, anchor, paint, text } => {
            let anchor = match anchor {
                Anchor::Start => "",
                Anchor::Middle => " text-anchor=\"middle\"",
                Anchor::End => " text-anchor=\"end\"",
            };
            let (x, y, fill) = (Points(*x), Points(*y), fill(*paint));
            format!("<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\"{anchor} {fill}>{}</text>\n", escape(text))
        }
        Shape::Line(points, paint) => {
            let points: Vec<_> =
                points.iter().map(|&(x, y)| format!("{},{}", Points(x), Points(y))).collect();
            let stroke = match paint {
                Paint::Fixed(rgb) => format!("stroke=\"{}\"", hex(*rgb)),
                role => format!("class=\"line {}\"", class(*role)),
            };
            format!(
                "<polyline points=\"{}\" fill=\"none\" stroke-width=\"1.5\" {stroke}/>\n",
                points.join(" ")
            )
        }
        Shape::Dot(x, y, radius, paint) => {
            format!("<circle cx=\"{}\" cy=\"{}\" r=\"{radius}\" {}/>\n", Points(*x), Points(*y), fill(*paint))
        }
    })
}

/// A coded image inside the text of a page.
pub fn data_uri(format: &str, bytes: &[u8]) -> String {
    format!("data:image/{format};base64,{}", data_encoding::BASE64.encode(bytes))
}

/// A text in XML and HTML.
pub fn escape(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, letter| {
        match letter {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            // Control characters are not allowed in XML.
            letter if letter.is_control() => out.push(' '),
            letter => out.push(letter),
        }
        out
    })
}

/// A length with at most two decimals.
struct Points(f64);

impl std::fmt::Display for Points {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", (self.0 * 100.0).round() / 100.0)
    }
}

fn place(area: &Area) -> String {
    let (x, y, width, height) = (Points(area.x), Points(area.y), Points(area.width), Points(area.height));
    format!("x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"")
}

fn fill(paint: Paint) -> String {
    match paint {
        Paint::Fixed(rgb) => format!("fill=\"{}\"", hex(rgb)),
        role => format!("class=\"{}\"", class(role)),
    }
}

/// The class of a colour by role.
fn class(paint: Paint) -> &'static str {
    match paint {
        Paint::Paper => "paper",
        Paint::Ink | Paint::Fixed(_) => "ink",
        Paint::Muted => "muted",
        Paint::Rule => "rule",
        Paint::Absent => "absent",
    }
}

fn hex([r, g, b]: Rgb) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}
