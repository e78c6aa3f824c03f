//! `origami jobs submit --dry-run`: what the work would come to.

use std::collections::HashSet;

use anyhow::Result;
use clap::Args;
use origami::jobs::{Unit, size};
use serde_json::json;

use crate::cli::args::values::real;
use crate::cli::json;
use crate::cli::print::{families, human_bytes, say};

/// Most megapixels a second.
const MAX_RATE: f64 = 1e9;
/// Most that an hour of a machine costs.
const MAX_PRICE: f64 = 1e6;

/// A look before the start.
#[derive(Args)]
pub struct DryArgs {
    /// Submit nothing; say how much work it is, and what it takes
    ///
    /// It opens every input. Neither a queue nor a place for results is needed.
    #[arg(long, help_heading = "Output")]
    pub dry_run: bool,
    /// What one machine does, as jobs status or bench encode measure it, for --dry-run [range: 0.001 to 1000000000] [default: none]
    #[arg(long, value_name = "RATE", value_parser = real(0.001..=MAX_RATE), requires = "dry_run")]
    #[arg(help_heading = "Output", hide_short_help = true)]
    megapixels_per_s: Option<f64>,
    /// What an hour of that machine costs, for --dry-run [range: 0 to 1000000] [default: none]
    #[arg(long, value_name = "PRICE", value_parser = real(0.0..=MAX_PRICE), requires_all = ["dry_run", "megapixels_per_s"])]
    #[arg(help_heading = "Output", hide_short_help = true)]
    price_per_hour: Option<f64>,
}

impl DryArgs {
    /// Prints what these units come to. Equal ones are one.
    pub fn print(&self, units: &[Unit], as_json: bool) -> Result<()> {
        let (mut seen, mut all, mut pixels, mut bytes) = (HashSet::new(), 0, 0u64, 0);
        for unit in units.iter().filter(|unit| seen.insert(&unit.key)) {
            let (of_unit, pixels_of_unit) = size(unit)?;
            all += of_unit;
            pixels += pixels_of_unit;
            bytes += unit.bytes;
        }
        let count = seen.len();
        let hours = self.megapixels_per_s.map(|rate| pixels as f64 / 1e6 / rate / 3600.0);
        let cost = hours.zip(self.price_per_hour).map(|(hours, price)| hours * price);
        if as_json {
            let body = json!({
                "units": count, "families": all, "pixels": pixels, "source_bytes": bytes, "hours": hours, "cost": cost,
            });
            return Ok(json::print("jobs submit --dry-run", body)?);
        }
        let units = if count == 1 { "1 unit".into() } else { format!("{count} units") };
        say!("{units}: {}, {:.1} megapixels, {}", families(all), pixels as f64 / 1e6, human_bytes(bytes));
        if let Some(hours) = hours {
            let cost = cost.map_or(String::new(), |cost| format!(", {cost:.2} in all"));
            say!("{hours:.2} hours of one machine at this rate{cost}");
        }
        Ok(())
    }
}
