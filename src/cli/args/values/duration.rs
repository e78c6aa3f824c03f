//! Durations: `500ms`, `90s`, `15m`, `12h`, `7d`.

use std::ops::RangeInclusive;
use std::time::Duration;

/// One millisecond.
pub const MILLISECOND: Duration = Duration::from_millis(1);
/// One second.
pub const SECOND: Duration = Duration::from_secs(1);
/// One hour.
pub const HOUR: Duration = Duration::from_secs(3600);
/// One day.
pub const DAY: Duration = Duration::from_secs(86_400);

/// Units and their milliseconds, the longest first.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

/// A duration of a range: a whole number and its unit. A number without one counts in units of `bare`; `None`: it is refused.
pub fn duration(
    bare: Option<Duration>,
    range: RangeInclusive<Duration>,
) -> impl Fn(&str) -> Result<Duration, String> + Clone {
    move |text| {
        let Some(duration) = read(text, bare) else {
            let without = match bare {
                Some(unit) => format!("without a unit it is in {}", if unit == SECOND { "s" } else { "ms" }),
                None => "the unit must be there".into(),
            };
            return Err(format!(
                "a duration is a whole number and a unit (ms, s, m, h, d), such as 90s or 15m; {without}"
            ));
        };
        match range.contains(&duration) {
            true => Ok(duration),
            false => {
                Err(format!("it must be a duration from {} to {}", name(*range.start()), name(*range.end())))
            }
        }
    }
}

/// `None` for what is no duration.
fn read(text: &str, bare: Option<Duration>) -> Option<Duration> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let number = number.parse::<u64>().ok()?;
    let unit_ms = match unit {
        "" => bare?.as_millis() as u64,
        _ => UNITS.iter().find(|(name, _)| *name == unit)?.1,
    };
    Some(Duration::from_millis(number.saturating_mul(unit_ms)))
}

/// A duration in the longest unit in which it is whole.
fn name(duration: Duration) -> String {
    let ms = duration.as_millis() as u64;
    match UNITS.iter().find(|(_, unit)| ms > 0 && ms.is_multiple_of(*unit)) {
        Some((name, unit)) => format!("{}{name}", ms / unit),
        None => "0".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_with_their_unit() {
        let valid = duration(None, SECOND..=100 * DAY);
        for (text, seconds) in [("90s", 90), ("30m", 1800), ("12h", 43_200), ("7d", 604_800), ("2000ms", 2)] {
            assert_eq!(valid(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "h", "12", "-1h", "+1h", "1.5h", "12H", "1w", "1h30m", "12 h", "7\u{e4}"] {
            let refused = valid(text).unwrap_err();
            assert!(refused.contains("90s or 15m") && refused.ends_with("the unit must be there"), "{text}");
        }
        for text in ["0s", "999ms", "101d", "99999999999999999999d"] {
            assert!(valid(text).is_err(), "{text}");
        }
        assert_eq!(valid("18446744073709551615d"), Err("it must be a duration from 1s to 100d".into()));
    }

    #[test]
    fn a_bare_number_has_the_unit_of_its_flag() {
        let timeout = duration(Some(MILLISECOND), Duration::ZERO..=HOUR);
        assert_eq!(timeout("5000"), Ok(Duration::from_secs(5)));
        assert_eq!(timeout("5s"), timeout("5000"));
        assert_eq!(timeout("2h"), Err("it must be a duration from 0 to 1h".into()));
        assert!(timeout("soon").unwrap_err().ends_with("it is in ms"));
        let interval = duration(Some(SECOND), Duration::ZERO..=DAY);
        assert_eq!(interval("30"), Ok(Duration::from_secs(30)));
        assert_eq!(interval("500ms"), Ok(Duration::from_millis(500)));
    }
}
