//! One line of advice after an encode with the defaults, where the measurements say that a preset is smaller at the same quality.

use origami::codec::ImageRole;
use origami::quality::presets::Preset;

/// A measured set of parameters: `README.md` has its size and quality, `evals/results/quick/timing.md` its time.
struct Measured {
    bytes: u64,
    /// PSNR of L0 luma in dB.
    y_psnr: f64,
    /// Time of an encode, divided by that of the defaults.
    time: f64,
}

/// The slide of the table.
const SLIDE: &str = "CMU-1-Small-Region";
/// The flags' defaults.
const DEFAULTS: Measured = Measured { bytes: 746_869, y_psnr: 40.11, time: 1.0 };
/// The presets that lose something.
const PRESETS: [(Preset, Measured); 3] = [
    (Preset::Archive, Measured { bytes: 747_126, y_psnr: 43.94, time: 1.56 }),
    (Preset::Balanced, Measured { bytes: 577_178, y_psnr: 40.14, time: 1.18 }),
    (Preset::Small, Measured { bytes: 360_380, y_psnr: 36.74, time: 1.32 }),
];
/// A difference in dB that nobody sees.
const SAME_DB: f64 = 0.1;

/// The advice; `None` where no preset of this build is better.
pub fn advice() -> Option<String> {
    let as_good = |(_, measured): &&(Preset, Measured)| {
        measured.bytes < DEFAULTS.bytes && (measured.y_psnr - DEFAULTS.y_psnr).abs() <= SAME_DB
    };
    let built = |(preset, _): &&(Preset, Measured)| {
        preset.params().validate().is_ok() && preset.params().encoder.encoder(ImageRole::Baseline).is_ok()
    };
    let (preset, Measured { bytes, time, .. }) =
        PRESETS.iter().filter(as_good).filter(built).min_by_key(|(_, measured)| measured.bytes)?;
    let saved = 100.0 * (1.0 - *bytes as f64 / DEFAULTS.bytes as f64);
    Some(format!(
        "--preset {} makes it about {saved:.0}% smaller at the same quality and takes about {:.1} times as long to encode \
         (measured on {SLIDE}); --estimate measures it on this slide",
        preset.name(),
        time / DEFAULTS.time,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The cells of the rows of a table in a page of the repository that begin with `label`.
    fn row(page: &str, label: &str) -> Vec<String> {
        let text = std::fs::read_to_string(format!("{}/{page}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        let row = text.lines().find(|line| line.starts_with(&format!("| {label}")));
        let row = row.unwrap_or_else(|| panic!("{page}: no row {label:?}"));
        row.trim_matches('|').split('|').map(|cell| cell.trim().replace(',', "")).collect()
    }

    #[test]
    fn the_figures_are_those_of_the_committed_tables() {
        let size = |label: &str| {
            let row = row("README.md", label);
            (row[1].parse::<u64>().unwrap(), row[3].parse::<f64>().unwrap())
        };
        let time = |label: &str| row("evals/results/quick/timing.md", label)[2].parse::<f64>().unwrap();
        assert_eq!((DEFAULTS.bytes, DEFAULTS.y_psnr), size("defaults"));
        assert_eq!(DEFAULTS.time, time("defaults"));
        for (preset, measured) in &PRESETS {
            let name = preset.name();
            assert_eq!((measured.bytes, measured.y_psnr), size(&format!("`--preset {name}` |")), "{name}");
            assert_eq!(measured.time, time(&format!("preset {name}")), "{name}");
        }
        let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
        assert!(readme.contains(SLIDE));
    }

    #[test]
    fn the_smallest_preset_of_the_same_quality_is_named_with_its_price() {
        let advice = advice().unwrap();
        for said in ["--preset balanced", "about 23% smaller at the same quality", "about 1.2 times as long"]
        {
            assert!(advice.contains(said), "{advice}");
        }
    }
}
