//! Points in time as RFC 3339 writes them, in UTC.

use chrono::{DateTime, SecondsFormat};

/// `2026-01-31T12:00:00Z` of milliseconds since 1970.
pub fn text(ms: u64) -> String {
    let time = i64::try_from(ms).ok().and_then(DateTime::from_timestamp_millis);
    time.unwrap_or(DateTime::UNIX_EPOCH).to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn points_in_time_are_those_of_the_calendar() {
        assert_eq!(text(0), "1970-01-01T00:00:00Z");
        assert_eq!(text(951_827_696_789), "2000-02-29T12:34:56Z");
        assert_eq!(text(1_767_225_599_000), "2025-12-31T23:59:59Z");
        assert_eq!(text(4_107_542_400_000), "2100-03-01T00:00:00Z");
    }
}
