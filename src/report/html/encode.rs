//! The page of an encode: what it saved, what it lost and where, so that a person sees it before trusting the bundle.

use std::fmt::Write;

use super::page;
use crate::archive::{Archive, SourceKind};
use crate::error::Result;
use crate::quality::metrics::psnr_from_mse;
use crate::report::losses::{Example, Losses};
use crate::report::numbers::{human_bytes, thousands};
use crate::report::plot::curve::{self, CurvePoint};
use crate::report::plot::{bytes, quality, svg};
use crate::report::settings;
use crate::report::sizes::Sizes;

/// Factor on the difference in pictures.
const GAIN: i32 = 4;

/// Everything on the page.
pub struct EncodePage<'a> {
    /// The bundle.
    pub archive: &'a Archive,
    /// Bytes of the slide's file, or of all tiles of the tree.
    pub source_bytes: u64,
    /// What was lost; `None` for a lossless encode.
    pub losses: Option<&'a Losses>,
    /// Estimates at several qualities, from a sample of the families; empty for none.
    pub curve: &'a [CurvePoint],
    /// Families in the sample.
    pub sampled: usize,
    /// Whether the name of the source may be on the page.
    pub names: bool,
}

impl EncodePage<'_> {
    /// The page as HTML.
    ///
    /// # Errors
    /// Damaged parts of the archive.
    pub fn html(&self) -> Result<String> {
        let sizes = Sizes::read(self.archive)?;
        let title = if self.names { self.archive.meta().source.name.as_str() } else { "Encode report" };
        let mut body = format!("<h1>{}</h1>\n<p class=\"facts\">{}</p>\n", svg::escape(title), self.facts());
        let _ = writeln!(body, "<p class=\"verdict\">{}</p>", self.verdict());
        body += &self.sizes();
        if let Some(losses) = self.losses {
            body += &self.quality(losses)?;
            body += &self.examples(losses)?;
            body += &self.rate_curve(losses)?;
        }
        let plot = svg::fragment(&bytes::figure(self.archive, &sizes)?)?;
        let _ = writeln!(body, "<h2>Where the bytes lie</h2>\n<figure>{plot}</figure>");
        body += &self.settings();
        Ok(page(title, &body))
    }

    fn facts(&self) -> String {
        let (geometry, meta) = (self.archive.geometry(), self.archive.meta());
        let mut facts = format!(
            "{} × {} pixels, {} of {} families",
            thousands(geometry.width().into()),
            thousands(geometry.height().into()),
            thousands(self.archive.families().len() as u64),
            thousands(geometry.family_count())
        );
        if let Some((x, y)) = meta.microns_per_pixel {
            let _ = write!(facts, ", {x:.4} × {y:.4} µm per pixel");
        }
        format!("{facts}; written by {}", svg::escape(&meta.tool))
    }

    /// The result in a sentence or two.
    fn verdict(&self) -> String {
        let bundle = human_bytes(self.archive.file_bytes());
        let Some(losses) = self.losses else {
            return format!(
                "<strong>Nothing was lost.</strong> The bundle of {bundle} holds the JPEG tiles of the source's full \
                 resolution and gives them back byte for byte."
            );
        };
        let worst = losses.worst.first().map(|example| psnr_from_mse(example.loss.y_mse));
        let of_worst = match worst {
            Some(db) => format!("; the family that lost most has {db:.2} dB"),
            None => String::new(),
        };
        let all = losses.y_psnr();
        let all = if all.is_finite() { format!("{all:.2} dB") } else { "no error".into() };
        format!("The bundle is {bundle}. Y-PSNR of the full resolution against the source: {all}{of_worst}.")
    }

    fn sizes(&self) -> String {
        let (geometry, bundle) = (self.archive.geometry(), self.archive.file_bytes());
        let raw = 3 * u64::from(geometry.width()) * u64::from(geometry.height());
        let source = match self.archive.meta().source.kind {
            SourceKind::Deepzoom => "source: all tiles of the tree",
            SourceKind::Slide => "source: the slide's file",
        };
        let row = |name: &str, bytes: u64| {
            let share = 100.0 * bundle as f64 / bytes.max(1) as f64;
            format!(
                "<tr><td>{name}</td><td class=\"number\">{}</td><td class=\"number\">{share:.1}%</td></tr>\n",
                human_bytes(bytes)
            )
        };
        format!(
            "<h2>Sizes</h2>\n<table>\n<tr><th></th><th class=\"number\">bytes</th>\
             <th class=\"number\">the bundle is</th></tr>\n{}{}{}</table>\n",
            row("full resolution as raw RGB", raw),
            row(source, self.source_bytes),
            row("bundle, with all levels", bundle)
        )
    }

    fn quality(&self, losses: &Losses) -> Result<String> {
        let Some(map) = quality::draw(self.archive, losses)? else {
            return Ok("<h2>What was lost</h2>\n<p>No family has an error in luma.</p>\n".into());
        };
        Ok(format!(
            "<h2>What was lost, and where</h2>\n<p>Y-PSNR is the error of brightness against the source, in decibels: \
             higher is better, and 6 dB more is half the error.</p>\n<figure>{}</figure>\n",
            svg::fragment(&map)?
        ))
    }

    fn examples(&self, losses: &Losses) -> Result<String> {
        if losses.worst.is_empty() {
            return Ok(String::new());
        }
        let mut html = format!(
            "<h2>The families that lost most</h2>\n<p>Of each, the part that differs most from the source, pixel by \
             pixel. The difference is multiplied by {GAIN}, around gray.</p>\n"
        );
        for example in &losses.worst {
            html += &self.example(example)?;
        }
        Ok(html)
    }

    fn example(&self, example: &Example) -> Result<String> {
        let rect = self.archive.geometry().family_rect(example.loss.id);
        let (x, y) = (rect.x as usize + example.corner_px.0, rect.y as usize + example.corner_px.1);
        let mut html = format!(
            "<figure class=\"example\">\n<figcaption>family {}: {:.2} dB; {} × {} pixels at {x}, {y}</figcaption>\n",
            example.loss.id,
            psnr_from_mse(example.loss.y_mse),
            example.original.width,
            example.original.height
        );
        let difference = example.original.difference(&example.decoded, GAIN);
        let parts =
            [("source", &example.original), ("decoded", &example.decoded), ("difference", &difference)];
        for (name, picture) in parts {
            let (uri, width, height) = (svg::data_uri("png", &picture.png()?), picture.width, picture.height);
            let _ = writeln!(
                html,
                "<div><img alt=\"{name}\" width=\"{width}\" height=\"{height}\" src=\"{uri}\"><span>{name}</span></div>"
            );
        }
        Ok(html + "</figure>\n")
    }

    fn rate_curve(&self, losses: &Losses) -> Result<String> {
        if self.curve.is_empty() {
            return Ok(String::new());
        }
        let params = &self.archive.meta().encode;
        let encoded = CurvePoint {
            quality: params.residual_quality,
            bytes: self.archive.file_bytes(),
            y_psnr: losses.y_psnr(),
        };
        let mut html = format!(
            "<h2>What other qualities would give</h2>\n<p>Estimated from {} of the families; the numbers at the line are \
             qualities of the residual. Along the line the baseline has the quality that suits it; in this bundle it has {}.</p>\n<figure>{}</figure>\n<table>\n<tr><th class=\"number\">quality</th>\
             <th class=\"number\">bytes, about</th><th class=\"number\">Y-PSNR, about</th></tr>\n",
            self.sampled,
            params.base_quality,
            svg::fragment(&curve::draw(self.curve, encoded))?
        );
        for CurvePoint { quality, bytes, y_psnr } in self.curve {
            let db = if y_psnr.is_finite() { format!("{y_psnr:.2} dB") } else { "no error".into() };
            let _ = writeln!(
                html,
                "<tr><td class=\"number\">{quality}</td><td class=\"number\">{}</td><td class=\"number\">{db}</td></tr>",
                human_bytes(*bytes)
            );
        }
        Ok(html + "</table>\n")
    }

    fn settings(&self) -> String {
        let mut html = String::from("<h2>Parameters</h2>\n<table>\n");
        for (name, text) in settings::rows(self.archive.meta()) {
            let _ = writeln!(html, "<tr><td>{name}</td><td>{}</td></tr>", svg::escape(&text));
        }
        html + "</table>\n"
    }
}
