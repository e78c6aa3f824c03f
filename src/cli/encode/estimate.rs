//! `encode --estimate`: what the flags given and each preset would come to, measured on a sample of families.

use std::path::Path;

use anyhow::{Result, bail};
use origami::backend::Backend;
use origami::backend::scheduler::Scheduler;
use origami::codec::ImageRole;
use origami::encode::{Estimate, estimate};
use origami::params::EncodeParams;
use origami::pyramid::TileMetadata;
use origami::pyramid::source::Source;
use origami::quality::estimate::{CONFIDENCE, Interval};
use origami::quality::presets::Preset;
use serde_json::{Value, json};

use super::one::Run;
use super::summary::source_words;
use crate::cli::args::coding::CodingArgs;
use crate::cli::batch::Outcome;
use crate::cli::inputs::Input;
use crate::cli::print::{human_bytes, say};
use crate::cli::progress::Work;

/// Estimates what an encode of one input would come to, and prints it.
pub fn run(run: &Run<'_>, input: &Input) -> Result<Outcome> {
    let args = run.args;
    let source = args.open_source(input)?;
    let own = run.own_backend(run.families(&source))?;
    let Some(opened) = run.shared.as_ref().or(own.as_ref()) else { bail!("no backend") };
    let progress = Work::families(&input.path.to_string_lossy(), 0, args.work.progress());
    let estimates = Estimates {
        open: &|lossless| args.open_for(input, lossless),
        coding: &args.coding,
        limit: args.max_parents,
        backend: &*opened.backend,
        scheduler: &run.scheduler,
        progress: &|done, of| progress.set_of(done, of),
    };
    let rows = estimates.rows()?;
    progress.finish();
    if args.work.summary() {
        say!("{}", input.path.display());
        text(&source, &rows)?.iter().for_each(|line| say!("{line}"));
    }
    Ok(Outcome::good(object(&input.path, &source, &rows, &*opened.backend)?))
}

/// A row of the table.
struct Row {
    /// The preset's name, `defaults`, or `these flags`.
    name: &'static str,
    params: EncodeParams,
    estimate: Estimate,
}

/// What is estimated, and by what.
struct Estimates<'a> {
    /// Opens the source, for a lossless encode or for any other.
    open: &'a dyn Fn(bool) -> Result<Source>,
    /// The flags given.
    coding: &'a CodingArgs,
    /// Most families to encode.
    limit: Option<u64>,
    backend: &'a dyn Backend,
    scheduler: &'a Scheduler,
    /// Takes the number of steps done and of all.
    progress: &'a dyn Fn(u64, u64),
}

impl Estimates<'_> {
    /// A row for the flags given, then one for each preset that this build and this source allow.
    fn rows(&self) -> Result<Vec<Row>> {
        let given = self.coding.params();
        let name = match Preset::of(&given) {
            Some(preset) => preset.name(),
            None if given == EncodeParams::default() => "defaults",
            None => "these flags",
        };
        let presets = Preset::ALL.map(|preset| (preset.name(), preset.params()));
        let others = presets.into_iter().filter(|(_, params)| *params != given && is_built(params));
        let all: Vec<_> = [(name, given.clone())].into_iter().chain(others).collect();
        let (lossless, coded): (Vec<_>, Vec<_>) = all.into_iter().partition(|(_, params)| params.originals);
        let mut rows = self.measure(false, coded)?;
        match (given.originals, self.takes_tiles()) {
            // The error says why this source has no tiles that can be stored.
            (true, _) => rows.splice(0..0, self.measure(true, lossless)?).for_each(drop),
            (false, true) => rows.extend(self.measure(true, lossless)?),
            (false, false) => {}
        }
        Ok(rows)
    }

    /// Whether the source has JPEG tiles that a lossless encode can store.
    fn takes_tiles(&self) -> bool {
        (self.open)(true).is_ok_and(|source| source.check_originals(TileMetadata::Strip).is_ok())
    }

    fn measure(&self, lossless: bool, settings: Vec<(&'static str, EncodeParams)>) -> Result<Vec<Row>> {
        let params: Vec<_> = settings.iter().map(|(_, params)| params.clone()).collect();
        let open = || (self.open)(lossless);
        let estimates = estimate(&open, &params, self.limit, self.backend, self.scheduler, self.progress)?;
        let rows = settings.into_iter().zip(estimates);
        Ok(rows.map(|((name, params), estimate)| Row { name, params, estimate }).collect())
    }
}

/// Whether this build has the encoders of these parameters.
fn is_built(params: &EncodeParams) -> bool {
    params.validate().is_ok()
        && params.encoder.encoder(ImageRole::Baseline).is_ok()
        && params.residual_encoder().encoder(ImageRole::Residual).is_ok()
}

/// The table as lines of text.
fn text(source: &Source, rows: &[Row]) -> Result<Vec<String>> {
    let (source_bytes, Some(first)) = (source.identity()?.bytes, rows.first()) else { return Ok(Vec::new()) };
    let Estimate { measured, families, .. } = first.estimate;
    let how = match measured < families {
        true => format!(
            "{measured} of {families} families measured; the intervals hold with {:.0}% confidence",
            100.0 * CONFIDENCE
        ),
        false if families == 1 => "its one family measured".into(),
        false => format!("all {families} families measured"),
    };
    let mut lines = vec![format!("{}; {how}", source_words(source.kind(), source_bytes))];
    let header = ["", "bundle size", "ratio", "Y-PSNR in dB", "encode time"];
    let cells = rows.iter().map(|row| row.cells(source_bytes)).collect::<Vec<_>>();
    for row in std::iter::once(header.map(String::from)).chain(cells) {
        let [name, bytes, ratio, db, time] = row;
        lines.push(format!("  {name:<12} {bytes:>18} {ratio:>7} {db:>16} {time:>20}").trim_end().into());
    }
    Ok(lines)
}

impl Row {
    fn cells(&self, source_bytes: u64) -> [String; 5] {
        let Estimate { bytes, y_psnr, seconds, .. } = &self.estimate;
        let spread = percent(bytes).map_or_else(String::new, |percent| format!(" \u{b1} {percent}"));
        let db = match y_psnr {
            None => "lossless".into(),
            Some(db) if db.value.is_infinite() => "no error".into(),
            Some(db) if db.high - db.low < 0.005 => format!("{:.2}", db.value),
            Some(db) => format!("{:.2} \u{b1} {:.2}", db.value, (db.high - db.value).max(db.value - db.low)),
        };
        [
            self.name.into(),
            format!("{}{spread}", human_bytes(bytes.value as u64)),
            format!("{:.3}", bytes.value / source_bytes.max(1) as f64),
            db,
            format!("{} ({} to {})", duration(seconds.value), duration(seconds.low), duration(seconds.high)),
        ]
    }

    fn json(&self, source_bytes: u64) -> Value {
        let Estimate { bytes, y_psnr, seconds, measured, families } = &self.estimate;
        json!({
            "name": self.name, "preset": Preset::of(&self.params).map(Preset::name),
            "families": families, "measured": measured,
            "bundle_bytes": interval(bytes),
            "ratio": interval(&bytes.map(|bytes| bytes / source_bytes.max(1) as f64)),
            "y_psnr": y_psnr.as_ref().map(interval), "seconds": interval(seconds),
            "parameters": self.params,
        })
    }
}

/// The table as JSON.
fn object(path: &Path, source: &Source, rows: &[Row], backend: &dyn Backend) -> Result<Value> {
    let source_bytes = source.identity()?.bytes;
    Ok(json!({
        "source": path, "source_kind": source.kind(), "source_bytes": source_bytes,
        "confidence": CONFIDENCE, "backend": backend.name(),
        "estimates": rows.iter().map(|row| row.json(source_bytes)).collect::<Vec<_>>(),
    }))
}

fn interval(Interval { low, value, high }: &Interval) -> Value {
    json!({"low": low, "value": value, "high": high})
}

/// Half of an interval in percent of its value; `None` where it has no width.
fn percent(interval: &Interval) -> Option<String> {
    let Interval { low, value, high } = interval;
    let percent = 100.0 * (high - value).max(value - low) / value;
    (high > low).then(|| if percent < 9.95 { format!("{percent:.1}%") } else { format!("{percent:.0}%") })
}

/// Seconds in the unit that suits: `0.42 s`, `12 s`, `8 min`, `3.1 h`.
fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 9.95 => format!("{s:.1} s"),
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7200.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(high: f64, y_psnr: Option<Interval>) -> Row {
        let estimate = Estimate {
            bytes: Interval { low: 98_000.0, value: 100_000.0, high },
            y_psnr,
            seconds: Interval { low: 9.0, value: 12.0, high: 150.0 },
            measured: 64,
            families: 9604,
        };
        Row { name: "balanced", params: EncodeParams::default(), estimate }
    }

    #[test]
    fn a_row_has_the_larger_half_of_each_interval() {
        let db = Interval { low: 39.5, value: 40.0, high: 40.125 };
        let cells = row(105_000.0, Some(db)).cells(400_000);
        assert_eq!(cells, ["balanced", "100 kB ± 5.0%", "0.250", "40.00 ± 0.50", "12 s (9.0 s to 2 min)"]);
    }

    #[test]
    fn what_is_known_has_no_spread() {
        let exact = Row {
            estimate: Estimate {
                bytes: Interval::exact(100_000.0),
                y_psnr: Some(Interval::exact(40.0)),
                ..row(0.0, None).estimate
            },
            ..row(0.0, None)
        };
        assert_eq!(exact.cells(400_000)[..4], ["balanced", "100 kB", "0.250", "40.00"]);
        assert_eq!(row(101_000.0, None).cells(1)[3], "lossless");
        assert_eq!(row(101_000.0, Some(Interval::exact(f64::INFINITY))).cells(1)[3], "no error");
    }
}
